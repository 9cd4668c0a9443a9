"""How far a run is, and how long the rest may take."""

from __future__ import annotations

import datetime
import sys
import time
from collections.abc import Container
from pathlib import Path

from pnn_keras.experiments.planning import Planned
from pnn_keras.experiments.store import Part, is_finished
from pnn_keras.methods import METHODS
from pnn_keras.references import REFERENCES

#: The methods that fit source columns, or find them fitted.
FITTING_SOURCES = ("ptft", "ptft-output", "prognet", "prognet-adapter", "prognet-shuffled")

#: About what a source costs; a speaker recogniser learns for as long as it may.
SOURCE_COSTS = {"speaker": 8.0, "gender": 2.0, "emotion": 2.0}

#: About what a method costs, a network from scratch being 1: medians of a stored run.
COSTS = {
    "logistic-regression": 0.01,
    "svm": 0.01,
    "dnn-large": 2.4,
    "chain": 0.01,
    "chain-rescaled": 0.01,
    "ptft-output": 0.5,
    "prognet": 1.5,
    "prognet-adapter": 3.0,
    "prognet-random": 1.5,
    "prognet-rescaled": 1.5,
    "prognet-random-rescaled": 1.5,
    "prognet-shuffled": 3.4,
    "multitask": 1.2,
    "dnn-tuned": 10.0,
    "prognet-tuned": 25.0,
}


class Pace:
    """How far a run is and how long the rest takes, from what the parts so far took.

    Args:
        folder: the run's folder.
        planned: all studies.
        on_part: called after every part, with a line on progress; None prints it
            to stderr.
    """

    def __init__(self, folder: Path, planned: list[Planned], on_part) -> None:
        parts = [part for each in planned for part in each.parts]
        self.finished = {part for part in parts if is_finished(folder, part)}
        self.weights = {
            part: weight
            for each in planned
            for part, weight in part_costs(each, self.finished).items()
        }
        self.on_part = on_part
        self.start, self.computed = time.monotonic(), 0.0
        self.fitted = False

    def done(self, part: Part) -> None:
        """Notes a part, and says so."""
        self.finished.add(part)
        self.computed += self.weights[part]
        self.fitted = self.fitted or fits_network(part.method)
        line = (
            f"{len(self.finished)} of {len(self.weights)} parts{self._time_left()}: "
            f"{part.method}{' from ' + part.source if part.source else ''}, "
            f"folds {part.members[0] + 1}-{part.members[-1] + 1}"
        )
        say(self.on_part, part, line)

    def _time_left(self) -> str:
        """In words; nothing as long as only starting up took time, whose weight nobody knows."""
        if not self.fitted:
            return ""
        left = sum(weight for p, weight in self.weights.items() if p not in self.finished)
        seconds = (time.monotonic() - self.start) * left / self.computed
        return f", about {datetime.timedelta(seconds=round(seconds))} left"


def say(on_part, part: Part | None, line: str) -> None:
    """Passes a line on progress on, or prints it to stderr where nobody takes it."""
    if on_part is None:
        print(line, file=sys.stderr)
    else:
        on_part(part, line)


def fits_network(method: str) -> bool:
    """Whether a method fits a network: neither a plain reference nor what a chain says by itself.

    >>> fits_network("svm"), fits_network("chain"), fits_network("dnn")
    (False, False, True)
    """
    return method not in REFERENCES and not METHODS[method].asks_chain


def part_costs(planned: Planned, finished: Container[Part] = ()) -> dict[Part, float]:
    """About how much each part has to compute: rows times members times a method's share.

    The first part that learns from a source in a group fits its columns as well: the first
    of those that are not finished, where a run goes on.
    """
    weights, fitted = {}, set()
    for part in planned.parts:
        rows = sum(len(planned.division.folds[m].train) for m in part.members)
        weights[part] = rows * COSTS.get(part.method, 1.0)
        first = (part.source, part.members) not in fitted
        fits = part.method in FITTING_SOURCES and part not in finished
        if first and fits and part.source in planned.sources:
            fitted.add((part.source, part.members))
            labels = [task.label for task in planned.sources[part.source]]
            weights[part] += rows * sum(SOURCE_COSTS[label] for label in labels)
    return weights
