"""What every command that trains is asked alike, made into arguments of the Python functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pnn_keras.cli.parsing import parse_names, parse_pairs
from pnn_keras.cli.quiet import start_tensorflow


def learning_arguments(
    *,
    target: str,
    source: Sequence[str] | None,
    corpus: Sequence[str] | None,
    frontend: str | None,
    augment: int,
    classes: str | None,
    merge: Sequence[str] | None,
    protocol: str,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    patience: int,
    no_class_weights: bool,
    seed: int,
    strict: bool,
    workers: int | None,
    quiet: bool,
) -> dict[str, Any]:
    """The arguments that :func:`pnn_keras.train` and :func:`pnn_keras.tuning.tune` share.

    Says on stderr which corpora will be heard, and starts TensorFlow; what is
    wrong with the request itself is refused before.

    Args:
        target: the task to learn, as typed for ``--target``; so are the others.
        source: the tasks to learn first.
        corpus: the corpora; None or none means the synthetic one.
        frontend: the front-end.
        augment: augmented passes of each training row.
        classes: emotion classes of the target, with commas.
        merge: pairs ``LABEL=CLASS``.
        protocol: the protocol.
        epochs: most passes over the training rows.
        batch_size: most rows per update.
        learning_rate: of Adam.
        patience: epochs without a better stop fold.
        no_class_weights: whether frequent classes weigh more.
        seed: of folds, weights and so on.
        strict: whether one unusable recording ends the run.
        workers: recordings extracted at a time.
        quiet: whether progress bars are left out.

    Returns:
        The arguments by name, the corpora opened, the settings as ``settings``.

    Raises:
        UserError: a task, a merge or a corpus cannot be used.
    """
    from pnn_keras.task import parse_task

    for spec in (target, *(source or [])):
        parse_task(spec)
    merges = parse_pairs(merge)
    corpora = open_corpora(corpus, strict)
    start_tensorflow()
    from pnn_keras.schedule import Settings

    return {
        "target": target,
        "source": source or (),
        "corpus": corpora,
        "frontend": frontend,
        "augment": augment,
        "classes": parse_names(classes),
        "merges": merges,
        "protocol": protocol,
        "settings": Settings(
            epochs, batch_size, learning_rate, patience, not no_class_weights, seed
        ),
        "progress": not quiet,
        "strict": strict,
        "workers": workers,
    }


def open_corpora(specs: Sequence[str] | None, strict: bool) -> list:
    """Opens the corpora that were asked for, and says on stderr which they are.

    Args:
        specs: as typed for ``--corpus``; None or none means the synthetic one.
        strict: whether one unusable file ends the run.
    """
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus

    opened = [open_corpus(spec, strict=strict) for spec in specs or ["synthetic"]]
    terminal.announce(opened)
    return opened
