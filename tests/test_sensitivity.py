"""Which connections matter: cases whose answer is known."""

from __future__ import annotations

import functools

import keras
import numpy as np
import pytest
from chain_made import EMOTION, GENDER, foreign_chain, rows, two_ears_chain
from sklearn.linear_model import LogisticRegression

from pnn_keras import Chain, LateralAdapter, Task
from pnn_keras.errors import UserError
from pnn_keras.sensitivity import (
    Read,
    chance_of,
    fisher_sensitivity,
    perturbation_sensitivity,
    reads_of,
)

CLASSES = 3
TASK = Task("emotion", ("angry", "happy", "sad"))


def two_fronts(lateral="dense", units=(8,), source_units=(8,), **options) -> Chain:
    """A source that hears ``theirs``, and a target that hears ``own`` and reads it."""
    chain = Chain()
    chain.add_column(GENDER, dimension=4, frontend="theirs", units=source_units, seed=1)
    common = {"dimension": 4, "frontend": "own", "units": units, "dropout": 0.0, "seed": 2}
    chain.add_column(TASK, activation="tanh", lateral=lateral, **common, **options)
    return chain


def labelled(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Features ``(count, 4)`` that carry the class, and the classes ``(count,)``."""
    generator = np.random.default_rng(seed)
    targets = generator.integers(0, CLASSES, count)
    features = generator.normal(size=(count, 4))
    features[:, :CLASSES] += 2.5 * np.eye(CLASSES)[targets]
    return features.astype("float32"), targets


def noise(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype("float32")


def with_readout(chain: Chain, inputs, targets) -> Chain:
    """The chain, the target's output layer set to the logistic regression on all that it reads.

    An adapter's projection stays as it was drawn.
    """
    output = chain.column("emotion").layers[-1]
    _, taps = chain.answers_and_taps(inputs)
    own, source = (taps[name][-1] for name in ("emotion", "gender"))
    if isinstance(output, LateralAdapter):
        source = output.adapter_activation(source * output.scales[0] @ output.projection)
    read = [np.asarray(activations, np.float64) for activations in (own, source)]
    scales = np.concatenate([activations.std(axis=0) for activations in read])
    fitted = LogisticRegression(max_iter=1000).fit(np.concatenate(read, axis=1) / scales, targets)
    kernel, lateral = np.split(fitted.coef_.T / scales[:, np.newaxis], [read[0].shape[1]])
    output.kernel.assign(kernel)
    lateral_kernels(output)[0].assign(lateral)
    output.bias.assign(fitted.intercept_)
    return chain


def lateral_kernels(layer) -> list:
    """The weights by which what a layer reads of sources reaches it."""
    adapter = isinstance(layer, LateralAdapter)
    return [layer.lateral_kernel] if adapter else layer.lateral_kernels


@functools.cache
def trained_on(carrier: str, lateral: str):
    """A chain fitted where one column's features carry the label and the others' are noise.

    Its layers are no wider than the features: units that say the same could have large weights
    that cancel each other, and would matter one by one.

    Returns:
        The chain, features by front-end and targets that it was not fitted on.
    """
    other = {"own": "theirs", "theirs": "own"}[carrier]
    fitted, targets = labelled(2000, 1)
    heard = {carrier: fitted, other: noise(2000, 2)}
    chain = with_readout(two_fronts(lateral, (4,), (4,)), heard, targets)
    features, targets = labelled(600, 3)
    return chain, {carrier: features, other: noise(600, 4)}, targets


def both_measures(chain, inputs, targets, **options):
    return {
        "AFS": fisher_sensitivity(chain, "emotion", inputs),
        "APS": perturbation_sensitivity(chain, "emotion", inputs, targets, **options),
    }


def mostly_right(chain, inputs) -> np.ndarray:
    """Targets ``(n,)`` of which the chain answers two thirds as they are; all classes are there.

    The output's bias is moved so that each class is answered about equally often.
    """
    output = chain.column("emotion").layers[-1]
    logits = np.log(np.asarray(chain(inputs)["emotion"], np.float64))
    output.bias.assign(output.bias - np.median(logits, axis=0))
    answers = np.asarray(chain(inputs)["emotion"]).argmax(axis=-1)
    assert len(set(answers)) == CLASSES
    numbers = np.arange(len(answers))
    return np.where(numbers % 3, answers, (answers + 1) % CLASSES)


def share_of(found, column: str, layer: int) -> float:
    """The share of a column, as one layer of the target reads it."""
    (share,) = (f.share for f in found if f.read.column == column and f.read.layer == layer)
    return share


@pytest.mark.parametrize("lateral", ["dense", "adapter"])
def test_a_source_that_carries_the_label_is_what_a_deaf_target_depends_on(lateral):
    for found in both_measures(*trained_on("theirs", lateral)).values():
        assert share_of(found, "gender", 1) > 0.95


@pytest.mark.parametrize("lateral", ["dense", "adapter"])
def test_a_source_that_is_noise_does_not_matter(lateral):
    for found in both_measures(*trained_on("own", lateral)).values():
        assert share_of(found, "gender", 1) < 0.05


@pytest.mark.parametrize("lateral", ["dense", "adapter"])
def test_a_source_whose_laterals_are_zero_has_exactly_no_share(lateral):
    chain = two_fronts(lateral, units=(8, 8), source_units=(8, 8))
    for layer in chain.column("emotion").layers[1:]:
        for kernel in lateral_kernels(layer):
            kernel.assign(keras.ops.zeros_like(kernel))
    inputs = {"own": noise(300, 1), "theirs": noise(300, 2)}
    targets = mostly_right(chain, inputs)
    for found in both_measures(chain, inputs, targets).values():
        sources = [each for each in found if each.read.column == "gender"]
        assert [(each.value, each.share) for each in sources] == [(0.0, 0.0)] * 2
        assert [each.share for each in found if each.read.column == "emotion"] == [1.0] * 2


def by_hand(chain, inputs) -> list[float]:
    """The Fisher sums of a linear target's output layer, own and source, from the formula."""
    output = chain.column("emotion").layers[-1]
    _, taps = chain.answers_and_taps(inputs)
    answers = np.asarray(chain(inputs)["emotion"], np.float64)  # (n, classes)
    sums = []
    for name, kernel in (("emotion", output.kernel), ("gender", output.lateral_kernels[0])):
        activations = np.asarray(taps[name][-1], np.float64)  # (n, units)
        kernel = np.asarray(kernel, np.float64)  # (units, classes)
        total = 0.0
        for answer in answers:
            for label in range(CLASSES):
                gradient = kernel @ (np.eye(CLASSES)[label] - answer)
                total += answer[label] * np.sum((gradient * activations.std(axis=0)) ** 2)
        sums.append(total / len(answers))
    return sums


def test_afs_is_that_of_the_formula_for_a_linear_network():
    chain = two_fronts(units=(5,), source_units=(3,))
    inputs = {"own": noise(200, 1), "theirs": noise(200, 2)}
    own, source = by_hand(chain, inputs)
    found = fisher_sensitivity(chain, "emotion", inputs)
    assert [each.value for each in found] == pytest.approx([own, source], rel=1e-4)
    assert [each.share for each in found] == pytest.approx(
        [own / (own + source), source / (own + source)], rel=1e-4
    )


def made_by_hand(scale: float) -> tuple[Chain, np.ndarray]:
    """A target that decides between two classes by the sign of its one unit.

    The unit is +1 or -1. The source's unit is ``tanh`` of the same feature and is
    read with the weight ``scale`` in place of 1.
    """
    chain = Chain()
    task = Task("gender", ("female", "male"))
    source = chain.add_column(task, dimension=1, units=[1], activation="linear", seed=1)
    target = chain.add_column(Task("emotion", ("angry", "sad")), units=[1], activation="linear")
    for column in (source, target):
        column.layers[0].kernel.assign([[1.0]])
    target.layers[1].kernel.assign([[0.5, -0.5]])
    target.layers[1].lateral_kernels[0].assign([[0.5 * scale, -0.5 * scale]])
    return chain, np.array([[1.0], [-1.0]] * 4000, "float32")


@pytest.mark.parametrize(("scale", "expected"), [(1.0, 0.5), (0.5, 0.2), (2.0, 0.8)])
def test_the_share_goes_with_the_square_of_the_weight(scale, expected):
    chain, features = made_by_hand(scale)
    targets = np.asarray(features[:, 0] < 0, int)
    found = both_measures(chain, features, targets)
    assert share_of(found["AFS"], "gender", 1) == pytest.approx(expected, abs=1e-6)
    assert share_of(found["APS"], "gender", 1) == pytest.approx(expected, abs=0.02)


def test_the_precision_is_where_the_normal_distribution_puts_it():
    """The sum is +-2, noise of deviation s on one unit flips it with probability Phi(-2 / s).

    UAR above chance is 0.5 - Phi(-2 / s), so its half is where Phi(-2 / s) = 1 / 4, which is
    at s = 2 / 0.67449.
    """
    chain, features = made_by_hand(1.0)
    targets = np.asarray(features[:, 0] < 0, int)
    found = perturbation_sensitivity(chain, "emotion", features, targets)
    assert [each.value for each in found] == pytest.approx([(0.67449 / 2) ** 2] * 2, rel=0.05)


def test_copies_of_a_source_have_equal_shares():
    chain = Chain()
    chain.add_column(GENDER, dimension=4, units=[6, 6], seed=1)
    chain.add_column(Task("speaker", ("a", "b")), reads=[], units=[6, 6], seed=1)
    copy, source = chain.column("speaker"), chain.column("gender")
    for own, theirs in zip(copy.weights, source.weights, strict=True):
        if own.dtype == "float32":
            own.assign(theirs)
    chain.add_column(TASK, units=[6, 6], seed=3)
    for layer in chain.column("emotion").layers[1:]:
        layer.lateral_kernels[1].assign(layer.lateral_kernels[0])
    features = rows(200, 4)
    targets = mostly_right(chain, features)
    for found in both_measures(chain, features, targets).values():
        for layer in (1, 2):
            assert share_of(found, "gender", layer) == pytest.approx(
                share_of(found, "speaker", layer), rel=1e-5
            )


def test_shares_of_what_one_layer_reads_sum_to_one():
    chain = two_fronts(units=(8, 8), source_units=(8, 8))
    inputs = {"own": noise(200, 1), "theirs": noise(200, 2)}
    targets = mostly_right(chain, inputs)
    for found in both_measures(chain, inputs, targets).values():
        for layer in (1, 2):
            shares = [each.share for each in found if each.read.layer == layer]
            assert sum(shares) == pytest.approx(1)


def test_the_same_seed_gives_the_same_and_another_seed_another_precision():
    chain = two_fronts()
    inputs = {"own": noise(200, 1), "theirs": noise(200, 2)}
    targets = mostly_right(chain, inputs)
    first, again, other = (
        perturbation_sensitivity(chain, "emotion", inputs, targets, seed=seed, draws=2)
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_a_target_that_is_not_above_chance_has_no_perturbation_sensitivity():
    chain = two_fronts()
    inputs = {"own": noise(60, 1), "theirs": noise(60, 2)}
    answers = np.asarray(chain(inputs)["emotion"]).argmax(axis=-1)
    found = perturbation_sensitivity(chain, "emotion", inputs, (answers + 1) % CLASSES)
    assert [(each.value, each.share) for each in found] == [(None, None)] * 2


def test_chance_goes_by_the_classes_that_are_there():
    assert chance_of(np.array([0, 2, 2, 2])) == 0.5


def test_wiring_says_what_is_read_by_which_layer():
    wiring = {"gender": [1, None, 0]}
    chain = two_fronts(units=(8, 6), source_units=(5, 4), wiring=wiring)
    assert reads_of(chain.column("emotion")) == {
        0: [Read(0, "emotion", None, 4), Read(0, "gender", 1, 4)],
        2: [Read(2, "emotion", 1, 6), Read(2, "gender", 0, 5)],
    }


def test_what_is_wired_into_the_first_layer_shares_with_the_features():
    chain = two_fronts(units=(8,), source_units=(5,), wiring={"gender": [0, None]})
    inputs = {"own": noise(200, 1), "theirs": noise(200, 2)}
    targets = mostly_right(chain, inputs)
    for found in both_measures(chain, inputs, targets).values():
        assert [each.read.source_layer for each in found] == [None, 0]
        assert all(each.value > 0 for each in found)


def test_a_shallower_source_is_read_by_several_layers_each_for_itself():
    chain = two_fronts(units=(8, 8, 8), source_units=(5,))
    found = fisher_sensitivity(chain, "emotion", {"own": noise(50, 1), "theirs": noise(50, 2)})
    assert [each.read.layer for each in found] == [1, 1, 2, 2, 3, 3]
    assert len({each.value for each in found}) == 6


def test_every_target_of_a_chain_of_three_is_looked_at_by_itself():
    chain = Chain()
    chain.add_column(Task("speaker", ("a", "b")), dimension=5, units=[8, 8], seed=1)
    chain.add_column(GENDER, units=[8, 8], seed=2)
    chain.add_column(EMOTION, units=[8, 8], seed=3)
    columns = [f.read.column for f in fisher_sensitivity(chain, "emotion", rows(30))]
    assert columns == ["emotion", "speaker", "gender"] * 2
    columns = [f.read.column for f in fisher_sensitivity(chain, "gender", rows(30))]
    assert columns == ["gender", "speaker"] * 2


def test_a_foreign_column_is_read_like_any_other():
    chain = foreign_chain()
    targets = mostly_right(chain, rows(90))
    for found in both_measures(chain, rows(90), targets).values():
        assert [each.read.column for each in found] == ["emotion", "theirs"]
        assert all(each.value > 0 for each in found)


def test_columns_may_hear_different_front_ends():
    inputs = {"egemaps": rows(40, 3), "embeddings": rows(40, 4)}
    found = fisher_sensitivity(two_ears_chain(), "emotion", inputs)
    assert all(each.value > 0 for each in found)


def test_tables_larger_than_a_batch_give_what_small_ones_do(monkeypatch):
    from pnn_keras.sensitivity import fisher
    from pnn_keras.sensitivity import reads as reading

    chain = two_fronts()
    inputs = {"own": noise(100, 1), "theirs": noise(100, 2)}
    whole = [each.value for each in fisher_sensitivity(chain, "emotion", inputs)]
    monkeypatch.setattr(fisher, "_BATCH", 30)
    monkeypatch.setattr(reading, "_BATCH", 40)
    parts = [each.value for each in fisher_sensitivity(chain, "emotion", inputs)]
    assert parts == pytest.approx(whole, rel=1e-5)


def test_the_sources_deeper_layers_are_left_as_they_are():
    """Noise on the source's first layer must not reach the output through its second."""
    chain = two_fronts(units=(8, 8), source_units=(8, 8))
    chain.column("emotion").layers[1].lateral_kernels[0].assign(np.zeros((8, 8)))
    inputs = {"own": noise(100, 1), "theirs": noise(100, 2)}
    found = fisher_sensitivity(chain, "emotion", inputs)
    assert share_of(found, "gender", 1) == 0.0
    assert share_of(found, "gender", 2) > 0.0


@pytest.mark.parametrize("task", ["gender", "theirs"])
def test_a_column_that_reads_none_is_refused(task):
    chain = two_fronts() if task == "gender" else foreign_chain()
    with pytest.raises(UserError, match="reads no other column"):
        fisher_sensitivity(chain, task, rows(9))


@pytest.mark.parametrize("targets", [np.zeros(8, int), np.full(9, -1)])
def test_every_utterance_has_a_class(targets):
    with pytest.raises(UserError, match="9 utterances has a class number"):
        inputs = {"own": noise(9, 1), "theirs": noise(9, 2)}
        perturbation_sensitivity(two_fronts(), "emotion", inputs, targets)


def test_no_utterance_and_no_draw_are_refused():
    empty = {"own": noise(0, 1), "theirs": noise(0, 1)}
    with pytest.raises(UserError, match="none"):
        fisher_sensitivity(two_fronts(), "emotion", empty)
    with pytest.raises(UserError, match="draws=0"):
        perturbation_sensitivity(two_fronts(), "emotion", empty, np.zeros(0), draws=0)
