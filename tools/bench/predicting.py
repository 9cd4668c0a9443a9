"""Times predictions from the command line: one clip, cold, and many beside openSMILE alone.

    tools/run python tools/bench/predicting.py CORPUS_FOLDER [--model gender-emotion-emodb]

One clip: ``pnn-keras predict MODEL FILE`` in a fresh process with an empty feature store; the
fastest and the median of five. Many: ``predict_audio`` of all files on an empty store, with the
model loaded, beside openSMILE's own ``process_files`` of them, its import not counted, each in a
fresh process and in turn; the faster of two runs counts. Our overhead is what is above that.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from extraction import ENDINGS, RUNS, theirs

COLD_RUNS = 5


def ours(files: list[Path], model: str, workers: int) -> dict[str, float]:
    """Seconds that the answers to all files take, once the model is loaded."""
    import pnn_keras

    chain = pnn_keras.load(model)
    # The first answer builds the graph, and is none of the many.
    chain.predict_audio(str(files[0]))
    start = time.perf_counter()
    answers = chain.predict_audio([str(file) for file in files], strict=False, workers=workers)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "failed": sum("error" in answer for answer in answers)}


def cold(file: Path, model: str) -> list[float]:
    """Seconds of the whole command for one file, each time in a fresh process and store."""
    taken = []
    for _ in range(COLD_RUNS):
        with tempfile.TemporaryDirectory() as store:
            start = time.perf_counter()
            command = [sys.executable, "-m", "pnn_keras", "predict", model, str(file), "--quiet"]
            environment = {**os.environ, "PNN_KERAS_CACHE": store}
            subprocess.run(command, check=True, capture_output=True, env=environment)
            taken.append(time.perf_counter() - start)
    return taken


def fresh(method: str, arguments: argparse.Namespace) -> float:
    """Runs one method in a process of its own, with a store of its own."""
    command = [sys.executable, __file__, str(arguments.folder), "--method", method]
    command += ["--workers", str(arguments.workers), "--model", arguments.model]
    command += ["--limit", str(arguments.limit)] if arguments.limit else []
    with tempfile.TemporaryDirectory() as store:
        environment = {**os.environ, "PNN_KERAS_CACHE": store}
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
    return json.loads(done.stdout.splitlines()[-1])


def report(files: list[Path], arguments: argparse.Namespace) -> None:
    """Runs everything and prints the figures."""
    taken = cold(files[0], arguments.model)
    print(
        f"pnn-keras predict {arguments.model} FILE: fastest {min(taken):.2f} s, "
        f"median {statistics.median(taken):.2f} s"
    )
    own, smile = [], []
    for _ in range(RUNS):
        own.append(fresh("ours", arguments)["seconds"])
        smile.append(fresh("theirs", arguments)["seconds_imported"])
    print(f"{len(files)} files, {arguments.workers} workers, eGeMAPSv02")
    print(f"predict_audio, empty store:  {len(files) / min(own):8.1f} files/s")
    print(f"openSMILE process_files:     {len(files) / min(smile):8.1f} files/s")
    print(f"overhead: {100 * (min(own) / min(smile) - 1):.1f} % (goal: below 10 %)")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of recordings, at any depth")
    parser.add_argument("--model", default="gender-emotion-emodb", help="a chain of eGeMAPSv02")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, help="take the first N files only")
    parser.add_argument("--method", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in ENDINGS)
    files = files[: arguments.limit]
    if not files:
        parser.error(f"there are no recordings in {arguments.folder}")
    if arguments.method == "ours":
        print(json.dumps(ours(files, arguments.model, arguments.workers)))
    elif arguments.method == "theirs":
        print(json.dumps(theirs(files, arguments.workers)))
    else:
        report(files, arguments)


if __name__ == "__main__":
    main()
