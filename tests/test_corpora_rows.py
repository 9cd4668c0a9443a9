"""Tables as text: quotation marks, damaged rows, and how names are spelt."""

import unicodedata

import pandas as pd
import pytest
from audio_made import write
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.audit import audit_split
from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.rows import cell_speaker, read_rows
from pnn_keras.errors import CorpusError, ProtocolError
from pnn_keras.split import read_split

HEADER = ["file", "speaker", "sentence"]


def written(tmp_path, rows, name="t.tsv", separator="\t"):
    path = tmp_path / name
    path.write_text("\n".join(separator.join(row) for row in [HEADER, *rows]) + "\n")
    return path


def sentences(path):
    return [row["sentence"] for row in read_rows(path)[1]]


def test_a_lone_quotation_mark_of_a_tsv_is_a_character(tmp_path):
    said = ['"No way', "Hello", '"Oh no', "Hello", "Hi"]
    assert sentences(written(tmp_path, [["a.wav", "A", text] for text in said])) == said


def test_quoted_cells_of_a_tsv_are_unquoted(tmp_path):
    rows = [["a.wav", "A", '"He said ""no"""'], ["b.wav", "B", '"with\ta tab"']]
    assert sentences(written(tmp_path, rows)) == ['He said "no"', "with\ta tab"]


def test_marks_that_open_one_cell_and_close_the_next_are_characters(tmp_path):
    rows = [["a.wav", '"A', 'B"'], ["b.wav", "B", "Hi"]]
    assert sentences(written(tmp_path, rows)) == ['B"', "Hi"]


text = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\x85\u2028\u2029"),
    max_size=8,
)


@pytest.mark.parametrize("separator, suffix", [(",", ".csv"), ("\t", ".tsv"), ("\t", ".csv")])
@given(said=st.lists(st.one_of(text, st.text('"\t, a', max_size=6)), min_size=1, max_size=5))
def test_tables_of_pandas_are_read_back(separator, suffix, said, tmp_path_factory):
    path = tmp_path_factory.mktemp("pandas") / f"t{suffix}"
    frame = pd.DataFrame({"file": "a.wav", "speaker": "A", "sentence": said})
    frame.to_csv(path, sep=separator, index=False)
    assert sentences(path) == said


@pytest.mark.parametrize("mark", ['"Oh no', '"Oh" no'])
def test_a_csv_whose_quotation_marks_are_broken_is_refused(tmp_path, mark):
    path = written(tmp_path, [["a.wav", "A", mark], ["b.wav", "B", "Hi"]], "t.csv", ",")
    with pytest.raises(CorpusError, match="cannot be read: .*the mark itself doubled"):
        read_rows(path)


SWALLOWED = [["a.wav", "A", '"No way'], ["b.wav", "B", "Hi"], ["c.wav", "C", 'Oh no"']]


@pytest.fixture
def audio(tmp_path):
    for number, name in enumerate("abcd"):
        write(tmp_path / f"{name}.wav", [0.1 + 0.1 * number] * 1600)
    return tmp_path


def test_a_row_that_swallowed_others_is_skipped_with_the_reason(audio):
    rows = [*SWALLOWED, ["d.wav", "D", "Hi"]]
    corpus = open_corpus(written(audio, rows, "t.csv", ","))
    assert [u.id for u in corpus] == ["d.wav"]
    assert "line 4 ends a cell with a line break in it" in corpus.skipped[0].reason


def test_a_row_with_missing_cells_is_skipped_with_the_reason(audio):
    corpus = open_corpus(written(audio, [["a.wav", "A"], ["b.wav", "B", "Hi"]], "t.csv", ","))
    assert [u.id for u in corpus] == ["b.wav"]
    assert corpus.skipped[0].reason == "line 2 has 2 cells. Expected 3, as in the header"


def split_table(tmp_path, rows):
    path = tmp_path / "split.csv"
    path.write_text("\n".join(["file,role,sentence", *rows]) + "\n")
    return path


