"""MSP-IMPROV (English, read, improvised and natural dialogues)."""

from __future__ import annotations

import dataclasses
import re

from pnn_keras.corpora.loader import Clip, Loader, read_text, without_label
from pnn_keras.corpora.tree import AudioFile, Tree
from pnn_keras.corpus import CorpusInfo
from pnn_keras.errors import CorpusError

INFO = CorpusInfo(
    name="MSP-IMPROV",
    citation=(
        "C. Busso, S. Parthasarathy, A. Burmania, M. AbdelWahab, N. Sadoughi, E. Mower Provost: "
        "MSP-IMPROV: An acted corpus of dyadic interactions to study emotion perception. IEEE "
        "Transactions on Affective Computing 8(1), 2017, 67-80. doi:10.1109/TAFFC.2016.2515617"
    ),
    licence="research licence of the University of Texas at Dallas, on application",
    homepage="https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html",
    emotions=("angry", "happy", "neutral", "other", "sad"),
    layout=(
        "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav (Audio/ above it or not) with "
        "Evalution.txt (its real spelling)"
    ),
    obtain=(
        "On application: https://ecs.utdallas.edu/research/researchlabs/msp-lab/MSP-Improv.html"
    ),
    defects=(
        "Turns without agreement (X) bear no emotion.",
        "The label file is called Evalution.txt; some of its ratings are NaN.",
    ),
    clips=8438,
    speakers=12,
)

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "O": "other", "S": "sad"}
LABEL_FILES = ("Evalution.txt", "Evaluation.txt")
_NO_AGREEMENT = "X"
#: Only in read and target turns does the code of the sentence tell the words.
_FIXED_WORDS = ("R", "T")
_TURN = r"IMPROV-(S\d\d)([AHSN])-([FM])(0[1-6])-([RSPT])-([FM]{2}\d\d[A-Za-z]?)"
_NAME = re.compile(rf"MSP-({_TURN})", re.ASCII)
_HEADER = re.compile(rf"(?:UTD|MSP)-({_TURN})\.\w+\s*;\s*([A-Z])\s*;", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What an MSP-IMPROV file name tells: speaker, session, sentence of fixed words.

    Example:
        >>> clip = parse(AudioFile("MSP-IMPROV-S01A-F02-R-FM01.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.session, clip.sentence
        ('F02', 'female', '2', 'S01')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    name, sentence, _, sex, number, scenario, _ = match.groups()
    return Clip(
        file=file,
        name=name,
        speaker=sex + number,
        gender="female" if sex == "F" else "male",
        session=str(int(number)),
        sentence=sentence if scenario in _FIXED_WORDS else None,
    )


def consensus(text: str) -> dict[str, str]:
    """The consensus letter of each turn in the evaluation file.

    Example:
        >>> consensus("UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.0; V:3.5; D:3.0 ; N:3.2;")
        {'IMPROV-S01A-F01-P-FM01': 'N'}
    """
    headers = (_HEADER.match(line) for line in text.splitlines())
    return {match[1]: match[8] for match in headers if match}


def add_emotions(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Adds the consensus labels of the evaluation file.

    Raises:
        CorpusError: the file is missing or has no turn.
    """
    path = next((path for name in LABEL_FILES if (path := tree.find(name))), None)
    codes = consensus(read_text(path)) if path else {}
    if not codes:
        problem = f"{path} names no turn" if path else f"{tree.folder} has no Evalution.txt"
        raise CorpusError(f"MSP-IMPROV's labels are missing: {problem}. Expected: {INFO.layout}")
    labelled = [dataclasses.replace(c, emotion=EMOTIONS.get(codes.get(c.name, ""))) for c in clips]
    undecided = [c.name for c in clips if codes.get(c.name) == _NO_AGREEMENT]
    rest = [c.name for c in labelled if c.emotion is None and codes.get(c.name) != _NO_AGREEMENT]
    return labelled, [
        *without_label("turn", undecided, "found no agreement (X)", "no emotion label"),
        *without_label("turn", rest, f"have no label in {path.name}", "no emotion label"),
    ]


LOADER = Loader(
    INFO,
    "MSP-IMPROV-S01A-F01-P-FM01.wav",
    parse,
    add_emotions,
    marks=tuple(name.casefold() for name in LABEL_FILES),
)
