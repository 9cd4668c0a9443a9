"""How methods, sources and studies are called and in which order they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pnn_keras.experiments import StudyResult
from pnn_keras.experiments.analysis import Analysis, MethodScore
from pnn_keras.experiments.spec import source_tasks
from pnn_keras.methods import METHODS
from pnn_keras.report import numbers
from pnn_keras.report.table import Cell


def method_title(method: str, source: str) -> str:
    """A method as it is shown; with how many sources where only their number counts.

    Example:

    >>> method_title("prognet", "gender@A"), method_title("dnn-large", "gender@A+speaker@A")
    ('ProgNet', 'DNN, as many weights as ProgNet with 2 sources')
    """
    known = METHODS[method]
    size = len(source_tasks(source))
    return f"{known.title} with {size} sources" if known.size_only and size > 1 else known.title


def source_title(method: str, source: str) -> str:
    """A method's sources as they are shown; a dash where it learns from none.

    Example:

    >>> source_title("ptft", "gender@A+speaker@A"), source_title("dnn-large", "gender@A")
    ('gender@A + speaker@A', '–')
    """
    if not source or METHODS[method].size_only:
        return numbers.NONE
    return " + ".join(source_tasks(source))


def source_cell(method: str, source: str) -> Cell:
    """A method's sources in a table; an empty field in its file where it learns from none."""
    title = source_title(method, source)
    return Cell(title, (None if title == numbers.NONE else title,))


def full_title(method: str, source: str) -> str:
    """A method and its sources in a sentence.

    Example:

    >>> full_title("prognet", "gender@A"), full_title("dnn", "")
    ('ProgNet from gender@A', 'DNN')
    """
    sources = source_title(method, source)
    title = method_title(method, source)
    return title if sources == numbers.NONE else f"{title} from {sources}"


def from_source(method: str, source: str) -> str:
    """The sources that a method learns from, ``""`` for none."""
    return "" if METHODS[method].size_only else source


def in_order(scores: Sequence[MethodScore]) -> list[MethodScore]:
    """Scores as tables have them: what learns from no source first, then source by source."""
    sources = list(dict.fromkeys(from_source(s.method, s.source) for s in scores))
    ranks = {source: rank for rank, source in enumerate(sorted(sources, key=bool))}
    names = list(METHODS)
    return sorted(
        scores, key=lambda s: (ranks[from_source(s.method, s.source)], names.index(s.method))
    )


def best(analysis: Analysis, method: str) -> MethodScore | None:
    """A method's score from the source with the highest UAR, or None if there is none.

    Chosen after seeing the scores: good for looking at, not for comparing.
    """
    scores = [score for score in analysis.scores if score.method == method]
    return max(scores, key=lambda score: score.uar, default=None)


def most_telling(analysis: Analysis, preferred: Sequence[str], most: int) -> list[MethodScore]:
    """The best scores of some methods, filled up by others that the study asks for.

    Args:
        analysis: of a study.
        preferred: names of methods, those first that are to be shown before others.
        most: how many at most.
    """
    asked = dict.fromkeys(score.method for score in analysis.scores)
    names = [name for name in preferred if name in asked]
    names += [name for name in asked if name not in preferred]
    return [best(analysis, name) for name in names[:most]]


def file_name(study: StudyResult, what: str) -> str:
    """What the files of a study's table or figure are called, without ending.

    Example: ``01-emotion-EmoDB-paper-10-fold-scores``
    """
    safe = re.sub(r"[^A-Za-z0-9.]+", "-", study.name).strip("-.")
    return f"{study.number + 1:02d}-{safe}-{what}"


def corpora_of(study: StudyResult) -> str:
    """The corpora whose utterances are tested."""
    return ", ".join(sorted(set(study.corpora)))
