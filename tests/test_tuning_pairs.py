"""Recipes of task pairs: what is written is what training reads."""

from __future__ import annotations

import math
import tomllib

import pytest

from pnn_keras.errors import PresetError
from pnn_keras.search_space import Candidate
from pnn_keras.tuning import load_tuned
from pnn_keras.tuning.pairs import pairs_of, write_recipe

FOUND = Candidate((512, 64), {"gender": (256,)}, {"gender": "last"}, "adapter", 16, 0.0, 0.001)

PAIR = {
    "source": "gender",
    "target": "emotion",
    "corpus": 'Öl "1"',
    "found": FOUND.config(),
    "search": {"trials": 2, "stop_uar": 0.5},
    "gain": {"nested": {"uar_difference": 0.1, "p": math.nan}, "found": {"p": 0.03}},
}


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "gender-emotion.toml"
    path.write_text(write_recipe(PAIR), encoding="utf-8")
    return path


def test_every_ordered_pair_of_tasks_is_searched():
    assert len(set(pairs_of())) == 6


def test_a_recipe_tells_the_gain_and_its_test(recipe):
    found = tomllib.loads(recipe.read_text(encoding="utf-8"))
    assert (found["corpus"], found["search"]["trials"]) == ('Öl "1"', 2)
    assert found["gain"]["nested"]["uar_difference"] == 0.1
    assert math.isnan(found["gain"]["nested"]["p"])


def test_training_reads_a_recipe(recipe):
    assert load_tuned(recipe) == FOUND.config()


def test_a_recipe_without_connections_of_adapters_is_read(tmp_path):
    found = Candidate((8,), {}, {"gender": "none"})
    (tmp_path / "a.toml").write_text(write_recipe({**PAIR, "found": found.config()}))
    assert load_tuned(tmp_path / "a.toml") == found.config()


@pytest.mark.parametrize("text", ["[found", "[found]\nunits = []", "units = [4]"])
def test_a_damaged_recipe_is_refused(text, tmp_path):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(PresetError, match=r"a\.toml"):
        load_tuned(tmp_path / "a.toml")
