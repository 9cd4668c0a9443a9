"""The audit of splits whose tables spell one file differently, or different files alike."""

import pytest
from audio_made import write
from corpora_made import make_emodb

from pnn_keras.audit import audit_split
from pnn_keras.corpora import open_corpus
from pnn_keras.split import Entry, Split


def audited(*entries, corpus=None):
    return audit_split(Split("made", entries), corpus)


def shared_files(report):
    return report["folds"][0]["shared"]["train/test"]["files"]


def doubts(report):
    return [sentence for sentence in report["unchecked"] if sentence.startswith("Files: ")]


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    return open_corpus(make_emodb(tmp_path_factory.mktemp("emodb"), speakers=("03", "08")))


TWO_MACHINES = [
    ("/data1/emodb/wav/03a01Fa.wav", "/home/me/emodb/wav/03a01Fa.wav"),
    ("C:\\data\\emodb\\wav\\03a01Fa.wav", "/home/me/emodb/wav/03a01Fa.wav"),
    ("emodb/wav/03a01Fa.wav", "/home/me/EmoDB/wav/03a01Fa.WAV"),
]

ONE_MACHINE = [
    ("/home/anna/emodb/wav/03a01Fa.wav", "/home/bert/emodb/wav/03a01Fa.wav"),
    ("/data1/wav/03a01Fa.wav", "/home/me/clips/03a01Fa.wav"),
    ("train/03a01Fa.wav", "test/03a01Fa.wav"),
]


@pytest.mark.parametrize(("trained", "tested"), TWO_MACHINES)
def test_file_below_the_same_two_folders_of_another_machine_leaks(trained, tested):
    report = audited(Entry(trained, "train"), Entry(tested, "test"))
    assert report["leaks"] == ["train/test: 1 file"] and report["files"] == 1


@pytest.mark.parametrize(("trained", "tested"), TWO_MACHINES + ONE_MACHINE)
def test_file_of_the_corpus_in_two_spellings_leaks(emodb, trained, tested):
    report = audited(Entry(trained, "train"), Entry(tested, "test"), corpus=emodb)
    assert report["leaks"] == ["train/test: 1 file, 1 speaker"]
    assert shared_files(report) == ["wav/03a01Fa.wav"]
    assert report["ambiguous"] == [] and report["unchecked"] == []


@pytest.mark.parametrize(("trained", "tested"), ONE_MACHINE)
def test_files_of_one_name_are_in_doubt_without_a_corpus(trained, tested):
    report = audited(Entry(trained, "train"), Entry(tested, "test"))
    assert not report["leak"]
    assert report["namesakes"] == [{"train": trained, "test": tested}]
    assert doubts(report) == [
        f"Files: 1 pair of files in two roles has one name in different folders, e.g. train "
        f"{trained} and test {tested}. Whether such two are one recording is not known."
    ]


def test_numbered_files_of_each_speaker_are_different_files():
    entries = [
        Entry(f"/data/{speaker}/{number:03}.wav", "test" if speaker == "c" else "train")
        for speaker in "abc"
        for number in (1, 2)
    ]
    report = audited(*entries)
    assert not report["leak"] and report["namesakes"] == []


def test_files_of_one_name_by_different_speakers_are_different_files():
    entries = Entry("a/001.wav", "train", speaker="a"), Entry("b/001.wav", "test", speaker="b")
    assert audited(*entries)["namesakes"] == []


def test_speakers_spelt_differently_do_not_tell_files_apart():
    entries = Entry("a/001.wav", "train", speaker="3"), Entry("b/001.wav", "test", speaker="03")
    assert len(audited(*entries)["namesakes"]) == 1


def test_two_spellings_in_one_table_are_two_files():
    spellings = "/data1/emodb/wav/a.wav", "/home/me/emodb/wav/a.wav"
    report = audited(
        Entry(spellings[0], "train"), Entry(spellings[1], "train"), Entry(spellings[1], "test")
    )
    assert shared_files(report) == [spellings[1]] and report["files"] == 2


def test_segments_of_a_file_in_two_spellings_are_different_recordings():
    spellings = "/data1/emodb/wav/a.wav", "/home/me/emodb/wav/a.wav"
    report = audited(Entry(spellings[0], "train", end=1.0), Entry(spellings[1], "test", start=1.0))
    assert not report["leak"] and report["namesakes"] == []


def test_file_that_another_entry_names_better_is_in_doubt(emodb):
    trained, tested = "emodb/wav/03a01Fa.wav", "others/03a01Fa.wav"
    report = audited(Entry(trained, "train"), Entry(tested, "test"), corpus=emodb)
    assert not report["leak"]
    assert report["ambiguous"] == [{"file": tested, "ids": ["wav/03a01Fa.wav"]}]
    assert (
        f"Recordings: 1 file may be one that another entry names better, e.g. {tested}."
        in report["unchecked"]
    )
    assert report["namesakes"] == [{"train": trained, "test": tested}]


def test_file_that_may_be_several_is_said_as_such(tmp_path):
    for speaker in "ab":
        write(tmp_path / speaker / "01.wav", [0.1] * 1600)
    write(tmp_path / "c.wav", [0.2] * 1600)
    (tmp_path / "t.csv").write_text("file\na/01.wav\nb/01.wav\nc.wav\n")
    corpus = open_corpus(tmp_path / "t.csv")
    report = audited(Entry("01.wav", "test"), Entry("c.wav", "train"), corpus=corpus)
    assert (
        "Recordings: 1 file is possibly several of the corpus, e.g. 01.wav." in report["unchecked"]
    )
