"""A search that several processes share: who is its chief and who a worker."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping

from pnn_keras.errors import UserError

#: What keras-tuner is told by: an ID for every process ("chief" is in the chief's), and where
#: the chief listens.
NAMES = ("KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_IP", "KERASTUNER_ORACLE_PORT")

#: What goes with every call besides keras-tuner's own fields: who calls, what it was asked (as
#: a hash), and a trial as it is to be recorded.
WORKER, REQUEST, TRIAL = "pnn-keras-worker", "pnn-keras-request", "pnn-keras-trial-bin"


@dataclasses.dataclass(frozen=True)
class Role:
    """What this process is in a search that several share.

    Args:
        name: its ID.
        address: where the chief listens, ``HOST:PORT``.
    """

    name: str
    address: str

    @property
    def is_chief(self) -> bool:
        """Whether it hands out the trials."""
        return "chief" in self.name


def find_role(environment: Mapping[str, str] = os.environ) -> Role | None:
    """What the environment says that this process is; None for a search of one process.

    Raises:
        UserError: only some of :data:`NAMES` are set, or the port is none.

    Example:

    >>> find_role({"KERASTUNER_TUNER_ID": "chief", "KERASTUNER_ORACLE_IP": "127.0.0.1",
    ...            "KERASTUNER_ORACLE_PORT": "8000"})
    Role(name='chief', address='127.0.0.1:8000')
    >>> find_role({}) is None
    True
    """
    given = {name: environment.get(name, "") for name in NAMES}
    if not any(given.values()):
        return None
    missing = [name for name, value in given.items() if not value]
    if missing:
        raise UserError(
            f"A search that several processes share needs {', '.join(NAMES)}. "
            f"Not set: {', '.join(missing)}"
        )
    name, host, port = given.values()
    if not port.isdecimal() or not 0 < int(port) < 65536:
        raise UserError(f"{NAMES[2]} is a port from 1 to 65535. Received: {port!r}")
    return Role(name, f"{host}:{port}")


def digest(request: Mapping) -> str:
    """What is the same in all processes of one search: SHA-256 of its request."""
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
