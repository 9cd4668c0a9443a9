"""CREMA-D (English, acted): the emotion that the actor meant, or the one listeners heard."""

from __future__ import annotations

import csv
import dataclasses
import io
import re

from pnn_keras.corpora.loader import Clip, Loader, read_text, without_label
from pnn_keras.corpora.tree import AudioFile, Tree
from pnn_keras.corpus import CorpusInfo
from pnn_keras.errors import CorpusError

_DEFECTS = (
    "Three pairs of files are byte-identical with different labels: 1006_TIE HAP = NEU, "
    "1013_WSI DIS = SAD, 1017_IWW ANG = FEA.",
    "Among actors 1001-1030 three more pairs are one recording, though their bytes differ: "
    "1017_IWL ANG = FEA, 1020_IEO_ANG LO = MD, 1028_IEO_HAP LO = MD.",
    "1076_MTI_SAD_XX is silent and is left out.",
    "1040_ITH_SAD_XX ships misnamed as 1040_ITH_SAD_X.",
    "Only the sentence IEO is spoken at graded intensity (LO, MD, HI).",
)

INFO = CorpusInfo(
    name="CREMA-D",
    citation=(
        "H. Cao, D. G. Cooper, M. K. Keutmann, R. C. Gur, A. Nenkova, R. Verma: CREMA-D: "
        "Crowd-sourced Emotional Multimodal Actors Dataset. IEEE Transactions on Affective "
        "Computing 5(4), 2014, 377-390. doi:10.1109/TAFFC.2014.2336244"
    ),
    licence="ODbL 1.0 (database) and DbCL 1.0 (contents)",
    homepage="https://github.com/CheyneyComputerScience/CREMA-D",
    emotions=("angry", "disgusted", "fearful", "happy", "neutral", "sad"),
    layout="AudioWAV/1001_DFA_ANG_XX.wav with VideoDemographics.csv beside AudioWAV/",
    obtain=(
        "Free to clone with Git LFS: "
        "git lfs install && git clone https://github.com/CheyneyComputerScience/CREMA-D"
    ),
    defects=_DEFECTS,
    clips=7442,
    speakers=91,
)

PERCEIVED_INFO = dataclasses.replace(
    INFO,
    name="CREMA-D-perceived",
    layout=f"{INFO.layout} and processedResults/summaryTable.csv",
    defects=(
        *_DEFECTS,
        "Labels are the emotion most listeners heard in the voice alone; ties bear no label.",
    ),
)

EMOTIONS = {
    "ANG": "angry",
    "DIS": "disgusted",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}
SENTENCES = (
    *("DFA", "IEO", "IOM", "ITH", "ITS", "IWL"),
    *("IWW", "MTI", "TAI", "TIE", "TSI", "WSI"),
)
_VOTES = {code[0]: emotion for code, emotion in EMOTIONS.items()}
_MISNAMED = "1040_ITH_SAD_X"
_FIRST, _LAST = 1001, 1091
_NAME = re.compile(
    rf"(\d{{4}})_({'|'.join(SENTENCES)})_({'|'.join(EMOTIONS)})_(LO|MD|HI|XX)", re.ASCII
)


def parse(file: AudioFile) -> Clip | None:
    """What a CREMA-D file name tells: actor, sentence and intended emotion.

    Example:
        >>> clip = parse(AudioFile("AudioWAV/1001_DFA_ANG_XX.wav", None, 1))
        >>> clip.speaker, clip.sentence, clip.emotion
        ('1001', 'DFA', 'angry')
    """
    stem = f"{_MISNAMED}X" if file.stem == _MISNAMED else file.stem
    match = _NAME.fullmatch(stem)
    if match is None or not _FIRST <= int(match[1]) <= _LAST:
        return None
    actor, sentence, emotion, _ = match.groups()
    return Clip(file, stem, speaker=actor, emotion=EMOTIONS[emotion], sentence=sentence)


def add_sex(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Adds the actors' sex from ``VideoDemographics.csv``."""
    warnings = []
    misnamed = [clip.file.id for clip in clips if clip.file.stem != clip.name]
    if misnamed:
        warnings.append(f"{misnamed[0]} is misnamed in the release; it is read as {_MISNAMED}X.")
    rows = _rows(tree, "VideoDemographics.csv", ("ActorID", "Sex"))
    if rows is None:
        return clips, [*warnings, "VideoDemographics.csv is missing: no clip bears a gender."]
    sexes = {row["ActorID"].strip(): row["Sex"].strip().lower() for row in rows}
    genders = {actor: sex for actor, sex in sexes.items() if sex in ("female", "male")}
    unknown = sorted({clip.speaker for clip in clips} - set(genders))
    warnings += without_label("actor", unknown, "are not in VideoDemographics.csv", "no gender")
    return [dataclasses.replace(c, gender=genders.get(c.speaker)) for c in clips], warnings


def add_votes(clips: list[Clip], tree: Tree) -> tuple[list[Clip], list[str]]:
    """Replaces the intended emotion by the voice-only vote of ``summaryTable.csv``.

    Raises:
        CorpusError: the table of votes is missing.
    """
    clips, warnings = add_sex(clips, tree)
    rows = _rows(tree, "summaryTable.csv", ("FileName", "VoiceVote"))
    if rows is None:
        raise CorpusError(
            f"{PERCEIVED_INFO.name} needs the listeners' votes, but {tree.folder} has no "
            f"summaryTable.csv. Expected: {PERCEIVED_INFO.layout}"
        )
    votes = {row["FileName"].strip(): row["VoiceVote"].strip() for row in rows}
    labelled = [dataclasses.replace(c, emotion=_VOTES.get(votes.get(c.name, ""))) for c in clips]
    tied = [c.name for c in labelled if ":" in votes.get(c.name, "")]
    absent = [c.name for c in labelled if c.emotion is None and ":" not in votes.get(c.name, "")]
    warnings += without_label("clip", tied, "have a tied vote", "no emotion label")
    warnings += without_label("clip", absent, "have no vote", "no emotion label")
    return labelled, warnings


def _rows(tree: Tree, name: str, columns: tuple[str, ...]) -> list[dict[str, str]] | None:
    path = tree.find(name)
    if path is None:
        return None
    reader = csv.DictReader(io.StringIO(read_text(path)), restval="")
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    if missing:
        raise CorpusError(
            f"{path} must have the columns {', '.join(columns)}. "
            f"Received: {', '.join(reader.fieldnames or ()) or 'an empty file'}"
        )
    return list(reader)


_UNUSABLE = {"1076_MTI_SAD_XX": "silent in the official release"}
_MARKS = ("videodemographics.csv", "summarytable.csv", "audiowav", "sentencefilenames.csv")

LOADER = Loader(INFO, "1001_DFA_ANG_XX.wav", parse, add_sex, unusable=_UNUSABLE, marks=_MARKS)
PERCEIVED = Loader(
    PERCEIVED_INFO,
    "1001_DFA_ANG_XX.wav",
    parse,
    add_votes,
    unusable=_UNUSABLE,
    marks=_MARKS,
    only_by_name=True,
)
