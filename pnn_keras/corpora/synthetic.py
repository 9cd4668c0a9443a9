"""The built-in corpus: utterances synthesised on the spot, when no recordings are at hand.

Nobody spoke any of it. It serves to try every command without data; a score on
it says nothing about how well people's emotions or voices are recognised.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import hashlib
import io
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pnn_keras.cache import cache_folder
from pnn_keras.corpora.voice import Voice, synthesise
from pnn_keras.corpus import Corpus, CorpusInfo, Utterance
from pnn_keras.errors import CorpusError, PnnKerasError

#: To be raised with every change of the audio, so that no older cache is read.
VERSION = 1

#: Speakers and clips of each speaker and emotion, unless others are asked for.
SPEAKERS = 12
CLIPS_PER_EMOTION = 8

#: The four classes of the paper, each with the same number of clips.
EMOTIONS = ("angry", "happy", "neutral", "sad")

#: What every output of a run on this corpus says.
WARNING = (
    "This corpus is synthetic: nobody spoke it, a program made the audio, and a score on it "
    "says nothing about people. Pass --corpus DIR for real speech."
)

INFO = CorpusInfo(
    name="synthetic",
    citation=f"Made by pnn-keras on this machine (synthetic corpus, version {VERSION}).",
    licence="CC0-1.0",
    homepage="",
    emotions=EMOTIONS,
    layout="SPEAKER/SPEAKER_EMOTION_SENTENCE_TAKE.wav and SHA256SUMS, made by this package",
    obtain="It is part of pnn-keras: leave out --corpus, and it is synthesised.",
    defects=("Nobody spoke it: a score on it says nothing about people.",),
    clips=SPEAKERS * len(EMOTIONS) * CLIPS_PER_EMOTION,
    speakers=SPEAKERS,
    synthetic=True,
)

#: What is said, by code: syllables without a meaning, the same in every emotion.
SENTENCES = {
    "s1": "maseti lonu",
    "s2": "fiko lamesu",
    "s3": "tunami sole",
    "s4": "pelo katinu",
    "s5": "sumi tefano",
    "s6": "kale nomisu",
    "s7": "notelu pasi",
    "s8": "limo sakefu",
}

_SUMS = "SHA256SUMS"


@dataclasses.dataclass(frozen=True)
class Manner:
    """How an emotion changes a voice, or how much the voice varies by chance.

    Args:
        pitch: change of the median pitch, in semitones.
        span: factor on the pitch accents.
        slope: change of the pitch's slope, in semitones per second.
        final: change of the last syllable's pitch movement, in semitones.
        tract: factor on the vocal tract length (spread lips shorten it).
        rate: factor on the syllable rate.
        pause: factor on the pauses.
        level: change of level, in dB.
        tilt: change of the spectral slope, in dB per octave.
        jitter: factor on the jitter.
        shimmer: factor on the shimmer.
        breath: change of the aspiration noise, in dB.
    """

    pitch: float = 0.0
    span: float = 1.0
    slope: float = 0.0
    final: float = 0.0
    tract: float = 1.0
    rate: float = 1.0
    pause: float = 1.0
    level: float = 0.0
    tilt: float = 0.0
    jitter: float = 1.0
    shimmer: float = 1.0
    breath: float = 0.0


#: The direction of each emotion follows the review of Scherer (2003), "Vocal
#: communication of emotion"; the sizes are chosen so that classes overlap.
MANNERS = {
    "angry": Manner(
        pitch=2.5, span=1.4, slope=-1.5, final=-2.0, rate=1.15, pause=0.7,
        level=6.0, tilt=2.0, jitter=1.6, shimmer=1.3, breath=-3.0,
    ),
    "happy": Manner(
        pitch=4.0, span=1.8, slope=1.5, final=3.0, tract=0.95, rate=1.08, pause=0.9,
        level=2.0, tilt=0.4, jitter=0.8, shimmer=0.8,
    ),
    "neutral": Manner(),
    "sad": Manner(
        pitch=-1.0, span=0.6, slope=-0.5, rate=0.82, pause=1.6,
        level=-4.5, tilt=-1.6, jitter=1.3, shimmer=1.3, breath=6.0,
    ),
}  # fmt: skip

#: Standard deviations, from one utterance to the next, of what is added, and of
#: the logarithm of the factors.
SCATTER = Manner(
    pitch=1.3, span=0.25, slope=1.5, final=1.5, tract=0.012, rate=0.09, pause=0.3,
    level=2.0, tilt=0.8, jitter=0.25, shimmer=0.25, breath=2.5,
)  # fmt: skip

_FACTORS = frozenset({"span", "tract", "rate", "pause", "jitter", "shimmer"})


@dataclasses.dataclass(frozen=True)
class SyntheticSpeaker:
    """A made-up speaker.

    Args:
        name: the speaker's name in the corpus, ``"f01"`` or ``"m01"``.
        gender: ``"female"`` or ``"male"``.
        voice: the neutral voice.
        expression: how strongly emotions show, as an exponent of a manner's
            factors and a factor on its changes: 0 not at all, 1 as in `MANNERS`.
    """

    name: str
    gender: str
    voice: Voice
    expression: float


def synthetic_speaker(number: int, seed: int = 0) -> SyntheticSpeaker:
    """Draw a made-up speaker: the odd ones are female, the even ones male.

    Median pitch is log-normal around 200 Hz (female) and 120 Hz (male), with a
    standard deviation of 2.2 semitones; the vocal tract is 15.0 and 17.2 cm long,
    with a standard deviation of 0.6 cm.

    Args:
        number: number of the speaker, from 1.
        seed: seed of the corpus.

    Returns:
        The same speaker for the same number and seed, however many there are.

    Example:

    >>> speaker = synthetic_speaker(1)
    >>> speaker.name, speaker.gender
    ('f01', 'female')
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    female = number % 2 == 1
    voice = Voice(
        pitch=(200.0 if female else 120.0) * 2.0 ** (2.2 * _deviation(rng) / 12.0),
        span=1.8 * np.exp(0.2 * _deviation(rng)),
        tract=(15.0 if female else 17.2) + 0.6 * _deviation(rng),
        rate=4.8 * np.exp(0.1 * _deviation(rng)),
        level=-27.0 + 1.5 * _deviation(rng),
        tilt=0.8 * _deviation(rng),
        jitter=0.9 * np.exp(0.25 * _deviation(rng)),
        shimmer=0.5 * np.exp(0.25 * _deviation(rng)),
        breath=-30.0 + 3.0 * _deviation(rng),
    )
    gender = "female" if female else "male"
    name = f"{gender[0]}{(number + 1) // 2:02d}"
    return SyntheticSpeaker(name, gender, voice, expression=rng.uniform(0.8, 1.3))


