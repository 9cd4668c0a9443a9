"""When members that have ended should leave the stack, reckoned from the ends in a stored run.

    tools/run python tools/bench/leaving.py docs/runs/paper-table-2-emodb

A member that has ended costs its part of every step until it leaves; leaving takes a new
compilation. For each share of ended members at which they leave it prints the seconds of
fitting with compilations, and as a multiple of stacks that are never too large and compile
for nothing. A part's seconds are spread evenly over the epochs its stacks made.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pnn_keras import training
from pnn_keras.experiments.results import read_run

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6, 1.0)


def main() -> None:
    """Reads the command line and prints a line per share."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("--compilation", type=float, default=1.3, help="seconds of one")
    parser.add_argument(
        "--run-share", type=float, default=0.4, help="the share that the run was made with"
    )
    arguments = parser.parse_args()
    settings = read_run(arguments.run).experiment.settings
    parts = [
        (np.minimum(np.array(best) + settings.patience, settings.epochs), seconds)
        for best, seconds in fits(arguments.run)
    ]
    ideal = sum(
        seconds * ends.sum() / epochs(ends, arguments.run_share)[0] for ends, seconds in parts
    )
    for share in SHARES:
        fitting = compiling = 0.0
        for ends, seconds in parts:
            made, stacks = epochs(ends, share)
            fitting += seconds * made / epochs(ends, arguments.run_share)[0]
            compiling += stacks * arguments.compilation
        total = fitting + compiling
        mark = " (what fit_column does)" if share == training.LEAVE_SHARE else ""
        print(
            f"leave at {share:4.0%}: {fitting:6.0f} s of fitting, {compiling:5.0f} s of "
            f"compilations, {total / ideal:.2f} times what never waits{mark}"
        )


def fits(run: Path) -> list[tuple[list[int], float]]:
    """The best epochs of each part's members, and its seconds."""
    found = []
    for path in sorted(run.glob("results/*/*/*/*.parquet")):
        facts = json.loads(pq.read_schema(path).metadata[b"pnn_keras"])
        if facts.get("best_epoch"):
            found.append((facts["best_epoch"], facts["seconds"]))
    return found


def epochs(ends: np.ndarray, share: float) -> tuple[int, int]:
    """Epochs of all members of the stacks, ended ones included, and how many stacks there were."""
    inside, made, stacks = len(ends), 0, 1
    for epoch in range(1, ends.max() + 1):
        made += inside
        running = np.count_nonzero(ends > epoch)
        if running and running < inside and (inside - running) / inside >= share:
            inside, stacks = running, stacks + 1
    return made, stacks


if __name__ == "__main__":
    main()
