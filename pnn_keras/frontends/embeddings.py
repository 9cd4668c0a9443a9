"""The front-end of vectors that the user brings: wav2vec 2.0, x-vectors, anything."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import numpy as np

from pnn_keras import audio
from pnn_keras.corpus import Utterance
from pnn_keras.errors import CorpusError, UserError
from pnn_keras.frontends import Frontend

#: What the column that names the file may be called.
FILE_COLUMNS = ("file", "path", "filename", "filepath", "index", "__index_level_0__")

#: Bounds of segments are equal if they differ by less than this, in seconds.
TOLERANCE = 0.001


class Embeddings(Frontend):
    """A table with one vector per file or segment.

    Forms of the table:

    - Parquet: a column ``file`` (or ``path``, ``filename``, ``filepath``, or an
      index) and either one column of lists or numeric columns. With the
      columns ``start`` and ``end`` (timedeltas, or numbers in seconds), as in
      audformat's segmented index, each row is a segment; an empty ``end``
      means the end of the file.
    - NPZ: arrays ``files`` (n,) and ``vectors`` (n, dimension); or one array
      (dimension,) per file, under the file's name.

    An utterance's row is the one named by the utterance's id; else the one
    with whose name the utterance's path ends; else the one whose name ends
    with the id; else, if no two files of the table have the same base name,
    the one with the utterance's base name. Endings such as ``.wav`` are not compared. A
    segment needs a row with its bounds. A whole file takes a row without
    bounds or, if that is its file's only row, one from 0 to the file's end.

    Args:
        table_path: the table; None makes a front-end that only remembers what
            a chain recorded, and cannot look anything up.
        dimension: length of the vectors, where no table is given.
        sha256: digest of the table, where no table is given.

    Raises:
        UserError: the table is missing or has none of these forms.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "vectors.npz"
        ...     np.savez(path, files=["wav/a.wav", "wav/b.wav"], vectors=np.eye(2))
        ...     frontend = Embeddings(path)
        >>> frontend.dimension, frontend.lookup(Utterance("made", "wav/b.wav", Path("/b.wav")))
        (2, array([0., 1.], dtype=float32))
    """

    name = "embeddings"
    stored = False
    version = "1"

    def __init__(
        self,
        table_path: str | os.PathLike | None = None,
        *,
        dimension: int | None = None,
        sha256: str | None = None,
    ) -> None:
        if table_path is None:
            if dimension is None or sha256 is None:
                raise UserError(f"The front-end {self.name} needs a table. {_MEND}")
            self._table, self._dimension, self._sha256 = None, int(dimension), sha256
        else:
            path = Path(table_path)
            self._table = _read_table(path)
            self._dimension = self._table.vectors.shape[1]
            self._sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    @classmethod
    def from_option(cls, option: str | None) -> Embeddings:
        """``embeddings:TABLE``."""
        return cls(option or None)

    @property
    def dimension(self) -> int:
        """Length of the vectors."""
        return self._dimension

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The table's column names; ``"0"``, ``"1"``, ... where it has none."""
        if self._table is None:
            return tuple(map(str, range(self._dimension)))
        return self._table.names

    def options(self) -> dict:
        """What identifies the table: its dimension and the digest of its bytes."""
        return {"dimension": self._dimension, "sha256": self._sha256}

    @property
    def variant(self) -> str:
        """The beginning of the table's key: every table is another one."""
        return self.key[:8]

    def extract(self, signal: np.ndarray, sampling_rate: int) -> np.ndarray:
        """Refuses: these vectors come from a table, not from audio.

        Raises:
            UserError: always.
        """
        raise UserError(
            f"The front-end {self.name} cannot hear audio: its vectors come from a table that "
            f"you bring. {_MEND}"
        )

    def features(self, utterance: Utterance) -> tuple[np.ndarray, tuple[str, ...]]:
        """Looks the utterance up; see :meth:`lookup`. Its audio is not heard."""
        return self.lookup(utterance), ()

    def lookup(self, utterance: Utterance) -> np.ndarray:
        """The table's vector for one utterance.

        Args:
            utterance: the utterance.

        Returns:
            The vector, float32 of shape ``(dimension,)``.

        Raises:
            CorpusError: no row or more than one row fits the utterance, or its
                vector is not finite.
            UserError: no table was given.
        """
        if self._table is None:
            raise UserError(
                f"The front-end {self.name} has no table to look {utterance.id} up in. {_MEND}"
            )
        vector = self._table.vectors[self._table.row(utterance)]
        if not np.isfinite(vector).all():
            raise CorpusError("Its vector in the table of embeddings holds NaN or infinity")
        return vector


