"""Presets in archives on a web server of this machine."""

import contextlib
import json
import threading

import pytest
from chain_made import answers, made_chain, rows
from download_made import serving_file
from preset_made import made_preset, packed, sha256_of

import pnn_keras
from pnn_keras import preset_archive
from pnn_keras.archives import download
from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.zoo import cached_presets, find, load, verify


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return made_preset(tmp_path_factory.mktemp("made") / "theirs")


@pytest.fixture(scope="module")
def zipped(preset):
    return packed(preset)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache."""
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    return tmp_path / "cache"


@contextlib.contextmanager
def served(content, name="theirs.zip"):
    """A server of an archive, and the address with its sum."""
    with serving_file(content, name) as server:
        yield server, f"{server.url}#sha256={sha256_of(content)}"


def kept(cache):
    """The files of all presets that the cache holds."""
    return sorted(
        path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"
    )


WHOLE = ["README.md", "address.json", "config.json", "metadata.json", "model.weights.h5"]


def test_preset_in_an_archive_gives_identical_answers(zipped):
    with served(zipped) as (_, address):
        loaded = load(address, progress=False)
    before, after = answers(made_chain(), rows()), answers(loaded, rows())
    assert all((before[task] == after[task]).all() for task in before)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("inside", ["", "mine"])
def test_archive_may_be_of_any_kind_and_hold_a_folder_or_none(kind, inside, preset):
    with served(packed(preset, inside, kind), f"theirs.{kind}") as (_, address):
        folder = find(address, progress=False)
    assert folder.name == (inside or "theirs")
    assert verify(folder)["name"] == folder.name


def test_the_sum_may_be_given_in_python(zipped):
    with serving_file(zipped, "x.zip") as server:
        assert load(server.url, sha256=sha256_of(zipped), progress=False).tasks


def test_without_a_sum_nothing_is_asked_for(zipped):
    with serving_file(zipped, "x.zip") as server:
        with pytest.raises(UserError, match="SHA-256 alone"):
            load(server.url)
    assert server.ranges == []


def test_second_time_nothing_is_asked_for(zipped):
    with served(zipped) as (server, address):
        first = find(address, progress=False)
        server.ranges.clear()
        assert find(address, progress=False) == first
    assert server.ranges == []
    assert find(address, progress=False) == first  # nor is a server needed


def test_only_the_preset_s_own_files_are_kept(preset, cache):
    content = packed(preset, extra={"theirs/run.py": b"evil", "notes.txt": b"x"}.items())
    with served(content) as (_, address):
        find(address, progress=False)
    assert kept(cache) == WHOLE


def test_another_file_than_was_meant_is_refused_and_removed(zipped, cache):
    with serving_file(zipped, "x.zip") as server:
        with pytest.raises(PnnKerasError, match="Expected: sha256 0000"):
            load(server.url, sha256="0" * 64, progress=False)
    assert kept(cache) == []


def test_broken_download_goes_on_in_a_later_call(zipped, cache):
    with served(zipped) as (server, address):
        server.breaks = [1000] + [0] * 4
        with pytest.raises(PnnKerasError, match="broke off 5 times at 1000 bytes"):
            load(address, progress=False)
        server.ranges.clear()
        load(address, progress=False)
    assert server.ranges == ["bytes=1000-"]
    assert kept(cache) == WHOLE


def test_interruption_while_unpacking_leaves_nothing(zipped, cache, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(preset_archive, "read_preset", interrupt)
    with served(zipped) as (_, address), pytest.raises(KeyboardInterrupt):
        load(address, progress=False)
    assert kept(cache) == []


def test_many_at_once_download_once(zipped):
    with served(zipped) as (server, address):
        found = []
        threads = [
            threading.Thread(target=lambda: found.append(find(address, progress=False)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 8 and len(set(found)) == 1
    assert server.ranges == [None]


def test_archive_without_a_preset_is_named(cache):
    content = packed(made_folder := cache.parent, extra={"a.txt": b"x", "b/c/config.json": b"{}"})
    assert made_folder.is_dir()
    with served(content) as (_, address), pytest.raises(PresetError, match="Found: none"):
        load(address, progress=False)
    assert kept(cache) == []


def test_archive_with_two_presets_is_refused(preset, cache):
    config = (preset / "config.json").read_bytes()
    content = packed(preset, extra={"ours/config.json": config})
    with served(content) as (_, address):
        with pytest.raises(PresetError, match="Found: ours/config.json, theirs/config.json"):
            load(address, progress=False)
    assert kept(cache) == []


def test_damaged_preset_does_not_reach_the_cache(preset, cache):
    weights = (preset / "model.weights.h5").read_bytes()
    content = packed(preset, extra={"theirs/model.weights.h5": weights[:-1] + b"\1"})
    with served(content) as (_, address), pytest.raises(PresetError, match="not the file that"):
        load(address, progress=False)
    assert kept(cache) == []


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "theirs/../../out.txt"])
def test_archive_that_leads_out_is_refused(name, preset, cache):
    content = packed(preset, kind="tar.gz", extra={name: b"x"})
    with served(content) as (_, address), pytest.raises(PnnKerasError, match="was not unpacked"):
        load(address, progress=False)
    assert kept(cache) == []
    assert not list(cache.parent.rglob("out.txt"))


@pytest.mark.parametrize(
    ("limit", "message"), [("MOST_BYTES", "more than"), ("MOST_FILES", "more")]
)
def test_bomb_is_refused(limit, message, preset, cache, monkeypatch):
    content = packed(preset, extra={f"{i}.bin": bytes(10**6) for i in range(10)})
    monkeypatch.setattr(preset_archive, limit, 9 if limit == "MOST_FILES" else 10**6)
    with served(content) as (_, address), pytest.raises(PnnKerasError, match=message):
        load(address, progress=False)
    assert kept(cache) == []


def test_archive_that_is_too_large_is_not_downloaded(zipped, cache, monkeypatch):
    monkeypatch.setattr(preset_archive, "MOST_BYTES", len(zipped) - 1)
    with served(zipped) as (_, address), pytest.raises(PnnKerasError, match="is larger than"):
        load(address, progress=False)
    assert kept(cache) == []


def test_foreign_code_in_an_archive_is_refused(preset, cache):
    config = json.loads((preset / "config.json").read_text())
    config["chain"]["config"]["columns"].append({"module": "os", "class_name": "system"})
    content = packed(preset, extra={"theirs/config.json": json.dumps(config).encode()})
    with served(content) as (_, address), pytest.raises(PresetError, match="Received: os.system"):
        load(address, progress=False)
    assert kept(cache) == []


def test_full_disk_is_a_failure_in_words(zipped, cache):
    cache.write_text("a file in the folder's place")
    with served(zipped) as (_, address), pytest.raises(PnnKerasError, match="Cannot write"):
        load(address, progress=False)


def test_what_was_fetched_is_listed_by_its_address(zipped):
    with served(zipped) as (_, address):
        folder = find(address, progress=False)
    assert cached_presets() == {address: folder}


def test_progress_goes_to_stderr(zipped, capsys):
    with served(zipped) as (_, address):
        pnn_keras.load(address)
    captured = capsys.readouterr()
    assert captured.out == "" and "theirs.zip" in captured.err


def test_commands_take_the_address(zipped, command, tmp_path):
    with served(zipped) as (_, address):
        code, out, err = command("zoo", "verify", address)
        assert code == 0, err
        assert "theirs is whole" in out
        assert command("zoo", "show", address)[1].startswith("---\nlicense: ")
        assert f"fetched: {address}" in command("zoo", "list")[1].replace("\n", "")
        code, out, err = command("export", address, "--to", tmp_path / "served")
    assert code == 0, err
    assert (tmp_path / "served" / "theirs" / "1" / "saved_model.pb").is_file()


def test_predict_takes_the_address_and_answers_as_the_preset_does(command, recording):
    shipped = find("gender-emotion-emodb")
    with served(packed(shipped, "gender-emotion-emodb", "tar.gz"), "x.tar.gz") as (_, address):
        code, out, err = command("predict", address, recording, "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out) == json.loads(
        command("predict", "gender-emotion-emodb", recording, "--json", "--quiet")[1]
    )


def test_command_without_a_sum_is_a_wrong_request(command):
    code, _, err = command("zoo", "verify", "https://example.org/x.zip")
    assert code == 2 and "#sha256=HEX" in err
