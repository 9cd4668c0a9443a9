"""A run in short, for the terminal."""

from __future__ import annotations

from pathlib import Path

from pnn_keras.experiments import RunResult, read_run
from pnn_keras.experiments.analysis import Analysis, analyse
from pnn_keras.report import numbers
from pnn_keras.report.naming import from_source, in_order, method_title, source_title
from pnn_keras.report.words import run_words


def render_summary(run: str | Path | RunResult):
    """The main table of every study: method by source, UAR, difference to the DNN, p after Holm.

    Args:
        run: a run or its folder.

    Returns:
        Something that ``rich.print`` shows.

    Raises:
        UserError: the folder holds no run, or a damaged one.

    Example:
        ``rich.print(render_summary("run"))``
    """
    from rich.console import Group
    from rich.text import Text

    found = run if isinstance(run, RunResult) else read_run(run)
    heads = [Text(text, "yellow") for text in run_words(found)]
    return Group(*heads, *(_study(analyse(study)) for study in found.studies))


def _study(analysis: Analysis):
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    study = analysis.study
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")
    table.add_column("method", overflow="fold")
    for name in ("UAR [95 %]", "to the DNN", "p (Holm)"):
        table.add_column(name, justify="right", no_wrap=True)
    group = ""
    for score in in_order(analysis.scores):
        source = from_source(score.method, score.source)
        if source != group:
            group = source
            table.add_row(Text(f"from {source_title(score.method, source)}", "italic"))
        comparison = analysis.comparison(score.method, score.source)
        bounds = numbers.interval(score.interval.low, score.interval.high)
        cells = (
            ("  " if group else "") + method_title(score.method, score.source),
            f"{numbers.score(score.uar)} {bounds}",
            numbers.signed(comparison.difference if comparison else None),
            (numbers.p_value(comparison.adjusted) + (" *" if comparison.marked else ""))
            if comparison
            else numbers.NONE,
        )
        table.add_row(*map(Text, cells))
    worry = study.transductive or not study.protocol["speaker_disjoint"]
    missing = [Text(f"not finished: {len(study.missing)} result(s)", "yellow")]
    return Group(
        Text(f"\n{study.name}", "bold"),
        Text(study.stamp, "yellow" if worry else ""),
        *(missing if study.missing else []),
        table,
    )
