"""Protocols whose folds somebody published as a file."""

from __future__ import annotations

import numpy as np
import pytest
from numbers_made import make_corpus

from pnn_keras.errors import ProtocolError, UserError
from pnn_keras.fold_files import open_protocol
from pnn_keras.protocol import make_protocol


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"))


def write(path, rows, head="file,fold"):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return f"folds:{path}"


def opened(name, corpus, labelled=None, **options):
    labelled = np.ones(len(corpus), bool) if labelled is None else labelled
    return open_protocol(name, corpus.utterances, labelled, **options)


def test_any_other_name_is_a_protocol_s(corpus):
    labelled = np.ones(len(corpus), bool)
    known = make_protocol("speaker-5-fold", corpus.utterances, labelled)
    assert opened("speaker-5-fold", corpus).hash == known.hash


def test_folds_rotate_one_tests_the_next_stops_the_others_train(corpus, tmp_path):
    speakers = sorted({u.speaker for u in corpus})
    rows = [(u.id, speakers.index(u.speaker) // 2) for u in corpus]
    division = opened(write(tmp_path / "folds.csv", rows), corpus)
    assert len(division.folds) == 5 and division.speaker_disjoint
    tested = [{corpus.utterances[i].speaker for i in fold.test} for fold in division.folds]
    assert tested == [set(speakers[i : i + 2]) for i in range(0, 10, 2)]
    assert np.array_equal(division.folds[0].stop, division.folds[1].test)


def test_folds_that_share_speakers_are_stamped(corpus, tmp_path):
    rows = [(u.id, number % 5) for number, u in enumerate(corpus)]
    division = opened(write(tmp_path / "folds.csv", rows), corpus)
    assert division.stamp == "speaker-dependent"


def test_roles_without_stop_rows_take_stop_speakers_out_of_training(corpus, tmp_path):
    rows = [(u.id, "test" if u.speaker in ("s0", "s1") else "train") for u in corpus]
    (fold,) = opened(write(tmp_path / "split.csv", rows, "file,split"), corpus).folds
    by_role = {
        role: {corpus.utterances[i].speaker for i in rows} for role, rows in fold.roles.items()
    }
    assert by_role["test"] == {"s0", "s1"} and len(by_role["stop"]) == 2
    assert not by_role["stop"] & by_role["train"]


def test_rows_without_a_class_of_the_target_are_in_no_fold(corpus, tmp_path):
    labelled = np.array([u.emotion != "neutral" for u in corpus])
    rows = [(u.id, number % 5) for number, u in enumerate(corpus)]
    division = opened(write(tmp_path / "folds.csv", rows), corpus, labelled)
    used = np.concatenate([fold.test for fold in division.folds])
    assert sorted(used) == np.flatnonzero(labelled).tolist()


def test_what_file_and_corpus_do_not_share_is_told(corpus, tmp_path):
    rows = [(u.id, number % 5) for number, u in enumerate(corpus)]
    name = write(tmp_path / "folds.csv", [*rows[:-2], ("nobody.txt", 0)])
    with pytest.warns(UserWarning) as told:
        opened(name, corpus)
    words = " ".join(str(warning.message) for warning in told)
    assert "1 of its files are no recording here" in words
    assert "2 recordings here are in none of its folds" in words


def test_fewer_training_parts_need_folds_without_roles(corpus, tmp_path):
    rows = [(u.id, number % 5) for number, u in enumerate(corpus)]
    name = write(tmp_path / "folds.csv", rows)
    (first, *_) = opened(name, corpus, training_parts=1).folds
    assert len(first.train) == 12
    rows = [(u.id, "test" if u.speaker == "s0" else "train") for u in corpus]
    with pytest.raises(ProtocolError, match="folds without roles"):
        opened(write(tmp_path / "split.csv", rows, "file,split"), corpus, training_parts=1)


def test_a_missing_file_is_refused(corpus, tmp_path):
    with pytest.raises(UserError, match="none.csv"):
        opened(f"folds:{tmp_path / 'none.csv'}", corpus)


def roles_of(corpus, tests):
    """Rows of a fold file: fold k tests the speakers ``tests[k - 1]``, the others train."""
    return [
        (u.id, "test" if u.speaker in tested else "train", fold)
        for fold, tested in enumerate(tests, start=1)
        for u in corpus
    ]


def test_an_utterance_that_two_folds_test_is_named_with_its_folds(corpus, tmp_path):
    rows = roles_of(corpus, [("s0", "s1"), ("s2", "s3"), ("s1", "s4")])
    name = write(tmp_path / "holdout.csv", rows, "file,role,fold")
    words = r"holdout.csv: s1-0.txt is tested in folds 1 and 3.* 6 utterances.*a file of its own"
    with pytest.raises(ProtocolError, match=words):
        opened(name, corpus)


def test_folds_with_roles_that_test_other_utterances_each_are_taken(corpus, tmp_path):
    rows = roles_of(corpus, [("s0", "s1"), ("s2", "s3")])
    division = opened(write(tmp_path / "folds.csv", rows, "file,role,fold"), corpus, repeats=2)
    assert [len(fold.test) for fold in division.folds] == [12] * 4 and division.repeats == 2


def test_a_fold_without_a_clip_of_the_classes_is_named_with_file_and_classes(corpus, tmp_path):
    labelled = np.array([u.emotion != "neutral" or u.speaker != "s0" for u in corpus])
    labelled &= np.array([u.speaker != "s2" for u in corpus])
    rows = [(u.id, int(u.speaker[1:]) + 1) for u in corpus]
    name = write(tmp_path / "folds.csv", rows)
    words = r"folds.csv: fold 3 has 6 recording\(s\), none of a class of the target: angry, sad\. "
    with pytest.raises(ProtocolError, match=words):
        opened(name, corpus, labelled, classes=("angry", "sad"))


def test_a_role_without_a_clip_of_the_classes_is_named(corpus, tmp_path):
    labelled = np.array([u.speaker != "s0" for u in corpus])
    role = {"s0": "dev", "s1": "test"}
    rows = [(u.id, role.get(u.speaker, "train"), 7) for u in corpus]
    name = write(tmp_path / "roles.csv", rows, "file,role,fold")
    with pytest.raises(
        ProtocolError, match=r"roles.csv: stop in fold 7 has 6 recording\(s\), none"
    ):
        opened(name, corpus, labelled)


def test_a_fold_of_which_no_file_is_here_is_named(corpus, tmp_path):
    rows = [(u.id, number % 4) for number, u in enumerate(corpus)]
    name = write(tmp_path / "folds.csv", [*rows, ("nobody.txt", 9)])
    with (
        pytest.warns(UserWarning, match="no recording here"),
        pytest.raises(ProtocolError, match="folds.csv: fold 9 has 0 recording"),
    ):
        opened(name, corpus)


def test_a_split_without_a_training_recording_here_is_named(corpus, tmp_path):
    rows = [(u.id, "test") for u in corpus]
    name = write(tmp_path / "split.csv", [*rows, ("nobody.txt", "train")], "file,split")
    with (
        pytest.warns(UserWarning, match="no recording here"),
        pytest.raises(ProtocolError, match="split.csv: train has 0 recording"),
    ):
        opened(name, corpus)
