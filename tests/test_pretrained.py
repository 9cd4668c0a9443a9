"""Methods on a trained chain: what is fine-tuned, what stays frozen, what is random."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from chain_made import foreign_chain, scatter_weights, two_ears_chain
from numbers_made import FileNumbers, make_corpus

from pnn_keras import Chain, Task
from pnn_keras.base import Base, base_sources
from pnn_keras.bench import Bench
from pnn_keras.errors import UserError
from pnn_keras.learner import Learner
from pnn_keras.material import load_material
from pnn_keras.methods import METHODS
from pnn_keras.pretrained import (
    answering_column,
    chain_answers,
    column_to_tune,
    copied,
    random_sources,
    rescaled_sources,
)
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.shape import Shape
from pnn_keras.task import make_task
from pnn_keras.training import hear

SETTINGS = Settings(epochs=2, learning_rate=0.02, batch_size=16)
SHAPE = Shape(units=(6, 5), dropout=0.2)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    corpus = make_corpus(tmp_path_factory.mktemp("corpora"), apart=2)
    return load_material([corpus], FileNumbers(), workers=1)


def make_chain(material, lateral="dense"):
    """Gender, then speaker, then emotion, which reads speaker before gender."""
    frontend = material.hears
    chain = Chain(frontends={frontend: material.frontend.config()})
    chain.add_column(
        Task("gender", ("female", "male")), dimension=3, frontend=frontend, units=[4, 7]
    )
    chain.add_column(Task("speaker", ("a", "b")), reads=[], units=[5, 4])
    chain.add_column(
        Task("emotion", ("angry", "happy")),
        reads=["speaker", "gender"],
        units=[8, 6, 3],
        lateral=lateral,
        activation="tanh",
    )
    scatter_weights(chain)
    chain.freeze()
    return chain


@pytest.fixture(scope="module", params=["dense", "adapter"])
def chain(request, material):
    return make_chain(material, request.param)


def make_bench(material, chain, members=None):
    target = make_task("emotion@made", material.utterances)
    labelled = target.targets(material.utterances) >= 0
    learner = Learner(
        material,
        make_protocol("speaker-5-fold", material.utterances, labelled),
        SHAPE,
        SETTINGS,
        members=members,
        base=base_sources(Base(chain), material),
        pretrained=chain.columns,
    )
    return Bench(learner, target)


@pytest.fixture(scope="module")
def bench(material, chain):
    return make_bench(material, chain)


@pytest.fixture(scope="module")
def before(chain):
    """The chain's weights before anything was learned from it."""
    return [np.array(weight.numpy()) for weight in chain.weights]


@pytest.fixture(scope="module")
def outcomes(bench, before):
    """What the methods that read the chain make of all folds."""
    names = ("ptft", "ptft-output", "prognet", "prognet-random")
    names += ("prognet-rescaled", "prognet-random-rescaled")
    return {name: METHODS[name].learn(bench) for name in names}


def test_fine_tuning_takes_the_last_column_of_the_label_else_the_last(material):
    columns = make_chain(material).columns
    assert column_to_tune(columns, "gender").name == "gender"
    assert column_to_tune(columns[:2], "emotion").name == "speaker"
    again = Task("gender", ("female", "male"), corpus="other")
    more = Chain(columns)
    more.add_column(again, units=[3])
    assert column_to_tune(more.columns, "gender").name == "gender_at_other"


def test_a_keras_model_is_not_fine_tuned():
    columns = foreign_chain().columns
    assert column_to_tune(columns, "gender").name == "emotion"
    assert column_to_tune(columns[:1], "emotion") is None


def test_a_copy_says_what_the_column_says_to_its_last_hidden_layer(bench, chain, material):
    learner, column = bench.learner, chain.column("emotion")
    copy, sources = copied(learner, column, bench.target, 0.5)
    assert list(sources.widths) == ["speaker", "gender"]
    copy.scaler.mean.assign(np.broadcast_to(column.scaler.mean, copy.scaler.mean.shape))
    deviation = np.broadcast_to(column.scaler.deviation, copy.scaler.deviation.shape)
    copy.scaler.deviation.assign(deviation)
    answers, taps = hear(copy, learner.hearing(sources.taps))
    _, expected = chain.answers_and_taps(material.features[material.hears])
    assert answers.shape == (5, len(material.utterances), 3)
    for own, theirs in zip(taps, expected["emotion"], strict=True):
        for member in range(5):
            np.testing.assert_allclose(own[member], theirs, atol=1e-5)


def test_fine_tuning_trains_the_column_with_its_laterals_and_a_new_output(bench, chain, outcomes):
    column = chain.column("emotion")
    hidden = sum(int(np.prod(w.shape)) for layer in column.layers[:-1] for w in layer.weights)
    fresh = bench.learner.column(
        bench.target,
        [0],
        bench.learner.base.read(["speaker", "gender"]),
        units=column.units,
        lateral=column.lateral,
    )
    output = sum(int(np.prod(w.shape)) for w in fresh.layers[-1].weights)
    assert outcomes["ptft"].parameters == hidden + output
    assert outcomes["ptft-output"].parameters == output


