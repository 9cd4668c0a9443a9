import keras
import numpy as np
import pytest

from pnn_keras import Column, Task
from pnn_keras.column import Scaler, column_name, default_wiring, freeze
from pnn_keras.errors import UserError
from pnn_keras.foreign_column import ForeignColumn

GENDER = Task("gender", ("female", "male"))
EMOTION = Task("emotion", ("angry", "happy", "neutral", "sad"))


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def trained(layer):
    return sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)


def scatter(layer):
    """Moves every weight off its initial value."""
    for index, weight in enumerate(layer.weights):
        weight.assign(weight + abs(numbers(*weight.shape, seed=index)))


def theirs():
    """Someone's model: hidden layer, batch normalisation, dropout, head."""
    model = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(5, activation="tanh", name="inner"),
            keras.layers.BatchNormalization(name="normal"),
            keras.layers.Dropout(0.5, name="drop"),
            keras.layers.Dense(2, name="head"),
        ]
    )
    scatter(model)
    return model


# The architecture of the paper


def test_dnn_of_the_paper_has_221188_weights():
    assert trained(Column(EMOTION, dimension=88)) == 221_188


def test_prognet_of_the_paper_has_418820_weights():
    assert trained(Column(EMOTION, dimension=88, sources={"speaker": [256] * 4})) == 418_820


def test_defaults_are_those_of_the_paper():
    column = Column(EMOTION, dimension=88)
    assert column.units == [256] * 4
    assert column.activation is keras.activations.sigmoid
    assert [layer.rate for layer in column.dropouts] == [0.5] * 4


def test_first_layer_reads_no_source_and_the_output_reads_the_last():
    column = Column(EMOTION, dimension=88, sources={"speaker": [10, 20, 30, 40]})
    read = [[kernel.shape[0] for kernel in layer.lateral_kernels] for layer in column.layers]
    assert read == [[], [10], [20], [30], [40]]


# What it computes


@pytest.mark.parametrize("members", [None, 2])
def test_column_is_its_formula(members):
    """Scaling, a hidden layer, an output that reads the source; without dropout."""
    axis = () if members is None else (members,)
    column = Column(GENDER, 3, sources={"s": [5]}, units=[4], members=members)
    scatter(column)
    x, tap = numbers(*axis, 6, 3), numbers(*axis, 6, 5)
    hidden, output = column.layers
    scaled = (x - np.asarray(column.scaler.mean)) / np.asarray(column.scaler.deviation)
    h = 1 / (1 + np.exp(-(scaled @ np.asarray(hidden.kernel) + np.asarray(hidden.bias))))
    expected = (
        h @ np.asarray(output.kernel)
        + tap @ np.asarray(output.lateral_kernels[0])
        + np.asarray(output.bias)
    )
    logits, taps = column(x, taps={"s": [tap]})
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(taps[0], h, rtol=1e-4, atol=1e-5)


def test_probabilities_are_the_softmax_of_the_logits():
    column = Column(GENDER, 3, units=[4])
    expected = [[0.25, 0.75]]
    np.testing.assert_allclose(column.probabilities(np.log(expected)), expected, rtol=1e-6)


def test_taps_are_read_before_dropout():
    column = Column(GENDER, 3, units=[50], dropout=0.9)
    x = numbers(6, 3)
    np.testing.assert_array_equal(column(x, training=True)[1][0], column(x)[1][0])


def test_dropout_is_active_in_training_only():
    column = Column(GENDER, 3, units=[50], dropout=0.9, seed=1)
    x = numbers(6, 3)
    np.testing.assert_array_equal(column(x)[0], column(x, training=False)[0])
    assert not np.allclose(column(x, training=True)[0], column(x)[0])


