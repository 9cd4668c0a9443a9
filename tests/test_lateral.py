import itertools

import keras
import numpy as np
import pytest
from layer_case import CHECKS, LayerCase

from pnn_keras.errors import UserError
from pnn_keras.lateral import LateralAdapter, LateralDense, MemberDropout

OWN, FIRST, SECOND = (6, 3), (6, 5), (6, 2)


def members_of(*shapes, members=2):
    return tuple((members, *shape) for shape in shapes)


CASES = {
    "dense alone": LayerCase(
        LateralDense, {"units": 4, "activation": "sigmoid"}, (OWN,), (6, 4), 3 * 4 + 4
    ),
    "dense, one source": LayerCase(LateralDense, {"units": 4}, (OWN, FIRST), (6, 4), 8 * 4 + 4),
    "dense, two sources": LayerCase(
        LateralDense,
        {"units": 4, "use_bias": False, "kernel_initializer": "he_normal", "seed": 3},
        (OWN, FIRST, SECOND),
        (6, 4),
        10 * 4,
    ),
    "dense, members": LayerCase(
        LateralDense,
        {"units": 4, "members": 2, "seed": [5, 9]},
        members_of(OWN, FIRST),
        (2, 6, 4),
        2 * (8 * 4 + 4),
    ),
    "dense, members read one source": LayerCase(
        LateralDense, {"units": 4, "members": 2}, (*members_of(OWN), FIRST), (2, 6, 4), 2 * 36
    ),
    "adapter alone": LayerCase(LateralAdapter, {"units": 4}, (OWN,), (6, 4), 3 * 4 + 4),
    "adapter, one source": LayerCase(
        LateralAdapter,
        {"units": 4, "activation": "tanh", "scale": 1.0},
        (OWN, FIRST),
        (6, 4),
        16 + 1 + (5 * 3 + 3) + 3 * 4,
    ),
    "adapter, two sources": LayerCase(
        LateralAdapter,
        {"units": 4, "adapter_units": 7, "activation": "tanh", "adapter_activation": "sigmoid"},
        (OWN, FIRST, SECOND),
        (6, 4),
        16 + 2 + (7 * 7 + 7) + 7 * 4,
    ),
    "adapter, members": LayerCase(
        LateralAdapter,
        {"units": 4, "members": 2, "activation": "tanh", "seed": 1},
        members_of(OWN, FIRST, SECOND),
        (2, 6, 4),
        2 * (16 + 2 + (7 * 3 + 3) + 3 * 4),
    ),
    "adapter, members read one source": LayerCase(
        LateralAdapter,
        {"units": 4, "members": 2, "activation": "tanh"},
        (*members_of(OWN), FIRST),
        (2, 6, 4),
        2 * (16 + 1 + (5 * 3 + 3) + 3 * 4),
    ),
    "dropout": LayerCase(MemberDropout, {"rate": 0.4, "seed": 1}, (OWN,), OWN, 0),
    "dropout, members": LayerCase(
        MemberDropout, {"rate": 0.4, "members": 2, "seed": [3, 1]}, members_of(OWN), (2, 6, 3), 0
    ),
}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_is_a_keras_layer(case, check, tmp_path):
    if not case.weights and check.__name__ == "training_step_moves_every_weight":
        pytest.skip("nothing to train")
    check(case, tmp_path)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def fill(layer):
    """Gives every weight a number of its own and returns them by name."""
    for index, weight in enumerate(layer.weights):
        weight.assign(numbers(*weight.shape, seed=100 + index))
    return {weight.name: np.asarray(weight) for weight in layer.weights}


# Equations 1 and 2


def test_dense_is_equation_1():
    own, first, second = numbers(*OWN), numbers(*FIRST), numbers(*SECOND)
    layer = LateralDense(4, activation="sigmoid")
    layer([own, first, second])
    w = fill(layer)
    expected = sigmoid(
        own @ w["kernel"]
        + first @ w["lateral_kernel_0"]
        + second @ w["lateral_kernel_1"]
        + w["bias"]
    )
    np.testing.assert_allclose(layer([own, first, second]), expected, rtol=1e-5)


def test_dense_of_known_numbers():
    layer = LateralDense(1, kernel_initializer="ones", lateral_initializer="ones")
    own, source = np.array([[1.0, 2.0]]), np.array([[10.0, 20.0, 30.0]])
    assert np.asarray(layer([own, source])).tolist() == [[63.0]]


