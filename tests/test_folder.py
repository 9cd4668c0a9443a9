"""Folders that are whole or not there: what cannot be written is known beforehand."""

import errno
import os
from pathlib import Path

import pytest

from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.folder import check_writable


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """The system refuses every new folder. Permission bits would not do: they do not bind root."""

    def mkdir(self, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)


@pytest.mark.parametrize("name", ["made", "above/and above/made", "ä b"])
def test_a_folder_that_can_be_written_passes_and_leaves_nothing(tmp_path, name):
    check_writable(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_is_one_below_the_current(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check_writable("made")
    (tmp_path / "made").mkdir()
    with pytest.raises(UserError, match="^made exists already"):
        check_writable("made")


@pytest.mark.parametrize("below", ["made", "above/made"])
def test_a_folder_below_a_file_is_the_user_s_mistake(tmp_path, below):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file is no folder. Name another folder") as refusal:
        check_writable(tmp_path / "file" / below)
    assert str(tmp_path / "file" / below) in str(refusal.value)
    assert (tmp_path / "file").read_text() == "mine"


def test_a_link_to_nowhere_is_no_folder_to_write_below(tmp_path):
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    with pytest.raises(UserError, match="link is no folder"):
        check_writable(tmp_path / "link" / "made")


def test_a_link_to_nowhere_is_in_the_way(tmp_path):
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    with pytest.raises(UserError, match="exists already"):
        check_writable(tmp_path / "link")


def test_an_existing_folder_is_refused_unless_it_may_be_there(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already. Name another folder, or remove it"):
        check_writable(tmp_path)
    check_writable(tmp_path, existing=True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_file_is_refused_where_a_folder_may_be_there(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="file is no folder"):
        check_writable(tmp_path / "file", existing=True)


@pytest.mark.parametrize(("name", "existing"), [("made", False), (".", True)])
@pytest.mark.usefixtures("refused")
def test_a_refusal_of_the_system_is_not_the_user_s_mistake(tmp_path, name, existing):
    with pytest.raises(PnnKerasError, match="Permission denied in .*can be written") as refusal:
        check_writable(tmp_path / name, existing)
    assert not isinstance(refusal.value, UserError)
    assert str(tmp_path) in str(refusal.value)


def test_a_name_that_the_system_finds_too_long_is_refused(tmp_path):
    with pytest.raises(PnnKerasError, match="Cannot write"):
        check_writable(tmp_path / ("n" * 300))
