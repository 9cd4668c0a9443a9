"""The columns of a table that hold a method against another: difference, p values, effect."""

from __future__ import annotations

from pnn_keras.experiments.analysis import Analysis, Comparison
from pnn_keras.report import numbers
from pnn_keras.report.table import MARK, Cell, Column, with_interval


def over_speakers(analysis: Analysis) -> bool:
    """Whether primary tests of a study are over speakers."""
    return any("sign-flip" in comparison.primary.name for comparison in analysis.comparisons)


def compared_columns(analysis: Analysis) -> tuple[Column, ...]:
    """Difference, p values and effect; p over folds beside one over speakers.

    The test over speakers is of the models as trained, that over folds of the methods.

    Args:
        analysis: of the study.
    """
    over_folds = (Column("p (folds)", ("p_folds",)),) if over_speakers(analysis) else ()
    return (
        Column("Difference [95 %]", ("difference", "difference_low", "difference_high")),
        Column("p", ("p",)),
        Column("p (Holm)", ("p_holm", "significant_after_holm")),
        *over_folds,
        Column("d_z", ("dz",)),
    )


def compared_cells(analysis: Analysis, comparison: Comparison | None) -> tuple[Cell, ...]:
    """The cells of :func:`compared_columns`; dashes where nothing is compared.

    Args:
        analysis: of the study.
        comparison: one of its comparisons, or None.
    """
    if comparison is None:
        empty = (len(column.fields) for column in compared_columns(analysis))
        return tuple(Cell(numbers.NONE, (None,) * count) for count in empty)
    found, mark = comparison.interval, MARK if comparison.marked else ""
    adjusted, dz = comparison.adjusted, comparison.effect.dz
    over_folds = (_p(p_over_folds(comparison)),) if over_speakers(analysis) else ()
    return (
        with_interval(comparison.difference, found.low, found.high, numbers.signed),
        _p(comparison.primary.p),
        Cell(numbers.p_value(adjusted) + mark, (adjusted, comparison.marked)),
        *over_folds,
        Cell(numbers.signed(dz, 2), (dz,)),
    )


def p_over_folds(comparison: Comparison) -> float | None:
    """The p of the corrected test over folds that stands beside one over speakers.

    None where the primary test is over folds itself.
    """
    return comparison.others[0].p if "sign-flip" in comparison.primary.name else None


def _p(value: float | None) -> Cell:
    return Cell(numbers.p_value(value), (value,))
