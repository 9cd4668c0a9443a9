"""A trained chain that is extended: where it came from, and what its columns make of new audio."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

from pnn_keras.chain import Chain
from pnn_keras.column import Column
from pnn_keras.corpus import Corpus, Utterance
from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.evaluation import heard_utterances, is_recorded, warn_of_one_corpus
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.learner import Sources
from pnn_keras.material import Material
from pnn_keras.preset import plain, read_preset, sha256_of
from pnn_keras.speaker_scaling import is_marked
from pnn_keras.training import Hearing, hear
from pnn_keras.zoo import find, load

#: How many names an error message lists.
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Base:
    """A trained chain whose frozen columns are the sources of a new one.

    Args:
        chain: the chain.
        model: what it was loaded by: a preset's name, a path, ...; None if it
            was given as itself.
        sha256: digest of its weights' file (of the whole file for a ``.keras``
            file), 64 hex digits; None if it was given as itself.
        adapted: whether its scalers were fitted anew on the new column's rows.
    """

    chain: Chain
    model: str | None = None
    sha256: str | None = None
    adapted: bool = False

    @property
    def columns(self) -> list[Column | ForeignColumn]:
        """Its columns, in order."""
        return self.chain.columns

    @property
    def frontends(self) -> dict[str, dict]:
        """What its columns hear, by the name of the input."""
        return self.chain.frontends

    @property
    def last_frontend(self) -> dict:
        """What its last column hears."""
        return self.frontends[self.columns[-1].frontend]

    def describe(self) -> dict:
        """What is recorded of it by what was trained from it, JSON-able.

        Returns:
            ``model``, ``sha256``, ``columns``, ``tasks``, ``frontend`` (of the last
            column), ``corpora`` (the names of those that it was trained on),
            ``heard_speakers`` (how many; None if there is no record) and
            ``adapted``.
        """
        metadata = self.chain.metadata
        heard = len((metadata.get("heard") or {}).get("speakers", ()))
        return plain(
            {
                "model": self.model,
                "sha256": self.sha256,
                "columns": [column.name for column in self.columns],
                "tasks": [task.name for task in self.chain.tasks],
                "frontend": self.last_frontend,
                "corpora": [corpus.get("name") for corpus in metadata.get("corpora") or []],
                "heard_speakers": heard if is_recorded(self.chain) else None,
                "adapted": self.adapted,
            }
        )


def open_base(model: str | Path | Chain | None, *, progress: bool = False) -> Base | None:
    """The chain to extend, from itself or from where it lies; None for None.

    Args:
        model: the chain, or what :func:`pnn_keras.load` takes.
        progress: whether to show how far a download is.

    Raises:
        PresetError: there is no such model, or it is damaged.
        UserError: it has no column, or does not say what its columns hear.
    """
    if model is None:
        return None
    if isinstance(model, Chain):
        base = Base(model)
    else:
        path = find(model, progress=progress)
        digest = sha256_of(path) if path.suffix == ".keras" else read_preset(path).sha256
        base = Base(load(model), os.fspath(model), digest)
    if not base.columns:
        raise UserError("The chain given has no column to read. Train one, or add a column to it")
    unknown = sorted({column.frontend for column in base.columns} - set(base.frontends))
    if unknown:
        raise UserError(
            f"The chain given does not say which front-end its input {', '.join(unknown)} is, so "
            "it can hear nothing new. Set chain.frontends"
        )
    return base


def own_name(target: str, base: Base | None, corpora: Sequence[Corpus]) -> str:
    """The name of a new column's task beside those of the chain that is extended.

    Args:
        target: the task as it was asked for: ``emotion``, say.
        base: the chain that is extended, or None.
        corpora: the corpora that the task is learned from.

    Returns:
        ``target``; where the chain answers a task of that name already and
        there is one corpus, ``emotion@CORPUS``.

    Raises:
        UserError: the name is taken, and several corpora leave no other.
    """
    taken = [task.name for task in base.chain.tasks] if base is not None else []
    if target not in taken:
        return target
    names = [f"{target}@{corpus.name}" for corpus in corpora]
    if "@" not in target and len(names) == 1 and names[0] not in taken:
        return names[0]
    if "@" in target or len(names) == 1:
        mend = "Give the corpus another name: --corpus NAME=FOLDER, --target emotion@NAME"
    else:
        mend = (
            f"Name one corpus's task: --target {' or '.join(names)}. To learn from all of them "
            "at once, make one table of their recordings"
        )
    raise UserError(f"The chain given answers {target} already. {mend}")


def refuse_heard(base: Base, utterances: Iterable[Utterance]) -> None:
    """Refuses to score on speakers or recordings that the given chain has heard.

    Speakers go by corpus and name, recordings by their bytes, whatever they
    are called, and segments by whether they overlap. Warns where there is no
    whole record of what was heard, and where a corpus may be a part of one
    that was.

    Raises:
        ProtocolError: the chain has heard some of them.
    """
    utterances = list(utterances)
    warn_of_one_corpus(base.chain, utterances)
    heard = heard_utterances(base.chain, utterances)
    if not heard and not is_recorded(base.chain):
        warnings.warn(
            "There is no record of whom the chain given has heard: if these speakers are among "
            "them, the scores are worth nothing",
            stacklevel=2,
        )
    if not heard:
        return
    record = base.chain.metadata["heard"]
    speakers = {u.speaker_id for u in heard} & set(record.get("speakers", ()))
    names = sorted(speakers) or sorted(f"{u.corpus}/{u.id}" for u in heard)
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    if speakers:
        what = f"{len(speakers)} of these speakers"
        mend = (
            "; if only the names are the same and the people are others, name the corpus "
            "differently: NAME=FOLDER"
        )
    else:
        what, mend = f"{len(heard)} of these recordings, whatever they are called here", ""
    raise ProtocolError(
        f"The chain given has heard {what} ({shown}), so nothing could be scored on them. Use a "
        f"corpus that it has not heard{mend}"
    )


def check_scaling(base: Base, scaling: str) -> None:
    """Refuses a chain that hears features scaled per speaker where no stamp would say so.

    Such features have seen all recordings of each test speaker.

    Raises:
        UserError: one of its columns hears them, and ``scaling`` is ``"training"``.
    """
    by_speaker = [
        column.name for column in base.columns if is_marked(base.frontends[column.frontend])
    ]
    if by_speaker and scaling == "training":
        raise UserError(
            f"The columns {', '.join(by_speaker)} of the chain given hear features scaled per "
            "speaker, so the scores are transductive. Received: scaling='training'. Say so: "
            "--scaling speaker"
        )


def base_sources(base: Base, material: Material) -> Sources:
    """What the columns of a chain make of all utterances, for a target to read."""
    sources = Sources()
    for column in base.columns:
        hearing = Hearing(material.features[column.frontend], sources.taps, material.versions)
        _, taps = hear(column, hearing)
        sources = sources.add(column.name, taps, column.tap_units, shared=True)
    return sources
