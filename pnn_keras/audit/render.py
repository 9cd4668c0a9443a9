"""An audit as tables on the screen."""

from __future__ import annotations

from typing import Any

from pnn_keras.audit.overlap import LEAKING_KINDS, LEAKING_PAIRS
from pnn_keras.audit.words import counted, how_many

_SHOWN = 10
#: The headings of what roles share, broken so that 80 columns hold them.
_HEADINGS = {
    "files": "files",
    "speakers": "speakers",
    "identical": "identical\naudio",
    "near_identical": "near-\nidentical\naudio",
    "overlapping": "overlap-\nping\nsegments",
    "sentences": "sentences",
}


def render(report: dict[str, Any]):
    """The report as something that ``rich.print`` shows.

    Args:
        report: what :func:`pnn_keras.audit.audit_split` returned.

    Returns:
        A ``rich.console.Group``: the verdict and what led to it, what roles
        share fold by fold, and the balance of the roles of the first fold.
    """
    from rich.console import Group

    return Group(_verdict(report), _shared(report), _roles(report))


def _verdict(report: dict[str, Any]):
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Audit", show_header=False, title_justify="left")
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for row, text, style in _lines(report):
        # File names may hold what rich would take for markup.
        table.add_row(row, Text(text, style=style))
    return table


def _lines(report: dict[str, Any]) -> list[tuple[str, str, str]]:
    folds = [fold["fold"] for fold in report["folds"] if fold["fold"] is not None]
    size = counted("files", report["files"])
    if folds:
        size += f" in {how_many(len(folds), 'fold', 'folds')}"
    if report["leak"]:
        verdict = ("leak", "bold red")
    elif report["unchecked"]:
        verdict = ("no leak found in what could be checked", "bold yellow")
    else:
        verdict = ("no leak found", "bold green")
    lines = [
        ("split", f"{report['split']} ({size})", ""),
        ("corpus", report["corpus"] or "none given", ""),
        ("verdict", *verdict),
        *(("leak", text, "red") for text in report["leaks"]),
        *(("near-identical", text, "") for text in _copies(report)),
        *(("note", text, "") for text in report["notes"]),
        *(("not checked", text, "yellow") for text in report["unchecked"]),
    ]
    if report["rescore"] is not None:
        lines.append(("scores", _scores(report["rescore"]), ""))
    return lines


def _copies(report: dict[str, Any]) -> list[str]:
    """The altered copies that roles share, one line each."""
    found: dict[str, None] = {}
    for fold in report["folds"]:
        for kinds in fold["shared"].values():
            for copy in kinds["near_identical"]:
                roles = ((role, names) for role, names in copy.items() if role != "similarity")
                sides = (f"{role} {', '.join(names)}" for role, names in roles)
                found[f"{' = '.join(sides)} (correlation {copy['similarity']:.3f})"] = None
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return [*list(found)[:_SHOWN], *more]


def _scores(scores: dict[str, Any]) -> str:
    return (
        f"UAR {scores['published']:.3f} as published, {scores['disjoint_mean']:.3f} "
        f"± {scores['disjoint_sd']:.3f} (SD) over {scores['draws']} speaker-disjoint splits of "
        f"like size: {scores['difference']:+.3f} ({scores['classifier']})"
    )


def _shared(report: dict[str, Any]):
    """What each two roles share, a row a fold and pair; ? where nothing is known."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # Without upright lines it fits 80 columns, folds included.
    table = Table(
        title="Shared between roles", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    folded = any(fold["fold"] is not None for fold in report["folds"])
    for heading in (*(["fold"] if folded else []), "roles"):
        table.add_column(heading, no_wrap=True)
    for heading in _HEADINGS.values():
        table.add_column(heading, justify="right")
    for fold in report["folds"]:
        for pair, kinds in fold["shared"].items():
            cells = [
                Text(str(len(kinds[kind])), style=_style(pair, kind, len(kinds[kind])))
                if _checked(report, fold, pair, kind)
                else Text("?")
                for kind in _HEADINGS
            ]
            table.add_row(*([str(fold["fold"])] if folded else []), pair, *cells)
    return table


def _checked(report: dict[str, Any], fold: dict[str, Any], pair: str, kind: str) -> bool:
    if kind in ("identical", "near_identical"):
        return report["corpus"] is not None
    return kind in ("files", "overlapping") or all(
        fold["roles"][role][kind] for role in pair.split("/")
    )


def _style(pair: str, kind: str, count: int) -> str:
    return "red" if count and pair in LEAKING_PAIRS and kind in LEAKING_KINDS else ""


def _roles(report: dict[str, Any]):
    from rich.table import Table
    from rich.text import Text

    first = report["folds"][0]
    which = "" if first["fold"] is None else f" of fold {first['fold']}"
    table = Table(title=f"Roles{which}", title_justify="left")
    for heading in ("role", "files", "speakers", "gender", "emotion"):
        table.add_column(heading, overflow="fold")
    for role, counts in first["roles"].items():
        listed = (
            Text(", ".join(f"{name}: {count}" for name, count in counts[label].items()))
            for label in ("gender", "emotion")
        )
        table.add_row(role, str(counts["files"]), str(counts["speakers"]), *listed)
    return table
