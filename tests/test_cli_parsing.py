"""What is typed for an option, as values; what cannot be one is refused with an example."""

import pytest

from pnn_keras.cli.parsing import parse_names, parse_pairs, parse_widths, with_band
from pnn_keras.errors import UserError


@pytest.mark.parametrize("text", ["", "0", "8,", "-8", "8.5", "8;8", "²"])
def test_widths_are_positive_whole_numbers(text):
    with pytest.raises(UserError, match="256,128"):
        parse_widths(text)


def test_widths_may_have_spaces():
    assert parse_widths(" 256, 8 ") == [256, 8]


@pytest.mark.parametrize("text", ["calm", "=happy", "calm=", " = "])
def test_a_merge_is_a_label_and_a_class(text):
    with pytest.raises(UserError, match="excited=happy"):
        parse_pairs([text])


def test_a_merge_may_hold_further_equals_signs():
    assert parse_pairs(["a=b=c"]) == {"a": "b=c"}


@pytest.mark.parametrize("parse", [parse_names, parse_pairs, parse_widths])
def test_an_option_that_is_not_given_stays_none(parse):
    assert parse(None) is None


def test_a_band_joins_the_other_options_of_logmel():
    assert with_band("logmel:longest=9", "50-5000") == "logmel:longest=9,band=50-5000"


@pytest.mark.parametrize("frontend", [None, "egemaps", "embeddings:logmel"])
def test_a_band_goes_with_logmel_alone(frontend):
    with pytest.raises(UserError, match="Only the front-end logmel has a band"):
        with_band(frontend, "50-5000")
