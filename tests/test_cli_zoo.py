"""What a person meets who looks at presets or exports a chain."""


def test_export_writes_the_next_version(command, trained, tmp_path):
    for version in (1, 2):
        code, out, _ = command("export", trained[0], "--to", tmp_path)
        assert code == 0
        assert (tmp_path / "chain" / str(version) / "saved_model.pb").is_file()


def test_zoo_list_names_the_shipped_preset(command):
    code, out, _ = command("zoo", "list")
    assert code == 0
    assert "gender-emotion-emodb" in out


def test_zoo_verify_finds_the_shipped_preset_whole(command):
    code, out, _ = command("zoo", "verify", "gender-emotion-emodb")
    assert code == 0
    assert "is whole" in out


def test_zoo_show_prints_the_card_into_a_pipe(command):
    code, out, _ = command("zoo", "show", "gender-emotion-emodb")
    assert code == 0
    assert out.startswith("---\nlicense: ")
