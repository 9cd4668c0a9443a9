import ast
import importlib
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnn_keras import Chain, Column, Task
from pnn_keras.errors import UserError
from pnn_keras.foreign_column import ForeignColumn

SPEAKER = Task("speaker", ("a", "b", "c"))
GENDER = Task("gender", ("female", "male"))
EMOTION = Task("emotion", ("angry", "happy", "neutral", "sad"))
LOSS = "sparse_categorical_crossentropy"


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def labels(count, classes, seed=1):
    return np.random.default_rng(seed).integers(0, classes, count)


X, Y = numbers(48, 5), labels(48, 4)


def scatter(layer):
    """Moves every weight off its initial value, so that a lost one is noticed."""
    for index, weight in enumerate(layer.weights):
        weight.assign(weight + 0.5 * abs(numbers(*weight.shape, seed=index)))


def two_columns(**options):
    """Gender, and emotion that reads it; both with dropout."""
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[6, 4], seed=1)
    chain.add_column(EMOTION, **{"units": [6, 4], "seed": 2, **options})
    scatter(chain)
    return chain


def foreign_first():
    """Someone's network with batch normalisation and dropout, and emotion that reads it."""
    model = keras.Sequential(
        [
            keras.Input((5,)),
            keras.layers.Dense(6, activation="tanh", kernel_regularizer="l2"),
            keras.layers.BatchNormalization(name="normal"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Dense(3, activation="tanh", name="top"),
        ]
    )
    chain = Chain([ForeignColumn(model, taps=["normal", "drop", "top"], name="theirs")])
    chain.add_column(EMOTION, units=[6, 4], lateral="adapter", seed=2)
    scatter(chain)
    return chain


def compiled(chain, momentum=0.0):
    """Ready to fit; plain and uncompiled by XLA, which these tests would wait for."""
    optimizer = keras.optimizers.SGD(0.5, momentum)
    chain.compile(optimizer, LOSS, metrics=["accuracy"], jit_compile=False)
    return chain


def answers(chain, inputs=X, **options):
    return {name: np.asarray(p) for name, p in chain(inputs, **options).items()}


def state(layer):
    """Every variable, the moving statistics of batch normalisation among them."""
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in layer.weights]


def heard(chain, inputs=X, **options):
    """What a chain's first column lets others read."""
    column = chain.columns[0]
    return [np.asarray(tap) for tap in column(inputs, **options)[1]]


def assert_equal(one, other):
    keras.tree.map_structure(np.testing.assert_array_equal, one, other)


def trained(layer):
    return sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)


def saved(chain, folder):
    chain.save(folder / "chain.keras")
    return keras.models.load_model(folder / "chain.keras")


# What it answers


def test_answers_every_task():
    chain = two_columns()
    shapes = {name: p.shape for name, p in answers(chain).items()}
    assert shapes == {"gender": (48, 2), "emotion": (48, 4)}
    for p in answers(chain).values():
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)


def test_answer_is_that_of_the_columns_by_hand():
    chain = two_columns()
    gender, emotion = chain.columns
    logits, taps = gender(X)
    own, _ = emotion(X, taps={"gender": taps})
    expected = {"gender": gender.probabilities(logits), "emotion": emotion.probabilities(own)}
    assert_equal(answers(chain), {name: np.asarray(p) for name, p in expected.items()})


def test_the_papers_chain_trains_418820_weights():
    chain = Chain()
    chain.add_column(SPEAKER, dimension=88)
    chain.add_column(EMOTION)
    assert trained(chain) == 418_820


def test_the_papers_first_column_trains_221188_weights():
    chain = Chain()
    chain.add_column(EMOTION, dimension=88)
    assert trained(chain) == 221_188


@pytest.mark.parametrize(
    ("reads", "expected"),
    [
        (None, ["speaker", "gender"]),
        ([], []),
        (["gender"], ["gender"]),
        (["gender", "speaker"], ["gender", "speaker"]),
    ],
)
def test_reads_the_columns_named(reads, expected):
    chain = Chain()
    chain.add_column(SPEAKER, dimension=5, units=[3])
    chain.add_column(GENDER, units=[4, 4])
    column = chain.add_column(EMOTION, reads, units=[5, 5, 5])
    assert list(column.sources) == expected
    assert answers(chain)["emotion"].shape == (48, 4)


def test_a_column_that_reads_nothing_is_independent():
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4])
    chain.add_column(EMOTION, [], units=[4])
    before = answers(chain)["emotion"]
    scatter(chain.columns[0])
    assert_equal(answers(chain)["emotion"], before)


