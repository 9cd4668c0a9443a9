"""Recipes of task pairs: what is written is what training reads."""

from __future__ import annotations

import math
import shutil
import tomllib
from pathlib import Path

import pytest

from pnn_keras.errors import PresetError
from pnn_keras.search_space import Candidate
from pnn_keras.tuning import load_tuned
from pnn_keras.tuning.pairs import pairs_of, write_recipe
from pnn_keras.tuning.pairs_table import pairs_page, write_page

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


def full(source, target, p, **found):
    """A recipe with everything that the page tells."""
    chosen = {**FOUND.config(), **found}
    if "wiring" not in found:
        chosen["wiring"] = {source: "last"}
        chosen["source_units"] = {source: [256]}
    gain = {"uar_difference": 0.1, "low": -0.02, "high": 0.2, "p": p, "parameters": 1234}
    gain |= {"parameters_paper": 421898, "trials": 5}
    return {
        "source": source,
        "target": target,
        "corpus": "A",
        "found": chosen,
        "search": {
            "protocol": "speaker-5-fold",
            "stop_uar": 0.5,
            "oracle": "bayesian",
            "trials": 12,
            "settings": {"epochs": 400, "patience": 60},
        },
        "gain": {"nested": gain, "found": {**gain, "uar_difference": -0.01}},
    }


def test_the_page_corrects_p_over_all_pairs_and_puts_them_in_order():
    pages = pairs_page([full("gender", "emotion", 0.03), full("speaker", "gender", 0.02)])
    first, second = [line for line in pages.splitlines() if " to " in line and line[0] == "|"]
    assert first.startswith("| speaker to gender | A |")
    assert "| 0.020 | 0.040 |" in first and "| 0.030 | 0.040 |" in second
    assert "| 256, last, adapter of 16 |" in first
    assert "| +0.100 [-0.020, +0.200] |" in first and "| -0.010 | 1,234 (421,898) |" in first
    assert "bayesian search, 12 trials (5 inside each fold), at most 400 epochs" in pages


def test_the_page_says_where_the_source_is_not_read():
    unread = full("gender", "emotion", math.nan, wiring={"gender": "none"}, source_units={})
    assert "| not at all |" in pairs_page([unread])
    assert "| none | none |" in pairs_page([unread])


def test_the_page_is_that_of_the_recipes_in_its_folder(tmp_path):
    recipe = full("gender", "emotion", 0.03)
    (tmp_path / "a.toml").write_text(write_recipe(recipe), encoding="utf-8")
    assert write_page(tmp_path).read_text(encoding="utf-8") == pairs_page([recipe])


SHIPPED = sorted((Path(__file__).parents[1] / "zoo" / "recipes" / "widths").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_recipe_that_ships_is_read(path):
    found = Candidate.from_config(load_tuned(path))
    source, target, corpus = path.stem.split("-", 2)
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    assert (told["source"], told["target"], told["corpus"]) == (source, target, corpus)
    assert found.units and set(found.wiring) == {source}


def test_the_page_that_ships_is_that_of_the_recipes(tmp_path):
    for path in SHIPPED:
        shutil.copy(path, tmp_path)
    page = SHIPPED[0].with_name("README.md").read_text(encoding="utf-8")
    assert write_page(tmp_path).read_text(encoding="utf-8") == page


@pytest.mark.parametrize("text", ["[found", "[found]\nunits = []", "units = [4]"])
def test_a_damaged_recipe_is_refused(text, tmp_path):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(PresetError, match=r"a\.toml"):
        load_tuned(tmp_path / "a.toml")
