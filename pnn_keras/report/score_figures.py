"""Figures of one study's scores: bars, differences, speakers and sexes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.lines import Line2D

from pnn_keras.experiments import Experiment, StudyResult
from pnn_keras.experiments.analysis import Analysis, Comparison, MethodScore
from pnn_keras.report import numbers, paper
from pnn_keras.report.drawing import LOOKS, Drawing, canvas, chance_line, shared_legend
from pnn_keras.report.foot import foot_of
from pnn_keras.report.naming import (
    file_name,
    from_source,
    full_title,
    in_order,
    method_title,
    most_telling,
    source_title,
)

#: With more speakers none is named.
MOST_NAMED = 40


def bars(analysis: Analysis, experiment: Experiment) -> Drawing | None:
    """The UAR of every method with its interval, source by source."""
    scores = in_order(analysis.scores)
    if not scores:
        return None
    study = analysis.study
    lines = _lines(scores)
    figure, axes = canvas(0.75 + 0.24 * len(lines))
    axis = axes[0, 0]
    published = False
    for place, line in enumerate(lines):
        if isinstance(line, str):
            continue
        published |= _bar(axis, place, line, analysis, experiment)
    _name_lines(axis, lines)
    axis.set_xlim(0, 1)
    chance_line(axis, len(study.classes))
    axis.set_xlabel("UAR (dashed: chance)")
    handles = [
        Line2D([], [], color="black", linewidth=1.2, label="95 % interval"),
        *(
            [Line2D([], [], linestyle="", marker="D", markerfacecolor="white", label="the paper")]
            if published
            else []
        ),
    ]
    if published:
        shared_legend(figure, handles)
    caption = (
        f"UAR with 95 % bootstrap intervals ({study.stamp}). *: differs from the DNN after Holm's "
        "correction." + (" Diamonds: the paper, mean of the folds' UARs." if published else "")
    )
    said = "; ".join(f"{full_title(s.method, s.source)} {numbers.score(s.uar)}" for s in scores)
    alt = f"Bars. UAR: {said}"
    return Drawing(file_name(study, "bars"), caption, alt, figure, foot_of(study))


def differences(analysis: Analysis) -> Drawing | None:
    """What every method gains over the network from scratch, with its interval."""
    study = analysis.study
    scores = [s for s in in_order(analysis.scores) if analysis.comparison(s.method, s.source)]
    if len(scores) < 2:
        return None
    lines = _lines(scores)
    found = [analysis.comparison(s.method, s.source) for s in scores]
    reach = _reach(found)
    figure, axes = canvas(0.75 + 0.24 * len(lines))
    axis = axes[0, 0]
    axis.axvline(0, color="black", lw=0.8, zorder=1)
    for place, line in enumerate(lines):
        if not isinstance(line, str):
            _difference(axis, place, analysis.comparison(line.method, line.source), reach)
    _name_lines(axis, lines)
    axis.set_xlim(-reach, reach)
    axis.grid(axis="x", color="#dddddd", lw=0.6)
    axis.set_xlabel("UAR less that of the DNN")
    caption = (
        "Difference in UAR to the DNN on the same folds, with 95 % bootstrap intervals "
        f"({study.stamp}). *: differs after Holm's correction; that is for the test to say, not "
        "for an interval that leaves out zero."
        + (" Arrows: farther out." if any(_size(c) > reach for c in found) else "")
    )
    said = "; ".join(
        f"{full_title(c.method, c.source)} {numbers.signed(c.difference)}" for c in found
    )
    alt = f"Dots with intervals. UAR less that of the DNN: {said}"
    return Drawing(file_name(study, "differences"), caption, alt, figure, foot_of(study))


def _difference(axis, place: int, comparison: Comparison, reach: float) -> None:
    """Draws a difference with its interval; arrows where they go on beyond the axis."""
    colour, marker = LOOKS[comparison.method]
    where, bounds = comparison.difference, (comparison.interval.low, comparison.interval.high)
    axis.plot(np.clip(bounds, -reach, reach), [place] * 2, color="black", lw=1.2, zorder=2)
    for side, bound in zip((-1, 1), bounds, strict=True):
        if side * bound > reach:
            _arrow(axis, place, side, reach, "black")
    if _is_far(comparison, reach):
        _arrow(axis, place, np.sign(where), reach, colour)
    else:
        axis.plot(where, place, linestyle="", marker=marker, ms=6, color=colour, zorder=3)
    text = numbers.signed(comparison.difference) + (" *" if comparison.marked else "")
    axis.text(1.01, place, text, va="center", transform=axis.get_yaxis_transform())


def _arrow(axis, place: int, side: float, reach: float, colour: str) -> None:
    """Draws an arrow at an end of the axis."""
    marker = "<" if side < 0 else ">"
    axis.plot(0.97 * side * reach, place, ls="", marker=marker, ms=6, color=colour, zorder=3)


def _reach(found: Sequence[Comparison]) -> float:
    """How far the axis goes to either side: past the intervals of all that lie not far out."""
    sizes = list(map(_size, found))
    limit = 3 * np.median(sizes)
    near = [size for c, size in zip(found, sizes, strict=True) if abs(c.difference) <= limit]
    return 1.1 * float(max(near)) or 1.0


def _size(comparison: Comparison) -> float:
    """How far a difference and its interval go from zero."""
    found = comparison.interval
    return float(np.nanmax(np.abs([comparison.difference, found.low, found.high])))


def _is_far(comparison: Comparison, reach: float) -> bool:
    return abs(comparison.difference) > reach


def speakers(analysis: Analysis) -> Drawing | None:
    """Every speaker's UAR, and that of each sex, with three methods: the paper's, if asked for."""
    shown = most_telling(analysis, ("dnn", "ptft", "prognet"), 3)
    if not shown or len(shown[0].by_speaker) < 2:
        return None
    study = analysis.study
    sexes = [sex for sex in ("female", "male") if sex in shown[0].by_gender]
    order = sorted(shown[0].by_speaker, key=shown[0].by_speaker.get)
    named = len(order) <= MOST_NAMED
    height = 0.2 * len(order) if named else 6.0
    heights = [max(0.3 * len(sexes), 0.3), height]
    figure, axes = canvas(
        1.3 + sum(heights), 2, 1, sharex=True, gridspec_kw={"height_ratios": heights}
    )
    of_sex, of_speaker = axes[:, 0]
    _dots(of_sex, sexes, {score.method: score.by_gender for score in shown})
    _dots(of_speaker, order, {score.method: score.by_speaker for score in shown})
    sex_of = dict(zip(study.speakers, study.genders, strict=True))
    if named:
        labels = [f"{_short(name, study)} ({(sex_of[name] or '?')[0]})" for name in order]
        of_speaker.set_yticks(range(len(order)), labels)
    else:
        of_speaker.set_yticks([])
        of_speaker.set_ylabel(f"{len(order)} speakers, by UAR of {full_title(*_key(shown[0]))}")
    of_speaker.set_xlim(-0.02, 1.02)
    alone = _one_class_each(study)
    measured = "Recall" if alone else "UAR over the classes present"
    if study.comparable_sexes and not alone:
        of_speaker.set_xlabel(f"{measured} (dashed: chance)")
        for axis in (of_sex, of_speaker):
            chance_line(axis, len(study.classes))
    else:  # chance over some of the classes is another
        of_speaker.set_xlabel(measured)
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=LOOKS[s.method][1],
            markerfacecolor=LOOKS[s.method][0],
            label=full_title(s.method, s.source),
        )
        for s in shown
    ]
    shared_legend(figure, handles)
    caption = (
        f"{measured} of each sex and of each speaker, sorted by "
        f"{full_title(*_key(shown[0]))} ({study.stamp})." + chosen_after(study, shown)
    )
    lowest, highest = order[0], order[-1]
    values = shown[0].by_speaker
    alt = (
        f"Dots. {full_title(*_key(shown[0]))}: from {numbers.score(values[lowest])} for speaker "
        f"{_short(lowest, study)} to {numbers.score(values[highest])} for speaker "
        f"{_short(highest, study)}"
    )
    return Drawing(file_name(study, "speakers"), caption, alt, figure, foot_of(study))


def chosen_after(study: StudyResult, shown: Sequence[MethodScore]) -> str:
    """What a caption says where one of several sources was chosen by its score, or nothing."""
    methods = {score.method for score in shown}
    if sum(result.method in methods for result in study.methods) == len(methods):
        return ""
    return (
        " Of several sources of a method, the one with the highest UAR was taken after seeing the "
        "scores."
    )


def _lines(scores: list[MethodScore]) -> list[str | MethodScore]:
    """Scores under the headings of their sources."""
    lines: list[str | MethodScore] = []
    source = ""
    for score in scores:
        if from_source(score.method, score.source) != source:
            source = from_source(score.method, score.source)
            lines.append(f"from {source_title(score.method, source)}")
        lines.append(score)
    return lines


def _name_lines(axis, lines: list[str | MethodScore]) -> None:
    """Names every line of a figure, from above; headings stand out."""
    axis.set_yticks(range(len(lines)), [_label(line) for line in lines])
    for tick, line in zip(axis.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if isinstance(line, str) else "normal")
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(lines) - 0.4, -0.6)


def _label(line: str | MethodScore) -> str:
    return line if isinstance(line, str) else method_title(line.method, line.source)


def _bar(axis, place: int, score: MethodScore, analysis: Analysis, experiment) -> bool:
    """Draws a bar; says whether the paper has its score, too."""
    axis.barh(place, score.uar, 0.72, color=LOOKS[score.method][0], alpha=0.55)
    if not np.isnan(score.interval.low):
        axis.plot([score.interval.low, score.interval.high], [place] * 2, color="black", lw=1.2)
    comparison = analysis.comparison(score.method, score.source)
    mark = " *" if comparison is not None and comparison.marked else ""
    # Beside the axis, where no interval runs through it.
    place_of = axis.get_yaxis_transform()
    axis.text(1.01, place, numbers.score(score.uar) + mark, va="center", transform=place_of)
    known = paper.published(
        experiment.name, analysis.study, score.method, from_source(score.method, score.source)
    )
    if known is not None:
        axis.plot(known[0], place, "D", markerfacecolor="white", zorder=4)
    return known is not None


def _dots(axis, names: list[str], by_method: Mapping[str, Mapping[str, float]]) -> None:
    values = np.array([[of[name] for of in by_method.values()] for name in names])
    values = values.reshape(len(names), len(by_method))
    places = np.arange(len(names))
    few = len(names) <= MOST_NAMED
    apart = np.linspace(-0.2, 0.2, len(by_method)) if few and len(by_method) > 1 else [0.0] * 3
    size = 6 if few else 4
    axis.hlines(places, values.min(axis=1), values.max(axis=1), color="#bbbbbb", lw=1, zorder=1)
    for column, method in enumerate(by_method):
        colour, marker = LOOKS[method]
        heights = places + apart[column]  # one below the other, so that none hides another
        look = {"marker": marker, "color": colour, "ms": size, "zorder": 2 + column}
        axis.plot(values[:, column], heights, linestyle="", **look)
    axis.set_yticks(places, names)
    axis.set_ylim(-0.6, len(names) - 0.4)


def _one_class_each(study: StudyResult) -> bool:
    """Whether all utterances of a speaker are of one class, as where speakers or sexes are."""
    pairs = set(zip(study.speakers, study.targets.tolist(), strict=True))
    return len(pairs) == len(set(study.speakers))


def _key(score: MethodScore) -> tuple[str, str]:
    return score.method, score.source


def _short(speaker: str, study) -> str:
    """A speaker without its corpus, where there is but one."""
    corpora = set(study.corpora)
    return speaker.removeprefix(f"{next(iter(corpora))}/") if len(corpora) == 1 else speaker
