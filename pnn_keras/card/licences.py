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

#: Whose licence binds whatever hears its features: free for research, not for products.
OPENSMILE = "openSMILE"

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


def any_use(metadata: Mapping) -> bool | None:
    """Whether a chain may be used for anything, products included; None if it cannot be told.

    What its recipe says counts; else the licences of the training corpora, its own, and
    openSMILE where that computes the features.

    >>> corpora = [{"name": "A", "licence": "CC0 1.0"}, {"name": "B", "licence": "CC BY-NC 4.0"}]
    >>> any_use({"corpora": corpora}), any_use({"corpora": corpora[:1]}), any_use({})
    (False, True, None)
    """
    if metadata.get("any_use") is not None:
        return bool(metadata["any_use"])
    if binding(metadata):
        return False
    licences = [corpus.get("licence") for corpus in metadata.get("corpora") or []]
    allowed = {allows_any_use(licence) for licence in licences} or {None}
    stated = allows_any_use(metadata["licence"]) if metadata.get("licence") else True
    return False if stated is False else None if None in allowed else True


def binding(metadata: Mapping) -> list[str]:
    """What keeps a chain from any use: names of training corpora, and openSMILE.

    >>> corpora = [{"name": "A", "licence": "CC0 1.0"}, {"name": "B", "licence": "CC BY-NC 4.0"}]
    >>> binding({"corpora": corpora, "frontend": {"name": "egemaps"}})
    ['B', 'openSMILE']
    """
    corpora = metadata.get("corpora") or []
    bound = [c for c in corpora if allows_any_use(c.get("licence")) is False]
    names = [str(corpus.get("name", "a corpus")) for corpus in bound]
    if (metadata.get("frontend") or {}).get("name") == "egemaps":
        names.append(OPENSMILE)
    return list(dict.fromkeys(names))


def _identifiers(licence: str | None) -> list[str]:
    named = _unremarked(licence).casefold()
    return [name for phrase, name in _KNOWN if re.search(phrase, named)]


def _unremarked(licence: str | None) -> str:
    """A licence's name without what is remarked on it in brackets."""
    return re.sub(r"\(.*?\)", "", licence or "")