def test_a_source_that_changes_changes_the_answer():
    chain = two_columns()
    before = answers(chain)["emotion"]
    scatter(chain.columns[0])
    assert not np.array_equal(answers(chain)["emotion"], before)


def test_wiring_may_be_named_by_task():
    chain = Chain()
    chain.add_column(Task("gender", ("female", "male"), "My data"), dimension=5, units=[3, 7])
    column = chain.add_column(EMOTION, units=[4], wiring={"gender@My data": [1, 0]})
    assert [layer.lateral_kernels[0].shape[0] for layer in column.layers] == [7, 3]
    assert answers(chain)["emotion"].shape == (48, 4)


def test_two_front_ends_are_two_inputs(tmp_path):
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4], frontend="egemaps")
    chain.add_column(EMOTION, dimension=3, units=[4], frontend="embeddings")
    assert chain.dimensions == {"egemaps": 5, "embeddings": 3}
    inputs = {"egemaps": X, "embeddings": numbers(48, 3)}
    losses = compiled(chain).fit(inputs, Y, epochs=2, verbose=0).history["loss"]
    assert np.isfinite(losses).all()
    assert_equal(answers(saved(chain, tmp_path), inputs), answers(chain, inputs))


def test_one_front_end_may_come_by_name():
    chain = two_columns()
    assert_equal(answers(chain, {"features": X}), answers(chain))


def test_tasks_of_corpora_keep_their_names(tmp_path):
    chain = Chain()
    for corpus in ("CREMA-D", "Émo DB"):
        chain.add_column(Task("emotion", ("sad", "happy"), corpus), dimension=5, units=[4])
    names = ["emotion@CREMA-D", "emotion@Émo DB"]
    assert list(chain.predict(X, verbose=0)) == names
    compiled(chain).fit(X, {names[1]: labels(48, 2)}, verbose=0)
    again = saved(chain, tmp_path)
    assert [task.name for task in again.tasks] == names
    assert again.column(names[0]).task.corpus == "CREMA-D"


def test_column_is_found_by_name_and_by_task():
    chain = Chain()
    column = chain.add_column(EMOTION, dimension=5, units=[4], name="first")
    assert chain.column("first") is chain.column("emotion") is column


def test_summary_counts_all_weights():
    lines = []
    two_columns().summary(print_fn=lines.append)
    assert "gender (Column)" in lines[0]


# Frozen means frozen


@pytest.mark.parametrize("make", [two_columns, foreign_first])
def test_frozen_column_stays_bit_identical_through_fit_save_and_load(make, tmp_path):
    chain = compiled(make())
    weights, outputs = state(chain.columns[0]), heard(chain)
    own = state(chain.columns[1].layers[0])
    chain.fit(X, Y, epochs=2, verbose=0)
    again = saved(chain, tmp_path)
    again.fit(X, Y, epochs=2, verbose=0)
    for one in (chain, again):
        assert_equal(state(one.columns[0]), weights)
        assert_equal(heard(one), outputs)
        assert_equal(heard(one, training=False), outputs)
    assert not np.array_equal(state(again.columns[1].layers[0])[0], own[0])


def test_frozen_answer_stays_bit_identical_while_the_next_column_trains():
    chain = compiled(two_columns())
    before = answers(chain)
    chain.fit(X, Y, epochs=2, verbose=0)
    assert_equal(answers(chain)["gender"], before["gender"])
    assert not np.array_equal(answers(chain)["emotion"], before["emotion"])


@pytest.mark.parametrize("make", [two_columns, foreign_first])
def test_frozen_column_hears_no_dropout_in_training(make):
    """All columns frozen, the chain answers in training as it does in inference."""
    chain = make()
    chain.freeze()
    assert_equal(answers(chain, training=True), answers(chain))


def test_dropout_of_the_newest_column_is_active_in_training():
    chain = two_columns()
    in_training = answers(chain, training=True)
    assert_equal(in_training["gender"], answers(chain)["gender"])
    assert not np.array_equal(in_training["emotion"], answers(chain)["emotion"])


def test_scaler_is_not_trained():
    chain = compiled(two_columns())
    before = state(chain.columns[1].scaler)
    chain.fit(X, Y, verbose=0)
    assert_equal(state(chain.columns[1].scaler), before)


def test_the_newest_column_alone_is_trained():
    chain = two_columns()
    assert [column.trainable for column in chain.columns] == [False, True]
    assert trained(chain) == trained(chain.columns[1]) > 0
    assert trained(chain.columns[0]) == 0


