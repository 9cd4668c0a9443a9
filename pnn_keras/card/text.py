"""The card as one text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pnn_keras.card.calibration import calibration
from pnn_keras.card.data import training_data
from pnn_keras.card.elsewhere import elsewhere
from pnn_keras.card.front_matter import front_matter
from pnn_keras.card.groups import groups
from pnn_keras.card.limits import intended_use
from pnn_keras.card.markdown import told
from pnn_keras.card.parameters import parameters
from pnn_keras.card.protocol import protocol_section
from pnn_keras.card.provenance import provenance
from pnn_keras.card.scores import scores
from pnn_keras.card.summary import answers, summary, takes
from pnn_keras.card.use import how_to_use


def card(
    chain,
    metadata: Mapping,
    name: str | None = None,
    *,
    sha256: str | None = None,
    pictures: Iterable[str] = (),
) -> str:
    """A chain's README in the form of a model card, as Markdown.

    Args:
        chain: the chain.
        metadata: scores and provenance as training records them; what is
            missing is said to be missing, or its section is left out.
        name: what the chain is called where it is loaded; None means a
            stand-in that the reader replaces.
        sha256: digest of the weights file, 64 hex digits, or None.
        pictures: names of the pictures that lie beside the text; no other is
            shown.

    Returns:
        The text, beginning with its front matter. Equal arguments give equal
        texts.

    Example:

    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> print(card(chain, {"title": "Hears gender"}).split("---")[2].split("## ")[0].strip())
    # Hears gender
    <BLANKLINE>
    A progressive neural network for speech: it hears 3 features and answers gender.
    """
    metadata, there = told(metadata), frozenset(pictures)
    sections = (
        front_matter(chain, metadata, name),
        summary(chain, metadata),
        answers(chain),
        how_to_use(chain, name or "PRESET"),
        takes(chain),
        intended_use(chain, metadata),
        training_data(metadata),
        protocol_section(metadata),
        scores(metadata, there),
        elsewhere(metadata),
        groups(metadata),
        calibration(metadata, there),
        parameters(chain, metadata),
        provenance(metadata, sha256),
    )
    return "\n\n".join(section for section in sections if section) + "\n"
