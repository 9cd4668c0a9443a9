"""The front matter of a card: YAML in the form that model hubs read."""

import pytest
import yaml
from card_made import full_metadata
from chain_made import made_chain, recorded_metadata
from hypothesis import given, settings
from hypothesis import strategies as st

from pnn_keras.card import card
from pnn_keras.card.front_matter import front_matter
from pnn_keras.card.spoken import SPOKEN
from pnn_keras.corpora import list_corpora

CHAIN = made_chain()


def front(metadata: dict, name: str | None = "made") -> dict:
    text = card(CHAIN, metadata, name)
    assert text.startswith("---\n")
    return yaml.safe_load(text.split("\n---\n")[0])


def test_hubs_find_task_library_tags_and_languages():
    found = front(full_metadata())
    assert found["pipeline_tag"] == "audio-classification"
    assert found["library_name"] == "pnn-keras"
    assert {"keras", "speech", "gender-recognition", "emotion-recognition"} <= set(found["tags"])
    assert found["language"] == ["de", "en"]
    assert found["datasets"] == ["EmoDB", "RAVDESS"]


def test_results_are_macro_recall_and_not_verified():
    model = front(full_metadata())["model-index"][0]
    assert model["name"] == "made"
    result = model["results"][1]
    assert result["task"] == {"type": "audio-classification", "name": "emotion recognition"}
    assert result["dataset"] == {
        "type": "EmoDB + RAVDESS",
        "name": "EmoDB + RAVDESS",
        "split": "loso",
    }
    (metric,) = result["metrics"]
    assert (metric["type"], metric["value"]) == ("recall", 0.5)
    assert metric["args"] == {"average": "macro"} and metric["verified"] is False


def test_results_on_unheard_corpora_say_so():
    results = front(full_metadata())["model-index"][0]["results"]
    found = {r["dataset"]["name"]: r["metrics"][0]["name"] for r in results[2:]}
    assert found == {
        "CREMA-D": "UAR of emotion, a corpus never heard",
        "EmoDB": "UAR of emotion, a corpus left out of training",
    }


def test_a_score_on_stop_rows_is_no_result():
    metadata = recorded_metadata()
    metadata["scores"] = {"gender": {"column": {"uar": 0.9, "role": "stop"}}}
    assert "model-index" not in front(metadata)


@pytest.mark.parametrize(
    ("licence", "found"),
    [
        ("apache-2.0", {"license": "apache-2.0"}),
        ("CC BY-NC-SA 4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("Our own terms", {"license": "other", "license_name": "our-own-terms"}),
        (None, {"license": "other", "license_name": "see-training-data"}),
    ],
)
def test_licence_is_one_that_hubs_know_or_other(licence, found):
    said = front({**recorded_metadata(), "licence": licence})
    assert {key: said[key] for key in said if key.startswith("license")} == found


def test_other_licence_is_named_after_what_binds_and_linked():
    metadata = {**full_metadata(), "licence": "other", "frontend": {"name": "egemaps"}}
    metadata["corpora"] = metadata["corpora"][:1]
    said = front(metadata)
    assert said["license_name"] == "cc0-1.0-opensmile"
    assert said["license_link"].startswith("https://github.com/audeering/opensmile")


def test_no_language_is_claimed_where_a_corpus_is_unknown():
    assert "language" not in front(recorded_metadata())


def test_every_corpus_that_can_be_opened_has_a_language():
    assert set(SPOKEN) == {info.name for info in list_corpora()}


@settings(max_examples=60)
@given(name=st.text(max_size=12), corpus=st.text(min_size=1, max_size=12))
def test_no_name_breaks_the_yaml(name, corpus):
    metadata = recorded_metadata()
    metadata["corpora"][0]["name"] = corpus
    found = yaml.safe_load(front_matter(CHAIN, metadata, name).strip("-"))
    shown = "".join(c if c.isprintable() else " " for c in corpus)
    assert found["datasets"] == [shown]
