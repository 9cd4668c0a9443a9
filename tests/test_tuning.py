"""Searching the shape of a column, on a small made corpus and a front-end of three numbers."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from numbers_made import FileNumbers, make_corpus

from pnn_keras import tuning
from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.tuning import load_tuned, tune

SETTINGS = Settings(epochs=3, learning_rate=0.05)


def search(corpus, out, **options):
    given = {
        "source": "gender",
        "corpus": corpus,
        "frontend": FileNumbers(),
        "settings": SETTINGS,
        "trials": 2,
        "widths": (4, 6, 8),
        "depths": (1, 2),
        "progress": False,
        "workers": 1,
    }
    return tune("emotion", out=out, **{**given, **options})


def trials_in(folder):
    return json.loads((folder / "trials.json").read_text())["trials"]


def timeless(trials):
    return [{**trial, "seconds": None} for trial in trials]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpora"), apart=2)


@pytest.fixture(scope="module")
def found(made, tmp_path_factory):
    """A finished search: its folder and what it returned."""
    folder = tmp_path_factory.mktemp("searches") / "found"
    return folder, search(made, folder)


def test_the_best_trial_is_returned_and_written(found):
    folder, best = found
    trials = trials_in(folder)
    assert best["stop_uar"] == max(trial["stop_uar"] for trial in trials)
    assert best["units"] in [trial["units"] for trial in trials]
    assert json.loads((folder / "best.json").read_text()) == best


def test_the_result_names_the_request(found):
    _, best = found
    assert (best["target"], best["sources"]) == ("emotion", ["gender"])
    assert (best["protocol"], best["trials"], best["failed"]) == ("speaker-5-fold", 2, 0)
    assert best["settings"]["epochs"] == 3


def test_the_hash_is_that_of_the_protocol(found, made):
    division = make_protocol("speaker-5-fold", made.utterances, np.ones(60, bool))
    assert found[1]["hash"] == division.hash


def test_the_objective_is_the_mean_over_stop_folds(found):
    for trial in trials_in(found[0]):
        assert len(trial["fold_stop_uars"]) == 5
        assert trial["stop_uar"] == pytest.approx(np.mean(trial["fold_stop_uars"]))


def test_trials_are_shapes_of_the_space(found):
    for trial in trials_in(found[0]):
        assert len(trial["units"]) in (1, 2)
        assert set(trial["units"]) <= {4, 6, 8}


def test_the_table_has_a_row_for_each_trial(found):
    with open(found[0] / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, trial in zip(rows, trials_in(found[0]), strict=True):
        assert row["units"] == "-".join(map(str, trial["units"]))
        assert float(row["stop_uar"]) == pytest.approx(trial["stop_uar"], abs=1e-6)


def test_no_half_written_file_is_left(found):
    assert not list(found[0].glob(".*"))


def test_nothing_is_printed(made, tmp_path, capfd):
    search(made, tmp_path / "out", trials=1, source=())
    assert capfd.readouterr().out == ""


def test_test_rows_do_not_influence_their_folds_score(found, made, tmp_path):
    fold = make_protocol("speaker-5-fold", made.utterances, np.ones(60, bool)).folds[0]
    search(make_corpus(tmp_path, corrupted=set(fold.test), apart=2), tmp_path / "out")
    before, after = trials_in(found[0]), trials_in(tmp_path / "out")
    assert [t["units"] for t in after] == [t["units"] for t in before]
    assert [t["fold_stop_uars"][0] for t in after] == [t["fold_stop_uars"][0] for t in before]
    assert [t["fold_stop_uars"] for t in after] != [t["fold_stop_uars"] for t in before]


def test_the_folds_that_are_fitted_have_no_test_rows(made, tmp_path, monkeypatch):
    seen = []
    fit = tuning.Learner.fit

    def watched(self, column, folds, *args, **options):
        seen.append((column.task.name, [len(fold.test) for fold in folds]))
        return fit(self, column, folds, *args, **options)

    monkeypatch.setattr(tuning.Learner, "fit", watched)
    search(made, tmp_path / "out")
    # The source is fitted once (to choose its epoch, then on all its rows), however many read it.
    assert seen == [("gender", [0] * 5)] * 2 + [("emotion", [0] * 5)] * 2


def test_the_same_seed_gives_the_same_trials(found, made, tmp_path):
    search(made, tmp_path / "again")
    assert timeless(trials_in(tmp_path / "again")) == timeless(trials_in(found[0]))


def stub_scores(monkeypatch, score):
    """Scores shapes without fitting any: the list that every scored shape is noted in."""
    scored = []

    def scores(self, units):
        scored.append(tuple(units))
        return score(units)

    monkeypatch.setattr(tuning._Candidates, "score", scores)
    return scored


def widest(units):
    return np.full(5, sum(units) / 100)


def test_a_finished_search_is_not_computed_again(found, made, monkeypatch):
    folder, best = found
    scored = stub_scores(monkeypatch, widest)
    assert search(made, folder) == best
    assert scored == []


@pytest.mark.parametrize("oracle", tuning.ORACLES)
def test_a_killed_search_is_resumed_where_it_was(oracle, made, tmp_path, monkeypatch):
    whole = stub_scores(monkeypatch, widest)
    expected = search(made, tmp_path / "whole", trials=6, oracle=oracle)

    def killed_at_the_fourth(units):
        if len(first) == 4:
            raise KeyboardInterrupt
        return widest(units)

    first = stub_scores(monkeypatch, killed_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        search(made, tmp_path / "out", trials=6, oracle=oracle)
    assert not (tmp_path / "out" / "best.json").exists()
    rest = stub_scores(monkeypatch, widest)
    assert search(made, tmp_path / "out", trials=6, oracle=oracle) == expected
    assert first[:3] + rest == whole
    assert len(set(whole)) == 6


def test_half_written_files_of_keras_tuner_do_no_harm(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    search(made, tmp_path / "out")
    for path in (tmp_path / "out" / "keras-tuner").rglob("*.json"):
        path.write_text('{"trunc')
    search(made, tmp_path / "out", trials=3)
    assert len(scored) == len(set(scored)) == 3


def test_the_widest_wins_where_width_is_the_score(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, widest)
    assert search(made, tmp_path / "out", trials=3, depths=(1,))["units"] == [8]


def test_a_small_space_ends_the_search_early(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    best = search(made, tmp_path / "out", trials=50, depths=(1,))
    assert best["trials"] == len(scored) == len(set(scored)) <= 3


def test_a_tie_goes_to_the_narrower_shape(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, lambda units: np.full(5, 0.5))
    assert search(made, tmp_path / "out", trials=3, depths=(1,))["units"] == [4]


def fail_when_two_deep(units):
    if len(units) == 2:
        raise PnnKerasError("two layers are too many")
    return widest(units)


def test_a_failing_trial_is_reported_and_skipped(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, fail_when_two_deep)
    with pytest.warns(RuntimeWarning, match="two layers are too many"):
        best = search(made, tmp_path / "out", trials=8)
    assert len(best["units"]) == 1
    assert best["failed"] > 0 and best["trials"] + best["failed"] == 8
    assert "two layers are too many" in (tmp_path / "out" / "trials.csv").read_text()


def test_a_failed_trial_is_tried_again_on_resuming(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, fail_when_two_deep)
    with pytest.warns(RuntimeWarning):
        search(made, tmp_path / "out", trials=8)
    again = stub_scores(monkeypatch, widest)
    assert search(made, tmp_path / "out", trials=8)["failed"] == 0
    assert again and all(len(units) == 2 for units in again)


def test_a_trial_without_a_score_is_skipped(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, lambda units: np.full(5, np.nan) if units[0] == 4 else widest(units))
    with pytest.warns(RuntimeWarning, match="no score"):
        best = search(made, tmp_path / "out", trials=3, depths=(1,))
    assert (best["units"], best["failed"]) == ([8], 1)


def test_a_search_whose_trials_all_fail_says_why(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, fail_when_two_deep)
    with pytest.warns(RuntimeWarning), pytest.raises(PnnKerasError, match="two layers"):
        search(made, tmp_path / "out", trials=5, depths=(2,))


@pytest.mark.parametrize(
    ("options", "name"),
    [({"seed": 1}, "seed"), ({"source": ()}, "sources"), ({"settings": Settings(9)}, "settings")],
)
def test_the_search_of_another_request_is_refused(options, name, found, made):
    with pytest.raises(UserError, match=f"another .*{name}"):
        search(made, found[0], **options)


def test_other_data_of_the_same_names_are_refused(found, tmp_path):
    with pytest.raises(UserError, match="another data"):
        search(make_corpus(tmp_path, corrupted={3}, apart=2), found[0])


def test_a_folder_of_something_else_is_refused_and_left_alone(made, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="something else"):
        search(made, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_place_of_the_folder_is_refused(made, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="is a file"):
        search(made, tmp_path / "out")


def test_a_folder_below_a_file_is_refused(made, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="out is no folder"):
        search(made, tmp_path / "out" / "below")


@pytest.mark.parametrize(
    "options",
    [
        {"trials": 0},
        {"seed": -1},
        {"widths": ()},
        {"widths": (0, 4)},
        {"depths": (-1,)},
        {"depths": (1.5,)},
        {"oracle": "delphi"},
        {"source": "emotion"},
    ],
)
def test_a_request_that_cannot_work_is_refused_and_leaves_nothing(options, made, tmp_path):
    with pytest.raises(UserError, match="Received|Twice"):
        search(made, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_best_shape_is_loaded_for_training(found):
    assert load_tuned(found[0]) == {"units": found[1]["units"]}


def test_an_unfinished_search_is_not_loaded(tmp_path):
    with pytest.raises(PresetError, match=r"best\.json is missing.*pnn-keras tune"):
        load_tuned(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        '{"units',
        "[]",
        "{}",
        '{"units": []}',
        '{"units": [0]}',
        '{"units": ["4"]}',
        '{"units": [true]}',
    ],
)
def test_a_damaged_result_is_not_loaded(text, tmp_path):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(PresetError, match=r"best\.json"):
        load_tuned(tmp_path)
