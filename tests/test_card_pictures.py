"""A card's pictures, and writing a card beside a preset's files."""

import matplotlib.image
import numpy as np
import pytest
from card_made import calibration, full_metadata
from chain_made import made_chain, recorded_metadata

from pnn_keras.card import write_card
from pnn_keras.card.confusion_figure import confusion_figure
from pnn_keras.card.reliability_figure import reliability_figure
from pnn_keras.errors import PnnKerasError
from pnn_keras.preset import save_preset
from pnn_keras.zoo import rewrite_card

CHAIN = made_chain()
PICTURES = ["calibration-emotion.png", "confusion-emotion.png", "confusion-gender.png"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_preset(CHAIN, tmp_path_factory.mktemp("zoo") / "made", full_metadata())


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def many_speakers() -> dict:
    """A column of 125 speakers, each taken for itself and now and then for another."""
    confusion = np.random.default_rng(0).integers(0, 3, (125, 125)) + 40 * np.eye(125, dtype=int)
    classes = [f"CREMA-D/{number}" for number in range(125)]
    return {"speaker": {"column": {"confusion": confusion.tolist(), "classes": classes}}}


def test_saving_a_preset_writes_the_pictures_that_its_card_shows(folder):
    assert sorted(path.name for path in folder.glob("*.png")) == PICTURES
    text = (folder / "README.md").read_text()
    assert all(f"]({name})" in text for name in PICTURES)


def test_the_card_tells_the_digest_of_the_weights_beside_it(folder):
    import hashlib

    digest = hashlib.sha256((folder / "model.weights.h5").read_bytes()).hexdigest()
    assert f"`{digest}`" in (folder / "README.md").read_text()


def test_pictures_are_small_and_opaque(folder):
    for name in PICTURES:
        assert (folder / name).stat().st_size < 40_000
        pixels = matplotlib.image.imread(folder / name)
        assert pixels.shape[2] == 3 or (pixels[..., 3] == 1).all()
        assert (pixels[0, 0, :3] == 1).all()  # white, on a dark page too


@pytest.mark.parametrize("count", [30, 125])
def test_pictures_of_many_classes_are_small_too(tmp_path, count):
    score = many_speakers()["speaker"]["column"]
    some = {
        "confusion": [row[:count] for row in score["confusion"][:count]],
        "classes": score["classes"][:count],
    }
    write_card(CHAIN, {"scores": {"speaker": {"column": some}}}, tmp_path, "made")
    assert (tmp_path / "confusion-speaker.png").stat().st_size < 40_000


def test_pictures_say_nothing_of_when_and_by_what_they_were_drawn(folder):
    for name in PICTURES:
        content = (folder / name).read_bytes()
        assert b"tEXt" not in content and b"tIME" not in content


def test_writing_again_gives_the_same_bytes(folder):
    before = contents(folder)
    write_card(CHAIN, full_metadata(), folder, "made")
    assert contents(folder) == before


def test_rewriting_touches_neither_configuration_nor_metadata_nor_weights(tmp_path):
    folder = save_preset(CHAIN, tmp_path / "made", full_metadata())
    before = contents(folder)
    (folder / "README.md").write_text("by hand")
    (folder / "confusion-gender.png").unlink()
    assert rewrite_card(folder) == ["README.md", *PICTURES]
    assert contents(folder) == before


def test_rewriting_removes_pictures_of_an_earlier_card(folder, tmp_path):
    write_card(CHAIN, full_metadata(), tmp_path, "made")
    (tmp_path / "mine.png").write_bytes(b"")
    assert write_card(CHAIN, recorded_metadata(), tmp_path, "made") == [
        "README.md",
        "confusion-emotion.png",
    ]
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "confusion-emotion.png",
        "mine.png",
    ]


def test_a_card_that_cannot_be_written_is_a_clear_error(tmp_path):
    (tmp_path / "README.md").mkdir()
    with pytest.raises(PnnKerasError, match="Cannot write"):
        write_card(CHAIN, {}, tmp_path, "made")


def test_confusion_figure_shows_shares_and_counts():
    axis = confusion_figure([[3, 1], [0, 0]], ["a", "b"]).axes[0]
    assert axis.images[0].get_array().tolist() == [[0.75, 0.25], [0, 0]]
    assert [text.get_text() for text in axis.texts] == ["3", "1", "0", "0"]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]


def test_confusion_figure_of_one_corpus_s_speakers_leaves_the_corpus_out():
    axis = confusion_figure(np.eye(2, dtype=int), ["A/1", "A/2"]).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["1", "2"]


def test_confusion_figure_of_many_classes_names_and_counts_none():
    score = many_speakers()["speaker"]["column"]
    axis = confusion_figure(score["confusion"], score["classes"]).axes[0]
    assert not axis.texts and not axis.get_yticklabels()


def test_reliability_figure_shows_accuracy_and_counts_before_and_after():
    figure = reliability_figure(calibration())
    heights = [[bar.get_height() for bar in axis.patches][-5:] for axis in figure.axes]
    assert heights == [
        [0.5, 0.5, 0.6, 0.6, 0.8],
        [0.7, 0.75, 0.8, 0.9, 1.0],
        [10, 20, 30, 40, 50],
        [50, 40, 30, 20, 10],
    ]
    assert [axis.get_title() for axis in figure.axes[:2]] == [
        "before (ECE 0.188)",
        "after (ECE 0.031)",
    ]


def test_reliability_figure_without_an_after_shows_before_alone():
    measured = calibration()
    measured["bins"].update(count_after=None, confidence_after=None, accuracy_after=None)
    measured["ece_after"] = None
    figure = reliability_figure(measured)
    assert [axis.get_title() for axis in figure.axes] == ["before (ECE 0.188)", ""]
