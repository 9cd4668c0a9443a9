"""What stands below a figure in its files: whose answers it shows, and what they are worth."""

from __future__ import annotations

from collections.abc import Iterable

from pnn_keras.experiments import StudyResult
from pnn_keras.report.naming import corpora_of


def foot_of(study: StudyResult) -> str:
    """Corpora, number of tested utterances and stamp of a study.

    Example: ``EmoDB, n = 339; speaker-dependent, transductive``
    """
    return f"{corpora_of(study)}, n = {len(study.targets)}; {study.stamp}"


def foot_of_all(studies: Iterable[StudyResult]) -> str:
    """The same of several studies, target by target.

    Example: ``emotion@A, n = 339: speaker-disjoint, transductive; gender@A, n = ...``
    """
    said = (f"{study.target}, n = {len(study.targets)}: {study.stamp}" for study in studies)
    return "; ".join(dict.fromkeys(said))
