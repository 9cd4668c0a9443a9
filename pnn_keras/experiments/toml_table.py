"""Dataclasses as tables of a TOML file: written in full, read with every value checked."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping, Sequence

from pnn_keras.errors import UserError

#: What kinds of values are called, one of them and several.
_KINDS = {
    bool: ("true or false", "values true or false"),
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("a text in quotes", "texts in quotes"),
}


def to_table(value) -> list[str]:
    """A dataclass as the lines of a table.

    Example:

    >>> from pnn_keras.schedule import Settings
    >>> to_table(Settings(epochs=3))[0]
    'epochs = 3'
    """
    pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
    # TOML has no word for "none": what is not set is left out.
    return [f"{name} = {to_toml(v)}" for name, v in pairs if v is not None]


def to_toml(value) -> str:
    r"""A value as TOML has it.

    Example:

    >>> to_toml([True, 0.5, {"a": "b\n"}])
    '[true, 0.5, { "a" = "b\\n" }]'
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(to_toml, value))}]"
    if isinstance(value, Mapping):
        pairs = (f"{to_toml(str(name))} = {to_toml(of)}" for name, of in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, str):
        # JSON escapes as TOML does, but for the one control character that JSON takes as it is.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def from_table(kind, found: Mapping, where: str):
    """An instance of a dataclass from a table of a file; refuses names and values that do not fit.

    Args:
        kind: the dataclass.
        found: values by the names of its fields.
        where: the file and table, for messages.

    Raises:
        UserError: a name is unknown or missing, or a value of another kind than
            its field's annotation.

    Example:

    >>> from pnn_keras.schedule import Settings
    >>> from_table(Settings, {"epochs": "3"}, "mine.toml, settings")
    Traceback (most recent call last):
    pnn_keras.errors.UserError: mine.toml, settings: epochs is a whole number. Received: "3"
    """
    known = [field.name for field in dataclasses.fields(kind)]
    unknown = sorted(set(found) - set(known))
    if unknown:
        raise UserError(
            f"{where}: unknown {', '.join(unknown)}. Known: {', '.join(known)}. "
            "See: pnn-keras experiment show paper-table-2"
        )
    needed = [f.name for f in dataclasses.fields(kind) if _is_needed(f) and f.name not in found]
    if needed:
        raise UserError(f"{where}: {', '.join(needed)} is missing. Add it")
    hints = typing.get_type_hints(kind)
    for name, value in found.items():
        if not _fits(value, hints[name]):
            mend = f". Write: {name} = {to_toml([value])}" if _fits([value], hints[name]) else ""
            raise UserError(
                f"{where}: {name} is {_in_words(hints[name])}. Received: {to_toml(value)}{mend}"
            )
    try:
        return kind(**{name: _fixed(value) for name, value in found.items()})
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def _is_needed(field: dataclasses.Field) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _fits(value, hint) -> bool:
    """Whether a value of a file is of the kind that a field's annotation names."""
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if kind in (tuple, Sequence):
        return isinstance(value, list) and all(_fits(each, inner[0]) for each in value)
    if kind is Mapping:
        return isinstance(value, Mapping) and all(_fits(v, inner[1]) for v in value.values())
    if hint is float:
        return type(value) in (int, float) and math.isfinite(value)
    return type(value) is hint  # true is no whole number


def _in_words(hint, several: bool = False) -> str:
    """What values of an annotation's kind are called.

    >>> _in_words(Sequence[int] | Mapping[str, Sequence[int]] | None)
    'a list of whole numbers or a table of lists of whole numbers'
    """
    kind, inner = typing.get_origin(hint), typing.get_args(hint)
    if kind in (typing.Union, types.UnionType):
        # TOML has no word for "none".
        return " or ".join(_in_words(each) for each in inner if each is not types.NoneType)
    if kind in (tuple, Sequence):
        return f"{'lists' if several else 'a list'} of {_in_words(inner[0], several=True)}"
    if kind is Mapping:
        return f"a table of {_in_words(inner[1], several=True)}"
    return _KINDS[hint][several]


def _fixed(value):
    """A value of a file with tuples for its lists, which nobody can change."""
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, Mapping):
        return {name: _fixed(each) for name, each in value.items()}
    return value
