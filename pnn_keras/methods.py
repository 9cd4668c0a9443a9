"""How a target is learned: from scratch, by transfer, beside frozen columns, and the controls.

Every method fits the same members on the same folds with the same settings.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from pnn_keras.bench import Bench, Outcome, as_sources
from pnn_keras.column import Column
from pnn_keras.errors import UserError
from pnn_keras.learner import Fitted, Sources
from pnn_keras.nested import choose_in_folds
from pnn_keras.pretrained import (
    answering_column,
    chain_answers,
    column_to_tune,
    copied,
    random_sources,
    rescaled_sources,
)
from pnn_keras.protocol import Fold
from pnn_keras.references import REFERENCES, reference_answers, reference_weights
from pnn_keras.source_columns import (
    fit_on_source_rows,
    random_columns,
    shuffled_columns,
)
from pnn_keras.task import Task
from pnn_keras.training import hear


@dataclasses.dataclass(frozen=True)
class Method:
    """One way to learn a target.

    Args:
        name: as it is asked for.
        title: as tables show it.
        needs_source: whether it learns from source tasks, or takes its size from
            their number.
        learn: does it.
        size_only: whether only their number counts, so that it is learned once
            for all sources of as many tasks.
        extends: whether the columns of a trained chain can be its sources.
        needs_chain: whether nothing else can.
        asks_chain: whether the chain itself has to answer the target.
        nested: whether it searches a shape inside each fold.
    """

    name: str
    title: str
    needs_source: bool
    learn: Callable[[Bench], Outcome]
    size_only: bool = False
    extends: bool = True
    needs_chain: bool = False
    asks_chain: bool = False
    nested: bool = False


def dnn(bench: Bench) -> Outcome:
    """From scratch, in the shape of a column of the chain."""
    return _outcome(bench.fit(bench.column(), "dnn"))


def dnn_large(bench: Bench) -> Outcome:
    """From scratch, as wide as gives about as many weights as the ProgNet trains."""
    width = large_width(bench)
    depth = len(bench.learner.shape.units)
    return _outcome(bench.fit(bench.column(units=[width] * depth), "dnn-large"))


def ptft(bench: Bench) -> Outcome:
    """Pre-trained on the sources one after the other, then all layers fine-tuned.

    Where a trained chain is extended, its column of the target's label, else its
    last one, is what was pre-trained. All weights of that column are fine-tuned,
    those of its lateral connections included; the columns that it reads stay
    frozen. It goes on hearing its own front-end.
    """
    return _fine_tuned(bench, "ptft", output_only=False)


def ptft_output(bench: Bench) -> Outcome:
    """Pre-trained as for :func:`ptft`, then a new output layer trained alone."""
    return _fine_tuned(bench, "ptft-output", output_only=True)


def prognet(bench: Bench) -> Outcome:
    """A new column beside the frozen source columns."""
    return _remembered(bench, _beside(bench, "prognet", as_sources(bench, bench.trained())))


def prognet_adapter(bench: Bench) -> Outcome:
    """A new column that reads the frozen ones through adapters (Rusu et al. 2016, eq. 2)."""
    sources = as_sources(bench, bench.trained())
    outcome = _beside(bench, "prognet-adapter", sources, lateral="adapter")
    return _remembered(bench, outcome)


def prognet_random(bench: Bench) -> Outcome:
    """Beside columns that have learned nothing: baseline 4 of Rusu et al. (2016)."""
    if bench.learner.pretrained and not bench.sources:
        # Scaled as the chain is that they stand in for.
        sources = random_sources(bench.learner, bench.learner.rescaled_for)
        return _beside(bench, "prognet-random", sources)
    columns = random_columns(bench.learner, bench.sources)
    return _beside(bench, "prognet-random", as_sources(bench, columns))


def chain(bench: Bench) -> Outcome:
    """What a trained chain says by itself: nothing is learned."""
    return Outcome(chain_answers(bench.learner, bench.target, rescaled=False), 0)


def chain_rescaled(bench: Bench) -> Outcome:
    """The same with the chain's columns scaled anew by the training rows of the target.

    It takes recordings, but no labels.
    """
    return Outcome(chain_answers(bench.learner, bench.target, rescaled=True), 0)


def prognet_rescaled(bench: Bench) -> Outcome:
    """Beside a trained chain's columns, scaled anew by the training rows of the target."""
    sources = rescaled_sources(bench.learner, bench.target)
    return _beside(bench, "prognet-rescaled", sources)


def prognet_random_rescaled(bench: Bench) -> Outcome:
    """Its control: columns of a chain's shape that have learned nothing, scaled the same way."""
    sources = random_sources(bench.learner, bench.target)
    return _beside(bench, "prognet-random-rescaled", sources)


