"""The trials of one search, on disk after every one, with what its oracle knows."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.folder import write_whole
from pnn_keras.search_space import Candidate

#: The result of a finished search, its trials as a table, and what it is resumed from.
BEST, TABLE, TRIALS = "best.json", "trials.csv", "trials.json"

#: A trial in which the process was killed this often is skipped: it may be what kills it.
MOST_STARTS = 3


class Record:
    """The trials of one search, and what keras-tuner's oracle knows of them.

    keras-tuner's own files can be caught half-written by a kill. Here
    everything that a search goes on from is in one file, which is whole or not
    there.

    Args:
        folder: the folder of the search.
        request: what was asked; a search of another request is refused.

    Raises:
        UserError: the folder holds the search of another request.
        PresetError: what it holds is damaged.
    """

    def __init__(self, folder: Path, request: Mapping) -> None:
        self.folder, self.request = folder, json.loads(json.dumps(request))
        self.trials: dict[str, dict] = {}
        self.starts: dict[str, int] = {}
        self.oracle: dict | None = None
        self._lock = threading.RLock()
        path = folder / TRIALS
        if path.is_file():
            earlier = read_json(path)
            self._check_same(earlier["request"])
            # A trial that failed is tried again.
            self.trials = {t["key"]: t for t in earlier["trials"] if not t["error"]}
            self.starts = earlier.get("starts", {})
            self.oracle = earlier.get("oracle")
        self._save()

    def known(self, candidate: Candidate, epochs: int) -> dict | None:
        """The trial of a candidate that is finished, or None."""
        return self.trials.get(key_of(candidate, epochs))

    def begin(self, candidate: Candidate, epochs: int) -> bool:
        """Notes that a trial starts; says whether it may, or has ended too many processes."""
        with self._lock:
            key = key_of(candidate, epochs)
            self.starts[key] = self.starts.get(key, 0) + 1
            if self.starts[key] > MOST_STARTS:
                return False
            self._save()
            return True

    def interrupted(self, candidate: Candidate, epochs: int) -> None:
        """Notes that a trial was ended from outside, on purpose: it is not to blame."""
        with self._lock:
            self.starts.pop(key_of(candidate, epochs), None)
            self._save()

    def add(self, trial: Mapping) -> None:
        """Notes a finished trial, as :func:`pnn_keras.tuning.scoring.score` gives it."""
        with self._lock:
            self.trials[trial["key"]] = dict(trial)
            self.starts.pop(trial["key"], None)
            self._save()

    def keep_oracle(self, state: Mapping) -> None:
        """Notes what the oracle knows."""
        with self._lock:
            self.oracle = dict(state)
            self._save()

    def finish(self) -> dict:
        """Writes and returns the result of the search.

        The best trial has the highest stop UAR of those fitted for the most
        epochs; a tie goes to fewer weights.

        Raises:
            PnnKerasError: every trial failed.
        """
        scored = [trial for trial in self.trials.values() if not trial["error"]]
        failed = [trial for trial in self.trials.values() if trial["error"]]
        if not scored:
            reason = failed[0]["error"] if failed else "none was made"
            raise PnnKerasError(f"Every trial failed; the first: {reason}")
        best = max(scored, key=lambda t: (t["epochs"], t["stop_uar"], -t["parameters"]))
        left = ("key", "seconds", "error")
        result = {
            **{name: value for name, value in self.request.items() if name != "data"},
            **{name: value for name, value in best.items() if name not in left},
            "trials": len(scored),
            "failed": len(failed),
            "skipped": [[str(Candidate.from_config(t)), t["error"]] for t in failed],
        }
        write(self.folder / BEST, json.dumps(result, indent=2) + "\n")
        return result

    def _save(self) -> None:
        trials = list(self.trials.values())
        kept = {
            "request": self.request,
            "trials": trials,
            "starts": self.starts,
            "oracle": self.oracle,
        }
        write(self.folder / TRIALS, json.dumps(kept, indent=1) + "\n")
        write(self.folder / TABLE, table(trials))

    def _check_same(self, earlier: Mapping) -> None:
        other = [name for name in self.request if self.request[name] != earlier.get(name)]
        if other:
            raise UserError(
                f"{self.folder} holds a search with another {', '.join(other)}. "
                "Name another folder, or repeat the earlier request to resume it"
            )


def key_of(candidate: Candidate, epochs: int) -> str:
    """What tells the trials of a search apart: everything that was chosen, and the budget."""
    return json.dumps({**candidate.config(), "epochs": epochs}, sort_keys=True)


def table(trials: Sequence[Mapping]) -> str:
    """The trials as CSV, in the order in which they ended; UAR as a share of 1."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        [
            "trial",
            "units",
            "source_units",
            "wiring",
            "lateral",
            "adapter_units",
            "dropout",
            "learning_rate",
            "epochs",
            "parameters",
            "stop_uar",
            "fold_stop_uars",
            "seconds",
            "error",
        ]
    )
    for number, trial in enumerate(trials, start=1):
        rows.writerow([number, *_cells(trial)])
    return text.getvalue()


def _cells(trial: Mapping) -> list:
    score = trial["stop_uar"]
    return [
        _joined(trial["units"]),
        " ".join(f"{task}:{_joined(widths)}" for task, widths in trial["source_units"].items()),
        " ".join(f"{task}:{reading}" for task, reading in trial["wiring"].items()),
        trial["lateral"],
        trial["adapter_units"] or "",
        trial["dropout"],
        trial["learning_rate"],
        trial["epochs"],
        trial["parameters"] or "",
        "" if score is None else f"{score:.6f}",
        " ".join(f"{score:.6f}" for score in trial["fold_stop_uars"]),
        trial["seconds"],
        trial["error"],
    ]


def _joined(widths: Sequence[int]) -> str:
    return "-".join(map(str, widths))


def read_json(path: Path):
    """What a JSON file of a search holds.

    Raises:
        PresetError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PresetError(
            f"{path} cannot be read: {error}. Remove its folder and search again"
        ) from error


def write(path: Path, text: str) -> None:
    """Writes a text file, whole under its name or not at all."""
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
