"""Tables in LaTeX: what is escaped, how they are laid out, and that pdfLaTeX sets them."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from run_made import make_run

from pnn_keras.experiments import Study, read_run
from pnn_keras.experiments.analysis import analyse
from pnn_keras.experiments.named import EVERY_METHOD
from pnn_keras.report import numbers
from pnn_keras.report.compact_table import compact_table
from pnn_keras.report.latex import as_latex, escape_latex
from pnn_keras.report.matrix_figures import transfer_table
from pnn_keras.report.run_tables import (
    corpora_table,
    folds_table,
    protocols_table,
    role_counts,
    settings_table,
)
from pnn_keras.report.study_tables import study_tables
from pnn_keras.report.table import Column, Table, text_columns, whole, with_interval, words
from pnn_keras.search_space import Candidate

#: A corpus and classes with every sign that LaTeX takes for something else.
NASTY = "Cörpus_& 100%#~é"
NASTY_EMOTIONS = ("* wü_tend & laut", "[50%]_#1 {é}", '$x^2 ~\\~|<"a"--b>?`,,')


def made(columns: int = 2, rows: int = 3, shown: str = "0.500", **options) -> Table:
    """A table of one column of words and others of numbers."""
    heads = (*text_columns("Method"), *(Column(f"n{n}", (f"n{n}",)) for n in range(1, columns)))
    row = (words("DNN"), *(words(shown) for _ in heads[1:]))
    return Table("made", "Made", heads, (row,) * rows, **options)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Every table of a run by all methods whose names are nasty."""
    studies = [
        Study(f"emotion@{NASTY}", (f"gender@{NASTY}", f"speaker@{NASTY}"), EVERY_METHOD),
        Study(f"gender@{NASTY}", (f"emotion@{NASTY}",), ("dnn", "prognet", "prognet-tuned")),
        Study(f"speaker@{NASTY}", (f"gender@{NASTY}",), ("dnn", "prognet"), "paper-10-fold"),
    ]
    run = read_run(
        make_run(
            tmp_path_factory.mktemp("nasty"),
            {"prognet": [7, 8]},
            studies=studies,
            corpora=[NASTY],
            emotions=NASTY_EMOTIONS,
            chosen=[Candidate((8, 4), {f"emotion@{NASTY}": (4,)}, {f"emotion@{NASTY}": "last"})],
        )
    )
    analyses = [analyse(study, draws=50) for study in run.studies]
    found = [corpora_table(run), protocols_table(run), settings_table(run)]
    for each in analyses:
        own = study_tables(each, run.experiment)
        found += [*own, compact_table(own[0]), scores(18), scores(24)]
        found.append(folds_table(each.study, role_counts(run, each.study)))
    return [*found, transfer_table(analyses)]


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("a_b", r"a\_b"),
        ("50 % & $5 #1", r"50 \% \& \$5 \#1"),
        ("{x}~^", r"\{x\}\textasciitilde{}\textasciicircum{}"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("0.640 ± 0.017", r"0.640 $\pm$ 0.017"),
        ("−0.1 – < 0.001", r"$-$0.1 -- $<$ 0.001"),
        ("a--b", "a-{}-b"),
        ("two\n\nlines", "two lines"),
    ],
)
def test_latex_is_escaped(text, escaped):
    assert escape_latex(text) == escaped


