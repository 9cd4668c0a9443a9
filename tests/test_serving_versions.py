"""Versions come and go without a failed request; labels and policies say which answers."""

import asyncio
import gc
import json
import shutil
import threading
import time
import weakref

import pytest
import requests
import tensorflow as tf
from chain_made import made_chain, rows
from served_made import model, running, save_examples, save_made
from tensorflow_serving.apis import prediction_log_pb2

from pnn_keras.errors import UserError
from pnn_keras.export import export_chain
from pnn_keras.serving.config import models_of, read_models
from pnn_keras.serving.core import Address
from pnn_keras.serving.loading import Servable
from pnn_keras.serving.metadata import status_json
from pnn_keras.serving.models import Models
from pnn_keras.serving.status import Code, StatusError
from pnn_keras.serving.versions import ModelVersions, Policy, Version
from pnn_keras.serving.warmup import warm_up

ROW = {"instances": [[0, 0, 2]]}


def ask(server, address="made", body=ROW):
    answer = requests.post(f"{server.url}/v1/models/{address}:predict", json=body, timeout=20)
    return answer.json()


def states(server, name="made"):
    listed = requests.get(f"{server.url}/v1/models/{name}", timeout=5).json()
    return {
        int(entry["version"]): entry["state"] for entry in listed.get("model_version_status", [])
    }


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def apply(server, *models):
    work = server.models.apply(models)
    return asyncio.run_coroutine_threadsafe(work, server.loop).result(60)


@pytest.fixture
def base(tmp_path):
    save_made(tmp_path / "made", 1, 0.5)
    return tmp_path / "made"


def test_a_new_version_takes_over_and_the_old_one_ends(base):
    with running(model(base)) as server:
        assert ask(server) == {"predictions": [[2.0, 2.0, 3.0]]}
        save_made(base, 2, 1.0)
        until(lambda: states(server) == {2: "AVAILABLE", 1: "END"})
        assert ask(server) == {"predictions": [[2.0, 2.0, 4.0]]}


def test_a_model_that_is_still_being_loaded_is_to_be_asked_again(tmp_path):
    versions = ModelVersions("made", tmp_path, Policy())
    versions.versions[1] = Version(1, frozenset())
    for state in ("START", "LOADING"):
        versions.versions[1].state = state
        with pytest.raises(StatusError) as raised:
            versions.version()
        assert raised.value.code is Code.UNAVAILABLE
    versions.versions[1].state = "END"
    with pytest.raises(StatusError) as raised:
        versions.version()
    assert raised.value.code is Code.NOT_FOUND


def test_a_version_that_ended_leaves_no_graph_behind(base):
    gc.disable()  # what Python finds by chance later does not count
    try:
        with running(model(base)) as server:
            servable = server.models.served["made"].versions[1].servable
            graph = weakref.ref(servable._session.graph)
            del servable
            save_made(base, 2, 1.0)
            until(lambda: states(server) == {2: "AVAILABLE", 1: "END"})
            assert graph() is None
    finally:
        gc.enable()


def test_no_request_fails_while_versions_swap(base):
    answers = {
        version: json.dumps({"predictions": [[2.0, 2.0, last]]}, separators=(",", ":"))
        for version, last in ((1, 3.0), (2, 6.0), (3, 8.0))
    }
    failed, done, stop = [], [], threading.Event()

    def load():
        session = requests.Session()
        while not stop.is_set():
            answer = session.post(server.url + "/v1/models/made:predict", json=ROW, timeout=20)
            (done if answer.ok else failed).append(answer.text)

    with running(model(base)) as server:
        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for version in (1, 2, 3):
                if version > 1:
                    save_made(base, version, version)
                # A version listed as available may not have answered yet: wait for its answers.
                until(lambda v=version: answers[v] in done)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert failed == []
    assert set(done) == set(answers.values())


def test_removing_the_highest_version_rolls_back(base):
    save_made(base, 2, 1.0)
    with running(model(base)) as server:
        assert states(server) == {2: "AVAILABLE"}
        shutil.rmtree(base / "2")
        until(lambda: states(server) == {2: "END", 1: "AVAILABLE"})
        assert ask(server) == {"predictions": [[2.0, 2.0, 3.0]]}


def test_a_version_that_does_not_load_replaces_none(base):
    with running(model(base)) as server:
        (base / "2").mkdir()
        (base / "2" / "saved_model.pb").write_bytes(b"no model")
        until(lambda: states(server).get(2) == "END")
        listed = requests.get(f"{server.url}/v1/models/made/versions/2", timeout=5).json()
        (entry,) = listed["model_version_status"]
        assert entry["status"]["error_code"] != "OK"
        assert ask(server) == {"predictions": [[2.0, 2.0, 3.0]]}


