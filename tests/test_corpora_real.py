"""The loaders on the real corpora, where PNN_KERAS_DATA points at them."""

import collections

import pytest

from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.check import summarise


def counts(corpus, label):
    return dict(collections.Counter(getattr(utterance, label) for utterance in corpus))


def sexes(corpus):
    return collections.Counter(dict((u.speaker, u.gender) for u in corpus).values())


def test_emodb(data):
    corpus = open_corpus(data / "EmoDB", strict=True)
    assert counts(corpus, "emotion") == {
        "angry": 127,
        "bored": 81,
        "disgusted": 46,
        "fearful": 69,
        "happy": 71,
        "neutral": 79,
        "sad": 62,
    }
    assert sexes(corpus) == {"female": 5, "male": 5}
    assert len({u.sentence for u in corpus}) == 10
    assert not corpus.warnings


def test_ravdess(data):
    corpus = open_corpus(data / "RAVDESS", strict=True)
    assert len(corpus) == 1440
    assert sexes(corpus) == {"female": 12, "male": 12}
    assert counts(corpus, "emotion") == {
        **dict.fromkeys(
            ("angry", "calm", "disgusted", "fearful", "happy", "sad", "surprised"), 192
        ),
        "neutral": 96,
    }
    assert not corpus.warnings


def test_crema_d(data):
    corpus = open_corpus(data / "CREMA-D", strict=True)
    audio = sum(1 for path in (data / "CREMA-D" / "AudioWAV").iterdir())
    assert len(corpus) + len(corpus.skipped) == audio
    assert None not in counts(corpus, "gender")
    assert len(corpus.classes("emotion")) == 6
    (warning,) = (w for w in corpus.warnings if "byte-identical" in w)
    for pair in ("1006_TIE_HAP_XX", "1013_WSI_DIS_XX", "1017_IWW_ANG_XX"):
        assert pair in warning


def test_crema_d_perceived_is_mostly_neutral(data):
    corpus = open_corpus(f"CREMA-D-perceived={data / 'CREMA-D'}")
    heard = counts(corpus, "emotion")
    assert heard["neutral"] > len(corpus) / 3
    assert any("tied vote" in warning for warning in corpus.warnings)


@pytest.mark.parametrize("name,hours", [("EmoDB", (0.40, 0.42)), ("RAVDESS", (1.4, 1.6))])
def test_summary(name, hours, data):
    summary = summarise(open_corpus(data / name), strict=True)
    assert hours[0] < summary["hours"] < hours[1]
    assert not summary["unreadable"]
