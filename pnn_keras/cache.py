"""Where the package keeps what it can make or fetch again, and who may write there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pnn_keras.errors import PnnKerasError

#: Names the folder of everything that the package caches, in place of the user's cache folder.
CACHE_VARIABLE = "PNN_KERAS_CACHE"


def cache_folder(name: str) -> Path:
    """The folder of one kind of things that are cached; not made here.

    It lies in the folder that the environment variable PNN_KERAS_CACHE names,
    else in the user's cache folder of this system.

    Args:
        name: the kind of things: ``"features"``, ``"presets"``, ...

    Example:

    >>> cache_folder("features").name
    'features'
    """
    if root := os.environ.get(CACHE_VARIABLE):
        return Path(root) / name
    import platformdirs

    return Path(platformdirs.user_cache_dir("pnn-keras")) / name


@contextlib.contextmanager
def alone(place: Path) -> Iterator[None]:
    """Waits until no other process or thread works on a place, and keeps them waiting.

    The system ends the claim with the process, so a killed one blocks nobody.

    Args:
        place: what is worked on; beside it an empty ``.lock`` file is left.

    Raises:
        PnnKerasError: the disk refused (full, no permission, ...).
    """
    lock = place.with_name(place.name + ".lock")
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = open(lock, "a+b")
    except OSError as error:
        raise PnnKerasError(
            f"Cannot write {lock}: {error.strerror or error}. Free some space, or set "
            f"{CACHE_VARIABLE} to a folder that can be written"
        ) from error
    with file:
        _claim(file.fileno())
        yield


def _claim(handle: int) -> None:
    try:
        import fcntl
    except ImportError:
        _claim_on_windows(handle)
    else:
        fcntl.flock(handle, fcntl.LOCK_EX)


def _claim_on_windows(handle: int) -> None:
    import msvcrt

    while True:
        # Gives up after ten seconds, while a download may take longer.
        with contextlib.suppress(OSError):
            msvcrt.locking(handle, msvcrt.LK_LOCK, 1)
            return
