"""What the commands print: tables and answers on stdout, remarks and errors on stderr."""

from __future__ import annotations

import csv
import io
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pnn_keras.corpus import Corpus, CorpusInfo

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

#: What the methods are called above their scores.
METHODS = {"prognet": "ProgNet", "dnn": "DNN from scratch", "column": "column"}

#: Whose voices a score was taken on, and what that means.
STAMPS = {
    True: "speaker-disjoint: no test speaker was heard in training",
    False: "speaker-dependent: test speakers were heard in training; expect less on new voices",
    None: "it is not recorded whether test speakers were heard in training",
}

#: What the scaling has seen.
SCALINGS = {
    True: "transductive: the scaling has seen the features of the test utterances",
    False: "not transductive: scaled on training rows alone",
}

#: Whether an evaluated corpus is new to the chain.
HELD_OUT = {
    "held out": "held out: the chain has heard neither its speakers nor its recordings",
    "not held out": "NOT held out: the chain has heard some of these speakers or recordings",
    "unknown": "unknown whether held out: the chain does not record whom it has heard",
}

SYNTHETIC = "SYNTHETIC audio: nobody spoke it, and these scores say nothing about people"

#: Tasks with more classes (speakers) are summed up in a line.
_MOST_CLASSES = 12

#: How many skipped recordings are named.
_SHOWN = 5


def show(*parts: RenderableType) -> None:
    """Prints what rich can print, on stdout, as wide as the terminal is."""
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    for part in parts:
        console.print(part)


def write(text: str) -> None:
    """Prints text on stdout as it is, for programs to read."""
    print(text)


def warn(message: str) -> None:
    """Prints a remark on stderr, in one line."""
    _stderr("note: ", "yellow", message)


def fail(message: str) -> None:
    """Prints why a command failed on stderr, in one line."""
    _stderr("error: ", "bold red", message)


def _stderr(head: str, style: str, message: str) -> None:
    from rich.console import Console
    from rich.text import Text

    line = " ".join(message.split())
    # A file's name may hold anything, the codes that steer a terminal too.
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    Console(stderr=True).print(Text.assemble((head, style), safe), soft_wrap=True)


def announce(corpora: Sequence[Corpus]) -> None:
    """Says on stderr what will be heard, and what is to be known about it."""
    for corpus in corpora:
        speakers = len(corpus.classes("speaker"))
        heard = f"{len(corpus)} utterances of {speakers} speakers"
        _stderr("", "", f"{corpus.name}: {heard}")
        for warning in corpus.warnings:
            warn(warning)
        warn_of_failures([(skipped.id, skipped.reason) for skipped in corpus.skipped])


def warn_of_failures(failures: Sequence[Sequence[str]], most: int | None = _SHOWN) -> None:
    """Says on stderr which recordings were skipped and why.

    Args:
        failures: pairs of the recording's name and the reason.
        most: how many to name; None names all.
    """
    for name, reason in failures[:most]:
        warn(f"skipped {name}: {reason}")
    if most is not None and len(failures) > most:
        warn(f"skipped {len(failures) - most} more recording(s)")


def show_scores(metadata: Mapping) -> None:
    """Prints the scores of a training run, and what they are worth.

    Args:
        metadata: what :func:`pnn_keras.chain_training.train` records.
    """
    scores = dict(metadata["scores"])
    target = metadata["target"]
    by_method = scores.pop(target)
    titles = {method: METHODS.get(method, method) for method in by_method}
    if "prognet" in titles and metadata.get("sources"):
        titles["prognet"] += f" ({' + '.join(metadata['sources'])})"
    _heading(target)
    show(_measures({titles[m]: score for m, score in by_method.items()}), "")
    show(*_stamps(metadata))
    main = next(iter(by_method))
    _show_confusion(by_method[main], f"{target}, {titles[main]}")
    if scores:
        _heading("Earlier columns")
        show(_earlier(scores, _of_this_run(metadata)))


def show_next(path: str, hints: bool = True) -> None:
    """Prints where a chain was saved and, as hints, what can be done with it."""
    from rich.text import Text

    show("", Text.assemble(("Saved: ", "bold"), path))
    if not hints:
        return
    model = shlex.quote(path)
    for command in (
        f"predict {model} FILE.wav",
        f"evaluate {model} --corpus OTHER_CORPUS",
        f"export {model}",
        f"train --from {model} --target TASK --corpus OTHER_CORPUS",
    ):
        write(f"  pnn-keras {command}")


