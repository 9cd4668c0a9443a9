"""What this process may use of the machine."""

from __future__ import annotations

import os

import pytest

from pnn_keras import machine


def test_there_is_a_core_at_least():
    assert 1 <= machine.usable_cores() <= os.cpu_count()


@pytest.fixture
def linux(tmp_path, monkeypatch):
    """A machine of 1 GiB, whose control groups and what it tells of them are made."""

    def make(own: str, limits: dict[str, str]) -> None:
        (tmp_path / "own").write_text(own)
        for name, limit in limits.items():
            file = tmp_path / "groups" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(limit)

    monkeypatch.setattr(machine.os, "sysconf", lambda name: 2**15, raising=False)
    monkeypatch.setattr(machine, "_OWN_GROUPS", tmp_path / "own")
    monkeypatch.setattr(machine, "_GROUPS", tmp_path / "groups")
    return make


@pytest.mark.parametrize(("said", "limit"), [("1048576\n", 2**20), ("max\n", 2**30)])
def test_a_container_has_what_it_is_given(linux, said, limit):
    linux("0::/\n", {"memory.max": said})
    assert machine.usable_memory() == limit


def test_a_container_is_found_though_its_group_has_another_name_outside(linux):
    linux("0::/docker/41eb57be\n", {"memory.max": "1048576\n"})
    assert machine.usable_memory() == 2**20


def test_the_tightest_limit_of_a_scheduler_s_groups_counts(linux):
    own = "0::/system.slice/job_7/step_0\n"
    limits = {
        "system.slice/memory.max": "max\n",
        "system.slice/job_7/memory.max": "1048576\n",
        "system.slice/job_7/step_0/memory.max": "8388608\n",
        "system.slice/job_8/memory.max": "1024\n",
    }
    linux(own, limits)
    assert machine.usable_memory() == 2**20


def test_a_limit_of_older_control_groups_counts(linux):
    limits = {
        "memory/memory.limit_in_bytes": "9223372036854771712\n",
        "memory/slurm/job_7/memory.limit_in_bytes": "1048576\n",
        "cpu/slurm/job_7/memory.limit_in_bytes": "1024\n",
    }
    linux("9:name=systemd:/\n4:cpu,cpuacct:/slurm/job_7\n3:memory:/slurm/job_7\n0::/\n", limits)
    assert machine.usable_memory() == 2**20


def test_without_control_groups_there_is_the_machine_s_memory(linux):
    assert machine.usable_memory() == 2**30


def test_memory_that_nobody_tells_of_is_unknown(linux, monkeypatch):
    monkeypatch.delattr(machine.os, "sysconf", raising=False)
    assert machine.usable_memory() is None