def test_a_version_whose_warm_up_fails_replaces_none(base):
    with running(model(base)) as server:
        record(save_made(base.parent / "other", 2, 1.0), warm(-1))
        (base.parent / "other" / "2").rename(base / "2")
        until(lambda: states(server).get(2) == "END")
        assert states(server) == {2: "END", 1: "AVAILABLE"}
        assert ask(server) == {"predictions": [[2.0, 2.0, 3.0]]}


def test_a_version_is_a_folder_whose_name_is_a_number(tmp_path, monkeypatch):
    for name in ("1", "12", "007", "7", "x", "1.5", "-3", "2 ", ".13", "9" * 19):
        (tmp_path / name).mkdir()
    (tmp_path / "14").write_text("a file")
    loaded = []

    async def load(version, name, folder):
        loaded.append((version.number, folder.name))

    monkeypatch.setattr(Version, "load", load)
    asyncio.run(ModelVersions("made", tmp_path, Policy(latest=0)).load())
    assert loaded == [(1, "1"), (7, "7"), (12, "12")]


@pytest.mark.parametrize("state", ["START", "LOADING", "AVAILABLE", "UNLOADING", "END"])
def test_the_status_names_the_state(tmp_path, state):
    versions = ModelVersions("made", tmp_path, Policy())
    versions.versions[1] = Version(1, frozenset())
    versions.versions[1].state = state
    models = Models()
    models.served["made"] = versions
    (entry,) = json.loads(status_json(models, Address("made")))["model_version_status"]
    assert (entry["version"], entry["state"]) == ("1", state)


def test_a_version_that_was_half_copied_loads_once_it_is_whole(base):
    whole = save_made(base.parent / "other", 2, 1.0)
    with running(model(base)) as server:
        (base / "2").mkdir()
        until(lambda: states(server).get(2) == "END")
        shutil.copytree(whole, base / "2", dirs_exist_ok=True)
        until(lambda: states(server).get(2) == "AVAILABLE")
        assert ask(server) == {"predictions": [[2.0, 2.0, 4.0]]}


def test_a_server_without_a_version_waits_for_one(tmp_path):
    with running(model(tmp_path / "made")) as server:
        assert requests.get(server.url + "/readyz", timeout=5).status_code == 503
        assert ask(server) == {"error": "Servable not found for request: Latest(made)"}
        save_made(tmp_path / "made")
        until(lambda: requests.get(server.url + "/readyz", timeout=5).status_code == 200)


def warnings_of(caplog, versions, *steps):
    """What is logged at each of some looks, each after a step."""
    found = []
    for step in steps:
        step()
        caplog.clear()
        asyncio.run(versions.load())
        found.append([record.getMessage() for record in caplog.records])
    return found


def nothing():
    pass


def test_a_missing_base_path_is_told_once_and_again_when_it_went_again(tmp_path, caplog):
    versions = ModelVersions("made", tmp_path / "made", Policy())
    make, remove = versions.base_path.mkdir, versions.base_path.rmdir
    missing, again, empty, still, gone = warnings_of(
        caplog, versions, nothing, nothing, make, nothing, remove
    )
    assert missing == gone
    assert len(missing) == 1 and missing[0].startswith("Cannot look for versions of made: ")
    assert empty == [
        f"No version of made is in {versions.base_path}. "
        "A version is a folder that has a number as its name"
    ]
    assert (again, still) == ([], [])


def test_a_version_that_a_config_names_and_nobody_exported_is_told_once(tmp_path, caplog):
    versions = ModelVersions("made", tmp_path, Policy(specific=(2, 3)))
    first, second = warnings_of(caplog, versions, nothing, nothing)
    assert first == [f"The config names versions of made not in {tmp_path}: 2, 3"]
    assert second == []


@pytest.mark.parametrize(
    ("policy", "served"),
    [
        (Policy(), {3}),
        (Policy(latest=2), {2, 3}),
        (Policy(latest=0), {1, 2, 3}),
        (Policy(specific=(1, 7)), {1}),
    ],
    ids=repr,
)
def test_the_policy_says_which_versions_are_served(policy, served):
    assert policy.chosen([3, 1, 2]) == served


ALL = {"policy": Policy(latest=0)}


def test_several_versions_answer_under_their_numbers_and_labels(base):
    save_made(base, 2, 1.0)
    with running(model(base, **ALL)) as server:
        apply(server, model(base, labels=(("canary", 2), ("stable", 1)), **ALL))
        assert ask(server, "made/versions/1")["predictions"][0][2] == 3.0
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 3.0
        assert ask(server, "made/labels/canary")["predictions"][0][2] == 4.0
        apply(server, model(base, labels=(("stable", 2),), **ALL))
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 4.0
        error = {"error": "Unrecognized servable version label: canary"}
        assert ask(server, "made/labels/canary") == error