def test_nothing_that_extends_a_chain_changes_it(chain, before, outcomes):
    for weight, was in zip(chain.weights, before, strict=True):
        assert np.array_equal(weight.numpy(), was)


def test_every_method_that_reads_a_chain_answers_all_utterances(outcomes):
    for outcome in outcomes.values():
        assert outcome.answers.shape == (5, 60, 3)
        np.testing.assert_allclose(outcome.answers.sum(axis=-1), 1, atol=1e-5)


def test_a_target_beside_a_chain_reads_all_of_its_columns(bench, outcomes):
    read = bench.column(bench.learner.base)
    trained = sum(int(np.prod(v.shape[1:])) for v in read.trainable_variables)
    assert list(read.sources) == ["gender", "speaker", "emotion"]
    assert outcomes["prognet"].parameters == trained


def test_random_columns_have_the_shape_and_the_scaling_of_the_chain_and_other_weights(
    bench, chain, material
):
    learner = bench.learner
    random = random_sources(learner)
    assert random.widths == learner.base.widths
    for name, layers in random.taps.items():
        for own, theirs in zip(layers, learner.base.taps[name], strict=True):
            assert own.shape == (5, *theirs.shape)
            assert np.abs(own - theirs).max() > 1e-3
            assert not np.allclose(own[0], own[1])
    fresh = learner.column(chain.column("gender").task, learner.members, units=[4, 7])
    fresh.scaler.mean.assign(np.broadcast_to(chain.columns[0].scaler.mean, (5, 1, 3)))
    fresh.scaler.deviation.assign(np.broadcast_to(chain.columns[0].scaler.deviation, (5, 1, 3)))
    _, taps = hear(fresh, learner.hearing({}))
    np.testing.assert_allclose(random.taps["gender"][1], taps[1], atol=1e-6)


def test_there_is_no_random_keras_model_and_none_that_is_rescaled(material):
    chain = foreign_chain()
    learner = make_bench(material, make_chain(material)).learner
    learner.pretrained = tuple(chain.columns)
    with pytest.raises(UserError, match="'theirs' of the chain given is a Keras model"):
        random_sources(learner)
    with pytest.raises(UserError, match="a Keras model, of which there is no other scaling"):
        rescaled_sources(learner, make_task("emotion@made", material.utterances))


def test_a_rescaled_chain_hears_with_its_weights_and_each_fold_s_training_rows(
    bench, chain, material
):
    learner, features = bench.learner, material.features[material.hears]
    rescaled = rescaled_sources(learner, bench.target)
    assert rescaled.widths == learner.base.widths
    for member in (0, 3):
        rows = features[learner.folds[member].train]
        expected = copy_of(chain)
        for column in expected.columns:
            column.scaler.fit(rows)
        _, taps = expected.answers_and_taps(features)
        for name, layers in rescaled.taps.items():
            for own, theirs in zip(layers, taps[name], strict=True):
                np.testing.assert_allclose(own[member], theirs, atol=1e-5)


def test_a_rescaled_chain_hears_the_same_in_another_unit(material, chain):
    bench = make_bench(material, chain)
    before = rescaled_sources(bench.learner, bench.target)
    changed = {name: 8 * rows + 64 for name, rows in material.features.items()}
    elsewhere = dataclasses.replace(material, features=changed)
    after = rescaled_sources(make_bench(elsewhere, chain).learner, bench.target)
    for name, layers in before.taps.items():
        for own, theirs in zip(layers, after.taps[name], strict=True):
            np.testing.assert_allclose(own, theirs, atol=1e-4)


def test_test_rows_have_no_influence_on_a_rescaled_chain(material, chain):
    bench = make_bench(material, chain)
    fold = bench.learner.folds[2]
    changed = material.features[material.hears].copy()
    changed[fold.test] += 1000
    elsewhere = dataclasses.replace(material, features={material.hears: changed})
    before = rescaled_sources(bench.learner, bench.target)
    after = rescaled_sources(make_bench(elsewhere, chain).learner, bench.target)
    for own, theirs in zip(before.taps["emotion"], after.taps["emotion"], strict=True):
        assert np.array_equal(own[2][fold.heard], theirs[2][fold.heard])
        assert not np.array_equal(own[3], theirs[3])


def test_what_a_chain_never_heard_vary_stays_unheard_when_it_is_rescaled(material):
    chain = make_chain(material)
    deaf = chain.columns[0].scaler.deviation
    deaf.assign(np.array([np.inf, 1, 1], np.float32))
    bench = make_bench(material, chain)
    changed = material.features[material.hears].copy()
    changed[:, 0] = np.random.default_rng(1).normal(size=len(changed))
    elsewhere = dataclasses.replace(material, features={material.hears: changed})
    before = rescaled_sources(bench.learner, bench.target).taps["gender"]
    after = rescaled_sources(make_bench(elsewhere, chain).learner, bench.target).taps["gender"]
    assert all(np.array_equal(own, theirs) for own, theirs in zip(before, after, strict=True))


