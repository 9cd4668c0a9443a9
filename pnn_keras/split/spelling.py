"""Whether files that a split's tables spell differently are one file."""

from __future__ import annotations

import itertools
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from pnn_keras.split.entries import Entry

#: So many folders above a file that are alike tell it, where the machines differ. One is often
#: but "wav", in which two corpora may both have a 001.wav.
TELLING_FOLDERS = 2


def steps(place: str) -> tuple[str, ...]:
    """The folders and the name of a file, in small letters, without the ending.

    Accented letters are one character each (NFC), however a machine writes them.

    Example:
        >>> steps("/data/EmoDB/wav/03a01Fa.wav")
        ('data', 'emodb', 'wav', '03a01fa')
    """
    plain = unicodedata.normalize("NFC", posixpath.splitext(place)[0]).casefold()
    return tuple(plain.strip("/").split("/"))


def stem(place: str) -> str:
    """The name of a file, in small letters, without folders and ending."""
    return steps(place)[-1]


def tail(place: str) -> tuple[str, ...] | None:
    """The end of a path that tells a file on any machine; None for a shorter path.

    Example:
        >>> tail("/data/EmoDB/wav/03a01Fa.wav"), tail("wav/03a01Fa.wav")
        (('emodb', 'wav', '03a01fa'), None)
    """
    found = steps(place)[-TELLING_FOLDERS - 1 :]
    return found if len(found) == TELLING_FOLDERS + 1 else None


def ends_alike(one: str, other: str) -> bool:
    """Whether one of two paths is the end of the other.

    Example:
        >>> ends_alike("/data/emodb/wav/a.wav", "emodb/wav/a.flac")
        True
    """
    shorter, longer = sorted((steps(one), steps(other)), key=len)
    return longer[-len(shorter) :] == shorter


def elsewhere(one: str, other: str) -> bool:
    """Whether two paths begin in different places, so that their folders cannot be compared.

    One is absolute, and they have other drives or first folders.

    Example:
        >>> elsewhere("/data1/emodb/a.wav", "/home/me/emodb/a.wav"), elsewhere("DC/a", "JE/a")
        (True, False)
    """
    return steps(one)[0] != steps(other)[0] and (_absolute(one) or _absolute(other))


def _absolute(place: str) -> bool:
    first = place.partition("/")[0]
    return place.startswith("/") or first.endswith(":") or first == "~"


def table_of(entry: Entry) -> tuple:
    """What tells the tables of a split apart: each lists one role of one fold."""
    return entry.fold, entry.role


def listed_together(tables: Iterable[Collection]) -> bool:
    """Whether one table lists two places, which are then two files.

    Args:
        tables: of each place, the tables that list it.
    """
    listing = [table for each in tables for table in each]
    return len(set(listing)) < len(listing)


def one_place(entries: Sequence[Entry]) -> dict[str, str]:
    """The place that stands for each one that may have other spellings.

    They are one file where the last two folders and the name are alike, no
    table lists two of them, and either one path is the end of the other or
    they begin on different machines. The rest of the path, and whatever a
    single folder or the name alone may suggest, is not enough: speakers'
    folders hold a 001.wav each, and so do the folders of the roles.

    Example:
        >>> entries = Entry("/data1/emodb/wav/a.wav", "train"), Entry("D:/emodb/wav/a.wav", "test")
        >>> one_place(entries)["D:/emodb/wav/a.wav"]
        '/data1/emodb/wav/a.wav'
    """
    alike: dict[tuple, dict[str, set]] = defaultdict(lambda: defaultdict(set))
    for entry in entries:
        if (end := tail(entry.place)) is not None:
            alike[end][entry.place].add(table_of(entry))
    found: dict[str, str] = {}
    for places in alike.values():
        if listed_together(places.values()):
            continue
        if all(ends_alike(a, b) or elsewhere(a, b) for a, b in itertools.combinations(places, 2)):
            found.update(dict.fromkeys(places, next(iter(places))))
    return found
