"""What the numbers of a study support and what they do not, in sentences made by rules."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pnn_keras.experiments import RunResult, StudyResult
from pnn_keras.experiments.analysis import LEVEL, Analysis, Comparison, MethodScore
from pnn_keras.experiments.spec import source_tasks
from pnn_keras.intervals import FEW_SPEAKERS
from pnn_keras.methods import METHODS
from pnn_keras.references import REFERENCES
from pnn_keras.report import numbers
from pnn_keras.report.naming import corpora_of, full_title, method_title
from pnn_keras.report.run_tables import RoleCount
from pnn_keras.task import parse_task

#: What has to be beaten before a gain can be due to what a source learned.
GAIN_CONTROLS = ("dnn-large", "prognet-random", "prognet-shuffled")

#: The same for a trained chain, whose training data are not at hand to be shuffled.
EXTENDING_CONTROLS = {
    "prognet": ("dnn-large", "prognet-random"),
    "prognet-rescaled": ("dnn-large", "prognet-random-rescaled"),
}

#: The methods that are named where they are not shown to differ.
SPOKEN = ("chain", "chain-rescaled", "ptft", "prognet", "prognet-adapter", "prognet-rescaled")


#: The share of an interval's draws that may lack a class before it is said.
MOST_ABSENT = 0.05


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
        *_stamps(analysis),
        *_intervals(analysis),
        *_smallest_p(analysis),
        *_repeats(analysis),
        *_absent(analysis),
    ]


def fold_words(study: StudyResult, counts: Sequence[RoleCount]) -> list[str]:
    """Whether test speakers meet training rows of their own sex.

    Args:
        study: the study.
        counts: who has which role in its folds.
    """
    held = {(c.repeat, c.fold, c.role, c.sex) for c in counts}
    tested = [place for place in sorted(held) if place[2] == "test" and place[3] != "unknown"]
    strange = {p[:2] for p in tested if (*p[:2], "train", p[3]) not in held}
    if not strange:
        return []
    folds = study.protocol["repeats"] * study.protocol["folds"]
    return [
        f"In {len(strange)} of {folds} folds no training row is of a test speaker's sex: these "
        "scores are of voices unlike those learned from, whatever their amount."
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
    elif scratch.interval.low <= chance:
        said.append(
            f"The DNN is not shown to be better than chance ({numbers.score(scratch.uar)} "
            f"{numbers.interval(scratch.interval.low, scratch.interval.high)}, chance "
            f"{numbers.score(chance)}): differences between methods mean little before they have "
            "learned something. More epochs, perhaps."
        )
    poor = [
        full_title(score.method, score.source)
        + (" (one answer to everything)" if _is_constant(score) else "")
        for score in analysis.scores
        if score is not scratch and score.interval.low <= chance
    ]
    if poor:
        said.append(f"Not shown to be better than chance: {_listed(poor)}.")
    return said


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
            f"The highest UAR is that of a plain classifier, {full_title(best.method, '')} "
            f"({numbers.score(best.uar)}): no network here is shown to be worth its weights."
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
    alike = [
        full_title(c.method, c.source) for c in compared if c.method in SPOKEN and not c.marked
    ]
    if better:
        said.append(f"Better than the DNN after Holm's correction: {_listed(better)}.")
    if worse:
        said.append(f"Worse than the DNN after Holm's correction: {_listed(worse)}.")
    if alike:
        said.append(
            f"Not shown to differ from the DNN: {_listed(alike)}. That does not show that they "
            "are equal: the intervals of the differences say what remains possible."
        )
    return said


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
    kept = [full_title(f.method, f.source) for f in analysis.forgetting if f.unchanged]
    lost = [
        f"{full_title(f.method, f.source)} ({numbers.score(f.before)} to {numbers.score(f.after)})"
        for f in analysis.forgetting
        if not f.unchanged
    ]
    said = []
    if kept:
        said.append(f"Exactly nothing of the source was forgotten by {_listed(kept)}.")
    if lost:
        said.append(f"Answers on the source task changed with {_listed(lost)}.")
    return said


def _stamps(analysis: Analysis) -> list[str]:
    study, said = analysis.study, []
    if not study.protocol["speaker_disjoint"]:
        said.append(
            "Speaker-dependent: test speakers were heard in training. These scores say nothing "
            "about new speakers, and the p values, which are over folds, nothing about other "
            "speakers than these."
        )
        if parse_task(study.target)[0] == "speaker":
            said.append("A speaker recogniser can be scored in no other way.")
    if study.transductive:
        said.append(
            "Transductive: features were scaled with the test utterances' own, which a model that "
            "meets one new recording has not."
        )
    return said


def _intervals(analysis: Analysis) -> list[str]:
    """What the intervals are of, and why they are not to be taken at their word."""
    found, study = analysis.scores[0].interval, analysis.study
    said = []
    if study.recognises_speakers:
        return ["Intervals are over utterances: the speakers are the classes here."]
    if found.speakers is None:
        said.append(
            "Some speakers are not known: intervals are over utterances, as if each had a speaker "
            "of its own, which is too narrow."
        )
    elif found.speakers == 1:
        return ["There is one speaker: no interval, and nothing to be said about others."]
    elif found.speakers < FEW_SPEAKERS:
        said.append(
            f"{found.speakers} speakers are few: percentile intervals over so few are too narrow. "
            "Whether methods differ is for the test to say, not for an interval that leaves out "
            f"zero. And those of {corpora_of(study)} are no sample of all speakers."
        )
    if found.absent > MOST_ABSENT * found.draws:
        said.append(
            f"In {found.absent} of {found.draws} draws of speakers some class was absent: the "
            "intervals go over the others there."
        )
    return said


def _smallest_p(analysis: Analysis) -> list[str]:
    """What the sign-flip test can reach at best, before and after correction."""
    with_scratch = [c for c in analysis.comparisons if c.other == "dnn"]
    smallest = [c.primary.smallest_p for c in with_scratch if c.primary.smallest_p is not None]
    smallest = [p for p in smallest if not math.isnan(p)]
    if not smallest:
        return []
    least, tested = min(smallest), len(with_scratch)
    corrected = min(1.0, least * tested)
    if "exact" not in with_scratch[0].primary.name and corrected <= LEVEL:
        return []  # random patterns bound p far below anything of interest
    said = f"The smallest p that the sign-flip test can reach here is {numbers.p_value(least)}"
    if tested > 1:
        said += (
            f"; the smallest of {tested} comparisons becomes {numbers.p_value(corrected)} at best "
            "after Holm's correction"
        )
    if corrected >= LEVEL:
        return [f"{said}: hardly any difference could have been marked, however large."]
    return [f"{said}."]


def _repeats(analysis: Analysis) -> list[str]:
    if analysis.study.protocol["repeats"] > 1:
        return []
    return ["One repeat: how much the scores vary with the dealing and the seed is not known."]


def _absent(analysis: Analysis) -> list[str]:
    absent = max(score.absent for score in analysis.scores)
    if not absent:
        return []
    return [
        f"Classes are missing from test folds ({absent} times): the mean over folds goes over the "
        "classes present; the pooled UAR is defined all the same."
    ]


def _with_numbers(comparison: Comparison) -> str:
    return f"{full_title(comparison.method, comparison.source)} ({_numbers(comparison)})"


def _is_constant(score: MethodScore) -> bool:
    """Whether every utterance was taken for the same class."""
    return np.count_nonzero(score.confusion.sum(axis=0)) == 1


def _numbers(comparison: Comparison) -> str:
    bounds = numbers.interval(comparison.interval.low, comparison.interval.high, numbers.signed)
    adjusted = numbers.p_value(comparison.adjusted)
    if adjusted == numbers.NONE:
        test = "no p: differences that do not spread, or too few"
    else:
        test = f"p (Holm) {adjusted if adjusted[0] in '<>' else '= ' + adjusted}"
    return " ".join(filter(None, [numbers.signed(comparison.difference), bounds])) + f", {test}"


def _control(name: str, comparison: Comparison) -> str:
    if METHODS[name].size_only:
        return method_title(name, comparison.source)
    return f"{METHODS[name].title} in place of {' and '.join(source_tasks(comparison.source))}"


def _listed(names: Sequence[str]) -> str:
    return "; ".join(names)