@pytest.mark.parametrize("lateral", ["dense", "adapter"])
def test_member_is_an_ordinary_column_with_its_numbers(lateral):
    column = Column(
        GENDER, 3, sources={"s": [5, 4]}, units=[4, 6], lateral=lateral, members=3, seed=1
    )
    scatter(column)
    x, taps = numbers(3, 6, 3), [numbers(3, 6, 5), numbers(3, 6, 4)]
    logits, hidden = column(x, taps={"s": taps})
    for index in range(3):
        member = column.member(index)
        own, own_hidden = member(x[index], taps={"s": [tap[index] for tap in taps]})
        assert member.members is None
        np.testing.assert_allclose(own, logits[index], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(own_hidden[1], hidden[1][index], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("index", [-1, 2])
def test_refuses_a_member_that_is_not_there(index):
    with pytest.raises(UserError, match=f"Members here: 2. Received: index={index}"):
        Column(GENDER, 3, units=[4], members=2).member(index)


def test_a_members_weights_depend_on_its_own_seed_only():
    many = Column(GENDER, 3, units=[4, 4], members=3, seed=[4, 9, 6]).member(1)
    alone = Column(GENDER, 3, units=[4, 4], seed=9)
    for ours, others in zip(many.weights, alone.weights, strict=True):
        np.testing.assert_array_equal(ours, others)


def test_layers_of_one_shape_do_not_start_equal():
    for seed in (None, 3):
        column = Column(GENDER, 4, units=[4, 4], seed=seed)
        assert not np.array_equal(column.layers[0].kernel, column.layers[1].kernel)


@pytest.mark.parametrize("seed", [None, 3])
def test_layers_of_one_width_do_not_drop_the_same_units(seed):
    column = Column(GENDER, 3, units=[60, 60], members=2, seed=seed)
    ones = np.ones((2, 40, 60), "float32")
    first, second = (np.asarray(layer(ones, training=True)) for layer in column.dropouts)
    for member in range(2):
        correlation = np.corrcoef(first[member].ravel(), second[member].ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(2400)


# Wiring


@pytest.mark.parametrize(
    ("depth", "source_depth", "expected"),
    [
        (1, 1, (None, 0)),
        (4, 4, (None, 0, 1, 2, 3)),
        (4, 1, (None, 0, 0, 0, 0)),
        (4, 2, (None, 0, 1, 1, 1)),
        (2, 4, (None, 0, 1)),
    ],
)
def test_default_wiring(depth, source_depth, expected):
    assert default_wiring(depth, source_depth) == expected


def test_named_wiring_reads_the_layers_named():
    column = Column(
        GENDER,
        3,
        sources={"a": [10, 20], "b": [30]},
        units=[4, 4],
        wiring={"a": [1, None, 0]},
    )
    read = [[kernel.shape[0] for kernel in layer.lateral_kernels] for layer in column.layers]
    assert read == [[20], [30], [10, 30]]
    taps = {"a": [numbers(6, 10), numbers(6, 20)], "b": [numbers(6, 30)]}
    assert column(numbers(6, 3), taps=taps)[0].shape == (6, 2)


@pytest.mark.parametrize("wiring", [[None, 0], [None, 0, 2], [None, 0, -1], [None, 0, 1, 1]])
def test_refuses_a_wiring_that_does_not_fit(wiring):
    with pytest.raises(UserError, match=r"has 3 values .* each None or 0 to 1. Received: \["):
        Column(GENDER, 3, sources={"a": [10, 20]}, units=[4, 4], wiring={"a": wiring})


def test_refuses_a_wiring_of_a_source_it_does_not_read():
    with pytest.raises(UserError, match="names b, which is not read. Read: a"):
        Column(GENDER, 3, sources={"a": [10]}, units=[4], wiring={"b": [None, 0]})


# Refusals


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"units": []}, "at least one hidden layer"),
        ({"units": [4, 0]}, "each of a positive width"),
        ({"lateral": "cubic"}, "lateral is one of dense, adapter. Received: 'cubic'"),
        ({"dimension": 0}, "at least one feature. Received: dimension=0"),
        ({"dropout": 1.0}, "at least 0 and below 1"),
        ({"members": 0}, "members is a positive integer"),
        ({"members": 2, "seed": [1, 2, 3]}, "Received: 3 seeds"),
    ],
)
def test_refuses_options(options, message):
    with pytest.raises(UserError, match=message):
        Column(GENDER, **{"dimension": 3, "units": [4], **options})


def test_refuses_to_run_without_the_taps_it_reads():
    column = Column(GENDER, 3, sources={"a": [5]}, units=[4])
    with pytest.raises(UserError, match="taps of a are missing"):
        column(numbers(6, 3))


