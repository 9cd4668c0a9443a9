"""What is known of the training corpora besides what was recorded: language, kind of speech."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from pnn_keras.card.markdown import listed
from pnn_keras.corpora import list_corpora
from pnn_keras.corpus import CorpusInfo


@dataclasses.dataclass(frozen=True)
class Speech:
    """How a corpus came about.

    Args:
        code: its language, as ISO 639-1 has it.
        language: its language in English.
        kind: how it was spoken.
    """

    code: str
    language: str
    kind: str


#: The corpora that this package can open, by their usual names.
SPOKEN = {
    "CREMA-D": Speech("en", "English", "acted"),
    "CREMA-D-perceived": Speech("en", "English", "acted"),
    "EMOVO": Speech("it", "Italian", "acted"),
    "EmoDB": Speech("de", "German", "acted"),
    "IEMOCAP": Speech("en", "English", "acted and improvised"),
    "LibriSpeech": Speech("en", "English", "read"),
    "MSP-IMPROV": Speech("en", "English", "read, improvised and natural"),
    "RAVDESS": Speech("en", "English", "acted"),
    "SAVEE": Speech("en", "English", "acted"),
    "TESS": Speech("en", "English", "acted"),
    "URDU": Speech("ur", "Urdu", "talk-show"),
    "nEMO": Speech("pl", "Polish", "acted"),
}


def known_corpus(corpus: Mapping) -> CorpusInfo | None:
    """What this package knows of a recorded corpus, by its name; None if nothing."""
    return next((info for info in list_corpora() if info.name == corpus.get("name")), None)


def speech_of(corpus: Mapping) -> Speech | None:
    """How a recorded corpus was spoken; None where that is not known."""
    return None if corpus.get("synthetic") else SPOKEN.get(str(corpus.get("name")))


def languages(metadata: Mapping) -> list[str]:
    """Codes of the training data's languages, sorted; none unless all are known.

    >>> languages({"corpora": [{"name": "EmoDB"}, {"name": "CREMA-D"}]})
    ['de', 'en']
    >>> languages({"corpora": [{"name": "EmoDB"}, {"name": "my recordings"}]})
    []
    """
    speech = [speech_of(corpus) for corpus in listed(metadata, "corpora")]
    return [] if None in speech else sorted({known.code for known in speech})