_MEND = "Pass --frontend embeddings:TABLE, with TABLE a parquet or npz file"


@dataclasses.dataclass(frozen=True, eq=False)
class _Table:
    """The rows of a table, in order."""

    files: tuple[str, ...]
    vectors: np.ndarray  # (rows, dimension) float32
    names: tuple[str, ...]
    starts: np.ndarray  # (rows,) seconds
    ends: np.ndarray  # (rows,) seconds, NaN: the end of the file

    def row(self, utterance: Utterance) -> int:
        """The number of the utterance's row."""
        exact = self._by_name.get(utterance.id, ())
        if _is_segment(utterance) and len(exact) == 1:
            return exact[0]  # the id names the segment, and so does the row
        rows = self._of_file(utterance)
        fitting = [i for i in rows if self._fits(i, utterance, alone=len(rows) == 1)]
        if len(fitting) == 1:
            return fitting[0]
        which = f"{len(fitting)} rows" if fitting else "no row"
        others = f"; rows of other bounds: {len(rows)}" if rows and not fitting else ""
        raise CorpusError(
            f"The table of embeddings has {which} for it, one is needed{others}. "
            f"The table names files like {self.files[0]!r}"
        )

    def _of_file(self, utterance: Utterance) -> list[int]:
        file = utterance.id.rpartition("#")[0] if _is_segment(utterance) else utterance.id
        id_parts = _parts(file or utterance.id)
        path_parts = _parts(utterance.path.as_posix())
        namesakes = self._by_base_name.get(id_parts[-1], [])
        for same in (
            lambda parts: parts == id_parts,
            lambda parts: _ends(path_parts, parts),
            lambda parts: _ends(parts, id_parts),
        ):
            if rows := [i for i in namesakes if same(_parts(self.files[i]))]:
                return rows
        return namesakes if self._base_names_differ else []

    def _fits(self, i: int, utterance: Utterance, alone: bool) -> bool:
        start, end = self.starts[i], self.ends[i]
        if abs(start - utterance.start) > TOLERANCE:
            return False
        if utterance.end is None:
            return bool(np.isnan(end)) or (alone and utterance.start == 0)
        return abs(end - utterance.end) <= TOLERANCE

    @functools.cached_property
    def _by_name(self) -> dict[str, list[int]]:
        return _rows_by(self.files)

    @functools.cached_property
    def _by_base_name(self) -> dict[str, list[int]]:
        return _rows_by(_parts(file)[-1] for file in self.files)

    @functools.cached_property
    def _base_names_differ(self) -> bool:
        return len(self._by_base_name) == len({_parts(file) for file in self.files})


def _rows_by(names: Iterable[str]) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        rows.setdefault(name, []).append(i)
    return rows


def _parts(file: str) -> tuple[str, ...]:
    """The parts of a file's path, without the ending of an audio file."""
    path = PurePosixPath(file.replace("\\", "/"))
    return (path.with_suffix("") if path.suffix.lower() in audio.SUFFIXES else path).parts


def _is_segment(utterance: Utterance) -> bool:
    return bool(utterance.start) or utterance.end is not None


def _ends(whole: tuple[str, ...], end: tuple[str, ...]) -> bool:
    return whole[-len(end) :] == end


