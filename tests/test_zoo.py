"""Finding and loading trained chains by name, folder or file."""

import json
import zipfile

import keras
import numpy as np
import pytest
from chain_made import answers, foreign_chain, made_chain, recorded_metadata, rows

import pnn_keras
import pnn_keras.zoo
from pnn_keras.errors import PresetError
from pnn_keras.preset import save_preset
from pnn_keras.zoo import list_presets, load, verify


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """A zoo of two presets in place of the one that ships."""
    folder = tmp_path / "zoo"
    for name in ("gender-emotion-made", "emotion-made"):
        save_preset(made_chain(), folder / name, recorded_metadata())
    (folder / "recipes").mkdir()
    monkeypatch.setattr(pnn_keras.zoo, "_zoo_folder", lambda: folder)
    return folder


def same_answers(one, other):
    before, after = answers(one, rows()), answers(other, rows())
    return list(before) == list(after) and all((before[t] == after[t]).all() for t in before)


def test_presets_are_listed_by_name(zoo):
    assert list_presets() == ["emotion-made", "gender-emotion-made"]


def test_preset_loads_by_name(zoo):
    assert same_answers(load("emotion-made"), made_chain())


def test_preset_loads_by_path(zoo):
    assert same_answers(load(zoo / "emotion-made"), made_chain())
    assert same_answers(load(str(zoo / "emotion-made")), made_chain())


def test_name_of_the_zoo_goes_before_a_folder_here(zoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_preset(foreign_chain(), tmp_path / "emotion-made")
    assert len(load("emotion-made").tasks) == 2
    assert len(load("./emotion-made").tasks) == 1


def test_unknown_name_is_met_with_the_nearest(zoo):
    with pytest.raises(PresetError, match="mean emotion-made.*holds: emotion-made,"):
        load("emotoin-made")


def test_missing_path_is_named(tmp_path):
    with pytest.raises(PresetError, match="nothing at .*nowhere"):
        load(tmp_path / "nowhere")


def test_folder_that_is_no_preset_is_named(tmp_path):
    with pytest.raises(PresetError, match="lacks config.json"):
        load(tmp_path)


def test_file_of_another_kind_is_named(tmp_path):
    (tmp_path / "model.h5").write_text("")
    with pytest.raises(PresetError, match="neither a preset folder nor a .keras file"):
        load(tmp_path / "model.h5")


@pytest.mark.parametrize("make", [made_chain, foreign_chain])
def test_keras_file_gives_identical_outputs(make, tmp_path):
    chain = make()
    chain.save(tmp_path / "x.keras")
    assert same_answers(chain, load(tmp_path / "x.keras"))


def test_keras_file_keeps_who_was_heard(tmp_path):
    made_chain(metadata=recorded_metadata()).save(tmp_path / "x.keras")
    assert load(tmp_path / "x.keras").metadata == recorded_metadata()


def test_keras_file_keeps_frozen_columns_frozen(tmp_path):
    made_chain().save(tmp_path / "x.keras")
    assert [c.trainable for c in load(tmp_path / "x.keras").columns] == [False, True]


def test_compiled_chain_loads_from_a_keras_file(tmp_path):
    chain = made_chain()
    chain.compile("adam", loss="sparse_categorical_crossentropy")
    chain.fit(rows(3), np.arange(3), verbose=0)
    chain.save(tmp_path / "x.keras")
    assert same_answers(chain, load(tmp_path / "x.keras"))


def test_keras_file_of_another_model_is_refused(tmp_path):
    keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)]).save(tmp_path / "x.keras")
    with pytest.raises(PresetError, match="holds no chain"):
        load(tmp_path / "x.keras")


def test_foreign_code_in_a_keras_file_is_refused(tmp_path):
    made_chain().save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["columns"].append({"module": "os", "class_name": "system", "config": {}})
    with zipfile.ZipFile(tmp_path / "y.keras", "w") as archive:
        archive.writestr("config.json", json.dumps(config))
    with pytest.raises(PresetError, match="Received: os.system"):
        load(tmp_path / "y.keras")


def test_damaged_keras_file_is_named(tmp_path):
    (tmp_path / "x.keras").write_bytes(b"PK")
    with pytest.raises(PresetError, match="no readable .keras file"):
        load(tmp_path / "x.keras")


def test_keras_file_without_weights_is_named(tmp_path):
    made_chain().save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        config = archive.read("config.json")
    with zipfile.ZipFile(tmp_path / "y.keras", "w") as archive:
        archive.writestr("config.json", config)
    with pytest.raises(PresetError, match="is damaged"):
        load(tmp_path / "y.keras")


def test_verify_tells_what_a_preset_holds(zoo):
    facts = verify("emotion-made")
    assert facts["name"] == "emotion-made"
    assert facts["parameters"] == made_chain().count_params()
    assert facts["tasks"] == {"gender": ["female", "male"], "emotion": ["angry", "happy", "sad"]}


def test_verify_misses_the_card(zoo):
    (zoo / "emotion-made" / "README.md").unlink()
    with pytest.raises(PresetError, match="lacks its card"):
        verify("emotion-made")


def test_verify_refuses_answers_that_are_no_probabilities(tmp_path):
    chain = made_chain()
    chain.columns[1].layers[-1].bias.assign([float("nan")] * 3)
    with pytest.raises(PresetError, match="no probabilities"):
        verify(save_preset(chain, tmp_path / "broken"))


def test_verify_refuses_a_keras_file(tmp_path):
    made_chain().save(tmp_path / "x.keras")
    with pytest.raises(PresetError, match="no preset folder"):
        verify(tmp_path / "x.keras")


@pytest.mark.parametrize("name", list_presets())
def test_every_shipped_preset_verifies(name):
    assert verify(name)["name"] == name
