"""What a chain says of recordings of a lower sampling rate than those it learned from.

    tools/run python tools/bench/narrow_band.py [MODEL] --corpus EmoDB

Every ninth clip of the corpus, resampled (soxr) to each rate; of each task the
share of right labels and the mean probability of the label given. MODEL may have
heard these very clips: what is shown is what a narrow band takes away.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

import pnn_keras
from pnn_keras import audio

RATES = (16000, 11025, 8000, 4000)


def main() -> None:
    """Reads the command line and prints a line for each rate and task."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", default="gender-emotion-emodb-logmel")
    parser.add_argument("--corpus", default="EmoDB")
    arguments = parser.parse_args()
    chain = pnn_keras.load(arguments.model)
    utterances = list(pnn_keras.open_corpus(arguments.corpus))[::9]
    clips = [audio.read(u.path, u.start, u.end) for u in utterances]
    print(f"{len(clips)} clips")
    for rate in RATES:
        signals = [audio.resample(signal, own, rate) for signal, own in clips]
        answers = chain.predict_audio(signals, rate)
        for task in chain.tasks:
            told = [answer[task.name] for answer in answers]
            labels = [getattr(utterance, task.label) for utterance in utterances]
            right = np.mean([t["label"] == label for t, label in zip(told, labels, strict=True)])
            sure = np.mean([max(t["probabilities"].values()) for t in told])
            print(f"{rate:6} Hz  {task.name:8} right {right:.2f}, sure {sure:.2f}")


if __name__ == "__main__":
    main()
