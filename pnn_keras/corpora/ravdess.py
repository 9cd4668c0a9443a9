"""RAVDESS, the Ryerson audio-visual database of emotional speech and song: its speech."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="RAVDESS",
    citation=(
        "S. R. Livingstone, F. A. Russo: The Ryerson Audio-Visual Database of Emotional Speech "
        "and Song (RAVDESS). PLoS ONE 13(5), 2018, e0196391. doi:10.1371/journal.pone.0196391"
    ),
    licence="CC BY-NC-SA 4.0",
    homepage="https://zenodo.org/records/1188976",
    emotions=(
        "angry",
        "calm",
        "disgusted",
        "fearful",
        "happy",
        "neutral",
        "sad",
        "surprised",
    ),
    layout="Actor_01/03-01-05-01-02-01-01.wav, audio only, at the top or in a folder of its own",
    obtain="Free to download: Audio_Speech_Actors_01-24.zip at https://zenodo.org/records/1188976",
    defects=(
        "The neutral class has half as many clips as the others.",
        "Five official files are stereo.",
        "Actor_07's 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07 are the same recording.",
    ),
    clips=1440,
    speakers=24,
)

EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgusted",
    "08": "surprised",
}
_ACTORS = 24
_NAME = re.compile(r"(0[123])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)", re.ASCII)


def _fields(file: AudioFile) -> tuple[str, ...] | None:
    match = _NAME.fullmatch(file.stem)
    if match is None or not 1 <= int(match[7]) <= _ACTORS:
        return None
    return match.groups()


def aside(file: AudioFile) -> str | None:
    """Why a RAVDESS file is not part of the audio-only speech, or None."""
    fields = _fields(file)
    if fields is None:
        return None
    if fields[1] == "02":
        return "sung, not spoken (vocal channel 02)"
    if fields[0] != "03":
        return f"not the audio-only recording (modality {fields[0]})"
    return None


def parse(file: AudioFile) -> Clip | None:
    """What a RAVDESS file name tells: emotion, statement and actor (odd: male).

    Example:
        >>> clip = parse(AudioFile("Actor_12/03-01-06-01-02-01-12.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.sentence, clip.emotion
        ('12', 'female', '02', 'fearful')
    """
    fields = _fields(file)
    if fields is None or aside(file) is not None:
        return None
    _, _, emotion, _, statement, _, actor = fields
    return Clip(
        file=file,
        name=file.stem,
        speaker=actor,
        gender="male" if int(actor) % 2 else "female",
        emotion=EMOTIONS[emotion],
        sentence=statement,
    )


LOADER = Loader(
    INFO,
    "03-01-05-01-02-01-01.wav",
    parse,
    aside=aside,
    marks=tuple(f"actor_{actor:02d}" for actor in range(1, _ACTORS + 1)),
)