def prognet_shuffled(bench: Bench) -> Outcome:
    """Beside columns that have learned the sources' labels in random order."""
    last = [fitted.fit.best_epoch.tolist() for fitted in bench.trained()]
    columns = shuffled_columns(bench.learner, bench.sources, last)
    return _beside(bench, "prognet-shuffled", as_sources(bench, columns))


def multitask(bench: Bench) -> Outcome:
    """One trunk with an output layer for every task, all learned at once.

    What a source of another corpus learns from is learned from besides; it counts for
    that source's output alone.
    """
    learner, tasks = bench.learner, (bench.target, *bench.sources)
    targets = np.stack([task.targets(learner.material.utterances) for task in tasks])
    column = bench.column(heads=bench.sources)
    every = _with_foreign_rows(bench)
    fitted = bench.fit(
        column,
        "multitask",
        folds=learner.of_members(every),
        targets=targets,
        batches=learner.batches_of(every),
    )
    return _outcome(fitted)


def dnn_tuned(bench: Bench) -> Outcome:
    """From scratch, in a shape that each fold's own rows chose."""
    return _tuned(bench, ())


def prognet_tuned(bench: Bench) -> Outcome:
    """Beside frozen source columns, all in a shape that each fold's own rows chose."""
    return _tuned(bench, bench.sources)


def large_width(bench: Bench) -> int:
    """The width of the hidden layers at which a network has the ProgNet's number of weights.

    Of all widths, the one whose number of trainable weights is nearest.
    """
    features, classes = bench.learner.features.shape[1], len(bench.target.classes)
    units = list(bench.learner.shape.units)
    depth = len(units)
    column = bench.learner.target_column(bench.target, Sources(widths=bench.widths))
    goal = sum(int(np.prod(v.shape[1:])) for v in column.trainable_variables)

    def weights(width: int) -> int:
        return (features + 1 + classes) * width + (depth - 1) * (width + 1) * width + classes

    width = next(w for w in range(1, goal + 1) if weights(w) >= goal)
    return min((width, max(width - 1, 1)), key=lambda w: abs(weights(w) - goal))


def reference(name: str) -> Callable[[Bench], Outcome]:
    """A plain classifier of scikit-learn on the same training rows."""

    def learn(bench: Bench) -> Outcome:
        learner = bench.learner
        targets = bench.target.targets(learner.material.utterances)
        rows = learner.scaling_rows(bench.target, learner.folds)
        answers = reference_answers(name, learner.features, targets, learner.folds, rows)
        weights = reference_weights(name, learner.features.shape[1], len(bench.target.classes))
        return Outcome(answers, weights)

    return learn


def _with_foreign_rows(bench: Bench) -> list[Fold]:
    """The target's folds; what sources of other corpora learn from trains, too."""
    learner, made = bench.learner, []
    sources = [learner.source_folds(task) for task in bench.sources]
    for fold, *others in zip(learner.division.folds, *sources, strict=True):
        heard = np.concatenate([fold.train[:0], *(other.train for other in others)])
        foreign = np.setdiff1d(heard, fold.train)
        made.append(dataclasses.replace(fold, train=np.concatenate([fold.train, foreign])))
    return made


def _tuned(bench: Bench, sources: Sequence[Task]) -> Outcome:
    chosen = choose_in_folds(bench.learner, bench.target, sources, bench.tuning)
    return Outcome(
        chosen.answers,
        round(float(np.mean(chosen.parameters))),
        chosen.best_epoch,
        chosen.stop_uar,
        chosen=[candidate.config() for candidate in chosen.candidates],
    )


def _beside(bench: Bench, title: str, sources: Sources, **options) -> Outcome:
    sources = sources.read(bench.reads)
    return _outcome(bench.fit(bench.column(sources, **options), title, sources))


def _remembered(bench: Bench, outcome: Outcome) -> Outcome:
    """The outcome with what the last source column says now.

    It is frozen, but it is asked anew: that it forgets nothing is a measurement.
    """
    *before, last = bench.trained() or [None]
    if last is None:
        return outcome
    read = as_sources(bench, before)
    taps = {name: read.taps[name] for name in last.column.sources}
    answers, _ = hear(last.column, bench.learner.hearing(taps))
    return dataclasses.replace(outcome, source_answers=answers)


def _fine_tuned(bench: Bench, title: str, output_only: bool) -> Outcome:
    extended = bool(bench.learner.pretrained)
    trunk = _to_tune(bench) if extended else _pretrained(bench)
    dropout = bench.learner.shape.dropout
    depth = len(trunk.units)
    # Layers that are not trained are not to be dropped from either, but for the last, which the
    # new output layer reads.
    rates = [0.0] * (depth - 1) + [dropout] if output_only else dropout
    if extended:
        column, read = copied(bench.learner, trunk, bench.target, rates)
    else:
        column, read = bench.column(units=trunk.units, dropout=rates), None
        _copy_trunk(trunk, column)
    for layer in column.layers[:-1]:
        layer.trainable = not output_only
    fitted = bench.fit(column, title, read)
    if extended:
        return _outcome(fitted)
    return dataclasses.replace(
        _outcome(fitted), source_answers=_old_head_on(bench, trunk, fitted.column)
    )