def test_freezing_needs_a_new_compile():
    """The step compiled before would go on changing the frozen column."""
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4])
    compiled(chain).fit(X, labels(48, 2), verbose=0)
    chain.add_column(EMOTION, units=[4])
    with pytest.raises(ValueError, match="compile"):
        chain.fit(X, Y, verbose=0)
    compiled(chain).fit(X, Y, verbose=0)


def test_predict_knows_a_column_added_since():
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4])
    chain.predict(X, verbose=0)
    chain.add_column(EMOTION, units=[4])
    assert list(chain.predict(X, verbose=0)) == ["gender", "emotion"]


def test_partly_unfrozen_foreign_model_is_frozen_all_the_way():
    """Its inner flag is False already, so that Keras would not look inside."""
    inner = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4), keras.layers.Dense(3)])
    inner.trainable = False
    inner.layers[1].trainable = True
    model = keras.Sequential([keras.Input((5,)), inner])
    chain = Chain([ForeignColumn(model, taps=[inner.name], name="theirs")])
    chain.add_column(GENDER, units=[4])
    assert trained(chain) == trained(chain.columns[1])


def test_chain_frozen_as_a_whole_takes_a_column_that_trains():
    chain = two_columns()
    chain.trainable = False
    assert trained(chain) == 0
    column = chain.add_column(SPEAKER, units=[4])
    assert trained(chain) == trained(column) > 0


# Training


@pytest.mark.parametrize("form", ["array", "dictionary"])
def test_fits_the_newest_task(form):
    chain = compiled(two_columns(dropout=0.0, activation="tanh"))
    y = (X[:, 0] > 0) * 2 + (X[:, 1] > 0)
    targets = y if form == "array" else {"emotion": y}
    data = {"validation_data": (X, targets), "shuffle": False}
    history = chain.fit(X, targets, epochs=15, verbose=0, **data).history
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    assert set(history) == {"loss", "accuracy", "val_loss", "val_accuracy"}


@pytest.mark.parametrize("form", ["array", "dictionary"])
def test_loss_and_metrics_may_be_named(form):
    chain = two_columns()
    chain.compile("sgd", {"emotion": LOSS}, {"emotion": 1.0}, {"emotion": ["accuracy"]})
    targets = Y if form == "array" else {"emotion": Y}
    assert np.isfinite(chain.fit(X, targets, verbose=0).history["accuracy"]).all()


@pytest.mark.parametrize("form", ["array", "dictionary"])
def test_evaluate_scores_the_newest_task(form):
    chain = compiled(two_columns())
    targets = Y if form == "array" else {"emotion": Y}
    loss, accuracy = chain.evaluate(X, targets, verbose=0)
    p = answers(chain)["emotion"]
    assert accuracy == pytest.approx((p.argmax(axis=1) == Y).mean())
    assert loss == pytest.approx(-np.log(p[np.arange(48), Y]).mean(), rel=1e-3)


def test_evaluate_scores_several_tasks_by_name():
    chain = two_columns()
    names = ("gender", "emotion")
    chain.compile(loss=dict.fromkeys(names, LOSS), metrics={n: ["accuracy"] for n in names})
    targets = {"gender": labels(48, 2), "emotion": Y}
    scores = chain.evaluate(X, targets, verbose=0, return_dict=True)
    for name, p in answers(chain).items():
        expected = (p.argmax(axis=1) == targets[name]).mean()
        assert scores[f"{name}_accuracy"] == pytest.approx(expected)


def test_class_weights_and_sample_weights_count():
    chain = compiled(two_columns())
    p = answers(chain)["emotion"]
    own = -np.log(p[np.arange(48), Y])
    weights = np.linspace(0, 2, 48).astype("float32")
    weighted = chain.evaluate(X, Y, sample_weight=weights, verbose=0, batch_size=48)[0]
    assert weighted == pytest.approx((own * weights).mean(), rel=1e-3)
    history = chain.fit(X, Y, class_weight={0: 0, 1: 0, 2: 0, 3: 0}, verbose=0).history
    assert history["loss"] == [0.0]


def test_trains_the_same_twice_from_the_same_seed():
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        chain = compiled(two_columns())
        chain.fit(X, Y, epochs=2, verbose=0)
        weights.append(state(chain))
    assert_equal(*weights)


# Saving


@pytest.mark.parametrize("make", [two_columns, foreign_first])
def test_saved_chain_is_the_same(make, tmp_path):
    chain = compiled(make())
    chain.fit(X, Y, verbose=0)
    again = saved(chain, tmp_path)
    assert type(again) is Chain
    assert_equal(answers(again), answers(chain))
    assert [c.trainable for c in again.columns] == [c.trainable for c in chain.columns]
    assert trained(again) == trained(chain) and len(again.weights) == len(chain.weights)


