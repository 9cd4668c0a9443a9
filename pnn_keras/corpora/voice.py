"""A source-filter speech synthesiser: glottal pulses through formant resonators."""

from __future__ import annotations

import dataclasses
import functools
import re

import numpy as np

from pnn_keras.errors import UserError

#: Sampling rate of everything that is synthesised, in Hz.
SAMPLING_RATE = 16000

#: Vocal tract length, in cm, for which the formants of the tables below hold.
REFERENCE_TRACT = 17.5

#: First three formants of each vowel, in Hz: means of men, Peterson & Barney (1952).
VOWELS: dict[str, tuple[float, float, float]] = {
    "a": (730, 1090, 2440),
    "e": (530, 1840, 2480),
    "i": (270, 2290, 3010),
    "o": (570, 840, 2410),
    "u": (300, 870, 2240),
}

#: Formants 4 to 7, in Hz: those of a uniform tube closed at one end.
UPPER_FORMANTS = (3500, 4500, 5500, 6500)

#: Bandwidths of formants 1 to 7, in Hz.
BANDWIDTHS = (60, 90, 130, 200, 250, 300, 350)


@dataclasses.dataclass(frozen=True)
class Consonant:
    """How a consonant sounds before its vowel.

    Args:
        voicing: amplitude of the voice, as a share of the vowel's.
        noise: level of its noise relative to the vowel, in dB; None for none.
        centre: centre of the noise, in Hz.
        bandwidth: width of the noise, in Hz.
        onset: where its noise starts, as a share of the consonant's duration
            (late for a stop's burst).
        locus: first three formants at the vowel's onset, in Hz.
    """

    voicing: float
    noise: float | None
    centre: float
    bandwidth: float
    onset: float
    locus: tuple[float, float, float]


#: The consonants that a sentence may be written with.
CONSONANTS: dict[str, Consonant] = {
    "m": Consonant(0.35, None, 1000, 1000, 0.0, (250, 1000, 2200)),
    "n": Consonant(0.35, None, 1000, 1000, 0.0, (250, 1600, 2600)),
    "l": Consonant(0.50, None, 1000, 1000, 0.0, (350, 1200, 2600)),
    "s": Consonant(0.0, -12, 5500, 1800, 0.1, (300, 1700, 2600)),
    "f": Consonant(0.0, -20, 4500, 5000, 0.1, (300, 1000, 2300)),
    "p": Consonant(0.0, -18, 900, 1500, 0.8, (300, 900, 2200)),
    "t": Consonant(0.0, -12, 4000, 2500, 0.75, (300, 1800, 2700)),
    "k": Consonant(0.0, -14, 1800, 900, 0.7, (300, 2000, 2300)),
}

#: Share of a syllable that its consonant takes.
CONSONANT_SHARE = 0.35

#: Silence before and after a sentence, in seconds.
MARGIN = 0.06

#: Level of the white background noise, in dB relative to full scale.
NOISE_FLOOR = -68.0

#: Highest sample value; louder speech is scaled down to it, never clipped.
CEILING = 0.98

# Frames of the time-varying filter: 25 ms windows every 12.5 ms, and room after
# each window for the resonances to ring out.
_HOP = 200
_WINDOW = 400
_FFT = 1024

# Share of a glottal cycle in which the flow rises and falls (Rosenberg's pulse).
_RISING = 0.40
_FALLING = 0.16

_SYLLABLE = re.compile(f"([{''.join(CONSONANTS)}]?)([{''.join(VOWELS)}])")