def test_a_label_leaves_a_version_before_the_version_leaves(base, monkeypatch):
    """One change moves the label and retires its version, while another model still loads."""
    save_made(base, 2, 1.0)
    load, gate = ModelVersions.load, threading.Event()

    async def late(versions):
        await load(versions)
        if versions.name == "slow":
            await asyncio.to_thread(gate.wait, 20)

    monkeypatch.setattr(ModelVersions, "load", late)
    new = model(base, policy=Policy(specific=(2,)), labels=(("stable", 2),))
    with running(model(base, **ALL)) as server:
        apply(server, model(base, labels=(("stable", 1),), **ALL))
        work = server.models.apply([new, model(base, "slow")])
        change = asyncio.run_coroutine_threadsafe(work, server.loop)
        until(lambda: states(server, "slow") == {2: "AVAILABLE"})
        during = ask(server, "made/labels/stable"), states(server)[1]
        gate.set()
        change.result(20)
        assert during == ({"predictions": [[2.0, 2.0, 4.0]]}, "AVAILABLE")
        until(lambda: states(server)[1] == "END")


def test_a_version_and_its_label_are_two_changes(base):
    """The second comes once the version is loaded; together nothing of them is taken."""
    save_made(base, 2, 1.0)
    first = {"policy": Policy(specific=(1,)), "labels": (("stable", 1),)}
    both = {"policy": Policy(specific=(1, 2))}
    with running(model(base, policy=Policy(specific=(1,)))) as server:
        apply(server, model(base, **first))
        refusal = "version 2 of model made, which is not currently available for inference$"
        with pytest.raises(StatusError, match=refusal) as raised:
            apply(server, model(base, labels=(("stable", 2),), **both))
        assert raised.value.code is Code.FAILED_PRECONDITION
        assert states(server) == {1: "AVAILABLE"}
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 3.0
        apply(server, model(base, labels=(("stable", 1),), **both))
        apply(server, model(base, labels=(("stable", 2),), **both))
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 4.0


def test_status_and_metadata_are_told_of_a_label(base):
    save_made(base, 2, 1.0)
    with running(model(base, **ALL)) as server:
        apply(server, model(base, labels=(("stable", 1), ("two words", 2)), **ALL))
        url = server.url + "/v1/models/made/labels/"
        status = requests.get(url + "stable", timeout=5).json()["model_version_status"]
        assert [entry["version"] for entry in status] == ["1"]
        spec = requests.get(url + "two%20words/metadata", timeout=5).json()["model_spec"]
        assert spec == {"name": "made", "signature_name": "", "version": "2"}
        answer = requests.get(url + "canary", timeout=5)
        error = {"error": "Unrecognized servable version label: canary"}
        assert (answer.status_code, answer.json()) == (400, error)


def test_no_label_is_there_at_the_start_without_a_permission(base):
    with pytest.raises(UserError, match="--allow_version_labels_for_unavailable_models"):
        with running(model(base, labels=(("stable", 1),))):
            pass


def test_a_label_of_a_version_that_the_same_change_drops_finds_nothing(base):
    save_made(base, 2, 1.0)
    with running(model(base, **ALL)) as server:
        apply(server, model(base, policy=Policy(specific=(2,)), labels=(("stable", 1),)))
        error = {"error": "Servable not found for request: Specific(made, 1)"}
        assert ask(server, "made/labels/stable") == error


def test_a_label_of_a_version_that_is_not_loaded_needs_a_permission(base):
    wanted = model(base, labels=(("stable", 7),))
    with running(wanted, free_labels=True) as server:
        error = {"error": "Servable not found for request: Specific(made, 7)"}
        assert ask(server, "made/labels/stable") == error


def test_a_label_in_use_moves_only_to_a_loaded_version(base):
    wanted = model(base, labels=(("stable", 1),))
    with running(wanted, free_labels=True) as server:
        with pytest.raises(Exception, match="not currently available for inference"):
            apply(server, model(base, labels=(("stable", 7),)))
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 3.0


def test_a_model_moves_to_another_path_without_a_gap(base):
    other = base.parent / "other"
    save_made(other, 1, 3.0)
    with running(model(base)) as server:
        apply(server, model(other))
        assert ask(server)["predictions"][0][2] == 8.0


def test_a_model_stays_where_its_new_path_holds_nothing(base):
    with running(model(base)) as server:
        with pytest.raises(Exception, match="No version of model made loads"):
            apply(server, model(base.parent / "nowhere"))
        assert ask(server)["predictions"][0][2] == 3.0


CONFIG = """
model_config_list {
  config {
    name: "made"
    base_path: "%s"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: [1, 2] } }
    version_labels { key: "stable" value: %d }
  }
}
"""


