"""Presets by recipe: trained, measured where they have not been, described."""

import json

import pytest
from corpora_made import make_crema_d, make_emodb

from pnn_keras import frontends
from pnn_keras.chain_training import ANSWERS
from pnn_keras.errors import UserError
from pnn_keras.preset import CARD, METADATA, WEIGHTS, read_preset, sha256_of
from pnn_keras.schedule import Settings
from pnn_keras.zoo import load_preset, verify
from pnn_keras.zoo_building import (
    build,
    describe,
    measure,
    read_recipe,
    recalibrate,
    redescribe,
    restated,
)
from pnn_keras.zoo_building.recipe import Recipe

pytestmark = pytest.mark.usefixtures("uncompiled", "undrawn")

SEXES = {1001 + i: ("Male", "Female")[i % 2] for i in range(6)}
RECIPE = """
title = "Hears anger"
corpora = ["EmoDB"]
sources = ["gender"]
target = "emotion"
licence = "apache-2.0"
licence_note = "everything is free"
any_use = true
[settings]
epochs = 3
"""


@pytest.fixture(autouse=True)
def moments(monkeypatch):
    """A front-end of three numbers that needs no openSMILE."""
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of two corpora, and a recipe that takes both."""
    data = tmp_path_factory.mktemp("data")
    emodb = make_emodb(data / "EmoDB", speakers=("03", "08", "09", "10", "11", "13"))
    crema_d = make_crema_d(data / "CREMA-D", sexes=SEXES)
    return str(emodb), str(crema_d)


@pytest.fixture(scope="module")
def built(made, tmp_path_factory):
    """The preset of a recipe of two corpora, measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
        folder = tmp_path_factory.mktemp("zoo") / "made"
        recipe = recipe_of(made)
        build(recipe, folder, progress=False)
        measure(recipe, folder, made, left_out=folder.parent, progress=False)
        return recipe, folder


def recipe_of(corpora):
    return Recipe(
        "made",
        "Made",
        corpora,
        ("gender",),
        "emotion",
        "apache-2.0",
        "all is made",
        any_use=True,
        classes=("angry", "happy"),
        frontend="moments",
        units=(4,),
        compare=("svm",),
        settings=Settings(epochs=2),
    )


def metadata(folder):
    return json.loads((folder / METADATA).read_text())


def test_a_recipe_is_read_with_its_defaults(tmp_path):
    path = tmp_path / "angry.toml"
    path.write_text(RECIPE)
    recipe = read_recipe(path)
    assert (recipe.name, recipe.corpora, recipe.settings.epochs) == ("angry", ("EmoDB",), 3)
    assert (recipe.frontend, recipe.compare[0]) == ("egemaps", "ptft")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("any_use = true", "colour = 1", "colour"),
        ('title = "Hears anger"', "", "title"),
        ('["EmoDB"]', '"EmoDB"', "corpora is a list"),
        ('["EmoDB"]', "[]", "at least one corpus"),
        ('"emotion"', '"mood"', "mood"),
        ("epochs = 3", "epochs = 0", "epochs is positive"),
        ("any_use = true", "any_use = ", "no TOML"),
        ("any_use = true", 'any_use = true\ncompare = ["magic"]', "magic"),
    ],
)
def test_a_recipe_that_cannot_work_says_why(tmp_path, old, new, words):
    path = tmp_path / "angry.toml"
    path.write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(UserError, match=words):
        read_recipe(path)


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(UserError, match="absent.toml"):
        read_recipe(tmp_path / "absent.toml")


def test_a_preset_is_whole_and_says_how_it_was_made(built):
    recipe, folder = built
    assert verify(folder)["tasks"] == {"gender": ["female", "male"], "emotion": ["angry", "happy"]}
    known = metadata(folder)
    assert {name: known[name] for name in describe(recipe)} == describe(recipe)
    assert known["recipe"] == "zoo/recipes/made.toml"
    assert recipe.title in (folder / CARD).read_text()


def test_methods_stand_beside_the_chains_own(built):
    scores = metadata(built[1])["scores"]
    assert set(scores["emotion"]) == {"prognet", "dnn", "svm"}


def test_each_corpus_is_scored_by_a_chain_that_was_fitted_without_it(built):
    records = metadata(built[1])["elsewhere"]
    assert [(r["corpus"], r["task"], r["weights"]) for r in records] == [
        (corpus, task, "left out")
        for corpus in ("EmoDB", "CREMA-D")
        for task in ("gender", "emotion")
    ]
    for record in records:
        assert 0 <= record["uar"] <= 1 and 0 <= record["adapted"]["uar"] <= 1


def test_the_chain_without_a_corpus_has_heard_the_others_alone(built):
    recipe, folder = built
    (kept,) = [p for p in folder.parent.iterdir() if p.name.endswith("emodb")]
    chain = load_preset(kept)
    assert {name.partition("/")[0] for name in chain.metadata["heard"]["speakers"]} == {"CREMA-D"}
    assert chain.metadata["epochs"] == metadata(folder)["epochs"]


def test_another_corpus_is_scored_with_the_presets_own_weights(made, tmp_path):
    recipe = recipe_of(made[:1])
    build(recipe, tmp_path / "one", progress=False)
    measure(recipe, tmp_path / "one", made, progress=False)
    records = metadata(tmp_path / "one")["elsewhere"]
    assert {(r["corpus"], r["weights"]) for r in records} == {("CREMA-D", "these")}


def test_the_time_of_an_answer_is_noted(built):
    latency = metadata(built[1])["latency"]
    assert latency["milliseconds"] > 0 and latency["sampling_rate"] == 16000


def test_facts_are_added_and_the_weights_stay(built):
    folder = built[1]
    before = sha256_of(folder / WEIGHTS)
    redescribe(folder, {"colour": "red"})
    assert read_preset(folder).metadata["colour"] == "red"
    assert sha256_of(folder / WEIGHTS) == before


def test_columns_take_the_temperatures_that_are_recorded(built):
    folder = built[1]
    known = metadata(folder)["calibration"]
    redescribe(folder, {"calibration": {"gender": {**known["gender"], "temperature": 3.0}}})
    recalibrate(folder)
    chain = load_preset(folder)
    assert [column.temperature for column in chain.columns] == [3.0, 1.0]
    redescribe(folder, {"calibration": known})
    recalibrate(folder)
    emotion = load_preset(folder).column("emotion")
    assert emotion.temperature == known["emotion"]["temperature"]


def test_scores_are_worked_out_again_from_the_stored_answers(built):
    folder = built[1]
    known, found = metadata(folder), restated(folder)
    assert (folder / ANSWERS).is_file()
    assert (
        found["scores"]["emotion"]["svm"]["interval"]
        == known["scores"]["emotion"]["svm"]["interval"]
    )
    assert found["groups"] == known["groups"]
    for task, record in found["calibration"].items():
        assert record["temperature"] == pytest.approx(known["calibration"][task]["temperature"])