@dataclasses.dataclass(frozen=True)
class Voice:
    """How somebody speaks: every number that the synthesiser needs.

    Args:
        pitch: median fundamental frequency, in Hz (50 to 600).
        span: standard deviation of the pitch accents, in semitones.
        slope: change of pitch along the sentence, in semitones per second.
        final: change of pitch within the last syllable, in semitones.
        tract: length of the vocal tract, in cm (10 to 20); every formant is
            that of the tables times ``17.5 / tract``.
        rate: syllables per second, pauses not counted (0.5 to 12).
        pause: length of the pause between two words, in seconds.
        level: RMS level of the vowels, in dB relative to full scale (-50 to 0).
        tilt: what is added to the slope of the source's spectrum, in dB per octave;
            less is softer, more is tenser.
        jitter: standard deviation of the glottal period, in percent of the period.
        shimmer: standard deviation of the pulses' amplitude, in dB.
        breath: level of the aspiration noise relative to the glottal source, in dB.

    Raises:
        UserError: a number lies outside its range.

    Example:

    >>> Voice(pitch=200, tract=14.8).formants("a")[0].round()
    np.float64(863.0)
    """

    pitch: float = 120.0
    span: float = 1.5
    slope: float = -2.0
    final: float = -2.0
    tract: float = REFERENCE_TRACT
    rate: float = 4.5
    pause: float = 0.12
    level: float = -26.0
    tilt: float = 0.0
    jitter: float = 0.8
    shimmer: float = 0.4
    breath: float = -32.0

    def __post_init__(self) -> None:
        bounds = {
            "pitch": (50, 600, "Hz"),
            "span": (0, 12, "semitones"),
            "slope": (-24, 24, "semitones/s"),
            "final": (-24, 24, "semitones"),
            "tract": (10, 20, "cm"),
            "rate": (0.5, 12, "syllables/s"),
            "pause": (0, 5, "s"),
            "level": (-50, 0, "dB"),
            "tilt": (-24, 24, "dB/octave"),
            "jitter": (0, 10, "%"),
            "shimmer": (0, 6, "dB"),
            "breath": (-100, 20, "dB"),
        }
        for name, (lowest, highest, unit) in bounds.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise UserError(
                    f"{name} of a voice lies between {lowest} and {highest} {unit}. "
                    f"Received: {name}={value!r}"
                )

    def formants(self, vowel: str) -> np.ndarray:
        """Formants 1 to 7 of a vowel in this voice, in Hz, shape ``(7,)``.

        Raises:
            UserError: ``vowel`` is none of a, e, i, o, u.
        """
        if vowel not in VOWELS:
            raise UserError(f"A vowel is one of {', '.join(VOWELS)}. Received: vowel={vowel!r}")
        return self._scaled(VOWELS[vowel])

    def _scaled(self, lower: tuple[float, float, float]) -> np.ndarray:
        return np.array(lower + UPPER_FORMANTS) * (REFERENCE_TRACT / self.tract)


@dataclasses.dataclass(frozen=True)
class _Syllable:
    """A consonant (or None) and a vowel on the time axis, all times in seconds."""

    consonant: Consonant | None
    vowel: str
    start: float
    onset: float
    end: float


def synthesise(
    voice: Voice, sentence: str = "mase tulo fina", *, seed: int | np.random.SeedSequence = 0
) -> tuple[np.ndarray, int]:
    """Speak a sentence of made-up syllables.

    The source-filter model of speech: a train of Rosenberg glottal pulses
    (differentiated, with jitter and shimmer) plus aspiration noise, coloured by
    the spectral tilt, passes through a cascade of seven formant resonators

        H(z) = prod_k (1 - B_k - C_k) / (1 - B_k / z - C_k / z^2),
        C_k = -exp(-2 pi b_k / fs),  B_k = 2 exp(-pi b_k / fs) cos(2 pi F_k / fs),

    whose frequencies F_k (bandwidths b_k, sampling rate fs, all in Hz) glide from
    sound to sound; the noise of fricatives and stops has its own resonance.

    Args:
        voice: how it is spoken, in physical units.
        sentence: words of syllables, each one of the vowels ``aeiou`` with at
            most one of the consonants ``mnlsfptk`` before it; a blank is a pause.
        seed: seed of everything random (accents, noise, jitter, durations): the
            same seed gives the same samples.

    Returns:
        The signal, shape ``(samples,)``, float32 within -1 to 1, and its
        sampling rate in Hz (16000).

    Raises:
        UserError: the sentence cannot be read as such syllables.

    References:
        Rosenberg (1971), "Effect of glottal pulse shape on the quality of
        natural vowels"; Klatt (1980), "Software for a cascade/parallel formant
        synthesizer"; Peterson & Barney (1952), "Control methods used in a study
        of the vowels".

    Example:

    >>> signal, rate = synthesise(Voice(pitch=210, tract=14.8), "sama nolu")
    >>> signal.dtype, signal.ndim, rate
    (dtype('float32'), 1, 16000)
    """
    rng = np.random.default_rng(seed)
    syllables = _timeline(voice, sentence, rng)
    time = np.arange(int((syllables[-1].end + MARGIN) * SAMPLING_RATE)) / SAMPLING_RATE
    voicing = _voicing(syllables, time)
    pulses = _glottal_pulses(voice, _pitch_contour(voice, syllables, voicing, time, rng), rng)
    source = voicing * (pulses + _decibels(voice.breath) * rng.standard_normal(len(time)))
    signal = _filter(source, _tract_response(voice, syllables, len(time)))
    vowels = voicing > 0.9
    signal *= _decibels(voice.level) / np.sqrt(np.mean(signal[vowels] ** 2))
    signal += _consonant_noise(voice, syllables, len(time), rng)
    signal += _decibels(NOISE_FLOOR) * rng.standard_normal(len(time))
    signal *= min(1.0, CEILING / np.abs(signal).max())
    return signal.astype(np.float32), SAMPLING_RATE


