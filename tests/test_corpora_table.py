"""Tables: the columns that are understood, segments, and rows that cannot be used."""

import datetime

import pandas as pd
import pytest
from corpora_made import write_tone
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.rows import BadRow, cell_seconds
from pnn_keras.errors import CorpusError


@pytest.fixture
def audio(tmp_path):
    """Three recordings in ``audio/``, each half a second long."""
    for name in ("a.wav", "b.flac", "c.ogg"):
        write_tone(tmp_path / "audio" / name, seconds=0.5)
    return tmp_path


def write(folder, text, name="table.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_nkululeko_csv(audio):
    table = write(
        audio,
        "file,speaker,gender,emotion,split\n"
        "audio/a.wav,sp1,female,anger,train\n"
        "./audio/b.flac,sp2,male,happiness,dev\n",
    )
    corpus = open_corpus(table)
    assert corpus.name == "table"
    assert [(u.id, u.speaker, u.gender, u.emotion, u.split) for u in corpus] == [
        ("audio/a.wav", "sp1", "female", "anger", "train"),
        ("audio/b.flac", "sp2", "male", "happiness", "dev"),
    ]


def test_a_speaker_whom_pandas_wrote_as_a_broken_number_is_the_whole_one(audio):
    table = write(audio, "file,speaker\naudio/a.wav,3.0\naudio/b.flac,\naudio/c.ogg,v1.0\n")
    assert [u.speaker for u in open_corpus(table)] == ["3", None, "v1.0"]


@pytest.mark.parametrize("index", ["filewise", "segmented"])
@pytest.mark.parametrize("storage", ["csv", "parquet"])
def test_audformat_tables_load_as_they_are(index, storage, audio, monkeypatch):
    audformat = pytest.importorskip("audformat")
    monkeypatch.chdir(audio)
    files = ["audio/a.wav", "audio/b.flac"]
    if index == "filewise":
        made = audformat.filewise_index(files)
    else:
        made = audformat.segmented_index(files, ["0s", "0.1s"], [pd.NaT, "0.3s"])
    database = audformat.Database("made")
    database.schemes["emotion"] = audformat.Scheme(labels=["anger", "neutral"])
    database["emotion"] = audformat.Table(made)
    database["emotion"]["emotion"] = audformat.Column(scheme_id="emotion")
    database["emotion"]["emotion"].set(["anger", "neutral"])
    database.save(audio, storage_format=storage, header_only=False)
    corpus = open_corpus(audio / f"db.emotion.{storage}")
    bounds = [(0.0, None), (0.1, 0.3)] if index == "segmented" else [(0.0, None)] * 2
    assert [(u.start, u.end) for u in corpus] == bounds
    assert [u.emotion for u in corpus] == ["anger", "neutral"]
    assert [u.path for u in corpus] == [audio / file for file in files]


def test_segment_bounds_are_part_of_the_id(audio):
    table = write(
        audio,
        "file,start,end,emotion\n"
        "audio/a.wav,0 days 00:00:00,0 days 00:00:00.250000,sad\n"
        "audio/a.wav,0 days 00:00:00.250000,NaT,happy\n",
    )
    corpus = open_corpus(table)
    assert [u.id for u in corpus] == ["audio/a.wav#0.0-0.25", "audio/a.wav#0.25-"]
    assert not corpus.warnings


@pytest.mark.parametrize("separator,name", [(";", "t.csv"), ("\t", "t.csv"), ("\t", "t.tsv")])
def test_separators(separator, name, audio):
    lines = (("Path", "Sex", "Label"), ("audio/a.wav", "F", "x"))
    table = write(audio, "\n".join(separator.join(line) for line in lines), name)
    (utterance,) = open_corpus(table)
    assert (utterance.gender, utterance.emotion) == ("female", "x")


def test_parquet_with_numbers_as_speakers(audio):
    frame = pd.DataFrame({"wav": ["audio/a.wav", "audio/b.flac"], "speaker_id": [1.0, None]})
    frame.to_parquet(audio / "t.parquet")
    assert [u.speaker for u in open_corpus(f"mine={audio / 't.parquet'}")] == ["1", None]


def test_name_of_the_table_or_its_own(audio):
    table = write(audio, "file\naudio/a.wav\n", "talks.csv")
    assert open_corpus(table).name == "talks"
    renamed = open_corpus(f"mine={table}")
    assert renamed.name == "mine" == renamed.utterances[0].corpus


def test_absolute_and_backslash_paths(audio):
    table = write(audio, f"file\n{audio / 'audio' / 'a.wav'}\naudio\\b.flac\n")
    assert [u.id for u in open_corpus(table)] == ["audio/a.wav", "audio/b.flac"]


def test_files_outside_the_folder_keep_their_whole_path(audio, tmp_path):
    (audio / "tables").mkdir()
    table = write(audio / "tables", "file\n../audio/a.wav\n")
    (utterance,) = open_corpus(table)
    assert utterance.id == (audio / "audio" / "a.wav").as_posix()


def test_paths_from_the_working_folder_are_found_with_a_warning(audio, monkeypatch):
    (audio / "tables").mkdir()
    table = write(audio / "tables", "file\naudio/a.wav\n")
    monkeypatch.chdir(audio)
    corpus = open_corpus(table)
    assert corpus.utterances[0].path == audio / "audio" / "a.wav"
    assert "read from the working folder" in corpus.warnings[0]


def test_bad_rows_are_skipped_and_reported(audio):
    (audio / "empty.wav").touch()
    (audio / "notes.txt").write_text("x")
    table = write(
        audio,
        "file,start,end\n"
        "audio/a.wav,,\n"
        "gone.wav,,\n"
        "empty.wav,,\n"
        "notes.txt,,\n"
        ",,\n"
        "audio/b.flac,0.3,0.2\n"
        "audio/b.flac,soon,\n"
        "audio/b.flac,-1,\n"
        "audio/a.wav,0,\n",
    )
    corpus = open_corpus(table)
    assert [u.id for u in corpus] == ["audio/a.wav"]
    assert [(s.id, s.reason) for s in corpus.skipped] == [
        ("row 2: gone.wav", "the file does not exist"),
        ("row 3: empty.wav", "zero bytes"),
        ("row 4: notes.txt", "not one of .wav, .flac, .ogg, .mp3"),
        ("row 5: ", "no path"),
        ("row 6: audio/b.flac", "ends at 0.2 s, not after its start at 0.3 s"),
        ("row 7: audio/b.flac", "'soon' is no time in seconds"),
        ("row 8: audio/b.flac", "'-1' is no time in seconds"),
        ("row 9: audio/a.wav", "the same file and segment as an earlier row"),
    ]


def test_strict_refuses_a_bad_row(audio):
    table = write(audio, "file\naudio/a.wav\ngone.wav\n")
    with pytest.raises(CorpusError, match="row 2: gone.wav"):
        open_corpus(table, strict=True)


def test_table_whose_files_are_all_missing_says_where_it_looked(audio):
    table = write(audio, "file\ngone.wav\n")
    with pytest.raises(CorpusError, match="1 row.*does not exist.*looked for below"):
        open_corpus(table)


def test_table_without_paths_names_its_columns(audio):
    with pytest.raises(CorpusError, match="Received: name, emotion"):
        open_corpus(write(audio, "name,emotion\na,b\n"))


@pytest.mark.parametrize("text", ["", "file\n", "\n"])
def test_table_without_rows_is_refused(text, audio):
    with pytest.raises(CorpusError):
        open_corpus(write(audio, text))


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.tsv"])
def test_damaged_table_is_a_users_error(name, audio):
    (audio / name).write_bytes(b"PAR1\0\xff\xfe garbage \0\n\0\n")
    with pytest.raises(CorpusError):
        open_corpus(audio / name)


def test_unknown_genders_are_reported(audio):
    corpus = open_corpus(write(audio, "file,gender\naudio/a.wav,robot\naudio/b.flac,\n"))
    assert {u.gender for u in corpus} == {None}
    assert "robot" in corpus.warnings[0]


def test_identical_files_with_different_labels_are_reported(audio):
    (audio / "audio" / "d.wav").write_bytes((audio / "audio" / "a.wav").read_bytes())
    table = write(audio, "file,emotion\naudio/a.wav,sad\naudio/d.wav,happy\n")
    assert "audio/a.wav = audio/d.wav (emotion happy or sad)" in open_corpus(table).warnings[0]


def test_latin_1_table_is_read(audio):
    (audio / "t.csv").write_bytes("file,emotion\naudio/a.wav,fröhlich\n".encode("latin-1"))
    assert open_corpus(audio / "t.csv").utterances[0].emotion == "fröhlich"


@given(seconds=st.floats(0, 1e6))
def test_pandas_time_differences_are_read_to_the_microsecond(seconds):
    made = pd.Timedelta(seconds=seconds)
    assert cell_seconds(str(made)) == pytest.approx(made.total_seconds(), abs=1e-6)
    assert cell_seconds(made) == made.total_seconds()
    assert cell_seconds(datetime.timedelta(seconds=seconds)) == pytest.approx(seconds, abs=1e-6)


@given(text=st.one_of(st.text(), st.from_regex(r"[0-9]* ?days? ?[0-9:.]*", fullmatch=True)))
def test_any_text_is_a_time_or_a_bad_row(text):
    try:
        seconds = cell_seconds(text)
    except BadRow:
        return
    assert seconds is None or 0 <= seconds < float("inf")