@pytest.mark.parametrize("width", [1, 2, 4])
def test_refuses_another_number_of_features(width):
    """Also a single one, which would broadcast to three."""
    with pytest.raises(ValueError, match="expected axis -1 of input shape to have value 3"):
        Column(GENDER, 3, units=[4])(numbers(6, width))


# Keras


@pytest.mark.parametrize("members", [None, 2])
def test_config_makes_an_equal_column(members):
    column = Column(
        GENDER,
        3,
        sources={"a": [5, 6]},
        units=[4, 7],
        activation="relu",
        dropout=0.2,
        lateral="adapter",
        adapter_units=3,
        wiring={"a": [None, 1, None]},
        frontend="logmel",
        members=members,
        seed=np.int64(4),
    )
    config = keras.saving.serialize_keras_object(column)
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == column.get_config()
    assert trained(again) == trained(column)


def test_fits_in_a_functional_model(tmp_path):
    inputs = keras.Input((3,))
    gender = Column(GENDER, 3, units=[4])
    gender.trainable = False
    emotion = Column(EMOTION, 3, sources={"gender": [4]}, units=[8], dropout=0.0)
    _, taps = gender(inputs)
    logits, _ = emotion(inputs, taps={"gender": taps})
    model = keras.Model(inputs, logits)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.1), loss)
    x = numbers(80, 3)
    y = (x[:, 0] > 0) * 2 + (x[:, 1] > 0)
    losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))
    assert trained(again) == trained(model)


def test_dtype_policy_reaches_the_layers():
    column = Column(GENDER, 3, units=[4], dtype="mixed_float16")
    again = Column.from_config(column.get_config())
    for one in (column, again):
        assert one(numbers(6, 3))[0].dtype == "float16"
        assert {weight.dtype for weight in one.trainable_weights} == {"float32"}


def test_trainable_survives_the_config():
    column = Column(GENDER, 3, units=[4], trainable=False)
    again = Column.from_config(column.get_config())
    assert trained(column) == trained(again) == 0
    again.trainable = True
    assert trained(again) == 3 * 4 + 4 + 4 * 2 + 2


def test_freeze_reaches_what_the_flag_alone_does_not():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(2)])
    inner.trainable = False
    inner.layers[1].trainable = True  # as in partial fine-tuning
    outer = keras.Sequential([keras.Input((3,)), inner])
    freeze(outer)
    outer._trainable = True  # what Keras looks at first
    assert outer.trainable_variables == []


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("emotion@CREMA-D", "emotion_at_CREMA-D"),
        ("emotion@my data/1", "emotion_at_my_data_1"),
        ("emotion@Zürich", "emotion_at_Z_rich"),
    ],
)
def test_column_name_is_one_that_tensorflow_takes(task, name):
    assert column_name(task) == name


# Scaler


@pytest.mark.parametrize("members", [None, 2])
def test_scaler_standardises_the_rows_it_was_fitted_on(members):
    axis = () if members is None else (members,)
    x = numbers(*axis, 50, 3) * [1, 10, 100] + [5, -5, 1000]
    scaler = Scaler(3, members)
    scaler.fit(x)
    scaled = np.asarray(scaler(x))
    np.testing.assert_allclose(scaled.mean(axis=-2), np.zeros((*axis, 3)), atol=1e-4)
    np.testing.assert_allclose(scaled.std(axis=-2), np.ones((*axis, 3)), rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e-7])
def test_feature_that_never_varies_becomes_zero(value):
    scaler = Scaler(1)
    scaler.fit(np.full((7, 1), value))
    assert np.asarray(scaler(np.array([[value], [value + 1]]))).tolist() == [[0.0], [0.0]]


def test_scaler_takes_integers():
    scaler = Scaler(1)
    scaler.fit(np.array([[1], [3]]))
    assert np.asarray(scaler(np.array([[3]]))).tolist() == [[1.0]]


def test_scaler_has_nothing_to_train():
    assert Scaler(3).trainable_weights == []
    assert Scaler.from_config(Scaler(3).get_config()).trainable_weights == []


