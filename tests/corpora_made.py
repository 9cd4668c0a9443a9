"""Small corpora in the layouts of the real ones, made on the spot for tests.

Every maker writes audio below ``folder`` and returns ``folder``. The sound is
a short tone whose pitch depends on the file's name, so that no two files are
byte-identical by accident.
"""

from __future__ import annotations

import itertools
import zlib
from pathlib import Path

import numpy as np
import soundfile

SAMPLING_RATE = 16_000

EMODB_SPEAKERS = ("03", "08", "09", "10", "11", "12", "13", "14", "15", "16")
CREMA_D_SEXES = {1001: "Male", 1002: "Female", 1003: "Female", 1004: "Male"}


def write_tone(
    path: Path, *, seconds: float = 0.1, key: str | None = None, rate: int = SAMPLING_RATE
) -> Path:
    """Writes a tone; its pitch, phase and level follow from ``key``, by default the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(zlib.crc32((key or path.name).encode()))
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (random.uniform(90, 300) * time + random.uniform()))
    noise = random.standard_normal(time.size)
    soundfile.write(path, random.uniform(0.2, 0.6) * tone + 0.01 * noise, rate)
    return path


def make_emodb(
    folder: Path,
    *,
    speakers=EMODB_SPEAKERS,
    texts=("a01", "b02"),
    emotions="WLEAFTN",
    suffix: str = ".wav",
    inside: str = "wav",
    seconds: float = 0.1,
) -> Path:
    """EmoDB: ``wav/03a01Fa.wav``, one version of each speaker, text and emotion letter."""
    for speaker, text, emotion in itertools.product(speakers, texts, emotions):
        write_tone(folder / inside / f"{speaker}{text}{emotion}a{suffix}", seconds=seconds)
    return folder


def make_ravdess(folder: Path, *, actors=(1, 2), suffix: str = ".wav", inside: str = "") -> Path:
    """RAVDESS speech: ``Actor_01/03-01-05-01-02-01-01.wav``, normal intensity."""
    for actor, emotion, statement in itertools.product(actors, range(1, 9), (1, 2)):
        name = f"03-01-{emotion:02d}-01-{statement:02d}-01-{actor:02d}{suffix}"
        write_tone(folder / inside / f"Actor_{actor:02d}" / name)
    return folder


def make_crema_d(
    folder: Path,
    *,
    sexes=CREMA_D_SEXES,
    sentences=("DFA", "TIE"),
    votes: dict[str, str] | None = None,
    suffix: str = ".wav",
) -> Path:
    """CREMA-D: ``AudioWAV/``, ``VideoDemographics.csv`` and the listeners' votes.

    Listeners hear what was meant, except where ``votes`` says otherwise.
    """
    names = []
    for actor, sentence in itertools.product(sexes, sentences):
        for emotion in ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD"):
            names.append(f"{actor}_{sentence}_{emotion}_XX")
            write_tone(folder / "AudioWAV" / f"{names[-1]}{suffix}")
    lines = [f'{actor},30,"{sex}","Unknown","Unknown"' for actor, sex in sexes.items()]
    header = '"ActorID","Age","Sex","Race","Ethnicity"'
    (folder / "VideoDemographics.csv").write_text("\n".join([header, *lines]) + "\n")
    heard = {name: name.split("_")[2][0] for name in names} | (votes or {})
    lines = [f'"{i}","{name}","{vote}","60"' for i, (name, vote) in enumerate(heard.items(), 1)]
    table = folder / "processedResults" / "summaryTable.csv"
    table.parent.mkdir()
    table.write_text("\n".join(['"","FileName","VoiceVote","VoiceLevel"', *lines]) + "\n")
    return folder


def make_iemocap(folder: Path, *, sessions=(1, 2), codes=("ang", "exc", "neu", "xxx")) -> Path:
    """IEMOCAP: turns of both speakers below ``sentences/wav``, labels in ``EmoEvaluation``.

    One single rater always disagrees with the consensus.
    """
    for session in sessions:
        # The letter after the session (who wears markers) is not who speaks.
        dialogue = f"Ses{session:02d}F_impro01"
        root = folder / f"Session{session}"
        blocks = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]"]
        for speaker, (turn, code) in itertools.product("FM", enumerate(codes)):
            name = f"{dialogue}_{speaker}{turn:03d}"
            write_tone(root / "sentences" / "wav" / dialogue / f"{name}.wav")
            blocks.append(
                f"[{turn}.2901 - {turn}.8357]\t{name}\t{code}\t[2.5000, 2.5000, 2.5000]\n"
                "C-E2:\tFear;\t()\nA-E3:\tval 3; act 2; dom  2;\t()"
            )
        write_tone(root / "dialog" / "wav" / f"{dialogue}.wav")
        labels = root / "dialog" / "EmoEvaluation" / f"{dialogue}.txt"
        (labels.parent / "Categorical").mkdir(parents=True)
        (labels.parent / "Categorical" / f"{dialogue}_e2_cat.txt").write_text("nothing here\n")
        labels.write_text("\n\n".join(blocks) + "\n")
    return folder


def make_msp_improv(
    folder: Path, *, letters="AHSNOX", label_file: str = "Evalution.txt", inside: str = ""
) -> Path:
    """MSP-IMPROV: one natural turn of F01 and M01 for each consensus letter, and read ones."""
    blocks = []
    for number, letter in enumerate(letters, 1):
        for speaker, scenario in (("F01", "P"), ("M01", "R")):
            turn = f"IMPROV-S01A-{speaker}-{scenario}-FM{number:02d}"
            write_tone(folder / inside / f"session1/S01A/{scenario}/MSP-{turn}.wav")
            blocks.append(
                f"UTD-{turn}.avi; {letter}; A:3.0; V:NaN; D:3.0 ; N:3.2; \n"
                " WORKER00000001; Fear; Fear; A:3.0; V:3.0; D:3.0; N:3.0;\n"
            )
    (folder / label_file).write_text("\n".join(blocks))
    return folder


def make_tess(folder: Path, *, words=("back", "bite")) -> Path:
    """TESS: ``OAF_Fear/OAF_back_fear.wav``, with its one misnamed file."""
    emotions = ("angry", "disgust", "fear", "happy", "neutral", "ps", "sad")
    for speaker, word, emotion in itertools.product(("OAF", "YAF"), words, emotions):
        misnamed = (speaker, word, emotion) == ("OAF", "bite", "neutral")
        name = f"{'OA' if misnamed else speaker}_{word}_{emotion}.wav"
        write_tone(folder / f"{speaker}_{emotion.title()}" / name)
    return folder


def make_savee(folder: Path, *, flat: bool = False) -> Path:
    """SAVEE: ``AudioData/DC/sa01.wav``, or flat: ``ALL/DC_sa01.wav``."""
    codes = ("a", "d", "f", "h", "n", "sa", "su")
    for speaker, code in itertools.product(("DC", "JE", "JK", "KL"), codes):
        name = f"{speaker}_{code}01.wav" if flat else f"{speaker}/{code}01.wav"
        write_tone(folder / ("ALL" if flat else "AudioData") / name, key=f"{speaker}{code}")
    return folder


def make_emovo(folder: Path) -> Path:
    """EMOVO: ``f1/dis-f1-b1.wav``."""
    codes = ("dis", "gio", "neu", "pau", "rab", "sor", "tri")
    for speaker, code in itertools.product(("f1", "f2", "f3", "m1", "m2", "m3"), codes):
        write_tone(folder / speaker / f"{code}-{speaker}-b1.wav")
    return folder


def make_urdu(folder: Path) -> Path:
    """URDU: ``Angry/SM1_F1_A01.wav``."""
    emotions = ("Angry", "Happy", "Neutral", "Sad")
    for speaker, emotion in itertools.product(("SM1", "SF2"), emotions):
        write_tone(folder / emotion / f"{speaker}_F1_{emotion[0]}01.wav")
    return folder


def make_nemo(folder: Path) -> Path:
    """nEMO: ``samples/WR0_surprised_90.wav`` and ``data.tsv``."""
    rows = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
    emotions = ("anger", "fear", "happiness", "neutral", "sadness", "surprised")
    speakers = (("WR0", "female"), ("AB1", "male"))
    for (speaker, sex), emotion in itertools.product(speakers, emotions):
        name = f"{speaker}_{emotion}_90"
        write_tone(folder / "samples" / f"{name}.wav")
        rows.append(f'{name}.wav\t{emotion}\t"Tak", rzekł.\ttak rzekł\t{speaker}\t{sex}\t30')
    (folder / "data.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def make_librispeech(folder: Path) -> Path:
    """LibriSpeech: ``dev-clean/84/121123/84-121123-0000.flac`` and ``SPEAKERS.TXT``."""
    for subset, speaker in (("dev-clean", "84"), ("train-clean-100", "19")):
        for number in range(3):
            name = f"{speaker}-121123-{number:04d}.flac"
            write_tone(folder / subset / speaker / "121123" / name)
    (folder / "SPEAKERS.TXT").write_text(
        ";ID  |SEX| SUBSET           |MINUTES| NAME\n"
        "19   | F | train-clean-100  | 25.19 | First Reader\n"
        "84   | M | dev-clean        |  8.02 | Second | Reader\n"
    )
    return folder


#: A maker for each corpus, by the name of its loader.
MAKERS = {
    "CREMA-D": make_crema_d,
    "EmoDB": make_emodb,
    "EMOVO": make_emovo,
    "IEMOCAP": make_iemocap,
    "LibriSpeech": make_librispeech,
    "MSP-IMPROV": make_msp_improv,
    "nEMO": make_nemo,
    "RAVDESS": make_ravdess,
    "SAVEE": make_savee,
    "TESS": make_tess,
    "URDU": make_urdu,
}
