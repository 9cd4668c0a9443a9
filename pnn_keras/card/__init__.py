"""A chain's card: what a person should know before trusting what it says.

The card is written from what training recorded, never by hand: :func:`card` gives its text,
:func:`write_card` writes it beside its pictures, :func:`zoo_table` sets presets side by side.
What was not recorded is said to be missing, or its section is left out.
"""

from pnn_keras.card.facts import Overview, TaskFacts, overview
from pnn_keras.card.presets_table import (
    elsewhere_in_words,
    plain_in_words,
    replace_zoo_table,
    size_in_words,
    uar_in_words,
    use_in_words,
    zoo_table,
)
from pnn_keras.card.text import card
from pnn_keras.card.writing import write_card

__all__ = [
    "Overview",
    "TaskFacts",
    "card",
    "elsewhere_in_words",
    "overview",
    "plain_in_words",
    "replace_zoo_table",
    "size_in_words",
    "uar_in_words",
    "use_in_words",
    "write_card",
    "zoo_table",
]
