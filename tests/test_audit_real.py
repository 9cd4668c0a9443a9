"""The audit on the real corpora, where PNN_KERAS_DATA points at them."""

import numpy as np
import pytest

from pnn_keras.audit import audit_split
from pnn_keras.audit.recordings import find_copies
from pnn_keras.corpora import open_corpus
from pnn_keras.split import Entry, Split


@pytest.fixture(scope="module")
def emodb(data):
    """The short sentences of four classes of EmoDB: features are extracted in seconds."""
    classes = ("angry", "bored", "happy", "neutral")
    corpus = open_corpus(data / "EmoDB")
    return corpus.filter(lambda u: u.emotion in classes and u.sentence.startswith("a"))


def splits(corpus, test):
    entries = (Entry(u.id, "test" if t else "train") for u, t in zip(corpus, test, strict=True))
    return Split("made", tuple(entries))


def test_random_split_leaks_and_inflates(emodb):
    test = np.random.default_rng(0).permutation(len(emodb)) < len(emodb) // 5
    report = audit_split(splits(emodb, test), emodb, draws=5)
    assert report["leaks"] == ["train/test: 10 speakers"]
    assert report["rescore"]["difference"] > 0.03


def test_speaker_disjoint_split_does_not_leak(emodb):
    report = audit_split(splits(emodb, [u.speaker in ("03", "08") for u in emodb]), emodb)
    assert not report["leak"] and report["notes"] == ["train/test: 5 sentences"]


def test_ravdess_holds_one_recording_twice(data):
    corpus = open_corpus(data / "RAVDESS").filter(lambda u: u.speaker in ("07", "11", "23"))
    found, unheard = find_copies(corpus.utterances)
    assert [[corpus.utterances[row].id for row in copy.rows] for copy in found] == [
        [f"Actor_07/03-01-03-01-02-{repetition}-07.flac" for repetition in ("01", "02")]
    ]
    assert not unheard


def test_crema_d_holds_altered_copies_beside_the_identical_ones(data):
    corpus = open_corpus(data / "CREMA-D").filter(lambda u: u.speaker in ("1017", "1020", "1028"))
    found, _ = find_copies(corpus.utterances)
    names = [[corpus.utterances[row].path.stem for row in copy.rows] for copy in found]
    assert names == [
        ["1017_IWW_ANG_XX", "1017_IWW_FEA_XX"],
        ["1017_IWL_ANG_XX", "1017_IWL_FEA_XX"],
        ["1020_IEO_ANG_LO", "1020_IEO_ANG_MD"],
        ["1028_IEO_HAP_LO", "1028_IEO_HAP_MD"],
    ]
    assert [copy.identical for copy in found] == [True, False, False, False]
