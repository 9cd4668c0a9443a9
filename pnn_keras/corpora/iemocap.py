"""IEMOCAP (English, acted and improvised dialogues)."""

from __future__ import annotations

import dataclasses
import re

from pnn_keras.corpora.loader import Clip, Loader, read_text, without_label
from pnn_keras.corpora.tree import AudioFile, Tree
from pnn_keras.corpus import CorpusInfo
from pnn_keras.errors import CorpusError

INFO = CorpusInfo(
    name="IEMOCAP",
    citation=(
        "C. Busso, M. Bulut, C.-C. Lee, A. Kazemzadeh, E. Mower, S. Kim, J. N. Chang, S. Lee, "
        "S. S. Narayanan: IEMOCAP: Interactive emotional dyadic motion capture database. "
        "Language Resources and Evaluation 42(4), 2008, 335-359. doi:10.1007/s10579-008-9076-6"
    ),
    licence="research licence of the University of Southern California, on application",
    homepage="https://sail.usc.edu/iemocap/",
    emotions=(
        *("angry", "disgusted", "excited", "fearful", "frustrated"),
        *("happy", "neutral", "other", "sad", "surprised"),
    ),
    layout=(
        "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav with "
        "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt, Session1 to Session5"
    ),
    obtain="On application: https://sail.usc.edu/iemocap/iemocap_release.htm",
    defects=(
        "Raters found no majority for about a quarter of the turns (xxx): these bear no emotion.",
        "disgusted, fearful, other and surprised have few turns.",
    ),
    clips=10039,
    speakers=10,
)

EMOTIONS = {
    "ang": "angry",
    "dis": "disgusted",
    "exc": "excited",
    "fea": "fearful",
    "fru": "frustrated",
    "hap": "happy",
    "neu": "neutral",
    "oth": "other",
    "sad": "sad",
    "sur": "surprised",
}
_NO_MAJORITY = "xxx"
_DIALOGUE = r"Ses(0[1-5])[FM]_(?:impro|script)\d\d(?:[a-z]|_\d[a-z]?)?"
_TURN = re.compile(rf"{_DIALOGUE}_([FM])\w\w\d", re.ASCII)
_WHOLE = re.compile(_DIALOGUE, re.ASCII)
_HEADER = re.compile(r"\[[^\]]*\]\s+(Ses\w+)\s+(\w{3})\s+\[", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What an IEMOCAP turn's name tells: session and speaker.

    The speaker is the session and the letter of the turn's *last* field: the
    letter after ``Ses01`` only tells who wore the motion-capture markers.

    Example:
        >>> clip = parse(AudioFile("Ses01F_impro01_M000.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.session
        ('Ses01M', 'male', 'Ses01')
    """
    match = _TURN.fullmatch(file.stem)
    if match is None:
        return None
    session, letter = f"Ses{match[1]}", match[2]
    return Clip(
        file=file,
        name=file.stem,
        speaker=session + letter,
        gender="female" if letter == "F" else "male",
        session=session,
    )


def aside(file: AudioFile) -> str | None:
    """Why an IEMOCAP recording is no turn, or None."""
    if _WHOLE.fullmatch(file.stem):
        return "a whole dialogue: its turns are read from sentences/wav"
    return None


def consensus(text: str) -> dict[str, str]:
    r"""The consensus code of each turn in one ``EmoEvaluation`` file.

    The lines of single raters (``C-E2:``, ``A-E3:``) are not the consensus.

    Example:
        >>> consensus("[6.29 - 8.23]\tSes01F_impro01_F000\tneu\t[2.5, 2.5, 2.5]")
        {'Ses01F_impro01_F000': 'neu'}
    """
    headers = (_HEADER.match(line) for line in text.splitlines())
    return {match[1]: match[2] for match in headers if match}


def add_emotions(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Adds the consensus labels of ``dialog/EmoEvaluation/*.txt``.

    Raises:
        CorpusError: there is no such file.
    """
    codes: dict[str, str] = {}
    for name in tree.others:
        parts = name.split("/")
        if parts[-2:-1] == ["EmoEvaluation"] and name.endswith(".txt"):
            codes.update(consensus(read_text(tree.folder / name)))
    if not codes:
        raise CorpusError(
            f"IEMOCAP's labels are missing: {tree.folder} has no readable "
            f"dialog/EmoEvaluation/*.txt. Expected: {INFO.layout}"
        )
    labelled = [dataclasses.replace(c, emotion=EMOTIONS.get(codes.get(c.name, ""))) for c in clips]
    undecided = [c.name for c in clips if codes.get(c.name) == _NO_MAJORITY]
    rest = [c.name for c in labelled if c.emotion is None and codes.get(c.name) != _NO_MAJORITY]
    return labelled, [
        *without_label("turn", undecided, "found no majority (xxx)", "no emotion label"),
        *without_label("turn", rest, "have no line in EmoEvaluation", "no emotion label"),
    ]


LOADER = Loader(
    INFO,
    "Ses01F_impro01_F000.wav",
    parse,
    add_emotions,
    aside=aside,
    marks=("emoevaluation",),
)
