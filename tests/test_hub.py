"""Presets on a hub: a stand-in for huggingface_hub, with its names and signatures."""

import importlib.util
import inspect
import sys

import pytest
from chain_made import answers, made_chain, recorded_metadata, rows
from hub_made import MadeHub
from preset_made import made_preset

import pnn_keras.hub
from pnn_keras.errors import DependencyError, PnnKerasError, PresetError, UserError
from pnn_keras.zoo import cached_presets, find, load, push, verify

FILES = ["README.md", "config.json", "metadata.json", "model.weights.h5"]


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    return made_preset(tmp_path_factory.mktemp("made") / "mine")


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub without repositories, and an empty cache."""
    monkeypatch.setenv("PNN_KERAS_CACHE", str(tmp_path / "cache"))
    made = MadeHub(tmp_path / "hub")
    monkeypatch.setitem(sys.modules, "huggingface_hub", made.module())
    return made


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_preset_on_a_hub_gives_identical_answers(hub, preset):
    hub.commit("someone/theirs", files_of(preset))
    before, after = answers(made_chain(), rows()), answers(load("hf://someone/theirs"), rows())
    assert all((before[task] == after[task]).all() for task in before)


def test_only_the_preset_s_own_files_are_fetched(hub, preset):
    others = {"run.py": b"evil", "sub/config.json": b"{}", "model.weights.h5.bak": b"x"}
    hub.commit("someone/theirs", files_of(preset) | others)
    folder = find("hf://someone/theirs")
    assert sorted(path.name for path in folder.rglob("*")) == FILES


def test_the_commit_of_a_branch_is_said_on_stderr(hub, preset, capsys):
    commit = hub.commit("someone/theirs", files_of(preset))
    find("hf://someone/theirs")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"hf://someone/theirs is hf://someone/theirs@{commit}\n"
    hub.calls.clear()
    find("hf://someone/theirs", progress=False)
    assert capsys.readouterr().err == ""
    assert hub.calls == ["model_info"]  # the files are in the cache


def test_a_tag_names_its_commit(hub, preset):
    old = hub.commit("someone/theirs", files_of(preset), "v1")
    hub.commit("someone/theirs", {**files_of(preset), "README.md": b"newer"})
    assert find("hf://someone/theirs@v1").name == old
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
    hub.calls.clear()
    hub.reachable = False
    assert find(f"hf://someone/theirs@{commit}") == folder
    assert hub.calls == []


def test_half_fetched_commit_is_completed(hub, preset):
    commit = hub.commit("someone/theirs", files_of(preset))
    folder = find("hf://someone/theirs")
    for path in folder.iterdir():
        path.unlink()
    assert sorted(p.name for p in find(f"hf://someone/theirs@{commit}").iterdir()) == FILES


def test_hub_that_is_not_reached_says_what_still_works(hub):
    hub.reachable = False
    with pytest.raises(PnnKerasError, match="not reached.*by its commit: hf://OWNER/NAME@COMMIT"):
        load("hf://someone/theirs")


def test_unknown_repository_is_named(hub):
    with pytest.raises(PnnKerasError, match="hf://someone/else: HubError: 404"):
        load("hf://someone/else")


def test_repository_without_a_preset_is_named(hub):
    hub.commit("someone/theirs", {"pytorch_model.bin": b"\x80pickle", "config.json": b"{}"})
    with pytest.raises(PresetError, match="lacks metadata.json, model.weights.h5"):
        load("hf://someone/theirs")
    assert hub.calls == ["model_info"]


def test_preset_that_is_too_large_is_not_fetched(hub, preset, monkeypatch):
    hub.commit("someone/theirs", files_of(preset))
    monkeypatch.setattr(pnn_keras.hub, "MOST_BYTES", 1000)
    with pytest.raises(PnnKerasError, match="more than a preset has.*not fetched"):
        load("hf://someone/theirs")
    assert hub.calls == ["model_info"]


def test_damaged_preset_on_a_hub_is_refused(hub, preset):
    hub.commit("someone/theirs", files_of(preset) | {"model.weights.h5": b"other"})
    with pytest.raises(PresetError, match="not the file that was saved"):
        load("hf://someone/theirs")


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(DependencyError, match=r"pip install 'pnn-keras\[hub\]'"):
        load("hf://someone/theirs")


def test_what_was_fetched_is_listed_by_its_commit(hub, preset):
    commit = hub.commit("some-one/the--irs".replace("--", "-"), files_of(preset))
    folder = find("hf://some-one/the-irs")
    assert cached_presets() == {f"hf://some-one/the-irs@{commit}": folder}


def test_pushed_preset_comes_back_the_same(hub, preset):
    address = push(preset, "hf://me/mine")
    own = {name: found for name, found in files_of(preset).items() if name in FILES}
    assert files_of(find(str(address))) == own
    assert hub.private == {"me/mine": None}
    assert hub.calls[:2] == ["create_repo", "upload_folder"]


def test_push_is_one_commit_of_the_preset_s_own_files_and_its_card_s_pictures(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    pictures = {path.name for path in folder.glob("*.png")}
    (folder / "speakers.csv").write_text("names")
    address = push(folder, "hf://me/mine")
    pushed = {path.name for path in (hub.root / "me/mine" / address.revision).iterdir()}
    assert pictures and pushed == {*FILES, *pictures}
    assert len(hub.messages) == 1


def test_private_repository_is_made_on_request(hub, preset):
    push(preset, "hf://me/mine", private=True)
    assert hub.private == {"me/mine": True}


def test_preset_without_its_card_is_not_pushed(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    (folder / "README.md").unlink()
    with pytest.raises(PresetError, match="lacks its card"):
        push(folder, "hf://me/mine")
    (folder / "README.md").write_text("")
    with pytest.raises(PresetError, match="lacks its card"):
        push(folder, "hf://me/mine")
    assert hub.calls == []


def test_damaged_preset_is_not_pushed(hub, tmp_path):
    folder = made_preset(tmp_path / "mine")
    (folder / "model.weights.h5").write_bytes(b"other")
    with pytest.raises(PresetError, match="not the file that was saved"):
        push(folder, "hf://me/mine")
    assert hub.calls == []


def test_keras_file_is_not_pushed(hub, tmp_path):
    made_chain(metadata=recorded_metadata()).save(tmp_path / "x.keras")
    with pytest.raises(UserError, match="no card.*save_to_preset"):
        push(tmp_path / "x.keras", "hf://me/mine")
    assert hub.calls == []


@pytest.mark.parametrize("to", ["hf://me/mine@v1", "me/mine", "https://example.org/x"])
def test_push_goes_to_a_repository_of_a_hub(to, hub, preset):
    with pytest.raises(UserError):
        push(preset, to)
    assert hub.calls == []


def test_refusal_of_the_hub_is_told(hub, preset):
    hub.reachable = False
    with pytest.raises(PnnKerasError, match="hf://me/mine: OSError.*logged in"):
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
    assert hub.calls == []


def test_chain_that_answers_no_probabilities_is_not_uploaded(hub):
    chain = made_chain(metadata=recorded_metadata())
    chain.columns[1].layers[-1].bias.assign([float("nan")] * 3)
    with pytest.raises(PresetError, match="no probabilities"):
        chain.upload_preset("hf://me/mine")
    assert hub.calls == []


def test_commands_push_and_fetch(hub, preset, command):
    code, out, err = command("zoo", "push", preset, "hf://me/mine", "--private")
    assert code == 0, err
    address = out.split()[1]
    assert address.startswith("hf://me/mine@") and hub.private == {"me/mine": True}
    code, out, err = command("zoo", "verify", "hf://me/mine")
    assert code == 0 and "mine is whole" in out and address in err
    assert verify(address)["name"] == "mine"


@pytest.mark.skipif(
    importlib.util.find_spec("huggingface_hub") is None, reason="needs huggingface_hub"
)
def test_the_library_has_the_signatures_that_the_stand_in_has():
    import huggingface_hub

    real = {
        "snapshot_download": huggingface_hub.snapshot_download,
        **{
            name: getattr(huggingface_hub.HfApi, name)
            for name in ("model_info", "create_repo", "upload_folder")
        },
    }
    for name, function in real.items():
        known = inspect.signature(function).parameters
        assert set(inspect.signature(getattr(MadeHub, name)).parameters) <= set(known), name
