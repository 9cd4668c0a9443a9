"""Corpora that may be parts of one: warned of by protocols and evaluation."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from audio_made import write
from corpora_made import make_emodb
from utterances_made import clip, everyone

from pnn_keras.base import Base, refuse_heard
from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.one_source import TABLE, Voices, shared_names
from pnn_keras.corpus import pool
from pnn_keras.evaluation import warn_of_one_corpus
from pnn_keras.protocol import make_protocol
from pnn_keras.provenance import describe_corpus

MESSAGE = "The corpora train and test have 6 names of speakers in common: s0, s1, s2, .*one table"


def voices(corpus, names, origin=TABLE):
    return Voices(corpus, origin, frozenset(names))


@pytest.mark.parametrize(
    "one, other, shared",
    [
        (voices("a", "xy"), voices("b", "xy"), ["x", "y"]),
        (voices("a", "uvwxyz"), voices("b", "stxy"), ["x", "y"]),
        (voices("a", "uvwxyz"), voices("b", "rstxy"), []),
        (voices("a", "x"), voices("b", "x"), []),
        (voices("a", "xy"), voices("b", "xy", "a citation"), []),
        (voices("a", "xy", "a citation"), voices("b", "xy", "a citation"), ["x", "y"]),
        (voices("a", "xy", None), voices("b", "xy", None), []),
        (voices("a", "xy"), voices("a", "xy"), []),
    ],
)
def test_half_of_the_fewer_names_and_two_at_least_tell_one_corpus(one, other, shared):
    assert shared_names(one, other) == shared_names(other, one) == shared


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Two tables of other recordings by speakers of the same names."""
    folder = tmp_path_factory.mktemp("tables")
    made = []
    for number, name in enumerate(("train", "test")):
        rows = []
        for s in range(6):
            for k in range(2):
                seed = 100 * number + 10 * s + k
                noise = np.random.default_rng(seed).standard_normal(800)
                write(folder / f"{name}_{s}_{k}.wav", 0.1 * noise, 8000)
                rows.append(f"{name}_{s}_{k}.wav,s{s},{'mf'[s % 2]},{('sad', 'angry')[k]}")
        table = folder / f"{name}.csv"
        table.write_text("\n".join(["file,speaker,gender,emotion", *rows]) + "\n")
        made.append(open_corpus(table))
    return made


def test_tables_that_name_their_speakers_alike_are_warned_of(tables):
    utterances = pool(tables)
    with pytest.warns(UserWarning, match=MESSAGE):
        made = make_protocol("cross-corpus:train>test", utterances, everyone(utterances))
    assert made.stamp == "speaker-disjoint"


def test_speaker_dependent_scores_promise_nothing_to_warn_of(tables):
    utterances = pool(tables)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_protocol("paper-3-fold", utterances, everyone(utterances))


def chain_that_heard(corpus):
    heard = {"speakers": sorted({u.speaker_id for u in corpus}), "contents": []}
    return SimpleNamespace(metadata={"heard": heard, "corpora": [describe_corpus(corpus)]})


def test_a_table_whose_names_the_chain_heard_in_another_is_warned_of(tables):
    with pytest.warns(UserWarning, match=MESSAGE):
        warn_of_one_corpus(chain_that_heard(tables[0]), tables[1])


def test_a_base_that_heard_the_names_in_another_table_is_warned_of(tables):
    base = Base(chain_that_heard(tables[0]))
    with pytest.warns(UserWarning, match=MESSAGE):
        refuse_heard(base, tables[1])


def test_a_table_of_other_names_is_not_warned_of(tables):
    others = [clip(f"t{s}", 0, corpus="test", origin=TABLE) for s in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_one_corpus(chain_that_heard(tables[0]), others)


def test_a_corpus_of_another_loader_is_not_warned_of(tables):
    others = [clip(f"s{s}", 0, corpus="test", origin="a citation") for s in range(6)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_one_corpus(chain_that_heard(tables[0]), others)


def test_copies_of_a_published_corpus_are_warned_of(tmp_path):
    one = open_corpus(make_emodb(tmp_path / "one"))
    other = open_corpus(f"Berlin={make_emodb(tmp_path / 'other', suffix='.flac')}")
    with pytest.warns(UserWarning, match="EmoDB and Berlin have 10 names .* 03, 08, 09, ..."):
        make_protocol("cross-corpus:EmoDB>Berlin", pool([one, other]), np.ones(280, bool))
    with pytest.warns(UserWarning, match="EmoDB and Berlin have 10 names"):
        warn_of_one_corpus(chain_that_heard(one), other)


def test_speakers_whom_a_recording_has_told_to_be_one_are_not_warned_of():
    names = [f"s{s}" for s in range(6)]
    own = [clip(name, i, corpus="a", origin=TABLE) for name in names for i in range(2)]
    copies = [
        clip(u.speaker, f"copy-{n}", corpus="b", content=u.content, origin=TABLE)
        for n, u in enumerate(own)
    ]
    utterances = [*own, *copies]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_protocol("speaker-3-fold", utterances, everyone(utterances))
