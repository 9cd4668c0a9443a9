"""What all tests share: a quiet TensorFlow, a cache of their own, and the real corpora."""

import os
import tempfile
from pathlib import Path

import pytest

# Before TensorFlow is imported, or it does not listen.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def pytest_configure(config):
    """One cache folder a test run: never the user's own, and features are extracted once."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return  # a worker inherits the folder of the process that started it
    folder = tempfile.TemporaryDirectory(prefix="pnn-keras-tests-")
    os.environ["PNN_KERAS_CACHE"] = folder.name
    config.add_cleanup(folder.cleanup)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder that holds EmoDB, RAVDESS and CREMA-D."""
    if "PNN_KERAS_DATA" not in os.environ:
        pytest.skip("needs PNN_KERAS_DATA: the folder that holds EmoDB, RAVDESS and CREMA-D")
    folder = Path(os.environ["PNN_KERAS_DATA"])
    assert folder.is_dir(), f"PNN_KERAS_DATA names no folder: {folder}"
    return folder
