"""Inspections in reports: the table, the heat map, and what is picked up from a run's folder."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from inspection_made import CONNECTIONS, connection, inspected, inspection
from run_made import make_run

from pnn_keras.errors import UserError
from pnn_keras.experiments import Study
from pnn_keras.report import write_inspection, write_report
from pnn_keras.report.inspections import read_inspections
from pnn_keras.report.sensitivity import connections_table, heat_map, stamp_of
from pnn_keras.report.table import as_csv

NONE = [connection(1, "emotion", 0.75, None), connection(1, "gender", 0.25, None)]


def texts(axis) -> list[str]:
    return [text.get_text() for text in axis.texts]


def panels(result):
    """The panels of AFS and APS, a pair for each task."""
    axes = [axis for axis in heat_map(result, "x").figure.axes if axis.get_title()]
    return list(zip(axes[::2], axes[1::2], strict=True))


def test_the_table_holds_every_connection_unrounded():
    rows = list(csv.DictReader(as_csv(connections_table(inspection(), "x")).splitlines()))
    assert len(rows) == len(CONNECTIONS)
    assert [float(row["afs"]) for row in rows] == [each["afs"] for each in CONNECTIONS]
    assert rows[3]["layer"] == "output" and rows[3]["source_layer"] == "hidden 2"


def test_what_is_undefined_is_empty_in_the_table():
    result = inspection({"emotion": inspected(connections=NONE)})
    (first, _) = csv.DictReader(as_csv(connections_table(result, "x")).splitlines())
    assert first["aps"] == first["precision"] == ""


def test_cells_stand_where_column_and_layer_meet():
    ((afs, aps),) = panels(inspection())
    rows = [label.get_text() for label in afs.get_yticklabels()]
    layers = [label.get_text() for label in afs.get_xticklabels()]
    assert (rows, layers) == (["gender", "speaker", "emotion"], ["hidden 2", "output"])
    drawn = np.ma.filled(afs.images[0].get_array(), np.nan)
    np.testing.assert_array_equal(drawn, [[0.25, 0.375], [np.nan, 0.125], [0.75, 0.5]])
    assert sorted(texts(aps)) == ["0.00", "0.20", "0.30", "0.70", "0.80"]


def test_undefined_shares_are_grey_and_said_to_be():
    ((afs, aps),) = panels(inspection({"emotion": inspected(connections=NONE)}))
    assert aps.get_title() == "emotion: APS, undefined" and not texts(aps)
    assert afs.get_title() == "emotion: AFS"


def test_every_target_has_its_pair_of_panels():
    tasks = {"gender": inspected(connections=NONE), "emotion": inspected()}
    titles = [afs.get_title() for afs, _ in panels(inspection(tasks))]
    assert titles == ["gender: AFS", "emotion: AFS"]


def test_the_picture_has_its_numbers_in_words():
    assert "AFS of emotion, output: gender 0.375" in heat_map(inspection(), "x").alt


def test_an_inspection_that_was_adapted_is_stamped():
    assert stamp_of(inspection(transductive=True)) == "held out, transductive"
    earlier = {name: value for name, value in inspection().items() if name != "transductive"}
    assert stamp_of(earlier) == "held out"


def test_an_inspection_is_written_as_json_csv_and_pictures(tmp_path):
    out = write_inspection(inspection(), tmp_path / "there")
    assert {path.name for path in out.iterdir()} == {
        "sensitivity.json",
        "sensitivity.png",
        "sensitivity.svg",
        "table.csv",
    }
    assert json.loads((out / "sensitivity.json").read_text()) == inspection()


def test_a_folder_that_exists_is_left_alone(tmp_path):
    with pytest.raises(UserError, match="exists already"):
        write_inspection(inspection(), tmp_path)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("run"))
    write_inspection(inspection(), folder / "sensitivity-my chain")
    write_inspection(inspection(held_out="not held out", model=None), folder / "sensitivity-b")
    return folder


@pytest.fixture(scope="module")
def page(run):
    return write_report(run)


@pytest.fixture(scope="module")
def sections(page):
    tree = ElementTree.fromstring(page.read_text(encoding="utf-8"))
    return {section.get("id"): section for section in tree.iter("section")}


def text_of(element) -> str:
    return " ".join("".join(element.itertext()).split())


def test_a_run_s_report_has_a_section_for_each_inspection_in_its_folder(sections):
    assert list(sections)[-3:] == ["sensitivity-b", "sensitivity-my-chain", "about"]
    section = sections["sensitivity-my-chain"]
    assert section.find("h2").text == "Which connections matter: mine on RAVDESS"
    assert len(list(section.iter("tr"))) > len(CONNECTIONS)
    assert section.find(".//img").get("src").startswith("data:image/svg+xml")


def test_what_is_said_of_an_inspection_stands_in_the_report(sections):
    assert "UAR of emotion here: 0.500" in text_of(sections["sensitivity-my-chain"])


def test_an_inspection_is_stamped_in_the_report(sections):
    held, heard = sections["sensitivity-my-chain"], sections["sensitivity-b"]
    assert held.find("p").text == "held out" and "sound" in held.find("p").get("class")
    assert heard.find("p").text == "NOT held out" and "sound" not in heard.find("p").get("class")
    assert "RAVDESS: NOT held out" in text_of(heard.find(".//caption"))


def test_tables_and_figures_of_inspections_lie_beside_the_others(page):
    for name in ("tables/sensitivity-b.csv", "tables/sensitivity-b.tex"):
        assert (page.parent / name).is_file()
    assert (page.parent / "figures" / "sensitivity-my-chain.png").is_file()


def unfinished_run(folder):
    """A run of which nothing is finished: its report is quickly written."""
    study = Study("emotion@made", (), ("dnn",))
    return make_run(folder, studies=[study], unfinished=[(0, "dnn", "")])


def test_a_run_without_an_inspection_has_no_such_section(tmp_path):
    page = write_report(unfinished_run(tmp_path))
    assert "Which connections" not in page.read_text(encoding="utf-8")


def test_a_report_with_a_damaged_inspection_is_refused(tmp_path):
    run = unfinished_run(tmp_path)
    damaged(run, "{")
    with pytest.raises(UserError, match="damaged"):
        write_report(run)
    assert not (run / "report").exists()


def damaged(run, text: str) -> None:
    (run / "sensitivity-a").mkdir()
    (run / "sensitivity-a" / "sensitivity.json").write_text(text)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", "{}", '{"corpus": 1, "synthetic": 0, "held_out": "", "tasks": {}}'],
)
def test_a_damaged_inspection_is_refused_by_name(tmp_path, text):
    damaged(tmp_path, text)
    with pytest.raises(UserError, match="sensitivity-a.*json is damaged.*inspect MODEL"):
        read_inspections(tmp_path)


@pytest.mark.parametrize("lost", ["afs", "aps", "layer_name", "units"])
def test_an_inspection_that_lacks_something_is_damaged(tmp_path, lost):
    result = json.loads(json.dumps(inspection()))
    del result["tasks"]["emotion"]["connections"][2][lost]
    damaged(tmp_path, json.dumps(result))
    with pytest.raises(UserError, match="is damaged"):
        read_inspections(tmp_path)
