"""TESS, the Toronto emotional speech set (English, acted by two women)."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="TESS",
    citation=(
        "M. K. Pichora-Fuller, K. Dupuis: Toronto emotional speech set (TESS). Borealis, 2020. "
        "doi:10.5683/SP2/E8H2MF"
    ),
    licence="CC BY-NC-ND 4.0",
    homepage="https://tspace.library.utoronto.ca/handle/1807/24487",
    emotions=("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"),
    layout="OAF_Fear/OAF_back_fear.wav (speaker OAF or YAF, word, emotion)",
    obtain="Free to download: https://doi.org/10.5683/SP2/E8H2MF",
    defects=(
        "Only two speakers, both female: no speaker-disjoint test deserves the name.",
        "One file is misnamed OA_bite_neutral; it is read as OAF_bite_neutral.",
        "A widespread copy holds every clip twice, in a folder within the folder.",
    ),
    clips=2800,
    speakers=2,
)

EMOTIONS = {
    "angry": "angry",
    "disgust": "disgusted",
    "fear": "fearful",
    "happy": "happy",
    "neutral": "neutral",
    "ps": "surprised",
    "sad": "sad",
}
_NAME = re.compile(rf"(OAF?|YAF)_([a-z]+)_({'|'.join(EMOTIONS)})", re.ASCII | re.IGNORECASE)


def parse(file: AudioFile) -> Clip | None:
    """What a TESS file name tells: speaker, word and emotion.

    Example:
        >>> clip = parse(AudioFile("YAF_back_ps.wav", None, 1))
        >>> clip.speaker, clip.sentence, clip.emotion
        ('YAF', 'back', 'surprised')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    speaker, word, emotion = match[1].upper(), match[2].lower(), match[3].lower()
    speaker = "OAF" if speaker == "OA" else speaker
    return Clip(
        file=file,
        name=f"{speaker}_{word}_{emotion}",
        speaker=speaker,
        gender="female",
        emotion=EMOTIONS[emotion],
        sentence=word,
    )


LOADER = Loader(INFO, "OAF_back_fear.wav", parse, marks=("oaf_fear", "yaf_fear"))
