"""The speakers of an audit: the split's names, the corpus's names, and one for the other."""

import pytest
from corpora_made import make_emodb

from pnn_keras.audit import audit_split
from pnn_keras.corpora import open_corpus
from pnn_keras.split import Entry, Split


def audited(*entries, corpus=None):
    return audit_split(Split("made", entries), corpus)


def clip(name, role, speaker):
    return Entry(f"wav/{name}.wav", role, speaker=speaker)


def shared(report):
    return report["folds"][0]["shared"]["train/test"]["speakers"]


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    folder = make_emodb(tmp_path_factory.mktemp("emodb"), speakers=("03", "08", "09"))
    return open_corpus(folder)


def test_speaker_of_a_file_outside_the_corpus_goes_by_the_corpus_name(emodb):
    report = audited(
        clip("03a01Fa", "train", "3"),
        clip("08a01Fa", "test", "8"),
        clip("elsewhere", "test", "3"),
        corpus=emodb,
    )
    assert report["leaks"] == ["train/test: 1 speaker"] and shared(report) == ["03"]


def test_a_name_that_each_table_gives_anew_is_translated_table_by_table(emodb):
    report = audited(
        clip("03a01Fa", "train", "1"),
        clip("08a01Fa", "test", "1"),
        clip("elsewhere", "test", "1"),
        corpus=emodb,
    )
    assert not report["leak"]


def test_a_name_of_several_speakers_may_be_any_of_them(emodb):
    report = audited(
        clip("03a01Fa", "train", "x"),
        clip("08a01Fa", "train", "x"),
        clip("09a01Fa", "test", "9"),
        clip("elsewhere", "test", "x"),
        corpus=emodb,
    )
    assert shared(report) == ["03", "08"]


def test_a_name_of_several_speakers_of_the_corpus_is_noted(emodb):
    report = audited(clip("03a01Fa", "train", "1"), clip("08a01Fa", "test", "1"), corpus=emodb)
    assert (
        "The split calls several speakers of EmoDB by one name, e.g. 1: 03, 08. The names of the "
        "corpus count." in report["notes"]
    )


def test_a_name_that_the_corpus_does_not_translate_stays(emodb):
    report = audited(
        clip("03a01Fa", "train", None),
        clip("elsewhere", "train", "z"),
        clip("nowhere", "test", "z"),
        corpus=emodb,
    )
    assert shared(report) == ["z"]


@pytest.mark.parametrize(("one", "other"), [("3", "03"), ("F01", "f01"), ("spk3", "spk003")])
def test_speakers_that_differ_in_zeros_or_case_alone_are_in_doubt(one, other):
    report = audited(clip("a", "train", one), clip("b", "test", other))
    first, second = sorted((one, other))
    assert not report["leak"]
    assert (
        "Speakers: names that differ in zeros or capitals alone count as different ones, e.g. "
        f"{first} and {second}. Spell them alike if they are one." in report["unchecked"]
    )


def test_names_that_differ_otherwise_are_not_in_doubt():
    report = audited(clip("a", "train", "30"), clip("b", "test", "3"), clip("c", "test", "0"))
    assert not [line for line in report["unchecked"] if "alike" in line]
