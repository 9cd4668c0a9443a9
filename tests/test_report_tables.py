"""The tables of a report: known cells, CSV, the numbers of the paper."""

from __future__ import annotations

import csv
import dataclasses
import io

import pytest
from run_made import EMOTIONS, make_run

from pnn_keras.experiments import Study, read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.report.paper import published
from pnn_keras.report.run_tables import folds_table, protocols_table, role_counts
from pnn_keras.report.study_tables import (
    all_tests_table,
    controls_table,
    forgetting_table,
    recalls_table,
    repeats_table,
    scores_table,
    speakers_table,
    study_tables,
)
from pnn_keras.report.table import Column, Table, as_csv, as_html, words
from pnn_keras.task import PAPER_CLASSES

METHODS = ("logistic-regression", "dnn", "dnn-large", "ptft", "prognet", "prognet-random")
RIGHT = {
    "logistic-regression": 4,
    "dnn": 5,
    "dnn-large": 5,
    "ptft": [5, 6],
    "prognet": [7, 8],
    "prognet-random": [7, 8],
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    studies = [Study("emotion@made", ("speaker@made", "gender@made"), METHODS)]
    folder = tmp_path_factory.mktemp("run")
    return read_run(make_run(folder, RIGHT, studies=studies, repeats=2, forgotten=2))


@pytest.fixture(scope="module")
def analysis(run):
    return analyse(run.studies[0])


def cells(table, *names):
    """The cells of the row that begins with these words, by the titles of their columns."""
    (row,) = [r for r in table.rows if tuple(c.shown for c in r[: len(names)]) == names]
    return {column.title: cell.shown for column, cell in zip(table.columns, row, strict=True)}


def read(table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(table))))


def test_the_main_table_has_known_cells(analysis, run):
    row = cells(scores_table(analysis, run.experiment), "gender@made", "ProgNet")
    assert row["UAR [95 %]"] == "0.750 [0.720, 0.780]"
    assert row["UAR of folds"].startswith("0.750 ± 0.0")
    assert (row["Absent"], row["Weights"], row["Epoch"]) == ("0", "1,007", "3")
    assert row["Difference [95 %]"] == "+0.250 [+0.220, +0.280]"
    # 2 / 2 ** 10, the smallest of 8 comparisons, four of which are as small or smaller.
    assert (row["p"], row["p (Holm)"], row["d_z"]) == ("0.002", "0.016 *", "+4.74")


def test_the_network_from_scratch_is_compared_with_nothing(analysis, run):
    row = cells(scores_table(analysis, run.experiment), "–", "DNN")
    assert (row["Difference [95 %]"], row["p"], row["p (Holm)"]) == ("–", "–", "–")


def test_what_learns_from_no_source_comes_first(analysis, run):
    rows = scores_table(analysis, run.experiment).rows
    assert [tuple(cell.shown for cell in row[:2]) for row in rows] == [
        ("–", "Logistic regression"),
        ("–", "DNN"),
        ("–", "DNN, as many weights as ProgNet"),
        ("speaker@made", "PT/FT"),
        ("speaker@made", "ProgNet"),
        ("speaker@made", "ProgNet, random column"),
        ("gender@made", "PT/FT"),
        ("gender@made", "ProgNet"),
        ("gender@made", "ProgNet, random column"),
    ]


def test_the_main_table_is_stamped(analysis, run):
    caption = scores_table(analysis, run.experiment).caption
    assert caption.endswith("UAR of 300 utterances (speaker-disjoint, not transductive)")


def test_each_control_is_held_against_prognet(analysis):
    table = controls_table(analysis)
    found = [(r[0].shown, r[3].shown, r[5].shown) for r in table.rows if r[1].shown == "ProgNet"]
    assert [control for source, control, _ in found if source == "gender@made"] == [
        "DNN, as many weights as ProgNet",
        "PT/FT",
        "ProgNet, random column",
        "Logistic regression",
    ]
    assert ("gender@made", "ProgNet, random column", "0.000 [0.000, 0.000]") in found


