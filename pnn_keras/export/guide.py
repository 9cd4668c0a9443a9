"""The guide that lies in an exported version: what to send, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping

_AUDIO = """\
```sh
printf '{"signature_name": "audio_bytes", "instances": [{"b64": "%s"}]}' \\
    "$(base64 < clip.wav | tr -d '\\n')" |
  curl --data-binary @- http://127.0.0.1:8501/v1/models/MODEL:predict
```

`audio_bytes` takes whole WAV files: 8, 16, 24 or 32 bits, integer or float, any number of
channels, any rate from 4 to 192 kHz. A recording whose rate is below twice the highest frequency
that the model listens to is answered, but the answer is not to be trusted."""

_FEATURES = """\
```sh
pnn-keras predict --server http://127.0.0.1:8501 MODEL clip.wav
```

This model hears features that the client computes; it has no signature for audio."""


def guide(name: str, functions: Mapping) -> str:
    """The README of one version, as Markdown.

    Args:
        name: the model's name.
        functions: concrete functions by the signature's name.

    Returns:
        The text: how to ask, and the name, type and shape of every input and
        output; a size that may be any is written as the word for it.
    """
    import tensorflow as tf

    ask = _AUDIO if "audio_bytes" in functions else _FEATURES
    parts = [
        f"# {name}, exported for TensorFlow Serving",
        "What it is, what it was trained on and how well it does stands in [CARD.md](CARD.md).",
        ask.replace("MODEL", name),
        "A row that cannot be answered has `valid` false, the reason in `error`, and zeros; it "
        "leaves the other rows alone.",
    ]
    for signature, function in functions.items():
        if signature == "serving_default":
            continue
        same = ", the same as `serving_default`" if signature == "features" else ""
        parts.append(f"## Signature `{signature}`{same}")
        inputs = {spec.name: spec for spec in tf.nest.flatten(function.structured_input_signature)}
        parts.append(_table("input", inputs))
        parts.append(_table("output", function.structured_outputs))
    return "\n\n".join(parts) + "\n"


def _table(kind: str, tensors: Mapping) -> str:
    lines = [f"| {kind} | type | shape |", "| --- | --- | --- |"]
    lines += [
        f"| `{name}` | {tensor.dtype.name} | {_shape(tensor.shape.as_list())} |"
        for name, tensor in sorted(tensors.items())
    ]
    return "\n".join(lines)


def _shape(sizes: list[int | None]) -> str:
    words = ["batch", *("samples" if size is None else str(size) for size in sizes[1:])]
    return f"({', '.join(words)}{',' if len(words) == 1 else ''})"