def express(
    voice: Voice, emotion: str, rng: np.random.Generator, *, expression: float = 1.0
) -> Voice:
    """The voice of one utterance: changed by an emotion, and by chance.

    With d a standard normal deviate of its own, every number v of the voice becomes

        v + expression * change + scatter * d      (pitch in semitones), or
        v * factor ** expression * exp(scatter * d)

    Args:
        voice: the speaker's neutral voice.
        emotion: ``"angry"``, ``"happy"``, ``"neutral"`` or ``"sad"``.
        rng: source of chance.
        expression: how strongly the emotion shows.

    Raises:
        CorpusError: the emotion is none of these.

    Example:

    >>> calm = express(Voice(level=-26), "sad", np.random.default_rng(0))
    >>> calm.level < -26
    True
    """
    if emotion not in MANNERS:
        raise CorpusError(
            f"A synthetic emotion is one of {', '.join(MANNERS)}. Received: emotion={emotion!r}"
        )
    changed = {}
    for field in dataclasses.fields(Manner):
        name = field.name
        value, change = getattr(voice, name), getattr(MANNERS[emotion], name)
        chance = getattr(SCATTER, name) * _deviation(rng)
        if name in _FACTORS:
            changed[name] = value * change**expression * np.exp(chance)
        elif name == "pitch":
            changed[name] = value * 2.0 ** ((expression * change + chance) / 12.0)
        else:
            changed[name] = value + expression * change + chance
    return Voice(**{name: float(value) for name, value in changed.items()})


def _deviation(rng: np.random.Generator) -> float:
    """A standard normal deviate, cut at 2.5 so that no voice leaves its bounds."""
    return float(np.clip(rng.standard_normal(), -2.5, 2.5))


def open_synthetic(
    *,
    speakers: int = SPEAKERS,
    clips_per_emotion: int = CLIPS_PER_EMOTION,
    folder: str | os.PathLike | None = None,
    seed: int = 0,
) -> Corpus:
    """Open the synthetic corpus, synthesising it first where that has not been done.

    16-bit PCM WAV files at 16,000 Hz, of 0.8 to 2.2 seconds: every speaker says
    ``clips_per_emotion`` sentences in each of four emotions. The default is 384
    utterances of six female and six male voices. The same arguments give the
    same files. They are kept in a folder named by a digest of the arguments, which
    appears under its name only when complete and is checked whenever it is opened.

    Args:
        speakers: number of speakers, alternately female and male, 1 to 999.
        clips_per_emotion: utterances of each speaker in each emotion, 1 to 999.
        folder: folder in which to keep it; by default ``synthetic`` in the
            folder that the environment variable PNN_KERAS_CACHE names, or else in
            the user's cache folder.
        seed: seed of speakers and utterances, 0 or greater.

    Returns:
        The corpus, with ``info.synthetic`` true and a warning that says so.

    Raises:
        CorpusError: a number is out of its range, or a file is in the folder's way.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> corpus = open_synthetic(speakers=2, clips_per_emotion=1, folder=tempfile.mkdtemp())
    >>> len(corpus), corpus.classes("gender"), corpus.info.synthetic
    (8, ('female', 'male'), True)
    """
    for name, value, lowest, highest in (
        ("speakers", speakers, 1, 999),
        ("clips_per_emotion", clips_per_emotion, 1, 999),
        ("seed", seed, 0, 2**63),
    ):
        if not lowest <= value <= highest:
            raise CorpusError(
                f"{name} of the synthetic corpus lies between {lowest} and {highest}. "
                f"Received: {name}={value!r}"
            )
    parameters = f"version={VERSION} speakers={speakers} clips={clips_per_emotion} seed={seed}"
    digest = hashlib.sha256(parameters.encode()).hexdigest()[:16]
    final = (cache_folder("synthetic") if folder is None else Path(folder)).absolute() / digest
    cast = {s.name: s for s in (synthetic_speaker(n + 1, seed) for n in range(speakers))}
    utterances = _utterances(final, cast.values(), clips_per_emotion)
    if not _is_complete(final, utterances):
        _make(final, utterances, cast, seed)
    return Corpus(INFO, final, utterances, warnings=(WARNING,))


