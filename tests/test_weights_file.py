"""Weights files made to read other files, or to fill the memory."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest
from chain_made import foreign_chain, made_chain, two_ears_chain

import pnn_keras.preset
import pnn_keras.weights_file
from pnn_keras import Chain, Task
from pnn_keras.errors import PresetError
from pnn_keras.preset import save_preset, sha256_of
from pnn_keras.weights_file import check_fits, check_weights_file
from pnn_keras.zoo import load

KERNEL = "columns/column/layers/lateral_dense/vars/0"


@pytest.fixture
def secret(tmp_path):
    """A file of someone's that a weights file has no business with."""
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["kernel"] = np.ones((5, 8), "float32")
    (tmp_path / "secret.bin").write_bytes(bytes(5 * 8 * 4))
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    return save_preset(made_chain(), tmp_path / "made")


def hostile(folder, change):
    """Lets ``change`` rewrite the weights, and the digest tell that they are those saved."""
    with h5py.File(folder / "model.weights.h5", "a") as file:
        del file[KERNEL]
        change(file)
    config = json.loads((folder / "config.json").read_text())
    config["weights"]["sha256"] = sha256_of(folder / "model.weights.h5")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def external_link(file, secret):
    file[KERNEL] = h5py.ExternalLink(secret / "secret.h5", "/kernel")


def external_link_above(file, secret):
    del file["columns/column"]
    file["columns/column"] = h5py.ExternalLink(secret / "secret.h5", "/")


def soft_link(file, secret):
    file["elsewhere"] = h5py.ExternalLink(secret / "secret.h5", "/kernel")
    file[KERNEL] = h5py.SoftLink("/elsewhere")


def external_storage(file, secret):
    storage = [(str(secret / "secret.bin"), 0, 5 * 8 * 4)]
    file.create_dataset(KERNEL, (5, 8), "float32", external=storage)


def virtual(file, secret):
    layout = h5py.VirtualLayout((5, 8), "float32")
    layout[:] = h5py.VirtualSource(str(secret / "secret.h5"), "kernel", (5, 8))
    file.create_virtual_dataset(KERNEL, layout)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (external_link, "vars/0 is a link"),
        (external_link_above, "/columns/column is a link"),
        (soft_link, "is a link"),
        (external_storage, "vars/0 lies in another file"),
        (virtual, "vars/0 lies in another file"),
    ],
)
def test_file_that_reads_another_is_refused(change, reason, folder, secret):
    with pytest.raises(PresetError, match=f"not to be trusted: .*{reason}"):
        load(hostile(folder, lambda file: change(file, secret)))


def never_written(file):
    file.create_dataset(KERNEL, (2**30, 2**8), "float32")


def chunks_never_written(file):
    file.create_dataset(KERNEL, (2**30, 2**8), "float32", chunks=(4, 4))


def compressed(file):
    file.create_dataset(
        KERNEL, (1000, 1000), "float32", compression="gzip", data=np.ones((1000, 1000))
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (never_written, "declares 1099511627776 bytes and holds 0"),
        (chunks_never_written, "declares 1099511627776 bytes and holds 0"),
        (compressed, "is compressed"),
    ],
)
def test_array_larger_than_the_file_is_refused(change, reason, folder):
    with pytest.raises(PresetError, match=reason):
        load(hostile(folder, change))


def test_arrays_that_share_their_bytes_are_refused(folder):
    def twice(file):
        file[KERNEL] = file["columns/column/layers/lateral_dense_1/vars/0"]

    with pytest.raises(PresetError, match="has another name, too"):
        load(hostile(folder, twice))


def test_group_inside_itself_is_refused(folder):
    def circle(file):
        file[KERNEL] = file["columns"]

    with pytest.raises(PresetError, match="has another name, too"):
        load(hostile(folder, circle))


@pytest.mark.parametrize(
    "dtype", [h5py.string_dtype(), h5py.ref_dtype, h5py.vlen_dtype("int8"), [("a", "f4")]]
)
def test_array_of_anything_but_numbers_is_refused(dtype, folder):
    def other(file):
        file.create_dataset(KERNEL, (2,), dtype)

    with pytest.raises(PresetError, match="holds no numbers but"):
        load(hostile(folder, other))


def test_named_type_is_refused(folder):
    def named(file):
        file[KERNEL] = np.dtype("float32")

    with pytest.raises(PresetError, match="vars/0 is no array"):
        load(hostile(folder, named))


