"""Methods: what each of them trains, what it leaves alone, and that groups change nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numbers_made import FileNumbers, make_corpus
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pnn_keras import learner as learner_module
from pnn_keras import methods, source_columns, training
from pnn_keras.bench import Bench, as_sources
from pnn_keras.errors import UserError
from pnn_keras.learner import Learner, Sources
from pnn_keras.material import load_material
from pnn_keras.methods import METHODS, find_method
from pnn_keras.nested import Tuning
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.scores import score_answers
from pnn_keras.shape import Shape
from pnn_keras.task import Task, make_task

SETTINGS = Settings(epochs=4, learning_rate=0.02, batch_size=16)
SHAPE = Shape(units=(6, 5), dropout=0.2)
TUNING = Tuning(widths=(4,), depths=(1,), source_widths=(4,), adapter_units=(2,), trials=1)

WITHOUT_CHAIN = [name for name, method in METHODS.items() if not method.needs_chain]


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    corpora = [make_corpus(folder, apart=2), make_corpus(folder, "other", speakers=4, apart=2)]
    return load_material(corpora, FileNumbers(), workers=1)


@pytest.fixture(scope="module")
def target(material):
    return make_task("emotion@made", material.utterances)


@pytest.fixture(scope="module")
def gender(material):
    return make_task("gender@made", material.utterances)


@pytest.fixture(scope="module")
def division(material, target):
    labelled = target.targets(material.utterances) >= 0
    return make_protocol("speaker-5-fold", material.utterances, labelled)


def make_learner(material, division, members=None, shape=SHAPE, settings=SETTINGS):
    return Learner(material, division, shape, settings, members=members)


@pytest.fixture(scope="module")
def bench(material, division, target, gender):
    return Bench(make_learner(material, division), target, [gender], tuning=TUNING)


@pytest.fixture(scope="module")
def outcomes(bench):
    """What each method makes of all folds."""
    return {name: METHODS[name].learn(bench) for name in WITHOUT_CHAIN}


@pytest.mark.parametrize("name", WITHOUT_CHAIN)
def test_every_method_answers_all_utterances_in_every_fold(outcomes, bench, name):
    answers = outcomes[name].answers
    assert answers.shape == (5, 84, 3)
    np.testing.assert_allclose(answers.sum(axis=-1), 1, atol=1e-5)


@pytest.fixture(scope="module")
def groups(material, division, target, gender):
    """The same members in two groups."""
    groups = {}
    for members in ((3, 4), (0, 1, 2)):
        learner = make_learner(material, division, list(members))
        groups[members] = Bench(learner, target, [gender])
    return groups


@pytest.mark.parametrize("name", ["prognet", "prognet-shuffled", "prognet-random", "ptft"])
def test_members_in_groups_answer_as_members_together(outcomes, groups, name):
    for members, group in groups.items():
        answers = METHODS[name].learn(group).answers
        together = outcomes[name].answers[list(members)]
        np.testing.assert_allclose(answers, together, atol=1e-4)


def test_own_weights_start_alike_with_and_without_a_source(bench):
    sources = as_sources(bench, bench.trained())
    beside, alone = bench.column(sources), bench.column()
    assert np.array_equal(beside.layers[1].kernel, alone.layers[1].kernel)


def test_the_papers_networks_have_the_papers_numbers_of_weights(material, division):
    wide = dataclasses.replace(material, features={"numbers_x": np.zeros((84, 88), np.float32)})
    wide = dataclasses.replace(wide, frontend=Named())
    learner = Learner(wide, division, Shape(), SETTINGS, members=[0])
    emotion = Task("emotion", ("angry", "happy", "neutral", "sad"))
    bench = Bench(learner, emotion, [Task("gender", ("female", "male"))])

    def count(column):
        return sum(int(np.prod(v.shape)) for v in column.trainable_variables)

    prognet = count(bench.column(Sources({}, {"gender": [256] * 4})))
    assert (count(bench.column()), prognet) == (221_188, 418_820)
    width = methods.large_width(bench)
    large = count(bench.column(units=[width] * 4))
    assert abs(large - prognet) < abs(count(bench.column(units=[width + 1] * 4)) - prognet)
    assert abs(large - prognet) / prognet < 0.002


class Named(FileNumbers):
    """A front-end whose input has a plain name."""

    name = "numbers_x"
    stored = True


def test_a_frozen_source_forgets_exactly_nothing(outcomes, bench):
    before = bench.trained()[-1].answers
    for name in ("prognet", "prognet-adapter"):
        assert np.array_equal(outcomes[name].source_answers, before)


def test_fine_tuning_changes_what_the_source_says(outcomes, bench):
    before = bench.trained()[-1].answers
    assert np.abs(outcomes["ptft"].source_answers - before).max() > 0.01


def test_fine_tuning_starts_from_the_sources_layers(bench, monkeypatch):
    started = {}

    def fit(self, column, title, *args, **options):
        started["kernels"] = [np.asarray(layer.kernel) for layer in column.layers]
        raise KeyboardInterrupt

    monkeypatch.setattr(Bench, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        methods.ptft(bench)
    source = bench.trained()[0].column
    for own, theirs in zip(started["kernels"][:-1], source.layers[:-1], strict=True):
        assert np.array_equal(own, theirs.kernel)
    assert started["kernels"][-1].shape[-1] == 3


def test_fine_tuning_the_output_leaves_the_hidden_layers_alone(bench, outcomes):
    # 5 units and a bias for each of three classes are all that is trained.
    assert outcomes["ptft-output"].parameters == 6 * 3
    assert outcomes["ptft"].parameters == outcomes["dnn"].parameters


def test_random_columns_have_their_initial_weights(bench):
    random = source_columns.random_columns(bench.learner, bench.sources)[0].column
    fresh = bench.learner.column(bench.sources[0], bench.learner.members)
    assert np.array_equal(random.layers[0].kernel, fresh.layers[0].kernel)
    trained = bench.trained()[0].column
    assert not np.array_equal(random.layers[0].kernel, trained.layers[0].kernel)
    # The scaler is that of the trained column: the same rows are heard.
    np.testing.assert_allclose(random.scaler.mean, trained.scaler.mean, atol=1e-6)


def test_shuffled_columns_learn_labels_of_the_same_counts(bench, monkeypatch):
    seen = {}
    fit = Learner.fit

    def watched(self, column, folds, *args, **options):
        seen.update(options, stop=[len(fold.stop) for fold in folds])
        return fit(self, column, folds, *args, **options)

    monkeypatch.setattr(Learner, "fit", watched)
    last = [bench.trained()[0].fit.best_epoch.tolist()]
    source_columns.shuffled_columns(bench.learner, bench.sources, last)
    own = bench.sources[0].targets(bench.learner.material.utterances)
    assert np.array_equal(np.bincount(seen["targets"] + 1), np.bincount(own + 1))
    assert not np.array_equal(seen["targets"], own)
    assert np.array_equal(seen["targets"] < 0, own < 0)
    # They take as many epochs as the trained source of the same fold, and stop on nothing.
    assert seen["last"] == bench.trained()[0].fit.best_epoch.tolist()
    assert seen["stop"] == [0] * 5


def test_a_source_is_fitted_anew_on_its_stop_rows_for_the_epochs_that_they_chose(
    material, division, gender, monkeypatch
):
    seen = []
    fit = Learner.fit

    def watched(self, column, folds, *args, **options):
        seen.append((folds, options.get("last")))
        return fit(self, column, folds, *args, **options)

    monkeypatch.setattr(Learner, "fit", watched)
    fitted = source_columns.fit_source(make_learner(material, division), gender)
    (choosing, first), (whole, last) = seen
    assert first is None and last == fitted.fit.best_epoch.tolist()
    for one, other, target in zip(choosing, whole, division.folds, strict=True):
        assert len(one.stop) and not len(other.stop)
        assert np.array_equal(other.train, one.heard)
        # All of it is the target's training rows, whose stop and test speakers it never hears.
        assert np.array_equal(np.sort(other.train), target.train)


@pytest.mark.parametrize("spec", ["speaker@made", "gender@other"])
def test_a_source_that_only_stop_rows_can_score_keeps_them_unheard(material, division, spec):
    task = make_task(spec, material.utterances)
    assert not source_columns.learns_stop_rows(make_learner(material, division), task)


def test_multitask_learns_all_tasks_in_one_trunk(material, division, target, gender):
    settings = dataclasses.replace(SETTINGS, epochs=60)
    bench = Bench(make_learner(material, division, settings=settings), target, [gender])
    heads = np.stack([t.targets(material.utterances) for t in (target, gender)])
    column = bench.column(heads=[gender])
    fitted = bench.fit(column, "multitask", targets=heads)
    features = np.broadcast_to(bench.learner.features, (5, *bench.learner.features.shape))
    parts = column.split(column(features)[0])
    for logits, targets, chance in zip(parts, heads, (1 / 3, 1 / 2), strict=True):
        right = [
            (np.asarray(logits)[member, fold.test].argmax(axis=-1) == targets[fold.test]).mean()
            for member, fold in enumerate(fitted.folds)
        ]
        assert np.mean(right) > chance + 0.2


def test_multitask_learns_from_the_rows_of_another_corpus(
    monkeypatch, material, division, target, gender
):
    heard = {}

    def fit(column, hearing, targets, folds, *others, **options):
        heard["weights"] = [(targets[head][folds[0].train] >= 0).sum() for head in (0, 1)]
        heard["train"] = folds[0].train
        return training.fit_column(column, hearing, targets, folds, *others, **options)

    monkeypatch.setattr(learner_module, "fit_column", fit)
    foreign = make_task("emotion@other", material.utterances)
    learner = make_learner(material, division)
    outcome = METHODS["multitask"].learn(Bench(learner, target, [foreign]))
    own, source = division.folds[0].train, learner.source_folds(foreign)[0].train
    assert np.array_equal(heard["train"], np.concatenate([own, source]))
    assert heard["weights"] == [len(own), len(source)]
    assert outcome.answers.shape == (5, 84, 3)

    within = METHODS["multitask"].learn(Bench(learner, target, [gender]))
    assert np.array_equal(heard["train"], own)
    assert not np.array_equal(within.answers, outcome.answers)


def test_a_reference_is_scikit_learns_classifier_on_the_training_rows(outcomes, bench):
    fold = bench.learner.folds[2]
    features = bench.learner.features
    targets = bench.target.targets(bench.learner.material.utterances)
    scaler = StandardScaler().fit(features[fold.train])
    model = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
    model.fit(scaler.transform(features[fold.train]), targets[fold.train])
    expected = model.predict_proba(scaler.transform(features))
    answers = outcomes["logistic-regression"].answers[2]
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_a_source_of_another_corpus_is_fitted_once_a_repeat(material, target):
    labelled = target.targets(material.utterances) >= 0
    twice = make_protocol("speaker-5-fold", material.utterances, labelled, repeats=2)
    other = make_task("emotion@other", material.utterances)
    bench = Bench(make_learner(material, twice), target, [other])
    source = bench.trained()[0]
    assert source.column.members == 10
    kernels = np.asarray(source.column.layers[0].kernel)
    assert all(np.array_equal(kernels[i], kernels[0]) for i in range(5))
    assert not np.array_equal(kernels[5], kernels[0])
    group = Bench(make_learner(material, twice, [5, 6]), target, [other]).trained()[0]
    np.testing.assert_allclose(group.answers, source.answers[5:7], atol=1e-5)


def both_of_the_other_corpus(material, first):
    """A source, and one of the other corpus that reads it, for two repeats of five folds."""
    target = make_task("emotion@made", material.utterances)
    labelled = target.targets(material.utterances) >= 0
    twice = make_protocol("speaker-5-fold", material.utterances, labelled, repeats=2)
    tasks = [
        make_task(first, material.utterances),
        make_task("emotion@other", material.utterances),
    ]

    def fitted(members=None):
        return Bench(make_learner(material, twice, members), target, tasks).trained()[1]

    return fitted


def test_a_second_source_of_another_corpus_is_fitted_once_a_repeat_too(material):
    fitted = both_of_the_other_corpus(material, "gender@other")
    whole = fitted()
    kernels = np.asarray(whole.column.layers[1].kernel)
    assert whole.column.members == 10 and list(whole.column.sources) == ["gender_at_other"]
    assert all(np.array_equal(kernels[i], kernels[0]) for i in range(5))
    assert not np.array_equal(kernels[5], kernels[0])
    np.testing.assert_allclose(fitted([5, 6]).answers, whole.answers[5:7], atol=1e-5)


def test_a_source_of_another_corpus_that_reads_one_of_this_is_fitted_in_every_fold(material):
    fitted = both_of_the_other_corpus(material, "gender@made")
    whole = fitted()
    kernels = np.asarray(whole.column.layers[1].kernel)
    assert not any(np.array_equal(kernels[i], kernels[0]) for i in range(1, 10))
    np.testing.assert_allclose(fitted([6]).answers, whole.answers[[6]], atol=1e-4)


@pytest.mark.parametrize("name", [n for n in METHODS if n not in WITHOUT_CHAIN])
def test_without_a_chain_there_is_nothing_to_rescale(bench, name):
    with pytest.raises(UserError, match="no trained chain to read"):
        METHODS[name].learn(bench)


def test_several_sources_are_read_at_once(material, division, target, gender):
    speaker = make_task("speaker@made", material.utterances)
    bench = Bench(make_learner(material, division), target, [speaker, gender])
    columns = bench.trained()
    assert list(columns[1].column.sources) == ["speaker_at_made"]
    outcome = METHODS["prognet"].learn(bench)
    one = Bench(make_learner(material, division), target, [gender])
    assert outcome.parameters > METHODS["prognet"].learn(one).parameters


def test_a_target_learns_what_is_there_to_learn(material, division, target, gender):
    settings = dataclasses.replace(SETTINGS, epochs=80)
    shape = Shape(units=(12, 8), dropout=0.1)
    bench = Bench(
        make_learner(material, division, shape=shape, settings=settings), target, [gender]
    )
    targets = target.targets(material.utterances)
    for name in ("ptft", "prognet"):
        score = score_answers(targets, METHODS[name].learn(bench).answers, division.folds, target)
        assert score["uar"] > 0.5, name  # chance is a third


def test_an_unknown_method_is_refused():
    with pytest.raises(UserError, match="A method is one of .*prognet.* Received: 'magic'"):
        find_method("magic")
