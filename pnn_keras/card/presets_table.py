"""The zoo's table: the presets side by side, in Markdown, from what was recorded of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pnn_keras.card.facts import Overview, TaskFacts, overview
from pnn_keras.card.markdown import number, table
from pnn_keras.card.scored import METHODS
from pnn_keras.errors import UserError

#: What the table stands between in a text.
BEGIN, END = "<!-- zoo -->", "<!-- /zoo -->"

_NOTES = {
    "†": "† speaker-dependent: test speakers were heard in training.",
    "‡": "‡ whether test speakers were heard in training is not recorded.",
    "§": "§ on its own stop rows, which ended its training: no test speaker is a class of it.",
}

_MARKS = {True: "", False: " †", None: " ‡"}

_HEAD = (
    "preset",
    "front-end",
    "answers (classes)",
    "trained on",
    "any use?",
    "UAR on test folds",
    "best plain reference",
    "UAR on corpora never heard",
    "size",
)


def zoo_table(metadata_by_name: Mapping[str, Mapping], sizes: Mapping[str, int]) -> str:
    """The presets side by side, a row each, as Markdown.

    Args:
        metadata_by_name: what was recorded of each preset.
        sizes: bytes of each one's weights, as far as they are known.

    Example:

    >>> score = {"uar": 0.75, "classes": ["female", "male"]}
    >>> recorded = {"target": "gender", "scores": {"gender": {"column": score}}}
    >>> print(zoo_table({"mine": recorded}, {"mine": 1_500_000}).splitlines()[2])
    | [mine](zoo/mine/README.md) | - | gender (2) | - | not known | 0.750 ‡ | - | - | 1.5 MB |
    """
    presets = [overview(n, m, sizes.get(n)) for n, m in sorted(metadata_by_name.items())]
    body = table(_HEAD, [_row(preset) for preset in presets], right=[8])
    return "\n\n".join([body, *_notes(presets)])


def replace_zoo_table(text: str, new: str) -> str:
    r"""A text with another table between its marks.

    Raises:
        UserError: the marks are not there.

    Example:

    >>> replace_zoo_table("a <!-- zoo -->old<!-- /zoo --> b", "new")
    'a <!-- zoo -->\n\nnew\n\n<!-- /zoo --> b'
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"A zoo's table stands between {BEGIN} and {END}. Received: no such marks")
    return f"{before}{BEGIN}\n\n{new}\n\n{END}{after}"


def use_in_words(preset: Overview) -> str:
    """Whether a preset may be used for anything, and what binds it."""
    if preset.any_use is None:
        return "not known"
    if preset.any_use:
        return "yes"
    return f"no: {', '.join(preset.binding)}" if preset.binding else "no"


def size_in_words(size: int | None) -> str:
    """A size in megabytes; a dash where it is not known.

    >>> size_in_words(2_849_232), size_in_words(None)
    ('2.8 MB', '-')
    """
    return "-" if size is None else f"{size / 1e6:.1f} MB"


def _row(preset: Overview) -> list[str]:
    return [
        f"[{preset.name}](zoo/{preset.name}/README.md)",
        preset.frontend or "-",
        _lines(f"{t.task} ({t.classes})" if t.classes else t.task for t in preset.tasks),
        ", ".join(preset.corpora) or "-",
        use_in_words(preset),
        _lines(uar_in_words(task) + _mark(task) for task in preset.tasks),
        _lines(plain_in_words(task) for task in preset.tasks),
        _lines(elsewhere_in_words(task).replace("*", "\\*") for task in preset.tasks),
        size_in_words(preset.size),
    ]


def _mark(task: TaskFacts) -> str:
    """What to know of a UAR: whether test speakers were heard, or may have been."""
    if task.uar is None:
        return ""
    return " §" if task.on_stop_rows else _MARKS[task.speaker_disjoint]


def uar_in_words(task: TaskFacts) -> str:
    """A task's UAR with its interval."""
    bounds = f" [{', '.join(map(number, task.interval))}]" if task.interval else ""
    return "-" if task.uar is None else f"{number(task.uar)}{bounds}"


def plain_in_words(task: TaskFacts) -> str:
    """The best plain reference of a task and its UAR."""
    return "-" if task.plain is None else f"{number(task.plain[1])} {METHODS[task.plain[0]]}"


def elsewhere_in_words(task: TaskFacts) -> str:
    """UAR on each corpus that was never heard, adapted in parentheses, marked if the recipe's."""
    said = [
        f"{score.corpus} {number(score.uar)}"
        + ("" if score.adapted is None else f" ({number(score.adapted)})")
        + ("" if score.these else " *")
        for score in task.elsewhere
    ]
    return ", ".join(said) or "-"


def _lines(cells: Iterable[str]) -> str:
    """One line a task; a single dash where there is nothing at all."""
    cells = list(cells)
    return "<br>".join(cells) if set(cells) - {"-"} else "-"


def _notes(presets: list[Overview]) -> list[str]:
    """What the marks mean that stand in the table, and no others."""
    scored = [task for preset in presets for task in preset.tasks if task.uar is not None]
    notes = []
    everywhere = [score for task in scored for score in task.elsewhere]
    if any(score.adapted is not None for score in everywhere):
        notes.append(
            "In parentheses: adapted, with scalers fitted on that corpus's recordings, all of "
            "them at once and without their labels (`--adapt`; transductive)."
        )
    if any(not score.these for score in everywhere):
        notes.append("\\* the same recipe, trained without that corpus.")
    marks = "".join(map(_mark, scored))
    return notes + [note for mark, note in _NOTES.items() if mark in marks]