def test_half_precision_does_not_blur_the_features():
    """4000 and 4001 are one number in float16."""
    column = Column(GENDER, 1, units=[4], dtype="mixed_float16")
    column.scaler.fit(np.array([[4000.0], [4001.0]]))
    _, (hidden,) = column(np.array([[4000.0], [4001.0]]))
    assert not np.allclose(hidden[0], hidden[1])


# Someone else's model


def test_foreign_column_gives_the_named_layers():
    model, x = theirs(), numbers(6, 3)
    column = ForeignColumn(model, taps=["inner", "normal"], name="theirs")
    logits, (inner, normal) = column(x, training=True)
    assert logits is None and column.task is None and column.tap_units == [5, 5]
    parts = keras.Model(model.inputs, [model.get_layer(n).output for n in ("inner", "normal")])
    for ours, expected in zip((inner, normal), parts(x), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_foreign_column_is_frozen_whatever_the_mode():
    column = ForeignColumn(theirs(), taps=["drop"])
    x = numbers(6, 3)
    before = [np.asarray(weight) for weight in column.weights]
    np.testing.assert_array_equal(column(x, training=True)[1][0], column(x)[1][0])
    for old, weight in zip(before, column.weights, strict=True):
        np.testing.assert_array_equal(old, weight)


@pytest.mark.parametrize("trainable", [True, False])
def test_foreign_column_has_nothing_to_train(trainable):
    column = ForeignColumn(theirs(), taps=["drop"], trainable=trainable)
    assert column.trainable_variables == []
    assert not any(weight.trainable for weight in column.weights)


def test_foreign_column_leaves_the_model_to_its_owner():
    model = theirs()
    column = ForeignColumn(model, taps=["drop"])
    x = numbers(32, 3)
    before = np.asarray(column(x)[1][0])
    assert len(model.trainable_weights) == 6
    model.compile("sgd", "mse")
    model.fit(x, numbers(32, 2), verbose=0)
    np.testing.assert_array_equal(column(x)[1][0], before)


def test_foreign_column_holds_no_layer_behind_the_taps():
    column = ForeignColumn(theirs(), taps=["inner"])
    assert [layer.name for layer in column.model.layers[1:]] == ["inner"]


@pytest.mark.parametrize(
    ("model", "taps", "message"),
    [
        (theirs, ["outer"], "has no layer 'outer'. Layers: inner, normal, drop, head"),
        (theirs, [], "at least one layer"),
        (lambda: keras.Sequential([keras.layers.Dense(2, name="a")]), ["a"], "is a built"),
        (
            lambda: keras.Sequential([keras.Input((4, 3)), keras.layers.Dense(2, name="a")]),
            ["a"],
            r"one input of shape \(batch, dimension\). Received: .*\(None, 4, 3\)",
        ),
        (
            lambda: keras.Sequential([keras.Input((4,)), keras.layers.Reshape((2, 2), name="a")]),
            ["a"],
            r"Received: layer 'a' of shape \(None, 2, 2\). Put a pooling",
        ),
    ],
)
def test_foreign_column_refuses(model, taps, message):
    with pytest.raises(UserError, match=message):
        ForeignColumn(model(), taps=taps)


def test_foreign_column_refuses_two_inputs():
    inputs = [keras.Input((3,)), keras.Input((3,))]
    model = keras.Model(inputs, keras.layers.Add(name="sum")(inputs))
    with pytest.raises(UserError, match="with one input"):
        ForeignColumn(model, taps=["sum"])


def test_a_temperature_divides_the_logits():
    column = Column(GENDER, dimension=3, units=[4], temperature=2.0)
    logits, _ = column(np.ones((1, 3), "float32"))
    gap = float(logits[0, 0] - logits[0, 1])
    first, second = np.asarray(column.probabilities(logits))[0]
    assert np.log(first / second) == pytest.approx(gap / 2, abs=1e-6)


@pytest.mark.parametrize("temperature", [0, -1, float("inf"), float("nan")])
def test_a_temperature_is_above_0(temperature):
    with pytest.raises(UserError, match="temperature"):
        Column(GENDER, dimension=3, units=[4], temperature=temperature)
