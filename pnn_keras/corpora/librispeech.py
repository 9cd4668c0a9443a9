"""LibriSpeech (English, read audiobooks): speakers and their sex, no emotion."""

from __future__ import annotations

import dataclasses
import re

from pnn_keras.corpora.loader import Clip, Loader, read_text, without_label
from pnn_keras.corpora.tree import AudioFile, Tree
from pnn_keras.corpus import CorpusInfo

INFO = CorpusInfo(
    name="LibriSpeech",
    citation=(
        "V. Panayotov, G. Chen, D. Povey, S. Khudanpur: Librispeech: An ASR corpus based on "
        "public domain audio books. ICASSP 2015, 5206-5210. doi:10.1109/ICASSP.2015.7178964"
    ),
    licence="CC BY 4.0",
    homepage="https://www.openslr.org/12",
    emotions=(),
    layout="dev-clean/84/121123/84-121123-0000.flac with SPEAKERS.TXT, any subsets",
    obtain="Free to download: https://www.openslr.org/12",
    defects=("No emotion labels: it serves speaker and gender tasks only.",),
)

_NAME = re.compile(r"(\d+)-(\d+)-(\d{4})", re.ASCII)
_SEXES = {"F": "female", "M": "male"}


def parse(file: AudioFile) -> Clip | None:
    """What a LibriSpeech file name tells: speaker and chapter (as session).

    Example:
        >>> clip = parse(AudioFile("84/121123/84-121123-0000.flac", None, 1))
        >>> clip.speaker, clip.session
        ('84', '121123')
    """
    match = _NAME.fullmatch(file.stem)
    if match is None:
        return None
    return Clip(file, file.stem, speaker=match[1], session=match[2])


def speakers(text: str) -> dict[str, tuple[str, str]]:
    r"""Sex and subset of each speaker in ``SPEAKERS.TXT``.

    Example:
        >>> speakers("; a comment\n14   | F | train-clean-360  | 25.03 | A Reader")
        {'14': ('female', 'train-clean-360')}
    """
    found = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if not line.startswith(";") and len(fields) > 2 and fields[1] in _SEXES:
            found[fields[0]] = (_SEXES[fields[1]], fields[2])
    return found


def add_speakers(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Adds the speakers' sex and the split of their subset from ``SPEAKERS.TXT``."""
    path = tree.find("SPEAKERS.TXT")
    if path is None:
        return clips, ["SPEAKERS.TXT is missing: no clip bears a gender."]
    known = speakers(read_text(path))
    completed = []
    for clip in clips:
        gender, subset = known.get(clip.speaker, (None, ""))
        split = subset.partition("-")[0] or None
        completed.append(dataclasses.replace(clip, gender=gender, split=split))
    absent = sorted({clip.speaker for clip in clips} - set(known))
    return completed, without_label("speaker", absent, "are not in SPEAKERS.TXT", "no gender")


LOADER = Loader(INFO, "84-121123-0000.flac", parse, add_speakers, marks=("speakers.txt",))
