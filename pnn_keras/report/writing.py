"""Writing a report: the page, its figures, and every table as CSV and LaTeX."""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnn_keras.errors import PnnKerasError
from pnn_keras.experiments import RunResult, StudyResult, read_run
from pnn_keras.experiments.analysis import Analysis, analyse
from pnn_keras.experiments.store import SPEC, write_text
from pnn_keras.figure_style import styled
from pnn_keras.folder import whole_folder
from pnn_keras.report import course_figures, matrix_figures, role_figures, score_figures
from pnn_keras.report.caveats import fold_words
from pnn_keras.report.compact_table import COMPACT, compact_table
from pnn_keras.report.course_tables import amounts_tables, curve_tables
from pnn_keras.report.drawing import Drawing, write_drawing
from pnn_keras.report.inspections import RECORD, read_inspections, safe_name
from pnn_keras.report.latex import as_latex
from pnn_keras.report.naming import file_name
from pnn_keras.report.page import Section, page
from pnn_keras.report.run_tables import (
    RoleCount,
    corpora_table,
    extended_table,
    folds_table,
    mean_stop_rows,
    protocols_table,
    role_counts,
    settings_table,
)
from pnn_keras.report.sensitivity import connections_table, heat_map, stamp_of
from pnn_keras.report.study_tables import study_tables
from pnn_keras.report.table import Table, as_csv
from pnn_keras.report.words import run_words, study_words
from pnn_keras.sensitivity import sensitivity_words

#: What a report holds: the page, and folders of its figures and tables.
PAGE, FIGURES, TABLES = "report.html", "figures", "tables"


def write_report(run: str | Path, out: str | Path | None = None) -> Path:
    """Writes a report of a run, finished or not: one page, its figures and its tables.

    The page needs nothing beside it. Figures are PNG and SVG in ``figures``,
    tables are CSV (not rounded) and LaTeX in ``tables``; the first line of these
    names the packages that they need. The main table is there once more with few
    columns, for a paper: ``tables/STUDY-scores-compact.tex``. Every score is stamped
    speaker-disjoint or speaker-dependent, and transductive or not.
    Inspections of chains that lie in the run's folder as ``sensitivity-NAME``
    (see :func:`write_inspection`) have a section each.

    Args:
        run: the run's folder, see :func:`pnn_keras.experiments.run_experiment`.
        out: the report's folder; None means ``report`` in the run's.

    Returns:
        The page, ``report.html``.

    Raises:
        UserError: the folder holds no run, or a damaged one, or a damaged inspection.
        PnnKerasError: the disk refused.

    Example:
        ``write_report("run")``
    """
    found = read_run(run)
    folder = found.folder / "report" if out is None else Path(out)
    inspections = read_inspections(found.folder)
    analyses = [analyse(study) for study in found.studies]
    counts = [role_counts(found, study) for study in found.studies]
    try:
        with styled():
            sections = [
                *_across(found, analyses, counts, folder),
                *(_study(found, *each, folder) for each in zip(analyses, counts, strict=True)),
                *(_inspection(*each, folder) for each in inspections.items()),
                _about(found, folder),
            ]
        write_text(folder / PAGE, page(*_head(found), sections))
    except OSError as error:
        raise PnnKerasError(
            f"Cannot write {folder}: {error.strerror or error}. Free some space, or name another "
            "folder: --out"
        ) from error
    return folder / PAGE


def write_inspection(result: Mapping, out: str | Path) -> Path:
    """Writes which connections of a chain matter: as JSON, as a table and as a heat map.

    Args:
        result: what :func:`pnn_keras.sensitivity.inspect_chain` gives, and maybe
            the ``model`` that was looked at.
        out: the folder to make, with ``sensitivity.json``, ``table.csv``,
            ``sensitivity.png`` and ``sensitivity.svg``. A run's report takes it
            in if it is ``sensitivity-NAME`` in the run's folder.

    Returns:
        The folder.

    Raises:
        UserError: the folder exists.
        PnnKerasError: the disk refused.

    Example:
        ``write_inspection(pnn_keras.inspect_chain(chain, corpus), "sensitivity")``
    """
    with whole_folder(out) as folder:
        write_text(folder / RECORD, json.dumps(result, indent=2))
        write_text(folder / "table.csv", as_csv(connections_table(result, "table")))
        with styled():
            write_drawing(heat_map(result, "sensitivity"), folder)
    return Path(out)