def _to_tune(bench: Bench) -> Column:
    """The column of the chain given that fine-tuning starts from."""
    found = column_to_tune(bench.learner.pretrained, bench.target.label)
    if found is None:
        raise UserError("No column of the chain given answers a task: use prognet or dnn")
    return found


def _pretrained(bench: Bench) -> Column:
    """The network pre-trained on the first source, fine-tuned on each further one."""
    learner = bench.learner
    trunk = bench.trained()[0].column
    for task in bench.sources[1:]:
        column = learner.column(task, learner.members, units=trunk.units)
        _copy_trunk(trunk, column)
        trunk = fit_on_source_rows(learner, column, title=f"{task.name} fine-tuned").column
    return trunk


def _copy_trunk(trunk: Column, column: Column) -> None:
    """Copies the hidden layers' own weights of one column to another of the same widths."""
    for theirs, own in zip(trunk.layers[:-1], column.layers[:-1], strict=True):
        own.kernel.assign(theirs.kernel)
        own.bias.assign(theirs.bias)


def _old_head_on(bench: Bench, before: Column, after: Column) -> np.ndarray:
    """The last source task's answers once the trunk was fine-tuned for the target.

    It hears through the scaling that it was trained with: what is lost is lost by its
    weights, so that a trunk that was not touched has lost nothing.
    """
    old = bench.learner.column(before.task, bench.learner.members, units=after.units)
    _copy_trunk(after, old)
    old.layers[-1].kernel.assign(before.layers[-1].kernel)
    old.layers[-1].bias.assign(before.layers[-1].bias)
    old.scaler.mean.assign(before.scaler.mean)
    old.scaler.deviation.assign(before.scaler.deviation)
    return hear(old, bench.learner.hearing({}))[0]


def _outcome(fitted: Fitted) -> Outcome:
    fit = fitted.fit
    return Outcome(fitted.answers, fitted.parameters, fit.best_epoch, fit.stop_uar, fit.traced)


_METHODS = (
    Method("logistic-regression", "Logistic regression", False, reference(REFERENCES[0])),
    Method("svm", "SVM, RBF", False, reference(REFERENCES[1])),
    Method("dnn", "DNN", False, dnn),
    Method("dnn-large", "DNN, as many weights as ProgNet", True, dnn_large, size_only=True),
    Method("chain", "The chain itself", True, chain, needs_chain=True, asks_chain=True),
    Method(
        "chain-rescaled",
        "The chain itself, rescaled",
        True,
        chain_rescaled,
        needs_chain=True,
        asks_chain=True,
    ),
    Method("ptft", "PT/FT", True, ptft),
    Method("ptft-output", "PT/FT, output layer only", True, ptft_output),
    Method("prognet", "ProgNet", True, prognet),
    Method("prognet-adapter", "ProgNet, adapters", True, prognet_adapter),
    Method("prognet-random", "ProgNet, random column", True, prognet_random),
    Method(
        "prognet-rescaled",
        "ProgNet, chain rescaled",
        True,
        prognet_rescaled,
        needs_chain=True,
    ),
    Method(
        "prognet-random-rescaled",
        "ProgNet, random column rescaled",
        True,
        prognet_random_rescaled,
        needs_chain=True,
    ),
    Method("prognet-shuffled", "ProgNet, shuffled labels", True, prognet_shuffled, extends=False),
    Method("multitask", "Multitask", True, multitask, extends=False),
    Method("dnn-tuned", "DNN, shape searched in each fold", False, dnn_tuned, nested=True),
    Method(
        "prognet-tuned",
        "ProgNet, shape searched in each fold",
        True,
        prognet_tuned,
        extends=False,
        nested=True,
    ),
)

#: Every method by its name, in the order in which tables show them.
METHODS = {method.name: method for method in _METHODS}


def find_method(name: str) -> Method:
    """The method of that name.

    Raises:
        UserError: there is none.

    Example:

    >>> find_method("prognet").title
    'ProgNet'
    """
    if name not in METHODS:
        raise UserError(f"A method is one of {', '.join(METHODS)}. Received: {name!r}")
    return METHODS[name]


def can_learn(name: str, columns: Sequence[Column], target: Task) -> bool:
    """Whether a method of :data:`METHODS` can learn a target from a chain's columns.

    Args:
        name: the method.
        columns: the columns of the trained chain that is extended.
        target: the task to learn.
    """
    return not METHODS[name].asks_chain or answering_column(columns, target) is not None
