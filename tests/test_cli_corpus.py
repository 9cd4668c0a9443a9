"""What a person meets who looks for a corpus, checks one or gets one."""

import json

from corpora_made import make_emodb


def test_corpus_check_prints_json(command, tmp_path):
    code, out, _ = command("corpus", "check", make_emodb(tmp_path / "EmoDB"), "--json")
    assert code == 0
    assert json.loads(out)["name"] == "EmoDB"


def test_corpus_list_names_iemocap(command):
    code, out, _ = command("corpus", "list")
    assert code == 0
    assert "IEMOCAP" in out


def test_corpus_get_says_where_to_apply(command, tmp_path):
    code, _, err = command("corpus", "get", "IEMOCAP", "--to", tmp_path)
    assert code == 2
    assert "http" in err
