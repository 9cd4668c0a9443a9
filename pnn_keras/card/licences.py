"""Licences: the identifier under which a model hub knows one, and whether it allows any use."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Phrases of licences' names, and the identifier of each.
_KNOWN = (
    (r"\bcc0\b", "cc0-1.0"),
    (r"\bcc[ -]by[ -]nc[ -]sa[ -]4", "cc-by-nc-sa-4.0"),
    (r"\bcc[ -]by[ -]nc[ -]nd[ -]4", "cc-by-nc-nd-4.0"),
    (r"\bcc[ -]by[ -]nc[ -]4", "cc-by-nc-4.0"),
    (r"\bcc[ -]by[ -]nd[ -]4", "cc-by-nd-4.0"),
    (r"\bcc[ -]by[ -]sa[ -]4", "cc-by-sa-4.0"),
    (r"\bcc[ -]by[ -]4", "cc-by-4.0"),
    (r"\bodbl\b", "odbl"),
    (r"\bpddl\b", "pddl"),
    (r"\bapache", "apache-2.0"),
    (r"\bmit\b", "mit"),
)

#: Those of them that allow any use: their conditions are attribution and equal sharing.
_ANY_USE = ("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "odbl", "pddl", "apache-2.0", "mit")

#: Words of licences that allow some uses alone.
_BOUND = re.compile(r"non-?commercial|\bnc\b|research|registration|application|no standard", re.I)


def identifier(licence: str | None) -> str | None:
    """The identifier under which hubs know a licence; None if it has none.

    Several licences together have none.

    >>> identifier("CC BY-NC-SA 4.0"), identifier("CC0 1.0 (the site names none)")
    ('cc-by-nc-sa-4.0', 'cc0-1.0')
    >>> identifier("research licence, on application"), identifier("CC0 1.0 and ODbL 1.0")
    (None, None)
    """
    found = _identifiers(licence)
    return found[0] if len(found) == 1 else None


def allows_any_use(licence: str | None) -> bool | None:
    """Whether a licence allows any use, products included; None if that cannot be told.

    >>> allows_any_use("CC BY 4.0"), allows_any_use("CC BY-NC-SA 4.0")
    (True, False)
    >>> allows_any_use("ODbL 1.0 (database) and DbCL 1.0 (contents)"), allows_any_use(None)
    (True, None)
    """
    if _BOUND.search(_unremarked(licence)):
        return False
    found = _identifiers(licence)
    return all(name in _ANY_USE for name in found) if found else None


def _identifiers(licence: str | None) -> list[str]:
    named = _unremarked(licence).casefold()
    return [name for phrase, name in _KNOWN if re.search(phrase, named)]


def _unremarked(licence: str | None) -> str:
    """A licence's name without what is remarked on it in brackets."""
    return re.sub(r"\(.*?\)", "", licence or "")


def bounds(metadata: Mapping) -> tuple[list[str], list[str]]:
    """What keeps a chain from any use, and of what that cannot be told.

    The licences of the training corpora bind it, its own where one is recorded, and openSMILE
    where that computes the features.

    >>> corpora = [{"name": "A", "licence": "CC0 1.0"}, {"name": "B", "licence": "CC BY-NC 4.0"}]
    >>> bounds({"corpora": corpora, "frontend": {"name": "egemaps"}})
    (['B', 'openSMILE'], [])
    """
    corpora = metadata.get("corpora") or []
    named = {str(c.get("name", "a corpus")): allows_any_use(c.get("licence")) for c in corpora}
    if metadata.get("licence") and not named.values() - {True}:
        named["its own licence"] = allows_any_use(metadata["licence"])
    if not corpora and not metadata.get("licence"):
        named["its training corpora"] = None
    binding = [name for name, free in named.items() if free is False]
    unknown = [name for name, free in named.items() if free is None]
    if (metadata.get("frontend") or {}).get("name") == "egemaps":
        binding.append("openSMILE")
    return binding, unknown
