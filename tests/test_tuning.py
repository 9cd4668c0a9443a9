"""Searching the shape of columns, on a small made corpus and a front-end of three numbers."""

from __future__ import annotations

import csv
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from numbers_made import FileNumbers, make_corpus

from pnn_keras import tuning
from pnn_keras.candidates import Candidates
from pnn_keras.errors import PnnKerasError, PresetError, UserError
from pnn_keras.learner import Learner
from pnn_keras.protocol import make_protocol
from pnn_keras.schedule import Settings
from pnn_keras.tuning import load_tuned, searching, tune
from pnn_keras.tuning.record import Record

pytestmark = pytest.mark.usefixtures("uncompiled")

SETTINGS = Settings(epochs=3)

#: Small columns that learn fast.
SPACE = {
    "widths": (4, 6, 8),
    "depths": (1, 2),
    "source_widths": (4,),
    "source_depths": (1, 2),
    "adapter_units": (3,),
    "dropouts": (0.0, 0.25),
    "learning_rates": (0.05,),
}

#: A space of three shapes.
THREE = {**SPACE, "depths": (1,), "reads": ("none",), "dropouts": (0.0,)}


@pytest.fixture(scope="module", autouse=True)
def unplotted():
    """No plot: that of ``test_tuning_results.py`` takes as long as a search here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(searching, "write_parameters", lambda *_: None)
        yield


def search(corpus, out, target="emotion", **options):
    given = {
        "source": "gender",
        "corpus": corpus,
        "frontend": FileNumbers(),
        "settings": SETTINGS,
        "trials": 2,
        "space": SPACE,
        "progress": False,
        "workers": 1,
    }
    return tune(target, out=out, **{**given, **options})


def trials_in(folder):
    return json.loads((folder / "trials.json").read_text())["trials"]


def timeless(trials):
    return [{**trial, "seconds": None} for trial in trials]


def shapes(trials):
    return [tuple(trial["units"]) for trial in trials]


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


def test_no_test_row_has_any_influence_on_the_search(made, tmp_path):
    def crossed(name, corrupted):
        other = make_corpus(tmp_path / name, name="other", corrupted=corrupted, apart=2)
        options = {
            "source": "gender@made",
            "protocol": "cross-corpus:made>other",
            "trials": 2,
        }
        search([made, other], tmp_path / name / "out", target="emotion", **options)
        return timeless(trials_in(tmp_path / name / "out"))

    assert crossed("as-is", ()) == crossed("scrambled", range(60))


def test_the_folds_that_are_fitted_have_no_test_rows(made, tmp_path, monkeypatch):
    seen = []
    fit = Learner.fit

    def watched(self, column, folds, *args, **options):
        seen.append((column.task.name, [len(fold.test) for fold in folds]))
        return fit(self, column, folds, *args, **options)

    monkeypatch.setattr(Learner, "fit", watched)
    space = {**SPACE, "source_depths": (1,), "reads": ("below",), "dropouts": (0.0,)}
    search(made, tmp_path / "out", space=space)
    # The source is fitted once (to choose its epoch, then on all its rows), however many read it.
    assert seen == [("gender", [0] * 5)] * 2 + [("emotion", [0] * 5)] * 2


def test_the_same_seed_gives_the_same_trials(found, made, tmp_path):
    search(made, tmp_path / "again")
    assert timeless(trials_in(tmp_path / "again")) == timeless(trials_in(found[0]))


def stub_scores(monkeypatch, score):
    """Scores shapes without fitting any: the list that every scored shape is noted in."""
    scored = []

    def fit(self, candidate, epochs=None):
        scored.append((candidate, epochs))
        uars = score(candidate.units)
        return types.SimpleNamespace(
            fit=types.SimpleNamespace(stop_uar=uars), parameters=sum(candidate.units)
        )

    monkeypatch.setattr(Candidates, "fit", fit)
    return scored


def widest(units):
    return np.full(5, sum(units) / 100)


def test_a_finished_search_is_not_computed_again(found, made, monkeypatch):
    folder, best = found
    scored = stub_scores(monkeypatch, widest)
    assert search(made, folder) == best
    assert scored == []


@pytest.mark.parametrize("oracle", tuning.ORACLES)
def test_a_search_that_was_interrupted_is_resumed_where_it_was(
    oracle, made, tmp_path, monkeypatch
):
    options = {"trials": 9, "oracle": oracle, "settings": Settings(epochs=27)}
    whole = stub_scores(monkeypatch, widest)
    expected = search(made, tmp_path / "whole", **options)

    def killed_at_the_sixth(units):
        if len(first) == 6:
            raise KeyboardInterrupt
        return widest(units)

    first = stub_scores(monkeypatch, killed_at_the_sixth)
    with pytest.raises(KeyboardInterrupt):
        search(made, tmp_path / "out", **options)
    assert not (tmp_path / "out" / "best.json").exists()
    rest = stub_scores(monkeypatch, widest)
    assert search(made, tmp_path / "out", **options) == expected
    assert first[:5] + rest == whole
    assert len(set(map(str, whole))) == len(whole) >= 9


def test_hyperband_fits_the_better_ones_for_more_epochs(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    settings = Settings(epochs=27)
    best = search(made, tmp_path / "out", trials=12, oracle="hyperband", settings=settings)
    counts = {epochs: sum(e == epochs for _, e in scored) for epochs in (1, 3, 9, 27)}
    assert counts[1] > counts[3] / 2 > 0 and counts[27] >= 1
    assert best["epochs"] == 27
    assert len(scored) == sum(counts.values()) < 40


def test_hyperband_with_other_trials_is_another_search(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, widest)
    search(made, tmp_path / "out", trials=4, oracle="hyperband")
    with pytest.raises(UserError, match="another planned"):
        search(made, tmp_path / "out", trials=5, oracle="hyperband")


def test_failures_do_not_end_hyperband(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, fail_when_two_deep)
    with pytest.warns(RuntimeWarning):
        best = search(
            made,
            tmp_path / "out",
            trials=12,
            oracle="hyperband",
            settings=Settings(epochs=27),
        )
    assert best["epochs"] == 27 and len(best["units"]) == 1


def test_the_gaussian_process_beats_chance_once_it_has_seen_enough(made, tmp_path, monkeypatch):
    space = {**THREE, "depths": (3,), "widths": (4, 8, 16, 32, 64)}
    scored = stub_scores(monkeypatch, widest)
    search(made, tmp_path / "out", trials=15, oracle="bayesian", space=space)
    sums = [sum(candidate.units) for candidate, _ in scored]
    assert np.mean(sums[5:]) > np.mean(sums[:5])
    assert max(sums) == 192


def test_half_written_files_of_keras_tuner_do_no_harm(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    search(made, tmp_path / "out")
    for path in (tmp_path / "out" / "keras-tuner").rglob("*.json"):
        path.write_text('{"trunc')
    search(made, tmp_path / "out", trials=3)
    assert len(scored) == len(set(map(str, scored))) == 3


def test_the_widest_wins_where_width_is_the_score(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, widest)
    assert search(made, tmp_path / "out", trials=3, space=THREE)["units"] == [8]


def test_a_small_space_ends_the_search_early(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    best = search(made, tmp_path / "out", trials=50, space=THREE)
    assert best["trials"] == len(scored) == len(set(map(str, scored))) <= 3


def test_a_tie_goes_to_the_narrower_shape(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, lambda units: np.full(5, 0.5))
    assert search(made, tmp_path / "out", trials=3, space=THREE)["units"] == [4]


def fail_when_two_deep(units):
    if len(units) == 2:
        raise PnnKerasError("two layers are too many")
    return widest(units)


def test_widths_and_depths_restrict_the_space(made, tmp_path, monkeypatch):
    scored = stub_scores(monkeypatch, widest)
    search(made, tmp_path / "out", widths=(5,), depths=(2,))
    assert {candidate.units for candidate, _ in scored} == {(5, 5)}


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
    assert again and all(len(candidate.units) == 2 for candidate, _ in again)


def exhausted(units):
    raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")


def out_of_memory(units):
    raise MemoryError("cannot allocate")


@pytest.mark.parametrize("fail", [exhausted, out_of_memory])
def test_running_out_of_memory_does_not_end_the_search(fail, made, tmp_path, monkeypatch):
    calls = []

    def first_four(units):
        calls.append(units)
        return fail(units) if len(calls) <= 4 else widest(units)

    stub_scores(monkeypatch, first_four)
    with pytest.warns(RuntimeWarning, match="OOM|allocate"):
        best = search(made, tmp_path / "out", trials=6)
    assert (best["trials"], best["failed"], len(best["skipped"])) == (2, 4, 4)
    assert best["skipped"][0][1].startswith(("ResourceExhaustedError: OOM", "MemoryError"))


def test_memory_of_source_columns_is_let_go_of_after_a_failure(made, tmp_path, monkeypatch):
    forgotten = []
    monkeypatch.setattr(Candidates, "forget", lambda self: forgotten.append(True))
    stub_scores(monkeypatch, out_of_memory)
    with pytest.warns(RuntimeWarning), pytest.raises(PnnKerasError):
        search(made, tmp_path / "out", trials=2)
    assert len(forgotten) == 2


def test_a_trial_that_ended_three_processes_is_skipped(made, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(units):
        raise Killed

    monkeypatch.setattr(Record, "interrupted", lambda *_: None)  # a kill leaves no time for it
    stub_scores(monkeypatch, kill)
    for _ in range(3):
        with pytest.raises(Killed):
            search(made, tmp_path / "out", space=THREE)
    stub_scores(monkeypatch, widest)
    with pytest.warns(RuntimeWarning, match="again and again"):
        best = search(made, tmp_path / "out", space=THREE)
    assert (best["trials"], best["failed"]) == (1, 1)


def test_a_trial_without_a_score_is_skipped(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, lambda units: np.full(5, np.nan) if units[0] == 4 else widest(units))
    with pytest.warns(RuntimeWarning, match="no score"):
        best = search(made, tmp_path / "out", trials=3, space=THREE)
    assert (best["units"], best["failed"]) == ([8], 1)


def test_a_search_whose_trials_all_fail_says_why(made, tmp_path, monkeypatch):
    stub_scores(monkeypatch, fail_when_two_deep)
    with pytest.warns(RuntimeWarning), pytest.raises(PnnKerasError, match="two layers"):
        search(made, tmp_path / "out", trials=5, space={**SPACE, "depths": (2,)})


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
        {"space": {"reads": ["above"]}},
        {"space": {"dropouts": [1.0]}},
        {"source": "emotion"},
    ],
)
def test_a_request_that_cannot_work_is_refused_and_leaves_nothing(options, made, tmp_path):
    with pytest.raises(UserError, match="Received|Twice"):
        search(made, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_all_that_was_found_is_loaded_for_training(found):
    loaded = load_tuned(found[0])
    assert loaded == {name: found[1][name] for name in loaded}
    assert set(loaded) == {
        "units",
        "source_units",
        "wiring",
        "lateral",
        "adapter_units",
        "dropout",
        "learning_rate",
    }


def test_a_result_of_an_earlier_version_has_widths_alone(tmp_path):
    (tmp_path / "best.json").write_text('{"units": [8, 4], "sources": [], "widths": [4, 8]}')
    assert load_tuned(tmp_path) == {"units": [8, 4]}


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
        '{"units": [4], "learning_rate": 0.1}',
        '{"units": [4], "learning_rate": 0.1, "source_units": {"a": [0]}}',
        '{"units": [4], "learning_rate": 0, "source_units": {}}',
        '{"units": [4], "learning_rate": 0.1, "source_units": {}, "wiring": {"a": "up"}}',
    ],
)
def test_a_damaged_result_is_not_loaded(text, tmp_path):
    (tmp_path / "best.json").write_text(text)
    with pytest.raises(PresetError, match=r"best\.json"):
        load_tuned(tmp_path)
