"""Augmented versions reach training rows alone, each in its turn, and change nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from numbers_made import MaskableNumbers, Registered, make_corpus

from pnn_keras import material as material_module
from pnn_keras.augmentation import every_version, first_turns, in_turn, passes
from pnn_keras.bench import Bench
from pnn_keras.card import card
from pnn_keras.chain_training import train
from pnn_keras.errors import UserError
from pnn_keras.experiments import Experiment, Study, read_run, run_experiment
from pnn_keras.frontends import create_frontend
from pnn_keras.learner import Learner
from pnn_keras.material import load_material
from pnn_keras.methods import METHODS
from pnn_keras.nested import Tuning
from pnn_keras.protocol import make_protocol
from pnn_keras.references import reference_answers
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape
from pnn_keras.source_columns import fit_source
from pnn_keras.speaker_scaling import standardise
from pnn_keras.stack import Stack
from pnn_keras.task import make_task
from pnn_keras.tuning import tune

pytestmark = pytest.mark.usefixtures("uncompiled")

AUGMENT = 2
VERSIONS = 1 + AUGMENT
SETTINGS = Settings(epochs=VERSIONS, batch_size=16, learning_rate=0.01)
TUNING = Tuning(widths=(4,), source_widths=(4,), depths=(1, 2), adapter_units=(2,), trials=2)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"), damaged=("s3-1",))


@pytest.fixture(scope="module")
def material(made):
    return load_material([made], MaskableNumbers(), augment=AUGMENT, workers=1)


@pytest.fixture(scope="module")
def target(material):
    return make_task("emotion", material.utterances)


@pytest.fixture(scope="module")
def division(material, target):
    labelled = target.targets(material.utterances) >= 0
    return make_protocol("speaker-5-fold", material.utterances, labelled)


def watch(patch):
    """What reaches fits: ``(rows, weights)`` of each epoch, the rows answered, and the tables."""
    seen = {"epochs": [], "answered": [], "stacks": []}
    train_epoch, answer = Stack.train_epoch, Stack.answer

    def noted_epoch(self, rows, weights):
        seen["stacks"].append(self)
        seen["epochs"].append((rows.copy(), weights.copy()))
        return train_epoch(self, rows, weights)

    def noted_answer(self, rows):
        seen["answered"].append(rows.copy())
        return answer(self, rows)

    patch.setattr(Stack, "train_epoch", noted_epoch)
    patch.setattr(Stack, "answer", noted_answer)
    return seen


@pytest.fixture
def heard(monkeypatch):
    """What reaches the fits of a test."""
    return watch(monkeypatch)


@pytest.fixture(scope="module")
def learned(material, division, target):
    """What reached the fit of a target."""
    with pytest.MonkeyPatch.context() as patch:
        seen = watch(patch)
        METHODS["dnn"].learn(Bench(make_learner(material, division), target))
    return seen


def make_learner(material, division, settings=SETTINGS):
    return Learner(material, division, Shape((5, 4), 0.2), settings)


def trained_on(epoch, member):
    """The rows, without gaps, that a member trained on in an epoch."""
    rows, weights = epoch
    return rows[:, member][weights[0, :, member] > 0]


folds = st.lists(st.sampled_from(["train", "stop", "test"]), min_size=1, max_size=40)


@given(roles=folds, versions=st.integers(1, 5), epochs=st.integers(1, 12), seed=st.integers(0, 99))
def test_no_fold_trains_on_a_version_of_what_it_is_stopped_or_tested_on(
    roles, versions, epochs, seed
):
    roles = np.array(roles)
    train = np.flatnonzero(roles == "train")
    first = first_turns(np.random.default_rng(seed), len(train), versions)
    n = len(roles)
    for epoch in range(epochs):
        rows = in_turn(train, first, epoch, versions, n)
        assert (rows < versions * n).all()
        assert (roles[rows % n] == "train").all()
    assert (roles[every_version(train, versions, n) % n] == "train").all()


@given(roles=folds, versions=st.integers(1, 5), start=st.integers(0, 9), seed=st.integers(0, 99))
def test_in_as_many_epochs_as_there_are_versions_each_is_heard_once(roles, versions, start, seed):
    train = np.flatnonzero(np.array(roles) == "train")
    first = first_turns(np.random.default_rng(seed), len(train), versions)
    epochs = range(start, start + versions)
    rows = [in_turn(train, first, epoch, versions, len(roles)) for epoch in epochs]
    every = every_version(train, versions, len(roles))
    assert sorted(np.concatenate(rows)) == sorted(every)


def test_without_augmentation_nothing_is_drawn():
    generator = np.random.default_rng(3)
    assert first_turns(generator, 5, 1).tolist() == [0] * 5
    assert generator.random() == np.random.default_rng(3).random()


def test_the_passes_follow_the_plain_table(material, made):
    plain = np.array(
        [u.path.read_text().split() for u in made if u.id != "s3-1.txt"], dtype=np.float32
    )
    expected = np.concatenate([plain, plain + 1000, plain + 2000])
    np.testing.assert_array_equal(material.features["maskable"], expected)
    assert len(material.utterances) == len(plain)


def test_a_damaged_recording_is_named_once(material):
    assert [name for name, _ in material.skipped] == ["s3-1.txt"]


def test_an_epoch_hears_each_training_row_once(material, division, learned):
    n = len(material.utterances)
    for epoch in learned["epochs"]:
        for member, fold in enumerate(division.folds):
            assert sorted(trained_on(epoch, member) % n) == sorted(fold.train)


def test_every_pass_of_each_training_row_reaches_the_fit(material, division, learned):
    features = learned["stacks"][0].features.numpy()
    plain = material.features["maskable"][: len(material.utterances)]
    for member, fold in enumerate(division.folds):
        rows = np.concatenate([trained_on(epoch, member) for epoch in learned["epochs"]])
        expected = [plain[row] + 1000 * k for row in fold.train for k in range(VERSIONS)]
        assert sorted(map(tuple, features[rows])) == sorted(map(tuple, expected))


def test_stop_rows_are_heard_as_they_are(material, learned):
    assert max(rows.max() for rows in learned["answered"]) < len(material.utterances)


def test_a_version_has_the_class_and_the_weight_of_its_recording(
    material, division, target, learned
):
    n, targets = len(material.utterances), target.targets(material.utterances)
    for rows, weights in learned["epochs"]:
        np.testing.assert_array_equal(
            learned["stacks"][0].labels.numpy()[0][rows], targets[rows % n]
        )
        for member, fold in enumerate(division.folds):
            counts = np.bincount(targets[fold.train])
            real = weights[0, :, member] > 0
            expected = len(fold.train) / (len(counts) * counts[targets[rows[:, member][real] % n]])
            np.testing.assert_allclose(weights[0, :, member][real], expected, rtol=1e-6)


def test_scalers_are_fitted_on_rows_as_they_are(material, division, target):
    learner = make_learner(material, division)
    fitted = learner.fit(learner.column(target, learner.members), learner.folds, title="")
    for member, fold in enumerate(division.folds):
        expected = material.features["maskable"][fold.train].mean(axis=0)
        np.testing.assert_allclose(
            fitted.column.scaler.mean[member, 0].numpy(), expected, rtol=1e-4
        )


def test_a_source_is_read_masked_where_the_target_is(material, division):
    learner = make_learner(material, division)
    fitted = fit_source(learner, make_task("gender", material.utterances))
    n = len(material.utterances)
    assert fitted.answers.shape[1] == n
    assert fitted.taps[0].shape[1] == VERSIONS * n
    masked = np.broadcast_to(material.features["maskable"][n : 2 * n], (5, n, 3))
    _, hidden = fitted.column(tf.constant(masked), training=False)
    np.testing.assert_allclose(fitted.taps[0][:, n : 2 * n], hidden[0], atol=1e-5)


def test_a_source_s_fold_never_trains_on_what_the_target_keeps(material, division, heard):
    learner = make_learner(material, division)
    fit_source(learner, make_task("gender", material.utterances))
    n = len(material.utterances)
    for epoch in heard["epochs"]:
        for member, fold in enumerate(division.folds):
            kept = np.concatenate([fold.stop, fold.test])
            assert not np.isin(trained_on(epoch, member) % n, kept).any()


@pytest.fixture(scope="module")
def bench(material, division, target):
    learner = make_learner(material, division, Settings(epochs=1))
    sources = [make_task("gender", material.utterances)]
    return Bench(learner, target, sources, tuning=TUNING)


@pytest.mark.parametrize("name", sorted(n for n, m in METHODS.items() if not m.needs_chain))
def test_every_method_answers_for_each_utterance_once(bench, material, name):
    outcome = METHODS[name].learn(bench)
    assert outcome.answers.shape[:2] == (5, len(material.utterances))


@pytest.mark.parametrize("name", ["logistic-regression", "svm"])
def test_versions_that_are_all_alike_change_no_reference(material, division, target, name):
    n = len(material.utterances)
    plain, targets = material.features["maskable"][:n], target.targets(material.utterances)
    rows = [fold.train for fold in division.folds]
    one = reference_answers(name, plain, targets, division.folds, rows)
    three = reference_answers(name, np.tile(plain, (3, 1)), targets, division.folds, rows)
    np.testing.assert_allclose(three, one, atol=1e-3)


def test_versions_are_standardised_by_their_speaker_s_plain_rows():
    plain = np.array([[1.0], [3.0], [50.0], [70.0]], np.float32)
    masked = np.array([[2.0], [4.0], [60.0], [80.0]], np.float32)
    scaled = standardise(np.concatenate([plain, masked]), ["a", "a", "b", "b"])
    assert scaled.ravel().tolist() == [-1.0, 1.0, -1.0, 1.0, 0.0, 2.0, 0.0, 2.0]


@pytest.fixture(scope="module")
def chain(made):
    return train(
        "emotion",
        source="gender",
        corpus=made,
        frontend=MaskableNumbers(),
        augment=AUGMENT,
        units=(5, 4),
        settings=SETTINGS,
        progress=False,
        workers=1,
    )


def test_a_chain_records_how_many_passes_it_learned_from(chain):
    assert chain.metadata["augment"] == AUGMENT
    assert "learned from 2 masked versions" in card(chain, chain.metadata)


def test_a_chain_hears_recordings_as_they_are(chain):
    assert chain.frontends == {"maskable": MaskableNumbers().config()}
    assert chain.metadata["frontend"] == MaskableNumbers().config()


def test_every_utterance_is_scored_once(chain, material):
    for score in chain.metadata["scores"]["emotion"].values():
        assert score["utterances"] == len(material.utterances)


def test_a_column_whose_front_end_cannot_mask_hears_recordings_as_they_are(registered, made):
    others = {"registered": Registered().config()}
    both = load_material([made], MaskableNumbers(), others, augment=1, workers=1)
    plain = both.features["maskable"][: len(both.utterances)]
    np.testing.assert_array_equal(both.features["registered"], np.concatenate([plain, plain]))


def test_a_chain_whose_front_end_cannot_mask_is_extended_by_one_that_can(registered, made):
    options = {"units": (5, 4), "settings": SETTINGS, "progress": False, "workers": 1}
    base = train("gender", corpus=made, frontend=Registered(), **options)
    base.metadata["heard"] = {}
    extended = train(
        "emotion", corpus=made, frontend=MaskableNumbers(), augment=1, from_model=base, **options
    )
    assert list(extended.column("emotion").sources) == ["gender"]
    assert sorted(extended.frontends) == ["maskable", "registered"]


def test_a_search_is_another_with_other_passes(made, tmp_path):
    options = {
        "corpus": made,
        "frontend": MaskableNumbers(),
        "settings": SETTINGS,
        "trials": 1,
        "widths": (4,),
        "depths": (1,),
        "progress": False,
        "out": tmp_path / "search",
    }
    tune("emotion", augment=1, **options)
    with pytest.raises(UserError, match="another"):
        tune("emotion", augment=2, **options)


def test_an_experiment_learns_from_passes(registered, made, tmp_path, heard):
    study = Study("emotion", methods=("dnn",))
    asked = Experiment(
        "small", "", (), (study,), "all", "maskable", settings=SETTINGS, shape=Shape((4,))
    )
    changes = {"augment": AUGMENT}
    folder = run_experiment(
        asked, [made], tmp_path / "run", changes=changes, progress=False, workers=1
    )
    assert read_run(folder).experiment.augment == AUGMENT
    utterances = len(made) - 1  # one is damaged
    assert max(rows.max() for rows, _ in heard["epochs"]) >= AUGMENT * utterances


def test_a_negative_number_of_passes_is_refused():
    with pytest.raises(UserError, match="Received: -1"):
        passes(MaskableNumbers(), -1)


def test_egemaps_refuses_to_mask_before_anything_is_heard(made, monkeypatch):
    monkeypatch.setattr(material_module, "extract_features", None)
    with pytest.raises(UserError, match="Received: the front-end egemaps. Use --frontend logmel"):
        load_material([made], "egemaps", augment=1)


def test_embeddings_refuse_to_mask(tmp_path):
    table = tmp_path / "vectors.npz"
    np.savez(table, files=["s0-0.txt"], vectors=np.ones((1, 2), np.float32))
    with pytest.raises(UserError, match="Received: the front-end embeddings"):
        create_frontend(f"embeddings:{table}").masked(1)


def test_the_command_line_refuses_a_front_end_that_cannot_mask(command, tmp_path):
    out = tmp_path / "chain"
    code, _, err = command(
        "train", "--target", "gender", "--augment", "2", "--out", out, "--quiet"
    )
    assert code == 2
    assert "only the front-end logmel" in err
    assert not out.exists()