def _head(run: RunResult) -> tuple[str, list[str]]:
    """The title, and what stands below it."""
    asked, record = run.experiment, run.record
    corpora = ", ".join(
        f"{c['name']} ({c['clips']} clips, {len(c['speakers'])} speakers)"
        for c in record["corpora"]
    )
    version = record["versions"].get("pnn-keras", "of unknown version")
    lead = [asked.title] if asked.title else []
    lead += [f"Corpora: {corpora}. Run on {record['created'][:10]} with pnn-keras {version}."]
    return f"{asked.name}: {', '.join(c['name'] for c in record['corpora'])}", [
        *lead,
        *run_words(run),
    ]


def _across(
    run: RunResult,
    analyses: Sequence[Analysis],
    counts: Sequence[Sequence[RoleCount]],
    folder: Path,
) -> list[Section]:
    """What is seen only across studies: the transfer matrix and the learning curves."""
    stopping = {
        study.number: mean_stop_rows(study, own)
        for study, own in zip(run.studies, counts, strict=True)
    }
    made = [
        matrix_figures.transfer(analyses),
        *course_figures.amounts(analyses, run.experiment, stopping),
    ]
    drawings = _written([d for d in made if d is not None], folder)
    table = matrix_figures.transfer_table(analyses)
    tables = [] if table is None else [table]
    tables += amounts_tables(analyses, run.experiment)
    _write_tables(tables, folder)
    if not drawings:
        return []
    return [Section("across", "Across studies", tables=tables, drawings=drawings)]


def _study(
    run: RunResult, analysis: Analysis, counts: Sequence[RoleCount], folder: Path
) -> Section:
    study = analysis.study
    tables = [
        *map(_with_compact, study_tables(analysis, run.experiment)),
        *curve_tables(analysis),
        folds_table(study, counts),
    ]
    _write_tables(tables, folder)
    made = [
        score_figures.bars(analysis, run.experiment),
        score_figures.differences(analysis),
        course_figures.curves(analysis),
        matrix_figures.confusions(analysis),
        score_figures.speakers(analysis),
        role_figures.forgetting(analysis),
        role_figures.folds(study, counts),
    ]
    return Section(
        anchor=file_name(study, "study"),
        title=_title(study),
        stamp=study.stamp,
        sound=study.protocol["speaker_disjoint"] and not study.transductive,
        words=[*study_words(analysis), *fold_words(study, counts)],
        tables=tables,
        drawings=_written([d for d in made if d is not None], folder),
    )


def _title(study: StudyResult) -> str:
    return f"{study.number + 1}. {study.name}"


def _inspection(name: str, result: Mapping, folder: Path) -> Section:
    """Which connections of a chain matter, on a corpus."""
    name = safe_name(name)
    table = connections_table(result, name)
    _write_tables([table], folder)
    model = result.get("model") or name.partition("-")[2]
    return Section(
        anchor=name,
        title=f"Which connections matter: {model} on {result['corpus']}",
        stamp=stamp_of(result),
        sound=result["held_out"] == "held out" and not result.get("transductive"),
        words=sensitivity_words(result),
        tables=[table],
        drawings=_written([heat_map(result, name)], folder),
    )


def _about(run: RunResult, folder: Path) -> Section:
    """Corpora, protocols, settings, and how to repeat it all."""
    tables = [corpora_table(run), protocols_table(run), settings_table(run)]
    if run.record.get("extends"):
        tables.insert(1, extended_table(run))
    _write_tables(tables, folder)
    warnings = [
        f"{corpus['name']}: {warning}"
        for corpus in run.record["corpora"]
        for warning in corpus["warnings"]
    ]
    tables[0] = dataclasses.replace(tables[0], notes=tuple(warnings))
    spec = shlex.quote(str(run.folder / SPEC))
    lines = [
        "# goes on with this run; name another folder to repeat it\n"
        f"pnn-keras experiment run {spec} --out {shlex.quote(str(run.folder))}"
    ]
    return Section("about", "Corpora, protocols and settings", lines=lines, tables=tables)


def _written(drawings: Sequence[Drawing], folder: Path) -> list[tuple[Drawing, str]]:
    return [(drawing, write_drawing(drawing, folder / FIGURES)) for drawing in drawings]


def _with_compact(table: Table) -> Table:
    """A table, and if it is the main one of a study, that it is written in another form, too."""
    is_main = table.name.endswith("-scores")
    return dataclasses.replace(table, variants=(f"{COMPACT}.tex",)) if is_main else table


def _write_tables(tables: Sequence[Table], folder: Path) -> None:
    for table in tables:
        write_text(folder / TABLES / f"{table.name}.csv", as_csv(table))
        if table.in_latex:
            write_text(folder / TABLES / f"{table.name}.tex", as_latex(table))
        if table.variants:
            compact = compact_table(table)
            write_text(folder / TABLES / f"{compact.name}.tex", as_latex(compact))