def _read_table(path: Path) -> _Table:
    readers = {".parquet": _read_parquet, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise UserError(f"A table of embeddings is a .parquet or .npz file. Received: {path}")
    if not path.is_file():
        raise UserError(f"There is no table of embeddings at {path}")
    table = readers[path.suffix.lower()](path)
    if not table.files or not table.vectors.shape[1]:
        raise UserError(f"The table of embeddings {path} is empty")
    nameless = [i for i, file in enumerate(table.files) if not _parts(file)]
    if nameless:
        raise UserError(f"The table of embeddings {path} names no file in row {nameless[0]}")
    return table


def _read_parquet(path: Path) -> _Table:
    import pandas as pd

    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise UserError(f"{path} is no readable parquet table: {error}") from error
    if frame.index.names != [None] or frame.index.dtype == object or frame.index.dtype == "str":
        frame = frame.reset_index()
    frame.columns = [str(column) for column in frame.columns]
    file_column = next((name for name in FILE_COLUMNS if name in frame), None)
    if file_column is None:
        raise UserError(
            f"The table of embeddings {path} has a column {', '.join(FILE_COLUMNS[:-2])}, or an "
            f"index of files. Received: the columns {', '.join(frame.columns[:8])}"
        )
    vectors, names = _parquet_vectors(path, frame, {file_column, "start", "end"})
    return _Table(
        files=tuple(frame[file_column].astype(str)),
        vectors=vectors,
        names=names,
        starts=np.nan_to_num(_seconds(path, frame, "start")),
        ends=_seconds(path, frame, "end"),
    )


def _parquet_vectors(path: Path, frame, others: set[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    columns = [name for name in frame if name not in others]
    lists = [
        name
        for name in columns
        if len(frame) and isinstance(frame[name].iloc[0], (list, tuple, np.ndarray))
    ]
    if len(lists) == 1:
        return _stack(path, list(frame[lists[0]]))
    numeric = [
        name
        for name in columns
        if is_numeric_dtype(frame[name].dtype) and not is_bool_dtype(frame[name].dtype)
    ]
    if lists or not numeric:
        raise UserError(
            f"The table of embeddings {path} has either one column of lists or numeric columns. "
            f"Received: {len(lists)} columns of lists and {len(numeric)} numeric ones"
        )
    return frame[numeric].to_numpy(dtype=np.float32, na_value=np.nan), tuple(numeric)


def _seconds(path: Path, frame, name: str) -> np.ndarray:
    """A column of bounds, in seconds; NaN where it is missing or empty."""
    from pandas.api.types import is_numeric_dtype, is_timedelta64_dtype

    if name not in frame:
        return np.full(len(frame), np.nan)
    bounds = frame[name]
    if is_timedelta64_dtype(bounds.dtype):
        return bounds.dt.total_seconds().to_numpy()
    if is_numeric_dtype(bounds.dtype):
        return bounds.to_numpy(dtype=np.float64, na_value=np.nan)
    raise UserError(
        f"The column {name} of the table of embeddings {path} holds timedeltas, or numbers in "
        f"seconds. Received: {bounds.dtype}"
    )


def _read_npz(path: Path) -> _Table:
    import zipfile

    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(f"{path} is no readable npz file: {error}") from error
    if set(arrays) == {"files", "vectors"}:
        files, given = arrays["files"].astype(str).tolist(), arrays["vectors"]
    else:
        files, given = list(arrays), [_row(array) for array in arrays.values()]
    if len(files) != len(given):
        raise UserError(
            f"The table of embeddings {path} has one vector per file. "
            f"Received: {len(files)} files and {len(given)} vectors"
        )
    vectors, names = _stack(path, list(given))
    return _Table(tuple(files), vectors, names, np.zeros(len(files)), np.full(len(files), np.nan))


def _row(array: np.ndarray) -> np.ndarray:
    """The one row of an array of shape (1, dimension)."""
    return array[0] if array.ndim == 2 and len(array) == 1 else array


def _stack(path: Path, vectors: list) -> tuple[np.ndarray, tuple[str, ...]]:
    """Vectors of equal length as rows, and the numbers of the columns as names."""
    try:
        rows = [np.asarray(vector, dtype=np.float32) for vector in vectors]
    except (TypeError, ValueError) as error:
        raise UserError(f"The table of embeddings {path} holds no numbers: {error}") from error
    shapes = sorted({row.shape for row in rows})
    if len(shapes) > 1 or (shapes and len(shapes[0]) != 1):
        raise UserError(
            f"The vectors of the table of embeddings {path} have one axis and one length. "
            f"Received: {', '.join(map(str, shapes[:4]))}"
        )
    if not rows:
        return np.zeros((0, 0), np.float32), ()
    return np.stack(rows), tuple(map(str, range(len(rows[0]))))
