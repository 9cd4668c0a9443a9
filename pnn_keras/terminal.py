"""What the commands print: tables on stdout, remarks on stderr."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

#: The rows of a scores table, in order, and what they are called.
METHODS = {"prognet": "ProgNet", "dnn": "DNN from scratch", "column": "source column"}


def show(renderable) -> None:
    """Prints anything that rich can print, on stdout."""
    from rich.console import Console

    Console(soft_wrap=False).print(renderable)


def warn(text: str) -> None:
    """Prints a remark on stderr."""
    print(f"note: {text}", file=sys.stderr)


def announce(corpora: Sequence) -> None:
    """Says what will be heard, and every warning of the corpora."""
    for corpus in corpora:
        speakers = len(corpus.classes("speaker"))
        print(f"{corpus.name}: {len(corpus)} utterances of {speakers} speakers", file=sys.stderr)
        for warning in corpus.warnings:
            warn(warning)
        for skipped in corpus.skipped[:5]:
            warn(f"skipped {skipped.id}: {skipped.reason}")
        if len(corpus.skipped) > 5:
            warn(f"skipped {len(corpus.skipped) - 5} more; `pnn-keras corpus check` lists them")


def show_scores(metadata: Mapping) -> None:
    """Prints the scores of a training run, each stamped with its protocol."""
    for identity, reason in metadata.get("skipped", [])[:5]:
        warn(f"skipped {identity}: {reason}")
    protocol = metadata["protocol"]
    stamp = "speaker-disjoint" if protocol["speaker_disjoint"] else "speaker-dependent"
    if protocol["transductive"]:
        stamp += ", transductive"
    title = f"{protocol['name']}, {protocol['repeats']} repeat(s): {stamp}"
    if any(corpus["synthetic"] for corpus in metadata["corpora"]):
        title += "; SYNTHETIC audio, these scores say nothing about people"
    show(_scores_table(metadata["scores"], title))
    for method, score in metadata["scores"][metadata["target"]].items():
        show(_recall_table(metadata["target"], METHODS.get(method, method), score))


def _scores_table(scores: Mapping, title: str):
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for name in ("task", "method", "UAR", "folds' mean ± SD", "utterances", "scored on"):
        table.add_column(name, justify="left" if name in ("task", "method") else "right")
    for task, methods in scores.items():
        for method, score in methods.items():
            where = "test rows" if score["role"] == "test" else "its own stop rows"
            table.add_row(
                task,
                METHODS.get(method, method),
                f"{score['uar']:.3f}",
                f"{score['uar_folds_mean']:.3f} ± {score['uar_folds_sd']:.3f}",
                str(score["utterances"]),
                where,
            )
    return table


def _recall_table(task: str, method: str, score: Mapping):
    """Recall per class, and what each class was taken for."""
    from rich.table import Table

    table = Table(title=f"{task}, {method}: recall, and answers per true class",
                  title_justify="left")
    table.add_column("true class")
    table.add_column("recall", justify="right")
    for name in score["classes"]:
        table.add_column(name, justify="right")
    for name, row in zip(score["classes"], score["confusion"], strict=True):
        recall = score["recalls"][name]
        shown = "-" if recall is None or recall != recall else f"{recall:.3f}"
        table.add_row(name, shown, *map(str, row))
    return table


def show_next(folder: Path) -> None:
    """Says where the chain lies and what to do with it."""
    print(f"\nSaved: {folder}")
    for command in ("predict {} FILE.wav", "evaluate {} --corpus OTHER", "export {}"):
        print("  pnn-keras " + command.format(folder))


def show_answers(files: Sequence[str], answers: Sequence[Mapping], form: str) -> None:
    """Prints the answers for files as a table, CSV or JSON lines of one list.

    Args:
        files: the files.
        answers: what :meth:`pnn_keras.Chain.predict_audio` gave for each.
        form: ``"table"``, ``"csv"`` or ``"json"``.
    """
    if form == "json":
        rows = [{"file": f, **a} for f, a in zip(files, answers, strict=True)]
        print(json.dumps(rows, indent=2, ensure_ascii=False))
    elif form == "csv":
        _print_csv(files, answers)
    else:
        show(_answers_table(files, answers))


def _print_csv(files, answers) -> None:
    """One row a file: each task's label, then the probability of each class."""
    good = next((answer for answer in answers if "error" not in answer), {})
    columns = []
    for task, answer in good.items():
        columns.append((task, None))
        columns.extend((task, name) for name in answer["probabilities"])
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["file", *(t if c is None else f"{t}_{c}" for t, c in columns), "error"])
    for file, answer in zip(files, answers, strict=True):
        cells = [""] * len(columns)
        if "error" not in answer:
            cells = [
                answer[t]["label"] if c is None else f"{answer[t]['probabilities'][c]:.6f}"
                for t, c in columns
            ]
        writer.writerow([file, *cells, answer.get("error", "")])


def _answers_table(files, answers):
    from rich.table import Table

    table = Table()
    table.add_column("file", overflow="fold")
    good = next((answer for answer in answers if "error" not in answer), {})
    for task in good:
        table.add_column(task)
    for file, answer in zip(files, answers, strict=True):
        if "error" in answer:
            table.add_row(file, *["-"] * len(good))
            continue
        table.add_row(file, *(_top(answer[task]["probabilities"]) for task in good))
    return table


def _top(probabilities: Mapping[str, float], most: int = 3) -> str:
    """The likeliest classes with their probabilities, a line each."""
    ranked = sorted(probabilities.items(), key=lambda item: -item[1])[:most]
    return "\n".join(f"{name} {probability:.2f}" for name, probability in ranked)


def show_evaluation(result: Mapping) -> None:
    """Prints what :func:`pnn_keras.evaluation.evaluate` found."""
    print(f"{result['corpus']}: {result['held_out']}")
    if result["left_out_as_heard"]:
        print(f"{result['left_out_as_heard']} utterances left out: the chain has heard them")
    for identity, reason in result["failures"][:5]:
        warn(f"skipped {identity}: {reason}")
    for task, reason in result["skipped_tasks"].items():
        warn(f"{task} is not scored: {reason}")
    for task, score in result["tasks"].items():
        print(f"\n{task}: UAR {score['uar']:.3f} over {score['utterances']} utterances")
        if score["absent"]:
            print(f"absent classes: {', '.join(score['absent'])}")
        if score["mapped"]:
            print("counted as: " + ", ".join(f"{a} as {b}" for a, b in score["mapped"].items()))
        if score["left_out"]:
            print("left out: " + ", ".join(f"{n} {name}" for name, n in score["left_out"].items()))
        show(_recall_table(task, "this chain", score))


def show_corpora(infos: Sequence) -> None:
    """Prints the known corpora."""
    from rich.table import Table

    table = Table()
    for name in ("corpus", "clips", "speakers", "emotions", "licence"):
        table.add_column(name, justify="right" if name in ("clips", "speakers") else "left")
    for info in infos:
        table.add_row(
            info.name,
            "-" if info.clips is None else str(info.clips),
            "-" if info.speakers is None else str(info.speakers),
            ", ".join(info.emotions) or "none",
            info.licence,
        )
    show(table)
