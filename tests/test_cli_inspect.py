"""What a person meets who asks which connections of a chain matter."""

from __future__ import annotations

import json

from inspection_made import inspection

from pnn_keras import terminal


def test_heard_speakers_are_refused(command, trained):
    code, _, err = command("inspect", trained[0], "--corpus", "synthetic", "--quiet")
    assert code == 2
    assert "synthetic/" in err


def test_on_request_heard_speakers_are_taken_and_marked(command, trained, tmp_path):
    out = tmp_path / "there"
    arguments = ["--corpus", "synthetic", "--allow-heard", "--quiet", "--draws", "2"]
    code, printed, err = command("inspect", trained[0], *arguments, "--out", out)
    assert code == 0
    assert "NOT held out" in printed and "SYNTHETIC" in printed
    assert "gender is left out: it reads no other column" in err
    assert f"Saved: {out}" in printed
    assert json.loads((out / "sensitivity.json").read_text())["model"] == str(trained[0])


def test_json_holds_every_connection(command, trained):
    arguments = ["--corpus", "synthetic", "--allow-heard", "--quiet", "--draws", "2", "--json"]
    code, printed, _ = command("inspect", trained[0], *arguments)
    found = json.loads(printed)
    assert code == 0 and found["held_out"] == "not held out"
    read = [each["column"] for each in found["tasks"]["emotion"]["connections"]]
    assert read == ["emotion", "gender"] * 2


def test_adapting_is_recorded_and_said(command, trained, tmp_path):
    arguments = ["--corpus", "synthetic", "--allow-heard", "--quiet", "--draws", "2", "--adapt"]
    out = tmp_path / "there"
    code, printed, _ = command("inspect", trained[0], *arguments, "--out", out)
    assert code == 0 and "transductive: scaled by these recordings" in printed
    assert json.loads((out / "sensitivity.json").read_text())["transductive"] is True


def test_a_folder_that_exists_is_refused_before_anything_is_heard(command, trained, tmp_path):
    arguments = ["--corpus", "synthetic", "--allow-heard", "--out", tmp_path]
    code, _, err = command("inspect", trained[0], *arguments)
    assert code == 2
    assert "exists already" in err and "utterances" not in err


def test_a_task_that_reads_nothing_is_refused(command, trained):
    arguments = ["--corpus", "synthetic", "--task", "gender", "--allow-heard"]
    code, _, err = command("inspect", trained[0], *arguments)
    assert code == 2
    assert "reads no other column" in err


def test_the_table_fits_80_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    terminal.show_inspection(inspection())
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "…" not in printed


def test_a_layer_is_named_once_above_all_that_it_reads(capsys):
    terminal.show_inspection(inspection())
    printed = capsys.readouterr().out
    assert printed.count("output  ") == 1
    (row,) = [line for line in printed.splitlines() if " speaker " in line]
    assert row.split() == ["speaker", "hidden", "2", "256", "0.125", "0.000", "0"]
