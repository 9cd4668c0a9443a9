"""What commands print: every line fits a terminal, and every score says what it is worth."""

import csv
import io
import json
import subprocess
import sys

import pytest

from pnn_keras import terminal
from pnn_keras.corpora import list_corpora
from pnn_keras.terminal import search

EMOTIONS = ["angry", "bored", "calm", "disgusted", "fearful", "happy", "neutral", "surprised"]
CLASSES = {"gender": ("female", "male"), "emotion": ("angry", "sad")}


def score(classes=EMOTIONS, role="test"):
    """A score whose confusion matrix has 1 on the diagonal's first row, else 100."""
    n = len(classes)
    return {
        "uar": 0.625,
        "uar_folds_mean": 0.6,
        "uar_folds_sd": 0.05,
        "recalls": dict.fromkeys(classes, 0.5) | {classes[0]: None},
        "confusion": [[100] * n for _ in range(n)],
        "classes": list(classes),
        "utterances": 535,
        "role": role,
    }


def metadata(disjoint=True, transductive=False, synthetic=False):
    return {
        "target": "emotion",
        "sources": ["gender"],
        "corpora": [{"name": "EmoDB", "synthetic": synthetic}],
        "protocol": {
            "name": "speaker-5-fold",
            "speaker_disjoint": disjoint,
            "transductive": transductive,
            "folds": 5,
            "repeats": 1,
        },
        "scores": {
            "gender": {"column": score(["female", "male"])},
            "emotion": {"prognet": score(), "dnn": score()},
        },
    }


def result(held_out="held out"):
    """What an evaluation on one corpus gives."""
    return {
        "corpus": "EmoDB",
        "synthetic": False,
        "held_out": held_out,
        "left_out_as_heard": 0,
        "failures": [],
        "skipped_tasks": {},
        "tasks": {
            "emotion": {
                **score(),
                "mapped": {"joy": "happy"},
                "left_out": {"bored": 81},
                "absent": ["sad"],
            }
        },
    }


@pytest.fixture
def at_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


def answered(gender, emotion):
    """Answers with these labels, each at 0.75."""
    return {
        task: {"label": label, "probabilities": {n: 0.75 if n == label else 0.25 for n in names}}
        for (task, names), label in zip(CLASSES.items(), (gender, emotion), strict=True)
    }


def test_scores_fit_80_columns_with_eight_classes(at_80_columns, capsys):
    terminal.show_scores(metadata())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_corpora_fit_80_columns(at_80_columns, capsys):
    terminal.show_corpora(list_corpora(), ["EmoDB"])
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out


def test_scores_stand_next_to_those_from_scratch(at_80_columns, capsys):
    terminal.show_scores(metadata())
    (head,) = [line for line in capsys.readouterr().out.splitlines() if "DNN" in line]
    assert "ProgNet (gender)" in head


def test_many_methods_stand_one_below_the_other(at_80_columns, capsys):
    from pnn_keras.methods import METHODS

    scores = {name: score() for name in METHODS if name != "prognet"}
    interval = {"low": 0.5, "high": 0.75}
    scores = {"prognet": {**score(), "interval": interval}, **scores}
    facts = metadata() | {"scores": {"emotion": scores}}
    terminal.show_scores(facts)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80 and "…" not in "".join(lines)
    (row,) = [line for line in lines if "ProgNet (gender)" in line and "0.625" in line]
    assert row.split()[2:] == ["0.625", "0.500", "to", "0.750", "0.600", "±", "0.050"]
    rows = [line for line in lines if "0.625" in line]
    assert len(rows) == len(METHODS)
    assert not any(name in line.split() for line in rows for name in METHODS if "-" in name)


@pytest.mark.parametrize(
    ("facts", "stamp"),
    [
        ({"disjoint": True}, "speaker-disjoint: "),
        ({"disjoint": False}, "speaker-dependent: "),
        ({"disjoint": None}, "it is not recorded"),
        ({"transductive": True}, "  transductive: "),
        ({"transductive": False}, "not transductive: "),
        ({"synthetic": True}, "SYNTHETIC audio"),
    ],
    ids=lambda value: None if isinstance(value, str) else str(value),
)
def test_scores_are_stamped(capsys, facts, stamp):
    terminal.show_scores(metadata(**facts))
    assert stamp in capsys.readouterr().out


def test_real_speech_is_not_called_synthetic(capsys):
    terminal.show_scores(metadata())
    assert "SYNTHETIC" not in capsys.readouterr().out


def test_an_undefined_recall_is_a_dash(capsys):
    terminal.show_scores(metadata())
    (row,) = [x for x in capsys.readouterr().out.splitlines() if "recall angry" in x]
    assert row.split() == ["recall", "angry", "-", "-"]


def test_tasks_of_many_classes_have_no_matrix(capsys):
    speakers = [f"EmoDB/{number:02}" for number in range(20)]
    facts = metadata() | {"target": "speaker", "scores": {"speaker": {"dnn": score(speakers)}}}
    terminal.show_scores(facts)
    out = capsys.readouterr().out
    assert "EmoDB/07" not in out
    assert "20" in out