def show_tuned(best: Mapping, folder: str) -> None:
    """Prints what a search found.

    Args:
        best: what :func:`pnn_keras.tuning.tune` gives.
        folder: the search's folder.
    """
    widths = ",".join(map(str, best["units"]))
    tried = f"best of {best['trials']} shape(s)"
    if best["failed"]:
        tried += f", {best['failed']} more failed"
    sources = "".join(f" --source {shlex.quote(name)}" for name in best["sources"])
    _heading(f"Search for {best['target']}")
    show(
        _facts(
            {
                "widths": f"{widths} ({tried})",
                "stop UAR": f"{best['stop_uar']:.3f}, mean of the stop folds. The best of many is "
                "optimistic: take the score from train",
            },
        )
    )
    target = shlex.quote(best["target"])
    write(f"  pnn-keras train{sources} --target {target} --tuned {shlex.quote(folder)}")


def show_answers(
    files: Sequence[str],
    answers: Sequence[Mapping],
    classes: Mapping[str, Sequence[str]],
    form: str = "table",
) -> None:
    """Prints the answers for files.

    Args:
        files: the files' names.
        answers: what :meth:`pnn_keras.Chain.predict_audio` gave for each.
        classes: the classes of each task.
        form: ``"table"``: the likeliest class of each task; ``"csv"`` or
            ``"json"``: all probabilities, and the error where there is no answer.
    """
    if form == "json":
        rows = [{"file": f, **answer} for f, answer in zip(files, answers, strict=True)]
        write(json.dumps(rows, indent=2))
    elif form == "csv":
        write(_csv(files, answers, classes))
    else:
        show(_answers_table(files, answers, classes))


def _csv(files, answers, classes) -> str:
    """A row a file: each task's label, and the probability of each of its classes."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    heads = [[task, *(f"{task}_{name}" for name in names)] for task, names in classes.items()]
    rows.writerow(["file", *(head for some in heads for head in some), "error"])
    for file, answer in zip(files, answers, strict=True):
        cells = []
        for task, names in classes.items():
            given = answer.get(task)
            cells.append(given["label"] if given else "")
            cells += [f"{given['probabilities'][n]:.6f}" if given else "" for n in names]
        rows.writerow([file, *cells, answer.get("error", "")])
    return text.getvalue().removesuffix("\n")


def _answers_table(files, answers, classes) -> Table:
    from rich.text import Text

    table = _table()
    table.add_column("file", overflow="fold")
    for task in classes:
        table.add_column(task)
    for file, answer in zip(files, answers, strict=True):
        if "error" in answer:
            cells = [Text("no answer", "red")]
        else:
            cells = [_likeliest(answer[task]) for task in classes]
        table.add_row(Text(file), *cells)
    return table


def _likeliest(answer: Mapping) -> RenderableType:
    from rich.text import Text

    label = answer["label"]
    return Text.assemble((label, "bold"), f" {answer['probabilities'][label]:.2f}")


def show_evaluation(result: Mapping) -> None:
    """Prints the scores of a chain on a corpus.

    Args:
        result: what :func:`pnn_keras.evaluation.evaluate` gives.
    """
    warn_of_failures(result["failures"])
    for task, reason in result["skipped_tasks"].items():
        warn(f"{task} is not scored: {reason}")
    for task, score in result["tasks"].items():
        _heading(f"{task} on {result['corpus']}")
        show(_measures({"this chain": score}))
        show(*(_indented(line) for line in _left_and_mapped(score)))
        _show_confusion(score, task)
    show("", _indented(HELD_OUT[result["held_out"]], warning=result["held_out"] != "held out"))
    if result["left_out_as_heard"]:
        count = result["left_out_as_heard"]
        show(_indented(f"{count} utterances left out, since the chain has heard them"))
    if result["synthetic"]:
        show(_indented(SYNTHETIC, warning=True))


def _left_and_mapped(score: Mapping) -> list[str]:
    """What was done to the corpus's labels to score them, a line each."""
    lines = []
    if score["absent"] and len(score["absent"]) <= _MOST_CLASSES:
        lines.append(f"absent from the corpus, not in the UAR: {', '.join(score['absent'])}")
    if score["mapped"]:
        mapped = ", ".join(f"{label} as {name}" for label, name in score["mapped"].items())
        lines.append(f"counted: {mapped}")
    if score["left_out"]:
        left = ", ".join(f"{label} ({count})" for label, count in score["left_out"].items())
        lines.append(f"left out, no class of the chain: {left}")
    return lines


