"""The shapes that each fold chose, as the report shows them."""

from __future__ import annotations

import csv
import io

import pytest
from run_made import make_run

from pnn_keras.experiments import Study, read_run
from pnn_keras.nested import Tuning
from pnn_keras.report.chosen_table import chosen_table
from pnn_keras.report.latex import as_latex
from pnn_keras.report.run_tables import settings_table
from pnn_keras.report.table import as_csv, as_html
from pnn_keras.search_space import Candidate

SOURCE = "gender@made"

#: Two choices, which the folds make in turn.
CHOSEN = (
    Candidate((64, 32), {SOURCE: (16, 16)}, {SOURCE: "below"}, "adapter", 8, 0.3, 0.002),
    Candidate((128,), {SOURCE: (32,)}, {SOURCE: "last"}, "dense", None, 0.0, 0.0005),
)


def study_of(folder, chosen=CHOSEN, methods=("dnn", "dnn-tuned", "prognet-tuned"), **options):
    sources = options.pop("sources", (SOURCE,))
    studies = [Study("emotion@made", sources, methods)]
    return read_run(make_run(folder, studies=studies, chosen=chosen, **options)).studies[0]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return chosen_table(study_of(tmp_path_factory.mktemp("run"), repeats=2))


def rows_of(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(table))))


def test_every_fold_of_every_method_that_searches_has_a_row(table):
    rows = rows_of(table)
    assert [row["method"] for row in rows] == [
        *["DNN, shape searched in each fold"] * 10,
        *["ProgNet, shape searched in each fold from gender@made"] * 10,
    ]
    assert [(row["repeat"], row["fold"]) for row in rows[4:7]] == [
        ("1", "5"),
        ("2", "1"),
        ("2", "2"),
    ]


def test_a_row_holds_what_the_fold_chose(table):
    first, second = rows_of(table)[10:12]
    assert first == {
        "method": "ProgNet, shape searched in each fold from gender@made",
        "repeat": "1",
        "fold": "1",
        "depth": "2",
        "widths": "64, 32",
        "source_widths": "16, 16",
        "reads": "below",
        "lateral": "adapter",
        "adapter_units": "8",
        "dropout": "0.3",
        "learning_rate": "0.002",
    }
    assert (second["depth"], second["widths"], second["reads"]) == ("1", "128", "last")
    assert (second["lateral"], second["adapter_units"]) == ("dense", "")


def test_without_a_source_there_is_nothing_read(table):
    first = rows_of(table)[0]
    assert first["widths"] == "64, 32"
    assert {first[name] for name in ("source_widths", "reads", "lateral", "adapter_units")} == {""}


def test_the_notes_count_what_was_chosen(table):
    scratch, prognet, _ = table.notes
    assert scratch.endswith("chosen in how many of 10 folds: depth 1 in 5, 2 in 5.")
    assert "lateral adapter in 5, dense in 5; gender@made read below in 5, last in 5." in prognet


def test_depths_are_counted_apart(tmp_path):
    chosen = [CHOSEN[0], CHOSEN[1], CHOSEN[1]]  # the five folds of one repeat: 0 1 1 0 1
    table = chosen_table(study_of(tmp_path, chosen))
    assert "of 5 folds: depth 1 in 3, 2 in 2." in table.notes[0]


def test_of_several_sources_each_is_named(tmp_path):
    pair = "speaker@made+gender@made"
    both = Candidate(
        (8,),
        {"speaker@made": (4,), SOURCE: (6,)},
        {"speaker@made": "none", SOURCE: "below"},
    )
    study = study_of(tmp_path, [both], ("prognet-tuned",), sources=(pair,))
    row = rows_of(chosen_table(study))[0]
    assert row["source_widths"] == "speaker@made 4; gender@made 6"
    assert row["reads"] == "speaker@made none; gender@made below"


def test_what_was_tried_is_among_the_settings(tmp_path):
    studies = [Study("emotion@made", (SOURCE,), ("dnn", "prognet-tuned"))]
    tuning = Tuning(depths=(1, 2), trials=7)
    run = read_run(make_run(tmp_path, studies=studies, chosen=CHOSEN, tuning=tuning))
    said = {row[0].shown: row[1].shown for row in settings_table(run).rows}
    assert said["candidates tried inside each fold"] == "7"
    assert said["of these, depths"] == "1, 2"


def test_a_study_without_a_search_has_no_such_table(tmp_path):
    assert chosen_table(study_of(tmp_path, methods=("dnn", "prognet"))) is None


def test_the_table_is_written_on_the_page_and_in_latex(table):
    assert "method: DNN, shape searched in each fold" in as_html(table)
    written = as_latex(table)
    assert r"\textit{method: ProgNet, shape searched in each fold from gender@made}" in written
    assert "64, 32 & 16, 16 & below & adapter of 8 & 0.3 & 0.002" in written
