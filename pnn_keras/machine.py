"""What this process may use of the machine: cores and memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Where a Linux container finds the most memory that it may use, in bytes, or "max".
_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def usable_cores() -> int:
    """How many cores this process may use: a container's or a scheduler's limit counts."""
    from joblib import cpu_count

    return cpu_count()


def usable_memory() -> int | None:
    """How much memory the machine or the container has, in bytes; None where it is not told.

    A limit that a scheduler sets on one of its jobs is not seen.
    """
    found = []
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not on Windows
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(ValueError, OSError):
        found.append(int(_CONTAINER.read_text()))
    return min(found, default=None)
