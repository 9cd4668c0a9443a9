"""What all corpus loaders share: from a folder's files to a corpus."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pnn_keras.corpora.identical import contradictions
from pnn_keras.corpora.tree import AUDIO_SUFFIXES, AudioFile, Tree
from pnn_keras.corpus import Corpus, CorpusInfo, Skipped, Utterance
from pnn_keras.errors import CorpusError

_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Clip:
    """What the name of one audio file tells.

    Args:
        file: the audio file.
        name: the clip's official name: a second file of this name is a copy.
        speaker, gender, emotion, session, sentence, split: as in
            :class:`pnn_keras.corpus.Utterance`.
    """

    file: AudioFile
    name: str
    speaker: str | None = None
    gender: str | None = None
    emotion: str | None = None
    session: str | None = None
    sentence: str | None = None
    split: str | None = None


def _complete_already(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    return clips, []


def _nothing(file: AudioFile) -> None:
    return None


@dataclasses.dataclass(frozen=True, eq=False)
class Loader:
    """How one corpus is read.

    Args:
        info: what is known about the corpus.
        example: the name of one of its audio files, for messages.
        parse: what a file's name tells, or None if the corpus has no such name.
        complete: adds what label files tell to the clips, and returns them with
            warnings for the user, one sentence each.
        aside: why a file that belongs to the release is not part of this
            corpus (a song among speech, say), or None.
        unusable: official names of clips that nobody can use, with the reason.
        marks: label files and folders that only this corpus has, in lower case:
            they tell what a folder without audio was meant to be.
        only_by_name: True if a folder never means this loader by itself.
    """

    info: CorpusInfo
    example: str
    parse: Callable[[AudioFile], Clip | None]
    complete: Callable[[list[Clip], Tree], tuple[list[Clip], list[str]]] = _complete_already
    aside: Callable[[AudioFile], str | None] = _nothing
    unusable: Mapping[str, str] = dataclasses.field(default_factory=dict)
    marks: tuple[str, ...] = ()
    only_by_name: bool = False

    def knows(self, file: AudioFile) -> bool:
        """Whether a file's name is one that this corpus has."""
        return self.parse(file) is not None or self.aside(file) is not None

    def marked(self, tree: Tree) -> str | None:
        """A label file or folder of this corpus that lies in the folder, or None."""
        for name in (*tree.others, *tree.folders):
            if name.rpartition("/")[2].casefold() in self.marks:
                return name
        return None


def load(loader: Loader, tree: Tree, *, name: str | None = None, strict: bool = False) -> Corpus:
    """Reads a folder as one corpus.

    Args:
        loader: how the corpus is read.
        tree: the folder.
        name: what to call it; None for its usual name.
        strict: refuse a corpus with files that cannot be used, instead of
            reporting them as skipped.

    Returns:
        The corpus: utterances sorted by ``id``, and what was left out and why.

    Raises:
        CorpusError: the folder has no audio that this corpus can have, its
            label files are missing, or ``strict`` and some file is unusable.
    """
    info = dataclasses.replace(loader.info, name=name or loader.info.name)
    if not tree.audio:
        refuse_without_audio(tree, [loader])
    clips, faults, skipped = _sort_out(loader, tree)
    if not clips:
        raise CorpusError(_no_clip_message(loader, tree, faults))
    if strict and faults:
        raise CorpusError(
            f"{info.name} at {tree.folder}: {len(faults)} file(s) cannot be used, the first is "
            f"{faults[0].id}: {faults[0].reason}. Repair or remove them, or open the corpus "
            "without strict to skip them."
        )
    warnings = _completeness(info, tree, clips)
    usable, unusable = _leave_unusable(loader, clips)
    usable, notes = loader.complete(usable, tree)
    utterances = tuple(_utterance(info, clip) for clip in usable)
    return Corpus(
        info=info,
        folder=tree.folder,
        utterances=utterances,
        skipped=tuple(sorted(faults + skipped + unusable, key=lambda s: s.id)),
        warnings=(*warnings, *notes, *contradictions(utterances)),
    )


def refuse_without_audio(tree: Tree, loaders: Sequence[Loader]) -> None:
    """Says why a folder without audio is none of the corpora of ``loaders``.

    Raises:
        CorpusError: always, with the reason and the expected layout.
    """
    marks = {loader: mark for loader in loaders if (mark := loader.marked(tree)) is not None}
    expected = list(marks) or loaders
    formats = ", ".join(suffix.lstrip(".") for suffix in AUDIO_SUFFIXES)
    if tree.packed:
        reason = f"holds {_several(tree.packed)} but no audio: unpack it there first"
    elif marks:
        mark = next(iter(marks.values()))
        reason = f"holds {mark} but no audio ({formats}): the recordings are missing"
    elif tree.others:
        count = len(tree.others)
        reason = f"holds {count} file(s), e.g. {tree.others[0]}, but no audio ({formats})"
    else:
        reason = "is empty"
    raise CorpusError(f"The corpus folder {tree.folder} {reason}. Expected: {_layouts(expected)}")


