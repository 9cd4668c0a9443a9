"""keras-tuner's search loop, with a score in place of a model that is built and fitted."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from pnn_keras.search_space import Candidate, Space
from pnn_keras.tuning.oracles import OBJECTIVE, keras_tuner

#: The folder of keras-tuner's own files in that of the search.
PROJECT = "keras-tuner"


class ShapeTuner(keras_tuner.Tuner):
    """Scores candidates.

    Args:
        oracle: chooses what is tried.
        folder: folder of the search.
        score: gives the score of a candidate fitted for so many epochs.
        chosen: makes values of keras-tuner's into a candidate and epochs.
    """

    def __init__(
        self,
        oracle,
        folder: Path,
        score: Callable[[Candidate, int], float],
        chosen: Callable[[Mapping], tuple[Candidate, int]],
    ) -> None:
        self.score, self.chosen = score, chosen
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(oracle, directory=str(folder), project_name=PROJECT, overwrite=True)

    def run_trial(self, trial, *args, **kwargs) -> dict[str, float]:
        """The score of a trial."""
        return {OBJECTIVE: self.score(*self.chosen(trial.hyperparameters.values))}

    def search(self) -> None:
        """Tries candidates until enough are scored, or none is left to try."""
        with quietly():
            super().search(verbose=0)


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keeps what keras-tuner says to itself."""
    with warnings.catch_warnings():
        # A failed trial is NaN to keras-tuner, and has been reported already.
        warnings.filterwarnings("ignore", "All-NaN", RuntimeWarning)
        warnings.filterwarnings("ignore", category=DeprecationWarning, module="keras_tuner")
        with contextlib.redirect_stdout(io.StringIO()):  # a worker's conditions are told there
            yield


def chooser(
    space: Space, sources: Sequence[str], epochs: int
) -> Callable[[Mapping], tuple[Candidate, int]]:
    """What makes values of keras-tuner's into a candidate and its epochs.

    Args:
        space: what there is to choose.
        sources: the source tasks, in order.
        epochs: the budget where the oracle sets none.
    """
    # Values of choices that are not active are missing: any will do.
    defaults = {name: values[0] for name, values in space.choices(sources).items()}

    def chosen(values: Mapping) -> tuple[Candidate, int]:
        candidate = space.candidate({**defaults, **values}, sources)
        return candidate, int(values.get("tuner/epochs", epochs))

    return chosen
