"""What counts as heard: overlapping segments, by the record that a chain keeps of its training."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from audio_made import write
from utterances_made import clip

from pnn_keras.corpus import Utterance
from pnn_keras.evaluation import heard_utterances
from pnn_keras.provenance import _heard
from pnn_keras.task import Task

TASK = Task("emotion", ("angry", "sad"))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    noise = np.random.default_rng(0).standard_normal(6 * 8000)
    return write(tmp_path_factory.mktemp("heard") / "dialogue.wav", 0.1 * noise, 8000)


def part(file, start, end, speaker="a", corpus="own"):
    name = f"{file.name}#{start}-{end}"
    return Utterance(corpus, name, file, speaker, emotion="angry", start=start, end=end)


def record_of(utterances, base=None):
    """What a chain that was trained on utterances records, as a preset's file gives it back."""
    material = SimpleNamespace(utterances=utterances)
    return json.loads(json.dumps(_heard(material, [TASK], base)))


def chain_of(record):
    return SimpleNamespace(metadata={"heard": record})


def is_heard(record, utterance):
    return heard_utterances(chain_of(record), [utterance]) == [utterance]


@pytest.mark.parametrize(
    "bounds, heard",
    [
        ((0.0, None), True),
        ((1.0, 2.0), True),
        ((1.9, 4.0), True),
        ((2.0, 4.0), False),
        ((1.95, 4.0), False),
        ((4.5, 5.5), True),
    ],
)
def test_a_segment_was_heard_where_one_that_overlaps_was(file, bounds, heard):
    record = record_of([part(file, 0.0, 2.0), part(file, 5.0, None)])
    assert is_heard(record, part(file, *bounds, "b", "other")) is heard


def test_a_segment_of_a_copy_of_the_file_was_heard(file, tmp_path):
    copied = tmp_path / "another.wav"
    copied.write_bytes(file.read_bytes())
    assert is_heard(record_of([part(file, 0.0, 2.0)]), part(copied, 1.0, 3.0, "b", "other"))


def test_whoever_speaks_an_overlapping_segment_was_heard(file):
    record = record_of([part(file, 0.0, 2.0)])
    others = [part(file, *bounds, "b", "other") for bounds in ((1.0, 3.0), (3.0, 4.0))]
    assert heard_utterances(chain_of(record), others) == others


def test_the_record_of_whole_files_is_that_of_earlier_versions(file):
    assert set(record_of([part(file, 0.0, None)])) == {"speakers", "contents"}


def test_a_record_without_bounds_tells_of_whole_files(file):
    whole = part(file, 0.0, None)
    record = {"speakers": ["own/a"], "contents": [whole.content]}
    assert is_heard(record, part(file, 1.0, 3.0, "b", "other"))


def test_bounds_that_the_extended_chain_had_heard_are_kept(file):
    before = record_of([part(file, 0.0, 2.0)])
    chain = chain_of(before)
    now = record_of([part(file, 3.0, None), part(file, 0.0, 2.0)], SimpleNamespace(chain=chain))
    assert now["segments"] == {part(file, 0.0, 1.0).file_content: [[0.0, 2.0], [3.0, None]]}


def test_utterances_without_a_class_were_not_heard(file):
    quiet = clip("a", 1, emotion=None, start=1.0, end=2.0)
    assert "segments" not in record_of([quiet, part(file, 0.0, None)])