def test_too_many_objects_are_refused(folder, monkeypatch):
    monkeypatch.setattr(pnn_keras.weights_file, "MOST_OBJECTS", 10)
    with pytest.raises(PresetError, match="more than 10 groups and arrays"):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_refused(content):
    with pytest.raises(PresetError, match="w.h5 is no readable HDF5 file"):
        check_weights_file(io.BytesIO(content), "w.h5")


def test_truncated_file_is_refused(folder):
    whole = (folder / "model.weights.h5").read_bytes()
    with pytest.raises(PresetError, match="no readable HDF5 file"):
        check_weights_file(io.BytesIO(whole[: len(whole) // 2]), "w.h5")


def test_hostile_weights_in_a_keras_file_are_refused(tmp_path, secret):
    made_chain().save(tmp_path / "x.keras")
    with zipfile.ZipFile(tmp_path / "x.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        del file[KERNEL]
        external_link(file, secret)
    with zipfile.ZipFile(tmp_path / "y.keras", "w") as archive:
        for name, content in {**members, "model.weights.h5": weights.getvalue()}.items():
            archive.writestr(name, content)
    with pytest.raises(PresetError, match=r"weights.h5 of .*y.keras is not to be trusted"):
        load(tmp_path / "y.keras")


def test_packed_keras_file_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", " " * 10**6)
    with pytest.raises(PresetError, match="config.json is packed in it"):
        load(tmp_path / "x.keras")


def adapter_chain():
    chain = Chain()
    chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4, 2])
    chain.add_column(Task("emotion", ("a", "b")), units=[5], lateral="adapter", adapter_units=7)
    return chain


@pytest.mark.parametrize("make", [made_chain, foreign_chain, two_ears_chain, adapter_chain])
def test_no_more_weights_are_counted_than_a_chain_has(make, tmp_path):
    chain = make()
    config = json.loads((save_preset(chain, tmp_path / "p") / "config.json").read_text())["chain"]
    counted = sum(pnn_keras.weights_file._column_weights(config))
    assert chain.count_params() / 2 < counted <= chain.count_params() or make is foreign_chain
    check_fits(config, chain.count_params() * 2, "p")


def test_weights_of_a_column_are_counted_by_hand(tmp_path):
    config = json.loads((save_preset(adapter_chain(), tmp_path / "p") / "config.json").read_text())
    gender, emotion = pnn_keras.weights_file._column_weights(config["chain"])
    assert sorted([gender, emotion]) == sorted(
        [3 * 4 + 4 * 2 + 2 * 2, 3 * 5 + 5 * 2 + 7 * (4 + 2)]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"units": [2**40, 8]},
        {"units": ["1099511627776", 8]},
        {"dimension": 2**40},
        {"sources": {"gender": [2**40, 8]}, "wiring": None},
        {"lateral": "adapter", "adapter_units": 2**40},
        {"members": 2**40},
    ],
)
def test_architecture_larger_than_its_weights_is_refused_before_it_is_built(change, folder):
    config = json.loads((folder / "config.json").read_text())
    config["chain"]["config"]["columns"][1]["config"].update(change)
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(PresetError, match="describes .* weights, and its weights file"):
        load(folder)


@pytest.mark.parametrize("width", [2**40, 1e300])
def test_wide_layer_of_a_foreign_model_is_refused(width, tmp_path):
    folder = save_preset(foreign_chain(), tmp_path / "f")
    text = (folder / "config.json").read_text().replace('"units": 6', f'"units": {width}')
    (folder / "config.json").write_text(text)
    with pytest.raises(PresetError, match="describes .* weights"):
        load(folder)


def test_what_no_memory_holds_is_refused_in_words_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(pnn_keras.preset, "check_fits", lambda *_: None)
    folder = save_preset(foreign_chain(), tmp_path / "f")
    text = (folder / "config.json").read_text().replace('"units": 6', f'"units": {2**45}')
    (folder / "config.json").write_text(text)
    with pytest.raises(PresetError, match="cannot be made into a chain"):
        load(folder)


@pytest.mark.parametrize("depth", [300, 900, 940, 980, 5_000, 50_000])
def test_config_nested_deeply_is_refused_whatever_the_depth(depth, folder):
    text = (folder / "config.json").read_text()
    deep = "[" * depth + "]" * depth
    (folder / "config.json").write_text(text.replace('"columns": [', f'"columns": [{deep}, ', 1))
    with pytest.raises(PresetError):
        load(folder)
