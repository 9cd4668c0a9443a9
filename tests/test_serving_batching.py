"""Requests of many clients are joined, and none spoils another's answer."""

import asyncio
import threading
import types

import numpy as np
import pytest

from pnn_keras.errors import UserError
from pnn_keras.serving import batching, joining
from pnn_keras.serving.batching import Batcher
from pnn_keras.serving.config import Batching, read_batching, read_monitoring
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.predicting import Question
from pnn_keras.serving.status import Code, StatusError
from pnn_keras.serving.versions import Version


@pytest.fixture(scope="module")
def servable(tmp_path_factory):
    from served_made import save_made

    servable = Servable("made", 1, save_made(tmp_path_factory.mktemp("models") / "made"))
    yield servable
    servable.close()


@pytest.fixture
def version(servable):
    version = Version(1, frozenset())
    version.servable, version.state = servable, "AVAILABLE"
    return version


def asked(servable, *rows, signature="sums"):
    """The sum of each row, and the number of rows that were computed together."""
    found = servable.signatures[signature]
    array = np.array(rows, np.float32)
    return Question(found, found.checked({"x": array}), tuple(found.outputs))


def answers(version, settings, *questions):
    async def ask_all():
        batcher = Batcher(settings)
        work = (batcher.run(version, question) for question in questions)
        found = await asyncio.gather(*work, return_exceptions=True)
        await batcher.close()
        return found

    return asyncio.run(ask_all())


def sums(found):
    return [error if isinstance(error, Exception) else error["sum"].tolist() for error in found]


def test_requests_that_come_together_are_computed_together(version, servable):
    questions = [asked(servable, [i, 1]) for i in range(5)]
    found = answers(version, Batching(), *questions)
    assert sums(found) == [[1], [2], [3], [4], [5]]
    assert [answer["rows"].tolist() for answer in found] == [[5]] * 5


def test_a_request_gets_all_its_rows_back(version, servable):
    questions = [asked(servable, [1, 1], [2, 2]), asked(servable, [3, 3])]
    assert sums(answers(version, Batching(), *questions)) == [[2, 4], [6]]


def test_one_bad_request_spoils_no_other(version, servable):
    questions = [asked(servable, [1.0]), asked(servable, [-1.0]), asked(servable, [3.0])]
    first, second, third = sums(answers(version, Batching(), *questions))
    assert (first, third) == ([1], [3])
    assert second.code is Code.INVALID_ARGUMENT
    assert "negative" in second.message


def test_outputs_without_a_row_for_each_row_are_computed_alone(version, servable):
    questions = [asked(servable, [i], signature="uneven") for i in range(3)]
    found = answers(version, Batching(), *questions)
    assert [answer["steps"].tolist() for answer in found] == [[0, 1, 2]] * 3


def test_rows_of_different_shape_are_not_joined(version, servable):
    questions = [asked(servable, [1, 1]), asked(servable, [1, 1, 1])]
    found = answers(version, Batching(), *questions)
    assert sums(found) == [[2], [3]]
    assert [answer["rows"].tolist() for answer in found] == [[1], [1]]


def test_inputs_are_padded_with_their_first_value_where_that_is_asked_for(version, servable):
    questions = [asked(servable, [2, 1]), asked(servable, [1, 1, 1])]
    found = answers(version, Batching(pad_inputs=True), *questions)
    assert sums(found) == [[2 + 1 + 2], [3]]
    assert [answer["rows"].tolist() for answer in found] == [[2], [2]]


def test_no_batch_is_larger_than_the_maximum(version, servable):
    questions = [asked(servable, [i]) for i in range(7)]
    found = answers(version, Batching(most_rows=3, threads=1), *questions)
    assert [answer["rows"].tolist()[0] for answer in found] == [3, 3, 3, 3, 3, 3, 1]


def test_a_long_row_is_computed_apart_where_it_would_stretch_the_others(
    version, servable, monkeypatch
):
    monkeypatch.setattr(joining, "MOST_PADDING", 7)
    questions = [asked(servable, [1]), asked(servable, [1, 2, 3])]  # two values of 4 bytes added
    found = answers(version, Batching(pad_inputs=True), *questions)
    assert sums(found) == [[1], [6]]
    assert [answer["rows"].tolist() for answer in found] == [[1], [1]]


def test_batches_are_padded_to_an_allowed_size(version, servable):
    questions = [asked(servable, [i]) for i in range(3)]
    found = answers(version, Batching(most_rows=8, sizes=(4, 8)), *questions)
    assert sums(found) == [[0], [1], [2]]
    assert found[0]["rows"].tolist() == [4]


def test_a_request_larger_than_a_batch_is_refused(version, servable):
    (error,) = answers(version, Batching(most_rows=1), asked(servable, [1], [2]))
    assert error.code is Code.INVALID_ARGUMENT
    assert "Task size 2 is larger than maximum input batch size 1" in error.message


def test_a_request_larger_than_a_batch_is_split_where_that_is_allowed(version, servable):
    question = asked(servable, [1], [2], [3])
    (answer,) = answers(version, Batching(most_rows=2, split=True), question)
    assert answer["sum"].tolist() == [1, 2, 3]


def test_a_full_queue_is_unavailable(version, servable):
    questions = [asked(servable, [i]) for i in range(5)]
    found = answers(version, Batching(most_rows=1, most_waiting=3, threads=1), *questions)
    assert sums(found)[:3] == [[0], [1], [2]]
    assert [error.code for error in found[3:]] == [Code.UNAVAILABLE] * 2


