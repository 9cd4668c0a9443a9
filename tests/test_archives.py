"""Archives that nobody vouches for: what is refused before anything is written."""

import contextlib
import gzip
import io
import stat
import tarfile
import tempfile
import urllib.request
import warnings
import zipfile
from pathlib import Path

import pytest
from download_made import serving_file
from hypothesis import given, settings
from hypothesis import strategies as st

from pnn_keras.archives import download
from pnn_keras.archives.download import Archive, fetch
from pnn_keras.archives.unpack import ArchiveError, unpack
from pnn_keras.errors import PnnKerasError


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def zip_with(path, name, content=b"x", mode=0):
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("harmless")
        info.filename = name
        info.external_attr = mode << 16
        archive.writestr("first.wav", b"x")
        archive.writestr(info, content)
    return path


@pytest.mark.parametrize(
    "name",
    ["../out.wav", "a/../../b.wav", "/abs.wav", "C:/abs.wav", "..\\out.wav", "\\abs.wav", "a\\b"],
)
def test_hostile_names_in_a_zip_are_refused(name, tmp_path):
    archive = zip_with(tmp_path / "x.zip", name)
    with pytest.raises(ArchiveError, match="was not unpacked"):
        unpack(archive, tmp_path / "inside")
    assert left_in(tmp_path) == ["x.zip"]


def test_link_in_a_zip_is_refused(tmp_path):
    archive = zip_with(tmp_path / "x.zip", "link", b"/etc/passwd", stat.S_IFLNK | 0o777)
    with pytest.raises(ArchiveError, match="a link or device"):
        unpack(archive, tmp_path / "inside")
    assert left_in(tmp_path) == ["x.zip"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        info = tarfile.TarInfo("link")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(ArchiveError, match="a link or device"):
        unpack(tmp_path / "x.tar.gz", tmp_path / "inside")


def test_tar_that_leads_out_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../out"), io.BytesIO())
    with pytest.raises(ArchiveError, match="leads out"):
        unpack(tmp_path / "x.tar.gz", tmp_path / "inside")


def test_repeated_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.wav", b"1")
        with pytest.warns(UserWarning):
            archive.writestr("a.wav", b"2")
    with pytest.raises(ArchiveError, match="occurs twice"):
        unpack(tmp_path / "x.zip", tmp_path / "inside")


def test_bomb_is_refused_by_its_stated_size(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.wav", bytes(10**6))
    with pytest.raises(ArchiveError, match="more than 100000 bytes"):
        unpack(tmp_path / "x.zip", tmp_path / "inside", most_bytes=100_000)
    assert not (tmp_path / "inside").exists()


@pytest.mark.parametrize("content", [b"", b"not an archive", b"PK\x03\x04 cut off"])
def test_what_is_no_archive_is_refused(content, tmp_path):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(ArchiveError):
        unpack(tmp_path / "x.zip", tmp_path / "inside")


def test_damaged_content_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.wav", bytes(1000))
    damaged = bytearray((tmp_path / "x.zip").read_bytes())
    damaged[200:300] = b"\1" * 100
    (tmp_path / "x.zip").write_bytes(damaged)
    with pytest.raises(ArchiveError, match="is damaged"):
        unpack(tmp_path / "x.zip", tmp_path / "inside")


@pytest.mark.parametrize("ending", ["tar", "tar.gz"])
def test_tar_unpacks(ending, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "a.wav").write_bytes(b"heard")
    with tarfile.open(tmp_path / f"x.{ending}", "w:gz" if ending == "tar.gz" else "w") as archive:
        archive.add(tmp_path / "made", "top")
    unpack(tmp_path / f"x.{ending}", tmp_path / "inside")
    assert (tmp_path / "inside" / "top" / "a.wav").read_bytes() == b"heard"


def test_too_many_files_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for number in range(4):
            archive.writestr(f"{number}.wav", b"x")
    with pytest.raises(ArchiveError, match="more than 3 files"):
        unpack(tmp_path / "x.zip", tmp_path / "inside", most_files=3)
    assert not (tmp_path / "inside").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_zip_packed_in_an_unusual_way_is_refused(method, tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w", method) as archive:
        archive.writestr("a.wav", b"x" * 1000)
    with pytest.raises(ArchiveError, match="packed in another way"):
        unpack(tmp_path / "x.zip", tmp_path / "inside")


def test_tar_packed_in_an_unusual_way_is_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar.xz", "w:xz") as archive:
        archive.addfile(tarfile.TarInfo("a.wav"), io.BytesIO())
    with pytest.raises(ArchiveError, match="is a .zip, .tar or .tar.gz file"):
        unpack(tmp_path / "x.tar.xz", tmp_path / "inside")


def test_long_name_that_fills_the_memory_is_refused(tmp_path):
    """tarfile reads a name whole, however long its header says it is."""
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 50 * 10**6
    with gzip.open(tmp_path / "x.tar.gz", "wb") as file:
        file.write(header.tobuf() + bytes(header.size))
    with pytest.raises(ArchiveError, match="more than 1000000 bytes"):
        unpack(tmp_path / "x.tar.gz", tmp_path / "inside", most_bytes=10**6, most_files=100)


def test_file_that_is_a_folder_too_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"x")
        archive.writestr("a/b", b"x")
    with pytest.raises(ArchiveError, match="a file and a folder of one name"):
        unpack(tmp_path / "x.zip", tmp_path / "inside")


NAMES = st.lists(
    st.text(st.sampled_from("ab./\\:\0~ "), min_size=1, max_size=8), min_size=1, max_size=4
)


@settings(deadline=None, max_examples=200)
@given(names=NAMES, packed=st.booleans())
def test_whatever_it_is_called_nothing_is_written_outside(names, packed):
    with tempfile.TemporaryDirectory() as parent, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that occur twice
        place = Path(parent)
        write_archive(place / "x", names, packed)
        with contextlib.suppress(ArchiveError):
            unpack(place / "x", place / "deep" / "inside")
        written = [path for path in place.rglob("*") if path.is_file()]
        assert {p for p in written if place / "deep" / "inside" not in p.parents} == {place / "x"}


def write_archive(path, names, packed):
    if packed:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                info = zipfile.ZipInfo("harmless")
                info.filename = name
                archive.writestr(info, b"x")
    else:
        with tarfile.open(path, "w") as archive:
            for name in names:
                archive.addfile(tarfile.TarInfo(name), io.BytesIO())


def test_file_larger_than_allowed_is_not_downloaded(tmp_path):
    with serving_file(bytes(1000)) as server:
        with pytest.raises(PnnKerasError, match="larger than 999 bytes"):
            fetch(Archive(server.url), tmp_path / "x", most_bytes=999, progress=False)
    assert left_in(tmp_path) == []


def test_server_that_hides_the_size_is_cut_off_too(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "_total", lambda response, have: None)
    with serving_file(bytes(1000)) as server:
        with pytest.raises(PnnKerasError, match="larger than 999 bytes"):
            fetch(Archive(server.url), tmp_path / "x", most_bytes=999, progress=False)
    assert left_in(tmp_path) == []


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x"])
def test_redirection_away_from_https_is_not_followed(elsewhere):
    request = urllib.request.Request("https://example.org/x")
    with pytest.raises(PnnKerasError, match="leads away from https://"):
        download._Redirections().redirect_request(request, None, 302, "Found", {}, elsewhere)
