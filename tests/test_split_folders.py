"""Tables of a folder that are in no role: none is passed over without a word."""

import pytest

from pnn_keras.audit import audit_split
from pnn_keras.errors import ProtocolError
from pnn_keras.split import read_split

ROWS = "file,speaker,gender,emotion,sentence\n{0}.wav,{0},f,sad,{0}\n"


def folder(tmp_path, **tables):
    for name, file in tables.items():
        (tmp_path / f"{name}.csv").write_text(ROWS.format(file))
    return tmp_path


def test_a_table_that_is_not_named_after_a_role_is_told(tmp_path):
    split = read_split(folder(tmp_path, train="a", test="b", pretrain="b", more="c"))
    assert split.left_out == ("not named after a role, so not read: more.csv, pretrain.csv.",)
    assert split.warnings == (
        f"Some tables of {tmp_path} are not named after a role, so not read: more.csv, "
        "pretrain.csv.",
    )
    assert len(split.entries) == 2


def test_an_audit_does_not_claim_to_have_checked_what_was_not_read(tmp_path):
    report = audit_split(read_split(folder(tmp_path, train="a", test="b", pretrain="b")))
    assert "Tables: not named after a role, so not read: pretrain.csv." in report["unchecked"]


@pytest.mark.parametrize(
    "stem", ["train_extra", "train-augmented", "emodb_train_part2", "train2", "my.test.clean"]
)
def test_a_table_whose_name_has_a_role_in_it_is_refused(tmp_path, stem):
    split = folder(tmp_path, train="a", test="b", **{stem: "b"})
    with pytest.raises(ProtocolError, match=f"{stem}.csv is named after a role.*train=TABLE"):
        read_split(split)


def test_tables_that_are_named_one_by_one_leave_nothing_to_tell(tmp_path):
    folder(tmp_path, train="a", test="b", train_extra="c")
    split = read_split(f"train={tmp_path / 'train.csv'},test={tmp_path / 'test.csv'}")
    assert split.left_out == () and split.warnings == ()


def test_files_that_are_no_tables_are_not_told(tmp_path):
    (tmp_path / "train_notes.txt").write_text("nothing\n")
    (tmp_path / "fold_train.csv.bak").write_text("nothing\n")
    assert read_split(folder(tmp_path, train="a", test="b")).left_out == ()


# Numbers: folds or parts of roles


def table(tmp_path, column, rows):
    path = tmp_path / "split.csv"
    path.write_text("\n".join([f"file,{column}", *rows]) + "\n")
    return path


@pytest.mark.parametrize("column", ["split", "role", "set", "subset"])
def test_numbers_in_a_column_of_roles_are_folds_that_are_noted(tmp_path, column):
    split = read_split(table(tmp_path, column, ["a.wav,0", "b.wav,1", "c.wav,2"]))
    assert split.folds == (0, 1, 2)
    assert split.warnings == (
        f"The numbers in the column {column} of split.csv are read as folds, of which each tests "
        "once. If they are roles, name them train, dev and test.",
    )


@pytest.mark.parametrize(
    "column, values", [("fold", "012"), ("folds", "012"), ("split", ["fold1", "fold2", "fold3"])]
)
def test_folds_that_are_called_so_need_no_note(tmp_path, column, values):
    split = read_split(table(tmp_path, column, [f"{v}.wav,{v}" for v in values]))
    assert len(split.folds) == 3 and split.warnings == ()


def test_numbers_of_roles_are_folds_where_a_file_has_several(tmp_path):
    rows = ["a.wav,train1", "b.wav,test1", "b.wav,train2", "a.wav,test2", "c.wav,dev"]
    split = read_split(table(tmp_path, "split", rows))
    assert split.divisions() == {
        1: {"train": [0], "stop": [4], "test": [1]},
        2: {"train": [2], "stop": [4], "test": [3]},
    }
    assert not audit_split(split)["leak"]
    assert split.warnings == (
        "The numbers of the roles test1, test2, train1, train2 are read as folds. If they are "
        "parts of one division, name all parts train and test: what they share is a leak then.",
    )


def test_numbers_of_roles_that_may_be_parts_are_refused(tmp_path):
    rows = ["a.wav,train1", "b.wav,train2", "c.wav,test1", "d.wav,test2"]
    with pytest.raises(ProtocolError, match="test1, test2, train1, train2. If .* are folds"):
        read_split(table(tmp_path, "split", rows))


@pytest.mark.parametrize(
    "roles",
    [("train", "test1", "test2"), ("train1", "train2", "test"), ("train1", "dev2", "test1")],
)
def test_a_number_that_cannot_be_a_fold_does_not_matter(tmp_path, roles):
    split = read_split(table(tmp_path, "split", [f"{role}.wav,{role}" for role in roles]))
    assert split.folds == ()


def test_a_column_of_folds_counts_before_the_numbers_of_roles(tmp_path):
    rows = ["a.wav,train1,7", "b.wav,test2,7"]
    assert read_split(table(tmp_path, "split,fold", rows)).folds == (7,)