def test_a_timeout_waits_for_company(version, servable):
    async def ask():
        batcher = Batcher(Batching(timeout=0.3))
        first = asyncio.ensure_future(batcher.run(version, asked(servable, [1])))
        await asyncio.sleep(0.05)
        second = await batcher.run(version, asked(servable, [2]))
        return await first, second

    first, second = asyncio.run(ask())
    assert first["rows"].tolist() == second["rows"].tolist() == [2]


def test_a_busy_signature_leaves_threads_to_the_others(version, servable):
    async def ask():
        batcher = Batcher(Batching(most_rows=1, threads=1, most_waiting=99))
        order = []

        async def run(name, question):
            await batcher.run(version, question)
            order.append(name)

        busy = [run("busy", asked(servable, [i])) for i in range(9)]
        other = run("other", asked(servable, [1, 1, 1], signature="two"))
        await asyncio.gather(*busy, other)
        return order

    assert "other" in asyncio.run(ask())[:3]


def test_a_full_batch_does_not_wait(version, servable):
    settings = Batching(timeout=3600, most_rows=2)
    assert sums(answers(version, settings, asked(servable, [1]), asked(servable, [2]))) == [
        [1],
        [2],
    ]


def test_whoever_gives_up_is_not_computed(version, servable):
    async def ask():
        batcher = Batcher(Batching(timeout=0.2))
        first = asyncio.ensure_future(batcher.run(version, asked(servable, [1])))
        second = asyncio.ensure_future(batcher.run(version, asked(servable, [2])))
        await asyncio.sleep(0.05)
        first.cancel()
        return await second

    assert asyncio.run(ask())["rows"].tolist() == [1]


def test_whoever_gives_up_is_not_computed_where_requests_are_not_joined(version):
    turn, computed = threading.Event(), []

    def compute(servable, name):
        turn.wait(10)
        computed.append(name)

    async def ask():
        batcher = Batcher(None)
        work = [asyncio.ensure_future(batcher.call(version, compute, i)) for i in range(10)]
        await asyncio.sleep(0.05)  # eight are computed at a time
        work[9].cancel()
        turn.set()
        await asyncio.gather(*work, return_exceptions=True)
        await batcher.close()

    asyncio.run(ask())
    assert sorted(computed) == list(range(9))


def test_no_more_than_some_requests_wait_where_they_are_not_joined(version, servable, monkeypatch):
    monkeypatch.setattr(batching, "_MOST_ALONE_WAITING", 2)
    found = answers(version, None, *[asked(servable, [i]) for i in range(12)])
    assert sums(found)[:10] == [[i] for i in range(10)]  # eight at a time, and two that wait
    assert [error.code for error in found[10:]] == [Code.UNAVAILABLE] * 2


def test_a_signature_without_a_batch_is_computed_alone(version, servable):
    signature = servable.signatures["scalar"]
    question = Question(signature, {"x": np.float32(2)}, ("y",))
    found = answers(version, Batching(), question, question)
    assert [answer["y"].tolist() for answer in found] == [4.0, 4.0]


def test_a_version_is_not_unloaded_under_a_batch():
    """A client that gives up must not free what a thread still computes with."""
    events = []

    class Slow:
        def run(self, *arguments):
            import time

            time.sleep(0.3)
            events.append("computed")
            return {}

        def close(self):
            events.append("closed")

    version = Version(1, frozenset())
    version.servable, version.state = Slow(), "AVAILABLE"
    question = Question(types.SimpleNamespace(batched=False), {}, ())

    async def ask():
        work = asyncio.ensure_future(Batcher(None).run(version, question))
        await asyncio.sleep(0.05)
        work.cancel()
        await version.unload()

    asyncio.run(ask())
    assert events == ["computed", "closed"]


def test_batching_parameters_are_taken(tmp_path):
    path = tmp_path / "batching.config"
    path.write_text(
        "max_batch_size { value: 64 } batch_timeout_micros { value: 5000 } "
        "max_enqueued_batches { value: 7 } num_batch_threads { value: 2 } "
        "allowed_batch_sizes: [8, 64] pad_variable_length_inputs: true"
    )
    assert read_batching(path) == Batching(64, 0.005, 7, 2, (8, 64), True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch_size: 3", "no BatchingParameters"),
        ("max_batch_size { value: 0 }", "max_batch_size must be at least 1"),
        ("num_batch_threads { value: -1 }", "num_batch_threads must be at least 1"),
        ("batch_timeout_micros { value: -1 }", "must not be negative"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: [4, 16]", "must match max_batch_size"),
        ("max_batch_size { value: 8 } allowed_batch_sizes: [8, 4]", "monotonically increasing"),
    ],
)
def test_wrong_batching_parameters_are_refused(tmp_path, text, words):
    path = tmp_path / "batching.config"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_batching(path)


def test_monitoring_is_off_unless_enabled(tmp_path):
    path = tmp_path / "monitoring.config"
    path.write_text("prometheus_config { enable: false }")
    assert read_monitoring(path) is None
    path.write_text("prometheus_config { enable: true }")
    assert read_monitoring(path) == "/monitoring/prometheus/metrics"
    path.write_text('prometheus_config { enable: true path: "/m" }')
    assert read_monitoring(path) == "/m"


def test_inputs_must_agree_on_their_rows(version, servable):
    signature = servable.signatures["kinds"]
    inputs = {"count": np.zeros(2, np.int32), "flag": np.zeros(3, bool)}
    (error,) = answers(version, Batching(), Question(signature, inputs, ("count",)))
    assert isinstance(error, StatusError)
    assert error.code is Code.INVALID_ARGUMENT
