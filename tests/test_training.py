"""Fitting: members do not touch each other, the best weights win, and runs repeat."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from compiling_made import compiling

from pnn_keras import schedule, stack, training
from pnn_keras.column import Column
from pnn_keras.errors import UserError
from pnn_keras.protocol import Fold
from pnn_keras.schedule import Batches, BestEpochs, Epoch, Settings
from pnn_keras.task import Task
from pnn_keras.training import Hearing, fit_column, hear

TASK = Task("emotion", ("angry", "sad"))
ROWS = np.arange(60)
SEEDS = (11, 22, 33)
#: Training rows of unequal number, yet the same number of batches.
FOLDS = [
    Fold(ROWS[:32], ROWS[32:40], ROWS[40:]),
    Fold(ROWS[20:46], ROWS[46:53], ROWS[:20]),
    Fold(ROWS[30:], ROWS[:12], ROWS[12:30]),
]


@pytest.fixture(scope="module")
def toy():
    """Two classes that one feature tells apart: features (60, 3), targets (60,)."""
    random = np.random.default_rng(0)
    targets = np.arange(60) % 2
    features = random.standard_normal((60, 3)).astype(np.float32)
    features[:, 0] += 6 * targets
    return Hearing(features, {}), targets


def make_column(seeds=SEEDS, dropout=0.0, task=TASK, **options):
    return Column(
        task,
        dimension=3,
        units=[6, 5],
        dropout=dropout,
        activation="relu",
        members=len(seeds),
        seed=list(seeds),
        **options,
    )


def fit(toy, folds=FOLDS, seeds=SEEDS, dropout=0.0, batches=None, **options):
    """A fitted column and its fit."""
    hearing, targets = toy
    column = make_column(seeds, dropout)
    settings = Settings(**{"epochs": 4, "batch_size": 20, "learning_rate": 0.01, **options})
    return column, fit_column(column, hearing, targets, folds, settings, batches=batches)


def weights_of(column, member):
    return [np.asarray(weight[member]) for weight in column.weights]


def same_weights(one, other):
    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)


def alone(toy, member, dropout=0.0, **options):
    """The same member, trained with no other beside it, in the batches that all have."""
    batches = Batches.of(FOLDS, 20)
    column, _ = fit(toy, [FOLDS[member]], [SEEDS[member]], dropout, batches, **options)
    return weights_of(column, 0)


@pytest.fixture(scope="module")
def together(toy):
    """All members fitted at once, without and with dropout."""
    return {dropout: fit(toy, dropout=dropout)[0] for dropout in (0.0, 0.5)}


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("member", range(3))
def test_members_of_unequal_folds_train_as_if_alone(toy, together, member, dropout):
    same_weights(weights_of(together[dropout], member), alone(toy, member, dropout))


def test_members_in_groups_get_the_weights_of_members_together(toy, together):
    batches = Batches.of(FOLDS, 20)
    first, _ = fit(toy, FOLDS[:2], SEEDS[:2], 0.5, batches)
    second, _ = fit(toy, FOLDS[2:], SEEDS[2:], 0.5, batches)
    grouped = [weights_of(first, 0), weights_of(first, 1), weights_of(second, 0)]
    for member in range(3):
        same_weights(weights_of(together[0.5], member), grouped[member])


def test_members_in_another_order_get_the_same_weights(toy, together):
    turned, _ = fit(toy, FOLDS[::-1], SEEDS[::-1], 0.5)
    for member in range(3):
        same_weights(weights_of(together[0.5], member), weights_of(turned, 2 - member))


def test_steps_that_are_not_compiled_give_the_same_weights(toy, together):
    with compiling(False):
        plain, _ = fit(toy, dropout=0.5)
    for member in range(3):
        same_weights(weights_of(together[0.5], member), weights_of(plain, member))


def test_members_that_end_early_leave_the_others_as_they_would_have_been(toy, monkeypatch):
    hearing, targets = toy
    shuffled = np.random.default_rng(1).permutation(targets)  # nothing to learn: all end at once
    options = {"dropout": 0.5, "epochs": 60, "patience": 4, "learning_rate": 0.03}
    sizes = []

    class Watched(stack.Stack):
        def train_epoch(self, rows, weights):
            sizes.append(rows.shape[1])
            return super().train_epoch(rows, weights)

    monkeypatch.setattr(training, "Stack", Watched)
    monkeypatch.setattr(training, "LEAVE_SHARE", 0.3)  # one of three is enough
    leaving, early = fit((hearing, shuffled), **options)
    assert len(set(sizes)) > 1 and sizes[0] == 3  # some left before the last ended
    monkeypatch.setattr(training, "LEAVE_SHARE", 2.0)  # nobody leaves
    staying, late = fit((hearing, shuffled), **options)
    assert early.best_epoch.tolist() == late.best_epoch.tolist()
    for member in range(3):
        same_weights(weights_of(leaving, member), weights_of(staying, member))


def test_a_member_ends_after_the_epoch_given_for_it(toy):
    hearing, targets = toy
    settings = Settings(epochs=9, batch_size=20, learning_rate=0.01)
    unstopped = [Fold(fold.train, fold.stop[:0], fold.test) for fold in FOLDS]
    column = make_column(dropout=0.5)
    made = fit_column(column, hearing, targets, unstopped, settings, last=[1, 3, 2])
    assert made.best_epoch.tolist() == [1, 3, 2]
    for member, epochs in enumerate((1, 3, 2)):
        same, _ = fit(toy, unstopped, dropout=0.5, epochs=epochs)
        same_weights(weights_of(column, member), weights_of(same, member))


def test_a_trace_counts_what_each_epoch_answers_and_changes_nothing(toy):
    hearing, targets = toy
    plain, _ = fit(toy, dropout=0.5, epochs=5)
    column = make_column(dropout=0.5)
    settings = Settings(epochs=5, batch_size=20, learning_rate=0.01)
    rows = [fold.test for fold in FOLDS]
    made = fit_column(column, hearing, targets, FOLDS, settings, traced=rows)
    assert made.traced.shape == (5, 3, 2, 2)
    assert made.traced.sum(axis=(2, 3)).tolist() == [[len(fold.test) for fold in FOLDS]] * 5
    for member, epoch in enumerate(made.best_epoch):
        answers, _ = hear(column, hearing)
        right = answers[member, FOLDS[member].test].argmax(axis=-1) == targets[FOLDS[member].test]
        assert np.trace(made.traced[epoch - 1, member]) == right.sum()
        same_weights(weights_of(plain, member), weights_of(column, member))


def test_the_same_seeds_repeat_a_run_bit_for_bit(toy, together):
    again, _ = fit(toy, dropout=0.5)
    for one, other in zip(together[0.5].weights, again.weights, strict=True):
        assert np.array_equal(one, other)


def test_another_seed_is_another_run(toy):
    first, second = (fit(toy, dropout=0.0, seed=seed)[0] for seed in (0, 1))
    assert not np.array_equal(first.layers[0].kernel, second.layers[0].kernel)


def test_adam_is_that_of_keras():
    random = np.random.default_rng(1)
    start = random.standard_normal((2, 3, 4)).astype(np.float32)
    own, theirs = keras.Variable(start), keras.Variable(start)
    fused, plain = stack.FusedAdam([own], 0.005), keras.optimizers.Adam(0.005)
    for _ in range(20):
        gradient = tf.constant(random.standard_normal(start.shape), tf.float32)
        fused.apply([gradient])
        plain.apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(own, theirs, atol=1e-5)


def test_a_separable_toy_is_learned(toy):
    hearing, targets = toy
    column, result = fit(toy, epochs=30)
    answers, _ = hear(column, hearing)
    for member, fold in enumerate(FOLDS):
        predicted = answers[member, fold.test].argmax(axis=-1)
        assert np.mean(predicted == targets[fold.test]) > 0.9
    assert (result.stop_uar > 0.9).all()


def test_what_a_column_hears_is_scaled_by_training_rows_alone(toy):
    hearing, targets = toy
    changed = hearing.features.copy()
    fold = FOLDS[0]
    changed[fold.test] += 1000
    runs = []
    for features in (hearing.features, changed):
        column = make_column(SEEDS[:1])
        fit_column(column, Hearing(features, {}), targets, [fold], Settings(epochs=2))
        runs.append(column.weights)
    for one, other in zip(*runs, strict=True):
        assert np.array_equal(one, other)


def test_each_members_scaler_is_fitted_on_its_own_training_rows(toy):
    hearing, targets = toy
    column = make_column()
    fit_column(column, hearing, targets, FOLDS, Settings(epochs=1))
    for member, fold in enumerate(FOLDS):
        expected = hearing.features[fold.train].mean(axis=0)
        np.testing.assert_allclose(column.scaler.mean[member, 0], expected, atol=1e-5)


def test_one_array_of_scaling_rows_serves_all_members(toy):
    hearing, targets = toy
    column = make_column()
    fit_column(column, hearing, targets, FOLDS, Settings(epochs=1), scaling_rows=[ROWS])
    expected = np.tile(hearing.features.mean(axis=0), (3, 1))
    np.testing.assert_allclose(column.scaler.mean[:, 0], expected, atol=1e-5)


def test_members_end_with_the_weights_of_their_best_epoch(toy):
    hearing, targets = toy
    column, seen = make_column(), []

    def remember(epoch):
        seen.append([np.asarray(v).copy() for v in column.trainable_variables])

    result = fit_column(
        column,
        hearing,
        targets,
        FOLDS,
        Settings(epochs=12, learning_rate=0.1, batch_size=8),
        remember,
    )
    assert len(set(result.best_epoch)) > 1, "the members are to differ"
    for member, best in enumerate(result.best_epoch):
        for final, then in zip(
            [w for layer in column.layers for w in layer.weights], seen[best - 1], strict=True
        ):
            assert np.array_equal(final[member], then[member])


def test_the_best_epoch_is_that_of_the_highest_uar_then_the_lowest_loss(toy):
    _, result = fit(toy, epochs=15)
    for member, best in enumerate(result.best_epoch):
        ranked = max(result.epochs, key=lambda e: (e.stop_uar[member], -e.stop_loss[member]))
        assert ranked.number == best


def test_without_stop_rows_the_last_epoch_counts(toy):
    _, result = fit(toy, [Fold(ROWS, ROWS[:0], ROWS[:0])], SEEDS[:1], epochs=3)
    assert result.best_epoch.tolist() == [3]
    assert np.isnan(result.stop_uar).all()


def test_a_fitted_column_is_frozen(together):
    assert together[0.0].trainable_variables == []


# When training ends


def epoch(number, stop_uar, stop_loss=1.0):
    one = np.ones(1)
    return Epoch(number, one, one * stop_loss, one * stop_uar, np.ones((1, 2)), np.ones(1, bool))


def run_best(uars, patience=2, losses=None, has_stop=True):
    best = BestEpochs(np.array([has_stop]), 2, patience, 99)
    losses = losses or [1.0] * len(uars)
    for number, (value, loss) in enumerate(zip(uars, losses, strict=True), start=1):
        best.update(epoch(number, value, loss))
        if not best.running[0]:
            return number, best
    return None, best


def test_patience_does_not_count_while_the_stop_fold_is_at_chance():
    assert run_best([0.5] * 20)[0] is None


def test_patience_counts_once_chance_is_left():
    assert run_best([0.5] * 5 + [0.7, 0.6, 0.6])[0] == 8


def test_a_better_epoch_starts_patience_anew():
    assert run_best([0.7, 0.6, 0.8, 0.6, 0.6])[0] == 5


def test_a_tie_goes_to_the_lower_loss():
    _, best = run_best([0.7, 0.7, 0.7], losses=[0.9, 0.5, 0.6], patience=9)
    assert best.epoch.tolist() == [2]


def test_a_tie_of_equal_loss_goes_to_the_earlier_epoch():
    assert run_best([0.7, 0.7], patience=9)[1].epoch.tolist() == [1]


def test_a_member_without_stop_rows_never_stops_early():
    stopped, best = run_best([np.nan] * 9, losses=[np.nan] * 9, has_stop=False)
    assert stopped is None and best.epoch.tolist() == [9]


def test_a_member_that_has_stopped_is_not_improved_again():
    best = BestEpochs(np.array([True]), 2, 1, 99)
    for number, value in enumerate([0.7, 0.6, 0.9], start=1):
        best.update(epoch(number, value))
    assert best.epoch.tolist() == [1] and best.uar.tolist() == [0.7]


def test_training_ends_before_the_last_epoch_when_patience_runs_out(toy):
    hearing, targets = toy
    shuffled = np.random.default_rng(0).permutation(targets)  # nothing to learn, soon overfitted
    _, result = fit(
        (hearing, shuffled),
        FOLDS[1:],
        SEEDS[1:],
        epochs=150,
        patience=3,
        learning_rate=0.03,
    )
    assert (result.stop_uar > schedule.ABOVE_CHANCE / 2).all()
    assert len(result.epochs) == result.best_epoch.max() + 3


# Weights of the rows, batches


def test_balanced_classes_weigh_the_same_in_total():
    targets = np.array([0, 0, 0, 1])
    weights = training._row_weights(targets, np.arange(4), balanced=True)
    assert weights[:3].sum() == pytest.approx(2) and weights[3] == pytest.approx(2)


def test_a_class_that_is_absent_leaves_the_weights_at_one_on_average():
    weights = training._row_weights(np.array([0, 2, 2, 5]), np.arange(3), balanced=True)
    np.testing.assert_allclose(weights, [1.5, 0.75, 0.75])


def test_unbalanced_rows_weigh_one_each():
    assert training._row_weights(np.array([0, 0, 1]), np.arange(3), False).tolist() == [1, 1, 1]


def test_a_row_without_a_class_weighs_nothing():
    targets = np.array([0, -1, 1, 1])
    assert training._row_weights(targets, np.arange(4), balanced=False).tolist() == [1, 0, 1, 1]
    weights = training._row_weights(targets, np.arange(4), balanced=True)
    assert weights.tolist() == [1.5, 0, 0.75, 0.75]


def test_an_epoch_sees_each_training_row_of_each_member_once():
    batches = Batches.of(FOLDS, 10)
    sizes = [len(fold.train) for fold in FOLDS]
    dealt = batches.deal(sizes, [np.random.default_rng(i) for i in range(3)])
    assert dealt.shape == (4, 3, batches.width) and batches.width <= 10
    for member, size in enumerate(sizes):
        seen = dealt[:, member][dealt[:, member] >= 0]
        assert sorted(seen) == list(range(size))


def test_every_member_has_rows_in_every_batch():
    dealt = Batches.of(FOLDS, 10).deal([32, 26, 30], [np.random.default_rng(0)] * 3)
    assert ((dealt >= 0).sum(axis=2) >= 6).all()


# Frozen columns beside


@pytest.mark.parametrize("chunk", [7, 4096])
def test_hearing_in_parts_is_hearing_at_once(toy, chunk):
    hearing, _ = toy
    column = make_column()
    answers, taps = hear(column, hearing, chunk)
    logits, hidden = column(np.broadcast_to(hearing.features, (3, 60, 3)))
    np.testing.assert_allclose(answers, column.probabilities(logits), atol=1e-6)
    assert [tap.shape for tap in taps] == [(3, 60, 6), (3, 60, 5)]
    np.testing.assert_allclose(taps[1], hidden[1], atol=1e-6)


@pytest.mark.parametrize("shared", [False, True])
def test_a_column_learns_from_the_taps_of_a_source(toy, shared):
    hearing, targets = toy
    noise = np.random.default_rng(5).standard_normal((60, 3)).astype(np.float32)
    tap = np.tile(2.0 * targets[:, None] - 1, (1, 4)).astype(np.float32)
    taps = {"gender": [tap] if shared else [np.stack([tap] * 3)]}
    column = make_column(sources={"gender": [4]})
    result = fit_column(
        column, Hearing(noise, taps), targets, FOLDS, Settings(epochs=30, learning_rate=0.05)
    )
    assert (result.stop_uar == 1).all()


# Refusals


@pytest.mark.parametrize("name", ["epochs", "batch_size", "learning_rate", "patience"])
def test_a_setting_that_is_not_positive_is_refused(name):
    with pytest.raises(UserError, match=f"{name} is positive. Received: 0"):
        Settings(**{name: 0})


def test_one_member_per_fold_is_needed(toy):
    with pytest.raises(UserError, match="one member per fold. Received: members=3, 2 folds"):
        fit_column(make_column(), *toy, FOLDS[:2], Settings())


def test_rows_without_a_class_are_refused(toy):
    hearing, targets = toy
    targets = np.where(ROWS == 59, -1, targets)
    with pytest.raises(UserError, match="Fold 0 has rows without a class of 'emotion'"):
        fit_column(make_column(), hearing, targets, FOLDS, Settings())


def test_a_fold_of_one_class_is_refused(toy):
    hearing, targets = toy
    fold = Fold(ROWS[::2], ROWS[1:9], ROWS[:0])
    with pytest.raises(UserError, match="Fold 0 trains 'emotion' on a single class"):
        fit_column(make_column(SEEDS[:1]), hearing, targets, [fold], Settings())


def test_a_gap_in_a_batch_may_be_filled_with_a_row_without_a_class(toy):
    hearing, targets = toy
    folds = [Fold(ROWS[1:32], ROWS[32:40], ROWS[:0]), Fold(ROWS[20:46], ROWS[46:53], ROWS[:0])]
    unlabelled = np.where(ROWS == 0, -1, targets)
    column, _ = fit((hearing, unlabelled), folds, SEEDS[:2])
    labelled, _ = fit((hearing, np.where(ROWS == 0, 1, targets)), folds, SEEDS[:2])
    for member in (0, 1):
        for one, other in zip(
            weights_of(column, member), weights_of(labelled, member), strict=True
        ):
            np.testing.assert_array_equal(one, other)
