"""Figures with cells: which source helps which target, and which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from matplotlib.colors import TwoSlopeNorm
from matplotlib.image import AxesImage

from pnn_keras.experiments import StudyResult
from pnn_keras.experiments.analysis import Analysis, MethodScore
from pnn_keras.report import numbers
from pnn_keras.report.drawing import LETTER, LINE, Drawing, canvas, ink_on
from pnn_keras.report.foot import foot_of, foot_of_all
from pnn_keras.report.naming import file_name, full_title, most_telling
from pnn_keras.report.run_tables import MOST_CLASSES
from pnn_keras.report.score_figures import chosen_after
from pnn_keras.report.table import MARK, Cell, Column, Table, text_columns, words

#: With more classes not even their names are written.
MOST_NAMED = 30

#: How many lines of a title a confusion matrix has room for; more make the figure higher.
_ROOM_ABOVE = 2

#: Width of a cell of the transfer matrix, at least and at most, in inches.
_CELL, _WIDEST_CELL = 0.95, 1.5

#: What the file of the transfer matrix has of each target.
_GAIN_FIELDS = ("gain", "p_holm", "stamp")

#: The methods whose gain is shown.
SHOWN = ("prognet", "ptft")


def is_matrix(analyses: Sequence[Analysis]) -> bool:
    """Whether some source was tried for more than one target."""
    studies = [analysis.study for analysis in analyses if analysis.scores]
    pairs = {(r.source, s.target) for s in studies for r in s.methods if r.method in SHOWN}
    sources = [source for source, _ in pairs]
    return len({target for _, target in pairs}) > 1 and len(set(sources)) < len(sources)


def transfer(analyses: Sequence[Analysis]) -> Drawing | None:
    """The gain over the network from scratch, for every source and target."""
    if not is_matrix(analyses):
        return None
    columns = [analysis for analysis in analyses if analysis.comparisons]
    sources = _sources(columns)
    grids = {method: _gains(method, sources, columns) for method in SHOWN}
    grids = {method: grid for method, grid in grids.items() if not np.isnan(grid).all()}
    if not grids:
        return None
    targets = [_target(analysis, columns) for analysis in columns]
    cell = min(max(_CELL, LETTER * (_longest(targets) + 2)), _WIDEST_CELL)
    width = 1.2 + LETTER * _longest(sources) + cell * len(columns)
    height = (0.9 + 0.38 * len(sources)) * len(grids) + 1.2
    figure, axes = canvas(height, len(grids), 1, width)
    reach = max(np.nanmax(np.abs(grid)) for grid in grids.values()) or 1.0
    norm = TwoSlopeNorm(0, -reach, reach)
    for axis, (method, grid) in zip(axes[:, 0], grids.items(), strict=True):
        drawn = axis.imshow(grid, cmap="PuOr", norm=norm, aspect="auto")
        frame(axis, targets, sources, cell)
        axis.set_facecolor("#dddddd")
        axis.set_title(full_title(method, ""))
        axis.set_ylabel("source")
        for row, column in np.argwhere(~np.isnan(grid)):
            comparison = columns[column].comparison(method, sources[row])
            text = numbers.signed(comparison.difference) + ("*" if comparison.marked else "")
            write_cell(drawn, row, column, text)
    axes[-1, 0].set_xlabel("target")
    figure.colorbar(drawn, ax=axes[:, 0].tolist(), label="UAR less that of the DNN", shrink=0.8)
    stamps = "; ".join(sorted({f"{a.study.name}: {a.study.stamp}" for a in columns}))
    caption = (
        "Gain in UAR over the DNN on the same folds, for every source (rows) and target "
        "(columns). *: differs after Holm's correction, which was made for each target by "
        f"itself, not over the whole matrix. Grey: no transfer, or not tried. {stamps}."
    )
    foot = foot_of_all(analysis.study for analysis in columns)
    return Drawing("transfer-matrix", caption, _said(grids, sources, columns), figure, foot)


def transfer_table(analyses: Sequence[Analysis]) -> Table | None:
    """The same gains as a table."""
    if not is_matrix(analyses):
        return None
    columns = [analysis for analysis in analyses if analysis.comparisons]
    rows = []
    for method in SHOWN:
        for source in _sources(columns):
            found = [analysis.comparison(method, source) for analysis in columns]
            if any(found):
                gains = map(_gain, found, columns)
                rows.append((words(full_title(method, "")), words(source), *gains))
    heads = (
        *text_columns("Method", "Source"),
        *(
            Column(a.study.name, tuple(f"{what} {a.study.name}" for what in _GAIN_FIELDS))
            for a in columns
        ),
    )
    stamps = "; ".join(f"{a.study.name}: {a.study.stamp}" for a in columns)
    caption = f"Gain in UAR over the DNN, by source and target ({stamps})"
    return Table("transfer-matrix", caption, heads, tuple(rows), folded=True)


def confusions(analysis: Analysis) -> Drawing | None:
    """Which class was taken for which, by two methods: from scratch and ProgNet, if asked for."""
    scores = most_telling(analysis, ("dnn", "prognet", "ptft"), 2)
    if not scores:
        return None
    study = analysis.study
    size = len(study.classes)
    counted = size <= MOST_CLASSES
    named = size <= MOST_NAMED
    side = max(2.2, 0.45 * size) if counted else max(3.0, 0.17 * size if named else 0)
    wide = side > 3.2
    titles = [_title(score, side) for score in scores]
    above = LINE * max(0, max(len(title) for title in titles) - _ROOM_ABOVE)
    figure, axes = canvas(
        (side + 1.0 + above) * (len(scores) if wide else 1),
        len(scores) if wide else 1,
        1 if wide else len(scores),
        width=side + 2.6 if wide else (side + 0.8) * len(scores) + 0.7,
    )
    figure.set_layout_engine("compressed")  # which knows that the cells are square
    for axis, score, title in zip(axes.flat, scores, titles, strict=True):
        drawn = _confusion(axis, score, _short(study), side)
        axis.set_title("\n".join(title))
    figure.colorbar(drawn, ax=axes.ravel().tolist(), label="share of the true class", shrink=0.8)
    repeats = study.protocol["repeats"]
    caption = (
        "Which class (rows) was taken for which (columns): colours are shares of the true class, "
        f"numbers are utterances{f', over {repeats} repeats' if repeats > 1 else ''} "
        f"({study.stamp})."
        if counted
        else f"Which class (rows) was taken for which (columns), shares ({study.stamp})."
    )
    caption += chosen_after(study, scores)
    said = "; ".join(
        f"{full_title(s.method, s.source)}: recalls "
        + ", ".join(
            f"{name} {numbers.score(float(r))}"
            for name, r in list(zip(study.classes, s.recalls, strict=True))[:MOST_CLASSES]
        )
        for s in scores
    )
    alt = f"Confusion matrices. {said}"
    return Drawing(file_name(study, "confusions"), caption, alt, figure, foot_of(study))


def _short(study: StudyResult) -> list[str]:
    """The classes; speakers without their corpus, where there is but one."""
    corpora = {name.partition("/")[0] for name in study.classes if "/" in name}
    return [n.partition("/")[2] if len(corpora) == 1 else n for n in study.classes]


def _title(score: MethodScore, side: float) -> list[str]:
    """The lines of a method's title above a matrix that is so many inches wide."""
    title = full_title(score.method, score.source).replace(" from ", "\nfrom ")
    fit = max(int(side / LETTER), 12)
    return [part for line in title.split("\n") for part in wrap(line, fit)]


