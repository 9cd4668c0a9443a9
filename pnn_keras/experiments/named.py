"""The experiments that have a name: those of the paper, and what it lacks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence

from pnn_keras.errors import UserError
from pnn_keras.experiments.spec import Experiment, Study
from pnn_keras.methods import METHODS
from pnn_keras.schedule import Settings

#: Every method, every control and the plain references; a search inside each fold takes too long.
EVERY_METHOD = tuple(
    name for name, method in METHODS.items() if not (method.nested or method.needs_chain)
)

#: The three methods of the paper.
PAPER_METHODS = ("dnn", "ptft", "prognet")

#: The methods that learn from a source and can forget it.
FORGETTING = ("dnn", "ptft", "ptft-output", "prognet", "prognet-adapter")

#: How many parts of the target's training rows figure 4 takes.
AMOUNTS = (1, 2, 4, 8)

#: The methods that a trained chain can be the source of, and what they are held against.
EXTENDING = tuple(name for name, method in METHODS.items() if method.extends and not method.nested)

#: As many speakers as every protocol here asks for.
ENOUGH_SPEAKERS = 20


@dataclasses.dataclass(frozen=True)
class NamedExperiment:
    """An experiment that is made for the corpora at hand.

    Args:
        name: its name.
        title: what it asks.
        make: makes it from the corpora's names, as tasks have them, and from
            what opens them; where it extends a trained chain, also from that
            and from the number of known speakers of each corpus.
        fewest: how many corpora it needs.
        extends: whether it extends a trained chain.
    """

    name: str
    title: str
    make: Callable[..., Experiment]
    fewest: int = 1
    extends: bool = False


def _table_2(names: Sequence[str], specs: Sequence[str]) -> Experiment:
    studies = [
        Study(f"emotion@{c}", (f"speaker@{c}", f"gender@{c}"), EVERY_METHOD, "paper-10-fold")
        for c in names
    ]
    return _experiment("paper-table-2", specs, studies, scaling="corpus", repeats=10)


def _figure_3(names: Sequence[str], specs: Sequence[str]) -> Experiment:
    studies = [
        Study(f"emotion@{c}", (f"speaker@{c}", f"gender@{c}"), PAPER_METHODS, "paper-10-fold")
        for c in names
    ]
    return _experiment("paper-figure-3", specs, studies, scaling="corpus", repeats=1, curves=True)


def _figure_4(names: Sequence[str], specs: Sequence[str]) -> Experiment:
    methods = (*PAPER_METHODS, "prognet-random", "prognet-shuffled")
    studies = [
        Study(f"emotion@{b}", (f"emotion@{a}",), methods, "paper-10-fold", parts)
        for a, b in itertools.permutations(names, 2)
        for parts in AMOUNTS
    ]
    return _experiment("paper-figure-4", specs, studies, scaling="corpus", repeats=10)


def _transfer_matrix(names: Sequence[str], specs: Sequence[str]) -> Experiment:
    studies = []
    for name in names:
        gender, speaker = f"gender@{name}", f"speaker@{name}"
        others = [f"emotion@{other}" for other in names if other != name]
        emotion = f"emotion@{name}"
        studies += [
            Study(emotion, (speaker, gender, *others), EVERY_METHOD, "speaker-5-fold"),
            Study(gender, (speaker, emotion), EVERY_METHOD, "speaker-5-fold"),
            # New speakers are no class of a speaker recogniser: only within speakers.
            Study(speaker, (gender, emotion), EVERY_METHOD, "paper-10-fold"),
        ]
    return _experiment("transfer-matrix", specs, studies)


def _forgetting(names: Sequence[str], specs: Sequence[str]) -> Experiment:
    studies = [
        Study(f"emotion@{c}", (f"speaker@{c}", f"gender@{c}"), FORGETTING, "speaker-5-fold")
        for c in names
    ]
    return _experiment("forgetting", specs, studies)


def _extend_preset(
    names: Sequence[str], specs: Sequence[str], from_model: str, speakers: Sequence[int]
) -> Experiment:
    studies = [
        Study(f"emotion@{c}", (), EXTENDING, protocol, parts, from_model)
        for c, count in zip(names, speakers, strict=True)
        for protocol, parts in (
            *_disjoint_amounts(count),
            *(("paper-10-fold", n) for n in AMOUNTS),
        )
    ]
    return _experiment("extend-preset", specs, studies, frontend="")


def _disjoint_amounts(speakers: int) -> list[tuple[str, int]]:
    """Speaker-disjoint protocols with fewer training parts, as many as the speakers allow.

    With fewer than 20 speakers two parts of ten stop, and seven train: all of them
    take the place of eight.
    """
    if speakers >= 10:
        return [("speaker-10-fold", parts) for parts in (*AMOUNTS[:-1], 0)]
    if speakers >= 5:
        return [("speaker-5-fold", parts) for parts in (1, 0)]
    return []


def _experiment(name: str, specs: Sequence[str], studies: Sequence[Study], **options):
    settings = Settings()
    if options.get("curves"):
        # A curve goes on to the end.
        settings = dataclasses.replace(settings, patience=settings.epochs)
    return Experiment(
        name, EXPERIMENTS[name].title, tuple(specs), tuple(studies), settings=settings, **options
    )


_EXPERIMENTS = (
    NamedExperiment(
        "paper-table-2",
        "Does a source task help emotion recognition? Table 2 of Gideon et al. (2017), with "
        "controls",
        _table_2,
    ),
    NamedExperiment(
        "paper-figure-3",
        "How fast does each method learn? UAR against epochs, figure 3 of Gideon et al. (2017)",
        _figure_3,
    ),
    NamedExperiment(
        "paper-figure-4",
        "What does another corpus bring where little is labelled? Figure 4 of Gideon et al. "
        "(2017), with controls",
        _figure_4,
        fewest=2,
    ),
    NamedExperiment(
        "transfer-matrix",
        "Which task and which corpus helps which? Every ordered pair, every method and control",
        _transfer_matrix,
    ),
    NamedExperiment(
        "forgetting",
        "What is left of the source task once the target was learned?",
        _forgetting,
    ),
    NamedExperiment(
        "extend-preset",
        "What does a trained chain bring to a corpus of one's own, where little is labelled?",
        _extend_preset,
        extends=True,
    ),
)

#: Every named experiment by its name.
EXPERIMENTS = {experiment.name: experiment for experiment in _EXPERIMENTS}


def make_experiment(
    name: str,
    names: Sequence[str],
    specs: Sequence[str],
    from_model: str = "",
    speakers: Sequence[int] | None = None,
) -> Experiment:
    """A named experiment on corpora.

    Args:
        name: its name.
        names: the corpora's names, as tasks have them.
        specs: what opens each of them.
        from_model: the trained chain that it extends, ``""`` for none.
        speakers: how many speakers each corpus has, 0 where some are not known;
            None means that there are enough.

    Raises:
        UserError: the name is unknown, there are too few corpora, a trained
            chain is missing, or the experiment extends none.

    Example:

    >>> make_experiment("paper-table-2", ["EmoDB"], ["EmoDB/"]).studies[0].sources
    ('speaker@EmoDB', 'gender@EmoDB')
    """
    if name not in EXPERIMENTS:
        raise UserError(
            f"An experiment is one of {', '.join(EXPERIMENTS)}, or a TOML file. Received: {name!r}"
        )
    known = EXPERIMENTS[name]
    if len(names) < known.fewest:
        raise UserError(
            f"{name} needs at least {known.fewest} corpora: from one to the other. "
            f"Received: {', '.join(names) or 'none'}. Add --corpus"
        )
    if known.extends and not from_model:
        raise UserError(f"{name} extends a trained chain. Name one: --from MODEL")
    if from_model and not known.extends:
        able = ", ".join(each.name for each in _EXPERIMENTS if each.extends)
        raise UserError(
            f"{name} learns its own sources. Received: --from {from_model}. "
            f"What extends a trained chain: {able}"
        )
    if known.extends:
        counts = [ENOUGH_SPEAKERS] * len(names) if speakers is None else speakers
        return known.make(names, specs, from_model, counts)
    return known.make(names, specs)
