"""Figures of how scores grow: over epochs, and over the amount of target data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D

from pnn_keras.experiments import Experiment, MethodResult, StudyResult
from pnn_keras.experiments.analysis import (
    EXTENDING_CONTROLS,
    GAIN_CONTROLS,
    Analysis,
    MethodScore,
)
from pnn_keras.report import numbers, paper
from pnn_keras.report.drawing import LOOKS, Drawing, canvas, chance_line, shared_legend
from pnn_keras.report.foot import foot_of
from pnn_keras.report.naming import file_name, from_source, method_title
from pnn_keras.statistics import uar

#: Where more methods were compared, controls have a panel of their own.
MOST_IN_PANEL = 6

#: How far below all others a method has to lie to be named instead of drawn: as a share of
#: what they span, and at least in UAR; and how much its UAR may differ from amount to amount.
_FAR_BELOW, _NEAR, _SAME = 0.25, 0.05, 0.005

#: What a panel of controls shows: them, and what they are held against.
_CONTROLS = {*GAIN_CONTROLS, *(c for controls in EXTENDING_CONTROLS.values() for c in controls)}
_CONTROLLED = {"dnn", *EXTENDING_CONTROLS}


def traced_uar(result: MethodResult) -> np.ndarray:
    """UAR of each repeat's pooled test rows after every epoch, ``(epochs, repeats)``."""
    return uar(result.traced.sum(axis=2))


def curves(analysis: Analysis) -> Drawing | None:
    """The UAR on test rows against epochs, a panel for each source."""
    study = analysis.study
    traced = [result for result in study.methods if result.traced is not None]
    if not traced:
        return None
    panels = _panels(traced)
    figure, axes = _grid(len(panels))
    handles = {}
    for axis, (source, results) in zip(axes.flat, panels.items(), strict=False):
        for place, result in enumerate(results):
            handles[result.method] = _course(axis, result, place / len(results))
        chance_line(axis, len(study.classes), upright=False)
        axis.set_title(_title(source))
        axis.set_xlabel("epoch")
    _finish(figure, axes, len(panels), handles)
    several = study.protocol["repeats"] > 1
    caption = (
        f"UAR on test rows after every epoch, over each repeat's pooled answers ({study.stamp})"
        + ("; the mean over repeats, shaded from lowest to highest" if several else "")
        + ". Dashed: chance. For looking at only: no epoch is chosen by test rows."
    )
    ends = "; ".join(
        f"{method_title(r.method, r.source)}"
        + (f" from {r.source}" if from_source(r.method, r.source) else "")
        + f" ends at {numbers.score(float(traced_uar(r)[-1].mean()))}"
        for r in traced
    )
    alt = f"Lines, UAR by epochs: {ends}"
    return Drawing(file_name(study, "curves"), caption, alt, figure, foot_of(study))


def amounts(
    analyses: Sequence[Analysis], experiment: Experiment, stopping: Mapping[int, float]
) -> list[Drawing]:
    """The UAR against the amount of target data: studies that differ in nothing else.

    Args:
        analyses: of all studies of a run.
        experiment: what was asked.
        stopping: mean number of stop rows over a study's folds, by its number.
    """
    drawings = []
    for group in amount_groups(analyses, experiment):
        first = group[0].study
        panels = _amount_panels(first.methods)
        # All of one source stand below each other, in the page's width.
        figure, axes = _grid(len(panels), 1 if len(_panels(first.methods)) == 1 else 2)
        handles, published = {}, False
        for axis, (title, results) in zip(axes.flat, panels, strict=False):
            named = _far_below(group, results)
            drawn = [result for result in results if result not in named]
            for shift, result in enumerate(drawn):
                offset = (shift - (len(drawn) - 1) / 2) * min(0.1, 0.8 / len(drawn))
                handles[result.method] = _amount_line(axis, group, result, offset)
                published |= _published_line(axis, group, result, experiment)
            _name_below(axis, group, named)
            axis.set_title(title)
            ticks = [_amount(a.study, stopping[a.study.number]) for a in group]
            axis.set_xticks(range(len(group)), ticks)
            axis.set_xlabel("parts trained on; utterances that train + stop")
            axis.set_xlim(-0.45, len(group) - 0.55)
        _finish(figure, axes, len(panels), handles)
        caption = (
            f"{first.target}: UAR against the amount of target data, with 95 % bootstrap "
            f"intervals ({first.stamp}). Utterances are means over folds; the networks choose "
            "their epoch by the labelled stop utterances, plain classifiers never see those. p "
            "values are corrected within each amount, not over all of them."
            + (" The panels' axes differ." if len(panels) > 1 and axes.shape[1] == 1 else "")
            + (" Dotted: the paper, read off its figure 4." if published else "")
        )
        alt = f"Lines, UAR by amount of target data: {_amount_words(group)}"
        name = file_name(first, "amounts")
        drawings.append(Drawing(name, caption, alt, figure, foot_of(first)))
    return drawings