def test_the_controls_of_a_chain_are_those_that_it_has(tmp_path):
    methods = (
        "dnn",
        "dnn-large",
        "ptft",
        "prognet",
        "prognet-rescaled",
        "prognet-random-rescaled",
    )
    studies = [Study("emotion@made", (), methods, from_model="mine")]
    study = read_run(make_run(tmp_path, studies=studies)).studies[0]
    table = controls_table(analyse(study, draws=50))
    rescaled = [row[3].shown for row in table.rows if row[1].shown == "ProgNet, chain rescaled"]
    assert rescaled == [
        "DNN, as many weights as ProgNet",
        "PT/FT",
        "ProgNet",
        "ProgNet, random column rescaled",
    ]
    assert "random columns that are scaled as the chain's are" in table.notes[0]
    assert "shuffled" not in table.notes[0]


def test_recalls_and_sexes_have_known_cells(analysis):
    row = cells(recalls_table(analysis), "gender@made", "ProgNet")
    assert [row[name] for name in EMOTIONS] == ["0.750"] * 3
    # Women answer as the even speakers, men as the odd ones.
    assert (row["UAR, female"], row["UAR, male"]) == ("0.700", "0.800")


def test_forgetting_has_known_cells(analysis):
    table = forgetting_table(analysis)
    lost = cells(table, "gender@made", "PT/FT")
    assert (lost["UAR before"], lost["UAR after"], lost["Lost"]) == ("1.000", "0.900", "0.100")
    kept = cells(table, "gender@made", "ProgNet")
    assert (kept["Lost"], kept["Unchanged"]) == ("0.000", "yes")


def test_every_speaker_has_a_row(analysis):
    rows = read(speakers_table(analysis))
    assert len(rows) == 10
    assert rows[1]["speaker"] == "made/s1" and rows[1]["sex"] == "male"
    assert float(rows[1]["uar_prognet_from_gender@made"]) == pytest.approx(0.8)


def test_every_test_is_listed_the_primary_one_first(analysis):
    rows = [r for r in read(all_tests_table(analysis)) if r["method"] == "PT/FT"]
    assert [r["primary"] for r in rows[:4]] == ["True", "False", "False", "False"]
    assert rows[0]["test"] == "sign-flip test, exact"


def test_csv_is_not_rounded(analysis, run):
    rows = read(scores_table(analysis, run.experiment))
    row = next(r for r in rows if (r["source"], r["method"]) == ("gender@made", "ProgNet"))
    assert float(row["p"]) == 2 / 2**10
    assert row["significant_after_holm"] == "True"
    assert next(r for r in rows if r["method"] == "DNN")["p"] == ""


def test_the_protocol_is_told(run):
    (row,) = read(protocols_table(run))
    assert row["stamp"] == "speaker-disjoint, not transductive"
    assert (row["folds"], row["repeats"], row["test_speakers"]) == ("5", "2", "2")


def test_roles_are_counted_by_sex(run):
    counts = role_counts(run, run.studies[0])
    tested = [each for each in counts if each.role == "test"]
    assert sum(each.utterances for each in tested) == 2 * 300
    assert sum(each.speakers for each in tested if each.sex == "male") == 2 * 5
    assert len(folds_table(run.studies[0], counts).rows) == len(counts)


def test_html_of_a_table_has_heads_and_groups():
    columns = (Column("Source", ("source",), text=True), Column("Method", ("method",), text=True))
    table = Table("t", "C & D", columns, ((words("a<b"), words("x")),), grouped=True)
    shown = as_html(table)
    assert "<span>C &amp; D</span>" in shown
    assert '<th scope="rowgroup" class="group" colspan="1">source: a&lt;b</th>' in shown
    assert '<th scope="row" class="text">x</th>' in shown


def test_html_has_the_effect_size_as_mathematics_and_intervals_in_one_piece():
    columns = (Column("d_z", ("dz",)), Column("a/b", ("uar",)))
    row = (words("bad_zone"), words("0.5 [0.4, 0.6]"))
    shown = as_html(Table("t", "C", columns, (row,), ("d_z: an effect.",)))
    assert '<th scope="col">d<sub>z</sub></th>' in shown
    assert '<p class="note">d<sub>z</sub>: an effect.</p>' in shown
    assert "bad_zone" in shown and "a/<wbr />b" in shown
    assert '0.5 <span class="whole">[0.4, 0.6]</span>' in shown


def test_a_folded_table_is_opened_by_its_caption():
    table = Table("t", "C & D", (Column("x", ("x",)),), ((words("1"),),), folded=True)
    shown = as_html(table)
    assert shown.startswith("<details><summary>C &amp; D</summary>")
    assert shown.endswith("</details>")


