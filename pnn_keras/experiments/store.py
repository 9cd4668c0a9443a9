"""The folder of a run: what was asked, the folds, and the answers of every finished part."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.errors import UserError
from pnn_keras.folder import write_whole

#: What was asked, every default spelled out.
SPEC = "experiment.toml"

#: Versions, corpora, seeds and protocols of the run.
RECORD = "run.json"

#: Folders of the folds (CSV) and of the answers (parquet).
FOLDS, RESULTS = "folds", "results"

#: The fact that holds what is left of a source. Runs of before hold one called
#: "forgetting", which asked the source through the target's scaling; it is not read.
FORGETTING = "source_asked_again"

_META = b"pnn_keras"


@dataclasses.dataclass(frozen=True)
class Part:
    """What one method made of some folds of a study.

    Args:
        study: number of the study in the experiment.
        method: the method.
        source: its sources, ``""`` for none.
        members: numbers of the folds in their protocol, in order.
    """

    study: int
    method: str
    source: str
    members: tuple[int, ...]

    @property
    def path(self) -> Path:
        """Where it lies in the run's folder."""
        name = f"{self.members[0]:04d}-{self.members[-1]:04d}.parquet"
        return Path(RESULTS, f"{self.study:03d}", self.method, _folder_name(self.source), name)


@dataclasses.dataclass(frozen=True)
class PartResult:
    """The answers of a part on its test rows.

    Args:
        member: number of the fold of each answer, int ``(answers,)``.
        row: number of the utterance among the study's, int ``(answers,)``.
        probabilities: of the classes, float32 ``(answers, classes)``.
        facts: what else is known: ``parameters``, ``seconds``, by member
            ``best_epoch``, ``stop_uar`` and, where they were measured,
            ``traced`` confusion counts and :data:`FORGETTING`, and what a method
            that searches inside each fold has ``chosen``.
    """

    member: np.ndarray
    row: np.ndarray
    probabilities: np.ndarray
    facts: Mapping


def _folder_name(source: str) -> str:
    """What the folder of a source is called: each source another name.

    A label has no ``_``, so the first one of each task stands for its ``@``.
    Where more is replaced, what tells two sources apart is added, after a sign
    that no other folder's name has.
    """
    plain = source.replace("@", "_")
    safe = re.sub(r"[^\w.+-]", "_", plain)
    if safe != plain:
        safe += "~" + hashlib.sha256(source.encode()).hexdigest()[:8]
    return safe or "no-source"


def write_part(folder: Path, part: Part, result: PartResult) -> None:
    """Writes a part, whole under its name or not at all."""
    import pyarrow as pa

    columns = {"member": result.member, "row": result.row}
    for number in range(result.probabilities.shape[1]):
        columns[f"p{number}"] = result.probabilities[:, number].astype(np.float32)
    table = pa.table(columns).replace_schema_metadata({_META: json.dumps(result.facts)})
    _write_table(folder / part.path, table)


def read_part(folder: Path, part: Part) -> PartResult:
    """Reads a part.

    Raises:
        UserError: it is not there, or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = folder / part.path
    try:
        table = pq.read_table(path)
        facts = json.loads(table.schema.metadata[_META])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read: {error}. Remove it and run again") from error
    names = [name for name in table.column_names if name.startswith("p")]
    probabilities = np.stack([table[name].to_numpy() for name in names], axis=1)
    return PartResult(table["member"].to_numpy(), table["row"].to_numpy(), probabilities, facts)


def is_finished(folder: Path, part: Part) -> bool:
    """Whether a part was finished by this run or an earlier one."""
    return (folder / part.path).is_file()


def _utterances_file(folder: Path, study: int) -> Path:
    return folder / RESULTS / f"{study:03d}" / "utterances.parquet"


def write_utterances(folder: Path, study: int, columns: Mapping[str, Sequence]) -> None:
    """Writes which utterances a study's rows are: a column per fact, ``(n,)`` each."""
    import pyarrow as pa

    _write_table(_utterances_file(folder, study), pa.table(dict(columns)))


def read_utterances(folder: Path, study: int) -> dict[str, np.ndarray]:
    """The facts that :func:`write_utterances` wrote, by name."""
    import pyarrow.parquet as pq

    table = pq.read_table(_utterances_file(folder, study))
    return {
        name: table[name].to_numpy(zero_copy_only=False).astype(object)
        for name in table.column_names
    }


def write_text(path: Path, text: str) -> None:
    """Writes a text file, whole under its name or not at all."""
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _write_table(path: Path, table) -> None:
    import pyarrow.parquet as pq

    write_whole(path, lambda part: pq.write_table(table, part, compression="zstd"))
