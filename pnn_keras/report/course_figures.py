"""Figures of how scores grow: over epochs, and over the amount of target data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from pnn_keras.experiments import Experiment, MethodResult, StudyResult
from pnn_keras.experiments.analysis import Analysis
from pnn_keras.report import numbers, paper
from pnn_keras.report.drawing import LOOKS, Drawing, canvas, chance_line, shared_legend
from pnn_keras.report.naming import file_name, from_source, method_title
from pnn_keras.report.words import EXTENDING_CONTROLS, GAIN_CONTROLS
from pnn_keras.statistics import uar

#: Where more methods were compared, controls have a panel of their own.
MOST_IN_PANEL = 6

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
        for result in results:
            handles[result.method] = _course(axis, traced_uar(result), result)
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
    return Drawing(file_name(study, "curves"), caption, f"Lines, UAR by epochs: {ends}", figure)


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
            for shift, result in enumerate(results):
                offset = (shift - (len(results) - 1) / 2) * min(0.1, 0.7 / len(results))
                handles[result.method] = _amount_line(axis, group, result, offset)
                published |= _published_line(axis, group, result, experiment)
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
        drawings.append(Drawing(file_name(first, "amounts"), caption, alt, figure))
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


def _course(axis, values: np.ndarray, result: MethodResult):
    """Draws a method's mean over repeats."""
    colour, marker = LOOKS[result.method]
    epochs = np.arange(1, len(values) + 1)
    (line,) = axis.plot(
        epochs,
        values.mean(axis=1),
        color=colour,
        lw=1.5,
        marker=marker,
        ms=5,
        markevery=max(len(epochs) // 8, 1),
        label=method_title(result.method, result.source),
    )
    if values.shape[1] > 1:
        low, high = values.min(axis=1), values.max(axis=1)
        axis.fill_between(epochs, low, high, color=colour, alpha=0.15, lw=0)
    return line


def _amount_line(axis, group: Sequence[Analysis], result: MethodResult, offset: float):
    found = [(i, a.score(result.method, result.source)) for i, a in enumerate(group)]
    found = [(i, score) for i, score in found if score is not None]
    values = np.array([score.uar for _, score in found])
    bounds = np.array([(s.interval.low, s.interval.high) for _, s in found]).reshape(-1, 2).T
    colour, marker = LOOKS[result.method]
    drawn = axis.errorbar(
        [i + offset for i, _ in found],
        values,
        yerr=np.abs(bounds - values),
        color=colour,
        marker=marker,
        ms=6,
        lw=1.4,
        elinewidth=0.8,
        label=method_title(result.method, result.source),
    )
    return drawn


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
