"""The page of a report, its files, and the summary for the terminal."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ElementTree

import pytest
from browser_made import browsing
from rich.console import Console
from run_made import make_run

from pnn_keras.errors import UserError
from pnn_keras.experiments import Study
from pnn_keras.report import render_summary, write_report

RIGHT = {"dnn": 5, "ptft": [5, 6], "prognet": [7, 8]}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"), RIGHT, curves=True, forgotten=2)


@pytest.fixture(scope="module")
def page(run):
    return write_report(run)


@pytest.fixture(scope="module")
def tree(page):
    return ElementTree.fromstring(page.read_text(encoding="utf-8"))


def text_of(element) -> str:
    return " ".join("".join(element.itertext()).split())


def summary_of(run) -> str:
    console = Console(file=io.StringIO(), width=120)
    console.print(render_summary(run))
    return console.file.getvalue()


def test_the_report_lies_in_the_run_unless_told_otherwise(run, page, tmp_path):
    assert page == run / "report" / "report.html"
    assert write_report(run, tmp_path / "there") == tmp_path / "there" / "report.html"


def test_the_page_is_well_formed(tree):
    assert tree.tag == "html" and tree.get("lang") == "en"


def test_the_page_needs_nothing_beside_it(page, tree):
    for element in tree.iter():
        assert element.tag not in ("script", "link", "iframe", "object")
        assert (element.get("src") or "data:").startswith("data:")
        assert (element.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import", page.read_text(encoding="utf-8"))


def test_every_link_has_its_section(tree):
    anchors = {section.get("id") for section in tree.iter("section")}
    assert {link.get("href")[1:] for link in tree.iter("a")} == anchors


def test_headings_go_down_step_by_step(tree):
    levels = [int(e.tag[1]) for e in tree.iter() if re.fullmatch(r"h\d", e.tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(lower <= upper + 1 for upper, lower in zip(levels, levels[1:], strict=False))


def test_every_table_has_a_caption_and_every_figure_words(tree):
    assert all(text_of(table.find("caption")) for table in tree.iter("table"))
    assert all(len(image.get("alt")) > 20 for image in tree.iter("img"))
    assert all(text_of(figure.find("figcaption")) for figure in tree.iter("figure"))


def test_whatever_shows_scores_is_stamped(tree):
    captions = [text_of(table.find("caption")) for table in tree.iter("table")]
    captions += [text_of(caption) for caption in tree.iter("figcaption")]
    scored = [caption for caption in captions if re.search(r"UAR|\bclass\b", caption)]
    of_sources = [each for each in scored if "of the source" in each]
    assert len(scored) >= 7 and len(of_sources) == 1
    assert all("(speaker-disjoint, not transductive)" in c for c in scored if c not in of_sources)
    assert "(not transductive; whose voices: see the headings)" in of_sources[0]


def test_the_page_tells_what_was_asked_of_whom_and_how_to_repeat_it(run, tree):
    said = text_of(tree)
    for expected in (
        "Does it help?",
        "made (300 clips, 10 speakers)",
        "CC0",
        "The made paper",
        "speaker-5-fold",
        f"pnn-keras experiment run {run}/experiment.toml",
        "tensorflow",
    ):
        assert expected in said


def test_the_hash_of_the_folds_is_shown(run, tree):
    first = (run / "folds" / "000.csv").read_text().splitlines()[0]
    assert re.search(r'"hash": "(\w{16})', first)[1] in text_of(tree)


def test_every_figure_is_a_png_and_an_svg(page):
    names = {path.name for path in (page.parent / "figures").iterdir()}
    kinds = ("bars", "differences", "curves", "confusions", "speakers", "forgetting", "folds")
    assert names == {
        f"01-emotion-made-speaker-5-fold-{kind}.{ending}"
        for kind in kinds
        for ending in ("png", "svg")
    }


def test_every_table_is_csv_and_latex(page):
    names = {path.name for path in (page.parent / "tables").iterdir()}
    kinds = (
        *("scores", "controls", "recalls", "forgetting", "repeats", "speakers", "tests"),
        *("epochs", "folds"),
    )
    study = "01-emotion-made-speaker-5-fold"
    stems = {f"{study}-{kind}" for kind in kinds} | {"corpora", "protocols", "settings"}
    both = {f"{stem}.{ending}" for stem in stems for ending in ("csv", "tex")}
    # Every epoch is no table to print, and the compact one has the data of the other.
    assert names == both | {f"{study}-curves.csv", f"{study}-scores-compact.tex"}


def test_the_page_tells_where_the_files_of_a_table_lie(tree):
    said = text_of(tree)
    stem = "tables/01-emotion-made-speaker-5-fold"
    assert f"{stem}-scores.csv, .tex, -compact.tex" in said
    assert f"{stem}-recalls.csv, .tex" in said


def test_every_box_that_scrolls_can_be_reached_by_keyboard_and_has_a_name(tree):
    boxes = [e for e in tree.iter("div") if e.get("class") in ("table", "drawing")]
    assert len(boxes) > 10
    for box in boxes:
        assert box.get("tabindex") == "0" and box.get("role") == "region"
        assert box.get("aria-label")


def test_the_same_run_gives_the_same_page(run, page, tmp_path):
    again = write_report(run, tmp_path / "again")
    assert again.read_bytes() == page.read_bytes()


def test_what_corpora_and_studies_are_called_is_escaped(tmp_path):
    study = Study("emotion@A&B<i>", (), ("dnn",))
    run = make_run(tmp_path, studies=[study], corpora=["A&B<i>"], title="a < b & c")
    page = write_report(run)
    tree = ElementTree.fromstring(page.read_text(encoding="utf-8"))
    assert "a < b & c" in text_of(tree) and "emotion@A&B<i>" in text_of(tree)
    tables = {path.stem: path for path in (page.parent / "tables").glob("*.tex")}
    assert r"emotion@A\&B$<$i$>$" in tables["protocols"].read_text(encoding="utf-8")


def test_a_narrow_screen_scrolls_tables_and_not_the_page(page):
    with browsing() as browser:
        browser.show(390)
        browser.open(page.as_uri())
        assert browser.evaluate("document.documentElement.scrollWidth") == 390
        boxes = "[...document.querySelectorAll('.table')]"
        assert browser.evaluate(f"{boxes}.some(box => box.scrollWidth > box.clientWidth)")


#: Printed A4 between its margins, in pixels of CSS.
PRINTED = round((210 - 2 * 14) / 25.4 * 96)


def test_nothing_is_cut_off_in_print(page):
    with browsing() as browser:
        browser.show(PRINTED)
        browser.open(page.as_uri())
        browser.call("Emulation.setEmulatedMedia", media="print")
        shown = "[...document.querySelectorAll('table, img, pre, p')]"
        widest = f"Math.max(...{shown}.map(e => e.getBoundingClientRect().right))"
        assert browser.evaluate(widest) <= PRINTED
        assert (
            browser.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
        )


def test_a_marked_number_stands_in_line_with_the_others(tree):
    (table,) = [t for t in tree.iter("table") if "UAR of 300" in text_of(t.find("caption"))]
    cells = [row[-3] for row in table.iter("tr") if len(row) > 1]
    assert [text_of(cell) for cell in cells] == ["p (Holm)", "–", "0.062", "0.004 *"]
    assert all(cell.get("class") == "marks" for cell in cells)
    assert [text_of(mark) for mark in cells[-1]] == ["*"]


def test_an_unfinished_run_gives_a_report_of_what_is_finished(tmp_path):
    run = make_run(tmp_path, RIGHT, unfinished=[(0, "prognet", "gender@made")])
    said = text_of(ElementTree.fromstring(write_report(run).read_text(encoding="utf-8")))
    assert "2 of 3 parts (a method's answers on some folds) are there; 1 of 3 results" in said
    assert "Not finished: ProgNet from gender@made." in said
    assert "not finished: 1 result(s)" in summary_of(run)


def test_a_run_of_which_nothing_is_finished_gives_a_report_too(tmp_path):
    study = Study("emotion@made", (), ("dnn",))
    run = make_run(tmp_path, studies=[study], unfinished=[(0, "dnn", "")])
    said = text_of(ElementTree.fromstring(write_report(run).read_text(encoding="utf-8")))
    assert "Nothing of this study is finished." in said


def test_a_folder_that_holds_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no run of an experiment"):
        write_report(tmp_path)
    with pytest.raises(UserError, match="holds no run of an experiment"):
        render_summary(tmp_path)


@pytest.mark.parametrize("record", ["{", "null", '{"studies": [{}]}', "[]"])
def test_a_damaged_run_is_refused(tmp_path, record):
    run = make_run(tmp_path)
    (run / "run.json").write_text(record)
    with pytest.raises(UserError, match="is damaged"):
        write_report(run)


def test_a_run_without_its_folds_is_refused(tmp_path):
    run = make_run(tmp_path)
    (run / "folds" / "000.csv").unlink()
    with pytest.raises(UserError, match="holds no folds"):
        write_report(run)


def test_the_summary_holds_the_main_table_and_the_stamp(run):
    said = summary_of(run)
    assert "speaker-disjoint, not transductive" in said
    row = next(line for line in said.splitlines() if line.split()[:1] == ["ProgNet"])
    assert re.split(r" {2,}", row.strip()) == [
        "ProgNet",
        "0.750 [0.720, 0.780]",
        "+0.250",
        "0.004 *",
    ]


def test_the_summary_on_a_terminal_puts_methods_below_their_source(run):
    lines = [line.rstrip() for line in summary_of(run).splitlines()]
    headed = [n for n, line in enumerate(lines) if line.startswith(" from ")]
    assert headed and all(lines[n + 1].startswith("   ") for n in headed)
    assert all(line.split() != ["from", "–"] for line in lines)
