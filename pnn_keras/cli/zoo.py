"""``pnn-keras zoo``: the presets that ship with the package."""

from __future__ import annotations

import typer

from pnn_keras.cli.options import Model
from pnn_keras.cli.quiet import start_tensorflow

zoo_app = typer.Typer(no_args_is_help=True, help="The presets that ship with the package.")


@zoo_app.command("list")
def zoo_list() -> None:
    """List the presets that ship with the package, with what each is worth."""
    from pnn_keras import terminal
    from pnn_keras.preset import read_preset
    from pnn_keras.zoo import find, list_presets

    terminal.show_presets([read_preset(find(name)) for name in list_presets()])


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