def amount_groups(analyses: Sequence[Analysis], experiment: Experiment) -> list[list[Analysis]]:
    """Studies that differ in the number of training parts alone, from few to all."""
    groups: dict = {}
    for analysis in analyses:
        if analysis.scores:
            asked = experiment.studies[analysis.study.number]
            groups.setdefault(dataclasses.replace(asked, training_parts=0), []).append(analysis)
    return [
        sorted(group, key=lambda a: a.study.training_parts or math.inf)
        for group in groups.values()
        if len(group) > 1
    ]


def _panels(results: Sequence[MethodResult]) -> dict[str, list[MethodResult]]:
    """Results by source; those without one stand in every panel."""
    sources = list(dict.fromkeys(from_source(r.method, r.source) for r in results))
    alone = [r for r in results if not from_source(r.method, r.source)]
    panels = {source: [*alone] for source in sources if source} or {"": [*alone]}
    for result in results:
        if from_source(result.method, result.source):
            panels[from_source(result.method, result.source)].append(result)
    return panels


def _amount_panels(results: Sequence[MethodResult]) -> list[tuple[str, list[MethodResult]]]:
    """Titles and results by source; where there are many, controls beside what they control."""
    panels = []
    for source, own in _panels(results).items():
        title = _title(source)
        controls = [r for r in own if r.method in _CONTROLS | _CONTROLLED]
        if len(own) <= MOST_IN_PANEL or not any(r.method in _CONTROLS for r in controls):
            panels.append((title, own))
            continue
        panels.append((title, [r for r in own if r.method not in _CONTROLS]))
        panels.append((f"{title}\nProgNet and its controls", controls))
    return panels


def _title(source: str) -> str:
    return f"from {source}" if source else "no source"


