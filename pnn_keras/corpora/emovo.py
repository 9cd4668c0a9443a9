"""EMOVO (Italian, acted)."""

from __future__ import annotations

import re

from pnn_keras.corpora.loader import Clip, Loader
from pnn_keras.corpora.tree import AudioFile
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="EMOVO",
    citation=(
        "G. Costantini, I. Iaderola, A. Paoloni, M. Todisco: EMOVO corpus: an Italian emotional "
        "speech database. LREC 2014, 3501-3504"
    ),
    licence="non-commercial use with acknowledgement, as its page says; no standard licence",
    homepage="http://voice.fub.it/activities/corpora/emovo/index.html",
    emotions=("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"),
    layout="f1/dis-f1-b1.wav (emotion, speaker f1-f3 or m1-m3, sentence)",
    obtain="See its page: http://voice.fub.it/activities/corpora/emovo/index.html",
    defects=("Most recordings are stereo.",),
    clips=588,
    speakers=6,
)

EMOTIONS = {
    "dis": "disgusted",
    "gio": "happy",
    "neu": "neutral",
    "pau": "fearful",
    "rab": "angry",
    "sor": "surprised",
    "tri": "sad",
}
_NAME = re.compile(rf"({'|'.join(EMOTIONS)})-([fm])([1-3])-([a-z]\d)", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What an EMOVO file name tells: emotion, speaker and sentence.

    Example:
        >>> clip = parse(AudioFile("m2/gio-m2-l4.wav", None, 1))
        >>> clip.speaker, clip.gender, clip.sentence, clip.emotion
        ('m2', 'male', 'l4', 'happy')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    emotion, sex, number, sentence = match.groups()
    return Clip(
        file=file,
        name=file.stem,
        speaker=sex + number,
        gender="female" if sex == "f" else "male",
        emotion=EMOTIONS[emotion],
        sentence=sentence,
    )


LOADER = Loader(INFO, "dis-f1-b1.wav", parse)