def _confusion(axis, score: MethodScore, classes: Sequence[str], side: float):
    """Draws a matrix whose sides are so many inches long."""
    totals = score.confusion.sum(axis=1, keepdims=True)
    shares = score.confusion / np.maximum(totals, 1)
    drawn = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = list(classes) if len(classes) <= MOST_NAMED else []
    frame(axis, names, names, side / len(classes))
    if not names:
        axis.set_xticks([])
        axis.set_yticks([])
    axis.set_xlabel("taken for")
    axis.set_ylabel("true class")
    if len(classes) <= MOST_CLASSES:
        for row, column in np.ndindex(*shares.shape):
            text = numbers.count(int(score.confusion[row, column]))
            write_cell(drawn, row, column, text)
    return drawn


def frame(axis, columns: Sequence[str], rows: Sequence[str], width: float) -> None:
    """Names the rows and columns of cells that are so many inches wide."""
    turned = LETTER * _longest(columns) > width
    # Several lines that stand aslant would run into those beside them.
    angle = 90 if any("\n" in name for name in columns) else 40
    axis.set_xticks(
        range(len(columns)),
        columns,
        rotation=angle if turned else 0,
        ha="right" if turned else "center",
        va="center" if turned and angle == 90 else "top",
        rotation_mode="anchor" if turned else None,
    )
    axis.set_yticks(range(len(rows)), rows)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def _longest(names: Sequence[str]) -> int:
    """Letters of the longest line."""
    return max((len(line) for name in names for line in name.split("\n")), default=0)


def write_cell(drawn: AxesImage, row: int, column: int, text: str) -> None:
    """Writes into a cell of what was drawn, in the ink that can be read there."""
    ink = ink_on(drawn.to_rgba(drawn.get_array()[row, column]))
    drawn.axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=8)


def _sources(columns: Sequence[Analysis]) -> list[str]:
    """The sources: those that are targets, too, in their order."""
    found = {c.source: None for a in columns for c in a.comparisons if c.method in SHOWN}
    targets = list(dict.fromkeys(a.study.target for a in columns))
    return [t for t in targets if t in found] + [s for s in found if s not in targets]


def _gains(method: str, sources: Sequence[str], columns: Sequence[Analysis]) -> np.ndarray:
    """Differences to the network from scratch, ``(sources, targets)``; NaN where not tried."""
    gains = np.full((len(sources), len(columns)), np.nan)
    for row, source in enumerate(sources):
        for column, analysis in enumerate(columns):
            comparison = analysis.comparison(method, source)
            if comparison is not None:
                gains[row, column] = comparison.difference
    return gains


def _target(analysis: Analysis, columns: Sequence[Analysis]) -> str:
    """A target with its stamp, and with its protocol where it stands there twice."""
    study = analysis.study
    twice = sum(a.study.target == study.target for a in columns) > 1
    name = study.name.replace(", ", "\n") if twice else study.target
    stamp = study.protocol["stamp"].replace("-", "-\n")
    return f"{name}\n{stamp}".replace("@", "\n@")


def _gain(comparison, analysis: Analysis) -> Cell:
    if comparison is None:
        return Cell(numbers.NONE, (None,) * len(_GAIN_FIELDS))
    shown = numbers.signed(comparison.difference) + (MARK if comparison.marked else "")
    return Cell(shown, (comparison.difference, comparison.adjusted, analysis.study.stamp))


def _said(grids, sources, columns) -> str:
    said = []
    for method, grid in grids.items():
        row, column = np.unravel_index(np.nanargmax(grid), grid.shape)
        said.append(
            f"{full_title(method, '')} gains most, {numbers.signed(grid[row, column])}, from "
            f"{sources[row]} to {columns[column].study.target}"
        )
    return f"Heat map of {len(sources)} sources by {len(columns)} targets. " + "; ".join(said)
