"""What the numbers of a study support and what they do not, in sentences made by rules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pnn_keras.experiments import RunResult
from pnn_keras.experiments.analysis import (
    EXTENDING_CONTROLS,
    GAIN_CONTROLS,
    LEVEL,
    Analysis,
    Comparison,
    MethodScore,
)
from pnn_keras.experiments.spec import source_tasks
from pnn_keras.methods import METHODS
from pnn_keras.references import REFERENCES
from pnn_keras.report import numbers
from pnn_keras.report.caveats import caveats
from pnn_keras.report.compared import p_over_folds
from pnn_keras.report.naming import full_title, method_title

#: The methods that are named where they are not shown to differ.
SPOKEN = ("chain", "chain-rescaled", "ptft", "prognet", "prognet-adapter", "prognet-rescaled")


def run_words(run: RunResult) -> list[str]:
    """What is to be known about a run as a whole: what is missing, and invented voices."""
    said = []
    missing = [(study, study.missing) for study in run.studies if study.missing]
    if missing:
        count = sum(len(jobs) for _, jobs in missing)
        total = count + sum(len(study.methods) for study in run.studies)
        done, parts = (sum(study.parts[i] for study in run.studies) for i in (0, 1))
        follows = (
            "What follows is of what is finished; corrections over fewer comparisons are milder "
            "than they will be. "
            if count < total
            else ""
        )
        said.append(
            f"Unfinished: {done} of {parts} parts (a method's answers on some folds) are there; "
            f"{count} of {total} results are missing, and every comparison with them. {follows}"
            "The command below computes the rest."
        )
    if len(run.studies) > 1:
        said.append(
            f"Holm's correction is made in each of the {len(run.studies)} studies, once for the "
            "comparisons with the DNN and once for those with controls. Over all of them nothing "
            "is corrected: a mark where nothing differs is to be expected more often than in one "
            "such run of twenty."
        )
    synthetic = [corpus["name"] for corpus in run.record["corpora"] if corpus.get("synthetic")]
    if synthetic:
        said.append(
            f"Synthetic audio ({', '.join(synthetic)}): nobody spoke it, and these scores say "
            "nothing about people."
        )
    return said


def study_words(analysis: Analysis) -> list[str]:
    r"""What the numbers of a study support, sentence by sentence.

    The rules: does a method differ from the network from scratch after Holm's
    correction; is a gain more than that of a network as large, of a random and
    of a shuffled column; was anything learned at all, and more than by a plain
    classifier; what was forgotten; on whose voices; what has
    the scaling seen; how many speakers and repeats; what is missing.

    Example:
        ``"\n".join(study_words(analyse(read_run("run").studies[0])))``
    """
    said = [*_unfinished(analysis)]
    if not analysis.scores:
        return [*said, "Nothing of this study is finished."]
    return [
        *said,
        *_chance(analysis),
        *_plain(analysis),
        *_differences(analysis),
        *_gains(analysis),
        *_forgotten(analysis),
        *caveats(analysis),
    ]


def _unfinished(analysis: Analysis) -> list[str]:
    missing = [full_title(method, source) for method, source in analysis.study.missing]
    return [f"Not finished: {_listed(missing)}."] if missing else []


def _chance(analysis: Analysis) -> list[str]:
    """What has learned nothing is nothing to compare with."""
    scratch, chance = analysis.score("dnn"), 1 / len(analysis.study.classes)
    said = []
    if scratch is None:
        said.append("There is no network from scratch here, so that no gain can be told.")
    elif not _beats(scratch, chance):
        said.append(
            f"The DNN is not shown to be better than chance ({_score(scratch)}, chance "
            f"{numbers.score(chance)}): differences between methods mean little before they have "
            "learned something. More epochs, perhaps."
        )
    poor = [
        full_title(score.method, score.source)
        + (" (one answer to everything)" if _is_constant(score) else "")
        for score in analysis.scores
        if score is not scratch and not _beats(score, chance)
    ]
    if poor:
        said.append(f"Not shown to be better than chance: {_listed(poor)}.")
    return said


def _beats(score: MethodScore, chance: float) -> bool:
    """Whether a score is above chance: its interval, or itself where there is none."""
    low = score.interval.low
    return (score.uar if math.isnan(low) else low) > chance


def _score(score: MethodScore) -> str:
    bounds = numbers.interval(score.interval.low, score.interval.high)
    return " ".join(filter(None, [numbers.score(score.uar), bounds]))


def _plain(analysis: Analysis) -> list[str]:
    """A plain classifier that does as well makes every gain one over a weak network."""
    better = [
        _with_numbers(c)
        for c in analysis.comparisons
        if c.other == "dnn" and c.method in REFERENCES and c.marked and c.difference > 0
    ]
    if better:
        return [
            f"A plain classifier does better than the DNN: {_listed(better)}. Gains over such a "
            "network are gains over a weak one."
        ]
    best = max(analysis.scores, key=lambda score: score.uar)
    if best.method in REFERENCES and len(analysis.scores) > 1:
        return [
            f"The highest UAR is that of a plain classifier ({full_title(best.method, '')}, "
            f"{numbers.score(best.uar)}): no network scored higher."
        ]
    return []


def _differences(analysis: Analysis) -> list[str]:
    """Whether each method differs from the network from scratch."""
    compared = [c for c in analysis.comparisons if c.other == "dnn"]
    said = []
    better = [
        _with_numbers(c)
        for c in compared
        if c.marked and c.difference > 0 and c.method not in REFERENCES
    ]
    worse = [_with_numbers(c) for c in compared if c.marked and c.difference <= 0]
    if better:
        said.append(f"Better than the DNN after Holm's correction: {_listed(better)}.")
    if worse:
        said.append(f"Worse than the DNN after Holm's correction: {_listed(worse)}.")
    return [*said, *_contrary(compared), *_alike(compared), *_untested(compared)]


def _contrary(compared: Sequence[Comparison]) -> list[str]:
    """What a test found in the other direction than the headline."""
    return [
        f"{full_title(c.method, c.source)} is not marked, although its p after Holm's correction "
        f"is {numbers.p_value(c.adjusted)}: the test is of the mean of the folds' own differences "
        f"({numbers.signed(c.primary.difference)}), which points the other way than the "
        f"difference of the pooled answers ({numbers.signed(c.difference)})."
        for c in compared
        if c.contrary and c.adjusted < LEVEL
    ]


def _alike(compared: Sequence[Comparison]) -> list[str]:
    """What is not shown to differ from the network from scratch."""
    alike = [c for c in compared if c.adjusted >= LEVEL]
    named = [full_title(c.method, c.source) for c in alike if c.method in SPOKEN]
    others = len(alike) - len(named)
    if not alike:
        return []
    if others:
        named.append(f"{others} {'other ' if named else ''}methods and controls (see the table)")
    return [
        f"Not shown to differ from the DNN: {_listed(named)}. That does not show that they are "
        "equal: the intervals of the differences say what remains possible."
    ]


def _untested(compared: Sequence[Comparison]) -> list[str]:
    """What could not be tested at all, by what stood in the way."""
    reasons = dict.fromkeys(c.primary.untested for c in compared if c.primary.untested)
    return [
        "There is no test of whether these differ from the DNN, since "
        + f"{reason}: "
        + _listed(
            [full_title(c.method, c.source) for c in compared if c.primary.untested == reason]
        )
        + "."
        for reason in reasons
    ]


def _gains(analysis: Analysis) -> list[str]:
    """Whether a gain is due to what the source learned."""
    return [
        sentence
        for comparison in analysis.comparisons
        if comparison.other == "dnn" and comparison.method in EXTENDING_CONTROLS
        for sentence in _gain(analysis, comparison)
    ]


def _gain(analysis: Analysis, comparison: Comparison) -> list[str]:
    method = comparison.method
    name = full_title(method, comparison.source)
    if not (comparison.marked and comparison.difference > 0):
        return []
    extends = bool(analysis.study.preset)
    needed = EXTENDING_CONTROLS[method] if extends else GAIN_CONTROLS
    controls = {c: analysis.comparison(method, comparison.source, c) for c in needed}
    missing = [_control(c, comparison) for c, found in controls.items() if found is None]
    unbeaten = [
        f"{_control(c, comparison)} ({_numbers(found)})"
        for c, found in controls.items()
        if found is not None and not (found.marked and found.difference > 0)
    ]
    if unbeaten:
        return [
            f"The gain of {name} is not shown to be due to what the source learned: it is not "
            f"shown to be more than that of {_listed(unbeaten)}."
        ]
    if missing:
        return [
            f"The gain of {name} is not shown to be due to what the source learned: "
            f"there is no result of {_listed(missing)}. ProgNet is also a larger network."
        ]
    if extends:
        return [
            f"The gain of {name} is more than that of a network as large and of random columns: "
            "it is due, at least in part, to what the chain learned before. Whether to its labels "
            "or to the recordings that it heard cannot be told: nothing here learned shuffled "
            "labels."
        ]
    return [
        f"The gain of {name} is more than that of a network as large, of a random column and of "
        "a column that learned shuffled labels: it is due, at least in part, to what the source "
        "learned."
    ]


def _forgotten(analysis: Analysis) -> list[str]:
    """What fine-tuning has lost, and whether frozen columns lost anything."""
    kept, lost = {}, {}
    for f in analysis.forgetting:
        asked = f"{f.task} ({f.role} rows)"
        name = full_title(f.method, f.source)
        if f.unchanged:
            kept.setdefault(asked, []).append(name)
        else:
            change = f"{numbers.score(f.before)} to {numbers.score(f.after)}"
            lost.setdefault(asked, []).append(f"{name} ({change})")
    return [
        *(
            f"Exactly nothing of {asked} was forgotten by {_listed(names)}."
            for asked, names in kept.items()
        ),
        *(f"Answers on {asked} changed with {_listed(names)}." for asked, names in lost.items()),
    ]


def _with_numbers(comparison: Comparison) -> str:
    return f"{full_title(comparison.method, comparison.source)} ({_numbers(comparison)})"


def _is_constant(score: MethodScore) -> bool:
    """Whether every utterance was taken for the same class."""
    return np.count_nonzero(score.confusion.sum(axis=0)) == 1


def _numbers(comparison: Comparison) -> str:
    bounds = numbers.interval(comparison.interval.low, comparison.interval.high, numbers.signed)
    adjusted = numbers.p_value(comparison.adjusted)
    if comparison.primary.untested:
        test = f"no p, since {comparison.primary.untested}"
    else:
        test = f"p (Holm) {_equals(adjusted)}{_over_folds(comparison)}"
    return " ".join(filter(None, [numbers.signed(comparison.difference), bounds])) + f", {test}"


def _over_folds(comparison: Comparison) -> str:
    """What the test over folds says beside that over speakers: it asks about the methods."""
    p = p_over_folds(comparison)
    return "" if p is None or math.isnan(p) else f"; over folds p {_equals(numbers.p_value(p))}"


def _equals(p: str) -> str:
    return p if p[0] in "<>" else f"= {p}"


def _control(name: str, comparison: Comparison) -> str:
    if METHODS[name].size_only:
        return method_title(name, comparison.source)
    return f"{METHODS[name].title} in place of {' and '.join(source_tasks(comparison.source))}"


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names)
