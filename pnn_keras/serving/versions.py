"""The versions of one model: found on disk, loaded, swapped without a failed request."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pnn_keras.serving.loading import Servable
from pnn_keras.serving.status import Code, StatusError, as_status
from pnn_keras.serving.warmup import warm_up

#: How many ended versions are remembered for the status.
_REMEMBERED = 16

log = logging.getLogger("pnn_keras.serving")


@dataclasses.dataclass(frozen=True)
class Policy:
    """Which of the versions found are served.

    Attributes:
        latest: how many of the highest; 0 for all.
        specific: these alone, where there are any.
    """

    latest: int = 1
    specific: tuple[int, ...] = ()

    def chosen(self, found: Iterable[int]) -> set[int]:
        """The versions to serve.

        Example:

        >>> Policy(latest=2).chosen([1, 3, 2]), Policy(specific=(1, 9)).chosen([1, 2])
        ({2, 3}, {1})
        """
        if self.specific:
            return set(found) & set(self.specific)
        return set(sorted(found)[-self.latest :] if self.latest else found)


class Version:
    """One version's way from START to END.

    Attributes:
        number: its number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        error: why it did not load, or None.
        servable: what answers while it is AVAILABLE.
        files: what its folder held when it was tried last.
    """

    def __init__(self, number: int, files: frozenset):
        self.number, self.files = number, files
        self.state, self.error = "START", None
        self.servable: Servable | None = None
        self._users = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextlib.contextmanager
    def used(self) -> Iterator[Servable]:
        """Keeps the version from being unloaded meanwhile."""
        self._users += 1
        self._idle.clear()
        try:
            yield self.servable
        finally:
            self._users -= 1
            if not self._users:
                self._idle.set()

    async def load(self, name: str, folder: Path) -> None:
        """Loads and warms it; a failure is kept as its error, with state END."""
        self.state = "LOADING"
        try:
            self.servable = await asyncio.to_thread(_loaded, name, self.number, folder)
            self.state = "AVAILABLE"
            log.info(
                "Successfully loaded servable version {name: %s version: %d}", name, self.number
            )
        except Exception as error:
            self.state, self.error = "END", as_status(error)
            log.error("Cannot load %s version %d: %s", name, self.number, self.error.message)

    async def unload(self) -> None:
        """Unloads it once the last request on it is answered."""
        self.state = "UNLOADING"
        await self._idle.wait()
        servable, self.servable = self.servable, None
        await asyncio.to_thread(servable.close)
        self.state = "END"


def _loaded(name: str, number: int, folder: Path) -> Servable:
    servable = Servable(name, number, folder)
    try:
        warm_up(servable, folder)
    except BaseException:
        servable.close()
        raise
    return servable


class ModelVersions:
    """The versions of one model below its base path.

    Args:
        name: the model's name.
        base_path: the folder that holds a folder for each version.
        policy: which versions are served.
    """

    def __init__(self, name: str, base_path: Path, policy: Policy):
        self.name, self.base_path, self.policy = name, base_path, policy
        self.versions: dict[int, Version] = {}
        self._unloading: set[asyncio.Task] = set()
        self._wanted: set[int] | None = None
        self._lacking = ""

    @property
    def available(self) -> list[int]:
        """The versions that answer, in order."""
        return sorted(n for n, v in self.versions.items() if v.state == "AVAILABLE")

    def version(self, number: int | None = None) -> Version:
        """A version that answers; None takes the highest.

        Raises:
            StatusError: NOT_FOUND; it does not answer. UNAVAILABLE; none answers
                yet, but one is being loaded: a client may ask again.
        """
        available = self.available
        if number is None and available:
            return self.versions[available[-1]]
        if not available and any(v.state in ("START", "LOADING") for v in self.versions.values()):
            # TensorFlow Serving does not listen so early; a refused connection is UNAVAILABLE too.
            raise StatusError(Code.UNAVAILABLE, f"The model {self.name} is still being loaded")
        if number not in available:
            wanted = (
                f"Latest({self.name})" if number is None else f"Specific({self.name}, {number})"
            )
            raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
        return self.versions[number]

    async def load(self) -> None:
        """Looks at the disk once, and loads what is new.

        A version that failed is tried again when its folder has changed. A base
        path that cannot be read changes nothing.
        """
        self._wanted = None
        try:
            found = await asyncio.to_thread(_versions, self.base_path)
        except OSError as error:
            self._warn(f"Cannot look for versions of {self.name}: {error}")
            return
        self._wanted = self.policy.chosen(found)
        self._warn(self._missing(found))
        for number in sorted(self._wanted):
            await self._load(number, found[number])

    def _missing(self, found: Iterable[int]) -> str:
        """What the policy asks for and the base path has not, in words; empty if nothing."""
        if absent := sorted(set(self.policy.specific) - set(found)):
            numbers = ", ".join(map(str, absent))
            return f"The config names versions of {self.name} not in {self.base_path}: {numbers}"
        if not self._wanted:
            return (
                f"No version of {self.name} is in {self.base_path}. "
                "A version is a folder that has a number as its name"
            )
        return ""

    def _warn(self, lacking: str) -> None:
        """Logs what is lacking once, not at each look: TensorFlow Serving fills its log so."""
        if lacking and lacking != self._lacking:
            log.warning(lacking)
        self._lacking = lacking

    def drop(self) -> None:
        """Unloads what is no longer wanted, as :meth:`load` found last.

        Old versions leave only when a wanted one answers; where the newest does
        not load, they stay.
        """
        wanted, available = self._wanted, set(self.available)
        if wanted is None:
            return
        if not wanted or wanted & available:
            for number in available - wanted:
                self._leave(self.versions[number])
        self._forget(wanted)

    async def _load(self, number: int, folder: Path) -> None:
        known = self.versions.get(number)
        if known and known.state != "END":
            return
        files = await asyncio.to_thread(_files, folder)
        if known and known.error and known.files == files:
            return
        version = self.versions[number] = Version(number, files)
        await version.load(self.name, folder)

    def _leave(self, version: Version) -> None:
        log.info("Unloading servable version {name: %s version: %d}", self.name, version.number)
        version.state = "UNLOADING"  # from now on, nobody new
        task = asyncio.ensure_future(version.unload())
        self._unloading.add(task)
        task.add_done_callback(self._unloading.discard)

    def _forget(self, wanted: set[int]) -> None:
        ended = [n for n, v in self.versions.items() if v.state == "END" and n not in wanted]
        for number in sorted(ended)[:-_REMEMBERED]:
            del self.versions[number]

    async def close(self) -> None:
        """Unloads every version, once its last request is answered."""
        for number in self.available:
            self._leave(self.versions[number])
        while self._unloading:
            await asyncio.wait(self._unloading)


def _versions(base_path: Path) -> dict[int, Path]:
    """Folders whose name is a number; of two names of one number the last, as ``1`` of ``01``."""
    return {
        int(path.name): path
        for path in sorted(base_path.iterdir())
        if re.fullmatch("[0-9]{1,18}", path.name) and path.is_dir()
    }


def _files(folder: Path) -> frozenset:
    """What a folder holds: each file with its size and time, to notice a change."""
    found = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            stat = path.stat()
            found.append((path.as_posix(), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)


def state_of(version: Version) -> tuple[str, Code, str]:
    """A version's state, and the status with which it got there.

    Returns:
        The state, the code of its status and its message.
    """
    if version.error:
        return version.state, version.error.code, version.error.message
    return version.state, Code.OK, ""
