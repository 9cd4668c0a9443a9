"""Saving a chain as a folder, and what a damaged or hostile folder meets."""

import json
import resource

import keras
import numpy as np
import pytest
from chain_made import answers, foreign_chain, made_chain, recorded_metadata, rows, two_ears_chain

import pnn_keras.preset
from pnn_keras import Chain, Task
from pnn_keras.allowed import check_config
from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.folder import whole_folder
from pnn_keras.foreign_column import ForeignColumn
from pnn_keras.preset import plain, read_preset, save_preset
from pnn_keras.zoo import load_preset


@pytest.fixture(scope="module")
def chain():
    return made_chain()


@pytest.fixture
def folder(chain, tmp_path):
    return save_preset(chain, tmp_path / "made", recorded_metadata())


def edit(path, change):
    """Rewrites a JSON file after ``change`` has changed what it holds."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def same_answers(one, other, inputs):
    before, after = answers(one, inputs), answers(other, inputs)
    return list(before) == list(after) and all((before[t] == after[t]).all() for t in before)


def test_preset_gives_identical_outputs(chain, folder):
    assert same_answers(chain, load_preset(folder), rows())


def test_foreign_model_and_adapter_survive(tmp_path):
    chain = foreign_chain()
    assert same_answers(chain, load_preset(save_preset(chain, tmp_path / "f")), rows())


def test_two_front_ends_survive(tmp_path):
    chain = two_ears_chain()
    inputs = {"egemaps": rows(dimension=3), "embeddings": rows(dimension=4)}
    assert same_answers(chain, load_preset(save_preset(chain, tmp_path / "t")), inputs)


def test_constant_feature_stays_silenced(tmp_path):
    chain = Chain()
    column = chain.add_column(Task("gender", ("female", "male")), dimension=2, units=[3])
    column.scaler.fit(np.array([[1.0, 4.0], [1.0, 6.0]]))
    loaded = load_preset(save_preset(chain, tmp_path / "c"))
    scaled = loaded.columns[0].scaler(np.array([[9.0, 6.0]], "float32"))
    assert np.asarray(scaled).tolist() == [[0.0, 1.0]]


def test_frozen_columns_stay_frozen(folder):
    assert [column.trainable for column in load_preset(folder).columns] == [False, True]


def test_loaded_chain_goes_on_learning_without_touching_its_source(folder):
    chain = load_preset(folder)
    source, target = chain.columns[0].get_weights(), chain.columns[1].get_weights()
    chain.compile("adam", loss="sparse_categorical_crossentropy")
    chain.fit(rows(8), np.arange(8) % 3, epochs=1, verbose=0)
    learned = [
        [(new != old).any() for new, old in zip(column.get_weights(), before, strict=True)]
        for column, before in zip(chain.columns, (source, target), strict=True)
    ]
    assert [any(changes) for changes in learned] == [False, True]


def test_compiled_chain_is_saved_without_its_optimiser(tmp_path):
    chain = made_chain()
    chain.compile("adam", loss="sparse_categorical_crossentropy")
    config = json.loads((save_preset(chain, tmp_path / "c") / "config.json").read_text())
    assert "compile_config" not in config["chain"]


def test_metadata_come_back(folder):
    assert load_preset(folder).metadata == recorded_metadata()


def test_metadata_survive_a_second_saving(folder, tmp_path):
    again = save_preset(load_preset(folder), tmp_path / "again", {"title": "Renamed"})
    assert load_preset(again).metadata == {**recorded_metadata(), "title": "Renamed"}


def test_numpy_and_nan_become_json(chain, tmp_path):
    folder = save_preset(
        chain,
        tmp_path / "n",
        {"recalls": {"sad": np.float32("nan")}, "confusion": np.eye(2, dtype=int)},
    )
    assert load_preset(folder).metadata == {
        "recalls": {"sad": None},
        "confusion": [[1, 0], [0, 1]],
    }


def test_what_json_cannot_hold_is_refused():
    with pytest.raises(UserError, match="Received: function"):
        plain({"f": plain})


def test_existing_folder_is_refused_and_left_alone(chain, folder):
    before = (folder / "config.json").read_bytes()
    with pytest.raises(UserError, match="exists already.*overwrite=True"):
        save_preset(chain, folder)
    assert (folder / "config.json").read_bytes() == before


def test_overwrite_replaces_a_preset(chain, folder):
    (folder / "notes.txt").write_text("old")
    save_preset(chain, folder, {"title": "New"}, overwrite=True)
    assert not (folder / "notes.txt").exists()
    assert load_preset(folder).metadata["title"] == "New"


def test_overwrite_spares_a_folder_that_is_no_preset(chain, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="is no preset"):
        save_preset(chain, tmp_path, overwrite=True)
    assert (tmp_path / "thesis.txt").exists()


def test_interrupt_while_saving_leaves_nothing(chain, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pnn_keras.preset, "write_card", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_preset(chain, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [100, 5_000, 40_000])
def test_full_disk_leaves_nothing(chain, tmp_path, limit):
    """A limit on the size of a file stands in for the disk: the kernel refuses the same way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        with pytest.raises(PnnKerasError, match="Cannot write"):
            save_preset(chain, tmp_path / "made", {"long": "x" * 50_000})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_failed_overwrite_keeps_the_old_preset(chain, folder, monkeypatch):
    monkeypatch.setattr(pnn_keras.preset, "_write_json", full_disk)
    with pytest.raises(PnnKerasError, match="No space left"):
        save_preset(chain, folder, overwrite=True)
    assert load_preset(folder).metadata["title"] == "Gender, then emotion"


def full_disk(*_):
    raise OSError(28, "No space left on device")


