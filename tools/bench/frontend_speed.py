"""Hours of audio that each front-end describes in a minute, on one core.

    tools/run python tools/bench/frontend_speed.py "$PNN_KERAS_DATA/EmoDB"

logmel in its graph (WAV files as strings, in batches; and signal by signal),
openSMILE's eGeMAPS and, where librosa is installed, its log-mel spectrogram
with means and standard deviations over time. Each method runs in a process of
its own that is held to one core, the methods in turn; each runs three times,
and the fastest run counts: other work on the machine only ever slows it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = 3
BATCH = 32


def logmel_wav(files: list[Path]) -> float:
    """Seconds of the graph that takes WAV files."""
    import tensorflow as tf

    from pnn_keras.frontends import create_frontend

    frontend = create_frontend("logmel")
    signature = [tf.TensorSpec([None], tf.string)]
    describe = tf.function(frontend.from_wav, input_signature=signature)
    contents = [file.read_bytes() for file in files]

    def run() -> None:
        for first in range(0, len(contents), BATCH):
            describe(tf.constant(contents[first : first + BATCH]))

    return timed(run)


def logmel(files: list[Path]) -> float:
    """Seconds of logmel, signal by signal."""
    return by_signal("logmel", files)


def egemaps(files: list[Path]) -> float:
    """Seconds of openSMILE, signal by signal."""
    return by_signal("egemaps", files)


def by_signal(name: str, files: list[Path]) -> float:
    """Seconds of a front-end, decoding included."""
    from pnn_keras import audio
    from pnn_keras.frontends import create_frontend

    frontend = create_frontend(name)
    return timed(lambda: [frontend.extract(*audio.read(file)) for file in files])


def librosa(files: list[Path]) -> float:
    """Seconds of librosa's log-mel spectrogram, with two statistics."""
    import librosa
    import numpy as np

    def run() -> None:
        for file in files:
            signal, _ = librosa.load(file, sr=16000)
            mel = librosa.feature.melspectrogram(
                y=signal, sr=16000, n_fft=512, win_length=400, hop_length=160, n_mels=40
            )
            levels = librosa.power_to_db(mel)
            np.concatenate([levels.mean(axis=1), levels.std(axis=1)])

    return timed(run)


METHODS = {
    "logmel, WAV in the graph": logmel_wav,
    "logmel, signal by signal": logmel,
    "openSMILE eGeMAPS": egemaps,
    "librosa log-mel": librosa,
}


def timed(run) -> float:
    """Seconds of the second of two runs; the first one warms up."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def fresh(method: str, arguments: argparse.Namespace) -> float:
    """Runs one method in a process of its own."""
    command = [sys.executable, __file__, str(arguments.folder), "--method", method]
    command += ["--limit", str(arguments.limit)]
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Reads the command line and prints a line per method."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of WAV files, at any depth")
    parser.add_argument("--limit", type=int, default=200, help="how many files to take")
    parser.add_argument("--method", choices=METHODS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    files = sorted(arguments.folder.rglob("*.wav"))[: arguments.limit]
    if not files:
        parser.error(f"there are no WAV files in {arguments.folder}")
    if arguments.method:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(METHODS[arguments.method](files)))
        return
    import soundfile

    hours = sum(soundfile.info(file).duration for file in files) / 3600
    methods = list(METHODS)
    if importlib.util.find_spec("librosa") is None:
        methods.remove("librosa log-mel")
        print("librosa is not installed, and left out")
    runs = [{method: fresh(method, arguments) for method in methods} for _ in range(ROUNDS)]
    best = {method: min(run[method] for run in runs) for method in methods}
    print(f"{len(files)} files, {3600 * hours / len(files):.1f} s each, one core")
    for method, seconds in best.items():
        times = best["openSMILE eGeMAPS"] / seconds
        print(
            f"{method:26}{hours / seconds * 60:8.2f} hours a minute"
            f"{len(files) / seconds:8.0f} files/s{times:7.1f} times openSMILE"
        )


if __name__ == "__main__":
    main()
