"""``pnn-keras inspect``: which connections of a trained chain matter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pnn_keras.cli.options import (
    CORPUS,
    Adapt,
    AsJson,
    Embeddings,
    Merges,
    Model,
    Quiet,
    Strict,
    Workers,
    option,
)
from pnn_keras.cli.parsing import parse_pairs, parse_tables
from pnn_keras.cli.quiet import start_tensorflow


def inspect(
    model: Model,
    corpus: Annotated[str, option("--corpus", metavar="SPEC", help=CORPUS)],
    task: Annotated[
        str | None, option("--task", metavar="TASK", help="Look at this target alone.")
    ] = None,
    out: Annotated[
        Path | None,
        option(
            "--out",
            metavar="DIR",
            help="Also write JSON, CSV and a heat map here; RUN/sensitivity-NAME goes into "
            "the report of the run.",
        ),
    ] = None,
    draws: Annotated[int, option("--draws", min=1, help="Draws of the noise behind APS.")] = 8,
    seed: Annotated[int, option("--seed", min=0, help="Of the noise.")] = 0,
    allow_heard: Annotated[
        bool, option("--allow-heard", help="Take speakers that it has heard too; marked.")
    ] = False,
    unheard_only: Annotated[
        bool, option("--unheard-only", help="Leave out what it has heard.")
    ] = False,
    adapt: Adapt = False,
    merge: Merges = None,
    as_json: AsJson = False,
    embeddings: Embeddings = None,
    strict: Strict = False,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Measure which columns and layers a chain's targets depend on, on a corpus new to it."""
    from pnn_keras import terminal
    from pnn_keras.corpora import open_corpus
    from pnn_keras.folder import check_writable

    merges = parse_pairs(merge)
    opened = open_corpus(corpus, strict=strict)
    if out is not None:
        check_writable(out)
    terminal.announce([opened])
    start_tensorflow()
    from pnn_keras.sensitivity import inspect_chain
    from pnn_keras.zoo import load

    chain = load(model)
    found = inspect_chain(
        chain,
        opened,
        task=task,
        draws=draws,
        seed=seed,
        allow_heard=allow_heard,
        unheard_only=unheard_only,
        adapt=adapt,
        merges=merges,
        tables=parse_tables(chain.frontends, embeddings),
        workers=workers,
        progress=not quiet,
        strict=strict,
    )
    result = {"model": model, **found}
    if out is not None:
        from pnn_keras.report import write_inspection

        write_inspection(result, out)
    if as_json:
        terminal.write(json.dumps(result, indent=2))
        return
    terminal.show_inspection(result)
    if out is not None:
        terminal.write(f"Saved: {out}")
