"""EmoDB, the Berlin database of emotional speech (German, acted)."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="EmoDB",
    citation=(
        "F. Burkhardt, A. Paeschke, M. Rolfes, W. F. Sendlmeier, B. Weiss: A database of German "
        "emotional speech. Interspeech 2005, 1517-1520. doi:10.21437/Interspeech.2005-446"
    ),
    licence="CC0 1.0 (audEERING's data card; the original site names none)",
    homepage="http://emodb.bilderbar.info",
    emotions=("angry", "bored", "disgusted", "fearful", "happy", "neutral", "sad"),
    layout="wav/03a01Fa.wav (speaker, text, emotion letter, version) or the same files at the top",
    obtain="Free to download: http://emodb.bilderbar.info/download/download.zip",
    defects=(
        "Classes are uneven (46 disgusted to 127 angry clips); speaker 08 has no disgusted clip, "
        "speakers 03 and 10 have one each.",
    ),
    clips=535,
    speakers=10,
)

EMOTIONS = {
    "W": "angry",
    "L": "bored",
    "E": "disgusted",
    "A": "fearful",
    "F": "happy",
    "N": "neutral",
    "T": "sad",
}
MALE = {"03", "10", "11", "12", "15"}
FEMALE = {"08", "09", "13", "14", "16"}

_NAME = re.compile(r"(\d\d)([ab]\d\d)([WLEAFNT])[a-z]", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What an EmoDB file name tells: speaker, text and emotion.

    Example:
        >>> clip = parse(AudioFile("wav/03a01Fa.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.sentence, clip.emotion
        ('03', 'male', 'a01', 'happy')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    speaker, text, letter = match.groups()
    if speaker not in MALE | FEMALE:
        return None
    return Clip(
        file=file,
        name=file.stem,
        speaker=speaker,
        gender="male" if speaker in MALE else "female",
        emotion=EMOTIONS[letter],
        sentence=text,
    )


LOADER = Loader(INFO, "03a01Fa.wav", parse, marks=("erkennung.txt", "erklaerung.txt"))
