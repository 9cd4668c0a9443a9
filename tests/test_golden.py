"""Presets that earlier versions wrote load for good, and answer as they did."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from pnn_keras.preset import FORMAT
from pnn_keras.zoo import load, verify

GOLDEN = Path(__file__).parent / "golden"
PRESETS = sorted(path.with_suffix("") for path in GOLDEN.glob("format-*/*.json"))
OLDEST = [path for path in PRESETS if path.parent.name == "format-1"]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def known(preset: Path) -> dict:
    return json.loads(preset.with_suffix(".json").read_text(encoding="utf-8"))


def test_every_format_has_its_presets():
    formats = {f"format-{number}" for number in range(1, FORMAT + 1)}
    assert {path.parent.name for path in PRESETS} == formats
    assert len(OLDEST) == 8


@pytest.mark.parametrize("preset", PRESETS, ids=named)
def test_golden_preset_answers_as_it_did(preset):
    stored = known(preset)
    inputs = {name: np.array(rows, "float32") for name, rows in stored["inputs"].items()}
    answers = load(preset)(inputs)
    assert list(answers) == list(stored["answers"])
    for task, rows in stored["answers"].items():
        np.testing.assert_allclose(np.asarray(answers[task]), rows, rtol=0, atol=1e-6)


@pytest.mark.parametrize("preset", PRESETS, ids=named)
def test_golden_preset_keeps_its_tasks_and_what_is_recorded(preset):
    stored, chain = known(preset), load(preset)
    assert {t.name: json.loads(json.dumps(t.to_config())) for t in chain.tasks} == stored["tasks"]
    assert chain.metadata == stored["metadata"]
    assert verify(preset)["name"] == preset.name


@pytest.mark.parametrize("preset", PRESETS, ids=named)
def test_golden_presets_are_small(preset):
    assert sum(path.stat().st_size for path in preset.iterdir()) < 100_000


def test_stored_answers_are_those_of_the_equations():
    """Of the first golden preset, from the raw numbers in its file."""
    preset = GOLDEN / "format-1" / "one_column"
    stored = known(preset)
    with h5py.File(preset / "model.weights.h5") as file:
        part = file["columns/column"]
        mean, deviation = (part[f"scaler/vars/{i}"][()] for i in (0, 1))
        first = [part[f"layers/lateral_dense/vars/{i}"][()] for i in (0, 1)]
        last = [part[f"layers/lateral_dense_1/vars/{i}"][()] for i in (0, 1)]
    scaled = (np.array(stored["inputs"]["features"]) - mean) / deviation
    hidden = 1 / (1 + np.exp(-(scaled @ first[0] + first[1])))
    logits = np.exp(hidden @ last[0] + last[1])
    expected = logits / logits.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(stored["answers"]["gender"], expected, rtol=0, atol=1e-6)
