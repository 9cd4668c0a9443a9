"""Published splits: read, and matched to the utterances of a corpus."""

from pnn_keras.split.entries import ROLES, Entry, Split
from pnn_keras.split.matching import Match, match, parts, roles
from pnn_keras.split.reading import read_split

__all__ = ["ROLES", "Entry", "Match", "Split", "match", "parts", "read_split", "roles"]
