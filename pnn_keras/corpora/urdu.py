"""URDU (Urdu, from television talk shows)."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="URDU",
    citation=(
        "S. Latif, A. Qayyum, M. Usman, J. Qadir: Cross lingual speech emotion recognition: Urdu "
        "vs. western languages. Frontiers of Information Technology (FIT) 2018, 88-93. "
        "doi:10.1109/FIT.2018.00023"
    ),
    licence="none stated; the paper offers it for further research",
    homepage="https://github.com/siddiquelatif/URDU-Dataset",
    emotions=("angry", "happy", "neutral", "sad"),
    layout="Angry/SM1_F1_A01.wav (S, sex and speaker; film; emotion letter and number)",
    obtain="Free to clone: git clone https://github.com/siddiquelatif/URDU-Dataset",
    defects=("Recordings come from broadcasts, so channel and emotion may go together.",),
    clips=400,
    speakers=38,
)

EMOTIONS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}
_NAME = re.compile(r"S([FM])(\d+)_F(\d+)_([AHNS])(\d+)", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What a URDU file name tells: speaker, sex and emotion.

    Example:
        >>> clip = parse(AudioFile("Angry/SM1_F1_A01.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.emotion
        ('SM1', 'male', 'angry')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    sex, number, _, emotion, _ = match.groups()
    return Clip(
        file=file,
        name=file.stem,
        speaker=f"S{sex}{number}",
        gender="female" if sex == "F" else "male",
        emotion=EMOTIONS[emotion],
    )


LOADER = Loader(INFO, "SM1_F1_A01.wav", parse)