def test_a_row_with_too_many_cells_has_no_cell_that_can_be_trusted(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("file,text,speaker,split\na.wav,hello, world,anna,train\nb.wav,hi,anna,test\n")
    with pytest.raises(ProtocolError, match="line 2 has 5 cells. Expected 4"):
        read_split(path)


def test_empty_cells_beyond_the_header_do_no_harm(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("file,speaker,split\na.wav,anna,train,\nb.wav,bert,test,,\n")
    assert [entry.speaker for entry in read_split(path).entries] == ["anna", "bert"]


@pytest.mark.parametrize(
    "rows, message",
    [
        (['a.wav,train,"No way', "t.wav,train,Hi", 'b.wav,test,no"'], "Row 1 .*line break"),
        (["a.wav,train,Hi", "b.wav,test"], "Row 2 .*2 cells. Expected 3"),
    ],
)
def test_a_split_with_a_damaged_row_is_refused(tmp_path, rows, message):
    with pytest.raises(ProtocolError, match=message):
        read_split(split_table(tmp_path, rows))


def test_a_lone_quotation_mark_does_not_hide_a_leak(tmp_path):
    rows = ['a.wav\ttrain\t"No way', "t.wav\ttrain\tHi", 'b.wav\ttrain\t"Oh', "t.wav\ttest\tHi"]
    path = tmp_path / "split.tsv"
    path.write_text("\n".join(["file\trole\tsentence", *rows]) + "\n")
    assert audit_split(read_split(path))["leaks"] == ["train/test: 1 file"]


# Speakers


@pytest.mark.parametrize("cell", ["unknown", "Unknown", "unk", "?", "-", "n.a.", "N/A", "n/a"])
def test_nobody_is_called_unknown(cell, audio):
    path = written(audio, [["a.wav", cell, ""], ["b.wav", "B", ""]], "t.csv", ",")
    assert [u.speaker for u in open_corpus(path)] == [None, "B"]


def test_an_unknown_speaker_of_a_split_is_no_speaker_of_both_roles(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text("file,role,speaker\na.wav,train,unknown\nb.wav,test,unknown\n")
    report = audit_split(read_split(path))
    assert not report["leak"]
    assert "Speakers: neither the split nor a corpus tells them." in report["unchecked"]


def test_speakers_that_differ_in_zeros_alone_are_told_of(audio):
    rows = [["a.wav", "01", ""], ["b.wav", "1", ""], ["c.wav", "2", ""]]
    (warning,) = open_corpus(written(audio, rows, "t.csv", ",")).warnings
    assert warning == (
        "The names of 2 speakers differ from another's in zeros or capitals alone, e.g. 01 and 1. "
        "They count as different people: spell them alike if they are one."
    )


COMPOSED = "M\u00fcller"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)


def test_a_speaker_is_one_in_either_form_of_unicode():
    assert COMPOSED != DECOMPOSED
    assert cell_speaker(DECOMPOSED) == cell_speaker(COMPOSED) == COMPOSED


def test_a_file_is_one_in_either_form_of_unicode(tmp_path):
    path = tmp_path / "split.csv"
    path.write_text(f"file,role\n{COMPOSED}.wav,train\n{DECOMPOSED}.wav,test\n", encoding="utf-8")
    assert audit_split(read_split(path))["leaks"] == ["train/test: 1 file"]


@pytest.mark.parametrize("stored, listed", [(COMPOSED, DECOMPOSED), (DECOMPOSED, COMPOSED)])
def test_a_file_is_found_in_the_corpus_in_either_form_of_unicode(tmp_path, stored, listed):
    for folder in (stored, "b"):
        write(tmp_path / folder / f"{stored}.wav", [0.1] * 1600)
    table = tmp_path / "corpus.csv"
    table.write_text(f"file\n{stored}/{stored}.wav\nb/{stored}.wav\n", encoding="utf-8")
    split = tmp_path / "split.csv"
    split.write_text(f"file,role\n{listed}/{listed}.wav,test\n", encoding="utf-8")
    report = audit_split(read_split(split), open_corpus(table))
    assert report["unmatched"] == [] and report["ambiguous"] == []
    assert report["unassigned"] == [f"b/{stored}.wav"]