def test_a_config_file_is_read_again(base):
    save_made(base, 2, 1.0)
    path = base.parent / "models.config"
    path.write_text(CONFIG % (base, 1))
    with running(config_file=path, config_poll=0.1, free_labels=True) as server:
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 3.0
        path.write_text("model_config_list {")  # half written: nothing changes
        time.sleep(0.3)
        assert ask(server, "made/labels/stable")["predictions"][0][2] == 3.0
        path.write_text(CONFIG % (base, 2))
        until(lambda: ask(server, "made/labels/stable")["predictions"][0][2] == 4.0)


def test_a_config_is_read_in_full(tmp_path):
    (tmp_path / "a.config").write_text(CONFIG % ("/models/made", 2))
    (read,) = read_models(tmp_path / "a.config")
    assert (read.name, str(read.base_path)) == ("made", "/models/made")
    assert read.policy == Policy(specific=(1, 2))
    assert read.labels == (("stable", 2),)


def test_policies_of_a_config():
    for given, policy in [
        ("", Policy(1)),
        ("model_version_policy { latest { num_versions: 3 } }", Policy(3)),
        ("model_version_policy { all {} }", Policy(0)),
    ]:
        (read,) = models_of(configured("model_platform: 'tensorflow' " + given))
        assert read.policy == policy


def configured(text):
    from google.protobuf import text_format
    from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

    config = ModelServerConfig()
    text_format.Parse(f"config {{ name: 'a' base_path: '/a' {text} }}", config.model_config_list)
    return config


def test_the_old_word_for_a_platform_will_do():
    (read,) = models_of(configured("model_type: TENSORFLOW"))
    assert read.name == "a"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "illegal setting neither model_type .* nor model_platform"),
        ("model_type: TENSORFLOW model_platform: 'tensorflow'", "illegal setting both"),
        ("model_type: OTHER", "model_type 2 is not supported"),
        ("model_platform: 'caffe'", "unsupported model_platform 'caffe'"),
    ],
)
def test_a_model_without_a_platform_that_is_known_is_refused(text, words):
    with pytest.raises(StatusError, match=words) as raised:
        models_of(configured(text))
    assert raised.value.code is Code.INVALID_ARGUMENT


def record(folder, *logs):
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
    path.parent.mkdir()
    with tf.io.TFRecordWriter(str(path)) as writer:
        for log in logs:
            writer.write(log)


def warm(value, signature="sums"):
    log = prediction_log_pb2.PredictionLog()
    request = log.predict_log.request
    request.model_spec.signature_name = signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([[float(value)]]))
    return log.SerializeToString()


def test_warm_up_records_are_played(base):
    record(base / "1", warm(1), warm(2))
    with running(model(base)) as server:
        assert states(server) == {1: "AVAILABLE"}


@pytest.mark.parametrize(
    ("kind", "signature"),
    [("classify_log", ""), ("regress_log", "value"), ("multi_inference_log", "")],
)
def test_warm_up_records_are_of_every_kind(tmp_path, kind, signature):
    folder = save_examples(tmp_path)
    servable = Servable("examples", 1, folder)
    record(folder, recorded(kind, signature))
    assert warm_up(servable, folder) == 1
    shutil.rmtree(folder / "assets.extra")
    record(folder, recorded(kind, signature), recorded(kind, "none"))
    with pytest.raises(StatusError, match="none"):
        warm_up(servable, folder)
    servable.close()


def recorded(kind, signature):
    log = prediction_log_pb2.PredictionLog()
    request = getattr(log, kind).request
    example = request.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(0.5)
    if kind == "multi_inference_log":
        task = request.tasks.add(method_name="tensorflow/serving/classify")
        task.model_spec.name, task.model_spec.signature_name = "examples", signature
    else:
        request.model_spec.signature_name = signature
    return log.SerializeToString()


@pytest.mark.parametrize(
    "logs", [[warm(-1)], [b"\xff"], [b""], [warm(1, "none")], [warm(1)] * 1001], ids=len
)
def test_a_version_whose_warm_up_fails_does_not_answer(base, logs):
    record(base / "1", *logs)
    with running(model(base)) as server:
        assert states(server) == {1: "END"}


def test_an_exported_chain_answers_as_the_chain_does(tmp_path):
    chain = made_chain()
    export_chain(chain, tmp_path, name="voice")
    features = rows(3)
    with running(model(tmp_path / "voice", "voice")) as server:
        answers = ask(server, "voice", {"instances": features.tolist()})["predictions"]
    expected = chain(features)
    for row, answer in enumerate(answers):
        for task in ("gender", "emotion"):
            given = answer[f"{task}_probabilities"]
            assert given == pytest.approx(expected[task][row].numpy().tolist(), abs=1e-6)
            best = max(range(len(given)), key=given.__getitem__)
            assert answer[f"{task}_label"] == answer[f"{task}_classes"][best]
