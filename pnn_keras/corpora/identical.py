"""Recordings that are byte-identical but carry different labels."""

from __future__ import annotations

import collections
from collections.abc import Hashable, Iterable, Sequence

from pnn_keras.corpus import LABELS, Utterance

_PROBE = 4096
_SHOWN = 20


def contradictions(utterances: Sequence[Utterance]) -> tuple[str, ...]:
    """Warnings about byte-identical recordings whose labels differ.

    One label that is merely missing on one side is no contradiction.

    Args:
        utterances: utterances of one corpus.

    Returns:
        No or one sentence, which names the first twenty groups.
    """
    found = []
    for group in identical(utterances):
        differing = [label for label in LABELS if len(_values(group, label)) > 1]
        if differing:
            labels = "; ".join(
                f"{label} {' or '.join(_values(group, label))}" for label in differing
            )
            found.append(f"{' = '.join(u.id for u in group)} ({labels})")
    if not found:
        return ()
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (
        f"{len(found)} group(s) of byte-identical recordings carry different labels: "
        f"{'; '.join(found[:_SHOWN])}{more}.",
    )


def identical(utterances: Sequence[Utterance]) -> list[list[Utterance]]:
    """Groups of utterances, two or more each, with the same bytes and bounds.

    Only files of the same size are opened, and only those that also share a
    few kilobytes from their middle are read whole.

    Args:
        utterances: utterances of one corpus.

    Returns:
        The groups, in the order of their first utterances. Files that cannot
        be read are in none.
    """
    groups = [list(utterances)]
    for key in (_size, _middle, _content):
        groups = [part for group in groups for part in _split(group, key)]
    return sorted(groups, key=lambda group: group[0].id)


def _split(group: Iterable[Utterance], key) -> list[list[Utterance]]:
    parts: dict[Hashable, list[Utterance]] = collections.defaultdict(list)
    for utterance in group:
        try:
            parts[key(utterance)].append(utterance)
        except OSError:
            continue
    return [part for part in parts.values() if len({u.path for u in part}) > 1]


def _size(utterance: Utterance) -> Hashable:
    return utterance.path.stat().st_size, utterance.start, utterance.end


def _middle(utterance: Utterance) -> bytes:
    with open(utterance.path, "rb") as file:
        file.seek(max(0, utterance.path.stat().st_size - _PROBE) // 2)
        return file.read(_PROBE)


def _content(utterance: Utterance) -> str:
    return utterance.content


def _values(group: list[Utterance], label: str) -> list[str]:
    return sorted({getattr(u, label) for u in group} - {None})
