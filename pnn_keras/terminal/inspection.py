"""Which connections of a chain matter, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pnn_keras.terminal.evaluation import HELD_OUT, TRANSDUCTIVE
from pnn_keras.terminal.layout import heading, indented, new_table, number
from pnn_keras.terminal.measures import SYNTHETIC
from pnn_keras.terminal.writing import show, warn, warn_of_failures

if TYPE_CHECKING:
    from rich.table import Table


def show_inspection(result: Mapping) -> None:
    """Prints what each layer of the targets reads, and how much their answers depend on it.

    Args:
        result: what :func:`pnn_keras.sensitivity.inspect_chain` gives.
    """
    from pnn_keras.sensitivity import sensitivity_words

    warn_of_failures(result["failures"])
    for task, reason in result["skipped_tasks"].items():
        warn(f"{task} is left out: {reason}")
    for task, found in result["tasks"].items():
        heading(f"What {task} depends on, {result['corpus']}")
        show(_table(found["connections"]))
    show("", indented(_MEASURES))
    show(*(indented(line) for line in sensitivity_words(result)))
    show(indented(HELD_OUT[result["held_out"]], warning=result["held_out"] != "held out"))
    if result.get("transductive"):  # inspections of earlier versions do not say
        show(indented(TRANSDUCTIVE, warning=True))
    if result["left_out_as_heard"]:
        count = result["left_out_as_heard"]
        show(indented(f"{count} utterances left out, since the chain has heard them"))
    if result["synthetic"]:
        show(indented(SYNTHETIC, warning=True))


#: What the columns of the table are.
_MEASURES = (
    "AFS, APS: average Fisher and perturbation sensitivity, as shares of what the same layer "
    "reads. Precision: that of noise which halves the UAR above chance."
)


def _table(connections: Sequence[Mapping]) -> Table:
    table = new_table()
    table.add_column("layer", no_wrap=True)
    table.add_column("reads", overflow="fold")
    table.add_column("its layer", overflow="fold")
    for name in ("units", "AFS", "APS", "precision"):
        table.add_column(name, justify="right", no_wrap=True)
    before = None
    for each in connections:
        layer = each["layer_name"]
        precision = "-" if each["precision"] is None else f"{each['precision']:.3g}"
        table.add_row(
            "" if layer == before else layer,
            each["column"],
            each["reads"],
            str(each["units"]),
            number(each["afs"]),
            number(each["aps"]),
            precision,
        )
        before = layer
    return table