def test_saved_chain_goes_on_where_it_stopped(tmp_path):
    chain = compiled(two_columns(dropout=0.0), momentum=0.9)
    chain.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    again = saved(chain, tmp_path)
    for one in (chain, again):
        one.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), answers(chain), answers(again)
    )


@pytest.mark.parametrize("frozen", [0, 1, 2])
def test_saved_chain_keeps_what_is_frozen(frozen, tmp_path):
    chain = two_columns()
    for column, trainable in zip(chain.columns, np.arange(2) >= frozen, strict=True):
        column.trainable = bool(trainable)
    again = saved(chain, tmp_path)
    assert [trained(c) for c in again.columns] == [trained(c) for c in chain.columns]
    assert trained(again) == trained(chain)


@pytest.mark.parametrize("make", [two_columns, foreign_first])
def test_loaded_chain_takes_another_column(make, tmp_path):
    again = saved(make(), tmp_path)
    before = answers(again)["emotion"]
    column = again.add_column(SPEAKER, units=[4, 4])
    assert trained(again) == trained(column)
    compiled(again).fit(X, labels(48, 3), verbose=0)
    assert_equal(answers(again)["emotion"], before)
    assert_equal(answers(saved(again, tmp_path)), answers(again))


def test_chain_keeps_front_ends_and_metadata(tmp_path):
    front_ends, metadata = {"features": {"kind": "egemaps", "n": 88}}, {"scores": [0.5]}
    chain = Chain(frontends=front_ends, metadata=metadata)
    chain.add_column(GENDER, dimension=5, units=[4])
    again = saved(chain, tmp_path)
    assert again.frontends == front_ends and again.metadata == metadata


def test_half_precision_is_kept(tmp_path):
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4], dtype="mixed_float16")
    again = saved(chain, tmp_path)
    assert again.columns[0].layers[0].compute_dtype == "float16"
    assert_equal(answers(again), answers(chain))


def test_a_chain_takes_parts_of_the_users():
    chain = two_columns()
    chain.own_metric = keras.metrics.Mean(name="own")
    assert chain.own_metric in chain.metrics


# Refusals


def test_refuses_a_second_column_of_a_name():
    chain = two_columns()
    with pytest.raises(UserError, match="has a column 'emotion' already"):
        chain.add_column(EMOTION)
    assert len(chain.columns) == 2


def test_refuses_a_second_column_of_a_task():
    """One of the two answers would be lost."""
    with pytest.raises(UserError, match="or one of its task"):
        two_columns().add_column(EMOTION, name="other")


def test_refusal_leaves_the_chain_as_it_was():
    chain = compiled(two_columns())
    with pytest.raises(UserError):
        chain.add_column(EMOTION)
    assert chain.compiled and chain.columns[1].trainable


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reads": ["age"]}, "has no column 'age'. Columns: gender, emotion"),
        ({"dimension": 7}, "'features' gives 5 features. Received: a column of dimension=7"),
        ({"units": []}, "at least one hidden layer"),
        ({"members": 2}, r"take one with column.member\(i\)"),
        ({"wiring": {"gender": [None]}}, "The wiring of 'gender' has 3 values"),
    ],
)
def test_refuses_to_add(options, message):
    with pytest.raises(UserError, match=message):
        two_columns().add_column(SPEAKER, **{"units": [4, 4], **options})


def test_refuses_a_first_column_without_its_number_of_features():
    with pytest.raises(UserError, match="dimension=88"):
        Chain().add_column(EMOTION)


def test_refuses_a_column_built_for_other_sources():
    chain = two_columns()
    with pytest.raises(UserError, match=r"expects to read layers of \[9\] units from 'gender'"):
        chain.append(Column(SPEAKER, 5, sources={"gender": [9]}, units=[4]))
    with pytest.raises(UserError, match="has no column 'age'"):
        chain.append(Column(SPEAKER, 5, sources={"age": [9]}, units=[4]))


def test_refuses_targets_of_an_unknown_task():
    with pytest.raises(UserError, match="tasks: gender, emotion. Received: age"):
        compiled(two_columns()).compute_loss(X, {"age": Y}, answers(two_columns()))


def test_refuses_to_train_without_a_task():
    chain = compiled(Chain())
    with pytest.raises(UserError, match="answers no task yet. Add a column"):
        chain.compute_loss(X, Y, {})


