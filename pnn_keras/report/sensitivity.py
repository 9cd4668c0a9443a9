"""Which connections of a chain matter, as a table and as a heat map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.report import numbers
from pnn_keras.report.drawing import Drawing, canvas
from pnn_keras.report.matrix_figures import frame, write_cell
from pnn_keras.report.table import Cell, Column, Table, one_score, text_columns, whole, words

#: The measures, by the field that holds their share.
MEASURES = {"afs": "AFS", "aps": "APS"}

#: What is said of whether the chain has heard whom it was measured on.
STAMPS = {
    "held out": "held out",
    "not held out": "NOT held out",
    "unknown": "unknown whether held out",
}

#: Width and height of a cell, and room for names beside and below, in inches.
_CELL, _ROW, _LEFT, _BELOW = 0.75, 0.38, 1.5, 1.1


def connections_table(result: Mapping, name: str) -> Table:
    """Every column and layer that a target reads, with its sensitivities.

    Args:
        result: what :func:`pnn_keras.sensitivity.inspect_chain` gives.
        name: what its files are called.
    """
    columns = (
        *text_columns("Task", "Layer", "Column"),
        Column("Layer read", ("source_layer",), text=True),
        Column("Units", ("units",)),
        Column("Fisher", ("fisher",)),
        Column("AFS", ("afs",)),
        Column("Noise precision", ("precision",)),
        Column("APS", ("aps",)),
    )
    rows = tuple(
        (
            words(task),
            words(each["layer_name"]),
            words(each["column"]),
            words(each["reads"]),
            whole(each["units"]),
            Cell(numbers.significant(each["fisher"]), (each["fisher"],)),
            one_score(each["afs"]),
            Cell(numbers.significant(each["precision"]), (each["precision"],)),
            one_score(each["aps"]),
        )
        for task, found in result["tasks"].items()
        for each in found["connections"]
    )
    caption = (
        f"What each layer of a target reads, and how much its answers depend on it ({_on(result)})"
    )
    note = (
        "Fisher: information of the answers about the activations, normalised to variance 1. "
        "Noise precision: that of Gaussian noise which halves the UAR above chance, in units of "
        "one over the activation's variance; 0 where no noise does. AFS and APS are their shares "
        "of what the same target layer reads (Rusu et al. 2016)."
    )
    return Table(name, caption, columns, rows, (note,), grouped=True)


def heat_map(result: Mapping, name: str) -> Drawing:
    """The shares: a pair of panels for each target, columns of the chain by layers of the target.

    Args:
        result: what :func:`pnn_keras.sensitivity.inspect_chain` gives.
        name: what its files are called.
    """
    tasks = result["tasks"]
    grids = {task: _grids(found["connections"]) for task, found in tasks.items()}
    most_layers = max(len(layers) for _, layers, _ in grids.values())
    heights = [_ROW * len(columns) for columns, _, _ in grids.values()]
    width = max(5.5, _LEFT + 2 * _CELL * max(most_layers, 2) + 1.0)
    figure, axes = canvas(
        sum(heights) + _BELOW * len(tasks) + 0.3,
        len(tasks),
        len(MEASURES),
        width,
        height_ratios=heights,
    )
    for row, (task, (columns, layers, shares)) in zip(axes, grids.items(), strict=True):
        for axis, (measure, title) in zip(row, MEASURES.items(), strict=True):
            drawn = _panel(axis, columns, layers, shares[measure])
            undefined = np.isnan(shares[measure]).all()
            axis.set_title(f"{task}: {title}{', undefined' if undefined else ''}")
            axis.set_xlabel("layer that reads")
        row[0].set_ylabel("column read")
        row[1].set_yticklabels([])
    figure.colorbar(drawn, ax=axes.ravel().tolist(), label="share of the layer", shrink=0.9)
    caption = (
        "How much each layer of a target (columns) depends on each column of the chain that it "
        "reads (rows, its own last): average Fisher sensitivity and average perturbation "
        "sensitivity, as shares, which sum to 1 over the rows. Grey: not read, or undefined. "
        f"({_on(result)})."
    )
    return Drawing(name, caption, _said(grids), figure, _on(result))


def stamp_of(result: Mapping) -> str:
    """Whether the chain has heard whom it was measured on, or was adapted to them."""
    adapted = result.get("transductive", False)  # inspections of earlier versions do not say
    return STAMPS[result["held_out"]] + (", transductive" if adapted else "")


def _on(result: Mapping) -> str:
    synthetic = ", SYNTHETIC audio" if result["synthetic"] else ""
    return f"measured on {result['corpus']}{synthetic}: {stamp_of(result)}"


def _grids(connections: Sequence[Mapping]) -> tuple[list[str], list[str], dict[str, np.ndarray]]:
    """Columns read, layers that read, and by measure the shares ``(columns, layers)``."""
    layers = list(dict.fromkeys(each["layer_name"] for each in connections))
    own, *sources = dict.fromkeys(each["column"] for each in connections)
    columns = [*sources, own]
    shares = {measure: np.full((len(columns), len(layers)), np.nan) for measure in MEASURES}
    for each in connections:
        place = columns.index(each["column"]), layers.index(each["layer_name"])
        for measure, grid in shares.items():
            grid[place] = np.nan if each[measure] is None else each[measure]
    return columns, layers, shares


def _panel(axis, columns: Sequence[str], layers: Sequence[str], shares: np.ndarray):
    drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axis.set_facecolor("#dddddd")
    frame(axis, layers, columns, _CELL)
    for row, column in np.argwhere(~np.isnan(shares)):
        write_cell(drawn, row, column, f"{shares[row, column]:.2f}")
    return drawn


def _said(grids: Mapping[str, tuple]) -> str:
    said = []
    for task, (columns, layers, shares) in grids.items():
        for measure, title in MEASURES.items():
            last = [
                f"{column} {numbers.score(float(share))}"
                for column, share in zip(columns, shares[measure][:, -1], strict=True)
            ]
            said.append(f"{title} of {task}, {layers[-1]}: {', '.join(last)}")
    return f"Heat maps of sensitivities. {'; '.join(said)}"
