"""The front-end of openSMILE: functionals of acoustic contours, one vector per utterance."""

from __future__ import annotations

import ctypes
import functools
import importlib.metadata
import importlib.util
import os
import threading
import warnings
from pathlib import Path

import numpy as np

from pnn_keras.errors import AudioError, DependencyError, UserError
from pnn_keras.frontends import Frontend

#: The feature sets and how many functionals each has.
FEATURE_SETS = {"eGeMAPSv02": 88, "eGeMAPSv01b": 88, "ComParE_2016": 6373}

#: The feature set unless another is asked for.
USUAL = "eGeMAPSv02"

_making = threading.Lock()


class Egemaps(Frontend):
    """Functionals of openSMILE: 88 for eGeMAPSv02.

    The values are those of ``opensmile.Smile(feature_set).process_file`` for a
    mono recording of up to 16 bits. They differ from it in two respects:
    several channels are averaged instead of taking the first, and samples
    beyond the range of 16 bits are limited to it instead of wrapping around.

    Args:
        feature_set: ``"eGeMAPSv02"`` (88 values), ``"eGeMAPSv01b"`` (88) or
            ``"ComParE_2016"`` (6373).

    Raises:
        UserError: there is no such feature set.

    Example:
        >>> frontend = Egemaps()
        >>> t = np.arange(16000) / 16000
        >>> frontend.extract(0.5 * np.sin(2 * np.pi * 200 * t), 16000).shape
        (88,)

    Source:
        F. Eyben et al., "The Geneva Minimalistic Acoustic Parameter Set
        (GeMAPS) for Voice Research and Affective Computing", IEEE Transactions
        on Affective Computing 7(2), 2016.
    """

    name = "egemaps"

    def __init__(self, feature_set: str = USUAL) -> None:
        if feature_set not in FEATURE_SETS:
            raise UserError(
                f"A feature set is one of {', '.join(FEATURE_SETS)}. "
                f"Received: feature_set={feature_set!r}"
            )
        self.feature_set = feature_set

    @classmethod
    def from_option(cls, option: str | None) -> Egemaps:
        """``egemaps`` or ``egemaps:FEATURE_SET``."""
        return cls() if option is None else cls(option)

    @property
    def version(self) -> str:
        """How this class prepares a signal (counted), and the version of opensmile.

        Raises:
            DependencyError: opensmile is not installed.
        """
        try:
            return f"1+opensmile-{importlib.metadata.version('opensmile')}"
        except importlib.metadata.PackageNotFoundError as error:
            raise _missing() from error

    @property
    def dimension(self) -> int:
        """Number of functionals."""
        return FEATURE_SETS[self.feature_set]

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the functionals, as openSMILE gives them.

        Raises:
            DependencyError: opensmile is not installed.
        """
        return tuple(_smile(self.feature_set).feature_names)

    def options(self) -> dict:
        """The feature set."""
        return {"feature_set": self.feature_set}

    @property
    def variant(self) -> str:
        """The feature set, unless it is the usual one."""
        return "" if self.feature_set == USUAL else self.feature_set

    def extract(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Computes the functionals of one signal.

        Args:
            signal: the signal, shape ``(samples,)``, full scale at 1.
            sampling_rate: its sampling rate in Hz.

        Returns:
            The functionals, float32 of shape ``(dimension,)``.

        Raises:
            AudioError: openSMILE refuses the signal, or a functional is not finite.
            DependencyError: opensmile is not installed.
        """
        smile = _smile(self.feature_set)
        from opensmile.core.lib import OpenSmileException

        # openSMILE hears 16-bit integers, and 1.0 would wrap around to -1.0.
        limited = np.clip(np.asarray(signal, dtype=np.float32), -1, 32767 / 32768)
        try:
            values = smile(limited, sampling_rate).ravel().astype(np.float32)
        except OpenSmileException as error:
            raise AudioError(f"openSMILE refuses the recording: {error}") from error
        broken = np.flatnonzero(~np.isfinite(values))
        if len(broken):
            raise AudioError(
                f"{self.feature_set} has no finite value for {len(broken)} of {len(values)} "
                f"functionals of the recording, the first is {smile.feature_names[broken[0]]}"
            )
        return values


def _isolate() -> None:
    """Loads openSMILE's library bound to its own symbols.

    TensorFlow exports symbols that openSMILE's library would otherwise bind to
    when TensorFlow was loaded first: the process then dies in its first call.
    Only glibc knows the flag, and only there the clash was seen.
    """
    if not hasattr(os, "RTLD_DEEPBIND"):
        return
    spec = importlib.util.find_spec("opensmile")
    if spec is None or spec.origin is None:
        return
    mode = os.RTLD_DEEPBIND | os.RTLD_NOW | os.RTLD_LOCAL
    for library in Path(spec.origin).parent.glob("core/bin/*linux*/libSMILEapi.so"):
        try:
            ctypes.CDLL(str(library), mode=mode)
        except OSError:
            continue  # the library of another processor; opensmile picks its own


@functools.cache
def _made(feature_set: str):
    _isolate()
    import opensmile

    with warnings.catch_warnings():
        # eGeMAPSv01b is announced as deprecated; whoever names it wants it.
        warnings.simplefilter("ignore", UserWarning)
        return opensmile.Smile(
            feature_set=opensmile.FeatureSet[feature_set],
            feature_level=opensmile.FeatureLevel.Functionals,
        )


def _smile(feature_set: str):
    """The one openSMILE of this process; its calls share no state, so threads share it."""
    try:
        with _making:
            return _made(feature_set)
    except ImportError as error:
        raise _missing() from error


def _missing() -> DependencyError:
    return DependencyError(
        "The front-end egemaps needs the package opensmile, which is not installed. "
        "Install it with: pip install 'pnn-keras[egemaps]'. Without openSMILE work "
        "--frontend logmel, and --frontend embeddings:TABLE for vectors that you bring"
    )
