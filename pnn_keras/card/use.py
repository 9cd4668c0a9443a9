"""How to load a chain, ask it, serve it and extend it."""

from __future__ import annotations

from pnn_keras.card.markdown import section
from pnn_keras.card.summary import hears_audio, knows_speakers


def how_to_use(chain, name: str) -> str:
    """Python and commands that run as they stand, with the reader's own files."""
    tasks = [task.name for task in chain.tasks]
    if not tasks:
        return ""
    if hears_audio(chain):
        asked = _ask_audio(name, tasks[-1], ', speakers=["1", "1"]' * knows_speakers(chain))
    else:
        asked = _ask_vectors(name, chain)
    return section(
        "How to use it",
        f"```python\n{asked}\n```",
        f"```sh\n{_commands(chain, name)}\n```",
        "`load` takes the name of a preset in the zoo, or the path of this folder. `train --from` "
        "leaves its columns as they are and adds one beside them that reads them; `evaluate` "
        "refuses recordings and speakers that it has heard.",
    )


def _ask_audio(name: str, task: str, who: str) -> str:
    return (
        "import pnn_keras\n\n"
        f'chain = pnn_keras.load("{name}")\n'
        f'chain.predict_audio(["a.wav", "b.wav"]{who})[0]["{task}"]["label"]'
    )


def _ask_vectors(name: str, chain) -> str:
    shapes = ", ".join(f'"{key}": {key}' for key in chain.dimensions)
    said = ", ".join(f"{key} float32 (n, {size})" for key, size in chain.dimensions.items())
    given = f"{{{shapes}}}" if len(chain.dimensions) > 1 else next(iter(chain.dimensions))
    return (
        "import pnn_keras\n\n"
        f'chain = pnn_keras.load("{name}")\n'
        f"chain({given})  # {said} -> probabilities by task"
    )


def _commands(chain, name: str) -> str:
    asked = [f"pnn-keras predict {name} a.wav b.wav"] if hears_audio(chain) else []
    served = [f"pnn-keras serve {name}", f"pnn-keras export {name} --to served/models"]
    if knows_speakers(chain):
        asked, served = [], []  # one clip has no speaker statistics
    return "\n".join(
        [
            *asked,
            *served,
            f"pnn-keras evaluate {name} --corpus path/to/recordings",
            # The corpus is named, since the chain may have a column for emotion already.
            f"pnn-keras train --from {name} --target emotion@MINE "
            "--corpus MINE=path/to/recordings --out mine",
        ]
    )
