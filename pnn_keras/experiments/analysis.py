"""What the answers of a study support: scores, intervals, paired tests, forgetting."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from pnn_keras.experiments.results import MethodResult, StudyResult
from pnn_keras.intervals import (
    Interval,
    speaker_differences,
    uar_difference_interval,
    uar_interval,
)
from pnn_keras.methods import METHODS
from pnn_keras.permutation import sign_flip_test
from pnn_keras.references import REFERENCES
from pnn_keras.significance import (
    Effect,
    PairedTest,
    calibrated_cross_validation_test,
    corrected_cross_validation_test,
    corrected_resampled_t_test,
    effect_size,
    holm,
)
from pnn_keras.statistics import confusion_matrix, recalls, uar
from pnn_keras.task import parse_task

#: What each method is held against, besides the network from scratch: a control answers
#: whether a gain is due to what the source has learned, a plain classifier whether it is one.
CONTROLS = {
    "prognet": ("dnn-large", "ptft", "prognet-random", "prognet-shuffled", *REFERENCES),
    "prognet-adapter": ("prognet",),
    "prognet-rescaled": ("dnn-large", "ptft", "prognet", "prognet-random-rescaled"),
    "prognet-tuned": ("prognet",),
}

#: What has to be beaten before a gain can be due to what a source learned.
GAIN_CONTROLS = ("dnn-large", "prognet-random", "prognet-shuffled")

#: The same for a trained chain, whose training data are not at hand to be shuffled.
EXTENDING_CONTROLS = {
    "prognet": ("dnn-large", "prognet-random"),
    "prognet-rescaled": ("dnn-large", "prognet-random-rescaled"),
}

#: A difference is marked below this adjusted p value.
LEVEL = 0.05

#: Why there is no test over the folds of a single split.
_ONE_SPLIT = "every repeat tests the same rows, so that only seeds spread"


@dataclasses.dataclass(frozen=True)
class MethodScore:
    """The scores of one method.

    Args:
        method: its name.
        source: its sources, ``""`` for none.
        uar: UAR of one repeat's pooled answers, averaged over repeats: the headline.
        by_repeat: that UAR of every repeat, ``(repeats,)``.
        folds_mean: mean of the folds' own UARs over the classes present.
        folds_sd: standard deviation over a repeat's folds, averaged over
            repeats; NaN where a repeat has one fold.
        absent: how many classes are missing from test folds, over all folds.
        interval: bootstrap interval of ``uar`` over speakers; over utterances where
            one is not known, or where the speakers are the classes.
        recalls: of each class, averaged over repeats, ``(classes,)``.
        confusion: counts, rows are true classes, summed over repeats.
        by_gender: UAR of each gender's utterances, by its name.
        by_speaker: UAR of each speaker over the classes that the speaker has.
        parameters: number of weights that one fold trained for the target, or None.
        best_epoch: median over folds, or None.
    """

    method: str
    source: str
    uar: float
    by_repeat: np.ndarray
    folds_mean: float
    folds_sd: float
    absent: int
    interval: Interval
    recalls: np.ndarray
    confusion: np.ndarray
    by_gender: Mapping[str, float]
    by_speaker: Mapping[str, float]
    parameters: int | None
    best_epoch: float | None

    @property
    def title(self) -> str:
        """The method as tables show it."""
        return METHODS[self.method].title


@dataclasses.dataclass(frozen=True)
class Comparison:
    """One method held against another on the same folds.

    Args:
        method: the method, and ``source`` its sources.
        source: its sources.
        other: what it is held against, and ``other_source`` its sources.
        other_source: its sources.
        difference: of the headline UARs, method less other.
        interval: bootstrap interval of it over speakers, the same ones drawn for both.
        effect: size over what each speaker contributes to the difference
            (:func:`pnn_keras.intervals.speaker_differences`), over the folds' differences
            where a speaker is not known.
        primary: the test that counts: over speakers in speaker-disjoint
            protocols, else the corrected repeated cross-validation test, which
            has no p where all repeats test the rows of a single split.
        others: further tests, beside it.
        adjusted: the primary test's p after Holm's correction, over the
            study's comparisons with the network from scratch, or over those
            with controls.
    """

    method: str
    source: str
    other: str
    other_source: str
    difference: float
    interval: Interval
    effect: Effect
    primary: PairedTest
    others: tuple[PairedTest, ...]
    adjusted: float

    @property
    def marked(self) -> bool:
        """Whether the difference holds at :data:`LEVEL` after Holm's correction.

        A test over folds is of the mean of the folds' own differences. Where that
        points the other way than the headline, nothing holds.
        """
        return self.adjusted < LEVEL and not self.contrary

    @property
    def contrary(self) -> bool:
        """Whether what was tested has the other sign than the difference of the headlines."""
        return self.primary.difference * self.difference < 0


@dataclasses.dataclass(frozen=True)
class Forgetting:
    """What is left of a source task once the target was learned.

    Args:
        method: the method, and ``source`` its sources.
        source: its sources.
        task: the source task that was asked again.
        role: on which of its rows: ``"test"``, or ``"stop"`` where it has none.
        before: its pooled UAR before, averaged over repeats.
        after: and after.
        unchanged: whether every single answer is the same as before.
        voices: ``"speaker-disjoint"`` or ``"speaker-dependent"``, which a speaker
            recogniser always is; ``"speakers not recorded"`` of some earlier runs.
        rows: how many rows were asked, the mean over repeats.
    """

    method: str
    source: str
    task: str
    role: str
    before: float
    after: float
    unchanged: bool
    voices: str
    rows: float

    @property
    def lost(self) -> float:
        """UAR that was lost."""
        return self.before - self.after


@dataclasses.dataclass(frozen=True)
class Analysis:
    """Everything that tables and plots show of a study.

    Args:
        study: the study.
        scores: of every finished method, in the order of tables.
        comparisons: of every method with the network from scratch and with its controls.
        forgetting: of every method that can forget.
    """

    study: StudyResult
    scores: tuple[MethodScore, ...]
    comparisons: tuple[Comparison, ...]
    forgetting: tuple[Forgetting, ...]

    def score(self, method: str, source: str = "") -> MethodScore | None:
        """The score of a method, or None."""
        result = self.study.method(method, source)
        for each in self.scores:
            if result is not None and (each.method, each.source) == (result.method, result.source):
                return each
        return None

    def comparison(self, method: str, source: str, other: str = "dnn") -> Comparison | None:
        """How a method compares with another, or None."""
        for each in self.comparisons:
            if (each.method, each.source, each.other) == (method, source, other):
                return each
        return None


def analyse(study: StudyResult, draws: int = 2000, seed: int = 0) -> Analysis:
    """Scores, intervals and tests of a study.

    Args:
        study: the study.
        draws: how many times speakers are resampled for an interval.
        seed: seed of the resampling.

    Example:
        ``[analyse(study) for study in read_run("run").studies]``
    """
    scores = tuple(_score(study, result, draws, seed) for result in study.methods)
    compared = [_compare(study, a, b, draws, seed) for a, b in _pairs(study)]
    with_scratch = [each for each in compared if each.other == "dnn"]
    with_controls = [each for each in compared if each.other != "dnn"]
    comparisons = (*_adjusted(with_scratch), *_adjusted(with_controls))
    forgetting = tuple(_forgetting(study, r) for r in study.methods if r.forgetting is not None)
    return Analysis(study, scores, comparisons, forgetting)


def fold_uars(study: StudyResult, result: MethodResult) -> np.ndarray:
    """The UAR of each fold over the classes present in it, ``(repeats, folds)``."""
    return uar(_fold_confusions(study, result))


def _score(study: StudyResult, result: MethodResult, draws: int, seed: int) -> MethodScore:
    classes = len(study.classes)
    confusions = _fold_confusions(study, result)
    pooled = confusions.sum(axis=1)
    by_fold = uar(confusions)
    several = by_fold.shape[1] > 1
    interval = uar_interval(
        study.targets, result.predictions, _resampled(study), classes, draws=draws, seed=seed
    )
    by_repeat = uar(pooled)
    return MethodScore(
        method=result.method,
        source=result.source,
        uar=float(by_repeat.mean()),
        by_repeat=by_repeat,
        folds_mean=float(np.nanmean(by_fold)),
        folds_sd=float(np.nanstd(by_fold, axis=1, ddof=1).mean()) if several else math.nan,
        absent=int(np.isnan(recalls(confusions)).sum()),
        interval=interval,
        recalls=np.nanmean(recalls(pooled), axis=0),
        confusion=pooled.sum(axis=0),
        by_gender=_by_group(study, result, study.genders),
        by_speaker=_by_group(study, result, study.speakers),
        parameters=result.parameters,
        best_epoch=None if result.best_epoch is None else float(np.median(result.best_epoch)),
    )


def _fold_confusions(study: StudyResult, result: MethodResult) -> np.ndarray:
    """Confusion counts of every fold, ``(repeats, folds, classes, classes)``."""
    repeats, folds = study.protocol["repeats"], study.protocol["folds"]
    count = len(study.classes)
    counted = np.zeros((repeats, folds, count, count), np.int64)
    for repeat in range(repeats):
        for fold in range(folds):
            own = result.fold[repeat] == fold
            guessed = result.predictions[repeat, own]
            counted[repeat, fold] = confusion_matrix(study.targets[own], guessed, count)
    return counted


def _by_group(study: StudyResult, result: MethodResult, groups: np.ndarray) -> dict[str, float]:
    """UAR of the utterances of each group over the classes it has, averaged over repeats."""
    found = {}
    for name in sorted({group for group in groups if group is not None}):
        own = np.array([group == name for group in groups])
        found[name] = float(
            np.mean(
                [
                    uar(confusion_matrix(study.targets[own], guessed[own], len(study.classes)))
                    for guessed in result.predictions
                ]
            )
        )
    return found


def _speakers(study: StudyResult) -> np.ndarray | None:
    """Who speaks, or None where somebody is unknown."""
    return study.speakers.astype(str) if study.knows_speakers else None


def _resampled(study: StudyResult) -> np.ndarray | None:
    """The speakers that an interval resamples, or None where it has to take utterances.

    Where the speakers are the classes, a draw of speakers would lack classes.
    """
    return None if study.recognises_speakers else _speakers(study)


def _pairs(study: StudyResult) -> list[tuple[MethodResult, MethodResult]]:
    """What is held against what: everything against ``dnn``, and against its controls."""
    pairs = []
    scratch = study.method("dnn")
    for result in study.methods:
        if scratch is not None and result is not scratch:
            pairs.append((result, scratch))
        for control in CONTROLS.get(result.method, ()):
            needs_source = METHODS[control].needs_source
            other = study.method(control, result.source if needs_source else "")
            if other is not None:
                pairs.append((result, other))
    return pairs


def _adjusted(compared: list[Comparison]) -> list[Comparison]:
    """The comparisons with their p values corrected over all of them."""
    if not compared:
        return []
    adjusted = holm([each.primary.p for each in compared])
    return [
        dataclasses.replace(each, adjusted=float(p))
        for each, p in zip(compared, adjusted, strict=True)
    ]


def _compare(study, a: MethodResult, b: MethodResult, draws: int, seed: int) -> Comparison:
    interval = uar_difference_interval(
        study.targets,
        a.predictions,
        b.predictions,
        _resampled(study),
        len(study.classes),
        draws=draws,
        seed=seed,
    )
    by_fold = fold_uars(study, a) - fold_uars(study, b)
    by_speaker = _speaker_differences(study, a, b)
    primary, *others = _fold_tests(study, by_fold)
    if study.protocol["speaker_disjoint"] and by_speaker is not None:
        primary, others = sign_flip_test(by_speaker, seed=seed), [primary, *others]
    return Comparison(
        method=a.method,
        source=a.source,
        other=b.method,
        other_source=b.source,
        difference=interval.value,
        interval=interval,
        effect=effect_size(by_fold if by_speaker is None else by_speaker),
        primary=primary,
        others=tuple(others),
        adjusted=math.nan,
    )


def _speaker_differences(study, a: MethodResult, b: MethodResult) -> np.ndarray | None:
    """What each speaker contributes to the difference of the pooled UARs, ``(speakers,)``."""
    speakers = _speakers(study)
    if speakers is None:
        return None
    return speaker_differences(
        study.targets, a.predictions, b.predictions, speakers, len(study.classes)
    )


def _fold_tests(study: StudyResult, differences: np.ndarray) -> tuple[PairedTest, ...]:
    """The tests over folds; n2 / n1 counts the rows that were fitted on.

    Over the folds of a cross-validation the first two are the same numbers, under the names
    that papers know them by. The repeats of a single split test the same rows: their spread is
    that of seeds alone, and says nothing about other rows, so there is no p.
    """
    tested = len(study.targets) / study.protocol["folds"]
    ratio = float(tested / study.train_rows.mean())
    resampled = corrected_resampled_t_test(differences.ravel(), test_train_ratio=ratio)
    tests = (
        corrected_cross_validation_test(differences, test_train_ratio=ratio),
        dataclasses.replace(resampled, name=f"{resampled.name}, the same over folds"),
        calibrated_cross_validation_test(differences),
    )
    if not study.single_split:
        return tests
    return tuple(
        dataclasses.replace(test, statistic=math.nan, p=math.nan, untested=_ONE_SPLIT)
        for test in tests
    )


def _forgetting(study: StudyResult, result: MethodResult) -> Forgetting:
    found = result.forgetting
    pooled = {when: uar(found[when].sum(axis=1)).mean() for when in ("before", "after")}
    if found["role"] == "stop":
        # A speaker recogniser's stop rows differ from fold to fold and overlap: no pooling.
        pooled = {when: np.nanmean(uar(found[when])) for when in ("before", "after")}
    return Forgetting(
        result.method,
        result.source,
        found["task"],
        found["role"],
        float(pooled["before"]),
        float(pooled["after"]),
        not found["changed"].any(),
        _voices(study, found),
        float(found["before"].sum(axis=(1, 2, 3)).mean()),
    )


def _voices(study: StudyResult, found: Mapping) -> str:
    """Whether a source was asked about speakers that it has not heard; a recogniser never is."""
    if parse_task(found["task"])[0] == "speaker":
        return "speaker-dependent"
    disjoint = found.get("speaker_disjoint")
    if disjoint is None and found["role"] == "stop":
        return "speakers not recorded"
    if disjoint is None:  # test rows are those of the target, whose speakers nobody has heard
        disjoint = study.protocol["speaker_disjoint"]
    return "speaker-disjoint" if disjoint else "speaker-dependent"
