"""What a chain is for, and what it cannot know: from its tasks and its corpora."""

from __future__ import annotations

from collections.abc import Mapping

from pnn_keras.card.markdown import and_list, count, listed, section, text
from pnn_keras.card.scored import is_synthetic
from pnn_keras.card.spoken import speech_of


def intended_use(chain, metadata: Mapping) -> str:
    """What the chain is for, what it is not for, and what is known to limit it."""
    labels = {task.label for task in chain.tasks}
    limits = [
        _speech(metadata),
        *(_gender() if "gender" in labels else []),
        *(_emotion(metadata) if "emotion" in labels else []),
        *(_speaker(chain) if "speaker" in labels else []),
        "It answers one of its classes for whatever it is given: another language, a child, two "
        "people at once, noise or music as well. A probability says how sure it is among its "
        "classes, not that one of them fits.",
        "It describes a recording as a whole, which should be one utterance of one person.",
        *(text(limit) for limit in _stated(metadata, "limits")),
    ]
    return section(
        "Intended use and limits",
        " ".join(text(use) for use in _stated(metadata, "intended_use")) or _for(metadata),
        _not_for(labels),
        "\n".join(f"- {limit}" for limit in limits),
    )


def _stated(metadata: Mapping, key: str) -> list[str]:
    """What the recipe itself says, a sentence or a list of them."""
    stated = metadata.get(key) or []
    return [stated] if isinstance(stated, str) else [str(line) for line in stated]


def _for(metadata: Mapping) -> str:
    if is_synthetic(metadata):
        return "For trying the commands out. It has heard no human voice."
    return (
        "For research on what a voice carries, as a source to train further columns on "
        "(`train --from`), for teaching, and to annotate recordings whose speakers agreed to it."
    )


def _not_for(labels: set[str]) -> str:
    said = (
        "**Not for decisions about people**: not for hiring, grading, insurance, credit, "
        "policing, border control or diagnosis, and not for watching people who do not know of it."
    )
    if "emotion" in labels:
        said += (
            " Inferring emotions at work and in education is prohibited in the European Union, "
            "medical and safety reasons aside (Regulation (EU) 2024/1689, article 5(1)(f))."
        )
    return said


def _speech(metadata: Mapping) -> str:
    """Which speech it knows: the rest is what it was not trained on."""
    corpora = [c for c in listed(metadata, "corpora") if not c.get("synthetic")]
    known = [(corpus, speech_of(corpus)) for corpus in corpora]
    said = [
        f"{speech.kind} {speech.language} ({text(corpus.get('name'))})"
        for corpus, speech in known
        if speech is not None
    ]
    unknown = [str(corpus.get("name")) for corpus, speech in known if speech is None]
    if unknown:
        said.append(f"the speech of {text(and_list(unknown))}")
    if not said:
        return "No recorded voice is known to be among its training data."
    speakers = sum(len(corpus.get("speakers") or []) for corpus in corpora)
    of = f"{count(speakers, 'speaker')}: " if speakers else ""
    acted = all(speech is not None and speech.kind == "acted" for _, speech in known)
    remark = " All of it was acted; spontaneous speech differs." if acted else ""
    return (
        f"It has heard {of}{and_list(said)}. Other languages, other rooms and microphones, and "
        f"other ages than theirs are new to it.{remark}"
    )


def _gender() -> list[str]:
    return [
        "*Gender* is the sex that the corpora note for their speakers, two classes. It is a guess "
        "from a voice, and says nothing of how a person identifies."
    ]


def _emotion(metadata: Mapping) -> list[str]:
    corpora = [str(corpus.get("name")) for corpus in listed(metadata, "corpora")]
    perceived = [name for name in corpora if name in _PERCEIVED]
    if perceived and len(perceived) == len(corpora):
        return [
            "*Emotion* is what listeners heard in a voice, by majority. It is not what a person "
            "feels."
        ]
    return [
        "*Emotion* is the label of the training corpora: what an actor was asked to show, or what "
        "listeners agreed on. It is not what a person feels."
    ]


#: Corpora whose emotion labels are listeners' alone.
_PERCEIVED = ("CREMA-D-perceived", "IEMOCAP", "MSP-IMPROV")


def _speaker(chain) -> list[str]:
    strangers = sum(len(task.classes) for task in chain.tasks if task.label == "speaker")
    return [
        f"*Speaker* knows the {strangers} speakers of its training data and names one of these "
        "for any voice: it identifies and verifies nobody else. It is there as a source for "
        "other columns; an exported model gives its embedding in place of names."
    ]
