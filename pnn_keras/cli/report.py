"""``pnn-keras report`` and ``pnn-keras audit``: what a run, or a split, amounts to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli import errors
from pnn_keras.cli.options import AsJson, Quiet, Strict, option
from pnn_keras.cli.quiet import start_tensorflow


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of an experiment's run.")],
    out: Annotated[
        Path | None,
        option("--out", metavar="DIR", help="Folder of the report. Default: RUN/report."),
    ] = None,
) -> None:
    """Write a run's report: one HTML page, figures (PNG, SVG), tables (LaTeX, CSV)."""
    from pnn_keras import terminal

    start_tensorflow()
    from pnn_keras.report import write_report

    terminal.write(f"Report: {write_report(run, out)}")


def audit(
    split: Annotated[
        str,
        typer.Argument(
            metavar="SPLIT",
            help="A table of files and roles or folds, a folder of such tables, or "
            "train=FILE,dev=FILE,test=FILE.",
        ),
    ],
    corpus: Annotated[
        str | None,
        option("--corpus", metavar="SPEC", help="The corpus that it divides, to look into it."),
    ] = None,
    rescore: Annotated[
        bool,
        option(
            "--rescore",
            help="Measure how much the leak inflates a plain classifier's score.",
        ),
    ] = False,
    draws: Annotated[
        int, option("--draws", min=2, help="Disjoint splits to score beside, with --rescore.")
    ] = 10,
    seed: Annotated[int, option("--seed", min=0, help="Of the disjoint splits.")] = 0,
    as_json: AsJson = False,
    strict: Strict = False,
    quiet: Quiet = False,
) -> None:
    """Look for leaks in somebody's split of a corpus.

    Exit code 0: no leak was found; 1: there is a leak; 2: it could not be audited.
    """
    from pnn_keras import terminal
    from pnn_keras.audit import audit_split, render
    from pnn_keras.corpora import open_corpus
    from pnn_keras.errors import UserError
    from pnn_keras.split import read_split

    if rescore and corpus is None:
        raise UserError("A split is scored on its recordings. Add --corpus")
    try:
        opened = None if corpus is None else open_corpus(corpus, strict=strict)
        found = audit_split(
            read_split(split), opened, draws=draws if rescore else 0, seed=seed, strict=strict
        )
    except UserError:
        raise
    except Exception as error:
        # Everywhere else such an error ends with 1, which here would be taken for a leak.
        errors.report(error, debug="--debug" in sys.argv)
        raise typer.Exit(errors.WRONG) from error
    if as_json:
        terminal.write(json.dumps(found, indent=2))
    else:
        terminal.show(render(found))
    if found["leak"]:
        raise typer.Exit(1)
