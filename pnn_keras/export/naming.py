"""Names in an exported model: of its folder, its inputs and its outputs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pnn_keras.errors import UserError


def signature_name(text: str) -> str:
    """A front-end's or a task's name as signatures have it.

    Example:

    >>> signature_name("emotion@CREMA-D")
    'emotion_at_CREMA_D'
    """
    return re.sub(r"\W", "_", text.replace("@", "_at_"), flags=re.ASCII)


def model_name(name: str) -> str:
    """The name, if a served model can have it.

    Raises:
        UserError: it cannot.

    Example:

    >>> model_name("gender-emotion")
    'gender-emotion'
    """
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]*", name, flags=re.ASCII):
        raise UserError(
            f"A model's name is made of letters, digits, '_', '.' and '-'. Received: name={name!r}"
        )
    return name


def feature_inputs(frontends: Sequence[str]) -> dict[str, str]:
    """The input of the signature ``features`` that takes each front-end's features.

    Args:
        frontends: the names under which the chain takes its features.

    Raises:
        UserError: two names become the same.

    Example:

    >>> feature_inputs(["egemaps"]), feature_inputs(["egemaps", "logmel"])
    ({'egemaps': 'features'}, {'egemaps': 'egemaps', 'logmel': 'logmel'})
    """
    if len(frontends) == 1:
        return {frontends[0]: "features"}
    check_distinct(frontends)
    return {frontend: signature_name(frontend) for frontend in frontends}


def check_distinct(names: Iterable[str]) -> None:
    """Refuses names of which two become one in a signature.

    Raises:
        UserError: there are such names.
    """
    first: dict[str, str] = {}
    for name in names:
        key = signature_name(name)
        if key in first:
            raise UserError(
                f"{first[key]!r} and {name!r} would both be exported as {key!r}. Rename one"
            )
        first[key] = name
