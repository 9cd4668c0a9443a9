"""Deployment files: what they say, and that they are written without undoing anyone's work."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from chain_made import made_chain
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from pnn_keras import export_chain, load
from pnn_keras.deployment import (
    ServedModel,
    deployment_files,
    label_versions,
    model_config,
    read_model_config,
    write_deployment,
)
from pnn_keras.errors import UserError

ROOT = Path(__file__).parents[1]

HEARS = ServedModel("hears", (1,), {"stable": 1, "canary": 1}, hears_audio=True, dimension=9)
READS = ServedModel("reads", (1, 2), {"stable": 1, "canary": 2}, dimension=9)


@pytest.fixture
def models(tmp_path):
    """Folders of exported models, of which this only looks at names and signatures."""
    version = export_chain(made_chain(), tmp_path / "models", name="made")

    def add(number, name="made"):
        shutil.copytree(version, tmp_path / "models" / name / str(number), dirs_exist_ok=True)

    add.folder = tmp_path / "models"
    return add


def entry(folder, name="made"):
    config = read_model_config(folder / "models.config")
    (found,) = [entry for entry in config.model_config_list.config if entry.name == name]
    return list(found.model_version_policy.specific.versions), dict(found.version_labels)


def test_kept_files_are_what_an_export_of_the_shipped_preset_writes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "gender-emotion-emodb-logmel"
    export_chain(load(name), "export/models", name=name)
    written = write_deployment("export/models")
    kept = {path.name for path in (ROOT / "export").iterdir() if path.is_file()}
    assert kept == {path.name for path in written}
    for path in written:
        assert path.read_text() == (ROOT / "export" / path.name).read_text(), path.name


def test_model_config_is_tensorflow_serving_s():
    read = text_format.Parse(model_config([HEARS, READS]), ModelServerConfig())
    hears, reads = read.model_config_list.config
    assert (reads.name, reads.base_path, reads.model_platform) == (
        "reads",
        "/models/reads",
        "tensorflow",
    )
    assert list(reads.model_version_policy.specific.versions) == [1, 2]
    assert dict(reads.version_labels) == {"stable": 1, "canary": 2}
    assert hears.base_path == "/models/hears"


def test_what_else_a_model_config_says_stays():
    before = ModelServerConfig()
    theirs = before.model_config_list.config.add(name="theirs", base_path="/models/theirs")
    theirs.logging_config.sampling_config.sampling_rate = 0.5
    before.model_config_list.config.add(name="reads", base_path="/elsewhere/reads")
    read = text_format.Parse(model_config([READS], before), ModelServerConfig())
    assert read.model_config_list.config[0] == theirs
    assert read.model_config_list.config[1].base_path == "/elsewhere/reads"


def test_label_of_a_version_that_is_not_loaded_is_refused():
    with pytest.raises(UserError, match="'canary' of m means version 3, which is not loaded: 1"):
        ServedModel("m", (1,), {"canary": 3})


def test_first_export_is_stable_and_canary(models):
    write_deployment(models.folder)
    assert entry(models.folder.parent) == ([1], {"stable": 1, "canary": 1})


def test_next_export_is_loaded_and_moves_no_label(models):
    write_deployment(models.folder)
    models(2)
    write_deployment(models.folder)
    assert entry(models.folder.parent) == ([1, 2], {"stable": 1, "canary": 1})


def test_versions_without_label_go_when_a_newer_one_is_exported(models):
    write_deployment(models.folder)
    models(2)
    write_deployment(models.folder)
    models(3)
    write_deployment(models.folder)
    assert entry(models.folder.parent) == ([1, 3], {"stable": 1, "canary": 1})


def test_another_model_joins_the_first(models):
    write_deployment(models.folder)
    models(7, name="other")
    write_deployment(models.folder)
    assert entry(models.folder.parent) == ([1], {"stable": 1, "canary": 1})
    assert entry(models.folder.parent, "other") == ([7], {"stable": 7, "canary": 7})


def test_version_that_is_not_complete_is_not_listed(models):
    (models.folder / "made" / "2").mkdir()
    write_deployment(models.folder)
    assert entry(models.folder.parent)[0] == [1]


def test_edited_files_stay(models):
    write_deployment(models.folder)
    compose = models.folder.parent / "compose.yaml"
    compose.write_text("mine")
    assert compose not in write_deployment(models.folder)
    assert compose.read_text() == "mine"


def test_edited_files_are_written_anew_on_request(models):
    write_deployment(models.folder)
    compose = models.folder.parent / "compose.yaml"
    compose.write_text("mine")
    write_deployment(models.folder, overwrite=True)
    assert "tensorflow/serving" in compose.read_text()


def test_models_elsewhere_are_mounted_from_there(models, tmp_path):
    write_deployment(models.folder, tmp_path / "deployment")
    assert "source: ./../models\n" in (tmp_path / "deployment" / "compose.yaml").read_text()


def test_label_of_a_version_that_is_gone_is_refused(models):
    write_deployment(models.folder)
    models(2)
    shutil.rmtree(models.folder / "made" / "1")
    with pytest.raises(UserError, match="mean versions that are gone: canary 1, stable 1"):
        write_deployment(models.folder)


def test_model_config_of_another_kind_is_refused_and_stays(models):
    path = models.folder.parent / "models.config"
    path.write_text("hello")
    with pytest.raises(UserError, match="not a ModelServerConfig"):
        write_deployment(models.folder)
    assert path.read_text() == "hello"


def test_folder_without_models_is_refused(tmp_path):
    with pytest.raises(UserError, match="no exported model in .*Make one: pnn-keras export"):
        write_deployment(tmp_path / "models")


def test_graph_that_is_none_is_refused(models):
    (models.folder / "made" / "1" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(UserError, match="not a SavedModel's graph"):
        write_deployment(models.folder)


def test_model_that_was_never_exported_here_gives_way(models):
    """As in a fresh clone, whose kept files name the shipped preset."""
    folder = models.folder.parent
    shipped = ServedModel("shipped", (1,), {"stable": 1, "canary": 1}, dimension=88)
    for name, text in deployment_files([shipped], folder).items():
        (folder / name).write_text(text)
    write_deployment(models.folder)
    texts = {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}
    assert [name for name, text in texts.items() if "shipped" in text] == []
    assert "GET /v1/models/made " in texts["compose.yaml"]


def test_model_that_lies_elsewhere_stays(models):
    theirs = "model_config_list { config { name: 'theirs' base_path: '/mnt/theirs' } }"
    (models.folder.parent / "models.config").write_text(theirs)
    write_deployment(models.folder)
    assert entry(models.folder.parent, "theirs") == ([], {})
    assert entry(models.folder.parent)[0] == [1]


def test_page_of_somebody_else_stays(models):
    page = models.folder.parent / "README.md"
    page.write_text("# Mine")
    write_deployment(models.folder)
    assert page.read_text() == "# Mine"


def test_rollout_page_tells_of_the_versions_that_there_are(models):
    write_deployment(models.folder)
    models(2)
    models(3)
    write_deployment(models.folder)
    page = (models.folder.parent / "ROLLOUT.md").read_text()
    assert "version 1 of `made` is everyone's and version 3 is new" in page


@pytest.mark.parametrize(("model", "asks"), [(HEARS, "audio_bytes"), (READS, "features")])
def test_page_asks_what_the_model_answers(model, asks):
    page = deployment_files([model])["README.md"]
    assert f'"signature_name": "{asks}"' in page
    assert f"/v1/models/{model.name}/labels/stable:predict" in page


@pytest.mark.parametrize("model", [HEARS, READS])
def test_nothing_is_left_to_fill_in(model):
    assert [n for n, text in deployment_files([model]).items() if "{{" in text] == []


def test_asking_for_zeros_sends_as_many_as_the_model_takes(tmp_path):
    """The page's own command, with a stand-in for curl that keeps what it is given."""
    curl = tmp_path / "curl"
    curl.write_text("#!/bin/sh\nexec cat\n")
    curl.chmod(0o755)
    block = re.search(r"```sh\n(printf .*?)```", deployment_files([READS])["README.md"], re.S)[1]
    asked = subprocess.run(
        ["bash", "-c", block],
        capture_output=True,
        check=True,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    ).stdout
    assert json.loads(asked) == {"signature_name": "features", "instances": [[0.0] * 9]}


