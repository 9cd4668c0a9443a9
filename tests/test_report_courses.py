"""The tables behind the figures of how scores grow: over epochs, and over the amount of data."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree

import pytest
from run_made import EPOCHS, make_run, make_run_of_amounts

from pnn_keras.experiments import read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.report import course_tables, write_report
from pnn_keras.report.course_figures import traced_uar
from pnn_keras.report.table import Table, as_csv

RIGHT = {"dnn": 5, "ptft": [5, 6], "prognet": [7, 8]}


def read(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(table))))


@pytest.fixture(scope="module")
def traced(tmp_path_factory):
    """The analysis of a study whose courses were recorded, over two repeats."""
    run = make_run(tmp_path_factory.mktemp("traced"), RIGHT, curves=True, repeats=2)
    return analyse(read_run(run).studies[0], draws=50)


@pytest.fixture(scope="module")
def amounts(tmp_path_factory):
    """The folder of a run with three amounts of data."""
    return make_run_of_amounts(tmp_path_factory.mktemp("amounts"), RIGHT)


@pytest.fixture(scope="module")
def amounts_table(amounts):
    run = read_run(amounts)
    analyses = [analyse(study, draws=50) for study in run.studies]
    (table,) = course_tables.amounts_tables(analyses, run.experiment)
    return table


def test_amounts_have_a_row_for_each_amount_source_and_method(amounts_table):
    rows = read(amounts_table)
    assert [row["parts"] for row in rows] == ["1"] * 3 + ["2"] * 3 + ["4"] * 3
    assert [row["method"] for row in rows[:3]] == ["DNN", "PT/FT", "ProgNet"]
    assert [row["source"] for row in rows[:3]] == ["", "emotion@one", "emotion@one"]


def test_amounts_have_scores_differences_and_stamps(amounts_table):
    row = read(amounts_table)[2]
    assert float(row["uar"]) == pytest.approx(0.75)
    assert float(row["uar_low"]) <= 0.75 <= float(row["uar_high"])
    assert float(row["difference"]) == pytest.approx(0.25)
    assert float(row["p"]) <= float(row["p_holm"])
    assert row["stamp"] == "speaker-dependent, not transductive"


def test_the_network_from_scratch_differs_from_nothing_at_any_amount(amounts_table):
    rows = [row for row in read(amounts_table) if row["method"] == "DNN"]
    assert {(row["difference"], row["p"], row["p_holm"]) for row in rows} == {("", "", "")}


def test_every_epoch_has_its_uar_in_a_file(traced):
    _, table = course_tables.curve_tables(traced)
    rows = [row for row in read(table) if row["method"] == "ProgNet"]
    assert [int(row["epoch"]) for row in rows] == list(range(1, EPOCHS + 1))
    curve = traced_uar(traced.study.method("prognet", "gender@made"))
    assert [float(row["uar"]) for row in rows] == pytest.approx(curve.mean(axis=1))
    assert [float(row["uar_lowest_repeat"]) for row in rows] == pytest.approx(curve.min(axis=1))
    assert {row["stamp"] for row in rows} == {"speaker-disjoint, not transductive"}


def test_epochs_are_counted_until_the_uar_nears_that_of_the_network_from_scratch(traced):
    table, _ = course_tables.curve_tables(traced)
    # The DNN ends at .5; every method starts at one in three.
    for row in read(table):
        (result,) = [
            result
            for result in traced.study.methods
            if course_tables.method_title(result.method, result.source) == row["method"]
        ]
        curve = traced_uar(result).mean(axis=1)
        for share in (90, 95):
            epoch = int(row[f"epochs_to_{share}"])
            assert curve[epoch - 1] >= share / 100 * 0.5 > max([0, *curve[: epoch - 1]])


def test_what_never_gets_near_has_no_epoch(tmp_path):
    run = make_run(tmp_path, {"dnn": 9, "prognet": 5}, curves=True)
    table, _ = course_tables.curve_tables(analyse(read_run(run).studies[0], draws=50))
    (row,) = [row for row in read(table) if row["method"] == "ProgNet"]
    assert row["epochs_to_90"] == row["epochs_to_95"] == ""


def test_the_table_of_epochs_says_of_how_many_repeats_it_is_and_that_it_chooses_none(traced):
    table, _ = course_tables.curve_tables(traced)
    assert "reaches 90 and 95 % of the 0.500 that the DNN ends at" in table.caption
    assert "mean of 2 repeats, test rows, for looking at only" in table.caption


def test_without_courses_there_are_no_tables_of_them(tmp_path):
    analysis = analyse(read_run(make_run(tmp_path)).studies[0], draws=50)
    assert course_tables.curve_tables(analysis) == []


def test_the_table_of_amounts_is_folded_on_the_page(amounts, tmp_path):
    page = write_report(amounts, tmp_path / "out")
    tree = ElementTree.fromstring(page.read_text(encoding="utf-8"))
    (folded,) = tree.iter("details")
    assert "UAR by the amount of target data" in folded.find("summary").text
    assert folded.find(".//table") is not None and folded.get("open") is None
    endings = sorted(path.suffix for path in (page.parent / "tables").glob("*-amounts.*"))
    assert endings == [".csv", ".tex"]
