"""What measured sensitivities support, and what not, in sentences."""

from __future__ import annotations

from collections.abc import Mapping


def sensitivity_words(result: Mapping) -> list[str]:
    """What is to be known about the sensitivities of a chain, a sentence or two each.

    Args:
        result: what :func:`pnn_keras.sensitivity.inspect_chain` gives.

    Example:

    >>> own = {"layer_name": "output", "column": "emotion", "afs": 0.75, "aps": None}
    >>> task = {"uar": 0.3, "chance": 0.25, "utterances": 90, "connections": [own],
    ...         "interval": {"low": 0.2, "high": 0.4}}
    >>> print(sensitivity_words({"tasks": {"emotion": task}})[1])
    APS asks what halves the UAR above chance. For emotion there is little to halve: ...
    """
    lines = []
    for name, task in result["tasks"].items():
        lines += [_score(name, task), *_little(name, task), *_apart(name, task)]
    return [*lines, *([_ADAPTED] if result.get("transductive") else []), _DEPENDS]


#: What scaling by the recordings themselves changes.
_ADAPTED = (
    "Features were scaled by these recordings' own mean and deviation (transductive): the shares "
    "are those of a chain that is adapted, not of one that scales as in training."
)

#: What a share is not.
_DEPENDS = (
    "A share says what the answers depend on, not whether they are the better for it: a source "
    "that misleads has a share, too. Whether a source helps is for the comparison with a network "
    "from scratch and with random and shuffled columns to say."
)


def _score(name: str, task: Mapping) -> str:
    low, high = task["interval"]["low"], task["interval"]["high"]
    sure = "" if low is None else f" [{low:.3f}, {high:.3f}]"
    return (
        f"UAR of {name} here: {task['uar']:.3f}{sure}, chance {task['chance']:.3f}, "
        f"{task['utterances']} utterances."
    )


def _little(name: str, task: Mapping) -> list[str]:
    """Whether APS, which halves what is above chance, has anything to halve."""
    if task["uar"] <= task["chance"]:
        return [f"The UAR of {name} is not above chance, so there is no APS: nothing to halve."]
    low = task["interval"]["low"]
    if low is None or low > task["chance"]:
        return []
    return [
        f"APS asks what halves the UAR above chance. For {name} there is little to halve: the "
        "interval of its UAR includes chance, so do not read much into APS."
    ]


def _apart(name: str, task: Mapping) -> list[str]:
    """Where the two measures do not name the same column first."""
    layers = dict.fromkeys(each["layer_name"] for each in task["connections"])
    apart = [layer for layer in layers if _disagree(task, layer)]
    if not apart:
        return []
    return [
        f"AFS and APS name different columns as the one that {name} depends on most in: "
        f"{', '.join(apart)}. AFS looks at small changes of the probabilities, APS at noise "
        "that is strong enough to change answers."
    ]


def _disagree(task: Mapping, layer: str) -> bool:
    reads = [each for each in task["connections"] if each["layer_name"] == layer]
    if any(each[measure] is None for each in reads for measure in ("afs", "aps")):
        return False
    first = [max(reads, key=lambda each: each[measure])["column"] for measure in ("afs", "aps")]
    return first[0] != first[1]