def _grid(panels: int, columns: int = 2):
    columns = min(panels, columns)
    rows = -(-panels // columns)
    figure, axes = canvas(0.5 + 2.5 * rows, rows, columns, sharey=columns > 1)
    for axis in axes.flat[panels:]:
        axis.set_visible(False)
    return figure, axes


def _finish(figure, axes, panels: int, handles) -> None:
    for row in axes:
        row[0].set_ylabel("UAR")
    for axis in axes.flat[:panels]:
        axis.grid(axis="y", color="#dddddd", lw=0.6)
        axis.tick_params(labelleft=True)
    shared_legend(figure, list(handles.values()))


def _course(axis, result: MethodResult, shift: float) -> Line2D:
    """Draws a method's mean over repeats; its markers are shifted by a share of their distance."""
    values = traced_uar(result)
    epochs = np.arange(1, len(values) + 1)
    if values.shape[1] > 1:
        low, high = values.min(axis=1), values.max(axis=1)
        axis.fill_between(epochs, low, high, color=LOOKS[result.method][0], alpha=0.15, lw=0)
    # Where curves meet no marker stands on another.
    step = max(len(epochs) // 8, 1)
    return _line(axis, epochs, values.mean(axis=1), result, slice(int(step * shift), None, step))


def _amount_line(axis, group: Sequence[Analysis], result: MethodResult, offset: float) -> Line2D:
    found = [(i, a.score(result.method, result.source)) for i, a in enumerate(group)]
    found = [(i, score) for i, score in found if score is not None]
    values = np.array([score.uar for _, score in found])
    bounds = np.array([(s.interval.low, s.interval.high) for _, s in found]).reshape(-1, 2).T
    places = np.array([i + offset for i, _ in found])
    axis.errorbar(
        places,
        values,
        yerr=np.abs(bounds - values),
        fmt="none",
        color=LOOKS[result.method][0],
        elinewidth=0.8,
        zorder=3,
        label=method_title(result.method, result.source),
    )
    return _line(axis, places, values, result)


def _line(axis, x: np.ndarray, y: np.ndarray, result: MethodResult, marked=slice(None)) -> Line2D:
    """Draws a line, and markers above the lines and intervals of all methods.

    Returns:
        What a legend shows of it.
    """
    colour, marker = LOOKS[result.method]
    label = method_title(result.method, result.source)
    axis.plot(x, y, color=colour, lw=1.2, alpha=0.7, zorder=2, label=label)
    axis.plot(x[marked], y[marked], color=colour, marker=marker, ms=6, ls="", zorder=4)
    return Line2D([], [], color=colour, marker=marker, ms=6, lw=1.2, label=label)


def _far_below(group: Sequence[Analysis], results: Sequence[MethodResult]) -> list[MethodResult]:
    """Methods whose UAR is the same at every amount, and so low that they squeeze all others."""
    named: list[MethodResult] = []
    left = sorted(results, key=lambda result: max(_uars(group, result)))
    while len(left) > 1:
        lowest, *left = left
        bounds = [bound for result in left for bound in _bounds(group, result)]
        low, high = np.nanmin(bounds), np.nanmax(bounds)
        limit = low - max(_FAR_BELOW * (high - low), _NEAR)
        uars = _uars(group, lowest)
        if np.ptp(uars) > _SAME or max(uars) >= limit:
            break
        named.append(lowest)
    return named


def _scores(group: Sequence[Analysis], result: MethodResult) -> list[MethodScore]:
    """The scores of a method with each amount, where it is finished."""
    found = [analysis.score(result.method, result.source) for analysis in group]
    return [score for score in found if score is not None]


def _uars(group: Sequence[Analysis], result: MethodResult) -> list[float]:
    return [score.uar for score in _scores(group, result)]


def _bounds(group: Sequence[Analysis], result: MethodResult) -> list[float]:
    """A method's scores and the bounds of their intervals."""
    scores = _scores(group, result)
    return [bound for s in scores for bound in (s.uar, s.interval.low, s.interval.high)]


def _name_below(axis, group: Sequence[Analysis], named: Sequence[MethodResult]) -> None:
    """Names methods below all that is drawn, with their UAR."""
    if not named:
        return
    low, high = axis.get_ylim()
    axis.set_ylim(low - 0.12 * (high - low), high)
    said = "; ".join(
        f"{method_title(r.method, r.source)} {numbers.score(_uars(group, r)[0])}" for r in named
    )
    text = f"not drawn, the same at every amount: {said}"
    axis.text(0.01, 0.03, text, transform=axis.transAxes, fontsize=8)


def _published_line(axis, group: Sequence[Analysis], result: MethodResult, experiment) -> bool:
    source = from_source(result.method, result.source)
    known = [
        (i, paper.published(experiment.name, a.study, result.method, source))
        for i, a in enumerate(group)
    ]
    known = [(i, score[0]) for i, score in known if score is not None]
    if known:
        axis.plot(*zip(*known, strict=True), ":", color=LOOKS[result.method][0], lw=1.2)
    return bool(known)


def _amount(study: StudyResult, stopping: float) -> str:
    return f"{study.training_parts or 'all'}\n{study.train_rows.mean():.0f} + {stopping:.0f}"


def _amount_words(group: Sequence[Analysis]) -> str:
    said = []
    for result in group[0].study.methods:
        scores = [a.score(result.method, result.source) for a in group]
        values = ", ".join(numbers.score(None if s is None else s.uar) for s in scores)
        said.append(f"{method_title(result.method, result.source)} {values}")
    return "; ".join(said)
