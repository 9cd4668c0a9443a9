"""A search in a process of its own, whose trials are made up: ``search_made.py FOLDER NAME``.

Scores are widths and no column is fitted, so that what is tested is the search.
A process called ``victim`` hangs in its second trial, after it has left the
file ``hangs`` in FOLDER; so does any process while FOLDER has a file ``hang-at-N``,
in its N-th trial.
"""

from __future__ import annotations

import json
import sys
import time
import types
from pathlib import Path

import numpy as np
from numbers_made import FileNumbers, make_corpus

from pnn_keras.candidates import Candidates
from pnn_keras.schedule import Settings
from pnn_keras.tuning import tune

#: What is searched.
SPACE = {"widths": (4, 6, 8, 10), "depths": (2,), "dropouts": (0.0,), "learning_rates": (0.1,)}


def widest(units):
    return np.full(5, sum(units) / 100)


def fitted(candidate):
    uars = widest(candidate.units)
    return types.SimpleNamespace(
        fit=types.SimpleNamespace(stop_uar=uars), parameters=sum(candidate.units)
    )


def search(folder, corpus, trials=12, oracle="random"):
    return tune(
        "emotion",
        corpus=corpus,
        frontend=FileNumbers(),
        settings=Settings(epochs=9),
        trials=trials,
        space=SPACE,
        out=folder / "out",
        progress=False,
        workers=1,
        oracle=oracle,
        lost_after=3,
    )


def main(folder, name, oracle="random"):
    calls = []
    (hang_at,) = [int(path.name[8:]) for path in folder.glob("hang-at-*")] or [0]

    def fit(self, candidate, epochs=None):
        calls.append(candidate)
        if len(calls) == (2 if name == "victim" else hang_at):
            (folder / "hangs").touch()
            time.sleep(600)
        time.sleep(0.7)
        return fitted(candidate)

    Candidates.fit = fit
    result = search(folder, make_corpus(folder / name), oracle=oracle)
    (folder / f"{name}.json").write_text(json.dumps(result))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
