"""What a chain is, what it answers and what it takes in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pnn_keras.audio import SAMPLING_RATES, SHORTEST
from pnn_keras.card.markdown import and_list, listed, section, table, text
from pnn_keras.card.scored import is_synthetic
from pnn_keras.speaker_scaling import is_marked

#: How many classes are named.
MOST_CLASSES = 12

#: The front-ends that hear audio; the others take vectors that the user brings.
HEARING = ("egemaps", "logmel")


def summary(chain, metadata: Mapping) -> str:
    """The title, and in two sentences what the chain does."""
    tasks = and_list(task.name for task in chain.tasks) or "nothing yet"
    title = metadata.get("title") or f"Progressive chain for {tasks}"
    corpora = and_list(str(corpus.get("name")) for corpus in listed(metadata, "corpora"))
    lines = [f"# {text(title)}", _what(chain, text(tasks))]
    if corpora:
        lines[-1] += f" It was trained on {text(corpora)}."
    if is_synthetic(metadata):
        lines.append(
            "**Trained on synthetic audio.** Nobody spoke it. The scores below say nothing "
            "about real voices, and neither do this chain's answers."
        )
    return "\n\n".join(lines)


def _what(chain, tasks: str) -> str:
    features = and_list(
        f"{dimension} features of the front-end `{_kind(chain, name)}`"
        if name in chain.frontends
        else f"{dimension} features"
        for name, dimension in chain.dimensions.items()
    )
    return (
        f"A progressive neural network for speech: it hears {features or 'nothing yet'} "
        f"and answers {tasks}."
    )


def answers(chain) -> str:
    """The tasks with their classes."""
    rows = [[f"`{task.name}`", _classes(task.classes), _merged(task)] for task in chain.tasks]
    body = table(["task", "classes", "counted as another class"], rows)
    return section("What it answers", body)


def _classes(classes: Iterable[str]) -> str:
    classes = list(classes)
    shown = ", ".join(classes[:MOST_CLASSES])
    more = f", ... ({len(classes)} in all)" if len(classes) > MOST_CLASSES else ""
    return shown + more


def _merged(task) -> str:
    return ", ".join(f"{label} as {target}" for label, target in task.merged) or "-"


def takes(chain) -> str:
    """What a recording must be like, by the chain's front-ends."""
    parts = [_taken(chain, name) for name in chain.dimensions]
    return section("What it takes in", *dict.fromkeys(filter(None, parts)))


def _taken(chain, name: str) -> str:
    config = chain.frontends.get(name, {})
    taken = {"logmel": _logmel, "egemaps": _egemaps}.get(_kind(chain, name))
    if taken is None:
        return (
            f"Vectors of {chain.dimensions[name]} numbers that you bring, one for each recording, "
            f"under the name `{name}`: made just as those it was trained on."
        )
    lines = [
        "One person's utterance a recording: WAV, FLAC, MP3 or OGG, of any number of channels "
        "(they are averaged).",
        *taken(config),
    ]
    if is_marked(config):
        lines.append(
            "Features are standardised for each speaker, so several recordings of a speaker "
            "are needed, and who speaks must be said."
        )
    return "\n".join(f"- {line}" for line in lines)


def _logmel(config: Mapping) -> list[str]:
    low, high = config.get("band") or (None, None)
    lines = [
        f"Sampling rate: {_rates()}, resampled to 16 kHz.",
        f"Length: {SHORTEST:g} s to {_or_unsaid(config.get('longest'))} s.",
    ]
    if low is not None:
        lines.append(
            f"Band: it listens to {low:g} to {high:g} Hz. A recording with a sampling rate below "
            f"{2 * high / 1000:g} kHz lacks a part of that: it is answered, as surely as any "
            "other, and the answer is worth less."
        )
    return [
        *lines,
        "The features are computed in the TensorFlow graph: an exported model takes WAV files.",
    ]


def _egemaps(config: Mapping) -> list[str]:
    return [
        f"Sampling rate: {_rates()}, used as it is. Its mel bands reach up to 8 kHz: a recording "
        "with a sampling rate below 16 kHz lacks a part of them, and its answer is worth less.",
        f"Length: {SHORTEST:g} s or more; a recording is described as a whole.",
        f"openSMILE computes the features ({config.get('feature_set', 'eGeMAPSv02')}): "
        "`pip install 'pnn-keras[egemaps]'`. It is free for research, not for products. An "
        "exported model takes the features; the client computes them.",
    ]


def _rates() -> str:
    low, high = (rate / 1000 for rate in SAMPLING_RATES)
    return f"{low:g} to {high:g} kHz"


def _or_unsaid(value: float | None) -> str:
    return "an unrecorded number of" if value is None else f"{value:g}"


def hears_audio(chain) -> bool:
    """Whether every front-end of the chain takes recordings."""
    return bool(chain.dimensions) and all(
        _kind(chain, name) in HEARING and name in chain.frontends for name in chain.dimensions
    )


def knows_speakers(chain) -> bool:
    """Whether some front-end's features are standardised for each speaker."""
    return any(is_marked(config) for config in chain.frontends.values())


def _kind(chain, name: str) -> str:
    """The front-end behind a name: one may be heard standardised for each speaker."""
    return str(chain.frontends.get(name, {}).get("name", name))
