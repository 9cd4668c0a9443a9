"""What this process may use of the machine: cores and memory."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

#: Where Linux tells the control groups of this process, and where it keeps them.
_OWN_GROUPS, _GROUPS = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """How many cores this process may use: a container's or a scheduler's limit counts."""
    from joblib import cpu_count

    return cpu_count()


def usable_memory() -> int | None:
    """How much memory this process may use, in bytes; None where it is not told.

    The machine's, or less where a container or a scheduler's job has a limit: that
    of its control group or of any above it, whichever version of them Linux has.
    """
    found = []
    with contextlib.suppress(AttributeError, ValueError, OSError):  # not on Windows
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in _limit_files():
        with contextlib.suppress(ValueError, OSError):  # "max", or no such group here
            found.append(int(file.read_text()))
    return min(found, default=None)


def _limit_files() -> Iterator[Path]:
    """Where limits of this process's memory may stand: its control group and all above."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            root, name = _GROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            root, name = _GROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        path = PurePosixPath(group)
        # Inside a container the group's own path is often not there, but its root is.
        for each in (path, *path.parents):
            yield root / each.relative_to("/") / name
