"""Folders and files that appear complete under their name, or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from pnn_keras.errors import PnnKerasError, UserError


@contextlib.contextmanager
def whole_folder(final: str | os.PathLike, overwrite: bool = False) -> Iterator[Path]:
    """A new folder to write into, which gets its name only once all is written.

    What is written lies in a hidden folder beside it until the block ends, and
    is removed if the block fails. A killed process leaves that hidden folder
    behind, and nothing under the final name.

    Args:
        final: the folder to make; its parents are made where missing.
        overwrite: whether to replace an existing folder, in one step, once
            the new one is complete.

    Yields:
        The folder to write into.

    Raises:
        UserError: ``final`` exists and ``overwrite`` is false, or it is a file.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     final = Path(parent) / "result"
    ...     with whole_folder(final) as folder:
    ...         _ = (folder / "a.txt").write_text("a")
    ...         before = final.exists()
    ...     print(before, (final / "a.txt").read_text())
    False a
    """
    final = Path(final).absolute()
    _check_free(final, overwrite)
    part = _hidden(final)
    try:
        part.mkdir(parents=True)
        yield part
        _take_name(part, final)
    except OSError as error:
        # A library's own OSError may have a message and no strerror.
        raise PnnKerasError(
            f"Cannot write {final}: {error.strerror or error}. Nothing was left there. "
            "Free some space, or choose a folder that can be written"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_writable(final: str | os.PathLike, existing: bool = False) -> None:
    """Refuses a folder that could not be written in the end, before hours are spent on it.

    Nothing is left behind: a hidden folder is made where the first missing one
    would be, and removed, since only the system knows all that it may refuse.

    Args:
        final: the folder to be made later, with its parents where missing.
        existing: whether the folder may be there already, to be written into.

    Raises:
        UserError: ``final`` exists though it must not, or is or lies below
            something that is no folder.
        PnnKerasError: the system refuses (no permission, read-only, ...).

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     check_writable(Path(parent) / "runs" / "result")
    ...     check_writable(parent)
    Traceback (most recent call last):
        ...
    pnn_keras.errors.UserError: ... exists already. Name another folder, or remove it
    """
    place = Path(final).absolute()
    if os.path.lexists(place) and not existing:
        raise UserError(f"{final} exists already. Name another folder, or remove it")
    above = next(folder for folder in (place, *place.parents) if os.path.lexists(folder))
    if not os.path.isdir(above):
        raise UserError(f"Cannot write {final}: {above} is no folder. Name another folder")
    missing = (*place.relative_to(above).parts, "made")[0]
    trial = _hidden(above / missing)
    try:
        trial.mkdir()
        trial.rmdir()
    except OSError as error:
        raise PnnKerasError(
            f"Cannot write {final}: {error.strerror or error} in {above}. "
            "Free some space, or choose a folder that can be written"
        ) from error


def _hidden(final: Path) -> Path:
    """A name beside a folder's for what is not complete, unlike any other."""
    return final.with_name(f".{final.name}.{secrets.token_hex(4)}.part")


def write_whole(path: str | os.PathLike, write: Callable[[Path], object]) -> None:
    """Writes a file that is whole under its name or not there; one of that name is replaced.

    Args:
        path: the file; its folders are made where missing.
        write: writes the content into the file that it is given.

    Raises:
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     write_whole(Path(parent, "a.txt"), lambda part: part.write_text("a"))
    ...     Path(parent, "a.txt").read_text()
    'a'
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        os.replace(part, path)
    except OSError as error:
        raise PnnKerasError(
            f"Cannot write {path}: {error.strerror or error}. What was finished is kept. "
            "Free some space, or choose a folder that can be written"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _check_free(final: Path, overwrite: bool) -> None:
    if final.is_dir() and overwrite:
        return
    if os.path.lexists(final):
        raise UserError(
            f"{final} exists already. Choose another name, remove it"
            + (": it is no folder" if overwrite else ", or pass overwrite=True")
        )


def _take_name(part: Path, final: Path) -> None:
    """Gives the complete folder its name; an old one of that name goes."""
    if not final.exists():
        part.rename(final)
        return
    old = part.with_suffix(".old")
    final.rename(old)
    try:
        part.rename(final)
    except OSError:
        old.rename(final)
        raise
    shutil.rmtree(old, ignore_errors=True)
