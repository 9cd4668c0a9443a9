"""Processes that work for the first one, on a share of the cores each, as long as it lives."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from pnn_keras.errors import PnnKerasError
from pnn_keras.hushing import import_tensorflow
from pnn_keras.machine import usable_cores


class Talk:
    """A process's line to the first one.

    Args:
        connection: of a pipe.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ask(self) -> object:
        """What to do next; None means that nothing is left."""
        self._connection.send(("asks", None))
        return self._connection.recv()

    def say(self, what: object) -> None:
        """Tells the first process something."""
        self._connection.send(("says", what))

    def _warn(self, message, category, *_) -> None:
        self._connection.send(("warns", (str(message), category)))

    def _fail(self, error: BaseException) -> None:
        self._connection.send(("fails", (_portable(error), traceback.format_exc())))


class Worker:
    """A process as the first one sees it: what it is told, and how it ended."""

    def __init__(self, payload: bytes, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_begin, args=(other, payload, threads), daemon=True)
        self._process.start()
        other.close()  # so that its end is noticed here
        self._dismissed = False

    def send(self, what: object) -> None:
        """Answers what it asked; None lets it go."""
        self._dismissed = what is None
        with contextlib.suppress(ConnectionError):  # it has gone: :meth:`hear` tells
            self.connection.send(what)

    def hear(self) -> tuple[str, object] | None:
        """What it says; None once it has gone.

        Raises:
            PnnKerasError: it has gone before its work was done.
        """
        try:
            return self.connection.recv()
        except (EOFError, ConnectionError) as error:
            if self._dismissed:
                return None
            self._process.join()
            raise PnnKerasError(
                f"A process ended before its work did (exit code {self._process.exitcode}), "
                "perhaps for want of memory. What is finished is kept: run again, with fewer "
                "processes"
            ) from error

    def end(self) -> None:
        """Ends it, whatever it does."""
        self._process.terminate()
        self._process.join()
        self.connection.close()


class Crew:
    """Processes that do the same kind of work; a context that ends them.

    Args:
        size: how many.
        function: what each calls, with its :class:`Talk` and the arguments; named
            in a module that can be imported.
        arguments: what can be pickled.
    """

    def __init__(self, size: int, function: Callable, arguments: Sequence) -> None:
        self._size = size
        # Pickled here, so that each process can hush TensorFlow before anything imports it.
        self._payload = pickle.dumps((function, tuple(arguments)))
        self._workers: list[Worker] = []

    def __enter__(self) -> Crew:
        threads = max(1, usable_cores() // max(1, self._size))
        for _ in range(self._size):
            self._workers.append(Worker(self._payload, threads))
        return self

    def __exit__(self, *_) -> None:
        for worker in self._workers:
            worker.end()

    def listen(self) -> Iterator[tuple[Worker, object]]:
        """What they say, as it comes; None for one that asks what to do.

        It has to be answered then: :meth:`Worker.send`. Ends when all have gone.

        Raises:
            PnnKerasError: one ended before its work did.
            Exception: one failed: its own error, with its traceback as a note.
        """
        listening = {worker.connection: worker for worker in self._workers}
        while listening:
            for connection in wait(list(listening)):
                worker = listening[connection]
                heard = worker.hear()
                if heard is None:
                    del listening[connection]
                    continue
                kind, what = heard
                if kind == "warns":
                    warnings.warn(*what, stacklevel=2)
                elif kind == "fails":
                    error, trace = what
                    error.add_note(f"In a process of its own:\n{trace}")
                    raise error
                else:
                    yield worker, what


def _begin(connection: Connection, payload: bytes, threads: int) -> None:
    """The first thing that a process calls."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first one hears it, and ends this one
    from tqdm import tqdm

    talk = Talk(connection)
    try:
        import_tensorflow()
        _take_threads(threads)
        # Its own is shared by processes, and is left behind where one of them is ended.
        tqdm.set_lock(threading.RLock())
        function, arguments = pickle.loads(payload)
        with warnings.catch_warnings():
            warnings.showwarning = talk._warn
            function(talk, *arguments)
    except Exception as error:
        with contextlib.suppress(OSError):  # the first process has gone: nobody is left to tell
            talk._fail(error)


def _take_threads(number: int) -> None:
    """Makes TensorFlow and BLAS compute in so many threads."""
    import tensorflow as tf
    from threadpoolctl import threadpool_limits

    tf.config.threading.set_intra_op_parallelism_threads(number)
    tf.config.threading.set_inter_op_parallelism_threads(number)
    threadpool_limits(number)


def _portable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return PnnKerasError(f"{type(error).__name__}: {error}")
    return error
