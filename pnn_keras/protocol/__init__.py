"""Protocols: which utterances train, stop and test, and who may hear what.

Every column of a chain gets its rows from here, and :func:`check_hearing` is
the one place that decides whether a column may hear them. ``named`` makes the
protocols that have a name, ``given`` takes folds that somebody else made,
``source`` gives source columns their rows, ``files`` writes folds and reads
them back.
"""

from pnn_keras.protocol.files import read_folds, write_folds
from pnn_keras.protocol.fold import ROLES, Fold
from pnn_keras.protocol.given import folds_from_parts, folds_from_roles
from pnn_keras.protocol.hearing import Identities, check_hearing, speakers_apart
from pnn_keras.protocol.named import make_protocol
from pnn_keras.protocol.record import Protocol, protocol_from_folds
from pnn_keras.protocol.source import source_fold, source_folds, source_rows

__all__ = [
    "ROLES",
    "Fold",
    "Identities",
    "Protocol",
    "check_hearing",
    "folds_from_parts",
    "folds_from_roles",
    "make_protocol",
    "protocol_from_folds",
    "read_folds",
    "source_fold",
    "source_folds",
    "source_rows",
    "speakers_apart",
    "write_folds",
]