def test_rescaled_random_columns_are_the_random_ones_with_another_scaling(bench, chain, material):
    learner = bench.learner
    random = random_sources(learner, bench.target)
    fresh = learner.column(chain.column("gender").task, learner.members, units=[4, 7])
    features = material.features[material.hears]
    fresh.scaler.fit([features[fold.train] for fold in learner.folds])
    _, taps = hear(fresh, learner.hearing({}))
    np.testing.assert_allclose(random.taps["gender"][1], taps[1], atol=1e-6)


def test_a_chain_answers_a_target_of_fewer_classes_as_if_asked_for_these_alone(material):
    chain = make_chain(material)
    known = Task("emotion", ("neutral", "sad", "angry"), corpus="theirs")
    chain.add_column(known, units=[3])
    scatter_weights(chain)
    bench = make_bench(material, chain)
    answers = chain_answers(bench.learner, Task("emotion", ("angry", "sad")), rescaled=False)
    said, _ = chain.answers_and_taps(material.features[material.hears])
    theirs = np.asarray(said["emotion@theirs"])
    expected = theirs[:, [2, 1]] / (1 - theirs[:, [0]])
    assert answers.shape == (5, 60, 2)
    for member in range(5):
        np.testing.assert_allclose(answers[member], expected, atol=1e-5)


def test_classes_of_a_chain_that_count_as_one_of_the_target_s_are_summed(material):
    chain = make_chain(material)
    known = Task("emotion", ("calm", "sad", "neutral", "bored"), corpus="theirs")
    chain.add_column(known, units=[3])
    scatter_weights(chain)
    chain.columns[-1].temperature = 2.0
    bench = make_bench(material, chain)
    said, _ = chain.answers_and_taps(material.features[material.hears])
    calm, sad, neutral, bored = np.asarray(said["emotion@theirs"]).T
    asked = Task("emotion", ("sad", "neutral"))
    answers = chain_answers(bench.learner, asked, rescaled=False)
    np.testing.assert_allclose(answers[0, :, 0], sad / (calm + sad + neutral), atol=1e-5)
    merged = Task("emotion", ("sad", "neutral"), merged=(("bored", "neutral"),))
    answers = chain_answers(bench.learner, merged, rescaled=False)
    np.testing.assert_allclose(answers[0, :, 0], sad, atol=1e-5)
    # A rescaled chain is as sure as it was.
    rescaled = chain_answers(bench.learner, merged, rescaled=True)
    chain.columns[-1].temperature = 1.0
    surer = chain_answers(make_bench(material, chain).learner, merged, rescaled=True)
    assert np.abs(rescaled - 0.5).mean() < np.abs(surer - 0.5).mean()


def test_a_rescaled_chain_answers_with_each_fold_s_training_rows(bench, chain, material):
    features = material.features[material.hears]
    gender = Task("gender", ("female", "male"))
    rows = bench.learner.scaling_rows(gender, bench.learner.folds)
    answers = chain_answers(bench.learner, gender, rescaled=True)
    expected = copy_of(chain)
    for column in expected.columns:
        column.scaler.fit(features[rows[3]])
    np.testing.assert_allclose(
        answers[3], expected.answers_and_taps(features)[0]["gender"], atol=1e-5
    )


def test_a_chain_answers_no_class_that_it_does_not_know(bench, material):
    assert answering_column(bench.learner.pretrained, bench.target) is None
    with pytest.raises(UserError, match="answers emotion as angry, neutral, sad. Leave out chain"):
        METHODS["chain"].learn(bench)


def copy_of(chain):
    copy = Chain.from_config(chain.get_config())
    copy.set_weights(chain.get_weights())
    return copy


@pytest.mark.parametrize("name", ["ptft", "prognet-random", "prognet-rescaled"])
def test_members_in_a_group_answer_as_members_together(material, chain, outcomes, name):
    group = make_bench(material, chain, [3, 4])
    answers = METHODS[name].learn(group).answers
    np.testing.assert_allclose(answers, outcomes[name].answers[3:], atol=1e-4)


def test_a_column_is_fine_tuned_on_what_it_hears_itself(material):
    # Gender hears three numbers, emotion four of a table; a new column would hear the three.
    chain = two_ears_chain(material.hears)
    four = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    object.__setattr__(material, "features", {**material.features, "embeddings": four})
    bench = make_bench(material, chain)
    assert METHODS["ptft"].learn(bench).answers.shape == (5, 60, 3)
    copy, _ = copied(bench.learner, chain.column("emotion"), bench.target, 0.5)
    assert (copy.frontend, copy.dimension, bench.column().dimension) == ("embeddings", 4, 3)
