"""The data of figures of how scores grow: over epochs, and over the amount of target data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pnn_keras.experiments import Experiment, MethodResult
from pnn_keras.experiments.analysis import Analysis, MethodScore
from pnn_keras.report import numbers
from pnn_keras.report.compared import compared_cells, compared_columns
from pnn_keras.report.course_figures import amount_groups, traced_uar
from pnn_keras.report.naming import file_name, in_order, method_title, source_cell
from pnn_keras.report.table import (
    Column,
    Table,
    one_score,
    text_columns,
    whole,
    with_interval,
    words,
)

#: Shares of the final UAR of the network from scratch that curves are asked for.
SHARES = (0.90, 0.95)


def amounts_tables(analyses: Sequence[Analysis], experiment: Experiment) -> list[Table]:
    """A table of every figure of amounts: a row per amount, source and method.

    Args:
        analyses: of all studies of a run.
        experiment: what was asked.
    """
    return [_amounts_table(group) for group in amount_groups(analyses, experiment)]


def _amounts_table(group: Sequence[Analysis]) -> Table:
    first = group[0].study
    columns = (
        *text_columns("Parts", "Source", "Method"),
        Column("Train", ("train_utterances",)),
        Column("UAR [95 %]", ("uar", "uar_low", "uar_high")),
        *compared_columns(group[0]),
    )
    rows = tuple(
        (
            words(analysis.study.training_parts or "all"),
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            whole(float(analysis.study.train_rows.mean())),
            with_interval(score.uar, score.interval.low, score.interval.high),
            *compared_cells(analysis, analysis.comparison(score.method, score.source)),
        )
        for analysis in group
        for score in in_order(analysis.scores)
    )
    note = (
        "Parts: how many parts of the target data are trained on; Train: utterances, the mean "
        "over folds. Difference: to the DNN with the same amount. p (Holm): corrected within each "
        "amount, not over all of them; the tests are those of the tables of each amount."
    )
    return Table(
        file_name(first, "amounts"),
        f"{first.target}: UAR by the amount of target data ({first.stamp})",
        columns,
        rows,
        (note,),
        grouped=True,
        stamp=first.stamp,
        folded=True,
    )


def curve_tables(analysis: Analysis) -> list[Table]:
    """The UAR on test rows after every epoch, and how soon it gets near that of the DNN."""
    traced = _traced(analysis)
    if not traced:
        return []
    return [table for table in (_epochs_table(analysis), _curves_table(analysis)) if table]


def _traced(analysis: Analysis) -> list[tuple[MethodScore, MethodResult]]:
    """Scores whose course was recorded, in the order of tables."""
    found = [(s, analysis.study.method(s.method, s.source)) for s in in_order(analysis.scores)]
    return [(score, result) for score, result in found if result.traced is not None]


def _curves_table(analysis: Analysis) -> Table:
    """Every epoch's UAR; for files alone."""
    study = analysis.study
    columns = (
        *text_columns("Source", "Method"),
        Column("Epoch", ("epoch",)),
        Column("UAR", ("uar",)),
        Column("Lowest", ("uar_lowest_repeat",)),
        Column("Highest", ("uar_highest_repeat",)),
    )
    rows = tuple(
        (
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            whole(epoch),
            *(one_score(float(value)) for value in (uars.mean(), uars.min(), uars.max())),
        )
        for score, result in _traced(analysis)
        for epoch, uars in enumerate(traced_uar(result), start=1)
    )
    return Table(
        file_name(study, "curves"),
        f"{study.name}: UAR on test rows after every epoch ({study.stamp})",
        columns,
        rows,
        on_page=False,
        stamp=study.stamp,
        in_latex=False,
    )


def _epochs_table(analysis: Analysis) -> Table | None:
    """How many epochs each method takes to get near what the DNN ends at."""
    study, scratch = analysis.study, analysis.study.method("dnn")
    if scratch is None or scratch.traced is None:
        return None
    final = float(traced_uar(scratch)[-1].mean())
    columns = (
        *text_columns("Source", "Method"),
        *(
            Column(f"{share:.0%}".replace("%", " %"), (f"epochs_to_{share:.0%}".rstrip("%"),))
            for share in SHARES
        ),
        Column("UAR at the end", ("uar_last",)),
    )
    rows = tuple(
        (
            source_cell(score.method, score.source),
            words(method_title(score.method, score.source)),
            *(whole(_first_epoch(traced_uar(result), share * final)) for share in SHARES),
            one_score(float(traced_uar(result)[-1].mean())),
        )
        for score, result in _traced(analysis)
    )
    repeats = study.protocol["repeats"]
    over = "one repeat" if repeats == 1 else f"mean of {repeats} repeats"
    return Table(
        file_name(study, "epochs"),
        f"{study.name}: epochs until the UAR first reaches 90 and 95 % of the "
        f"{numbers.score(final)} that the DNN ends at; {over}, test rows, for looking at only "
        f"({study.stamp})",
        columns,
        rows,
        ("No epoch is chosen by test rows. –: not reached.",),
        grouped=True,
        stamp=study.stamp,
    )


def _first_epoch(uars: np.ndarray, goal: float) -> int | None:
    """The first epoch, from 1, whose UAR over repeats reaches a goal."""
    reached = np.flatnonzero(uars.mean(axis=1) >= goal)
    return int(reached[0]) + 1 if len(reached) else None
