"""What REST and gRPC share: finding a version, asking it, counting and logging requests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TextIO

import numpy as np

from pnn_keras.serving.batching import Batcher
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.metrics import Metrics
from pnn_keras.serving.models import Models
from pnn_keras.serving.predicting import Question
from pnn_keras.serving.status import as_status


@dataclasses.dataclass(frozen=True)
class Address:
    """Which version a request is for.

    Attributes:
        name: the model's name.
        number: the version's number, or None.
        label: the version's label, or None. Without both it is the highest.
    """

    name: str
    number: int | None = None
    label: str | None = None


@dataclasses.dataclass
class Outcome:
    """How a request went: what is logged beside its time.

    Attributes:
        status: the name of its status.
        version: the version that answered, if any.
        message: what went wrong.
    """

    status: str = "OK"
    version: int | None = None
    message: str = ""


class Core:
    """The models and what happens to every request for them.

    Args:
        models: the models.
        batcher: what computes.
        request_log: where each request is written as one line of JSON, or None.
    """

    def __init__(self, models: Models, batcher: Batcher, request_log: TextIO | None = None):
        self.models, self.batcher = models, batcher
        self.metrics = Metrics()
        self._request_log = request_log

    async def predict(
        self, address: Address, ask: Callable[[Servable], Awaitable[Question]], outcome: Outcome
    ) -> dict[str, np.ndarray]:
        """The outputs that a question asks for.

        Args:
            address: which version.
            ask: makes the question, knowing the version.
            outcome: told which version answered.

        Raises:
            StatusError: there is no such version, the question is wrong, or the
                graph refused.
        """
        version = self.models.find(address.name, address.number, address.label)
        outcome.version = version.number
        with version.used() as servable:
            return await self.batcher.run(version, await ask(servable))

    async def call(self, address: Address, function: Callable, request, outcome: Outcome):
        """A function of a loaded version and a request, computed in a thread.

        Raises:
            StatusError: there is no such version, or what the function raises.
        """
        version = self.models.find(address.name, address.number, address.label)
        outcome.version = version.number
        return await self.batcher.call(version, function, request)

    @contextlib.contextmanager
    def counted(self, api: str, entrypoint: str, name: str) -> Iterator[Outcome]:
        """Counts, times and logs a request, and turns what it raises into a status.

        Raises:
            StatusError: the request failed.
        """
        outcome, start = Outcome(), time.perf_counter()
        try:
            yield outcome
        except Exception as error:
            status = as_status(error)
            outcome.status, outcome.message = status.code.name, status.message
            raise status from error
        except BaseException:
            outcome.status = "CANCELLED"  # the client has gone
            raise
        finally:
            seconds = time.perf_counter() - start
            # Names that nobody serves are the clients': they would never end.
            known = name if name in self.models.served else ""
            self.metrics.count(known, api, entrypoint, outcome.status, seconds)
            if self._request_log:
                self._log(api, entrypoint, name, outcome, seconds)

    def _log(self, api: str, entrypoint: str, name: str, outcome: Outcome, seconds: float) -> None:
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "entrypoint": entrypoint,
            "api": api,
            "model": name,
            "version": outcome.version,
            "status": outcome.status,
            "milliseconds": round(seconds * 1e3, 3),
        }
        if outcome.message:
            line["message"] = outcome.message[:500]
        print(json.dumps(line), file=self._request_log, flush=True)
