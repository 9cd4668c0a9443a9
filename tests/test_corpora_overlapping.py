"""Segments that overlap: by sorting as by comparing each with each."""

import hashlib
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.corpora.overlapping import OVERLAP, chained, overlapping, spans
from pnn_keras.corpus import Utterance

times = st.integers(0, 60).map(lambda tick: tick / 20)
pieces = st.lists(
    st.tuples(st.sampled_from("abc"), times, st.one_of(st.none(), times)), min_size=1, max_size=12
)


def share(one, other):
    """Whether two pieces share more than OVERLAP, as the definition says it."""
    begin = max(one[1], other[1])
    end = min(float("inf") if piece[2] is None else piece[2] for piece in (one, other))
    return one[0] == other[0] and round(end - begin, 6) > OVERLAP


@given(found=pieces, cut=st.integers(0, 12))
def test_spans_overlap_where_two_pieces_share_more_than_the_least(found, cut):
    all_of_them = spans(found)
    first, second = np.split(np.arange(len(found)), [min(cut, len(found))])
    expected = [any(share(found[a], found[b]) for a in first) for b in second]
    assert overlapping(all_of_them[first], all_of_them[second]).tolist() == expected


@given(found=pieces)
def test_pieces_hang_together_by_way_of_others(found):
    labels = list(range(len(found)))
    for a, b in itertools.combinations(range(len(found)), 2):
        if share(found[a], found[b]):
            labels = [labels[a] if label == labels[b] else label for label in labels]
    assert same_groups(chained(spans(found)).tolist()) == same_groups(labels)


def same_groups(labels):
    groups = {}
    for row, label in enumerate(labels):
        groups.setdefault(label, []).append(row)
    return sorted(groups.values())


def test_a_file_of_any_length_stays_apart_from_the_next():
    both = spans([("a", 0.0, 1e300), ("b", 0.0, None), ("a", 1e7, None)])
    assert not overlapping(both[np.array([0])], both[np.array([1])]).any()
    assert chained(both).tolist() == [0, 1, 2]


def test_nothing_overlaps_with_nothing():
    none = spans([])
    assert overlapping(none, none).size == 0 and chained(none).size == 0


@pytest.mark.parametrize("start, end", [(0.0, None), (0.0, 1.0), (0.5, None)])
def test_segments_share_the_digest_of_their_file(start, end, tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"bytes of a file")
    made = Utterance("made", "a", path, start=start, end=end)
    digest = hashlib.sha256(b"bytes of a file").hexdigest()
    assert made.file_content == digest
    assert (made.content == digest) is not made.is_segment


def test_the_digest_of_a_segment_is_that_of_earlier_versions(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"bytes of a file")
    made = Utterance("made", "a", path, start=0.5, end=2.0)
    assert made.content == hashlib.sha256(b"bytes of a file#0.5-2.0").hexdigest()
