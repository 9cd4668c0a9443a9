"""Overlapping segments in two roles leak, with a corpus and without one."""

import io

import numpy as np
import pytest
import rich.console
from audio_made import write

from pnn_keras.audit import audit_split, render
from pnn_keras.corpora import open_corpus
from pnn_keras.split import Entry, Split


def audited(*entries, corpus=None):
    return audit_split(Split("made", entries), corpus)


def part(start, end, role, file="a.wav", **facts):
    return Entry(file, role, start=start, end=end, **facts)


OVERLAPPING = [
    ((0.0, 2.0), (0.5, 2.5)),
    ((0.0, None), (0.0, 3.0)),
    ((2.0, 4.0), (0.0, None)),
    ((0.0, 2.0), (1.9, None)),
]


@pytest.mark.parametrize("trained, tested", OVERLAPPING)
def test_overlapping_segments_leak_without_a_corpus(trained, tested):
    report = audited(part(*trained, "train"), part(*tested, "test"))
    assert report["leaks"] == ["train/test: 1 file with overlapping segments"]


@pytest.mark.parametrize(
    "trained, tested", [((0.0, 2.0), (2.0, 4.0)), ((0.0, 2.0), (1.95, 4.0)), ((3.0, 4.0), (0, 1))]
)
def test_segments_that_barely_touch_do_not_leak(trained, tested):
    assert not audited(part(*trained, "train"), part(*tested, "test"))["leak"]


def test_the_segments_that_overlap_are_named_with_their_bounds():
    report = audited(
        part(0.0, 2.0, "train"),
        part(1.0, 3.0, "test"),
        part(1.5, None, "test"),
        part(8.0, 9.0, "train", file="b.wav"),
        part(0.0, 1.0, "test", file="b.wav"),
    )
    assert report["folds"][0]["shared"]["train/test"]["overlapping"] == [
        {"file": "a.wav", "train": ["a.wav#0.0-2.0"], "test": ["a.wav#1.0-3.0", "a.wav#1.5-"]}
    ]


def test_overlaps_are_found_in_other_spellings_of_the_path():
    report = audited(
        part(0.0, 2.0, "train", file="/data1/emodb/wav/a.wav"),
        part(1.0, 3.0, "test", file="/home/me/emodb/wav/a.wav"),
    )
    assert report["leaks"] == ["train/test: 1 file with overlapping segments"]


def test_a_segment_in_both_roles_is_one_file_and_no_overlap():
    report = audited(part(0.0, 2.0, "train"), part(0.0, 2.0, "test"))
    assert report["leaks"] == ["train/test: 1 file"]


def test_what_overlaps_with_a_segment_in_both_roles_is_named():
    report = audited(part(0.0, 2.0, "train"), part(0.0, 2.0, "test"), part(1.0, 3.0, "test"))
    assert report["leaks"] == ["train/test: 1 file, 1 file with overlapping segments"]
    assert report["folds"][0]["shared"]["train/test"]["overlapping"] == [
        {"file": "a.wav", "train": ["a.wav#0.0-2.0"], "test": ["a.wav#1.0-3.0"]}
    ]


def test_overlaps_of_training_and_stopping_are_noted():
    report = audited(part(0.0, 2.0, "train"), part(1.0, 3.0, "stop"), Entry("b.wav", "test"))
    assert not report["leak"]
    assert "train/stop: 1 file with overlapping segments" in report["notes"]


def test_a_file_whose_segments_overlap_in_several_folds_counts_once():
    entries = [part(float(i), i + 1.5, None, fold=i) for i in range(3)]
    report = audited(*entries)
    assert report["total"]["train/test"]["overlapping"] == {"count": 1, "folds": 3}


def test_overlaps_have_a_column_in_the_table():
    screen = rich.console.Console(file=io.StringIO(), width=200)
    screen.print(render(audited(part(0.0, 2.0, "train"), part(1.0, 3.0, "test"))))
    assert "overlapping segments" in screen.file.getvalue()


# With a corpus


@pytest.fixture
def folder(tmp_path):
    for seed, name in enumerate(("a.wav", "b.wav")):
        noise = np.random.default_rng(seed).standard_normal(6 * 8000)
        write(tmp_path / name, 0.1 * noise, 8000)
    return tmp_path


def corpus_of(folder, *rows):
    (folder / "corpus.csv").write_text("\n".join(["file,start,end,speaker", *rows]) + "\n")
    return open_corpus(folder / "corpus.csv")


def test_a_whole_file_and_a_segment_of_it_leak_in_a_corpus(folder):
    corpus = corpus_of(folder, "a.wav,,,x", "a.wav,2,5,y")
    report = audited(part(0.0, None, "train"), part(2.0, 5.0, "test"), corpus=corpus)
    assert report["leak"] and report["total"]["train/test"]["overlapping"]["count"] == 1
    assert report["folds"][0]["shared"]["train/test"]["overlapping"] == [
        {"file": "a.wav", "train": ["a.wav"], "test": ["a.wav#2.0-5.0"]}
    ]


def test_a_segment_that_the_corpus_does_not_have_leaks(folder):
    corpus = corpus_of(folder, "a.wav,,,x", "b.wav,,,y")
    report = audited(part(0.0, None, "train"), part(2.0, 5.0, "test"), corpus=corpus)
    assert report["leaks"] == ["train/test: 1 file with overlapping segments"]


def test_a_segment_of_a_copy_of_a_trained_file_leaks(folder):
    (folder / "copy.wav").write_bytes((folder / "a.wav").read_bytes())
    corpus = corpus_of(folder, "a.wav,0,3,x", "copy.wav,2,5,y")
    report = audited(
        part(0.0, 3.0, "train"), part(2.0, 5.0, "test", file="copy.wav"), corpus=corpus
    )
    assert report["leaks"] == ["train/test: 1 file with overlapping segments"]
    assert report["folds"][0]["shared"]["train/test"]["overlapping"] == [
        {"file": "a.wav", "train": ["a.wav#0.0-3.0"], "test": ["copy.wav#2.0-5.0"]}
    ]


def test_segments_of_a_corpus_that_do_not_overlap_are_different_recordings(folder):
    corpus = corpus_of(folder, "a.wav,0,3,x", "a.wav,3,6,y")
    assert not audited(part(0.0, 3.0, "train"), part(3.0, 6.0, "test"), corpus=corpus)["leak"]
