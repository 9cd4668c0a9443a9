"""What published splits call their roles and folds, and the forms in which they come."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

from pnn_keras.corpora import rows as table
from pnn_keras.errors import ProtocolError
from pnn_keras.split.entries import Entry

#: What the roles are called in published splits, in small letters.
ROLE_NAMES = {
    **{name: "stop" if part == "dev" else part for name, part in table.SPLIT_NAMES.items()},
    "stop": "stop",
}

#: Parts whose role depends on the others, see :func:`with_roles`.
EVALUATION_NAMES = ("eval", "evaluation")

#: The roles without which there is nothing to compare.
COMPARED = ("train", "test")

#: A fold by its number: ``3``, ``fold_3``, ``cv3``.
FOLD = re.compile(r"(?:fold|split|cv)?[\s_-]*(\d{1,9})(?:\.0+)?", re.ASCII)

LAYOUT = (
    "a table (.csv, .tsv, .parquet, .jsonl) with a column file (or path, wav) and a column role "
    "(split) or fold; or train=TABLE,dev=TABLE,test=TABLE; or a folder with one table a role "
    "(train.csv, test.csv; fold_1/NAME_train_fold_1.jsonl)"
)

#: The number behind a role: ``train1``.
_NUMBERED = re.compile(r"[\s_-]*(\d{1,9})$", re.ASCII)


def with_roles(name: str, entries: Iterable[Entry], warnings: list[str]) -> list[Entry]:
    """The entries with their roles by our names.

    What is called eval or evaluation tests, unless another part is called
    test: then it stops.

    Args:
        name: the split's name, for messages.
        entries: the entries, their roles as the split spells them.
        warnings: what was guessed is added to them.

    Raises:
        ProtocolError: a part is called by a name that is no role, or it cannot
            be told whether its number is a fold's.
    """
    entries = list(entries)
    plain = {e.role: _NUMBERED.sub("", e.role.casefold()) for e in entries if e.role}
    evaluation = "stop" if "test" in map(ROLE_NAMES.get, plain.values()) else "test"
    meaning = ROLE_NAMES | dict.fromkeys(EVALUATION_NAMES, evaluation)
    unknown = sorted(spelt for spelt, word in plain.items() if word not in meaning)
    if unknown:
        raise ProtocolError(
            f"{name} has parts whose role is not known. Expected: {', '.join(meaning)}. Received: "
            f"{', '.join(unknown[:10])}. Name them train, dev or test, or leave the cell empty"
        )
    known = {spelt: meaning[word] for spelt, word in plain.items()}
    if all(entry.fold is None for entry in entries):
        entries = _numbered_folds(name, entries, known, warnings)
    return [dataclasses.replace(e, role=known[e.role] if e.role else None) for e in entries]


def _numbered_folds(
    name: str, entries: list[Entry], known: Mapping[str, str], warnings: list[str]
) -> list[Entry]:
    """The entries, each in the fold of its role's number where the numbers are folds."""
    numbers = {role: int(match[1]) for role in known if (match := _NUMBERED.search(role))}
    train, test = ({n for r, n in numbers.items() if known[r] == role} for role in COMPARED)
    if not (train and test) or len(train | test) < 2:
        return entries
    of_file = defaultdict(set)
    for entry in entries:
        if entry.role in numbers:
            of_file[entry.key].add(numbers[entry.role])
    if all(len(found) < 2 for found in of_file.values()):
        raise ProtocolError(
            f"{name} has several numbered parts that train and that test, but no file is in two "
            f"of them. Received: {', '.join(sorted(numbers))}. If the numbers are folds, put them "
            "into a column fold; if they are not, name all parts train and test"
        )
    warnings.append(
        f"The numbers of the roles {', '.join(sorted(numbers))} are read as folds. If they are "
        "parts of one division, name all parts train and test: what they share is a leak then."
    )
    return [dataclasses.replace(e, fold=numbers.get(e.role)) for e in entries]
