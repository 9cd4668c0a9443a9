"""Processes that work for the first one, on a share of the cores each, as long as it lives."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
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
        self._one_at_a_time = threading.Lock()  # warnings may come from any thread

    def ask(self) -> object:
        """What to do next; None means that nothing is left."""
        self._send("asks", None)
        return self._connection.recv()

    def say(self, what: object) -> None:
        """Tells the first process something."""
        self._send("says", what)

    def _warn(self, message, category, *_) -> None:
        known = _can_be_pickled(category)
        self._send("warns", (str(message), category if known else UserWarning))

    def _fail(self, error: BaseException) -> None:
        self._send("fails", (_portable(error), traceback.format_exc()))

    def _send(self, kind: str, what: object) -> None:
        with self._one_at_a_time:
            self._connection.send((kind, what))


class Worker:
    """A process as the first one sees it: what it is told, and how it ended.

    Args:
        threads: how many it computes in.
    """

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_begin, args=(other, threads), daemon=True)
        with _interrupts_ignored():  # it inherits that: the first process hears them for all
            self._process.start()
        other.close()  # so that its end is noticed here
        self._heard = self._dismissed = False

    def brief(self, payload: bytes) -> None:
        """Tells it what it is for.

        Not with what starts it: that would be written to a pipe that nobody reads
        where it dies early.
        """
        with contextlib.suppress(ConnectionError):  # it has gone: :meth:`hear` tells
            self.connection.send_bytes(payload)

    def send(self, what: object) -> None:
        """Answers what it asked; None lets it go."""
        self._dismissed = what is None
        with contextlib.suppress(ConnectionError):
            self.connection.send(what)

    def hear(self) -> tuple[str, object] | None:
        """What it says; None once it has gone.

        Raises:
            PnnKerasError: it has gone before its work was done.
        """
        try:
            said = self.connection.recv()
        except (EOFError, ConnectionError) as error:
            if self._dismissed:
                return None
            self._process.join()
            raise PnnKerasError(self._how_it_ended()) from error
        self._heard = True
        return said

    def _how_it_ended(self) -> str:
        code = self._process.exitcode
        if code == 1 and not self._heard:
            return (
                f"A process ended before it began (exit code {code}). A script that asks for "
                'several keeps its work behind if __name__ == "__main__":'
            )
        return (
            f"A process ended before its work did (exit code {code}), perhaps for want of memory. "
            "What is finished is kept: run again, with fewer processes"
        )

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
        try:
            for threads in _shares(usable_cores(), self._size):
                self._workers.append(Worker(threads))
            for worker in self._workers:
                worker.brief(self._payload)
        except BaseException:
            self.__exit__()
            raise
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


def _shares(cores: int, size: int) -> list[int]:
    """How many cores each of some processes has; none is left over.

    >>> _shares(8, 3), _shares(1, 2)
    ([3, 3, 2], [1, 1])
    """
    return [max(1, cores // size + (number < cores % size)) for number in range(size)]


def _begin(connection: Connection, threads: int) -> None:
    """The first thing that a process calls."""
    from tqdm import tqdm

    threading.Thread(target=_end_with_the_first, daemon=True).start()
    talk = Talk(connection)
    try:
        import_tensorflow()
        # Its own is shared by processes, and is left behind where one of them is ended.
        tqdm.set_lock(threading.RLock())
        function, arguments = pickle.loads(connection.recv_bytes())
        _take_threads(threads)
        with warnings.catch_warnings():
            warnings.showwarning = talk._warn
            function(talk, *arguments)
    except Exception as error:
        with contextlib.suppress(OSError):  # the first process has gone: nobody is left to tell
            talk._fail(error)


def _end_with_the_first() -> None:
    """Ends this process when the first one ends, however that was."""
    multiprocessing.parent_process().join()
    os._exit(1)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C is not heard meanwhile, nor by processes that are started meanwhile."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only that one may say so
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _take_threads(number: int) -> None:
    """Makes TensorFlow and the BLAS of NumPy and SciPy compute in so many threads."""
    import scipy.linalg  # noqa: F401 - only what is loaded can be limited
    import tensorflow as tf
    from threadpoolctl import threadpool_limits

    tf.config.threading.set_intra_op_parallelism_threads(number)
    tf.config.threading.set_inter_op_parallelism_threads(number)
    threadpool_limits(number)


def _portable(error: BaseException) -> BaseException:
    """The error, or one that says the same where it cannot be pickled."""
    return error if _can_be_pickled(error) else PnnKerasError(f"{type(error).__name__}: {error}")


def _can_be_pickled(what: object) -> bool:
    try:
        pickle.loads(pickle.dumps(what))
    except Exception:
        return False
    return True