def moved(tmp_path, retire=False, **labels):
    (tmp_path / "models.config").write_text(
        model_config([ServedModel("m", (1, 2), {"stable": 1, "canary": 1}), READS])
    )
    label_versions(tmp_path, "m", labels, retire=retire)
    return entry(tmp_path, "m")


def test_label_moves_alone(tmp_path):
    assert moved(tmp_path, canary=2) == ([1, 2], {"stable": 1, "canary": 2})
    assert entry(tmp_path, "reads") == ([1, 2], {"stable": 1, "canary": 2})


def test_version_without_label_is_retired_on_request(tmp_path):
    assert moved(tmp_path, stable=2, canary=2)[0] == [1, 2]
    assert moved(tmp_path, stable=2, canary=2, retire=True)[0] == [2]


def test_label_moves_to_no_version_that_is_not_loaded(tmp_path):
    with pytest.raises(UserError, match="does not load version 3 of m, so 'stable' cannot"):
        moved(tmp_path, stable=3)


def test_label_of_an_unlisted_model_is_refused(tmp_path):
    (tmp_path / "models.config").write_text(model_config([READS]))
    with pytest.raises(UserError, match="lists no m. It lists: reads"):
        label_versions(tmp_path, "m", {"stable": 1})


@pytest.mark.parametrize("label", ["folder", "model", "retire"])
def test_label_may_have_any_name(command, tmp_path, label):
    (tmp_path / "models.config").write_text(model_config([READS]))
    asked = ["rollout", "reads", f"{label}=2", "--in", tmp_path]
    assert command(*asked, "--new-label")[0] == 0
    assert entry(tmp_path, "reads")[1][label] == 2
    assert command(*asked)[0] == 0, "now it is known"