def test_file_in_place_of_a_parent_is_a_clear_error(chain, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PnnKerasError, match="Cannot write .*: Not a directory"):
        save_preset(chain, tmp_path / "file" / "made")


def test_whole_folder_refuses_a_file_even_to_overwrite(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="it is no folder"), whole_folder(tmp_path / "file", True):
        pass


def test_tampered_weights_are_refused(folder):
    weights = bytearray((folder / "model.weights.h5").read_bytes())
    weights[-1] ^= 1
    (folder / "model.weights.h5").write_bytes(weights)
    with pytest.raises(PresetError, match="not the file that was saved.*Copy the whole folder"):
        load_preset(folder)


def test_weights_of_another_shape_are_refused(folder, tmp_path):
    other = save_preset(made_chain(dimension=6), tmp_path / "other")
    (folder / "model.weights.h5").write_bytes((other / "model.weights.h5").read_bytes())
    sha256 = json.loads((other / "config.json").read_text())["weights"]["sha256"]
    edit(folder / "config.json", lambda c: c["weights"].update(sha256=sha256))
    with pytest.raises(PresetError, match="cannot be made into a chain.*written by"):
        load_preset(folder)


def test_newer_format_is_refused_with_the_mend(folder):
    edit(folder / "config.json", lambda c: c.update(format=3))
    with pytest.raises(PresetError, match="format 3.*reads up to 2.*--upgrade"):
        load_preset(folder)


@pytest.mark.parametrize("version", [None, "1", 0, True, 1.0])
def test_unknown_format_is_refused(folder, version):
    edit(folder / "config.json", lambda c: c.update(format=version))
    with pytest.raises(PresetError, match="no known format"):
        load_preset(folder)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
def test_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(PresetError, match=f"lacks {name}"):
        load_preset(folder)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, "\xff"])
@pytest.mark.parametrize("name", ["config.json", "metadata.json"])
def test_damaged_json_is_named(folder, name, text):
    (folder / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(PresetError, match=f"{name} is damaged"):
        read_preset(folder)


@pytest.mark.parametrize("key", ["chain", "weights"])
def test_config_without_a_part_is_refused(folder, key):
    edit(folder / "config.json", lambda c: c.pop(key))
    with pytest.raises(PresetError, match="describes no chain"):
        load_preset(folder)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(PresetError, match="no preset folder .*nowhere"):
        load_preset(tmp_path / "nowhere")


def hostile(module, name, config=None, registered=None):
    return {
        "module": module,
        "class_name": name,
        "config": config or {},
        "registered_name": registered,
    }


@pytest.mark.parametrize(
    "config",
    [
        hostile("keras.layers", "Lambda"),
        hostile("keras.layers", "TFSMLayer", {"filepath": "/tmp/evil"}),
        hostile("keras.layers", "TorchModuleWrapper"),
        hostile("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd"}),
        hostile("keras.utils", "get_file", {"origin": "http://example.org"}),
        hostile("keras.saving", "load_model"),
        hostile("os", "system"),
        hostile("builtins", "eval"),
        hostile("subprocess", "function", "call"),
        hostile("keras.layers", "Dense", registered="my>Evil"),
        hostile("pnn_keras.chain", "Chain", registered="my>Evil"),
        hostile("pnn_keras.cli", "main", registered="pnn_keras>main"),
        {"class_name": "__lambda__", "config": {"value": "code"}},
        {"class_name": "__typespec__", "module": "os", "spec_name": "system", "config": []},
        {"class_name": ["Dense"], "module": {"keras": 1}},
    ],
    ids=lambda config: str(config["class_name"]),
)
def test_foreign_code_is_refused_before_keras_sees_it(folder, config):
    column = {"model": config}
    edit(folder / "config.json", lambda c: c["chain"]["config"]["columns"].append(column))
    with pytest.raises(PresetError, match="layers of Keras and pnn_keras only"):
        read_preset(folder)


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    @keras.saving.register_keras_serializable("theirs")
    class Double(keras.layers.Layer):
        def call(self, inputs):
            return 2 * inputs

    model = keras.Sequential([keras.Input((5,)), Double(name="double")])
    chain = Chain([ForeignColumn(model, taps=["double"])])
    with pytest.raises(PresetError, match="Double registered as theirs>Double"):
        save_preset(chain, tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda column: column.update(units=[0]),
        lambda column: column.update(units="wide"),
        lambda column: column.update(wiring={"x": [0]}),
        lambda column: column.pop("task"),
        lambda column: column["task"].update(classes=[]),
    ],
)
def test_nonsense_in_a_column_is_a_clear_error(folder, change):
    edit(folder / "config.json", lambda c: change(c["chain"]["config"]["columns"][1]["config"]))
    with pytest.raises(PresetError, match="cannot be made into a chain"):
        load_preset(folder)


@pytest.mark.parametrize("code", ["\x1b[2J", "\x9b31m", "\x07", "\x7f"])
def test_codes_that_steer_a_terminal_are_refused_in_names_and_written_out_elsewhere(folder, code):
    edit(folder / "metadata.json", lambda m: m.update(title=f"Mine{code}\n"))
    shown = code.encode("unicode_escape").decode()
    assert read_preset(folder).metadata["title"] == f"Mine{shown}\n"
    edit(
        folder / "config.json",
        lambda c: c["chain"]["config"]["columns"][0]["config"]["task"].update(label=code),
    )
    with pytest.raises(PresetError, match="no codes that steer"):
        read_preset(folder)


def test_check_config_lets_plain_values_pass():
    check_config([1, None, "text", {"class_name": "__tuple__", "items": [1, 2]}])
