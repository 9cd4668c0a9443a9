"""The zoo's table, and that what the checkout says of its presets is what they recorded."""

import json
import re
from pathlib import Path

import pytest
from card_made import full_metadata
from chain_made import recorded_metadata

from pnn_keras.card import overview, replace_zoo_table, zoo_table
from pnn_keras.card.licences import allows_any_use
from pnn_keras.card.writing import CARD
from pnn_keras.corpora import list_corpora
from pnn_keras.errors import UserError
from pnn_keras.zoo import load_preset

ROOT = Path(__file__).parents[1]
FOLDERS = sorted(path.parent for path in ROOT.glob("zoo/*/config.json"))


def stored(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text(encoding="utf-8"))


def row(metadata: dict, size: int = 2_500_000) -> list[str]:
    """The cells of the one preset's row."""
    return zoo_table({"made": metadata}, {"made": size}).splitlines()[2].strip("| ").split(" | ")


def test_row_tells_the_preset_s_facts():
    assert row(full_metadata()) == [
        "[made](zoo/made/README.md)",
        "logmel",
        "gender (2)<br>emotion (3)",
        "EmoDB, RAVDESS",
        "no: RAVDESS",
        "0.900 [0.850, 0.950]<br>0.500 [0.410, 0.590]",
        "-<br>0.550 logistic regression",
        "-<br>CREMA-D 0.375, EmoDB 0.438 \\*",
        "2.5 MB",
    ]


def test_what_adapting_reaches_stands_in_parentheses():
    metadata = full_metadata()
    metadata["elsewhere"][0]["adapted"] = {"uar": 0.625}
    assert row(metadata)[7] == "-<br>CREMA-D 0.375 (0.625), EmoDB 0.438 \\*"
    notes = zoo_table({"made": metadata}, {}).split("\n\n")[1:]
    assert notes[0].startswith("In parentheses: adapted")


def test_marks_are_explained_where_they_stand():
    metadata = full_metadata()
    metadata["scores"]["gender"]["column"]["role"] = "stop"
    notes = zoo_table({"made": metadata}, {}).split("\n\n")[1:]
    assert [note[:2] for note in notes] == ["\\*", "§ "]


@pytest.mark.parametrize(("disjoint", "mark"), [(True, ""), (False, " †"), (None, " ‡")])
def test_uar_is_marked_unless_test_speakers_were_new(disjoint, mark):
    metadata = recorded_metadata()
    metadata["protocol"]["speaker_disjoint"] = disjoint
    assert row(metadata)[5] == f"-<br>0.500{mark}"


def test_presets_are_sorted_by_name():
    table = zoo_table({"b": recorded_metadata(), "a": recorded_metadata()}, {})
    assert re.findall(r"^\| \[(\w)\]", table, re.MULTILINE) == ["a", "b"]


def test_preset_without_metadata_has_a_row():
    assert row({}) == ["[made](zoo/made/README.md)", *["-"] * 3, "not known", *["-"] * 3, "2.5 MB"]


def test_text_without_marks_is_refused():
    with pytest.raises(UserError, match="between <!-- zoo --> and <!-- /zoo -->"):
        replace_zoo_table("<!-- zoo -->", "table")


@pytest.mark.parametrize(
    ("metadata", "allowed", "binding"),
    [
        ({"corpora": [{"name": "EmoDB", "licence": "CC0 1.0"}]}, True, ()),
        ({"corpora": [{"name": "Mine"}]}, None, ()),
        ({"corpora": [{"name": "Mine"}], "any_use": True}, True, ()),
        ({"licence": "CC BY-NC 4.0", "corpora": [{"licence": "CC0 1.0"}]}, False, ()),
        ({"frontend": {"name": "egemaps"}}, False, ("openSMILE",)),
        ({}, None, ()),
    ],
)
def test_any_use_needs_every_licence_to_allow_it(metadata, allowed, binding):
    found = overview("made", metadata)
    assert (found.any_use, found.binding) == (allowed, binding)


def test_licences_of_the_known_corpora_are_understood():
    free = {info.name for info in list_corpora() if allows_any_use(info.licence)}
    unsure = {info.name for info in list_corpora() if allows_any_use(info.licence) is None}
    assert free == {"CREMA-D", "CREMA-D-perceived", "EmoDB", "LibriSpeech"}
    assert unsure == set()


def test_readme_s_table_is_what_the_presets_recorded():
    metadata = {folder.name: stored(folder, "metadata.json") for folder in FOLDERS}
    sizes = {folder.name: stored(folder, "config.json")["weights"]["bytes"] for folder in FOLDERS}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert metadata
    # Mend with: tools/run python tools/zoo_table
    assert replace_zoo_table(readme, zoo_table(metadata, sizes)) == readme


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_preset_s_card_is_what_it_recorded(folder):
    from pnn_keras.card import card

    chain, pictures = load_preset(folder), [path.name for path in folder.glob("*.png")]
    digest = stored(folder, "config.json")["weights"]["sha256"]
    text = card(chain, chain.metadata, folder.name, sha256=digest, pictures=pictures)
    # Mend with: tools/run python tools/zoo_table --cards
    assert (folder / CARD).read_text(encoding="utf-8") == text


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_preset_s_card_shows_each_picture_that_lies_there(folder):
    shown = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", (folder / CARD).read_text(encoding="utf-8"))
    assert sorted(shown) == sorted(path.name for path in folder.glob("*.png"))
    assert all((folder / name).stat().st_size < 40_000 for name in shown)
