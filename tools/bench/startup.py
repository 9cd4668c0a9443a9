"""How long the command line takes to start, in fresh processes.

    tools/run python tools/bench/startup.py

Prints the fastest and the median of ten runs of ``pnn-keras --help`` in
seconds, beside the interpreter alone. The goal is well under 0.5 s.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 10


def seconds(arguments: list[str]) -> list[float]:
    """The wall-clock seconds of each of ``RUNS`` runs."""
    taken = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    return taken


def main() -> None:
    """Prints a line per command."""
    for name, arguments in {
        "python -c pass": ["-c", "pass"],
        "pnn-keras --help": ["-m", "pnn_keras", "--help"],
    }.items():
        taken = seconds(arguments)
        print(f"{name:18} fastest {min(taken):.3f} s, median {statistics.median(taken):.3f} s")


if __name__ == "__main__":
    main()
