"""The front-end in the TensorFlow graph: log-mel and cepstral functionals of a recording."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np

from pnn_keras.errors import AudioError, UserError
from pnn_keras.frontends import Frontend
from pnn_keras.frontends.masked_logmel import MaskedLogMel

if TYPE_CHECKING:
    import tensorflow as tf

#: The band that is listened to unless another is asked for, in Hz.
BAND = (50.0, 7600.0)

#: The widest band that can be asked for, in Hz.
WIDEST = (20.0, 7600.0)

#: The narrowest band in which anything can be told, in octaves.
NARROWEST = 2.0

#: The longest recording that is taken unless another length is asked for, in seconds.
LONGEST = 60.0


class LogMel(Frontend):
    """Functionals of the log-mel spectrum, cepstra, pitch and level of a recording.

    Everything is computed in one TensorFlow graph of core operations, in
    training, in prediction and in an exported model alike: WAV files are
    decoded, averaged to one channel, resampled to 16 kHz, limited to the band
    and described every 10 ms; of the frames within 40 dB of the loudest, means,
    standard deviations and percentiles are taken.

    Each recording is described on its own: neither its neighbours in a batch
    nor the padding change its values.

    Args:
        band: the lowest and the highest frequency that are listened to, in Hz.
            What lies outside is removed, so that corpora of different
            bandwidth can be mixed.
        longest: the longest recording that is taken, in seconds: it bounds the
            memory that one recording can ask for.

    Raises:
        UserError: the band is narrower than two octaves or reaches beyond 20 to
            7600 Hz, or ``longest`` is not at least 1 s.

    Example:
        >>> frontend = LogMel(band=(50, 5000))
        >>> t = np.arange(16000) / 16000
        >>> vector = frontend.extract(0.5 * np.sin(2 * np.pi * 220 * t), 16000)
        >>> pitch = dict(zip(frontend.feature_names, vector))["pitch_p50"]
        >>> print(f"{pitch:.1f} semitones above 27.5 Hz")
        36.0 semitones above 27.5 Hz
    """

    name = "logmel"
    version = "1"
    in_graph = True
    maskable = True

    def __init__(
        self, band: tuple[float, float] | list[float] = BAND, longest: float = LONGEST
    ) -> None:
        self.band = _checked_band(band)
        self.longest = float(longest)
        if not (math.isfinite(self.longest) and self.longest >= 1):
            raise UserError(
                "The longest recording that is taken lasts at least 1 s. "
                f"Received: longest={longest}"
            )

    @classmethod
    def from_option(cls, option: str | None) -> LogMel:
        """``logmel``, or ``logmel:band=50-5000,longest=120`` with either or both.

        Raises:
            UserError: there is no such option, or its value is no number.
        """
        return cls(**_parsed(option)) if option is not None else cls()

    @property
    def dimension(self) -> int:
        """Number of functionals."""
        return len(self.feature_names)

    @functools.cached_property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the functionals."""
        from pnn_keras.frontends.functionals_graph import functional_names

        return functional_names()

    def options(self) -> dict:
        """The band in Hz, and the longest recording in seconds."""
        return {"band": list(self.band), "longest": self.longest}

    @property
    def variant(self) -> str:
        """The band and the longest recording, where they are not the usual ones."""
        band = "" if self.band == BAND else "band_{:.10g}_{:.10g}".format(*self.band)
        longest = "" if self.longest == LONGEST else f"longest_{self.longest:.10g}"
        return "_".join(filter(None, (band, longest))).replace(".", "p").replace("+", "")

    def extract(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Computes the functionals of one signal.

        Args:
            signal: the signal, shape ``(samples,)``, full scale at 1.
            sampling_rate: its sampling rate in Hz.

        Returns:
            The functionals, float32 of shape ``(dimension,)``.

        Raises:
            AudioError: there is nothing to hear, or it is longer than ``longest``.
        """
        signal = np.asarray(signal, dtype=np.float32)
        features, valid, error = self._compiled(
            signal[None], np.array([len(signal)], np.int32), np.array([sampling_rate], np.int32)
        )
        if not valid.numpy()[0]:
            raise AudioError(error.numpy()[0].decode())
        return features.numpy()[0]

    def from_wav(self, audio_bytes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Describes WAV files, in the graph; a bad file only spoils its own row.

        Args:
            audio_bytes: whole files, string of shape ``(batch,)``.

        Returns:
            The functionals, float32 of shape ``(batch, dimension)``, 0 where a
            file cannot be used; whether it can, bool of shape ``(batch,)``; and
            why not, string of shape ``(batch,)``, empty where it can.
        """
        from pnn_keras.frontends.describing_graph import describe_wav

        return describe_wav(audio_bytes, self.band, self.longest)

    def from_waveforms(
        self, waveforms: tf.Tensor, lengths: tf.Tensor, sampling_rates: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Describes signals, in the graph; a bad signal only spoils its own row.

        Args:
            waveforms: the signals, float32 of shape ``(batch, samples)``; what
                lies behind a signal's length is not looked at.
            lengths: how many samples each has, int32 of shape ``(batch,)``.
            sampling_rates: in Hz, int32 of shape ``(batch,)``.

        Returns:
            As :meth:`from_wav`.
        """
        from pnn_keras.frontends.describing_graph import describe_waveforms

        return describe_waveforms(waveforms, lengths, sampling_rates, self.band, self.longest)

    def masked(self, number: int) -> MaskedLogMel:
        """The same with masks on the mel spectrogram, for training rows.

        Args:
            number: number of the pass, from 1.
        """
        return MaskedLogMel(self, number)

    @functools.cached_property
    def _compiled(self):
        """:meth:`from_waveforms`, traced once for signals of every length."""
        return _compiled(self.band, self.longest)


@functools.cache
def _compiled(band: tuple[float, float], longest: float):
    import tensorflow as tf

    frontend = LogMel(band, longest)
    signature = [
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int32),
    ]
    return tf.function(frontend.from_waveforms, input_signature=signature)


def _checked_band(band) -> tuple[float, float]:
    try:
        low, high = (float(edge) for edge in band)
    except (TypeError, ValueError):
        raise UserError(
            f"A band is its lowest and its highest frequency in Hz. Received: band={band!r}"
        ) from None
    if not WIDEST[0] <= low < high <= WIDEST[1] or high < low * 2**NARROWEST:
        raise UserError(
            f"A band lies between {WIDEST[0]:g} and {WIDEST[1]:g} Hz and spans at least "
            f"{NARROWEST:g} octaves. Received: {low:g}-{high:g}"
        )
    return low, high


def _parsed(option: str) -> dict:
    """The constructor's arguments from ``band=LOW-HIGH,longest=SECONDS``."""
    given: dict = {}
    for part in option.split(","):
        name, _, value = part.partition("=")
        try:
            if name in given:
                raise ValueError(name)
            if name == "band":
                low, high = value.split("-")
                given[name] = (float(low), float(high))
            elif name == "longest":
                given[name] = float(value)
            else:
                raise ValueError(name)
        except ValueError:
            raise UserError(
                "The front-end logmel takes band=LOW-HIGH (in Hz) and longest=SECONDS, "
                f"e.g. logmel:band=50-5000,longest=120. Received: 'logmel:{option}'"
            ) from None
    return given
