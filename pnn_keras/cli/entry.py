"""From the process to the application and back: every run ends with an exit code."""

from __future__ import annotations

import os
import sys
import warnings

from pnn_keras.cli.app import app
from pnn_keras.cli.errors import FAILED, INTERRUPTED, report


def main() -> None:
    """Runs the command line of this process; every error ends as one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal need not speak UTF-8, nor a file's name: a mark is better than a crash.
        stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        sys.exit(_run())


def _run() -> int:
    try:
        # Not standalone: click would print "Aborted!" for Ctrl-C, and boxes for wrong options.
        code = app(standalone_mode=False, prog_name="pnn-keras")
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        code = _leave_pipe()
    except SystemExit as error:
        # A pipe that broke in the middle of a command, of which click makes an exit.
        code = _leave_pipe() if error.code == FAILED else error.code
    except Exception as error:
        code = report(error, debug="--debug" in sys.argv)
    if code == INTERRUPTED:
        print("interrupted", file=sys.stderr)
        # Ctrl-C within some exec() of a library makes `python -m` end by the signal in place of
        # the exit code, unless another text was run since.
        eval("None")
    return code if isinstance(code, int) else 0


def _leave_pipe() -> int:
    """Nobody reads on (``| head``): what is still to be written goes nowhere, quietly."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
    return FAILED


def _show_warning(message, *where, **more) -> None:
    from pnn_keras import terminal

    terminal.warn(str(message))
