"""How long the default training takes from the command line, the store warm.

    tools/run python tools/bench/default_train.py "$PNN_KERAS_DATA/EmoDB"

Extracts the corpus's features if the store lacks them, then times ``pnn-keras
train --source gender --target emotion`` as a whole process. The goal is two
minutes for EmoDB on two cores.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pnn_keras.corpora import open_corpus
from pnn_keras.frontends import create_frontend
from pnn_keras.store import extract_features


def main() -> None:
    """Reads the command line and prints the seconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus")
    corpus = open_corpus(parser.parse_args().corpus)
    extract_features(corpus.utterances, create_frontend("egemaps"))
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "pnn_keras", "train", "--source", "gender", "--target", "emotion"]
        command += ["--corpus", str(corpus.folder), "--out", str(Path(folder) / "chain")]
        start = time.perf_counter()
        subprocess.run([sys.executable, *command], check=True)
        print(f"{corpus.name}: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
