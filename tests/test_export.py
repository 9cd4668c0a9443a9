"""SavedModels: what they answer, and that TensorFlow alone can load them."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from chain_made import (
    EMOTION,
    answers,
    foreign_chain,
    made_chain,
    recorded_metadata,
    rows,
    scatter_weights,
    two_ears_chain,
)
from tensorflow.core.framework import graph_pb2

from pnn_keras import Chain, Task
from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.export import export_chain, writing
from pnn_keras.export.operations import check_operations

#: Runs as if only TensorFlow were installed: loads, answers, keeps the answer.
ALONE = """
import importlib.machinery, sys

class WithoutKeras:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "pnn_keras", "tf_keras"):
            return None
        return importlib.machinery.PathFinder.find_spec(name, path, target)

sys.meta_path = [f for f in sys.meta_path if f.__module__ == "_frozen_importlib"]
sys.meta_path.append(WithoutKeras())
import numpy as np
import tensorflow as tf

folder, features, output = sys.argv[1:]
loaded = tf.saved_model.load(folder)
answer = loaded.signatures["features"](features=tf.constant(np.load(features)))
np.savez(output, **{name: value.numpy() for name, value in answer.items()})
assert not {"keras", "pnn_keras"} & set(sys.modules)
"""


@pytest.fixture(scope="module")
def chain():
    return made_chain(emotion=Task("emotion", EMOTION.classes, corpus="CREMA-D"))


@pytest.fixture(scope="module")
def exported(chain, tmp_path_factory):
    return export_chain(chain, tmp_path_factory.mktemp("models"), name="made")


@pytest.fixture(scope="module")
def loaded(exported):
    return tf.saved_model.load(str(exported))


def call(loaded, signature="features", **inputs):
    function = loaded.signatures[signature]
    return {
        k: v.numpy() for k, v in function(**{k: tf.constant(v) for k, v in inputs.items()}).items()
    }


def test_tensorflow_alone_gives_the_same_numbers(chain, exported, tmp_path):
    np.save(tmp_path / "features.npy", rows())
    subprocess.run(
        [
            sys.executable,
            "-I",
            "-c",
            ALONE,
            exported,
            tmp_path / "features.npy",
            tmp_path / "answer.npz",
        ],
        check=True,
        cwd=tmp_path,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    answer, expected = np.load(tmp_path / "answer.npz"), answers(chain, rows())
    assert np.abs(answer["gender_probabilities"] - expected["gender"]).max() < 1e-5
    assert (
        np.abs(answer["emotion_at_CREMA_D_probabilities"] - expected["emotion@CREMA-D"]).max()
        < 1e-5
    )


def test_outputs_are_named_after_the_tasks(loaded):
    assert set(call(loaded, features=rows())) == {"valid", "error"} | {
        f"{task}_{output}"
        for task in ("emotion_at_CREMA_D", "gender")
        for output in ("classes", "label", "probabilities")
    }


def test_a_row_of_nan_is_named_and_leaves_the_others_alone(chain, loaded):
    features = rows(3)
    features[1, 2] = np.nan
    answer = call(loaded, features=features)
    assert answer["valid"].tolist() == [True, False, True]
    assert answer["error"].tolist() == [b"", b"The features hold NaN or infinity", b""]
    assert answer["gender_label"][1] == b"" and not answer["gender_probabilities"][1].any()
    expected = answers(chain, rows(3))["gender"][[0, 2]]
    assert answer["gender_probabilities"][[0, 2]] == pytest.approx(expected, abs=1e-6)


def test_label_is_the_most_probable_class(chain, loaded):
    answer = call(loaded, features=rows(50))
    numbers = answers(chain, rows(50))["gender"].argmax(axis=-1)
    assert answer["gender_label"].tolist() == [(b"female", b"male")[n] for n in numbers]


def test_classes_are_given_for_each_row(loaded):
    answer = call(loaded, features=rows(2))
    assert answer["emotion_at_CREMA_D_classes"].tolist() == [[b"angry", b"happy", b"sad"]] * 2


@pytest.mark.parametrize("count", [0, 1, 7])
def test_batch_is_of_any_size(loaded, count):
    answer = call(loaded, features=rows(count))
    assert answer["gender_probabilities"].shape == (count, 2)
    assert answer["gender_classes"].shape == (count, 2)
    assert answer["gender_label"].shape == (count,)


def test_default_signature_is_the_same(loaded):
    one, other = (call(loaded, name, features=rows()) for name in ("features", "serving_default"))
    assert all((one[key] == other[key]).all() for key in one)


def test_input_is_declared_by_name_and_shape(loaded):
    ((_, inputs),) = [loaded.signatures["features"].structured_input_signature]
    assert inputs["features"].shape.as_list() == [None, 5]
    assert inputs["features"].dtype == tf.float32


def test_two_front_ends_are_two_inputs(tmp_path):
    chain = two_ears_chain()
    inputs = {"egemaps": rows(dimension=3), "embeddings": rows(dimension=4)}
    answer = call(tf.saved_model.load(str(export_chain(chain, tmp_path))), **inputs)
    assert answer["emotion_probabilities"] == pytest.approx(answers(chain, inputs)["emotion"])


def test_foreign_model_and_adapter_are_exported(tmp_path):
    chain = foreign_chain()
    answer = call(tf.saved_model.load(str(export_chain(chain, tmp_path))), features=rows())
    assert answer["emotion_probabilities"] == pytest.approx(answers(chain, rows())["emotion"])


def test_only_tensorflow_core_operations_are_used(exported):
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((exported / "saved_model.pb").read_bytes())
    graph = model.meta_graphs[0].graph_def
    used = {node.op for node in graph.node}
    used |= {node.op for function in graph.library.function for node in function.node_def}
    functions = {function.signature.name for function in graph.library.function}
    known = set(dir(tf.raw_ops))
    assert used - functions <= known and not any(op.startswith("PyFunc") for op in used)


def test_export_leaves_the_chain_as_it_was(tmp_path):
    chain = made_chain()
    before = answers(chain, rows())
    export_chain(chain, tmp_path)
    after = answers(chain, rows())
    assert all((before[task] == after[task]).all() for task in before)
    assert [column.trainable for column in chain.columns] == [False, True]


def test_versions_count_up_from_the_highest(chain, tmp_path):
    (tmp_path / "made" / "7").mkdir(parents=True)
    (tmp_path / "made" / "notes").mkdir()
    assert export_chain(chain, tmp_path, name="made") == tmp_path / "made" / "8"


def test_card_lies_beside_the_graph(tmp_path):
    folder = export_chain(made_chain(metadata=recorded_metadata()), tmp_path, name="made")
    text = (folder / "CARD.md").read_text()
    assert "# Gender, then emotion" in text
    assert "| **happy** | 2 | 1 | 1 |" in text
    assert "![" not in text and not list(folder.glob("*.png"))  # no picture that is not there


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "spa ce"])
def test_name_that_is_no_folder_is_refused(chain, tmp_path, name):
    with pytest.raises(UserError, match="A model's name"):
        export_chain(chain, tmp_path, name=name)


def test_chain_without_task_is_refused(tmp_path):
    with pytest.raises(UserError, match="answers no task"):
        export_chain(Chain(), tmp_path)


def test_names_that_become_one_are_refused(tmp_path):
    chain = made_chain(emotion=Task("gender", ("a", "b"), corpus="A"))
    chain.add_column(Task("gender", ("a", "b"), corpus="A B"), units=[4])
    chain.add_column(Task("gender", ("a", "b"), corpus="A-B"), units=[4])
    with pytest.raises(UserError, match="would both be exported as 'gender_at_A_B'"):
        export_chain(chain, tmp_path)


SPEAKER = Task("speaker", ("03", "08", "09"))


def speaker_chain():
    chain = Chain(name="speaking")
    chain.add_column(SPEAKER, dimension=5, units=[6, 4])
    chain.add_column(EMOTION, units=[3])
    scatter_weights(chain)
    return chain


def test_a_speaker_column_answers_with_an_embedding_and_no_names(tmp_path):
    chain = speaker_chain()
    answer = call(tf.saved_model.load(str(export_chain(chain, tmp_path))), features=rows())
    assert {key for key in answer if key.startswith("speaker")} == {"speaker_embedding"}
    _, taps = chain.answers_and_taps(rows())
    assert answer["speaker_embedding"] == pytest.approx(np.asarray(taps["speaker"][-1]), abs=1e-6)
    assert answer["emotion_probabilities"] == pytest.approx(answers(chain, rows())["emotion"])


def test_with_all_heads_the_speakers_are_named_too(tmp_path):
    chain = speaker_chain()
    folder = export_chain(chain, tmp_path, heads="all")
    answer = call(tf.saved_model.load(str(folder)), features=rows())
    assert answer["speaker_classes"][0].tolist() == [b"03", b"08", b"09"]
    assert answer["speaker_probabilities"] == pytest.approx(answers(chain, rows())["speaker"])
    assert "speaker_embedding" in answer


def test_unknown_heads_are_refused(tmp_path):
    with pytest.raises(UserError, match="heads is one of open, all. Received: heads='none'"):
        export_chain(made_chain(), tmp_path, heads="none")


def test_a_graph_with_an_operation_of_another_library_is_refused():
    graph_def = graph_pb2.GraphDef()
    graph_def.node.add(op="AddV2").name = "sum"
    function = graph_def.library.function.add()
    function.signature.name = "__inference_f"
    function.node_def.add(op="IO>AudioResample")
    function.node_def.add(op="__inference_f")
    with pytest.raises(UserError, match=r"Received: a graph with IO>AudioResample\."):
        check_operations(graph_def)


def test_a_graph_that_calls_back_into_python_is_refused():
    called = tf.function(lambda x: tf.numpy_function(np.sin, [x], tf.float32))
    graph = called.get_concrete_function(tf.TensorSpec((), tf.float32)).graph
    with pytest.raises(UserError, match="PyFunc"):
        check_operations(graph.as_graph_def())


def test_the_guide_names_every_input_and_output(exported):
    text = (exported / "README.md").read_text()
    assert "| `features` | float32 | (batch, 5) |" in text
    assert "| `emotion_at_CREMA_D_probabilities` | float32 | (batch, 3) |" in text
    assert "| `gender_label` | string | (batch,) |" in text
    assert "no signature for audio" in text and "audio_bytes" not in text


def test_the_loader_of_tensorflow_1_gives_the_same_numbers(chain, exported):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(exported))
        signature = graph.signature_def["features"]
        output = signature.outputs["gender_probabilities"].name
        given = {signature.inputs["features"].name: rows()}
        answer = session.run(output, given)
    assert answer == pytest.approx(answers(chain, rows())["gender"], abs=1e-6)


def test_saved_model_cli_runs_it(chain, exported, tmp_path):
    np.save(tmp_path / "features.npy", rows())
    command = Path(sys.executable).with_name("saved_model_cli")
    arguments = ["run", "--dir", exported, "--tag_set", "serve", "--signature_def", "features"]
    arguments += ["--inputs", f"features={tmp_path / 'features.npy'}", "--outdir", tmp_path]
    subprocess.run([command, *arguments], check=True, capture_output=True)
    answer = np.load(tmp_path / "gender_probabilities.npy")
    assert answer == pytest.approx(answers(chain, rows())["gender"], abs=1e-6)


def test_full_disk_leaves_no_version(chain, tmp_path):
    """A limit on the size of a file stands in for the disk: the kernel refuses the same way."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(PnnKerasError, match="Cannot write"):
            export_chain(chain, tmp_path, name="made")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "made").iterdir()) == []


def test_interrupt_leaves_no_version(chain, tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(writing, "card", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_chain(chain, tmp_path, name="made")
    assert list((tmp_path / "made").iterdir()) == []
