"""A corpus whose files hold three numbers as text, and the front-end that reads them."""

import numpy as np

from pnn_keras.corpus import Corpus, CorpusInfo, Utterance
from pnn_keras.errors import AudioError
from pnn_keras.frontends import Frontend
from pnn_keras.schedule import Settings

#: How chains of such a corpus are trained within a second or two.
QUICK = {
    "units": (5, 4),
    "dropout": 0.2,
    "settings": Settings(epochs=3, learning_rate=0.01),
    "progress": False,
    "workers": 1,
}

EMOTIONS = ("angry", "neutral", "sad")


class FileNumbers(Frontend):
    """Reads three numbers off the utterance's file, which is text."""

    name = "numbers"
    stored = False
    version = "1"
    dimension = 3
    feature_names = ("sex", "anger", "noise")

    def options(self):
        return {}

    def extract(self, signal, sampling_rate):
        raise AudioError("numbers are read from files")

    def features(self, utterance):
        text = utterance.path.read_text()
        if text == "damaged":
            raise AudioError("this file is damaged")
        return np.array(text.split(), np.float32), ()


class Registered(FileNumbers):
    """The same, known by its name, as the front-end of a chain that is loaded has to be."""

    name = "registered"


class MaskableNumbers(FileNumbers):
    """The same, with augmented passes that can be told: pass k adds ``1000 k`` to every number."""

    name = "maskable"
    maskable = True

    def __init__(self, number=0):
        self.number = number

    def options(self):
        return {"number": self.number}

    def masked(self, number):
        return type(self)(number)

    def features(self, utterance):
        numbers, defects = super().features(utterance)
        return numbers + 1000 * self.number, defects


#: Where front-ends that are known by name are found, as ``pnn_keras.frontends.KNOWN`` has it.
REGISTERED = {"registered": (__name__, "Registered"), "maskable": (__name__, "MaskableNumbers")}


def make_corpus(
    folder, name="made", speakers=10, each=6, emotions=EMOTIONS, damaged=(), corrupted=(), apart=4
):
    """Speakers of both sexes whose files hold their sex, their anger and noise as numbers.

    Args:
        folder: where the files go, below a folder of the corpus's name.
        name: the corpus's name.
        speakers: how many speakers.
        each: recordings of each.
        emotions: the classes, in turn.
        damaged: names of files (without suffix) that cannot be read.
        corrupted: numbers of recordings with other numbers and another emotion.
        apart: distance of the classes in standard deviations of the noise.
    """
    random = np.random.default_rng(len(name))
    utterances = []
    for row in range(speakers * each):
        speaker, i = divmod(row, each)
        emotion = i % len(emotions)
        numbers = np.array([speaker % 2, emotion, 0]) * apart + random.standard_normal(3)
        if row in corrupted:
            numbers, emotion = -50 * numbers, (emotion + 1) % len(emotions)
        path = folder / name / f"s{speaker}-{i}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = " ".join(f"{value:.4f}" for value in numbers)
        path.write_text("damaged" if path.stem in damaged else text)
        sex = ("female", "male")[speaker % 2]
        utterances.append(Utterance(name, path.name, path, f"s{speaker}", sex, emotions[emotion]))
    info = CorpusInfo(name, f"The {name} paper", "CC0", "", emotions, "", obtain="")
    return Corpus(info, folder, tuple(utterances))