def test_refuses_inputs_that_lack_a_front_end():
    chain = Chain()
    chain.add_column(GENDER, dimension=5, units=[4], frontend="egemaps")
    chain.add_column(EMOTION, dimension=3, units=[4], frontend="embeddings")
    with pytest.raises(UserError, match="hears 2 front-ends and takes a dictionary of egemaps"):
        chain(X)
    with pytest.raises(UserError, match="'emotion' hears 'embeddings'. Received: egemaps"):
        chain({"egemaps": X})


# Any topology


@st.composite
def topologies(draw):
    """For each column its widths, the columns it reads, its laterals and its front-end."""
    columns = []
    for index in range(draw(st.integers(1, 4))):
        units = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
        earlier = st.sampled_from(range(index)) if index else st.nothing()
        reads = draw(st.lists(earlier, unique=True))
        lateral = draw(st.sampled_from(["dense", "adapter"]))
        columns.append((units, reads, lateral, draw(st.sampled_from(["egemaps", "logmel"]))))
    return columns


@given(topologies())
@settings(max_examples=8, deadline=None, derandomize=True)
def test_any_topology_answers_and_saves(tmp_path_factory, topology):
    dimensions = {"egemaps": 3, "logmel": 2}
    chain = Chain()
    tasks = [Task("emotion", ("a", "b", "c"), f"C{i}") for i in range(len(topology))]
    for task, (units, reads, lateral, frontend) in zip(tasks, topology, strict=True):
        chain.add_column(
            task,
            [tasks[i].name for i in reads],
            dimension=dimensions[frontend],
            units=units,
            lateral=lateral,
            frontend=frontend,
        )
    scatter(chain)
    inputs = {name: numbers(4, size) for name, size in dimensions.items()}
    before = answers(chain, inputs)
    assert {name: p.shape for name, p in before.items()} == {task.name: (4, 3) for task in tasks}
    assert trained(chain) == trained(chain.columns[-1])
    assert_equal(answers(saved(chain, tmp_path_factory.mktemp("chain")), inputs), before)


# Other backends


def test_no_layer_calls_tensorflow():
    for module in ("lateral", "column", "chain"):
        source = Path(importlib.import_module(f"pnn_keras.{module}").__file__).read_text()
        assert "tensorflow" not in {
            name.split(".")[0]
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in (getattr(node, "module", None) or "", *(a.name for a in node.names))
        }


ELSEWHERE = """
    import sys
    import numpy as np
    import keras
    from pnn_keras.chain import Chain
    from pnn_keras.column import Column
    from pnn_keras.task import Task

    backend, folder = sys.argv[1:]
    expected = np.load(f"{folder}/expected.npz")
    chain = keras.models.load_model(f"{folder}/chain.keras")
    for name, p in chain(expected["X"]).items():
        np.testing.assert_allclose(p, expected[name], rtol=1e-4, atol=1e-5)
    chain.add_column(Task("gender", ("female", "male")), units=[3], lateral="adapter")
    assert chain(expected["X"], training=True)["gender"].shape == (48, 2)
    column = Column(Task("gender", ("female", "male")), 5, units=[4, 4], members=3, seed=1)
    logits, _ = column(np.stack([expected["X"]] * 3), training=True)
    assert logits.shape == (3, 48, 2)
    if backend != "numpy":
        chain.compile("adam", "sparse_categorical_crossentropy")
        chain.fit(expected["X"], expected["Y"] % 2, verbose=0)
        for name in ("emotion", "speaker"):
            answer = chain(expected["X"])[name]
            np.testing.assert_allclose(answer, expected[name], rtol=1e-4, atol=1e-5)
    assert keras.backend.backend() == backend
"""


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_saved_chain_works_on_another_backend(backend, tmp_path):
    pytest.importorskip("jax", reason="Keras' backends numpy and jax need JAX")
    chain = foreign_first()
    chain.add_column(SPEAKER, units=[3, 3, 3], seed=4)
    chain.save(tmp_path / "chain.keras")
    np.savez(tmp_path / "expected.npz", X=X, Y=Y, **answers(chain))
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(ELSEWHERE), backend, str(tmp_path)],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


def test_saved_file_holds_no_pickle_and_no_code(tmp_path):
    two_columns().save(tmp_path / "chain.keras")
    with zipfile.ZipFile(tmp_path / "chain.keras") as file:
        names = sorted(file.namelist())
        config = json.loads(file.read("config.json"))
    assert names == ["config.json", "metadata.json", "model.weights.h5"]
    assert config["registered_name"] == "pnn_keras>Chain"
