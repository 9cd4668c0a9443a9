"""``pnn-keras export``: a chain for TensorFlow Serving."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pnn_keras.cli.options import Heads, Model, option
from pnn_keras.cli.parsing import file_name
from pnn_keras.cli.quiet import start_tensorflow


def export(
    model: Model,
    to: Annotated[
        Path, option("--to", metavar="DIR", help="Folder of all exported models.")
    ] = Path("export/models"),
    name: Annotated[
        str | None,
        option("--name", metavar="NAME", help="Name to be served under. Default: MODEL's own."),
    ] = None,
    heads: Annotated[
        Heads,
        option(
            "--heads",
            help="How a speaker column answers: open, with an embedding; all, with the names of "
            "the speakers it was trained on too.",
        ),
    ] = Heads.open,
) -> None:
    """Write a SavedModel with the next free version number, and what serves it.

    The configuration of TensorFlow Serving, a compose file, a Kubernetes
    manifest and pages on how to use them are written into DIR, or beside it if
    it is called models; what you edited of them is left alone.
    """
    from pnn_keras import terminal
    from pnn_keras.deployment import write_deployment
    from pnn_keras.export import export_chain
    from pnn_keras.model_address import model_name
    from pnn_keras.zoo import find, load

    found = find(model)
    name = name or file_name(model_name(model))
    start_tensorflow()
    version = export_chain(load(found), to, name=name, heads=heads)
    folder = to.parent if to.name == "models" else to
    write_deployment(to, folder)
    terminal.write(f"Exported: {version}")
    terminal.note(f"How to serve it: {folder / 'README.md'}")
