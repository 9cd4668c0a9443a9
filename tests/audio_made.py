"""The signals, files and utterances that the tests make, and a front-end that needs no library."""

import os
import time
from pathlib import Path

import numpy as np
import soundfile

from pnn_keras.corpus import Utterance
from pnn_keras.frontends import Frontend


def tone(frequency=440.0, seconds=0.5, sampling_rate=16000, level=0.5):
    """A sine of ``level`` times full scale: float32 (samples,)."""
    t = np.arange(round(seconds * sampling_rate)) / sampling_rate
    return (level * np.sin(2 * np.pi * frequency * t)).astype(np.float32)


def clipped():
    """A tone of which every fourth sample lies at full scale: float32 (samples,)."""
    signal = tone()
    signal[::4] = 1.0
    return signal


def write(path, signal, sampling_rate=16000, **options):
    """Writes ``signal``, (samples,) or (samples, channels), making the folders: the path."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, signal, sampling_rate, **options)
    return path


def utterance(path, folder=None, **facts):
    """An utterance of the corpus ``made``; its id is the path relative to ``folder``."""
    path = Path(path)
    identity = path.relative_to(folder).as_posix() if folder else path.name
    return Utterance("made", facts.pop("id", identity), path, **facts)


def tones(folder, count):
    """Utterances of ``count`` different tones, written below ``folder``."""
    paths = [write(Path(folder) / f"{i:04}.wav", tone(200 + 5 * i)) for i in range(count)]
    return [utterance(path, folder) for path in paths]


class Moments(Frontend):
    """Mean, standard deviation and peak; notes every extraction in a file, if one is given."""

    name = "moments"
    version = "1"
    dimension = 3
    feature_names = ("mean", "sd", "peak")

    def __init__(self, log=None, seconds=0.0, scale=1.0):
        self.log, self.seconds, self.scale = log, seconds, scale

    def options(self):
        return {"scale": self.scale}

    def extract(self, signal, sampling_rate):
        time.sleep(self.seconds)
        if self.log:
            handle = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(handle, b".")  # one byte: appended whole by any number of writers
            os.close(handle)
        moments = [signal.mean(), signal.std(), np.abs(signal).max()]
        return self.scale * np.array(moments, dtype=np.float32)


def extractions(log):
    """How many extractions :class:`Moments` noted."""
    return Path(log).stat().st_size if Path(log).exists() else 0
