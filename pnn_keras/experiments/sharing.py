"""Several processes that compute the parts of a run, each with its share of the cores.

Cores compute small products faster on one each than all on the same
(``tools/bench/throughput.py``), and compile graphs side by side.
"""

from __future__ import annotations

import collections
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from pnn_keras.experiments.computing import PartComputer
from pnn_keras.experiments.pace import FITTING_SOURCES, part_costs
from pnn_keras.experiments.planning import MEMORY, Planned, open_bases, plan
from pnn_keras.experiments.spec import Experiment
from pnn_keras.experiments.store import Part
from pnn_keras.machine import usable_cores, usable_memory
from pnn_keras.material import Material
from pnn_keras.processes import Crew, Talk

#: Memory that a process takes besides the members that it fits, in bytes.
BESIDES = 2**30


def units_of(planned: Sequence[Planned], parts: Sequence[Part]) -> list[list[Part]]:
    """Parts that are to be computed by one process, since they share fitted source columns.

    Group by group; within a group the longest first, so that no process ends late.

    Args:
        planned: all studies.
        parts: those that are left to compute, in order.
    """
    finished = {part for each in planned for part in each.parts} - set(parts)
    costs = {part: cost for each in planned for part, cost in part_costs(each, finished).items()}
    sources = {each.number: each.sources for each in planned}
    groups: dict[tuple, dict] = {}
    for part in parts:
        shares = part.method in FITTING_SOURCES and part.source in sources[part.study]
        units = groups.setdefault((part.study, part.members), {})
        units.setdefault((part.source,) if shares else part, []).append(part)
    return [
        unit
        for units in groups.values()
        for unit in sorted(units.values(), key=lambda unit: -sum(costs[part] for part in unit))
    ]


def best_processes(units: Sequence[Sequence[Part]]) -> int:
    """How many processes are fastest: one per core, as far as there are memory and work for them.

    On a graphics card it is one, which uses all of it.

    Args:
        units: parts that belong together, see :func:`units_of`.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return 1
    memory = usable_memory()
    # The first process, which only listens, takes memory too.
    fitting = usable_cores() if memory is None else (memory - BESIDES) // (MEMORY + BESIDES)
    return max(1, min(usable_cores(), fitting, len(units)))


def compute_shared(
    folder: Path,
    experiment: Experiment,
    material: Material,
    units: Sequence[Sequence[Part]],
    processes: int,
    on_part: Callable[[Part], None],
) -> None:
    """Computes and writes parts in several processes.

    Args:
        folder: the run's folder.
        experiment: what is asked.
        material: utterances and features.
        units: parts that belong together, see :func:`units_of`.
        processes: how many at most.
        on_part: called with every part that is written.

    Raises:
        PnnKerasError: a process ended before its work did; what it raised itself
            is raised here.
    """
    waiting = collections.deque(units)
    with Crew(min(processes, len(units)), _compute, (folder, experiment, material)) as crew:
        for process, said in crew.listen():
            if isinstance(said, Part):
                on_part(said)
            else:
                process.send(waiting.popleft() if waiting else None)


def _compute(talk: Talk, folder: Path, experiment: Experiment, material: Material) -> None:
    """What each process does: asks for parts, computes them, says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the first process has said all of it
        bases = open_bases(experiment, material.utterances)
        planned = plan(experiment, material, bases)
    computer = PartComputer(folder, experiment, material, planned)
    for unit in iter(talk.ask, None):
        for part in unit:
            computer.compute(part)
            talk.say(part)
