"""Protocols in which the data say who tests: official splits and whole corpora."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from pnn_keras.corpus import Utterance
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol.dealing import take_stop_speakers
from pnn_keras.protocol.fold import Fold

#: What the names of official splits mean.
ROLE_OF_SPLIT = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "devel", "development"), "stop"),
    **dict.fromkeys(("val", "valid", "validation", "stop"), "stop"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def official_folds(
    utterances: Sequence[Utterance], rows: np.ndarray, generator: np.random.Generator
) -> list[Fold]:
    """One fold: the roles that the corpus assigns; stop speakers leave train without a dev."""
    assigned = [ROLE_OF_SPLIT.get((utterances[i].split or "").casefold()) for i in rows]
    strange = [i for i, role in zip(rows, assigned, strict=True) if role is None]
    if strange:
        raise ProtocolError(
            f"{len(strange)} utterances have no split of the names "
            f"{', '.join(ROLE_OF_SPLIT)}, e.g. {utterances[strange[0]].id} with "
            f"{utterances[strange[0]].split!r}. Give each a split, or leave these utterances out"
        )
    numbers = Counter(assigned)
    if not (numbers["train"] and numbers["test"]):
        raise ProtocolError(
            "official needs utterances of the splits train and test. Received: "
            f"{numbers['train']} of train and {numbers['test']} of test"
        )
    roles = np.array(assigned)
    train, stop, test = (np.sort(rows[roles == role]) for role in ("train", "stop", "test"))
    if not stop.size:
        train, stop = take_stop_speakers(utterances, train, generator)
    return [Fold(train, stop, test)]


def cross_corpus_folds(
    utterances: Sequence[Utterance],
    rows: np.ndarray,
    generator: np.random.Generator,
    heard: Sequence[str],
    tested: str,
) -> list[Fold]:
    """One fold: corpora ``heard`` train and stop, all of corpus ``tested`` tests."""
    corpora = np.array([utterances[i].corpus for i in rows])
    missing = sorted({*heard, tested} - set(corpora))
    if missing:
        raise ProtocolError(
            f"No utterance of {', '.join(missing)} has a class of the target. "
            f"Corpora: {', '.join(sorted(set(corpora))) or 'none'}"
        )
    if tested in heard:
        raise ProtocolError(
            f"A corpus cannot be both heard and tested. Received: {tested} on both sides"
        )
    heard_rows = rows[np.isin(corpora, heard)]
    train, stop = take_stop_speakers(utterances, heard_rows, generator)
    return [Fold(train, stop, np.sort(rows[corpora == tested]))]
