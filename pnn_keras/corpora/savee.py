"""SAVEE, the Surrey audio-visual expressed emotion database (English, acted by four men)."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="SAVEE",
    citation=(
        "S. Haq, P. J. B. Jackson: Speaker-dependent audio-visual emotion recognition. "
        "International Conference on Auditory-Visual Speech Processing (AVSP) 2009, 53-58"
    ),
    licence="free for research, on registration with the University of Surrey",
    homepage="http://kahlan.eps.surrey.ac.uk/savee/",
    emotions=("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"),
    layout="AudioData/DC/sa01.wav (speaker folders DC JE JK KL) or, flat, ALL/DC_sa01.wav",
    obtain="On registration: http://kahlan.eps.surrey.ac.uk/savee/Download.html",
    defects=(
        "All four speakers are male: there is no gender task.",
        "The neutral class has twice as many clips as the others.",
    ),
    clips=480,
    speakers=4,
)

EMOTIONS = {
    "a": "angry",
    "d": "disgusted",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
SPEAKERS = ("DC", "JE", "JK", "KL")
_NAME = re.compile(rf"(?:({'|'.join(SPEAKERS)})_)?(sa|su|[adfhn])(\d\d)", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What a SAVEE file's name and folder tell: speaker and emotion.

    Example:
        >>> clip = parse(AudioFile("AudioData/DC/sa01.wav", None, 1))
        >>> clip.speaker, clip.emotion
        ('DC', 'sad')
        >>> parse(AudioFile("ALL/KL_n12.wav", None, 1)).speaker
        'KL'
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    folder = file.parts[-2] if len(file.parts) > 1 else None
    speaker = match[1] or folder
    if speaker not in SPEAKERS:
        return None
    return Clip(
        file=file,
        name=f"{speaker}_{match[2]}{match[3]}",
        speaker=speaker,
        gender="male",
        emotion=EMOTIONS[match[2]],
    )


LOADER = Loader(INFO, "DC/sa01.wav", parse, marks=("audiodata",))
