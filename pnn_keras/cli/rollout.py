"""``pnn-keras rollout``: which version each label means, one step at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pnn_keras.cli.options import option


def rollout(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the served model.")],
    labels: Annotated[
        list[str] | None,
        typer.Argument(metavar="[LABEL=VERSION]...", help="Labels to move, such as canary=2."),
    ] = None,
    folder: Annotated[
        Path, option("--in", metavar="DIR", help="Folder that holds models.config.")
    ] = Path("export"),
    new_label: Annotated[
        bool, option("--new-label", help="Make labels other than stable, canary and the model's.")
    ] = False,
    retire: Annotated[
        bool, option("--retire", help="No longer load versions that have no label.")
    ] = False,
) -> None:
    """Move the labels stable and canary to versions that TensorFlow Serving has loaded."""
    from pnn_keras import terminal
    from pnn_keras.deployment import label_versions

    moved = label_versions(folder, name, _versions(labels or []), new=new_label, retire=retire)
    meanings = ", ".join(
        f"{label} is {version}" for label, version in sorted(moved.labels.items())
    )
    loaded = ", ".join(map(str, moved.versions))
    terminal.write(f"{name}: {meanings or 'no label'}; loaded: {loaded}")


def _versions(labels: list[str]) -> dict[str, int]:
    from pnn_keras.errors import UserError

    pairs = [text.partition("=") for text in labels]
    for text, (label, _, version) in zip(labels, pairs, strict=True):
        if not (label and version.isascii() and version.isdecimal()):
            raise UserError(
                f"A label is moved as LABEL=VERSION, such as canary=2. Received: {text}"
            )
    return {label: int(version) for label, _, version in pairs}