def test_dense_without_sources_is_keras_dense():
    own = numbers(*OWN)
    layer, dense = LateralDense(4, activation="relu"), keras.layers.Dense(4, activation="relu")
    layer(own), dense(own)
    dense.set_weights(layer.get_weights())
    np.testing.assert_allclose(layer(own), dense(own), rtol=1e-6)


def test_lateral_kernels_have_no_bias():
    layer = LateralDense(4)
    layer.build([OWN, FIRST, SECOND])
    names = [weight.name for weight in layer.weights]
    assert names == ["kernel", "bias", "lateral_kernel_0", "lateral_kernel_1"]


@pytest.mark.parametrize("sources", [(FIRST,), (FIRST, SECOND)])
def test_adapter_is_equation_2(sources):
    own, *read = [numbers(*shape, seed=i) for i, shape in enumerate((OWN, *sources))]
    layer = LateralAdapter(4, adapter_units=7, activation="tanh", adapter_activation="sigmoid")
    layer([own, *read])
    w = fill(layer)
    joined = np.concatenate([w[f"scale_{j}"] * h for j, h in enumerate(read)], axis=-1)
    adapted = sigmoid(joined @ w["projection"] + w["projection_bias"])
    expected = np.tanh(own @ w["kernel"] + adapted @ w["lateral_kernel"] + w["bias"])
    np.testing.assert_allclose(layer([own, *read]), expected, rtol=1e-4, atol=1e-6)


def test_adapter_projects_to_the_width_of_the_layer_below():
    layer = LateralAdapter(4)
    layer.build([OWN, FIRST])
    assert tuple(layer.projection.shape) == (5, 3)


@pytest.mark.parametrize("scale", [1.0, 0.1, 0.01])
def test_adapter_scalars_start_at_scale(scale):
    layer = LateralAdapter(4, scale=scale)
    layer.build([OWN, FIRST, SECOND])
    assert [np.asarray(s).tolist() for s in layer.scales] == [[pytest.approx(scale)]] * 2


def test_adapter_activation_is_that_of_the_layer():
    assert LateralAdapter(4, activation="tanh").adapter_activation is keras.activations.tanh


