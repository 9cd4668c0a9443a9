"""Protocols whose folds stand in a file that somebody published."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import (
    Protocol,
    folds_from_parts,
    folds_from_roles,
    make_protocol,
    protocol_from_folds,
)
from pnn_keras.split import Split, match, parts, read_split, roles

#: How the name of such a protocol begins.
PREFIX = "folds:"


def open_protocol(
    name: str,
    utterances: Sequence[Utterance],
    labelled: np.ndarray,
    repeats: int = 1,
    seed: int = 0,
    training_parts: int | None = None,
) -> Protocol:
    """A protocol by its name, or that of a fold file: ``folds:FILE``.

    The file (or folder) is what :func:`pnn_keras.split.read_split` reads. Folds
    without roles rotate: one tests, the next stops, the others train. Where
    roles have no stop rows, about a fifth of the training speakers leave
    training to stop it. Whether the folds are speaker-disjoint is found out from
    the data, and utterances that are in no fold are left out, with a warning.

    Args:
        name: what :func:`pnn_keras.protocol.make_protocol` takes, or ``folds:FILE``.
        utterances: the utterances, ``n`` of them.
        labelled: bool ``(n,)``, which of them have a class in the target task.
        repeats: how often all folds are dealt anew; those of a file stay and
            take other stop speakers, where these are dealt.
        seed: seed of the dealing.
        training_parts: how many of its training parts each fold keeps; None
            means all.

    Raises:
        ProtocolError: the folds are impossible or would leak.
        UserError: the file is missing or no split.

    Example:
        ``open_protocol("folds:emobox/fold_1", corpus.utterances, labelled)``
    """
    if not name.startswith(PREFIX):
        return make_protocol(name, utterances, labelled, repeats, seed, training_parts)
    split = read_split(name.removeprefix(PREFIX))
    _warn_of_missing(split, utterances, labelled)
    folds = []
    for repeat in range(repeats):
        if split.fold_only:
            kept = [rows[labelled[rows]] for rows in parts(split, utterances).values()]
            folds.extend(folds_from_parts(kept, training_parts))
            continue
        if training_parts is not None:
            raise ProtocolError(
                f"training_parts needs folds without roles. Received: {name}, which has roles"
            )
        assigned = [
            {role: rows[labelled[rows]] for role, rows in division.items() if len(rows)}
            for division in roles(split, utterances).values()
        ]
        folds.extend(folds_from_roles(assigned, utterances, seed + repeat))
    return protocol_from_folds(
        name, folds, utterances, repeats=repeats, seed=seed, training_parts=training_parts
    )


def _warn_of_missing(split: Split, utterances: Sequence[Utterance], labelled: np.ndarray) -> None:
    found = match(split, utterances)
    absent = [*found.unmatched, *(file for file, _ in found.ambiguous)]
    # A corpus opened among others, or classes left out, is no mistake: count what is labelled.
    placed = np.zeros(len(utterances), bool)
    placed[found.rows[found.rows >= 0]] = True
    corpora = {utterances[i].corpus for i in np.flatnonzero(placed)}
    own = np.array([u.corpus in corpora for u in utterances])
    left = int(np.count_nonzero(labelled & own & ~placed))
    for count, what in (
        (len(absent), "of its files are no recording here"),
        (left, "recordings here are in none of its folds and left out"),
    ):
        if count:
            warnings.warn(f"{split.name}: {count} {what}", stacklevel=3)
