"""The names that ``import pnn_keras`` offers."""

import pytest

import pnn_keras


def test_public_names_are_sorted():
    assert pnn_keras.__all__ == sorted(pnn_keras.__all__)


def test_every_lazy_name_is_public():
    assert {*pnn_keras._HOMES, "errors"} == set(pnn_keras.__all__)


@pytest.mark.parametrize("name", pnn_keras.__all__)
def test_public_name_resolves(name):
    assert getattr(pnn_keras, name) is not None


def test_public_names_are_listed_before_they_are_used():
    assert set(pnn_keras.__all__) <= set(dir(pnn_keras))


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Chian'"):
        _ = pnn_keras.Chian