def _decibels(level: float | np.ndarray) -> float | np.ndarray:
    """Amplitude factor of a level in dB."""
    return 10.0 ** (level / 20.0)


def _timeline(voice: Voice, sentence: str, rng: np.random.Generator) -> list[_Syllable]:
    """The syllables of a sentence, each with a duration that varies by 10 %."""
    words = sentence.split()
    if not words or not all(re.fullmatch(f"(?:{_SYLLABLE.pattern})+", word) for word in words):
        raise UserError(
            f"A sentence is words of syllables like 'ma', 'tu' or 'o' (consonants "
            f"{''.join(CONSONANTS)}, vowels {''.join(VOWELS)}). Received: sentence={sentence!r}"
        )
    syllables, now = [], MARGIN
    for word in words:
        if syllables:
            now += voice.pause * rng.uniform(0.8, 1.2)
        for consonant, vowel in _SYLLABLE.findall(word):
            duration = rng.uniform(0.83, 1.17) / voice.rate
            onset = now + (CONSONANT_SHARE * duration if consonant else 0.0)
            syllables.append(
                _Syllable(CONSONANTS.get(consonant), vowel, now, onset, now + duration)
            )
            now += duration
    return syllables


def _voicing(syllables: list[_Syllable], time: np.ndarray) -> np.ndarray:
    """Amplitude of the voice at every sample, 0 to 1, with ramps of 20 ms.

    Shape: ``(samples,)``.
    """
    instants = np.arange(0.0, time[-1] + 0.002, 0.001)
    amplitude = np.zeros(len(instants))
    for syllable in syllables:
        if syllable.consonant is not None:
            closed = (instants >= syllable.start) & (instants < syllable.onset)
            amplitude[closed] = syllable.consonant.voicing
        amplitude[(instants >= syllable.onset) & (instants < syllable.end)] = 1.0
    ramp = np.hanning(23)[1:-1]
    return np.interp(time, instants, np.convolve(amplitude, ramp / ramp.sum(), mode="same"))