# Members


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_members_are_ordinary_layers_side_by_side(kind):
    inputs = [numbers(*shape, seed=i) for i, shape in enumerate(members_of(OWN, FIRST, SECOND))]
    stacked = kind(4, activation="tanh", members=2)
    stacked(inputs)
    fill(stacked)
    for member in range(2):
        single = kind(4, activation="tanh")
        single([x[member] for x in inputs])
        for own, theirs in zip(single.weights, stacked.weights, strict=True):
            own.assign(np.asarray(theirs)[member].reshape(own.shape))
        np.testing.assert_allclose(
            stacked(inputs)[member], single([x[member] for x in inputs]), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_source_without_member_axis_is_read_by_all(kind):
    own, source = numbers(2, *OWN), numbers(*FIRST)
    layer = kind(4, activation="tanh", members=2)
    expected = layer([own, np.stack([source, source])])
    np.testing.assert_allclose(layer([own, source]), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_member_starts_as_the_ordinary_layer_of_its_seed(kind):
    stacked, single = kind(4, members=3, seed=[8, 5, 2]), kind(4, seed=5)
    stacked.build(members_of(OWN, FIRST, members=3))
    single.build([OWN, FIRST])
    for ours, theirs in zip(single.weights, stacked.weights, strict=True):
        np.testing.assert_array_equal(ours, np.asarray(theirs)[1].reshape(ours.shape))


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_member_starts_the_same_whatever_is_beside_it(kind):
    many, few = kind(4, members=3, seed=[8, 5, 2]), kind(4, members=2, seed=[2, 7])
    many.build(members_of(OWN, FIRST, members=3))
    few.build(members_of(OWN, FIRST))
    for ours, theirs in zip(many.weights, few.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(ours)[2], np.asarray(theirs)[0])


def test_one_seed_counts_up_over_the_members():
    assert LateralDense(4, members=3, seed=7).seed == [7, 8, 9]


def test_members_differ_from_each_other():
    for seed in (None, 3):
        layer = LateralDense(4, members=2, seed=seed)
        layer.build(members_of(OWN))
        assert not np.array_equal(np.asarray(layer.kernel)[0], np.asarray(layer.kernel)[1])


@pytest.mark.parametrize("members", [None, 4])
def test_member_axis_is_no_part_of_the_fan(members):
    """Glorot's uniform distribution has the variance 2 / (fan in + fan out)."""
    layer = LateralDense(100, members=members, seed=1)
    shapes = [(1, 300), (1, 100)]
    layer.build(shapes if members is None else members_of(*shapes, members=members))
    for kernel, fan_in in ((layer.kernel, 300), (layer.lateral_kernels[0], 100)):
        for one in np.asarray(kernel).reshape(members or 1, fan_in, 100):
            assert one.var() == pytest.approx(2 / (fan_in + 100), rel=0.05)
            assert abs(one).max() <= np.sqrt(6 / (fan_in + 100))


# Initial weights


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("members", [None, 2])
def test_equally_wide_weights_do_not_start_equal(seed, members):
    shapes = [(6, 4)] * 3
    dense = LateralDense(4, members=members, seed=seed)
    adapter = LateralAdapter(4, members=members, seed=seed)
    dense.build(shapes if members is None else members_of(*shapes))
    adapter.build(shapes[:2] if members is None else members_of(*shapes[:2]))
    for weights in (
        (dense.kernel, *dense.lateral_kernels),
        (adapter.kernel, adapter.projection, adapter.lateral_kernel),
    ):
        for one, other in itertools.combinations(weights, 2):
            assert not np.array_equal(one, other)


def test_seed_repeats_the_weights():
    layers = [LateralDense(4, seed=3) for _ in range(2)]
    for layer in layers:
        layer.build([OWN, FIRST])
    for one, other in zip(*(layer.weights for layer in layers), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("seed", [-1, 2**31, 2**40, np.int64(5)])
@pytest.mark.parametrize("members", [None, 2])
def test_takes_any_integer_as_seed(seed, members):
    layer = LateralDense(4, members=members, seed=seed)
    layer.build(OWN if members is None else (2, *OWN))
    dropout = MemberDropout(0.5, members=members, seed=seed)
    assert dropout(np.ones((2, 6, 3)), training=True).shape == (2, 6, 3)


@pytest.mark.parametrize("members", [None, 2])
def test_initializer_with_a_seed_of_its_own_repeats(members):
    kernels = []
    for _ in range(2):
        initializer = keras.initializers.HeNormal(seed=4)
        layer = LateralDense(4, members=members, kernel_initializer=initializer)
        layer.build(OWN if members is None else (2, *OWN))
        kernels.append(np.asarray(layer.kernel))
    np.testing.assert_array_equal(*kernels)


def test_initializer_may_be_a_plain_function():
    def twos(shape, dtype=None):
        return 2 * np.ones(shape, dtype)

    layer = LateralDense(4, members=2, kernel_initializer=twos)
    layer.build((2, *OWN))
    assert set(np.asarray(layer.kernel).ravel()) == {2.0}


def test_initializer_sees_one_member_at_a_time():
    """The identity, say, is defined for matrices only."""
    layer = LateralDense(3, members=2, kernel_initializer="identity")
    layer.build((2, *OWN))
    np.testing.assert_array_equal(layer.kernel, np.stack([np.eye(3)] * 2))


# In anyone's own model


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_fits_in_a_functional_model(kind, tmp_path):
    inputs = keras.Input((3,))
    source = keras.layers.Dense(5, activation="tanh")
    source.trainable = False
    outputs = kind(1)([keras.layers.Dense(4, activation="tanh")(inputs), source(inputs)])
    model = keras.Model(inputs, outputs)
    model.compile(keras.optimizers.Adam(0.05), "mse")
    x = numbers(64, 3)
    y = x[:, :1] - x[:, 1:2]
    losses = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(x, verbose=0), again.predict(x, verbose=0))


# Refusals


@pytest.mark.parametrize("units", [0, -1, 2.5, True, "4", None])
def test_refuses_units(units):
    with pytest.raises(UserError, match="units is a positive integer. Received: units="):
        LateralDense(units)


@pytest.mark.parametrize("members", [0, -2, 1.5])
def test_refuses_members(members):
    with pytest.raises(UserError, match="members is a positive integer"):
        MemberDropout(0.5, members=members)


@pytest.mark.parametrize(
    ("members", "shape"),
    [(None, (2, 6, 3)), (2, (6, 3)), (2, (3, 6, 3)), (None, (6, None)), (None, (3,))],
)
def test_refuses_input_shapes(members, shape):
    expected = r"expects inputs of shape \((2, )?batch, features\). Received: input 0"
    with pytest.raises(UserError, match=expected):
        LateralDense(4, members=members).build(shape)


def test_refuses_a_source_of_another_rank():
    with pytest.raises(UserError, match="Received: input 1 of shape"):
        LateralDense(4).build([(6, 3), (2, 6, 5)])


@pytest.mark.parametrize("kind", [LateralDense, LateralAdapter])
def test_refuses_fewer_sources_than_it_was_built_with(kind):
    layer = kind(4)
    layer.build([OWN, FIRST])
    with pytest.raises(ValueError, match="expects 2 input"):
        layer([numbers(*OWN)])


def test_refuses_other_widths_than_it_was_built_with():
    layer = LateralDense(4)
    layer.build([OWN, FIRST])
    with pytest.raises(ValueError, match="incompatible"):
        layer([numbers(*OWN), numbers(*SECOND)])


@pytest.mark.parametrize("seed", [[1], [1, 2, 3]])
def test_refuses_seeds_that_are_not_one_per_member(seed):
    with pytest.raises(UserError, match=r"one per member \(2\). Received: . seeds"):
        LateralDense(4, members=2, seed=seed)


def test_refuses_seeds_without_members():
    with pytest.raises(UserError, match="Without members, seed is one integer"):
        LateralDense(4, seed=[1, 2])


@pytest.mark.parametrize("rate", [-0.1, 1, 1.5])
def test_refuses_dropout_rates(rate):
    with pytest.raises(UserError, match="at least 0 and below 1"):
        MemberDropout(rate)


# Dropout


def kept(seeds, rate=0.5, shape=(128, 256), calls=1):
    """Which units each member keeps: float (members, calls * units)."""
    layer = MemberDropout(rate, members=len(seeds), seed=seeds)
    ones = np.ones((len(seeds), *shape), "float32")
    masks = [np.asarray(layer(ones, training=True)) != 0 for _ in range(calls)]
    return np.concatenate([mask.reshape(len(seeds), -1) for mask in masks], axis=1).astype(float)


@pytest.mark.parametrize("members", [None, 3])
def test_dropout_is_off_in_inference(members):
    layer = MemberDropout(0.5, members=members)
    x = numbers(3, 6, 4)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=False), x)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_each_member_drops_its_share(rate):
    """Within five standard deviations of a binomial share, for each of 20 members."""
    masks = kept(list(range(20)), rate)
    error = np.sqrt(rate * (1 - rate) / masks.shape[1])
    assert abs(1 - masks.mean(axis=1) - rate).max() < 5 * error