def test_label_that_nobody_made_is_refused_and_the_one_meant_is_named(command, tmp_path):
    text = model_config([READS])
    (tmp_path / "models.config").write_text(text)
    code, _, err = command("rollout", "reads", "canary=1", "stabel=2", "--in", tmp_path)
    assert code == 2
    words = " ".join(err.split())
    assert "reads has no label 'stabel'. Is 'stable' meant?" in words
    assert "It has or may have: canary, stable." in words
    assert "--new-label" in words
    assert (tmp_path / "models.config").read_text() == text


def test_stable_and_canary_are_no_new_labels(tmp_path):
    (tmp_path / "models.config").write_text(model_config([ServedModel("m", (1,), {})]))
    assert label_versions(tmp_path, "m", {"canary": 1}).labels == {"canary": 1}


def test_rollout_command_moves_labels(command, tmp_path):
    (tmp_path / "models.config").write_text(model_config([READS]))
    code, out, _ = command("rollout", "reads", "stable=2", "--retire", "--in", tmp_path)
    assert (code, out) == (0, "reads: canary is 2, stable is 2; loaded: 2\n")
    assert entry(tmp_path, "reads") == ([2], {"stable": 2, "canary": 2})


@pytest.mark.parametrize("label", ["stable", "stable=", "=2", "stable=two", "stable=-1"])
def test_rollout_command_names_the_form_of_a_label(command, tmp_path, label):
    code, _, err = command("rollout", "reads", label, "--in", tmp_path)
    assert code == 2
    assert "LABEL=VERSION, such as canary=2" in err
