"""Reading a published split: which files somebody else trained, stopped and tested on.

Forms that are read: a table with a column of files and one of roles or folds;
one table a role, as nkululeko and audformat keep them; a folder of JSON lines
per fold and role, as EmoBox publishes them (Ma et al., "EmoBox: Multilingual
Multi-corpus Speech Emotion Recognition Toolkit and Benchmark", Interspeech 2024).
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from pnn_keras.errors import ProtocolError
from pnn_keras.split.entries import Split
from pnn_keras.split.finding import Found, find_tables
from pnn_keras.split.naming import COMPARED, LAYOUT, with_roles
from pnn_keras.split.rows import read_entries


def read_split(source: str | os.PathLike | Mapping[str, str | os.PathLike]) -> Split:
    r"""Reads a published split.

    Roles go by many names: train, training; dev, devel, development, val,
    valid, validation (these stop training); test, testing. A number behind the
    name does not matter (``test1``); but where train and test both have several
    (``train1``, ``test1``, ``train2``, ``test2``) and a file has more than one,
    it is the fold. What is called eval or evaluation tests, unless another part
    is called test: then it stops. A file without a role or fold is in none.

    Args:
        source: one of

            - a table (.csv, .tsv, .parquet, .jsonl) with a column ``file`` (or
              ``path``, ``wav``, ...) and a column ``role`` (``split``, ...),
              a column ``fold``, or both;
            - ``train=FILE,dev=FILE,test=FILE``, or such a mapping: one table a
              role, with columns ``file``, ``speaker``, ``gender``, ``emotion``,
              and ``start`` and ``end`` where the table is segmented;
            - a folder of such tables that are named after their role
              (``train.csv``) or role and fold
              (``fold_1/emodb_train_fold_1.jsonl``). Other tables in it are
              named as left out; but one whose name has a role in it
              (``train_part2.csv``) is refused, for it may hold files that train.

    Returns:
        The split. Its warnings say what was guessed: that numbers in a column
        of roles are folds, say.

    Raises:
        ProtocolError: nothing is there, no role can be told, a part is called
            by a name that is no role, a row is damaged, or there is nothing to
            test.
        CorpusError: a table cannot be read.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "split.csv"
        ...     _ = path.write_text("file,split\na.wav,train\nb.wav,val\nc.wav,test\n")
        ...     [entry.role for entry in read_split(path).entries]
        ['train', 'stop', 'test']
    """
    if isinstance(source, Mapping):
        name = ",".join(f"{role}={path}" for role, path in source.items())
        found = Found([(Path(path), role, None) for role, path in source.items()])
    else:
        name = os.fspath(source)
        found = find_tables(name)
    raw = [entry for file in found.tables for entry in read_entries(*file, found.warnings)]
    entries = with_roles(name, raw, found.warnings)
    if not any(entry.role or entry.fold is not None for entry in entries):
        raise ProtocolError(f"{name} gives no file a role or a fold. Expected: {LAYOUT}")
    split = Split(name, tuple(entries), left_out=tuple(found.left_out))
    warnings = (*found.warnings, *_missing_roles(split))
    return dataclasses.replace(split, warnings=warnings)


def _missing_roles(split: Split) -> list[str]:
    divisions = split.divisions()
    if not any("test" in roles for roles in divisions.values()):
        raise ProtocolError(
            f"{split.name} tests no file. Received roles: "
            f"{', '.join(sorted({e.role for e in split.entries} - {None}))}. Add the test files"
        )
    return [
        f"{'The split' if fold is None else f'Fold {fold}'} has no {role} files."
        for fold, roles in divisions.items()
        for role in COMPARED
        if role not in roles
    ]
