"""Progressive neural networks for speaker, gender and emotion recognition from the voice.

The public names below are imported when they are first used, so that
``import pnn_keras`` and ``pnn-keras --help`` need not wait for TensorFlow.

Example:
    >>> import pnn_keras
    >>> "Chain" in dir(pnn_keras)
    True
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from pnn_keras import errors

if TYPE_CHECKING:
    from pnn_keras.chain import Chain
    from pnn_keras.chain_training import train
    from pnn_keras.column import Column
    from pnn_keras.corpora import list_corpora, open_corpus
    from pnn_keras.corpus import Corpus, Utterance
    from pnn_keras.experiments import run_experiment
    from pnn_keras.export import export_chain
    from pnn_keras.lateral import LateralAdapter, LateralDense
    from pnn_keras.sensitivity import inspect_chain
    from pnn_keras.task import Task
    from pnn_keras.waveform_dataset import audio_dataset
    from pnn_keras.zoo import list_presets, load

__version__ = "0.1.0"

# TensorFlow leaves oneDNN off on processors without VNNI instructions, where its batched
# products of small matrices take two to four times as long. Read when TensorFlow is imported;
# what the user has set stays.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

__all__ = [
    "Chain",
    "Column",
    "Corpus",
    "LateralAdapter",
    "LateralDense",
    "Task",
    "Utterance",
    "audio_dataset",
    "errors",
    "export_chain",
    "inspect_chain",
    "list_corpora",
    "list_presets",
    "load",
    "open_corpus",
    "run_experiment",
    "train",
]

_HOMES = {
    "Chain": "pnn_keras.chain",
    "Column": "pnn_keras.column",
    "Corpus": "pnn_keras.corpus",
    "LateralAdapter": "pnn_keras.lateral",
    "LateralDense": "pnn_keras.lateral",
    "Task": "pnn_keras.task",
    "Utterance": "pnn_keras.corpus",
    "audio_dataset": "pnn_keras.waveform_dataset",
    "export_chain": "pnn_keras.export",
    "inspect_chain": "pnn_keras.sensitivity",
    "list_corpora": "pnn_keras.corpora",
    "list_presets": "pnn_keras.zoo",
    "load": "pnn_keras.zoo",
    "open_corpus": "pnn_keras.corpora",
    "run_experiment": "pnn_keras.experiments",
    "train": "pnn_keras.chain_training",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value  # asked for only once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
