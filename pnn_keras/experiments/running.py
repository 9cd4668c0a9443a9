"""Running an experiment: study by study, group by group, method by method; resumable."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pnn_keras.corpus import Corpus, pool
from pnn_keras.errors import UserError
from pnn_keras.experiments.computing import PartComputer
from pnn_keras.experiments.opening import open_experiment
from pnn_keras.experiments.pace import Pace, say
from pnn_keras.experiments.planning import Planned, frontend_of, open_bases, plan
from pnn_keras.experiments.recording import note_versions, record_run
from pnn_keras.experiments.reusing import open_other, take_over
from pnn_keras.experiments.sharing import best_processes, compute_shared, units_of
from pnn_keras.experiments.spec import (
    Experiment,
    read_experiment,
    write_experiment,
)
from pnn_keras.experiments.store import SPEC, Part, is_finished
from pnn_keras.folder import check_writable
from pnn_keras.material import load_material
from pnn_keras.monitor import Monitor


def run_experiment(
    experiment: str | Path | Experiment,
    corpora: Sequence[str | Path | Corpus] = (),
    out: str | Path | None = None,
    *,
    changes: Mapping[str, object] | None = None,
    progress: bool = True,
    strict: bool = False,
    workers: int | None = None,
    processes: int | None = 1,
    from_model: str | Path | None = None,
    reuse: Sequence[str | Path] = (),
    on_part: Callable[[Part | None, str], None] | None = None,
) -> Path:
    """Runs an experiment, or goes on with one that was interrupted.

    Every finished part (a method, its sources, a group of folds) is kept at
    once; the same call with the same experiment computes the rest.

    Args:
        experiment: a name, a TOML file, or an experiment.
        corpora: what :func:`pnn_keras.open_corpus` takes, or opened corpora;
            none takes those that the experiment names, or the synthetic one.
        out: the run's folder: new, empty, or that of the same experiment; None
            means ``runs/NAME``.
        changes: choices to change, see :func:`~pnn_keras.experiments.replaced`.
        progress: whether to show progress bars.
        strict: whether a single unusable recording ends the run.
        workers: recordings to extract at a time; None means one per processor.
        processes: how many to compute in, each with its share of the cores and
            as much memory as one; None means one per core, as far as the memory
            goes. More than one show no progress bars, and need a script to keep
            its work behind ``if __name__ == "__main__":``.
        from_model: the trained chain that is extended, by what
            :func:`pnn_keras.load` takes; None means that which the experiment names.
        reuse: folders of other runs, whose parts are taken over where they
            answer exactly what this one asks, see
            :func:`~pnn_keras.experiments.reusing.take_over`.
        on_part: called after every part, with a line on progress; and with None
            and a line after parts of another run were taken over.

    Returns:
        The run's folder.

    Raises:
        UserError: the experiment cannot work, the folder holds something
            else, or a run to reuse answers something else.
        ProtocolError: a corpus does not allow the protocol, it would leak, or
            the trained chain has heard some of it.
        PnnKerasError: the disk refused, or one of several processes ended; what
            was finished is kept.

    Example:
        ``run_experiment("paper-table-2", ["EmoDB/"], changes={"repeats": 2})``
    """
    if processes is not None and processes < 1:
        raise UserError(f"processes is at least 1, or None. Received: {processes}")
    experiment, opened = open_experiment(experiment, corpora, changes, strict, from_model)
    folder = Path("runs", experiment.name) if out is None else Path(out)
    check_folder(folder, experiment)
    check_writable(folder, existing=True)
    others = [open_other(other, experiment) for other in reuse]
    bases = open_bases(experiment, pool(opened))
    material = load_material(
        opened,
        experiment.frontend or frontend_of(bases.values()),
        {name: config for base in bases.values() for name, config in base.frontends.items()},
        by_speaker=experiment.scaling == "speaker",
        augment=experiment.augment,
        strict=strict,
        workers=workers,
        progress=progress,
    )
    planned = plan(experiment, material, bases)
    _warn_of_left_out(planned)
    record = record_run(folder, experiment, material, planned)
    for other in others:
        taken = take_over(folder, experiment, planned, record, material.utterances, other)
        say(on_part, None, f"{taken} parts taken from {other.folder}")
    pace = Pace(folder, planned, on_part)
    todo = [part for each in planned for part in each.parts if not is_finished(folder, part)]
    if todo:
        note_versions(folder, record)
    units = units_of(planned, todo)
    processes = processes or best_processes(units)
    if processes > 1:
        compute_shared(folder, experiment, material, units, processes, pace.done)
    else:
        monitor = Monitor(progress=progress)
        computer = PartComputer(folder, experiment, material, planned, monitor)
        for part in todo:
            computer.compute(part)
            pace.done(part)
    return folder


def check_folder(folder: Path, experiment: Experiment) -> None:
    """Refuses a folder that holds anything but a run of the same experiment.

    Raises:
        UserError: it does; the message says what differs.
    """
    if not folder.is_dir():
        if folder.exists():
            raise UserError(f"{folder} is a file. Name a folder for the run: --out")
        return
    known = folder / SPEC
    if not known.is_file():
        if any(folder.iterdir()):
            raise UserError(f"{folder} holds something else than a run. Name another: --out")
        return
    ours = write_experiment(experiment).splitlines()
    # Read and written anew: what an earlier version did not know of has its default.
    theirs = write_experiment(read_experiment(known)).splitlines()
    if ours != theirs:
        different = [line for line in ours if line not in theirs] or ["fewer lines"]
        raise UserError(
            f"{folder} holds another run: here {different[0]!r}. Repeat its request to go on with "
            "it, or name another folder: --out"
        )


def _warn_of_left_out(planned: Sequence[Planned]) -> None:
    """Says which methods are left out because the trained chain does not answer the target.

    Raises:
        UserError: nothing would be left of a study.
    """
    for each in planned:
        lost = [job[0] for job in each.study.jobs if job not in each.jobs]
        if not each.jobs:
            raise UserError(
                f"{each.study.from_model} answers no {each.target.label} as "
                f"{', '.join(each.target.classes)}, and {each.study.name!r} asks nothing else. "
                "Add a method that learns: prognet"
            )
        if lost:
            warnings.warn(
                f"{each.study.from_model} answers no {each.target.label} as "
                f"{', '.join(each.target.classes)}. Left out of {each.study.name!r}: "
                f"{', '.join(lost)}",
                stacklevel=3,
            )