def test_a_source_scored_on_its_stop_rows_says_so(capsys):
    facts = metadata()
    facts["scores"]["gender"] = {"column": score(["female", "male"], role="stop")}
    terminal.show_scores(facts)
    assert "its own stop rows" in capsys.readouterr().out


def test_scores_of_a_chain_that_was_extended_do_not_bear_this_run_s_stamp(capsys):
    terminal.show_scores(metadata() | {"epochs": {"emotion": 100}})
    (row,) = [x for x in capsys.readouterr().out.splitlines() if x.startswith(" gender")]
    assert "an earlier run" in row
    assert "test rows" not in row


@pytest.mark.parametrize("state", list(terminal.HELD_OUT))
def test_an_evaluation_says_whether_it_is_held_out(capsys, state):
    terminal.show_evaluation(result(state))
    assert terminal.HELD_OUT[state] in capsys.readouterr().out


def test_an_evaluation_says_what_was_counted_and_left_out(capsys):
    terminal.show_evaluation(result())
    out = capsys.readouterr().out
    assert "joy as happy" in out
    assert "bored (81)" in out


def test_an_evaluation_fits_80_columns(at_80_columns, capsys):
    terminal.show_evaluation(result())
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_answers_as_json_hold_the_probabilities(capsys):
    terminal.show_answers(["a.wav"], [answered("male", "sad")], CLASSES, "json")
    (row,) = json.loads(capsys.readouterr().out)
    assert row["file"] == "a.wav"
    assert row["emotion"]["probabilities"] == {"angry": 0.25, "sad": 0.75}


def test_answers_as_csv_keep_their_columns_where_none_is_given(capsys):
    terminal.show_answers(["a.wav"], [{"error": "silent"}], CLASSES, "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["error"] == "silent"
    assert row["gender_female"] == ""


def test_answers_as_csv_hold_names_with_commas(capsys):
    terminal.show_answers(["a, b.wav"], [answered("female", "sad")], CLASSES, "csv")
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (row["file"], row["emotion"], row["emotion_sad"]) == ("a, b.wav", "sad", "0.750000")


def test_answers_as_a_table_name_the_likeliest_class(capsys):
    terminal.show_answers(["a.wav", "b.wav"], [answered("male", "sad"), {"error": "x"}], CLASSES)
    out = capsys.readouterr().out
    assert "male 0.75" in out
    assert "no answer" in out


def test_markup_in_file_names_is_kept(capsys):
    terminal.show_answers(["[red]a.wav"], [answered("male", "sad")], CLASSES)
    assert "[red]a.wav" in capsys.readouterr().out


@pytest.mark.parametrize("message", ["a\nb", "a\tb", "a \r\n b"])
def test_messages_are_one_line(capsys, message):
    terminal.fail(message)
    assert capsys.readouterr().err == "error: a b\n"


def test_messages_cannot_steer_the_terminal(capsys):
    terminal.warn("skipped \x1b[2Ja.wav")
    assert capsys.readouterr().err == "note: skipped \\x1b[2Ja.wav\n"


def test_long_messages_are_not_broken(at_80_columns, capsys):
    terminal.fail("word " * 50)
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_many_failures_are_counted(capsys):
    terminal.warn_of_failures([(f"{n}.wav", "silent") for n in range(8)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[-1] == "note: skipped 3 more recording(s)"


def test_next_commands_quote_the_path(capsys):
    terminal.show_next("my chains/a", compare="experiment run x")
    out = capsys.readouterr().out
    assert "pnn-keras export 'my chains/a'" in out and "pnn-keras experiment run x" in out


def test_import_does_not_wait_for_rich():
    code = "import sys, pnn_keras.terminal; print('rich' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_a_trial_is_shown_in_words_that_fit_a_narrow_terminal(tmp_path, capsys):
    (tmp_path / "trials.csv").write_text(
        "trial,units,source_units,wiring,lateral,adapter_units,dropout,learning_rate,epochs,"
        "parameters,stop_uar,fold_stop_uars,seconds,error\n"
        "1,8,gender:4-4 speaker:16,gender:below speaker:none,adapter,16,0.5,0.002,7,1234,.5,,1,\n"
        "2,8-4,gender:4 speaker:16,gender:last speaker:last,dense,,0.0,0.01,7,99,.625,,1,\n"
        "3,,,,,,,,,,,,,out of memory\n"
    )
    terminal.show(search._trials(tmp_path / "trials.csv", ["gender", "speaker"]))
    out = capsys.readouterr().out
    first, second = out.index("0.625"), out.index("0.500")
    assert first < second and "memory" not in out
    words = " ".join(out.split())
    for part in ("1,234", "8-4, dropout 0, rate", "gender 4-4 read", "no speaker, adapter 16"):
        assert part in words
    assert max(map(len, out.splitlines())) <= 80
