"""Features for a served model of several inputs, extracted on the client's side."""

import numpy as np
import pytest

from pnn_keras import errors, frontends
from pnn_keras.prediction import recording_extractor
from pnn_keras.serving.client_features import extract_inputs

TWO_EARS = {
    name: {"dtype": "float32", "shape": [-1, dimension]}
    for name, dimension in (("moments", 3), ("embeddings", 2))
}


def test_each_of_several_inputs_has_its_front_end(monkeypatch, recording, tmp_path):
    monkeypatch.setitem(frontends.KNOWN, "moments", ("audio_made", "Moments"))
    table = tmp_path / "vectors.npz"
    np.savez(table, files=[recording.name], vectors=[[1.0, 2.0]])
    given = {"moments": "moments", "embeddings": f"embeddings:{table}"}
    extract = recording_extractor([recording], None)
    values, failed = extract_inputs(TWO_EARS, given, extract, 1, strict=True)
    assert failed == {}
    assert values["moments"].shape == (1, 3)
    assert values["embeddings"].tolist() == [[1.0, 2.0]]


def test_an_input_of_embeddings_needs_its_table():
    with pytest.raises(errors.UserError, match="embeddings:TABLE"):
        extract_inputs(TWO_EARS, "egemaps", None, 1, strict=True)
