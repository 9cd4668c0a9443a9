"""The pieces of Markdown that every section is made of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

#: What stands where nothing was recorded.
NOT_SAID = "not recorded"


def listed(metadata: Mapping, key: str) -> list[Mapping]:
    """The dictionaries under a key, none where it is missing."""
    return list(metadata.get(key) or [])


def told(value):
    """What was recorded, without what is null: that and what is missing are one to a card.

    A class without a recall stays: it is named, with a dash.

    >>> told({"uar": None, "recalls": {"sad": None}, "corpora": [{"name": "A", "clips": None}]})
    {'recalls': {'sad': None}, 'corpora': [{'name': 'A'}]}
    """
    if isinstance(value, Mapping):
        known = {key: item for key, item in value.items() if item is not None}
        return {key: i if key == "recalls" else told(i) for key, i in known.items()}
    return [told(item) for item in value] if isinstance(value, list) else value


def number(value: float | None) -> str:
    """A share of 1 with three decimals; a dash where there is none.

    >>> number(0.62549), number(None), number(float("nan"))
    ('0.625', '-', '-')
    """
    return "-" if value is None or math.isnan(value) else f"{value:.3f}"


def bounds_of(score: Mapping) -> tuple[float, float] | None:
    """The bounds of a score's interval; None where there is none."""
    recorded = score.get("interval") or {}
    low, high = recorded.get("low"), recorded.get("high")
    return None if low is None or high is None else (low, high)


def interval(score: Mapping) -> str:
    """The bounds of a score's interval, in brackets; a dash where there is none.

    >>> interval({"interval": {"low": 0.5, "high": 0.75}}), interval({})
    ('[0.500, 0.750]', '-')
    """
    bounds = bounds_of(score)
    return "-" if bounds is None else f"[{number(bounds[0])}, {number(bounds[1])}]"


def and_list(names: Iterable[str]) -> str:
    """Names as a sentence lists them.

    >>> and_list(["German"]), and_list(["German", "English", "Polish"])
    ('German', 'German, English and Polish')
    """
    names = [str(name) for name in names]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def count(value: object, one: str, many: str | None = None) -> str:
    """A number and what it counts.

    >>> count(1, "speaker"), count(7442, "clip"), count(None, "clip")
    ('1 speaker', '7,442 clips', 'clips not counted')
    """
    many = many or f"{one}s"
    if value is None:
        return f"{many} not counted"
    return f"{value:,} {one if value == 1 else many}"


def table(head: Sequence, rows: Sequence[Sequence], *, right: Iterable[int] = ()) -> str:
    r"""A table; the columns of the numbers in ``right`` are set to the right.

    >>> print(table(["task", "UAR"], [["a|b", "0.5"]], right=[1]))
    | task | UAR |
    | --- | ---: |
    | a\|b | 0.5 |
    """
    right = set(right)
    rule = ["---:" if column in right else "---" for column in range(len(head))]
    return "\n".join(f"| {' | '.join(map(text, line))} |" for line in (head, rule, *rows))


def text(value: object) -> str:
    """A value as a line of Markdown, fit for a cell of a table too."""
    line = " ".join(printable(str(value)).split())
    return line.replace("|", "\\|").replace("<", "&lt;").replace("&lt;br>", "<br>")


def printable(value: str) -> str:
    """Text without the characters that steer terminals and that YAML refuses."""
    return "".join(c if c.isprintable() else " " for c in value)


def folded(summary: str, content: str) -> str:
    """Content that a reader unfolds; plain Markdown where nothing folds."""
    return f"<details>\n<summary>{text(summary)}</summary>\n\n{content}\n\n</details>"


def section(title: str, *paragraphs: str) -> str:
    """A section of what is there of its paragraphs; nothing where nothing is."""
    there = [paragraph for paragraph in paragraphs if paragraph]
    return "\n\n".join([f"## {title}", *there]) if there else ""
