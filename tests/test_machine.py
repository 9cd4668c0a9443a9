"""What this process may use of the machine."""

from __future__ import annotations

import os

import pytest

from pnn_keras import machine


def test_there_is_a_core_at_least():
    assert 1 <= machine.usable_cores() <= os.cpu_count()


@pytest.mark.parametrize(("said", "limit"), [("1048576\n", 2**20), ("max\n", None), (None, None)])
def test_a_container_has_what_it_is_given(said, limit, tmp_path, monkeypatch):
    monkeypatch.setattr(machine.os, "sysconf", lambda name: 2**15, raising=False)
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path / "memory.max")
    if said is not None:
        (tmp_path / "memory.max").write_text(said)
    assert machine.usable_memory() == (limit or 2**30)


def test_memory_that_nobody_tells_of_is_unknown(tmp_path, monkeypatch):
    monkeypatch.delattr(machine.os, "sysconf", raising=False)
    monkeypatch.setattr(machine, "_CONTAINER", tmp_path / "none")
    assert machine.usable_memory() is None
