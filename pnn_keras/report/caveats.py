"""What the scores and p values of a study are not to be taken for, in sentences made by rules."""

from __future__ import annotations

from collections.abc import Sequence

from pnn_keras.experiments import StudyResult
from pnn_keras.experiments.analysis import LEVEL, Analysis, Comparison
from pnn_keras.intervals import FEW_SPEAKERS
from pnn_keras.report import numbers
from pnn_keras.report.compared import over_speakers
from pnn_keras.report.naming import corpora_of
from pnn_keras.report.run_tables import RoleCount

#: The share of an interval's draws that may lack a class before it is said.
MOST_ABSENT = 0.05


def caveats(analysis: Analysis) -> list[str]:
    r"""What limits the scores, intervals and p values of a study that has scores.

    The rules: on whose voices; what has the scaling seen; how many speakers; which
    p values could be reached, and what they are of; how often were folds dealt; which
    classes are missing.

    Example:
        ``"\n".join(caveats(analyse(read_run("run").studies[0])))``
    """
    return [
        *_stamps(analysis.study),
        *_intervals(analysis),
        *_smallest_p(analysis),
        *_models(analysis),
        *_repeats(analysis.study),
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


def _stamps(study: StudyResult) -> list[str]:
    said = []
    if not study.protocol["speaker_disjoint"]:
        heard = (
            "test speakers were heard in training"
            if study.knows_speakers
            else "some speakers are not known, and test speakers may have been heard in training"
        )
        said.append(
            f"Speaker-dependent: {heard}. These scores say nothing about new speakers, and the "
            "p values, which are over folds, nothing about other speakers than these."
        )
        if study.recognises_speakers:
            said.append("A speaker recogniser can be scored in no other way.")
    if study.transductive:
        said.append(
            "Transductive: features were scaled with the test utterances' own, which are not at "
            "hand for a single new recording."
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
            f"{found.speakers} speakers are few: percentile intervals over so few are too narrow "
            "(of those of equal methods, 11 % left out zero with 10 made speakers, 8 % with 24). "
            "Whether methods differ is for the test to say, not for an interval that leaves out "
            f"zero. And the speakers of {corpora_of(study)} are no random sample of all speakers."
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
    with_controls = [c for c in analysis.comparisons if c.other != "dnn"]
    return [
        *_smallest_of(with_scratch, "with the DNN"),
        *_smallest_of(with_controls, "with controls"),
    ]


def _smallest_of(family: Sequence[Comparison], what: str) -> list[str]:
    """What a family of comparisons, corrected together, can reach at best."""
    tests = [c.primary for c in family if not c.primary.untested]
    tests = [test for test in tests if test.smallest_p is not None]
    if not tests:
        return []
    best = min(tests, key=lambda test: test.smallest_p)
    corrected = min(1.0, best.smallest_p * len(tests))
    if "exact" not in best.name and corrected < LEVEL:
        return []  # random patterns bound p far below anything of interest
    said = (
        f"The smallest p that the sign-flip test can reach in the comparisons {what} is "
        f"{numbers.p_value(best.smallest_p)}, where all speakers point the same way"
    )
    if len(tests) > 1:
        said += (
            f"; after Holm's correction over {len(tests)} it is {numbers.p_value(corrected)} at "
            "best"
        )
    if corrected >= LEVEL:
        return [f"{said}: hardly any of these differences could have been marked, however large."]
    return [f"{said}."]


def _models(analysis: Analysis) -> list[str]:
    """How far p values over speakers reach beyond the models that were trained here."""
    if not over_speakers(analysis):
        return []
    said = (
        "The p values over speakers are of the models as trained here, not of the methods trained "
        "anew: in simulations two seeds of one method were marked in 3 to 16 % of cases, the more "
        "the more speakers shared a model"
    )
    if analysis.study.single_split:
        return [f"{said}; and here all of them do."]
    return [
        f"{said}. The p over folds beside them in tables asks about the methods, and is strict."
    ]


def _repeats(study: StudyResult) -> list[str]:
    """What was dealt and drawn anew."""
    if study.single_split:
        return ["One split: every repeat learns from the same speakers and tests the same rows."]
    if study.protocol["repeats"] > 1:
        return []
    return ["One repeat: how much the scores vary with the split and the seed is not known."]


def _absent(analysis: Analysis) -> list[str]:
    absent = max(score.absent for score in analysis.scores)
    if not absent:
        return []
    return [
        f"Classes are missing from test folds ({absent} times): the mean over folds goes over the "
        "classes present; the pooled UAR is defined all the same."
    ]
