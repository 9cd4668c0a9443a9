"""Presets on a hub: huggingface_hub itself, and a hub on this machine."""

import subprocess
import sys

import pytest
from chain_made import answers, made_chain, recorded_metadata, rows
from hub_made import TOKEN, serving_hub
from preset_made import made_preset

import pnn_keras.hub
from pnn_keras.errors import DependencyError, PnnKerasError, PresetError, UserError
from pnn_keras.preset import sha256_of
from pnn_keras.zoo import cached_presets, find, load, push, verify

FILES = ["README.md", "config.json", "metadata.json", "model.weights.h5"]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return made_preset(tmp_path_factory.mktemp("made") / "mine")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub without repositories, the user "me" logged in there, and an empty cache."""
    pytest.importorskip("huggingface_hub")
    from huggingface_hub import constants  # what the environment said when it was imported

    with serving_hub() as made:
        monkeypatch.setattr(constants, "ENDPOINT", made.url)
        template = made.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
        for name, value in environment(made, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def stored(hub, preset, tmp_path):
    """A hub that keeps weights in hf_xet's store, as the real one does."""
    hf_xet = pytest.importorskip("hf_xet")
    weights = preset / "model.weights.h5"
    hub.xet = tmp_path / "store"
    hub.hashes[sha256_of(weights)] = hf_xet.hash_files([str(weights)])[0].hash
    return hub


def environment(hub, folder):
    """What a user sets to work with another hub, and where nothing of their own lies."""
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": str(folder / "home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_TOKEN": TOKEN,
        "HF_XET_CACHE": str(folder / "home" / "xet"),
        "NO_PROXY": "127.0.0.1",
        "PNN_KERAS_CACHE": str(folder / "cache"),
    }


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_pushed_preset_gives_identical_answers(hub, preset):
    push(preset, "hf://me/mine")
    before, after = answers(made_chain(), rows()), answers(load("hf://me/mine"), rows())
    assert all((before[task] == after[task]).all() for task in before)


def test_pushed_preset_comes_back_the_same(hub, preset):
    address = push(preset, "hf://me/mine")
    own = {name: found for name, found in files_of(preset).items() if name in FILES}
    assert files_of(find(str(address))) == own


def test_weights_in_a_hub_s_store_of_large_files_come_back_the_same(stored, preset):
    folder = find(str(push(preset, "hf://me/mine")))
    weights = "model.weights.h5"
    assert (folder / weights).read_bytes() == (preset / weights).read_bytes()
    assert not any(asked.startswith("GET") and weights in asked for asked in stored.asked)
    assert list(cached_presets().values()) == [folder]


def test_push_shows_no_bars_where_stderr_is_no_terminal(stored, preset, capfd):
    push(preset, "hf://me/mine")
    assert capfd.readouterr() == ("", "")


def test_only_the_preset_s_own_files_are_fetched(hub, preset):
    others = {"run.py": b"evil", "sub/config.json": b"{}", "model.weights.h5.bak": b"x"}
    hub.commit("someone/theirs", files_of(preset) | others)
    folder = find("hf://someone/theirs")
    assert sorted(path.name for path in folder.rglob("*")) == FILES
    assert {asked.rpartition("/")[2] for asked in hub.asked if "/resolve/" in asked} == {*FILES}


@pytest.mark.parametrize("evil", ["../config.json", "/config.json", "../../../../../config.json"])
def test_no_file_is_written_outside_the_cache(hub, preset, evil, tmp_path):
    hub.commit("someone/theirs", files_of(preset) | {evil: b"evil"})
    folder = find("hf://someone/theirs")
    assert [path.parent for path in tmp_path.rglob("config.json")] == [folder]


def test_the_commit_of_a_branch_is_said_on_stderr(hub, preset, capfd):
    commit = hub.commit("someone/theirs", files_of(preset))
    find("hf://someone/theirs")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert captured.err == f"hf://someone/theirs is hf://someone/theirs@{commit}\n"


def test_without_progress_nothing_is_said(hub, preset, capfd):
    hub.commit("someone/theirs", files_of(preset))
    find("hf://someone/theirs", progress=False)
    assert capfd.readouterr().err == ""


def test_branch_whose_commit_is_in_the_cache_is_only_looked_up(hub, preset):
    hub.commit("someone/theirs", files_of(preset))
    find("hf://someone/theirs")
    hub.asked.clear()
    find("hf://someone/theirs")
    assert hub.asked == ["GET /api/models/someone/theirs"]