def _utterances(
    final: Path, cast: Iterable[SyntheticSpeaker], clips_per_emotion: int
) -> tuple[Utterance, ...]:
    """The utterances of the corpus, sorted by id."""
    codes = tuple(SENTENCES)
    utterances = []
    for speaker, emotion, clip in itertools.product(cast, EMOTIONS, range(clips_per_emotion)):
        sentence, take = codes[clip % len(codes)], clip // len(codes) + 1
        id = f"{speaker.name}/{speaker.name}_{emotion}_{sentence}_{take:03d}.wav"
        utterances.append(
            Utterance(
                corpus=INFO.name,
                id=id,
                path=final / id,
                speaker=speaker.name,
                gender=speaker.gender,
                emotion=emotion,
                sentence=sentence,
            )
        )
    return tuple(sorted(utterances, key=lambda utterance: utterance.id))


def _is_complete(folder: Path, utterances: tuple[Utterance, ...]) -> bool:
    """Whether a folder holds every utterance, each with the bytes that were written."""
    try:
        lines = (folder / _SUMS).read_text(encoding="ascii").splitlines()
        sums = {id: digest for digest, id in (line.split("  ") for line in lines)}
        return all(
            # Not utterance.content: that would be remembered even if the file is made anew.
            hashlib.sha256(utterance.path.read_bytes()).hexdigest() == sums[utterance.id]
            for utterance in utterances
        )
    except (OSError, KeyError, ValueError):
        return False


def _make(
    final: Path, utterances: tuple[Utterance, ...], cast: Mapping[str, SyntheticSpeaker], seed: int
) -> None:
    """Synthesise all utterances into a temporary folder, then give it its name."""
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=final.parent))
        try:
            complete = temporary / "complete"
            _write(complete, utterances, cast, seed)
            _rename(complete, final, temporary / "damaged", utterances)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        in_the_way = isinstance(error, (FileExistsError, NotADirectoryError))
        raise (CorpusError if in_the_way else PnnKerasError)(
            f"The synthetic corpus could not be written to {final}: {error.strerror or error}. "
            "Free some space, or set the environment variable PNN_KERAS_CACHE to a folder that "
            "can be written"
        ) from error


def _rename(complete: Path, final: Path, damaged: Path, utterances: tuple[Utterance, ...]) -> None:
    """Give a complete folder its final name, unless another process was first."""
    with contextlib.suppress(OSError):
        complete.rename(final)
        return
    if _is_complete(final, utterances):
        return
    # Nobody writes under the final name, so what lies there is damaged, not unfinished.
    with contextlib.suppress(FileNotFoundError):
        final.rename(damaged)
    complete.rename(final)


def _write(
    folder: Path,
    utterances: tuple[Utterance, ...],
    cast: Mapping[str, SyntheticSpeaker],
    seed: int,
) -> None:
    """Write all utterances, and last their SHA-256 sums."""
    for name in cast:
        (folder / name).mkdir(parents=True)

    def write(utterance: Utterance) -> str:
        data = _wav(utterance, cast[utterance.speaker], seed)
        (folder / utterance.id).write_bytes(data)
        return f"{hashlib.sha256(data).hexdigest()}  {utterance.id}\n"

    # NumPy lets other threads run during its transforms, which take most of the time.
    with concurrent.futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as threads:
        lines = list(threads.map(write, utterances))
    (folder / _SUMS).write_text("".join(lines), encoding="ascii")


def _wav(utterance: Utterance, speaker: SyntheticSpeaker, seed: int) -> bytes:
    """An utterance as a 16-bit PCM WAV file, its chances seeded by its id."""
    import soundfile

    number = int.from_bytes(hashlib.sha256(utterance.id.encode()).digest()[:8], "big")
    manner, speech = np.random.SeedSequence([seed, number]).spawn(2)
    voice = express(
        speaker.voice,
        utterance.emotion,
        np.random.default_rng(manner),
        expression=speaker.expression,
    )
    signal, sampling_rate = synthesise(voice, SENTENCES[utterance.sentence], seed=speech)
    file = io.BytesIO()
    soundfile.write(file, signal, sampling_rate, format="WAV", subtype="PCM_16")
    return file.getvalue()
