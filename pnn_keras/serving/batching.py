"""Joining the requests of many clients into batches, without making anyone wait for one."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import math
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from pnn_keras.serving.config import Batching
from pnn_keras.serving.joining import Job, run_joined
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.predicting import Question
from pnn_keras.serving.status import Code, StatusError, invalid
from pnn_keras.serving.versions import Version

#: Requests computed at a time where they are not joined.
_ALONE = 8
#: Requests that may wait for their turn where they are not joined.
_MOST_ALONE_WAITING = 1000


@dataclasses.dataclass
class _Queue:
    """Requests that may be joined: same version, signature, outputs, shapes of a row."""

    version: Version
    waiting: collections.deque = dataclasses.field(default_factory=collections.deque)
    rows: int = 0
    due_at: asyncio.TimerHandle | None = None


class Batcher:
    """Computes the answers to questions, several at a time.

    A request is computed as soon as a thread is free; those that come meanwhile
    are joined along the first dimension. With a timeout, a batch that is not
    full waits that long for company. Where a joined batch fails, its requests
    are tried one by one, so that one bad row spoils no other's.

    All methods run in the server's event loop; only the graph runs in threads.

    Args:
        settings: how requests are joined; None computes each alone.
    """

    def __init__(self, settings: Batching | None):
        self._settings = settings
        self._threads = settings.threads if settings else _ALONE
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="pnn-keras-graph")
        self._queues: dict[tuple, _Queue] = {}
        self._running = 0
        self._turns = asyncio.Semaphore(self._threads)
        self._waiting_alone = 0
        self._tasks: set[asyncio.Task] = set()

    async def run(self, version: Version, question: Question) -> dict[str, np.ndarray]:
        """The outputs that a question asks for.

        Raises:
            StatusError: UNAVAILABLE, too many requests wait; INVALID_ARGUMENT,
                it has more rows than a batch; or the graph's own status.
        """
        settings = self._settings
        if settings is None or not question.signature.batched:
            return await self.call(version, _run, question)
        rows = _rows(question.inputs)
        if rows > settings.most_rows and settings.split:
            return await self._in_parts(version, question, rows)
        if rows > settings.most_rows:
            raise invalid(
                f"Task size {rows} is larger than maximum input batch size {settings.most_rows}"
            )
        return await self._joined(version, question, rows)

    async def _in_parts(self, version, question, rows) -> dict[str, np.ndarray]:
        most = self._settings.most_rows
        parts = []
        for start in range(0, rows, most):
            inputs = {k: array[start : start + most] for k, array in question.inputs.items()}
            part = dataclasses.replace(question, inputs=inputs)
            parts.append(await self._joined(version, part, _rows(inputs)))
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    async def _joined(self, version, question, rows) -> dict[str, np.ndarray]:
        key = (version, question.signature.name, question.outputs, self._shapes(question.inputs))
        queue = self._queues.setdefault(key, _Queue(version))
        self._check_room(queue, rows)
        loop = asyncio.get_running_loop()
        job = Job(question, rows, loop.create_future(), loop.time())
        queue.waiting.append(job)
        queue.rows += rows
        # Not at once: what arrives in the same turn of the loop comes along.
        loop.call_soon(self._start_batches)
        return await job.answer

    def _shapes(self, inputs: Mapping[str, np.ndarray]) -> tuple:
        """What must agree for requests to be joined: the shape of a row, or its rank."""
        if self._settings.pad_inputs:
            return tuple(array.ndim for array in inputs.values())
        return tuple(array.shape[1:] for array in inputs.values())

    def _check_room(self, queue: _Queue, rows: int) -> None:
        settings = self._settings
        waiting = math.ceil((queue.rows + rows) / settings.most_rows)
        if waiting > settings.most_waiting:
            raise StatusError(
                Code.UNAVAILABLE,
                "The batch scheduling queue to which this task was submitted is full; "
                f"{settings.most_waiting} batches wait already",
            )

    def _start_batches(self) -> None:
        """Gives batches that are due to threads that are free, the queues in turn."""
        now = asyncio.get_running_loop().time()
        started = True
        while started:
            started = False
            for key, queue in list(self._queues.items()):
                self._drop_cancelled(queue)
                if queue.waiting and self._running < self._threads and self._is_due(queue, now):
                    self._start(queue)
                    started = True
                    # To the end of the line: a busy queue leaves threads to the others.
                    self._queues[key] = self._queues.pop(key)
                if not queue.waiting:
                    del self._queues[key]

    @staticmethod
    def _drop_cancelled(queue: _Queue) -> None:
        """Whoever gave up waiting is not computed."""
        if any(job.answer.done() for job in queue.waiting):
            queue.waiting = collections.deque(j for j in queue.waiting if not j.answer.done())
            queue.rows = sum(job.rows for job in queue.waiting)

    def _is_due(self, queue: _Queue, now: float) -> bool:
        settings = self._settings
        left = queue.waiting[0].since + settings.timeout - now
        if left <= 0 or queue.rows >= settings.most_rows:
            return True
        if queue.due_at is None:
            loop = asyncio.get_running_loop()
            queue.due_at = loop.call_later(left, self._look_again, queue)
        return False

    def _look_again(self, queue: _Queue) -> None:
        queue.due_at = None
        self._start_batches()

    def _start(self, queue: _Queue) -> None:
        batch, rows = [], 0
        while queue.waiting and rows + queue.waiting[0].rows <= self._settings.most_rows:
            batch.append(queue.waiting.popleft())
            rows += batch[-1].rows
        queue.rows -= rows
        self._running += 1
        self._spawn(self._compute(queue.version, batch))

    def _spawn(self, work: Coroutine) -> asyncio.Task:
        """Work that goes on to its end even where whoever asked gives up waiting.

        So a version is never unloaded under a thread that computes with it.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, whether or not anyone still waits for it

    async def _compute(self, version: Version, batch: list[Job]) -> None:
        try:
            with version.used() as servable:
                answers = await asyncio.get_running_loop().run_in_executor(
                    self._pool, run_joined, servable, batch, self._settings
                )
        except BaseException as error:
            answers = [error] * len(batch)
        finally:
            self._running -= 1
            self._start_batches()
        for job, answer in zip(batch, answers, strict=True):
            if job.answer.done():
                continue
            if isinstance(answer, BaseException):
                job.answer.set_exception(answer)
            else:
                job.answer.set_result(answer)

    async def call(self, version: Version, function: Callable, request):
        """A function of a loaded version and a request, in a thread, not joined with others.

        Raises:
            StatusError: UNAVAILABLE, too many requests wait; or what the
                function raises.
        """
        if self._waiting_alone >= _MOST_ALONE_WAITING:
            raise StatusError(
                Code.UNAVAILABLE, f"{_MOST_ALONE_WAITING} requests wait to be computed already"
            )
        self._waiting_alone += 1
        try:
            await self._turns.acquire()  # whoever gives up here is not computed
        finally:
            self._waiting_alone -= 1
        return await asyncio.shield(self._spawn(self._called(version, function, request)))

    async def _called(self, version: Version, function: Callable, request):
        try:
            with version.used() as servable:
                return await asyncio.get_running_loop().run_in_executor(
                    self._pool, function, servable, request
                )
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Waits for what is being computed."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        self._pool.shutdown(wait=False)


def _rows(inputs: Mapping[str, np.ndarray]) -> int:
    rows = {array.shape[0] if array.ndim else None for array in inputs.values()}
    if len(rows) > 1 or None in rows:
        raise invalid("Batching Session::Run() input tensors must have equal 0th-dimension size")
    return rows.pop()


def _run(servable: Servable, question: Question) -> dict[str, np.ndarray]:
    return servable.run(question.signature, question.inputs, question.outputs)