def _layouts(loaders: Sequence[Loader]) -> str:
    if len(loaders) <= 2:
        return "; ".join(f"{loader.info.name}: {loader.info.layout}" for loader in loaders)
    return "one of " + "; ".join(f"{loader.info.name} ({loader.example})" for loader in loaders)


def _sort_out(loader: Loader, tree: Tree) -> tuple[list[Clip], list[Skipped], list[Skipped]]:
    """The clips of a folder, its faulty files, and its files left out on purpose."""
    faults, skipped = [], []
    candidates: dict[str, list[Clip]] = collections.defaultdict(list)
    for file in tree.audio:
        fault = file.fault
        if fault is not None:
            faults.append(Skipped(file.id, fault))
        elif (reason := loader.aside(file)) is not None:
            skipped.append(Skipped(file.id, reason))
        elif (clip := loader.parse(file)) is None:
            faults.append(
                Skipped(file.id, f"not a file name of {loader.info.name}, e.g. {loader.example}")
            )
        else:
            candidates[clip.name].append(clip)
    kept = []
    for copies in candidates.values():
        first, *rest = sorted(copies, key=_preference)
        kept.append(first)
        skipped += [Skipped(c.file.id, f"a second copy of {first.file.id}") for c in rest]
    return sorted(kept, key=lambda clip: clip.file.id), faults, skipped


def _preference(clip: Clip) -> tuple[int, int, str]:
    """Of several copies of a clip: lossless first, then the one nearest to the top."""
    suffix = clip.file.path.suffix.casefold()
    return AUDIO_SUFFIXES.index(suffix), clip.file.id.count("/"), clip.file.id


def _no_clip_message(loader: Loader, tree: Tree, faults: list[Skipped]) -> str:
    reasons = collections.Counter(fault.reason for fault in faults)
    common = f" Most common reason: {reasons.most_common(1)[0][0]}." if reasons else ""
    return (
        f"None of the {len(tree.audio)} audio file(s) in {tree.folder} can be used as "
        f"{loader.info.name}.{common} Expected: {loader.info.layout}"
    )


def _completeness(info: CorpusInfo, tree: Tree, clips: list[Clip]) -> list[str]:
    if info.clips is None or len(clips) >= info.clips:
        return []
    speakers = len({clip.speaker for clip in clips})
    of_speakers = f" and {speakers} of {info.speakers} speakers" if info.speakers else ""
    packed = f"; {_several(tree.packed)} may hold the rest" if tree.packed else ""
    return [f"{info.name} holds {len(clips)} of {info.clips} clips{of_speakers}{packed}."]


def _leave_unusable(loader: Loader, clips: list[Clip]) -> tuple[list[Clip], list[Skipped]]:
    usable = [clip for clip in clips if clip.name not in loader.unusable]
    unusable = [
        Skipped(clip.file.id, loader.unusable[clip.name])
        for clip in clips
        if clip.name in loader.unusable
    ]
    return usable, unusable


def _utterance(info: CorpusInfo, clip: Clip) -> Utterance:
    return Utterance(
        corpus=info.name,
        id=clip.file.id,
        path=clip.file.path,
        speaker=clip.speaker,
        gender=clip.gender,
        emotion=clip.emotion,
        session=clip.session,
        sentence=clip.sentence,
        split=clip.split,
        origin=info.citation,
    )


def read_text(path: Path) -> str:
    """The text of a label file: UTF-8 if it is that, else Latin-1.

    Raises:
        CorpusError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(
            f"A label file must be readable. Received: {path} ({error.strerror})"
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def without_label(what: str, names: Sequence[str], why: str, effect: str) -> list[str]:
    """One warning about clips that lack a label, or none if there are no such clips.

    Example:
        >>> without_label("turn", ["a", "b"], "had no majority", "no emotion label")
        ['2 turn(s) had no majority and bear no emotion label: a, b.']
        >>> without_label("turn", [], "had no majority", "no emotion label")
        []
    """
    if not names:
        return []
    return [f"{len(names)} {what}(s) {why} and bear {effect}: {_several(names)}."]


def _several(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