@pytest.mark.parametrize("tag", ["v1", "refs/pr/1"])
def test_a_tag_names_its_commit(hub, preset, tag):
    old = hub.commit("someone/theirs", files_of(preset), tag)
    hub.commit("someone/theirs", {**files_of(preset), "README.md": b"newer"})
    assert find(f"hf://someone/theirs@{tag}").name == old
    assert find("hf://someone/theirs").name != old


def test_branch_that_moved_is_fetched_anew(hub, preset):
    hub.commit("someone/theirs", files_of(preset))
    before = find("hf://someone/theirs")
    hub.commit("someone/theirs", {**files_of(preset), "README.md": b"newer"})
    after = find("hf://someone/theirs")
    assert before != after and (after / "README.md").read_bytes() == b"newer"


def test_commit_in_the_cache_is_loaded_without_the_hub(hub, preset):
    commit = hub.commit("someone/theirs", files_of(preset))
    folder = find("hf://someone/theirs")
    hub.asked.clear()
    hub.stop()
    assert find(f"hf://someone/theirs@{commit}") == folder
    assert hub.asked == []


def test_half_fetched_commit_is_completed(hub, preset):
    commit = hub.commit("someone/theirs", files_of(preset))
    folder = find("hf://someone/theirs")
    for name in ("config.json", "model.weights.h5"):
        (folder / name).resolve().unlink()
        (folder / name).unlink()
    own = {name: found for name, found in files_of(preset).items() if name in FILES}
    assert files_of(find(f"hf://someone/theirs@{commit}")) == own


def test_hub_that_is_not_reached_says_what_still_works(hub):
    hub.stop()
    with pytest.raises(PnnKerasError, match="reached.*by its commit: hf://OWNER/NAME@COMMIT"):
        load("hf://someone/theirs")


def test_unknown_repository_is_named(hub):
    with pytest.raises(PnnKerasError, match="hf://someone/else: the hub has no such repository"):
        load("hf://someone/else")


def test_private_repository_asks_who_is_not_logged_in_to_do_so(hub, preset, monkeypatch):
    push(preset, "hf://me/mine", private=True)
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(PnnKerasError, match="^hf://me/mine: .*log in: hf auth login$"):
        load("hf://me/mine")


def test_gated_repository_says_where_to_ask(hub, preset):
    hub.commit("someone/theirs", files_of(preset))
    hub.repositories["someone/theirs"].gated = True
    with pytest.raises(PnnKerasError, match="^hf://someone/theirs: its owner gives access on req"):
        load("hf://someone/theirs")


def test_unknown_revision_is_named(hub, preset):
    hub.commit("someone/theirs", files_of(preset))
    with pytest.raises(PnnKerasError, match="hf://someone/theirs@v2: it has no such branch, tag"):
        load("hf://someone/theirs@v2")


def test_repository_without_a_preset_is_named(hub):
    hub.commit("someone/theirs", {"pytorch_model.bin": b"\x80pickle", "config.json": b"{}"})
    with pytest.raises(PresetError, match="lacks metadata.json, model.weights.h5"):
        load("hf://someone/theirs")
    assert hub.asked == ["GET /api/models/someone/theirs"]


def test_preset_that_is_too_large_is_not_fetched(hub, preset, monkeypatch):
    hub.commit("someone/theirs", files_of(preset))
    monkeypatch.setattr(pnn_keras.hub, "MOST_BYTES", 1000)
    with pytest.raises(PnnKerasError, match="more than a preset has.*not fetched"):
        load("hf://someone/theirs")
    assert hub.asked == ["GET /api/models/someone/theirs"]


def test_damaged_preset_on_a_hub_is_refused(hub, preset):
    hub.commit("someone/theirs", files_of(preset) | {"model.weights.h5": b"other"})
    with pytest.raises(PresetError, match="not the file that was saved"):
        load("hf://someone/theirs")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DependencyError, match=r"pip install 'pnn-keras\[hub\]'"):
        load("hf://someone/theirs")


def test_what_was_fetched_is_listed_by_its_commit(hub, preset):
    commit = hub.commit("some-one/the-irs", files_of(preset))
    folder = find("hf://some-one/the-irs")
    assert cached_presets() == {f"hf://some-one/the-irs@{commit}": folder}


