"""Errors in words: one line on stderr, and the exit code."""

from __future__ import annotations

import errno
import traceback

from pnn_keras.errors import PnnKerasError, UserError

#: Exit codes: the run failed, the request cannot work as it stands, Ctrl-C.
FAILED, WRONG, INTERRUPTED = 1, 2, 130


def report(error: Exception, debug: bool) -> int:
    """Prints an error as one line; gives the exit code."""
    # Typer 0.29 brings click along under another name, so its errors go by what they can do.
    if type(error).__name__ == "Abort":
        return INTERRUPTED
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()  # the help
        return WRONG
    from pnn_keras import terminal

    if hasattr(error, "exit_code") and hasattr(error, "format_message"):
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "pnn-keras"
        terminal.fail(f"{error.format_message().rstrip('.')} (see: {command} --help)")
        return error.exit_code
    if debug:
        traceback.print_exception(error)
    terminal.fail(_in_words(error))
    return WRONG if isinstance(error, UserError) else FAILED


def _in_words(error: Exception) -> str:
    """An error in words: ours say what to do, to the system's that is added."""
    if isinstance(error, PnnKerasError):
        return str(error)
    if not isinstance(error, OSError):
        return (
            f"{type(error).__name__}: {error}. This is a bug in pnn-keras; "
            "`pnn-keras --debug ...` shows where"
        )
    place = "a file" if error.filename is None else str(error.filename)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"No space left on device while writing {place}. Free some space"
    if isinstance(error, PermissionError):
        return f"No permission for {place}. Choose another place, or change its permissions"
    if isinstance(error, FileNotFoundError):
        return f"There is no {place}. Check the path"
    return f"{place}: {error.strerror or error}"
