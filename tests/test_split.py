"""Published splits: every form that is read, and which utterances their entries mean."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.corpus import Utterance
from pnn_keras.errors import CorpusError, ProtocolError
from pnn_keras.split import Entry, Split, match, parts, read_split, roles


def told(split):
    return [(e.file, e.role, e.fold) for e in split.entries]


def table(folder, text, name="split.csv"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def clips(*ids, **facts):
    return [Utterance("made", id, Path("/corpus") / id.partition("#")[0], **facts) for id in ids]


def lines(folder, role, fold, *names, form="made_{role}_fold_{fold}.jsonl"):
    rows = [
        {"key": f"made-{x}", "dataset": "made", "wav": f"downloads/made/{x}.wav", "type": "raw",
         "task": "category", "length": 1.5, "emo": "anger", "sex": "male", "channel": 1}
        for x in names
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, rows)) + "\n"
    return table(folder / f"fold_{fold}", text, form.format(role=role, fold=fold))


# Tables


def test_roles_and_labels_are_read_from_a_table(tmp_path):
    path = table(tmp_path, "File,Split,speaker,sex,emo\na.wav,train,1,F,joy\nb.wav,test,2,m,sad\n")
    assert read_split(path).entries == (
        Entry("a.wav", "train", speaker="1", gender="female", emotion="joy"),
        Entry("b.wav", "test", speaker="2", gender="male", emotion="sad"),
    )


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("Train", "dev", "Test1"), ["train", "stop", "test"]),
        (("training", "val", "test-2"), ["train", "stop", "test"]),
        (("train", "validation", "testing"), ["train", "stop", "test"]),
        (("train", "eval", "test"), ["train", "stop", "test"]),
        (("train", "dev", "eval"), ["train", "stop", "test"]),
        (("train", "train", "evaluation"), ["train", "train", "test"]),
    ],
)
def test_role_names(tmp_path, names, found):
    rows = "".join(f"{i}.wav,{name}\n" for i, name in enumerate(names))
    split = read_split(table(tmp_path, "file,role\n" + rows))
    assert [entry.role for entry in split.entries] == found


def test_speaker_of_whole_decimals_is_the_whole_number(tmp_path):
    rows = "1.0.wav,train,3.0,1.0,2.0\nb.wav,test,3,x,y\nc.wav,test,v1.0,x,y\nd.wav,test,3.5,x,y\n"
    split = read_split(table(tmp_path, "file,role,speaker,emotion,sentence\n" + rows))
    assert [entry.speaker for entry in split.entries] == ["3", "3", "v1.0", "3.5"]
    first = split.entries[0]
    assert (first.file, first.emotion, first.sentence) == ("1.0.wav", "1.0", "2.0")


def test_speaker_is_one_whether_or_not_another_cell_is_empty(tmp_path):
    train = pd.DataFrame({"file": ["a.wav", "b.wav"], "speaker": [3, None]})
    test = pd.DataFrame({"file": ["c.wav"], "speaker": [3]})
    for name, frame in (("train", train), ("test", test)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    speakers = {entry.file: entry.speaker for entry in read_split(tmp_path).entries}
    assert speakers == {"a.wav": "3", "b.wav": None, "c.wav": "3"}


def test_empty_role_is_none(tmp_path):
    path = table(tmp_path, "file,role\na.wav,train\nb.wav,\nc.wav,test\n")
    assert [entry.role for entry in read_split(path).entries] == ["train", None, "test"]


@pytest.mark.parametrize("values", [("1", "2"), ("fold_1", "fold_2"), ("1.0", "2.0")])
@pytest.mark.parametrize("column", ["fold", "split"])
def test_folds_are_numbers_in_either_column(tmp_path, values, column):
    rows = f"file,{column}\na.wav,{values[0]}\nb.wav,{values[1]}\n"
    split = read_split(table(tmp_path, rows))
    assert told(split) == [("a.wav", None, 1), ("b.wav", None, 2)] and split.fold_only


def test_fold_column_may_hold_roles(tmp_path):
    split = read_split(table(tmp_path, "file,fold\na.wav,train\nb.wav,test\n"))
    assert told(split) == [("a.wav", "train", None), ("b.wav", "test", None)]


def test_tsv_and_parquet_tell_the_same(tmp_path):
    frame = pd.DataFrame({"path": ["a.wav", "b.wav"], "role": ["train", "test"], "fold": [1, 1]})
    frame.to_parquet(tmp_path / "s.parquet")
    frame.to_csv(tmp_path / "s.tsv", sep="\t", index=False)
    both = [read_split(tmp_path / name).entries for name in ("s.parquet", "s.tsv")]
    assert both[0] == both[1] == (Entry("a.wav", "train", 1), Entry("b.wav", "test", 1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,role\na.wav,lunch\nb.wav,test\n", "Expected: train, .* Received: lunch"),
        ("file,role\na.wav,train\n", "tests no file"),
        ("file,role\n,train\nb.wav,test\n", "Row 1 .* names no file"),
        ("name,role\na.wav,train\n", "no column of files. Expected one of: file"),
        ("file,age\na.wav,3\n", "no column of roles or folds"),
        ("file,role,fold\na.wav,train,x\n", "A fold is a number. Received in row 1 .*'x'"),
        ("file,role\na.wav,\n", "gives no file a role or a fold"),
        ("file,role,start\na.wav,test,soon\n", "'soon' is no time"),
        ("file,role\n", "no rows"),
    ],
)
def test_unusable_tables_are_refused(tmp_path, text, message):
    with pytest.raises((ProtocolError, CorpusError), match=message):
        read_split(table(tmp_path, text))


def test_role_that_is_missing_in_a_fold_is_named(tmp_path):
    path = table(tmp_path, "file,role,fold\na.wav,train,1\nb.wav,test,1\nc.wav,test,2\n")
    assert read_split(path).warnings == ("Fold 2 has no train files.",)


# One table a role


def test_one_table_a_role(tmp_path):
    train = table(tmp_path, "file,speaker,gender,emotion\na.wav,1,male,anger\n", "x_train.csv")
    test = table(tmp_path, "file,speaker,gender,emotion\nb.wav,2,female,sad\n", "x_test.csv")
    expected = (
        Entry("a.wav", "train", speaker="1", gender="male", emotion="anger"),
        Entry("b.wav", "test", speaker="2", gender="female", emotion="sad"),
    )
    assert read_split(f"train={train},test={test}").entries == expected
    assert read_split({"train": train, "test": test}).entries == expected
    assert sorted(read_split(tmp_path).entries, key=lambda e: e.file) == list(expected)


def test_segmented_index_gives_bounds(tmp_path):
    text = (
        "file,start,end,emotion\na.wav,0 days 00:00:01.5,0 days 00:00:02,sad\nb.wav,0 days,,sad\n"
    )
    paths = [table(tmp_path, text, name) for name in ("a.csv", "b.csv")]
    split = read_split(f"train={paths[0]},test={paths[1]}")
    assert [(e.start, e.end) for e in split.entries] == [(1.5, 2.0), (0.0, None)] * 2


def test_missing_table_is_named(tmp_path):
    with pytest.raises(ProtocolError, match="no table 'none.csv'"):
        read_split(f"train={table(tmp_path, 'file')},test=none.csv")
    with pytest.raises(ProtocolError, match="There is no split nowhere.csv"):
        read_split("nowhere.csv")


def test_role_given_twice_is_refused(tmp_path):
    path = table(tmp_path, "file\na.wav\n")
    with pytest.raises(ProtocolError, match="Each role is given once"):
        read_split(f"train={path},train={path}")


# JSON lines


def test_folds_of_json_lines(tmp_path):
    for fold in (1, 2):
        lines(tmp_path, "train", fold, "a" if fold == 1 else "b")
        lines(tmp_path, "test", fold, "b" if fold == 1 else "a")
    lines(tmp_path, "valid", 1, "c")
    table(tmp_path, "{}\n", "made.jsonl")
    split = read_split(tmp_path)
    assert sorted(told(split), key=str) == sorted(
        [
            ("downloads/made/a.wav", "train", 1),
            ("downloads/made/b.wav", "test", 1),
            ("downloads/made/c.wav", "stop", 1),
            ("downloads/made/b.wav", "train", 2),
            ("downloads/made/a.wav", "test", 2),
        ],
        key=str,
    )
    assert {(e.gender, e.emotion) for e in split.entries} == {("male", "anger")}


def test_one_fold_of_json_lines(tmp_path):
    lines(tmp_path, "train", 3, "a")
    lines(tmp_path, "test", 3, "b")
    assert read_split(tmp_path / "fold_3").folds == (3,)


def test_older_list_beside_the_published_one_is_left_out(tmp_path):
    lines(tmp_path, "train", 1, "a")
    lines(tmp_path, "test", 1, "b")
    lines(tmp_path, "test", 1, "a", form="made_{role}_fold{fold}.jsonl")
    split = read_split(tmp_path)
    assert [e.file for e in split.entries if e.role == "test"] == ["downloads/made/b.wav"]
    assert "made_test_fold1.jsonl was left out" in split.warnings[0]


def test_two_splits_in_one_folder_are_refused(tmp_path):
    lines(tmp_path, "test", 1, "a")
    lines(tmp_path, "test", 1, "a", form="other_{role}_fold_{fold}.jsonl")
    with pytest.raises(ProtocolError, match="One table gives the test files of a fold"):
        read_split(tmp_path)


def test_folder_without_a_split_is_refused(tmp_path):
    table(tmp_path, "file\n", "things.csv")
    with pytest.raises(ProtocolError, match="no table that is named after a role"):
        read_split(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "Line 1 .* is no JSON"), ("[1]", "is a JSON object"), ("\n", "no rows")],
)
def test_bad_json_lines_are_refused(tmp_path, text, message):
    with pytest.raises(ProtocolError, match=message):
        read_split(table(tmp_path, text, "s.jsonl"))


@given(text=st.one_of(st.text(), st.text(alphabet='filerole,train\n"{}:1')))
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl"])
def test_any_text_is_a_split_or_a_clear_error(tmp_path_factory, suffix, text):
    path = tmp_path_factory.mktemp("any") / f"s{suffix}"
    path.write_text("file,role\na.wav,test\n" + text if suffix != ".jsonl" else text)
    try:
        split = read_split(path)
    except (ProtocolError, CorpusError):
        return
    assert all(e.file and e.role in (None, "train", "stop", "test") for e in split.entries)


@given(
    st.lists(
        st.tuples(
            st.text(alphabet="abc/ '._-", min_size=1).filter(lambda s: s.strip()),
            st.sampled_from(["train", "stop", "test", None]),
            st.integers(0, 99),
        ),
        min_size=1,
    ).filter(lambda rows: any(role == "test" for _, role, _ in rows))
)
def test_written_tables_are_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("back") / "s.csv"
    pd.DataFrame(rows, columns=["file", "role", "fold"]).to_csv(path, index=False)
    assert told(read_split(path)) == [(file.strip(), role, fold) for file, role, fold in rows]


# Folds


def test_each_fold_of_a_fold_table_is_tested_once():
    split = Split("s", tuple(Entry(f"{x}.wav", fold=i) for i, x in enumerate("abc", 1)))
    assert split.divisions()[2] == {"train": [0, 2], "test": [1]}


def test_entry_without_a_fold_is_in_every_fold():
    entries = (Entry("a", "train", 1), Entry("b", "train", 2), Entry("c", "test"))
    assert Split("s", entries).divisions() == {
        1: {"train": [0], "test": [2]},
        2: {"train": [1], "test": [2]},
    }


def test_rows_of_roles_and_parts():
    utterances = clips("a.wav", "b.wav", "c.wav")
    split = Split("s", (Entry("c.wav", "train"), Entry("a.wav", "train"), Entry("b.wav", "test")))
    assert {r: x.tolist() for r, x in roles(split, utterances)[None].items()} == {
        "train": [0, 2],
        "test": [1],
    }
    with pytest.raises(ProtocolError, match="names folds only"):
        parts(split, utterances)
    folds = Split("s", (Entry("c.wav", fold=0), Entry("a.wav", fold=0), Entry("b.wav", fold=1)))
    assert {f: x.tolist() for f, x in parts(folds, utterances).items()} == {0: [0, 2], 1: [1]}


# Matching


def rows(utterances, *entries):
    return match(Split("s", entries), utterances).rows.tolist()


def test_relative_path_comes_first():
    assert rows(clips("b/a.wav", "a.wav", "c/b/a.wav"), Entry("./a.wav"), Entry("b\\a.wav")) == [
        1,
        0,
    ]


def test_other_ending_case_and_folders_above_match():
    utterances = clips("wav/03a01Fa.flac", "wav/03a01Wa.flac")
    assert rows(utterances, Entry("downloads/emodb/wav/03a01wa.WAV")) == [1]


def test_folders_tell_files_of_one_name_apart():
    utterances = clips("DC/a01.wav", "JE/a01.wav")
    assert rows(utterances, Entry("SAVEE/JE/a01.wav")) == [1]


def test_file_that_may_be_several_is_ambiguous():
    found = match(Split("s", (Entry("a01.wav"),)), clips("DC/a01.wav", "JE/a01.wav"))
    assert found.rows.tolist() == [-1] and found.unmatched == ()
    assert found.ambiguous == (("a01.wav", ("DC/a01.wav", "JE/a01.wav")),)


def test_unknown_file_is_unmatched_once():
    found = match(Split("s", (Entry("x.wav"), Entry("x.wav"))), clips("a.wav"))
    assert found.rows.tolist() == [-1, -1] and found.unmatched == ("x.wav",)


def test_two_files_of_one_name_are_not_one_utterance():
    found = match(Split("s", (Entry("DC/a01.wav"), Entry("JE/a01.wav"))), clips("DC/a01.wav"))
    assert found.rows.tolist() == [0, -1]
    found = match(Split("s", (Entry("x/a.wav"), Entry("y/a.wav"))), clips("a.wav"))
    assert found.rows.tolist() == [-1, -1] and len(found.ambiguous) == 2


def test_one_file_in_two_spellings_is_one_utterance():
    assert rows(clips("wav/a.wav"), Entry("there/wav/a.wav"), Entry("wav/a.wav")) == [0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/data1/emodb/wav/a.wav", "/home/me/emodb/wav/a.wav"),
        ("C:\\data\\wav\\a.wav", "/home/me/clips/a.wav"),
        ("train/a.wav", "test/a.wav"),
    ],
)
def test_tables_that_spell_one_file_differently_mean_one_utterance(one, other):
    assert rows(clips("wav/a.wav"), Entry(one, "train"), Entry(other, "test")) == [0, 0]
    assert rows(clips("wav/a.wav"), Entry(one, fold=1), Entry(other, fold=2)) == [0, 0]


def test_spellings_that_one_table_lists_beside_each_other_are_two_files():
    places = "/data1/wav/a.wav", "/home/me/wav/a.wav"
    entries = Entry(places[0], "train"), Entry(places[1], "train"), Entry(places[1], "test")
    assert rows(clips("wav/a.wav"), *entries) == [-1, -1, -1]


def test_the_nearest_is_meant_where_relative_paths_of_two_tables_differ():
    found = match(
        Split("s", (Entry("DC/a01.wav", "train"), Entry("JE/a01.wav", "test"))),
        clips("DC/a01.wav"),
    )
    assert found.rows.tolist() == [0, -1] and found.unmatched == ()
    assert found.ambiguous == (("JE/a01.wav", ("DC/a01.wav",)),)


def test_segments_match_by_their_bounds():
    utterances = [
        *clips("a.wav#0.0-1.0", end=1.0),
        *clips("a.wav#1.0-", start=1.0),
    ]
    found = rows(
        utterances,
        Entry("a.wav", end=1.004),
        Entry("a.wav", start=1.0),
        Entry("a.wav", start=0.5, end=1.0),
    )
    assert found == [0, 1, -1]


def test_only_segment_from_the_start_is_the_whole_file():
    assert rows(clips("a.wav"), Entry("a.wav", end=2.5)) == [0]
    assert rows(clips("a.wav"), Entry("a.wav", start=1.0, end=2.5)) == [-1]
    assert rows(clips("a.wav"), Entry("a.wav", end=1.0), Entry("a.wav", start=1.0)) == [-1, -1]


@given(names=st.lists(st.text(alphabet="abAB/", min_size=1, max_size=6), unique=True, max_size=8))
def test_every_relative_path_finds_itself(names):
    utterances = clips(*(f"{i}/{name}/x{i}.wav" for i, name in enumerate(names)))
    entries = [Entry(utterance.id) for utterance in utterances]
    found = match(Split("s", tuple(entries)), utterances)
    assert np.array_equal(found.rows, np.arange(len(names)))
