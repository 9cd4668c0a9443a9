"""tools/bench/null_tests.py: its learner is scikit-learn's, its folds are even, it runs."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

PATH = Path(__file__).parents[1] / "tools/bench/null_tests.py"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("null_tests", PATH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_members_are_scikit_learns_logistic_regression(tool):
    generator = np.random.default_rng(0)
    targets = np.arange(120) % 2
    features = generator.normal(size=(120, 5)) + 0.5 * targets[:, np.newaxis]
    trained = generator.random((4, 120)) < 0.7
    found = tool.predict(features, targets, trained)
    for member, rows in enumerate(trained):
        model = LogisticRegression(C=1, tol=1e-8).fit(features[rows], targets[rows])
        assert found[member].tolist() == model.predict(features).tolist()


def test_folds_are_dealt_evenly_within_each_class(tool):
    targets = np.arange(60) % 2
    dealt = tool.deal(targets, 10, np.random.default_rng(0))
    counts = [np.bincount(dealt[targets == value], minlength=10) for value in (0, 1)]
    assert np.array(counts).tolist() == [[3] * 10] * 2


def test_rates_are_printed_for_every_test_and_setting(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["null_tests.py", "--datasets", "2", "--speakers", "10"])
    tool.main()
    lines = capsys.readouterr().out.splitlines()
    assert "10 x 10 folds of 200 rows, 2 data sets" in lines[1]
    assert sum(" +- " in line for line in lines) == 4 + 3
