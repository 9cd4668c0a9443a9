"""How fast members train side by side, beside ``Model.fit`` one by one and a bare matmul.

    tools/run python tools/bench/throughput.py

The paper's shape: 4425 training rows, 88 features, four hidden layers of 256
units, batches of 128; DNN and ProgNet. Prints seconds per member and epoch, how
many times faster that is than ``Model.fit`` of one network, and the share of the
GFLOP/s that a batched matmul of the same layer sizes reaches. FLOPs are counted
as 6 per trained weight and row, and 4 where no gradient goes to the inputs (the
first layer and the laterals). Beside one process on all cores, half the members in
each of two processes on half of the cores, as ``experiment run --processes 2`` computes.
Then how it grows with members, rows and columns.
"""

from __future__ import annotations

import argparse
import os
import time

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as pnn_keras does, imported first

import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

tf.get_logger().setLevel("ERROR")  # of functions compiled in a loop, which is meant

from pnn_keras import Chain, Task  # noqa: E402
from pnn_keras.column import Column  # noqa: E402
from pnn_keras.processes import Crew  # noqa: E402
from pnn_keras.protocol import Fold  # noqa: E402
from pnn_keras.schedule import Settings  # noqa: E402
from pnn_keras.training import Hearing, fit_column  # noqa: E402

ROWS, FEATURES, WIDTH, DEPTH, BATCH = 4425, 88, 256, 4, 128
TASK = Task("emotion", ("angry", "happy", "neutral", "sad"))


def main() -> None:
    """Reads the command line and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    arguments = parser.parse_args()
    peak = matmul_gflops(arguments.members)
    print(
        f"batched matmul of {arguments.members} x {BATCH} x {WIDTH} x {WIDTH}: {peak:.0f} GFLOP/s"
    )
    for sources in (0, 1):
        name = "ProgNet" if sources else "DNN"
        alone = keras_seconds(sources, arguments.epochs)
        stacked = stacked_seconds(arguments.members, ROWS, sources, arguments.epochs)
        again = keras_seconds(sources, arguments.epochs)
        shared = shared_seconds(arguments.members, ROWS, sources, arguments.epochs)
        print(f"{name:8} Model.fit {alone:.3f} and {again:.3f} s per epoch")
        for how, seconds in (("one process", stacked), ("two processes", shared)):
            rate = flops(sources) * ROWS / seconds / 1e9
            print(
                f"{name:8} {arguments.members} members, {how}: {seconds:.4f} s per member and "
                f"epoch, {min(alone, again) / seconds:.1f} times, {rate:.0f} GFLOP/s, "
                f"{rate / peak:.0%} of the matmul",
                flush=True,
            )
    for members in (1, 10, 50, 100):
        report("members", members, stacked_seconds(members, ROWS, 0, arguments.epochs), ROWS)
    for rows in (500, 2000, 8000):
        report("rows", rows, stacked_seconds(20, rows, 0, arguments.epochs), rows)
    for sources in (0, 1, 2):
        seconds = stacked_seconds(20, ROWS, sources, arguments.epochs)
        report("columns", sources + 1, seconds, ROWS, sources)


def report(what: str, value: int, seconds: float, rows: int, sources: int = 0) -> None:
    """Prints one line of growth."""
    rate = flops(sources) * rows / seconds / 1e9
    print(f"{what} {value}: {seconds:.4f} s per member and epoch, {rate:.0f} GFLOP/s", flush=True)


def flops(sources: int) -> int:
    """Floating-point operations per training row."""
    classes = len(TASK.classes)
    first, hidden, output = FEATURES * WIDTH, (DEPTH - 1) * WIDTH**2, WIDTH * classes
    laterals = sources * (hidden + output)
    return 4 * (first + laterals) + 6 * (hidden + output)


def data(rows: int):
    """Features (rows + 500, 88) and targets (rows + 500,) of clusters that can be told apart."""
    random = np.random.default_rng(0)
    targets = random.integers(0, len(TASK.classes), rows + 500)
    features = random.standard_normal((rows + 500, FEATURES)).astype(np.float32)
    features[:, 0] += targets
    return features, targets


def stacked_seconds(members: int, rows: int, sources: int, epochs: int) -> float:
    """Seconds per member and epoch, the stop rows' scores included; the best epoch of some."""
    return min(epoch_seconds(members, rows, sources, epochs)) / members


def epoch_seconds(members: int, rows: int, sources: int, epochs: int) -> np.ndarray:
    """Seconds of each epoch of all members, but for the first, which compiles."""
    features, targets = data(rows)
    order = np.arange(rows + 500)
    fold = Fold(order[:rows], order[rows:], order[:0])
    random = np.random.default_rng(1)
    shape = (members, len(features), WIDTH)
    taps = {
        f"source{s}": [random.random(shape, np.float32) for _ in range(DEPTH)]
        for s in range(sources)
    }
    column = Column(
        TASK,
        FEATURES,
        {name: [WIDTH] * DEPTH for name in taps},
        members=members,
        seed=0,
    )
    times = [time.perf_counter()]
    fit_column(
        column,
        Hearing(features, taps),
        targets,
        [fold] * members,
        Settings(epochs=epochs + 1, batch_size=BATCH),
        lambda epoch: times.append(time.perf_counter()),
    )
    return np.diff(times)[1:]


def shared_seconds(members: int, rows: int, sources: int, epochs: int) -> float:
    """The same with the members dealt to two processes: the slower one's median epoch.

    Not its best, which may be one in which the other had ended.
    """
    medians = []
    with Crew(2, say_median, (members // 2, rows, sources, 2 * epochs)) as crew:
        for worker, said in crew.listen():
            if said is None:
                worker.send(None)
            else:
                medians.append(said)
    return max(medians) / members


def say_median(talk, *arguments: int) -> None:
    """What each of the two processes does."""
    talk.say(float(np.median(epoch_seconds(*arguments))))
    talk.ask()


def keras_seconds(sources: int, epochs: int) -> float:
    """Seconds per epoch of ``Model.fit`` with one network; the best epoch of some."""
    features, targets = data(ROWS)
    chain = Chain()
    for number in range(sources):
        chain.add_column(Task("gender", ("female", "male")), dimension=FEATURES, name=f"s{number}")
    chain.add_column(TASK, dimension=FEATURES)
    chain.compile(optimizer=keras.optimizers.Adam(0.0005), loss="sparse_categorical_crossentropy")
    dataset = tf.data.Dataset.from_tensor_slices((features[:ROWS], targets[:ROWS]))
    dataset = dataset.cache().shuffle(ROWS).batch(BATCH).prefetch(2)

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.times = []

        def on_epoch_begin(self, epoch, logs=None):
            self.times.append(-time.perf_counter())

        def on_epoch_end(self, epoch, logs=None):
            self.times[-1] += time.perf_counter()

    clock = Clock()
    chain.fit(dataset, epochs=epochs + 1, shuffle=False, verbose=0, callbacks=[clock])
    return min(clock.times[1:])


def matmul_gflops(members: int) -> float:
    """GFLOP/s of a batched matmul of one hidden layer; the best of some runs."""
    left = tf.random.normal((members, BATCH, WIDTH))
    right = tf.random.normal((members, WIDTH, WIDTH))
    multiply = tf.function(tf.matmul)
    multiply(left, right)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        multiply(left, right).numpy()
        times.append(time.perf_counter() - start)
    return 2 * members * BATCH * WIDTH**2 / min(times) / 1e9


if __name__ == "__main__":
    main()
