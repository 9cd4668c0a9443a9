"""nEMO (Polish, acted)."""

from __future__ import annotations

import csv
import dataclasses
import io
import re

from pnn_keras.corpora.loader import Clip, Loader, read_text, without_label
from pnn_keras.corpora.tree import AudioFile, Tree
from pnn_keras.corpus import GENDERS, CorpusInfo

INFO = CorpusInfo(
    name="nEMO",
    citation=(
        "I. Christop: nEMO: Dataset of emotional speech in Polish. LREC-COLING 2024. "
        "arXiv:2404.06292"
    ),
    licence="CC BY-NC-SA 4.0",
    homepage="https://github.com/amu-cai/nEMO",
    emotions=("angry", "fearful", "happy", "neutral", "sad", "surprised"),
    layout="samples/WR0_surprised_90.wav with data.tsv beside samples/",
    obtain="Free to clone: git clone https://github.com/amu-cai/nEMO",
    clips=4481,
    speakers=9,
)

EMOTIONS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
# File names use nouns and adjectives alike.
_ALL_NAMES = EMOTIONS | {emotion: emotion for emotion in EMOTIONS.values()}
_NAME = re.compile(rf"([A-Z]{{2}}\d+)_({'|'.join(_ALL_NAMES)})_(\d+)", re.ASCII)


def parse(file: AudioFile) -> Clip | None:
    """What an nEMO file name tells: speaker and emotion.

    Example:
        >>> clip = parse(AudioFile("samples/WR0_surprised_90.wav", None, 1))
        >>> clip.speaker, clip.emotion
        ('WR0', 'surprised')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    return Clip(file, file.stem, speaker=match[1], emotion=_ALL_NAMES[match[2]])


def add_table(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Adds sex and text from ``data.tsv``."""
    path = tree.find("data.tsv")
    if path is None:
        return clips, ["data.tsv is missing: no clip bears a gender or its text."]
    reader = csv.DictReader(
        io.StringIO(read_text(path)), delimiter="\t", quoting=csv.QUOTE_NONE, restval=""
    )
    rows = {_stem(row.get("file_id") or ""): row for row in reader}
    completed = [_complete(clip, rows.get(clip.name, {})) for clip in clips]
    absent = [clip.name for clip in completed if clip.gender is None]
    return completed, without_label("clip", absent, "have no gender in data.tsv", "no gender")


def _stem(file_id: str) -> str:
    name = file_id.strip().rpartition("/")[2]
    return name.rpartition(".")[0] or name


def _complete(clip: Clip, row: dict[str, str]) -> Clip:
    gender = (row.get("gender") or "").strip().lower()
    text = (row.get("normalized_text") or row.get("raw_text") or "").strip()
    return dataclasses.replace(
        clip, gender=gender if gender in GENDERS else None, sentence=text or None
    )


LOADER = Loader(INFO, "WR0_surprised_90.wav", parse, add_table)