def test_latex_has_the_rules_of_booktabs_and_as_many_cells_as_columns():
    written = as_latex(made(4))
    for rule in (r"\toprule", r"\midrule", r"\bottomrule"):
        assert written.count(rule) == 1
    rows = [line for line in written.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 1 + 3
    assert {row.count(" & ") for row in rows} == {3}


@pytest.mark.parametrize(
    ("table", "environment"),
    [
        (made(4), "table"),
        (made(10), "table*"),
        (made(18), "sidewaystable*"),
        (made(4, rows=41), "longtable"),
    ],
    ids=["narrow", "wide", "wider than a page", "longer than a page"],
)
def test_the_environment_follows_from_the_size(table, environment):
    assert rf"\begin{{{environment}}}" in as_latex(table)


def test_a_table_both_wide_and_long_breaks_over_pages_that_lie_on_their_side():
    written = as_latex(made(18, rows=41))
    assert written.index(r"\begin{landscape}") < written.index(r"\begin{longtable}")


def scores(rows: int, absent: int = 0) -> Table:
    """A table like the main one of a study, with long names of methods."""
    columns = (
        *text_columns("Source", "Method"),
        Column("UAR [95 %]", ("uar", "uar_low", "uar_high")),
        Column("SD of repeats", ("repeats_sd",)),
        Column("UAR of folds", ("folds_mean", "folds_sd")),
        Column("Absent", ("absent_classes",)),
        Column("Weights", ("trained_weights",)),
        Column("Epoch", ("median_best_epoch",)),
        Column("Difference [95 %]", ("difference", "difference_low", "difference_high")),
        Column("p", ("p",)),
        Column("p (Holm)", ("p_holm", "significant_after_holm")),
        Column("d_z", ("dz",)),
    )
    row = (
        words("gender@made"),
        words("ProgNet, random column rescaled"),
        with_interval(0.65, 0.6, 0.7),
        words("0.012"),
        words("0.835 ± 0.062"),
        whole(absent),
        words("1,234,567"),
        words("162"),
        with_interval(0.1, 0.05, 0.15, numbers.signed),
        words("0.101"),
        words("1.000 *"),
        words("+0.85"),
    )
    note = (
        "UAR: of pooled answers. UAR of folds: mean; Absent: classes missing. Weights: all. "
        "Epoch: the best. Difference: to the DNN. p: a test; d_z: an effect; "
        "*: p (Holm) below 0.05."
    )
    return Table("scores", "Scores", columns, (row,) * rows, (note,), grouped=True)


def test_columns_that_say_nothing_in_a_paper_are_left_out_with_their_notes():
    written = as_latex(scores(2))
    assert not re.search("Absent|Epoch", written)
    assert "UAR of folds: mean; Weights: all. Difference: to the DNN. p: a test;" in written


def test_classes_that_are_absent_are_told_in_a_paper_too():
    written = as_latex(scores(2, absent=3))
    assert " Absent " in written and "Absent: classes missing." in written


@pytest.mark.parametrize("rows", [18, 24])
def test_a_main_table_of_so_many_rows_stands_on_one_page(rows):
    assert r"\begin{sidewaystable*}" in as_latex(scores(rows))


def test_the_compact_table_goes_across_a_page_with_few_columns_and_their_notes():
    table = compact_table(scores(18))
    assert table.name == "scores-compact"
    titles = ["Source", "Method", "UAR [95 %]", "Difference [95 %]", "p (Holm)"]
    assert [column.title for column in table.columns] == titles
    (note,) = table.notes
    assert (
        note
        == "UAR: of pooled answers. Difference: to the DNN. p: a test; *: p (Holm) below 0.05."
    )
    assert r"\begin{table*}" in as_latex(table)


def test_the_effect_size_is_set_as_mathematics():
    written = as_latex(scores(2))
    assert r"& $d_z$ \\" in written and "$d_z$: an effect" in written
    assert r"bad\_zone" in as_latex(made(shown="bad_zone"))


def test_a_table_wider_than_a_page_is_high_is_cut_into_parts_that_repeat_what_heads_the_rows():
    written = as_latex(made(41))
    assert written.count("(part 1 of 2)") == written.count("(part 2 of 2)") == 1
    heads = [line for line in written.splitlines() if line.lstrip().startswith("Method & ")]
    assert [head.count(" & ") for head in heads] == [20, 20]
    assert " n20 " in heads[0] and " n21 " in heads[1]


def test_the_notes_stand_below_the_last_part_alone():
    written = as_latex(made(41, notes=("Read this.",)))
    assert written.count("Read this.") == 1
    assert written.index("Read this.") > written.index("(part 2 of 2)")


def test_no_more_packages_are_named_than_are_needed():
    assert as_latex(made(4)).splitlines()[0] == r"% \usepackage[T1]{fontenc} \usepackage{booktabs}"
    wide = as_latex(made(18)).splitlines()[0]
    assert wide.endswith(r"\usepackage{booktabs,rotating}")
    long = as_latex(made(18, rows=41)).splitlines()[0]
    assert long.endswith(r"\usepackage{booktabs,longtable,pdflscape}")


def test_letters_that_pdflatex_lacks_are_told():
    assert "take LuaLaTeX" in as_latex(made(shown="Ωδή"))
    assert "fontenc" not in as_latex(made(shown="Ωδή"))
    assert "take LuaLaTeX" not in as_latex(made(shown="é ß ł „−0.1“"))


def test_groups_have_a_heading_in_place_of_their_column():
    grouped = Table(
        "t",
        "T",
        text_columns("Source", "Method"),
        ((words("–"), words("DNN")), (words("a@B"), words("ProgNet"))),
        grouped=True,
    )
    rows = [line.strip() for line in as_latex(grouped).splitlines() if line.endswith("\\")]
    assert rows == [
        r"Method \\",
        r"DNN \\",
        r"ProgNet \\",
    ]
    written = as_latex(grouped)
    assert r"\multicolumn{1}{l}{\textit{no source}} \\*" in written
    assert r"\multicolumn{1}{l}{\textit{source: a@B}} \\*" in written


def test_numbers_stand_below_each_other_with_a_mark_or_without():
    marked = Table("t", "T", (Column("p", ("p",)),), ((words("0.016 *"),), (words("0.500"),)))
    written = as_latex(marked)
    assert r"0.016\,* \\" in written and r"0.500\phantom{\,*} \\" in written


def test_a_word_wider_than_its_column_can_be_broken():
    table = Table("t", "T", text_columns(*"abcd"), ((words("x" * 200),) * 4,))
    assert r"\allowbreak{}" in as_latex(table)


def packages(written: str) -> str:
    return written.splitlines()[0].removeprefix("% ")


def set_by_pdflatex(folder: Path, options: str, tables: list[str]) -> str:
    """The log of a document that holds tables and only what they say that they need."""
    (needed,) = {packages(table) for table in tables}
    one_column = r"\onecolumn" if any("{longtable}" in table for table in tables) else ""
    lines = [
        rf"\documentclass[{options}]{{article}}",
        needed,
        r"\begin{document}",
        one_column,
        *(rf"{table}\clearpage" for table in tables),
        r"\end{document}",
    ]
    (folder / "tables.tex").write_text("\n".join(lines), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "tables.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True)
    log = (folder / "tables.log").read_text(encoding="utf-8", errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert (folder / "tables.pdf").stat().st_size > 0
    return log


@pytest.mark.parametrize("options", ["a4paper", "letterpaper,twocolumn"])
def test_every_table_is_set_by_pdflatex_and_fits_its_page(tables, tmp_path, options):
    if shutil.which("pdflatex") is None:
        pytest.skip("needs pdflatex: install TeX Live, as Debian's texlive-latex-recommended")
    alike = defaultdict(list)  # exactly what a table names is loaded, and nothing else
    for table in map(as_latex, tables):
        alike[packages(table)].append(table)
    for same in alike.values():
        log = set_by_pdflatex(tmp_path, options, same)
        wrong = re.findall("Overfull.*|.*too large for page.*|Missing character.*", log)
        assert not wrong
