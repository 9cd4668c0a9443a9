"""``pnn-keras zoo``: the presets that ship with the package, and those from elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from pnn_keras.cli.options import Model, option
from pnn_keras.cli.quiet import start_tensorflow

zoo_app = typer.Typer(no_args_is_help=True, help="Presets: list, show, verify, push.")


@zoo_app.command("list")
def zoo_list() -> None:
    """List the presets that ship with the package, and those that were fetched from elsewhere."""
    from pnn_keras import terminal
    from pnn_keras.preset import read_preset
    from pnn_keras.zoo import cached_presets, find, list_presets

    terminal.show_presets([read_preset(find(name)) for name in list_presets()])
    for address in cached_presets():
        terminal.write(f"fetched: {address}")


@zoo_app.command("show")
def zoo_show(model: Model) -> None:
    """Show what a preset answers, its scores and its training data; piped, its card."""
    from pnn_keras import terminal
    from pnn_keras.preset import read_preset
    from pnn_keras.zoo import find

    terminal.show_preset(read_preset(find(model)))


@zoo_app.command("verify")
def zoo_verify(model: Model) -> None:
    """Check that a preset is whole, loads and answers."""
    from pnn_keras import terminal
    from pnn_keras.zoo import verify

    start_tensorflow()
    terminal.show_verified(verify(model))


@zoo_app.command("push")
def zoo_push(
    model: Model,
    to: Annotated[
        str, typer.Argument(metavar="hf://OWNER/NAME", help="Where to; made if there is none.")
    ],
    private: Annotated[
        bool, option("--private", help="If it is made: for its owner alone.")
    ] = False,
) -> None:
    """Verify a preset, then upload it to a model hub in one commit."""
    from pnn_keras import terminal
    from pnn_keras.zoo import push

    start_tensorflow()
    terminal.write(f"Uploaded: {push(model, to, private=private)}")
