"""The trials of a search for TensorBoard's HParams view."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pnn_keras.errors import PnnKerasError
from pnn_keras.folder import whole_folder

#: The folder of the event files in that of the search.
TENSORBOARD = "tensorboard"

#: What is measured of a trial. The view finds them, and the values, in the sessions by itself.
METRICS = ("stop_uar", "parameters", "seconds")


def write_hparams(folder: Path, trials: Sequence[Mapping]) -> None:
    """Writes a session for every trial that has none yet, one group each.

    A session tells the values that were chosen, the mean stop UAR, the number
    of weights, the seconds, and whether the trial failed. Look at them with
    ``tensorboard --logdir RUN/tensorboard``.

    Args:
        folder: the folder of the search.
        trials: its trials, in order, as :func:`pnn_keras.tuning.scoring.score`
            gives them.

    Raises:
        PnnKerasError: the disk refused.
    """
    place = folder / TENSORBOARD
    for number, trial in enumerate(trials, start=1):
        session = place / f"trial-{number:04d}"
        # A trial that failed is made anew: it may have been tried again.
        if session.is_dir() and not (session / "failed").is_file():
            continue
        shutil.rmtree(session, ignore_errors=True)
        with _clear_errors(place), whole_folder(session) as part:
            _write_session(part, f"trial-{number:04d}", trial)


def values_of(trial: Mapping) -> dict[str, float | str]:
    """The values that were chosen for a trial, by names that the view shows.

    Example:

    >>> from pnn_keras.search_space import Candidate
    >>> found = values_of(Candidate((8, 4), {"gender": (2,)}, {"gender": "last"}).config())
    >>> found["depth"], found["units"], found["gender units"], found["gender read"]
    (2, '8-4', '2', 'last')
    """
    values: dict[str, float | str] = {
        "depth": len(trial["units"]),
        "units": "-".join(map(str, trial["units"])),
        "lateral": trial["lateral"],
        "adapter units": trial["adapter_units"] or 0,
        "dropout": trial["dropout"],
        "learning rate": trial["learning_rate"],
        "epochs": trial.get("epochs", 0),
    }
    for task, reading in trial["wiring"].items():
        widths = trial["source_units"].get(task, [])
        values |= {f"{task} read": reading, f"{task} units": "-".join(map(str, widths)) or "-"}
    return values


def _write_session(folder: Path, name: str, trial: Mapping) -> None:
    import tensorflow as tf
    from tensorboard.plugins.hparams import api, api_pb2
    from tensorboard.plugins.hparams.summary import session_end_pb

    with _writer(folder):
        api.hparams(values_of(trial), trial_id=name)
        for tag in METRICS if not trial["error"] else ():
            tf.summary.scalar(tag, trial[tag], step=trial["epochs"])
        status = api_pb2.STATUS_FAILURE if trial["error"] else api_pb2.STATUS_SUCCESS
        tf.summary.experimental.write_raw_pb(session_end_pb(status).SerializeToString(), step=0)
        if trial["error"]:
            tf.summary.text("error", trial["error"], step=0)
    if trial["error"]:
        (folder / "failed").write_text(trial["error"], encoding="utf-8")


@contextlib.contextmanager
def _writer(folder: Path) -> Iterator[None]:
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))
    try:
        with writer.as_default(step=0):
            yield
    finally:
        writer.close()


@contextlib.contextmanager
def _clear_errors(folder: Path) -> Iterator[None]:
    """TensorFlow tells a full disk in errors of its own."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError as error:
        raise PnnKerasError(
            f"Cannot write TensorBoard logs below {folder}: the disk is full or refuses. "
            "Free some space; the search goes on where it was"
        ) from error
