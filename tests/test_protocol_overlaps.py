"""Overlapping segments and copies under other names: protocols deal them together."""

import numpy as np
import pytest
from audio_made import write
from hypothesis import given
from hypothesis import strategies as st
from utterances_made import clip, everyone, segment, shared

from pnn_keras.corpora import open_corpus
from pnn_keras.errors import ProtocolError
from pnn_keras.protocol import make_protocol, source_folds
from pnn_keras.protocol.dealing import speaker_groups
from pnn_keras.protocol.sameness import same_recordings, speakers_of_one_recording


@pytest.fixture(scope="module")
def dialogues(tmp_path_factory):
    """A folder with four files of 6 s, no two of them alike."""
    folder = tmp_path_factory.mktemp("dialogues")
    for number in range(4):
        noise = np.random.default_rng(number).standard_normal(6 * 8000)
        write(folder / f"{number}.wav", 0.1 * noise, 8000)
    return folder


def table(folder, rows):
    """A corpus of segments: file, start, end, speaker, split."""
    lines = ["file,start,end,speaker,split,emotion"]
    lines += [f"{row},{'sad' if i % 2 else 'angry'}" for i, row in enumerate(rows)]
    (folder / "made.csv").write_text("\n".join(lines) + "\n")
    return open_corpus(folder / "made.csv").utterances


def test_segments_that_differ_by_a_millisecond_share_a_role(dialogues):
    rows = [f"{f}.wav,{b},{b + 1},s{f}," for f in range(4) for b in (0, 0.001, 2, 2.001, 4, 4.001)]
    utterances = table(dialogues, rows)
    for fold in make_protocol("paper-3-fold", utterances, everyone(utterances)).folds:
        assert not shared(fold, lambda i: (utterances[i].path, round(utterances[i].start)))


def test_an_official_split_that_tests_a_part_of_a_heard_file_is_refused(dialogues):
    rows = [f"{f}.wav,,,A{f},train" for f in range(4)] + ["3.wav,2,5,B,test"]
    utterances = table(dialogues, rows)
    with pytest.raises(ProtocolError, match="hear a part of 1 of the target's .*3.wav"):
        make_protocol("official", utterances, everyone(utterances))


def test_segments_of_one_file_that_do_not_overlap_may_train_and_test(dialogues):
    rows = [f"{f}.wav,0,3,A{f},train" for f in range(3)] + ["3.wav,0,3,A3,dev", "0.wav,3,6,B,test"]
    utterances = table(dialogues, rows)
    assert make_protocol("official", utterances, everyone(utterances)).stamp == "speaker-disjoint"


def test_speakers_whose_turns_overlap_are_dealt_together():
    utterances = [segment(0, 0.0, 2.0, "a"), segment(1, 1.9, 4.0, "b"), segment(2, 4.0, 6.0, "c")]
    groups = speaker_groups(utterances, np.arange(3), np.random.default_rng(0))
    assert sorted(map(sorted, map(list, groups))) == [[0, 1], [2]]


def test_an_overlap_with_a_row_of_no_role_joins_nobody():
    utterances = [segment(0, 0.0, 2.0, "a"), segment(1, 1.9, 4.0, "b"), segment(2, 3.9, 6.0, "c")]
    groups = speaker_groups(utterances, np.array([0, 2]), np.random.default_rng(0))
    assert len(groups) == 2


def copied_corpora():
    """A corpus of eight speakers, and a copy under other names of which half is unlabelled."""
    own = [clip(f"s{s}", i, "mf"[s % 2]) for s in range(8) for i in range(4)]
    copy = [
        clip(
            f"x{s}",
            i,
            corpus="copy",
            emotion=None if i < 2 else "angry",
            content=own[4 * s + i].content if i < 2 else None,
        )
        for s in range(8)
        for i in range(4)
    ]
    return [*own, *copy]


def test_a_speaker_under_another_name_is_dealt_with_their_own_recordings():
    utterances = copied_corpora()
    labelled = np.array([u.emotion is not None for u in utterances])
    made = make_protocol("speaker-4-fold", utterances, labelled)
    for fold in made.folds:
        assert not shared(fold, lambda i: utterances[i].speaker[1:])


def test_cross_corpus_folds_of_a_copy_are_stamped_speaker_dependent():
    utterances = copied_corpora()
    labelled = np.array([u.emotion is not None for u in utterances])
    assert make_protocol("cross-corpus:made>copy", utterances, labelled).stamp == (
        "speaker-dependent"
    )


def test_a_source_of_a_copy_under_other_names_is_refused():
    utterances = copied_corpora()
    labelled = np.array([u.corpus == "made" for u in utterances])
    division = make_protocol("speaker-4-fold", utterances, labelled)
    other = [u.corpus == "copy" and u.emotion is not None for u in utterances]
    sexes = [int(u.speaker[1:]) % 2 for u in utterances]
    targets = np.where(other, sexes, -1)
    with pytest.raises(ProtocolError, match=r"source column would hear \d+ speaker\(s\)"):
        source_folds("gender", utterances, targets, division)


def test_a_source_stops_on_whole_chains_of_overlapping_segments():
    utterances = [
        segment(i, float(i // 3) + 0.2 * (i % 3), i // 3 + 0.2 * (i % 3) + 0.3, f"s{s}", f"f{s}")
        for s in range(3)
        for i in range(24)
    ]
    targets = np.arange(72) // 24
    division = make_protocol("paper-3-fold", utterances, everyone(utterances))
    for fold in source_folds("speaker", utterances, targets, division):
        assert not shared(fold, lambda i: (utterances[i].speaker, int(utterances[i].start)))


starts = st.integers(0, 40).map(lambda tick: tick / 10)


@given(bounds=st.lists(st.tuples(st.sampled_from("de"), starts, starts), min_size=1, max_size=12))
def test_every_row_is_in_one_recording(bounds):
    utterances = [segment(i, a, a + b, file=file) for i, (file, a, b) in enumerate(bounds)]
    rows = np.arange(len(bounds))
    found = same_recordings(utterances, rows)
    assert sorted(i for same in found for i in same) == rows.tolist()


def test_speakers_of_one_recording_do_not_depend_on_the_order():
    utterances = copied_corpora()
    found = speakers_of_one_recording(utterances)
    assert found == speakers_of_one_recording(utterances[::-1])
    assert ["copy/x0", "made/s0"] in found and len(found) == 16


def test_a_hundred_thousand_segments_are_dealt_by_speaker():
    utterances = [
        segment(i, float(i % 100), i % 100 + 1.0, f"s{i // 1000}", f"f{i // 100}")
        for i in range(100_000)
    ]
    made = make_protocol("speaker-5-fold", utterances, everyone(utterances))
    assert made.speakers["test"] == (20, 20)
