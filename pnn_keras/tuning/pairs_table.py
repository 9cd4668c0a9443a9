"""What searching brought for each pair of tasks, as a page beside the recipes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pnn_keras.significance import holm
from pnn_keras.tuning.pairs import TASKS

#: The page's name in the recipes' folder.
PAGE = "README.md"

_HEAD = """# Shapes found for pairs of tasks

Written by `tools/tune_pairs` from the recipes in this folder; `pnn-keras train --tuned RECIPE`
trains a chain of the shape that one of them found.

*Searching* is what a search inside each fold brings over the paper's 4 x 256 on test folds: the
difference of the pooled UARs, its bootstrap interval over speakers, p of the corrected repeated
cross-validation test over folds, and that after Holm's correction over all pairs here. *This
shape* is the difference of the one shape that was found on the stop rows of all folds, most of
which are test rows of other folds: a little optimistic, so it has no p here. *Weights* are those
that one fold trains for the target (the paper's shape: in parentheses).
"""

_COLUMNS = (
    "pair",
    "corpus",
    "protocol",
    "shape found",
    "source read",
    "UAR on stop rows",
    "searching",
    "p",
    "p, Holm",
    "this shape",
    "weights",
)


def write_page(folder: str | Path) -> Path:
    """Writes the page of all recipes in a folder.

    Args:
        folder: where the recipes lie, as :func:`pnn_keras.tuning.pairs.write_recipe`
            writes them.

    Returns:
        The page.
    """
    path = Path(folder) / PAGE
    read = [tomllib.loads(p.read_text(encoding="utf-8")) for p in Path(folder).glob("*.toml")]
    path.write_text(pairs_page(read), encoding="utf-8")
    return path


def pairs_page(recipes: Sequence[Mapping]) -> str:
    """The page of some recipes, in Markdown.

    Args:
        recipes: what the recipes hold.
    """
    known = {task: place for place, task in enumerate(TASKS)}
    ordered = sorted(recipes, key=lambda r: (r["corpus"], known[r["source"]], known[r["target"]]))
    adjusted = holm(np.array([recipe["gain"]["nested"]["p"] for recipe in ordered]))
    lines = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    lines += [_row(_cells(recipe, float(p))) for recipe, p in zip(ordered, adjusted, strict=True)]
    return "\n".join([_HEAD, *lines, "", _searched(ordered)]) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(recipe: Mapping, adjusted: float) -> list[str]:
    gain, search = recipe["gain"], recipe["search"]
    nested, found = gain["nested"], gain["found"]
    return [
        f"{recipe['source']} to {recipe['target']}",
        recipe["corpus"],
        search["protocol"],
        _shape(recipe["found"]),
        _reading(recipe["found"], recipe["source"]),
        f"{search['stop_uar']:.3f}",
        f"{nested['uar_difference']:+.3f} [{nested['low']:+.3f}, {nested['high']:+.3f}]",
        _p(nested["p"]),
        _p(adjusted),
        f"{found['uar_difference']:+.3f}",
        f"{found['parameters']:,} ({found['parameters_paper']:,})",
    ]


def _shape(found: Mapping) -> str:
    widths = "-".join(map(str, found["units"]))
    return f"{widths}, dropout {found['dropout']:g}, rate {found['learning_rate']:g}"


def _reading(found: Mapping, source: str) -> str:
    """How the target reads its source: its widths, which layers, through what."""
    reads = found["wiring"][source]
    if reads == "none":
        return "not at all"
    widths = "-".join(map(str, found["source_units"][source]))
    units = f" of {found['adapter_units']}" if found.get("adapter_units") else ""
    return f"{widths}, {reads}, {found['lateral']}{units}"


def _p(value: float) -> str:
    """A p value with three decimals.

    >>> _p(0.0004), _p(0.0312), _p(float("nan"))
    ('< 0.001', '0.031', 'none')
    """
    if np.isnan(value):
        return "none"
    return "< 0.001" if value < 0.0005 else f"{value:.3f}"


def _searched(recipes: Sequence[Mapping]) -> str:
    """How much was tried, in a sentence for every way in which it was."""
    ways = {
        (
            recipe["search"]["oracle"],
            recipe["search"]["trials"],
            recipe["gain"]["nested"]["trials"],
            recipe["search"]["settings"]["epochs"],
            recipe["search"]["settings"]["patience"],
        )
        for recipe in recipes
    }
    return " ".join(
        f"Searched with {oracle} search, {trials} trials ({nested} inside each fold), at most "
        f"{epochs} epochs, patience {patience}."
        for oracle, trials, nested, epochs, patience in sorted(ways)
    )
