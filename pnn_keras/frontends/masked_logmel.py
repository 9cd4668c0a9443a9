"""The front-end ``logmel`` with masks on the mel spectrogram: for training rows alone."""

from __future__ import annotations

import functools
import hashlib
from typing import TYPE_CHECKING

import numpy as np

from pnn_keras.errors import AudioError, UserError
from pnn_keras.frontends import Frontend

if TYPE_CHECKING:
    from pnn_keras.frontends.logmel import LogMel

#: Of the rule by which masks are drawn and placed.
VERSION = "1"


class MaskedLogMel(Frontend):
    """The functionals of :class:`~pnn_keras.frontends.logmel.LogMel`, the mel spectrogram masked.

    Two bands of frequency and two stretches of time are covered with the mean
    level (:func:`pnn_keras.frontends.masking_graph.mask`) before cepstra and
    the statistics of the mel bands are taken; pitch, level and rhythm are heard
    as they are. Where the masks lie follows from the signal and the number of
    the pass alone, so that the store can keep the vector.

    It has no place in a saved chain or an exported graph, which hear what is there.

    Args:
        plain: the front-end without masks.
        number: number of the pass, from 1: each lays its masks elsewhere.

    Raises:
        UserError: the number is not positive.
    """

    name = "logmel"

    def __init__(self, plain: LogMel, number: int) -> None:
        if number < 1:
            raise UserError(f"Augmented passes are numbered from 1. Received: {number}")
        self.plain, self.number = plain, number

    def __reduce__(self):
        """Pickled as what makes it, which its options are not."""
        return type(self), (self.plain, self.number)

    @property
    def version(self) -> str:
        """That of the functionals and that of the masks."""
        return f"{self.plain.version}, masks {VERSION}"

    @property
    def dimension(self) -> int:
        """Number of functionals."""
        return self.plain.dimension

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the functionals."""
        return self.plain.feature_names

    def options(self) -> dict:
        """Those of the plain front-end, and the number of the pass."""
        return {**self.plain.options(), "masked": self.number}

    def extract(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Computes the functionals of one signal, its mel spectrogram masked.

        Args:
            signal: the signal, shape ``(samples,)``, full scale at 1.
            sampling_rate: its sampling rate in Hz.

        Returns:
            The functionals, float32 of shape ``(dimension,)``.

        Raises:
            AudioError: there is nothing to hear, or it is longer than ``longest``.
        """
        signal = np.asarray(signal, dtype=np.float32)
        features, valid, error = _compiled(self.plain.band, self.plain.longest)(
            signal[None],
            np.array([len(signal)], np.int32),
            np.array([sampling_rate], np.int32),
            draws(signal, self.number)[None],
        )
        if not valid.numpy()[0]:
            raise AudioError(error.numpy()[0].decode())
        return features.numpy()[0]


def draws(signal: np.ndarray, number: int) -> np.ndarray:
    """The numbers that place the masks: 16 bits each of a digest of pass and signal.

    Args:
        signal: the signal, float32 of shape ``(samples,)``.
        number: number of the pass.

    Returns:
        Two numbers in [0, 1) per mask, float32 ``(masks, 2)``.

    Example:
        >>> draws(np.zeros(4, np.float32), 1).shape
        (4, 2)
    """
    content = number.to_bytes(8, "little") + np.asarray(signal, "<f4").tobytes()
    digest = hashlib.blake2b(content, digest_size=16).digest()
    return (np.frombuffer(digest, "<u2") / 2**16).astype(np.float32).reshape(-1, 2)


@functools.cache
def _compiled(band: tuple[float, float], longest: float):
    """The masked graph, traced once for signals of every length."""
    import tensorflow as tf

    from pnn_keras.frontends.describing_graph import describe_waveforms
    from pnn_keras.frontends.masking_graph import MASKS

    def describe(waveforms, lengths, sampling_rates, placed):
        return describe_waveforms(waveforms, lengths, sampling_rates, band, longest, placed)

    signature = [
        tf.TensorSpec([None, None], tf.float32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, MASKS, 2], tf.float32),
    ]
    return tf.function(describe, input_signature=signature)
