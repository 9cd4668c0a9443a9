"""Asking again while a server is unavailable, until the deadline."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from pnn_keras.errors import UnavailableError

#: The wait before the first repetition, in seconds; each further one waits twice as long.
FIRST_WAIT = 0.1

_Answer = TypeVar("_Answer")


def ask_patiently(
    ask: Callable[[float], _Answer],
    deadline: float,
    retries: int,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> _Answer:
    """Asks, and asks again after a wait where the server is unavailable.

    The wait before repetition n is ``0.1 * 2**n`` seconds times a random number
    from 0.5 to 1, so that clients that failed together do not return together.
    Any other error is the answer: asking again would not change it.

    Args:
        ask: asks once, given the seconds that are left.
        deadline: how long everything may take, in seconds.
        retries: how many repetitions at most.
        sleep: waits, in seconds.
        clock: the time, in seconds.

    Returns:
        What ``ask`` returns.

    Raises:
        UnavailableError: the server still was at the last repetition, or the
            next one would come after the deadline.

    Example:
        >>> ask_patiently(lambda left: f"{left:.0f} s", deadline=5, retries=3)
        '5 s'
    """
    end = clock() + deadline
    wait = FIRST_WAIT
    while True:
        try:
            return ask(max(end - clock(), 0.001))
        except UnavailableError:
            pause = wait * random.uniform(0.5, 1)
            if retries == 0 or clock() + pause >= end:
                raise
        sleep(pause)
        wait *= 2
        retries -= 1