def show_corpora(infos: Iterable[CorpusInfo], free: Iterable[str]) -> None:
    """Prints the known corpora.

    Args:
        infos: what is known about each.
        free: the names of those that ``corpus get`` downloads.
    """
    free = set(free)
    table = _table()
    table.add_column("corpus", no_wrap=True)
    for name in ("clips", "speakers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("licence")
    table.add_column("get", no_wrap=True)
    for info in infos:
        counts = ["-" if n is None else f"{n:,}" for n in (info.clips, info.speakers)]
        way = "download" if info.name in free else "ask there"
        table.add_row(info.name, *counts, info.licence, way)
    show(table)
    write("  pnn-keras corpus get NAME downloads a corpus, or says where to ask for it.")


def show_presets(presets: Mapping[str, Mapping]) -> None:
    """Prints the presets of the zoo.

    Args:
        presets: the metadata of each, by name.
    """
    table = _table()
    table.add_column("preset", no_wrap=True)
    for name in ("answers", "trained on"):
        table.add_column(name, overflow="fold")
    table.add_column("UAR", justify="right")
    table.add_column("score is")
    for name, metadata in presets.items():
        target = metadata.get("target", "-")
        score = next(iter((metadata.get("scores") or {}).get(target, {}).values()), {})
        disjoint = (metadata.get("protocol") or {}).get("speaker_disjoint")
        corpora = ", ".join(str(corpus["name"]) for corpus in metadata.get("corpora") or [])
        stamp = "-" if disjoint is None else STAMPS[disjoint].partition(":")[0]
        tasks = ", ".join([*(metadata.get("sources") or []), target])
        table.add_row(name, tasks, corpora, _number(score.get("uar")), stamp)
    show(table)


def show_preset(metadata: Mapping, card: Path) -> None:
    """Prints what a preset is: laid out on a terminal, else its card as it is.

    Args:
        metadata: what is recorded of the preset.
        card: the preset's README, a Markdown table of which can be too wide for a terminal.
    """
    if not sys.stdout.isatty():
        write(card.read_text(encoding="utf-8"))
        return
    corpora = metadata.get("corpora") or []
    target = metadata.get("target")
    rows = {"trained on": "; ".join(map(_corpus_line, corpora)) or "not recorded"}
    rows |= {
        "cite": "; ".join(str(c["citation"]) for c in corpora if c.get("citation")),
        "made": metadata.get("created"),
        "command": metadata.get("command"),
        "card": card,
    }
    _heading(str(metadata.get("title") or f"Chain for {target or 'tasks that are not recorded'}"))
    show(_facts({name: value for name, value in rows.items() if value}))
    if target in (metadata.get("scores") or {}):
        show_scores(metadata)


def _corpus_line(corpus: Mapping) -> str:
    speakers, clips = corpus.get("speakers") or [], corpus.get("clips", "?")
    licence = corpus.get("licence", "licence not recorded")
    return f"{corpus.get('name')}: {clips} clips, {len(speakers)} speakers, {licence}"


def show_verified(found: Mapping) -> None:
    """Prints what was found out about a preset that is whole.

    Args:
        found: what :func:`pnn_keras.zoo.verify` gives.
    """
    rows = {name: found[name] for name in ("folder", "sha256", "bytes", "parameters")}
    rows |= {f"answers {task}": ", ".join(names) for task, names in found["tasks"].items()}
    rows["written by"] = ", ".join(f"{name} {v}" for name, v in found["versions"].items())
    _heading(f"{found['name']} is whole and answers")
    show(_facts(rows))


def _heading(title: str) -> None:
    from rich.text import Text

    show("", Text(title, "bold underline"), "")


def _facts(rows: Mapping[str, object]) -> Table:
    """Names and values, one row each."""
    from rich.text import Text

    table = _table()
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows.items():
        table.add_row(name, Text(f"{value:,}" if isinstance(value, int) else str(value)))
    return table


def _measures(scores: Mapping[str, Mapping]) -> Table:
    """Scores side by side: a row for each measure, a column for each method.

    Args:
        scores: as :func:`pnn_keras.methods.score_answers` gives them, by title.
    """
    from rich.text import Text

    columns = list(scores.values())
    table = _table()
    table.add_column()
    for name in scores:
        table.add_column(name, justify="right")
    table.add_row(Text("UAR, pooled", "bold"), *(Text(_number(s["uar"]), "bold") for s in columns))
    if all("uar_folds_mean" in score for score in columns):
        table.add_row("UAR of folds, mean ± SD", *map(_of_folds, columns))
    classes = columns[0]["classes"]
    if len(classes) <= _MOST_CLASSES:
        for name in classes:
            table.add_row(f"recall {name}", *(_number(s["recalls"][name]) for s in columns))
    table.add_row("classes", *(str(len(score["classes"])) for score in columns))
    table.add_row("utterances", *(str(score["utterances"]) for score in columns))
    return table


def _stamps(metadata: Mapping) -> list[RenderableType]:
    """How the scores came about and what they are worth, a line each."""
    protocol = metadata.get("protocol") or {}
    folds = f"{protocol.get('folds', '?')} folds, {protocol.get('repeats', '?')} repeat(s)"
    disjoint = protocol.get("speaker_disjoint")
    transductive = bool(protocol.get("transductive"))
    lines = [
        _indented(f"{protocol.get('name', 'unknown protocol')}: {folds}"),
        _indented(STAMPS[disjoint], warning=not disjoint),
        _indented(SCALINGS[transductive], warning=transductive),
    ]
    if any(corpus.get("synthetic") for corpus in metadata.get("corpora") or []):
        lines.append(_indented(SYNTHETIC, warning=True))
    return lines


def _show_confusion(score: Mapping, title: str) -> None:
    """Prints which class was taken for which; nothing where there are too many classes."""
    from rich.text import Text

    classes = score["classes"]
    if len(classes) > _MOST_CLASSES:
        return
    _heading(f"{title}: true classes in rows, answers in columns")
    table = _table()
    table.add_column()
    for name in _cut(classes):
        table.add_column(name, justify="right", no_wrap=True)
    for i, (name, row) in enumerate(zip(classes, score["confusion"], strict=True)):
        cells = (Text(str(n), "bold" if i == j else "") for j, n in enumerate(row))
        table.add_row(name, *cells)
    show(table)


def _cut(names: Sequence[str]) -> list[str]:
    """Names cut to as few letters as tell them apart, at least five, to fit side by side."""
    length = 5
    while len({name[:length] for name in names}) < len(set(names)):
        length += 1
    return [name[:length] for name in names]


def _of_this_run(metadata: Mapping) -> list[str]:
    """The tasks scored by this protocol; those of a chain that was extended stand before them."""
    trained = len(metadata.get("epochs") or metadata["scores"])
    return list(metadata["scores"])[-trained:]


def _earlier(scores: Mapping[str, Mapping], of_this_run: Sequence[str]) -> Table:
    """The scores of the columns before the target, a line each."""
    roles = {"test": "test rows", "stop": "its own stop rows"}
    table = _table()
    table.add_column("task")
    for name in ("UAR", "of folds", "classes", "utterances"):
        table.add_column(name, justify="right")
    table.add_column("scored on")
    for task, by_method in scores.items():
        score = next(iter(by_method.values()))
        table.add_row(
            task,
            _number(score["uar"]),
            _of_folds(score),
            str(len(score["classes"])),
            str(score["utterances"]),
            roles[score["role"]] if task in of_this_run else "an earlier run",
        )
    return table


def _indented(line: str, warning: bool = False) -> RenderableType:
    from rich.padding import Padding
    from rich.text import Text

    return Padding(Text(line, "yellow" if warning else ""), (0, 0, 0, 2))


def _table() -> Table:
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, show_edge=False, header_style="bold")


def _of_folds(score: Mapping) -> str:
    return f"{_number(score['uar_folds_mean'])} ± {_number(score['uar_folds_sd'])}"


def _number(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.3f}"