def test_push_is_one_commit_of_the_preset_s_own_files_and_its_card_s_pictures(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    pictures = {path.name for path in folder.glob("*.png")}
    (folder / "speakers.csv").write_text("names")
    (folder / "speakers").mkdir()
    (folder / "speakers" / "face.png").write_bytes(b"a face")
    address = push(folder, "hf://me/mine")
    repository = hub.repositories["me/mine"]
    pushed = {*repository.commits[address.revision]} - {".gitattributes"}
    assert pictures and pushed == {*FILES, *pictures}
    assert len(repository.messages) == 1


def test_push_of_what_is_there_makes_no_commit(hub, preset):
    before = push(preset, "hf://me/mine")
    assert push(preset, "hf://me/mine") == before
    assert len(hub.repositories["me/mine"].messages) == 1


@pytest.mark.parametrize("private", [True, False])
def test_repository_is_private_on_request_alone(hub, preset, private):
    push(preset, "hf://me/mine", private=private)
    assert hub.repositories["me/mine"].private is private


def test_preset_without_its_card_is_not_pushed(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    (folder / "README.md").unlink()
    with pytest.raises(PresetError, match="lacks its card"):
        push(folder, "hf://me/mine")
    (folder / "README.md").write_text("")
    with pytest.raises(PresetError, match="lacks its card"):
        push(folder, "hf://me/mine")
    assert hub.asked == []


def test_damaged_preset_is_not_pushed(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    (folder / "model.weights.h5").write_bytes(b"other")
    with pytest.raises(PresetError, match="not the file that was saved"):
        push(folder, "hf://me/mine")
    assert hub.asked == []


def test_keras_file_is_not_pushed(hub, tmp_path):
    made_chain(metadata=recorded_metadata()).save(tmp_path / "x.keras")
    with pytest.raises(UserError, match="no card.*save_to_preset"):
        push(tmp_path / "x.keras", "hf://me/mine")
    assert hub.asked == []


@pytest.mark.parametrize("to", ["hf://me/mine@v1", "me/mine", "https://example.org/x"])
def test_push_goes_to_a_repository_of_a_hub(to, hub, preset):
    with pytest.raises(UserError):
        push(preset, to)
    assert hub.asked == []


def test_refusal_of_the_hub_is_told_in_its_words(hub, preset):
    with pytest.raises(PnnKerasError, match="hf://someone/x: HfHubHTTPError: You don't have"):
        push(preset, "hf://someone/x")


def test_push_asks_who_is_not_logged_in_to_do_so(hub, preset, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(PnnKerasError, match="Invalid username or password.*hf auth login"):
        push(preset, "hf://me/mine")


def test_chain_uploads_itself(hub):
    chain = made_chain(metadata=recorded_metadata())
    address = chain.upload_preset("hf://me/mine", {"title": "Mine"})
    loaded = load(address)
    assert loaded.metadata == {**recorded_metadata(), "title": "Mine"}
    assert "# Mine" in (find(address) / "README.md").read_text()


def test_chain_of_which_nothing_is_recorded_is_not_uploaded(hub):
    with pytest.raises(UserError, match="Nothing is recorded"):
        made_chain().upload_preset("hf://me/mine")
    assert hub.asked == []


def test_chain_that_answers_no_probabilities_is_not_uploaded(hub):
    chain = made_chain(metadata=recorded_metadata())
    chain.columns[1].layers[-1].bias.assign([float("nan")] * 3)
    with pytest.raises(PresetError, match="no probabilities"):
        chain.upload_preset("hf://me/mine")
    assert hub.asked == []


def test_command_pushes_and_fetches(hub, preset, command):
    code, out, err = command("zoo", "push", preset, "hf://me/mine", "--private")
    assert code == 0, err
    address = out.split()[1]
    assert address.startswith("hf://me/mine@") and hub.repositories["me/mine"].private
    code, out, err = command("zoo", "verify", "hf://me/mine")
    assert code == 0 and "mine is whole" in out and address in err
    assert verify(address)["name"] == "mine"


def test_command_says_in_one_line_that_there_is_no_such_repository(hub, command):
    code, out, err = command("zoo", "show", "hf://me/none")
    assert code != 0 and out == ""
    assert len(err.splitlines()) == 1 and "hf://me/none: the hub has no such repository" in err


def test_a_process_of_its_own_uses_the_hub_that_the_environment_names(hub, preset, command):
    address = str(push(preset, "hf://me/mine"))
    line = [sys.executable, "-m", "pnn_keras", "zoo", "show", "hf://me/mine"]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stdout.strip() == (preset / "README.md").read_text().strip()
    assert done.stderr == f"hf://me/mine is {address}\n"
    assert f"fetched: {address}" in command("zoo", "list")[1]