def _pitch_contour(
    voice: Voice,
    syllables: list[_Syllable],
    voicing: np.ndarray,
    time: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Fundamental frequency at every sample, in Hz, shape ``(samples,)``.

    Each syllable has its accent, between which the pitch glides; the median over
    the voiced samples is the voice's pitch exactly.
    """
    last = syllables[-1]
    knots = [(s.onset + s.end) / 2 for s in syllables]
    accents = voice.span * rng.standard_normal(len(syllables))
    semitones = np.interp(time, knots, accents) + voice.slope * time
    semitones += np.interp(time, [last.start, last.end], [0.0, voice.final])
    semitones -= np.median(semitones[voicing > 0.5])
    return np.clip(voice.pitch * 2.0 ** (semitones / 12.0), 40.0, 1000.0)


def _glottal_pulses(voice: Voice, pitch: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Differentiated glottal flow with RMS 1, shape ``(samples,)``.

    Args:
        voice: tells jitter (%) and shimmer (dB).
        pitch: fundamental frequency at every sample, in Hz, shape ``(samples,)``.
        rng: source of the cycles' irregularities.
    """
    now = np.arange(len(pitch) + 1)
    cycles = np.concatenate([[0.0], np.cumsum(pitch / SAMPLING_RATE)])
    regular = np.interp(np.arange(np.ceil(cycles[-1]) + 1), cycles, now)
    periods = np.diff(regular)
    periods *= 1.0 + voice.jitter / 100.0 * np.clip(rng.standard_normal(len(periods)), -3, 3)
    periods *= len(pitch) / periods.sum()
    closures = np.concatenate([[0.0], np.cumsum(periods)])
    cycle = np.clip(np.searchsorted(closures, now, side="right") - 1, 0, len(periods) - 1)
    phase = (now - closures[cycle]) / periods[cycle]
    rising = 0.5 * (1.0 - np.cos(np.pi * phase / _RISING))
    falling = np.cos(0.5 * np.pi * (phase - _RISING) / _FALLING)
    flow = np.where(phase < _RISING, rising, np.where(phase < _RISING + _FALLING, falling, 0.0))
    flow *= _decibels(voice.shimmer * rng.standard_normal(len(periods)))[cycle]
    derivative = np.diff(flow)
    return derivative / np.sqrt(np.mean(derivative**2))


@functools.cache
def _frequencies() -> np.ndarray:
    """Frequency of every bin of the filter, in Hz, shape ``(513,)``."""
    return np.fft.rfftfreq(_FFT, 1.0 / SAMPLING_RATE)


def _tract_response(voice: Voice, syllables: list[_Syllable], samples: int) -> np.ndarray:
    """Response of tilt and formants in every frame, shape ``(frames, 513)``, complex."""
    knots, targets = [], []
    for syllable in syllables:
        vowel = voice.formants(syllable.vowel)
        length = syllable.end - syllable.onset
        if syllable.consonant is not None:
            locus = voice._scaled(syllable.consonant.locus)
            knots += [syllable.start, syllable.onset]
            targets += [locus, 0.5 * (locus + vowel)]
        knots += [syllable.onset + 0.3 * length, syllable.onset + 0.8 * length]
        targets += [vowel, vowel]
    centres = np.arange(_frames(samples)) * _HOP / SAMPLING_RATE
    tracks = np.stack([np.interp(centres, knots, track) for track in np.transpose(targets)])
    # A resonance above the Nyquist frequency would fold back as a false formant.
    audible = tracks.max(axis=1) < SAMPLING_RATE / 2
    octaves = np.log2(np.maximum(_frequencies(), 100.0) / 500.0)
    bandwidths = np.array(BANDWIDTHS)[audible]
    return _decibels(voice.tilt * octaves) * _resonators(tracks[audible], bandwidths)


def _resonators(frequencies: np.ndarray, bandwidths: np.ndarray) -> np.ndarray:
    """Response of a cascade of Klatt's two-pole resonators, gain 1 at 0 Hz.

    Args:
        frequencies: resonances in Hz, shape ``(resonators, frames)``.
        bandwidths: their bandwidths in Hz, shape ``(resonators,)``.

    Returns:
        Complex response, shape ``(frames, 513)``.
    """
    polynomial = np.ones((frequencies.shape[1], 1))
    for frequency, bandwidth in zip(frequencies, bandwidths, strict=True):
        c = -np.exp(-2.0 * np.pi * bandwidth / SAMPLING_RATE)
        b = 2.0 * np.sqrt(-c) * np.cos(2.0 * np.pi * frequency / SAMPLING_RATE)
        longer = np.pad(polynomial, ((0, 0), (0, 2)))
        longer[:, 1:-1] -= b[:, None] * polynomial
        longer[:, 2:] -= c * polynomial
        polynomial = longer
    # At 0 Hz the polynomial is the product of all 1 - B - C.
    return polynomial.sum(axis=1, keepdims=True) / np.fft.rfft(polynomial, _FFT)


def _frames(samples: int) -> int:
    """Number of frames whose windows cover a signal, one centred on its start."""
    return samples // _HOP + 2


def _filter(source: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Filter a signal with a response of its own in every frame, by overlap-add.

    The windows sum to 1, so that a constant response is an ordinary filter.

    Args:
        source: shape ``(samples,)``.
        response: shape ``(frames, 513)``, or ``(1, 513)`` for all frames.

    Returns:
        The filtered signal, shape ``(samples,)``.
    """
    frames = _frames(len(source))
    padded = np.zeros((frames - 1) * _HOP + _WINDOW)
    padded[_HOP : _HOP + len(source)] = source
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW)
    rung = np.fft.irfft(np.fft.rfft(windows * hann, _FFT) * response, _FFT)
    output = np.zeros((frames - 1) * _HOP + _FFT)
    for index, frame in enumerate(rung):
        output[index * _HOP : index * _HOP + _FFT] += frame
    return output[_HOP : _HOP + len(source)]


def _consonant_noise(
    voice: Voice, syllables: list[_Syllable], samples: int, rng: np.random.Generator
) -> np.ndarray:
    """Friction and bursts, scaled to the voice's level, shape ``(samples,)``."""
    noise = np.zeros(samples)
    for syllable in syllables:
        consonant = syllable.consonant
        if consonant is None or consonant.noise is None:
            continue
        centre = min(consonant.centre * REFERENCE_TRACT / voice.tract, 0.45 * SAMPLING_RATE)
        colour = _resonators(np.array([[centre]]), np.array([consonant.bandwidth]))
        colour /= np.sqrt(np.mean(np.abs(colour) ** 2))
        closed = (1.0 - consonant.onset) * (syllable.onset - syllable.start)
        burst = np.bartlett(int(closed * SAMPLING_RATE) + _WINDOW)
        level = _decibels(voice.level + consonant.noise)
        sound = level * _filter(burst * rng.standard_normal(len(burst)), colour)
        # Its fading end overlaps the vowel by half a window.
        end = int(syllable.onset * SAMPLING_RATE) + _WINDOW // 2
        noise[end - len(sound) : end] += sound
    return noise