@pytest.fixture(scope="module")
def like_the_paper(tmp_path_factory):
    study = Study(
        "emotion@IEMOCAP",
        ("speaker@IEMOCAP", "gender@IEMOCAP"),
        ("dnn", "ptft", "prognet", "prognet-random"),
        "paper-10-fold",
    )
    return read_run(
        make_run(
            tmp_path_factory.mktemp("paper"),
            studies=[study],
            corpora=["IEMOCAP"],
            emotions=PAPER_CLASSES,
            name="paper-table-2",
            scaling="corpus",
        )
    )


def test_the_papers_numbers_stand_beside_ones_own(like_the_paper):
    table = scores_table(analyse(like_the_paper.studies[0]), like_the_paper.experiment)
    assert cells(table, "–", "DNN")["In the paper"] == "0.640 ± 0.017"
    assert cells(table, "speaker@IEMOCAP", "ProgNet")["In the paper"] == "0.657 ± 0.018"
    assert cells(table, "gender@IEMOCAP", "PT/FT")["In the paper"] == "0.640 ± 0.016"
    assert cells(table, "gender@IEMOCAP", "ProgNet, random column")["In the paper"] == "–"
    assert any("Gideon" in note for note in table.notes)
    assert table.caption.endswith("(speaker-dependent, transductive)")


def test_the_papers_numbers_belong_to_its_corpora_and_experiments(like_the_paper, run):
    study = like_the_paper.studies[0]
    assert published("paper-table-2", study, "ptft", "emotion@MSP-IMPROV") is None
    assert published("paper-table-2", study, "dnn", "") == (0.640, 0.017)
    assert published("mine", study, "dnn", "") is None
    assert published("paper-table-2", run.studies[0], "dnn", "") is None
    scores = scores_table(analyse(run.studies[0]), run.experiment)
    assert "In the paper" not in [column.title for column in scores.columns]


@pytest.mark.parametrize(
    "change",
    [
        {"classes": ("angry", "happy", "sad")},
        {"protocol": {"name": "speaker-5-fold"}},
        {"training_parts": 4},
    ],
)
def test_the_paper_reports_nothing_on_other_classes_folds_or_amounts(like_the_paper, change):
    study = dataclasses.replace(like_the_paper.studies[0], **change)
    assert published("paper-table-2", study, "dnn", "") is None


def test_figure_4_is_known_by_corpus_method_and_amount(tmp_path):
    studies = [
        Study("emotion@MSP-IMPROV", ("emotion@IEMOCAP",), ("dnn", "prognet"), "paper-10-fold", n)
        for n in (1, 8)
    ]
    run = make_run(
        tmp_path,
        studies=studies,
        corpora=["IEMOCAP", "MSP-IMPROV"],
        emotions=PAPER_CLASSES,
        name="paper-figure-4",
    )
    few, many = read_run(run).studies
    assert published("paper-figure-4", few, "prognet", "emotion@IEMOCAP") == (0.516, None)
    assert published("paper-figure-4", many, "dnn", "") == (0.584, None)
    assert published("paper-figure-4", many, "prognet", "gender@MSP-IMPROV") is None


def test_a_file_of_scores_says_in_every_row_what_they_are_worth(run, analysis):
    (table,) = [t for t in study_tables(analysis, run.experiment) if t.name.endswith("scores")]
    rows = list(csv.DictReader(io.StringIO(as_csv(table))))
    assert {row["stamp"] for row in rows} == {"speaker-disjoint, not transductive"}
    assert [row["source"] for row in rows if row["method"] == "DNN"] == [""]


def test_every_repeat_has_its_uar_in_a_file(run, analysis):
    rows = [[cell.shown for cell in row] for row in repeats_table(analysis).rows]
    assert [row[2:] for row in rows if row[1] == "DNN"] == [["1", "0.500"], ["2", "0.500"]]


def test_the_spread_over_repeats_stands_in_the_main_table(run, analysis):
    table = scores_table(analysis, run.experiment)
    place = [column.title for column in table.columns].index("SD of repeats")
    assert {row[place].shown for row in table.rows} == {"0.000"}


def test_where_the_sexes_are_the_classes_no_uar_of_a_sex_is_shown(tmp_path):
    studies = [Study("gender@made", (), ("dnn",), "paper-10-fold")]
    found = read_run(make_run(tmp_path, studies=studies))
    table = recalls_table(analyse(found.studies[0]))
    assert [column.title for column in table.columns[2:]] == ["female", "male"]
