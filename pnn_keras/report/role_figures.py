"""Figures of what was forgotten, and of who has which role in the folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pnn_keras.experiments import StudyResult
from pnn_keras.experiments.analysis import Analysis, Forgetting
from pnn_keras.protocol.fold import ROLES
from pnn_keras.report import numbers
from pnn_keras.report.drawing import LOOKS, SEXES, Drawing, canvas, shared_legend
from pnn_keras.report.foot import foot_of
from pnn_keras.report.naming import corpora_of, file_name, full_title
from pnn_keras.report.run_tables import RoleCount


def forgetting(analysis: Analysis) -> Drawing | None:
    """The source task's UAR before and after the target was learned."""
    found = analysis.forgetting
    if not found:
        return None
    study = analysis.study
    lines = _under_sources(found)
    figure, axes = canvas(1.3 + 0.26 * len(lines))
    axis = axes[0, 0]
    for place, each in enumerate(lines):
        if isinstance(each, str):
            continue
        colour = LOOKS[each.method][0]
        axis.plot([each.before, each.after], [place, place], color=colour, lw=2.5, zorder=1)
        axis.plot(each.before, place, "o", ms=9, markerfacecolor="white", zorder=2)
        axis.plot(each.after, place, "o", ms=5, color=colour, zorder=3)
        lost = numbers.signed(-each.lost) + (" (unchanged)" if each.unchanged else "")
        axis.text(1.01, place, lost, va="center", transform=axis.get_yaxis_transform())
    axis.set_yticks(
        range(len(lines)),
        [line if isinstance(line, str) else full_title(line.method, "") for line in lines],
    )
    for tick, line in zip(axis.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if isinstance(line, str) else "normal")
    axis.tick_params(axis="y", length=0)
    axis.set_ylim(len(lines) - 0.4, -0.6)
    axis.set_xlim(-0.02, 1.02)
    axis.grid(axis="x", color="#dddddd", lw=0.6)
    axis.set_xlabel("UAR of the source task")
    before = Line2D([], [], linestyle="", marker="o", ms=9, markerfacecolor="white")
    before.set_label("before the target was learned")
    after = Line2D([], [], linestyle="", marker="o", ms=5, color="black", label="after")
    shared_legend(figure, [before, after])
    caption = (
        "UAR of the source task before and after the target was learned, and the change "
        f"({study.scaling_stamp}; whose voices: see the headings). Unchanged: every single answer "
        "is the same."
    )
    said = "; ".join(
        f"{full_title(e.method, e.source)} from {numbers.score(e.before)} to "
        f"{numbers.score(e.after)}"
        for e in found
    )
    # Whose voices they are differs from source to source, and so does how many.
    foot = f"{corpora_of(study)}; {study.scaling_stamp}"
    return Drawing(file_name(study, "forgetting"), caption, f"Dots: {said}", figure, foot)


def _under_sources(found: Sequence[Forgetting]) -> list[str | Forgetting]:
    """What was forgotten, under headings of the sources."""
    lines: list[str | Forgetting] = []
    for source in dict.fromkeys(each.source for each in found):
        own = [each for each in found if each.source == source]
        lines += [f"{own[0].task}, {own[0].role} rows, {own[0].voices}", *own]
    return lines


def folds(study: StudyResult, counts: Sequence[RoleCount]) -> Drawing | None:
    """Speakers and utterances of each role in the folds of the first repeat, by sex."""
    first = [each for each in counts if each.repeat == 0]
    if not first:
        return None
    size = 1 + max(each.fold for each in first)
    figure, axes = canvas(3.6, 2, len(ROLES), sharex=True)
    sexes = [sex for sex in SEXES if any(each.sex == sex for each in first)]
    for row, unit in enumerate(("speakers", "utterances")):
        for column, role in enumerate(ROLES):
            axis = axes[row, column]
            below = np.zeros(size)
            for sex in sexes:
                heights = np.zeros(size)
                for each in first:
                    if (each.role, each.sex) == (role, sex):
                        heights[each.fold] = getattr(each, unit)
                colour, hatch = SEXES[sex]
                look = {"color": colour, "hatch": hatch, "alpha": 0.7}
                axis.bar(np.arange(1, size + 1), heights, 0.8, below, **look)
                below += heights
            axis.yaxis.get_major_locator().set_params(integer=True, nbins=4)
            axis.xaxis.get_major_locator().set_params(integer=True, nbins=6)
            if row == 0:
                axis.set_title(role)
            else:
                axis.set_xlabel("fold")
        axes[row, 0].set_ylabel(unit)
    handles = [
        Patch(facecolor=SEXES[sex][0], hatch=SEXES[sex][1], alpha=0.7, label=sex) for sex in sexes
    ]
    shared_legend(figure, handles)
    repeats = study.protocol["repeats"]
    caption = (
        "Speakers and labelled utterances of each role and fold, by sex"
        + (f", in repeat 1 of {repeats}" if repeats > 1 else "")
        + f" ({study.stamp}). The height of the bars differs from panel to panel."
    )
    alt = _said(first, size)
    return Drawing(file_name(study, "folds"), caption, alt, figure, foot_of(study))


def _said(first: Sequence[RoleCount], size: int) -> str:
    said = []
    for role in ROLES:
        total = [
            sum(e.utterances for e in first if (e.role, e.fold) == (role, fold))
            for fold in range(size)
        ]
        said.append(f"{role} {min(total)} to {max(total)} utterances")
    return f"Bars, {size} folds: " + "; ".join(said)
