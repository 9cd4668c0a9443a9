"""Corpora from a local server: resume, interruptions, wrong files."""

import hashlib
import io
import json
import zipfile

import pytest
from corpora_made import make_emodb
from download_made import serving_file

from pnn_keras.archives import download as downloading
from pnn_keras.archives.download import Archive, fetch
from pnn_keras.corpora import download, list_corpora, open_corpus
from pnn_keras.corpora.download import get
from pnn_keras.errors import PnnKerasError, UserError


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(downloading, "_PAUSE", 0.0)
    monkeypatch.setattr(downloading.time, "sleep", lambda seconds: None)


@pytest.fixture(scope="module")
def zipped(tmp_path_factory):
    folder = make_emodb(tmp_path_factory.mktemp("emodb"), speakers=("03", "08"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*.wav")):
            archive.write(path, path.relative_to(folder))
    return buffer.getvalue()


@pytest.fixture
def server(zipped):
    with serving_file(zipped) as server:
        yield server


def archive_of(server, **known):
    return Archive(server.url, **known)


def get_emodb(server, folder, **known):
    return get("emodb", folder, archive=archive_of(server, **known), progress=False)


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_corpus_is_downloaded_checked_and_opens(server, tmp_path):
    sha256 = hashlib.sha256(server.content).hexdigest()
    done = get_emodb(server, tmp_path, size=len(server.content), sha256=sha256)
    assert (done.folder, done.clips, done.checked) == (tmp_path / "EmoDB", 28, True)
    assert len(open_corpus(tmp_path / "EmoDB", strict=True)) == 28
    assert left_in(tmp_path) == ["EmoDB"]


def test_without_a_published_sum_the_found_one_is_kept(server, tmp_path):
    done = get_emodb(server, tmp_path)
    kept = json.loads((tmp_path / "EmoDB" / "download.json").read_text())
    assert kept["sha256"] == hashlib.sha256(server.content).hexdigest() == done.sha256
    assert kept["size"] == len(server.content)
    assert kept["checked"] is False
    assert "no published sum" in str(done) and done.sha256 in str(done)


def test_broken_connection_goes_on_where_it_stopped(server, tmp_path):
    server.breaks = [1000, 2000]
    get_emodb(server, tmp_path, md5=hashlib.md5(server.content).hexdigest())
    assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]


def test_later_call_goes_on_where_an_earlier_one_stopped(server, tmp_path):
    server.breaks = [1000] + [0] * 4
    with pytest.raises(PnnKerasError, match="broke off 5 times at 1000 bytes.*go on from there"):
        get_emodb(server, tmp_path)
    assert not (tmp_path / "EmoDB").exists()
    server.ranges.clear()
    get_emodb(server, tmp_path)
    assert server.ranges == ["bytes=1000-"]


def test_file_that_changed_meanwhile_is_fetched_anew(server, tmp_path):
    server.breaks = [1000] + [0] * 4
    with pytest.raises(PnnKerasError):
        fetch(archive_of(server), tmp_path / "x.part", progress=False)
    server.etag, server.content = '"two"', server.content[::-1]
    fetch(archive_of(server), tmp_path / "x.part", progress=False)
    assert (tmp_path / "x.part").read_bytes() == server.content


def test_server_without_version_marks_is_never_resumed(server, tmp_path):
    server.etag, server.breaks = "", [1000]
    fetch(archive_of(server), tmp_path / "x.part", progress=False)
    assert server.ranges == [None, None]
    assert (tmp_path / "x.part").read_bytes() == server.content


def test_complete_part_is_not_fetched_again(server, tmp_path):
    fetch(archive_of(server), tmp_path / "x.part", progress=False)
    assert fetch(archive_of(server), tmp_path / "x.part", progress=False) == len(server.content)
    assert (tmp_path / "x.part").read_bytes() == server.content


@pytest.mark.parametrize("known", [{"md5": "0" * 32}, {"sha256": "0" * 64}, {"size": 7}])
def test_wrong_file_is_refused_and_removed(known, server, tmp_path):
    (kind,) = known
    with pytest.raises(PnnKerasError, match=f"not the published file. Expected: {kind}") as caught:
        get_emodb(server, tmp_path, **known)
    assert not isinstance(caught.value, UserError)
    assert left_in(tmp_path) == []


def test_missing_file_is_a_failure_at_once(server, tmp_path):
    server.status = 404
    with pytest.raises(PnnKerasError, match="the server answers 404"):
        get_emodb(server, tmp_path)
    assert len(server.ranges) == 1


def test_busy_server_is_asked_five_times(server, tmp_path):
    server.status = 503
    with pytest.raises(PnnKerasError, match="broke off 5 times"):
        get_emodb(server, tmp_path)
    assert len(server.ranges) == 5


def test_unreachable_server_is_a_failure(tmp_path):
    with pytest.raises(PnnKerasError, match="refused"):
        get("EmoDB", tmp_path, archive=Archive("http://127.0.0.1:9/x.zip"), progress=False)


def test_existing_folder_is_never_touched(server, tmp_path):
    (tmp_path / "EmoDB").mkdir()
    with pytest.raises(UserError, match="exists already"):
        get_emodb(server, tmp_path)
    assert server.ranges == []


def test_full_disk_is_refused_before_the_first_byte(server, tmp_path, monkeypatch):
    usage = download.shutil.disk_usage(tmp_path)._replace(free=100)
    monkeypatch.setattr(download.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match="too full: .* 100 are free"):
        get_emodb(server, tmp_path)


def test_folder_that_cannot_be_made_is_a_users_error(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be made"):
        get_emodb(server, tmp_path / "file")


def test_archive_of_something_else_leaves_nothing(server, tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "no audio here")
    server.content = buffer.getvalue()
    with pytest.raises(UserError, match="no audio"):
        get_emodb(server, tmp_path)
    assert not (tmp_path / "EmoDB").exists()
    assert all(name.endswith((".part", ".version")) for name in left_in(tmp_path))


def test_interruption_by_the_user_keeps_the_part(server, tmp_path, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(download, "unpack", interrupt)
    with pytest.raises(KeyboardInterrupt):
        get_emodb(server, tmp_path)
    assert left_in(tmp_path) == [".EmoDB-corpus.zip.part", ".EmoDB-corpus.zip.part.version"]


def test_progress_bar_runs(server, tmp_path, capsys):
    get("EmoDB", tmp_path, archive=archive_of(server))
    assert "corpus.zip" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["IEMOCAP", "MSP-IMPROV", "CREMA-D", "savee"])
def test_corpora_to_apply_for_say_where(name, tmp_path):
    (info,) = (i for i in list_corpora() if i.name.casefold() == name.casefold())
    with pytest.raises(UserError) as caught:
        get(name, tmp_path)
    assert info.obtain in str(caught.value)


def test_unknown_corpus_names_the_known_ones(tmp_path):
    with pytest.raises(UserError, match="No corpus is called 'Nobody'.*EmoDB"):
        get("Nobody", tmp_path)


def test_official_addresses_belong_to_known_corpora():
    assert set(download.ARCHIVES) <= {info.name for info in list_corpora()}
    for archive in download.ARCHIVES.values():
        assert archive.file.endswith((".zip", ".tar.gz"))
        assert archive.md5 is None or len(bytes.fromhex(archive.md5)) == 16
