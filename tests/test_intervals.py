"""Bootstrap intervals over speakers and speakers' UARs: known answers, degenerate cases."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pnn_keras import intervals
from pnn_keras.errors import UserError
from pnn_keras.intervals import (
    speaker_confusions,
    speaker_contributions,
    speaker_differences,
    uar_difference_interval,
    uar_interval,
)
from pnn_keras.statistics import confusion_matrix, uar


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def made(seed, speakers=24, each=12, classes=3, repeats=2, right=0.6):
    """Targets, predictions and speakers; every speaker has each class equally often."""
    generator = np.random.default_rng(seed)
    targets = np.tile(np.arange(classes), speakers * each // classes)
    hit = generator.random((repeats, len(targets))) < right
    wrong = generator.integers(0, classes, hit.shape)
    return targets, np.where(hit, targets, wrong), np.repeat(np.arange(speakers), each)


def test_each_speaker_and_repeat_has_its_own_counts():
    counts = speaker_confusions(
        [0, 1, 0, 1], [[0, 1, 0, 0], [1, 1, 0, 1]], ["b", "b", "a", "a"], classes=2
    )
    assert counts[0].tolist() == [[[1, 0], [1, 0]], [[1, 0], [0, 1]]]  # a
    assert counts[1].tolist() == [[[1, 0], [0, 1]], [[0, 1], [0, 1]]]  # b


def test_counts_of_all_speakers_are_the_confusion_matrix():
    targets, predictions, speakers = made(0)
    counts = speaker_confusions(targets, predictions, speakers, 3).sum(axis=0)
    for repeat, answers in enumerate(predictions):
        assert counts[repeat].tolist() == confusion_matrix(targets, answers, 3).tolist()


def test_a_speaker_contributes_its_share_of_every_class():
    # Of class 0 b has both, one right; of class 1 one of two, right; a has the other, wrong.
    found = speaker_contributions([1, 0, 0, 1], [0, 0, 1, 1], ["a", "b", "b", "b"], 3)
    assert found.tolist() == [0, 2 * (1 / 2 + 1 / 2) / 2]


def test_contributions_are_averaged_over_repeats():
    assert speaker_contributions([0, 1], [[0, 1], [0, 0]], ["a", "a"], 2).tolist() == [0.75]


def test_speakers_contribute_the_pooled_uar_on_average():
    targets, predictions, speakers = made(1)
    found = speaker_contributions(targets, predictions, speakers, 4)  # nobody has class 3
    assert found.mean() == pytest.approx(uar_interval(targets, predictions, speakers, 4).value)


def test_flipping_a_speaker_s_sign_swaps_its_answers():
    targets, predictions, speakers = made(3)
    others = np.where(predictions == 2, 1, predictions)
    differences = speaker_differences(targets, predictions, others, speakers, 3)
    signs = np.where(np.unique(speakers) == speakers[0], -1, 1)
    swapped = np.where(speakers == speakers[0], others, predictions)
    counter = np.where(speakers == speakers[0], predictions, others)
    expected = [uar_interval(targets, p, speakers, 3).value for p in (swapped, counter)]
    assert (signs * differences).mean() == pytest.approx(expected[0] - expected[1])


def test_the_same_answers_in_another_order_of_repeats_are_no_difference():
    targets, predictions, speakers = made(4, speakers=300, classes=7, each=21, repeats=10)
    assert not speaker_differences(targets, predictions, predictions[::-1], speakers, 7).any()


def test_sums_that_differ_by_rounding_are_no_difference():
    # 1, 2 and 3 of ten against 3, 2 and 1: as floats, .1 + .2 + .3 is not .3 + .2 + .1.
    targets, speakers = np.repeat([0, 1, 2], 10), np.repeat("a", 30)
    place = np.tile(np.arange(10), 3)
    one, two = (
        np.where(place < np.array(hits)[targets], targets, (targets + 1) % 3)
        for hits in ((1, 2, 3), (3, 2, 1))
    )
    assert speaker_differences(targets, one, two, speakers, 3).tolist() == [0.0]


def test_one_utterance_of_a_million_is_a_difference():
    targets = np.arange(1_000_000) % 2
    other = targets.copy()
    other[0] = 1
    found = speaker_differences(targets, targets, other, np.zeros(len(targets), int), 2)
    assert found == pytest.approx([1e-6])


def test_the_value_is_the_pooled_uar_averaged_over_repeats():
    targets, predictions, speakers = made(1)
    expected = np.mean([uar(confusion_matrix(targets, answers, 3)) for answers in predictions])
    found = uar_interval(targets, predictions, speakers, 3, draws=10)
    assert found.value == pytest.approx(expected)


def test_two_speakers_have_three_resamples():
    # Speaker a is all right, b all wrong: a draw has 0, 1 or 2 times a, in shares 1/4, 1/2, 1/4.
    data = [0, 1, 0, 1], [0, 1, 1, 0], ["a", "a", "b", "b"], 2
    wide = uar_interval(*data, level=0.9)
    assert (wide.low, wide.value, wide.high) == (0, 0.5, 1)
    narrow = uar_interval(*data, level=0.3)  # from the 35 % to the 65 % quantile
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_bounds_are_the_quantiles_of_resampled_speakers():
    targets, predictions, speakers = made(2, speakers=5, repeats=1)
    generator = np.random.default_rng(7)
    scores = []
    for chosen in generator.integers(0, 5, (200, 5)):
        rows = np.concatenate([np.flatnonzero(speakers == speaker) for speaker in chosen])
        scores.append(uar(confusion_matrix(targets[rows], predictions[0, rows], 3)))
    found = uar_interval(targets, predictions, speakers, 3, level=0.8, draws=200, seed=7)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(scores, [0.1, 0.9])))


def test_speakers_who_are_alike_leave_nothing_uncertain():
    found = uar_interval([0, 1] * 30, [0, 0] * 30, np.repeat(range(30), 2), 2)
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
    assert (found.absent, found.speakers, found.draws, found.warning) == (0, 30, 2000, None)


def test_a_class_that_a_draw_lacks_is_counted():
    # Only b has class 1, and (2/3) ** 3 = 8/27 of the draws lack b.
    found = uar_interval([0, 0, 1, 0], [0, 0, 1, 0], ["a", "b", "b", "c"], 2, draws=4000)
    share = 8 / 27
    deviation = math.sqrt(share * (1 - share) / 4000)
    assert found.absent / 4000 == pytest.approx(share, abs=5 * deviation)
    assert (found.low, found.high) == (1, 1)


def test_a_class_that_the_data_lack_is_not_counted():
    found = uar_interval([0, 1] * 4, [0, 1] * 4, list("aabbccdd"), 3)
    assert (found.absent, found.value) == (0, 1)


def test_few_speakers_carry_a_warning():
    assert "29 speakers are few" in uar_interval(*made(0, speakers=29), 3, draws=10).warning
    assert uar_interval(*made(0, speakers=30), 3, draws=10).warning is None


def test_one_speaker_has_no_interval():
    found = uar_interval([0, 1], [0, 1], ["a", "a"], 2)
    assert found.value == 1
    assert math.isnan(found.low) and math.isnan(found.high)
    assert "one speaker cannot be resampled" in found.warning


def test_without_speakers_utterances_are_resampled_and_it_says_so():
    targets, predictions, _ = made(3)
    found = uar_interval(targets, predictions, None, 3)
    each_its_own = uar_interval(targets, predictions, np.arange(len(targets)), 3)
    assert (found.low, found.high) == (each_its_own.low, each_its_own.high)
    assert found.speakers is None
    assert "utterances were resampled" in found.warning


def test_the_difference_resamples_the_same_speakers_for_both():
    # Ten speakers are all right and ten all wrong, but for each one's last clip of class 1:
    # the first method has it right, the second wrong, so every speaker differs by 1/4.
    targets = np.tile([0, 1, 0, 1], 20)
    speakers = np.repeat(np.arange(20), 4)
    answers = np.where(speakers < 10, targets, 1 - targets)
    answers[3::4] = 1
    others = answers.copy()
    others[3::4] = 0
    found = uar_difference_interval(targets, answers, others, speakers, 2)
    assert (found.low, found.value, found.high) == pytest.approx((0.25, 0.25, 0.25))
    alone = uar_interval(targets, answers, speakers, 2)
    assert alone.high - alone.low > 0.2


def test_the_difference_is_first_less_second():
    data = [0, 1] * 20, [0, 1] * 20, [0, 0] * 20
    speakers = np.repeat(np.arange(20), 2)
    found = uar_difference_interval(*data, speakers, 2)
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)


def test_draws_do_not_depend_on_how_many_are_held_at_a_time(monkeypatch):
    whole = uar_interval(*made(5), 3, draws=100)
    monkeypatch.setattr(intervals, "_BATCH", 7 * 24)
    assert uar_interval(*made(5), 3, draws=100) == whole


def test_percentiles_cover_the_truth_about_as_often_as_they_say():
    # 40 speakers who are right with probability .5, .6 or .7 each: the true UAR is .6.
    covered = 0
    for seed in range(200):
        generator = np.random.default_rng(seed)
        ability = generator.choice([0.5, 0.6, 0.7], 40)
        targets, speakers = np.tile([0, 1], 400), np.repeat(np.arange(40), 20)
        right = generator.random(800) < ability[speakers]
        found = uar_interval(
            targets, np.where(right, targets, 1 - targets), speakers, 2, draws=400
        )
        covered += found.low <= 0.6 <= found.high
    deviation = math.sqrt(200 * 0.95 * 0.05)
    assert abs(covered - 190) < 4 * deviation


@pytest.mark.parametrize(
    "targets, predictions, message",
    [
        ([], [], "n at least 1"),
        ([0, 1], [0, 1, 1], r"Received: \(2,\) and \(1, 3\)"),
        ([0, -1], [0, 1], "leave utterances without a class out. Received: -1 to 1"),
        ([0, 1], [0, 2], "Class numbers are 0 to 1"),
    ],
)
def test_answers_that_do_not_fit_are_refused(targets, predictions, message):
    with pytest.raises(UserError, match=message):
        uar_interval(targets, predictions, ["a"] * len(targets), 2)


@pytest.mark.parametrize("speakers", [["a"], ["a", None]])
def test_each_utterance_needs_a_speaker(speakers):
    with pytest.raises(UserError, match="2 utterances has a speaker"):
        speaker_contributions([0, 1], [0, 1], speakers, 2)


@pytest.mark.parametrize("options", [{"level": 0}, {"level": 1}, {"level": 95}, {"draws": 0}])
def test_levels_and_draws_out_of_range_are_refused(options):
    with pytest.raises(UserError, match="level lies between 0 and 1, draws is at least 1"):
        uar_interval([0, 1], [0, 1], ["a", "b"], 2, **options)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(5, 40), st.floats(0, 1))
def test_the_interval_of_balanced_speakers_contains_the_score(seed, speakers, right):
    data = *made(seed, speakers=speakers, right=right), 3
    found = uar_interval(*data, draws=400)
    assert found.low <= found.value <= found.high
    assert found.absent == 0
    assert uar_interval(*data, draws=400) == found


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_swapping_the_methods_turns_the_interval_round(seed):
    targets, first, speakers = made(seed)
    second = made(seed + 1)[1]
    there = uar_difference_interval(targets, first, second, speakers, 3, draws=100)
    back = uar_difference_interval(targets, second, first, speakers, 3, draws=100)
    assert (there.low, there.value, there.high) == pytest.approx(
        (-back.high, -back.value, -back.low)
    )


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_a_method_beside_itself_differs_by_nothing(seed):
    targets, answers, speakers = made(seed)
    found = uar_difference_interval(targets, answers, answers, speakers, 3, draws=100)
    assert (found.low, found.value, found.high) == (0, 0, 0)
