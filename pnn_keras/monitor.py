"""Watching a fit: a progress bar on the terminal, and logs for TensorBoard."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.errors import PnnKerasError
from pnn_keras.schedule import Epoch


class Monitor:
    """Shows how columns are fitted.

    Args:
        tensorboard: folder for TensorBoard logs, or None. Every column gets a
            run with the members' mean, and one run per member: training loss,
            loss and UAR on the stop rows, and the recall of each class.
        progress: whether to show a progress bar on stderr if it is a terminal.
    """

    def __init__(self, tensorboard: str | Path | None = None, progress: bool = True) -> None:
        self.folder = None if tensorboard is None else Path(tensorboard)
        self.progress = progress

    @contextlib.contextmanager
    def watch(
        self, title: str, epochs: int, classes: Sequence[str]
    ) -> Iterator[Callable[[Epoch], None]]:
        """What to call after each epoch of one fit.

        Args:
            title: what is fitted.
            epochs: most epochs of the fit.
            classes: the task's classes.
        """
        from tqdm import tqdm

        writers = _Writers(self.folder, title, classes) if self.folder else None
        hidden = not (self.progress and sys.stderr.isatty())
        with tqdm(total=epochs, desc=title, unit="epoch", disable=hidden) as bar:

            def on_epoch(epoch: Epoch) -> None:
                running = f"{np.count_nonzero(epoch.running)}/{len(epoch.running)} running"
                if np.isfinite(epoch.stop_uar).any():
                    running += f", stop UAR {np.nanmean(epoch.stop_uar):.3f}"
                bar.set_postfix_str(running, refresh=False)
                bar.update()
                if writers is not None:
                    writers.write(epoch)

            try:
                yield on_epoch
            finally:
                if writers is not None:
                    writers.close()


class _Writers:
    """The TensorBoard runs of one fit."""

    def __init__(self, folder: Path, title: str, classes: Sequence[str]) -> None:
        self.folder = folder / re.sub(r"[^\w.@-]+", "-", title)
        self.classes = list(classes)
        self.runs: dict[str, object] = {}

    def write(self, epoch: Epoch) -> None:
        everyone = np.arange(len(epoch.loss))
        with self._clear_errors():
            self._write("mean", epoch, everyone)
            for member in everyone if len(everyone) > 1 else []:
                self._write(f"fold-{member + 1:02d}", epoch, np.array([member]))

    def _write(self, run: str, epoch: Epoch, members: np.ndarray) -> None:
        import tensorflow as tf

        if run not in self.runs:
            self.runs[run] = tf.summary.create_file_writer(str(self.folder / run))
        scalars = {
            "loss/train": epoch.loss[members],
            "loss/stop": epoch.stop_loss[members],
            "UAR/stop": epoch.stop_uar[members],
        }
        for number, name in enumerate(self.classes):
            scalars[f"recall/{name}"] = epoch.stop_recalls[members, number]
        with self.runs[run].as_default(step=epoch.number):
            for name, values in scalars.items():
                if np.isfinite(values).any():
                    tf.summary.scalar(name, np.nanmean(values))

    def close(self) -> None:
        with self._clear_errors():
            for writer in self.runs.values():
                writer.close()

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        """TensorFlow tells a full disk at length, and in errors of its own."""
        import tensorflow as tf

        try:
            yield
        except tf.errors.OpError as error:
            raise PnnKerasError(
                f"Cannot write TensorBoard logs below {self.folder}: the disk is full or refuses. "
                "Free some space, or choose a folder that can be written"
            ) from error
