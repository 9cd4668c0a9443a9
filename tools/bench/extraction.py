"""Times feature extraction: ours against openSMILE's own, and a warm store against a cold one.

    python tools/bench/extraction.py CORPUS_FOLDER [--workers 2] [--limit N]

Every timing is taken in a fresh process, from before openSMILE is imported
until all functionals (eGeMAPSv02) are there, and the starts of processes count.
openSMILE's rate without its import is printed too. Each method runs twice, in
turn, and the faster run counts: other work on the machine only ever slows it.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ENDINGS = {".wav", ".flac", ".mp3", ".ogg"}
RUNS = 2


def ours(files: list[Path], workers: int, store: str) -> dict[str, float]:
    """Seconds of extract_features on an empty store, or a full one."""
    sys.path.insert(0, str(ROOT))
    from pnn_keras.corpus import Utterance
    from pnn_keras.frontends import create_frontend
    from pnn_keras.store import extract_features

    utterances = [Utterance("bench", str(file), file) for file in files]
    start = time.perf_counter()
    features = extract_features(
        utterances, create_frontend("egemaps"), folder=store, workers=workers, progress=False
    )
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "failed": len(features.failures)}


def theirs(files: list[Path], workers: int) -> dict[str, float]:
    """Seconds of openSMILE's own process_files, with and without its import."""
    start = time.perf_counter()
    import opensmile

    smile = opensmile.Smile(
        "eGeMAPSv02",
        opensmile.FeatureLevel.Functionals,
        num_workers=workers,
        multiprocessing=True,
    )
    ready = time.perf_counter()
    frame = smile.process_files([str(file) for file in files])
    end = time.perf_counter()
    return {
        "seconds": end - start,
        "seconds_imported": end - ready,
        "failed": int(frame.isna().any(axis=1).sum()),
    }


def fresh(method: str, arguments: argparse.Namespace, store: str) -> dict[str, float]:
    """Runs one method in a process of its own."""
    command = [sys.executable, __file__, str(arguments.folder), "--method", method]
    command += ["--workers", str(arguments.workers), "--store", store]
    command += ["--limit", str(arguments.limit)] if arguments.limit else []
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def report(arguments: argparse.Namespace, count: int) -> None:
    """Runs every method and prints the figures."""
    best: dict[str, float] = {}
    for _ in range(RUNS):
        with tempfile.TemporaryDirectory() as store:
            timings = {
                "cold": fresh("ours", arguments, store)["seconds"],
                "warm": fresh("ours", arguments, store)["seconds"],
            }
        own = fresh("theirs", arguments, "")
        timings |= {"own": own["seconds"], "own, imported": own["seconds_imported"]}
        for name, seconds in timings.items():
            best[name] = min(seconds, best.get(name, seconds))

    def line(what: str, name: str) -> None:
        print(f"{what:44}{best[name]:8.2f} s {count / best[name]:10.1f} files/s")

    print(f"{count} files of {arguments.folder}, {arguments.workers} workers, eGeMAPSv02")
    line("pnn-keras, cold store", "cold")
    line("openSMILE process_files(multiprocessing)", "own")
    line("openSMILE, its import not counted", "own, imported")
    line("pnn-keras, warm store", "warm")
    print(f"cold against openSMILE: {best['own'] / best['cold']:.2f} times as fast (goal: 1)")
    print(f"warm against cold:      {best['cold'] / best['warm']:.0f} times as fast (goal: 50)")


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="folder of recordings, at any depth")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, help="take the first N files only")
    parser.add_argument("--method", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    parser.add_argument("--store", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    files = sorted(p for p in arguments.folder.rglob("*") if p.suffix.lower() in ENDINGS)
    files = files[: arguments.limit]
    if not files:
        parser.error(f"there are no recordings in {arguments.folder}")
    if arguments.method == "ours":
        print(json.dumps(ours(files, arguments.workers, arguments.store)))
    elif arguments.method == "theirs":
        print(json.dumps(theirs(files, arguments.workers)))
    else:
        report(arguments, len(files))


if __name__ == "__main__":
    main()
