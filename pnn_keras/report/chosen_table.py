"""The shapes that methods chose which search inside each fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from pnn_keras.experiments import MethodResult, StudyResult
from pnn_keras.report import numbers
from pnn_keras.report.naming import file_name, full_title
from pnn_keras.report.table import Cell, Column, Table, text_columns, whole, words
from pnn_keras.search_space import Candidate

#: What each reading of a source means, see :data:`pnn_keras.shape.READINGS`.
_READINGS = "below: each layer reads the source's one below; last: its last; none: none of them"


def chosen_table(study: StudyResult) -> Table | None:
    """What every fold chose, and how often each depth, connection and reading was chosen.

    Args:
        study: the study.

    Returns:
        None where no method of the study searches inside each fold.
    """
    searched = [result for result in study.methods if result.chosen is not None]
    if not searched:
        return None
    columns = (
        *text_columns("Method"),
        Column("Repeat", ("repeat",)),
        Column("Fold", ("fold",)),
        Column("Depth", ("depth",)),
        Column("Widths", ("widths",), text=True),
        Column("Widths of sources", ("source_widths",), text=True),
        Column("Read", ("reads",), text=True),
        Column("Lateral", ("lateral", "adapter_units"), text=True),
        Column("Dropout", ("dropout",)),
        Column("Learning rate", ("learning_rate",)),
    )
    folds = study.protocol["folds"]
    rows = tuple(
        (
            words(full_title(result.method, result.source)),
            whole(number // folds + 1),
            whole(number % folds + 1),
            *_cells(candidate),
        )
        for result in searched
        for number, candidate in enumerate(result.chosen)
    )
    note = (
        "By the UAR on the fold's own stop rows; its test rows had no say. Widths: of the hidden "
        "layers, from the first on."
    )
    if any(candidate.wiring for result in searched for candidate in result.chosen):
        note += f" Read: {_READINGS}."
    title = f"{study.name}: shapes chosen inside each fold"
    notes = (*map(_often, searched), note)
    return Table(file_name(study, "chosen"), title, columns, rows, notes, grouped=True)


def _cells(candidate: Candidate) -> tuple[Cell, ...]:
    """What one fold chose."""
    return (
        whole(len(candidate.units)),
        words(_widths(candidate.units)),
        _of_sources({task: _widths(units) for task, units in candidate.source_units.items()}),
        _of_sources(candidate.wiring),
        _lateral(candidate),
        Cell(numbers.significant(candidate.dropout), (candidate.dropout,)),
        Cell(numbers.significant(candidate.learning_rate), (candidate.learning_rate,)),
    )


def _widths(units: Iterable[int]) -> str:
    return ", ".join(map(str, units))


def _of_sources(found: Mapping[str, str]) -> Cell:
    """What was chosen of each source; of one alone without its name."""
    if not found:
        return Cell(numbers.NONE, (None,))
    if len(found) == 1:
        return words(*found.values())
    return words("; ".join(f"{task} {what}" for task, what in found.items()))


def _lateral(candidate: Candidate) -> Cell:
    if not candidate.source_units:
        return Cell(numbers.NONE, (None, None))
    width = candidate.adapter_units
    shown = candidate.lateral + (f" of {width}" if width else "")
    return Cell(shown, (candidate.lateral, width))


def _often(result: MethodResult) -> str:
    """How often a method's folds chose each depth, connection and reading."""
    chosen = result.chosen
    kinds = {"depth": Counter(len(candidate.units) for candidate in chosen)}
    laterals = Counter(candidate.lateral for candidate in chosen if candidate.source_units)
    if laterals:
        kinds["lateral"] = laterals
    for candidate in chosen:
        for task, reading in candidate.wiring.items():
            kinds.setdefault(f"{task} read", Counter())[reading] += 1
    said = "; ".join(f"{kind} {_counted(counts)}" for kind, counts in kinds.items())
    name = full_title(result.method, result.source)
    return f"{name}, chosen in how many of {len(chosen)} folds: {said}."


def _counted(counts: Counter) -> str:
    return ", ".join(f"{value} in {count}" for value, count in sorted(counts.items()))
