"""Front-ends: what turns an utterance into one vector of numbers.

To add one: a file in this folder with a subclass of :class:`Frontend`, and a
line in ``KNOWN``.
"""

from __future__ import annotations

import abc
import functools
import hashlib
import importlib
import json
import warnings
from collections.abc import Mapping

import numpy as np

from pnn_keras import audio
from pnn_keras.corpus import Utterance
from pnn_keras.errors import DependencyError, UserError

#: Every front-end by name, with the module and the class that make it. They are
#: imported when they are asked for, since each brings its own heavy dependency.
KNOWN = {
    "egemaps": ("pnn_keras.frontends.egemaps", "Egemaps"),
    "logmel": ("pnn_keras.frontends.logmel", "LogMel"),
    "embeddings": ("pnn_keras.frontends.embeddings", "Embeddings"),
}


class Frontend(abc.ABC):
    """One way to turn an utterance into a vector.

    A subclass sets ``name`` and gives ``version``, ``dimension``,
    ``feature_names``, ``options`` and ``extract``. It must be usable from
    several threads at once, since the store extracts that way.

    Attributes:
        name: its name in ``KNOWN``.
        stored: whether the store keeps its vectors on disk.
        in_graph: whether it also gives its vectors inside a TensorFlow graph,
            by ``from_wav(audio_bytes)`` and ``from_waveforms(waveforms,
            lengths, sampling_rates)``.
        maskable: whether :meth:`masked` gives augmented passes to train on.
    """

    name: str
    stored: bool = True
    in_graph: bool = False
    maskable: bool = False

    @property
    @abc.abstractmethod
    def version(self) -> str:
        """What the values depend on besides the options: of our code and of libraries."""

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """Number of values in a vector."""

    @property
    @abc.abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The name of each value, shape ``(dimension,)``."""

    @abc.abstractmethod
    def options(self) -> dict:
        """The constructor's arguments, as JSON-able values by name."""

    def __reduce__(self):
        """Pickled as its class and options: a table or graph that it has opened stays behind."""
        return functools.partial(type(self), **self.options()), ()

    @property
    def variant(self) -> str:
        """What tells its options from the usual ones, fit for a name; empty for the usual ones."""
        return ""

    @abc.abstractmethod
    def extract(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Turns one signal into its vector.

        Args:
            signal: the signal, shape ``(samples,)``, full scale at 1.
            sampling_rate: its sampling rate in Hz.

        Returns:
            The vector, float32 of shape ``(dimension,)``, all finite.

        Raises:
            AudioError: this signal has no such vector.
        """

    @classmethod
    def from_option(cls, option: str | None) -> Frontend:
        """The front-end that ``name:option`` means on the command line.

        Raises:
            UserError: it takes no option, but one was given.
        """
        if option is not None:
            raise UserError(
                f"The front-end {cls.name} takes no option. Received: '{cls.name}:{option}'"
            )
        return cls()

    def features(self, utterance: Utterance) -> tuple[np.ndarray, tuple[str, ...]]:
        """Turns one utterance into its vector: decodes its audio and extracts.

        Returns:
            The vector, float32 of shape ``(dimension,)``, and the defects that
            :func:`pnn_keras.audio.defects` names, clipping for one.

        Raises:
            AudioError: the audio cannot be read, has nothing to hear or has no
                such vector.
        """
        samples, sampling_rate = audio.read_channels(
            utterance.path, utterance.start, utterance.end
        )
        signal = audio.mix(samples)
        audio.check(signal, sampling_rate)
        return self.extract(signal, sampling_rate), audio.defects(samples)

    def masked(self, number: int) -> Frontend:
        """The front-end that hears each recording with something masked, to train on.

        Its vectors have the same names, depend on nothing but the recording and
        the number, and are stored under a key of their own.

        Args:
            number: number of the pass, from 1: each masks something else.

        Raises:
            UserError: this front-end cannot mask.
        """
        raise UserError(
            "Augmentation masks a spectrogram, which only the front-end logmel has. "
            f"Received: the front-end {self.name}. Use --frontend logmel, or leave --augment out"
        )

    def config(self) -> dict:
        """What a saved chain records; :func:`create_frontend` takes it back."""
        return {"name": self.name, "version": self.version, **self.options()}

    @functools.cached_property
    def key(self) -> str:
        """SHA-256 (64 hex digits) of :meth:`config`: equal keys give equal vectors."""
        return hashlib.sha256(json.dumps(self.config(), sort_keys=True).encode()).hexdigest()


def create_frontend(frontend: str | Mapping) -> Frontend:
    """Makes a front-end from its name or from what a chain recorded.

    Args:
        frontend: ``"egemaps"``, a name with an option
            (``"egemaps:ComParE_2016"``, ``"embeddings:vectors.parquet"``), or
            the dictionary from :meth:`Frontend.config`. If a recorded version
            is not the installed one, a warning says so.

    Returns:
        The front-end.

    Raises:
        UserError: there is no such front-end, or it has no such option.

    Example:
        >>> create_frontend("egemaps").dimension
        88
        >>> create_frontend("mfcc")
        Traceback (most recent call last):
            ...
        pnn_keras.errors.UserError: A front-end is one of egemaps, logmel, embeddings. ...
    """
    if isinstance(frontend, Mapping):
        return _from_config(dict(frontend))
    name, colon, option = frontend.partition(":")
    return _known(name).from_option(option if colon else None)


def _known(name: object) -> type[Frontend]:
    if name not in KNOWN:
        raise UserError(f"A front-end is one of {', '.join(KNOWN)}. Received: {name!r}")
    module, class_name = KNOWN[name]
    return getattr(importlib.import_module(module), class_name)


def _from_config(config: dict) -> Frontend:
    name, recorded = config.pop("name", None), config.pop("version", None)
    known = _known(name)
    try:
        frontend = known(**config)
    except TypeError as error:
        raise UserError(f"The front-end {name} has no such options. Received: {config}") from error
    try:
        version = frontend.version
    except DependencyError:
        return frontend  # a chain opens without it; extracting says what is missing
    if recorded not in (None, version):
        warnings.warn(
            f"The front-end {name} was recorded as version {recorded}, installed is {version}: "
            "its values may differ",
            stacklevel=3,
        )
    return frontend