@pytest.mark.parametrize("members", [None, 4])
def test_dropout_keeps_the_expectation(members):
    layer = MemberDropout(0.3, members=members, seed=1)
    output = np.asarray(layer(np.full((4, 200, 200), 7.0, "float32"), training=True))
    assert output.mean(axis=(1, 2)) == pytest.approx([7.0] * 4, rel=0.02)
    assert sorted(set(output.ravel().round(3).tolist())) == [0, 10]


@pytest.mark.parametrize("first", [0, 12345])
def test_masks_of_two_members_are_uncorrelated(first):
    """The seeds are those of two dropout layers of 50 columns side by side."""
    seeds = [(first + member) * 1009 + layer for member in range(50) for layer in (100, 101)]
    masks = kept(seeds)
    correlations = np.corrcoef(masks)[np.triu_indices(len(seeds), 1)]
    assert abs(correlations).max() < 5.5 / np.sqrt(masks.shape[1])
    assert correlations.std() == pytest.approx(1 / np.sqrt(masks.shape[1]), rel=0.1)


def test_masks_of_neighbouring_units_are_uncorrelated():
    mask = kept([4], shape=(400, 300)).reshape(400, 300)
    for one, other in ((mask[1:], mask[:-1]), (mask[:, 1:], mask[:, :-1])):
        correlation = np.corrcoef(one.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(one.size)


def test_masks_are_the_same_whatever_is_beside_a_member():
    alone = kept([7], calls=3)
    beside = kept([3, 7, 11, 5], calls=3)
    np.testing.assert_array_equal(alone[0], beside[1])


def test_masks_differ_from_call_to_call():
    first, second = np.split(kept([7], calls=2)[0], 2)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.03


@pytest.mark.parametrize("members", [None, 2])
def test_seed_repeats_the_masks(members):
    x = np.ones((2, 30, 20), "float32")
    one, other = (MemberDropout(0.5, members=members, seed=6) for _ in range(2))
    np.testing.assert_array_equal(one(x, training=True), other(x, training=True))


@pytest.mark.parametrize("members", [None, 2])
def test_layers_without_a_seed_differ(members):
    x = np.ones((2, 30, 20), "float32")
    one, other = (MemberDropout(0.5, members=members) for _ in range(2))
    assert not np.array_equal(one(x, training=True), other(x, training=True))


def test_rate_of_zero_changes_nothing():
    x = numbers(2, 6, 4)
    np.testing.assert_array_equal(MemberDropout(0, members=2)(x, training=True), x)
