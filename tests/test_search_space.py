"""Search spaces: what can be chosen, and what of it makes a difference."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.errors import UserError
from pnn_keras.schedule import Settings
from pnn_keras.search_space import Candidate, Space, make_space, read_space
from pnn_keras.tuning.oracles import declare, make_oracle
from pnn_keras.tuning.tuner import chooser

CHOSEN = {
    "depth": 2,
    "width_1": 8,
    "width_2": 4,
    "width_3": 99,
    "speaker_reads": "none",
    "speaker_depth": 1,
    "speaker_width": 3,
    "gender_reads": "last",
    "gender_depth": 2,
    "gender_width": 5,
    "lateral": "adapter",
    "adapter_units": 16,
    "dropout": 0.25,
    "learning_rate": 0.001,
}


def test_values_become_the_shape_of_every_column():
    found = Space().candidate(CHOSEN, ["speaker", "gender"])
    assert found.units == (8, 4)
    assert found.source_units == {"speaker": (3,), "gender": (5, 5)}
    assert found.wiring == {"speaker": "none", "gender": "last"}
    assert (found.lateral, found.adapter_units) == ("adapter", 16)
    assert (found.dropout, found.learning_rate) == (0.25, 0.001)


def test_a_source_that_nobody_reads_has_no_shape():
    values = {**CHOSEN, "gender_reads": "none", "speaker_reads": "below"}
    assert Space().candidate(values, ["speaker", "gender"]).source_units == {"speaker": (3,)}


def test_without_a_source_that_is_read_connections_make_no_difference():
    one, other = (
        Space().candidate({**CHOSEN, "gender_reads": "none", "lateral": kind}, ["gender"])
        for kind in ("dense", "adapter")
    )
    assert one == other
    assert (one.lateral, one.adapter_units, one.source_units) == ("dense", None, {})


def test_dense_connections_have_no_width_of_adapters():
    values = {**CHOSEN, "lateral": "dense"}
    assert Space().candidate(values, ["gender"]).adapter_units is None


def test_a_candidate_says_its_shape_and_settings():
    candidate = Space().candidate(CHOSEN, ["gender"])
    shape, settings = candidate.shape(), candidate.settings(Settings(batch_size=7), epochs=9)
    assert (shape.units, shape.of_source("gender"), shape.dropout) == ((8, 4), (5, 5), 0.25)
    assert (settings.learning_rate, settings.epochs, settings.batch_size) == (0.001, 9, 7)


@given(st.integers(0, 999), st.lists(st.sampled_from(["a", "b@C"]), unique=True))
def test_drawn_candidates_differ_and_are_described_whole(seed, sources):
    drawn = Space(widths=(4, 8), depths=(1, 2)).sample(sources, 6, seed)
    assert len({str(candidate) for candidate in drawn}) == len(drawn) == 6
    for candidate in drawn:
        assert Candidate.from_config(candidate.config()) == candidate


def test_the_draw_follows_from_the_seed():
    space = Space()
    assert space.sample(["gender"], 4, 1) == space.sample(["gender"], 4, 1)
    assert space.sample(["gender"], 4, 1) != space.sample(["gender"], 4, 2)


@pytest.mark.parametrize(
    "found",
    [
        {"depths": []},
        {"depths": [0]},
        {"widths": [2.5]},
        {"widths": 64},
        {"widths": [True]},
        {"laterals": ["dence"]},
        {"reads": "below"},
        {"dropouts": [1.0]},
        {"learning_rates": [0]},
        {"width": [4]},
    ],
)
def test_a_choice_that_cannot_be_is_refused(found):
    with pytest.raises(UserError, match="Received|unknown"):
        make_space(found)


def test_a_file_restricts_the_choices_that_it_names(tmp_path):
    (tmp_path / "space.toml").write_text('reads = ["last", "below"]\nwidths = [64, 16, 64]\n')
    space = read_space(tmp_path / "space.toml")
    assert (space.reads, space.widths, space.depths) == (
        ("below", "last"),
        (16, 64),
        Space().depths,
    )


@pytest.mark.parametrize("text", ["widths = [", "\xff"])
def test_a_file_that_is_no_toml_is_refused(text, tmp_path):
    (tmp_path / "space.toml").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match="no TOML"):
        read_space(tmp_path / "space.toml")


@pytest.mark.parametrize("sources", [[], ["gender"], ["speaker", "gender"]])
def test_whatever_keras_tuner_draws_is_a_candidate(sources):
    space = Space()
    oracle = make_oracle("random", space, sources, 99, seed=0, epochs=5)
    chosen = chooser(space, sources, 5)
    readings = set()
    for _ in range(40):
        values = oracle.populate_space("0")["values"]
        candidate, epochs = chosen(values)
        assert epochs == 5 and len(candidate.units) == values["depth"]
        assert set(values) <= set(space.choices(sources))
        readings |= set(candidate.wiring.values())
    assert readings == ({"below", "last", "none"} if sources else set())


def test_keras_tuner_is_not_asked_for_what_makes_no_difference():
    names = {hp.name for hp in declare(Space(reads=("none",)), ["gender"]).space}
    assert not names & {"gender_width", "lateral", "adapter_units"}
    values = declare(Space(depths=(1, 2)), ["gender"]).values
    assert "width_2" not in values  # of a depth of 1
