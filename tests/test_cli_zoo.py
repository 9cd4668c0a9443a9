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
    for fact in ("trained on   EmoDB", "any use      no: openSMILE", "speaker-disjoint", "MB"):
        assert fact in out


def test_zoo_verify_finds_the_shipped_preset_whole(command):
    code, out, _ = command("zoo", "verify", "gender-emotion-emodb")
    assert code == 0
    assert "is whole" in out


def test_zoo_show_prints_the_card_into_a_pipe(command):
    code, out, _ = command("zoo", "show", "gender-emotion-emodb")
    assert code == 0
    assert out.startswith("---\nlicense: ")


def test_export_writes_what_serves_it_beside_a_folder_called_models(command, trained, tmp_path):
    code, _, err = command("export", trained[0], "--to", tmp_path / "models", "--name", "mine")
    assert code == 0 and str(tmp_path / "README.md") in err
    assert 'base_path: "/models/mine"' in (tmp_path / "models.config").read_text()
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_export_writes_what_serves_it_into_any_other_folder(command, trained, tmp_path):
    command("export", trained[0], "--to", tmp_path / "served", "--name", "mine")
    assert [path.name for path in tmp_path.iterdir()] == ["served"]
    assert {"mine", "models.config", "compose.yaml"} <= {
        path.name for path in (tmp_path / "served").iterdir()
    }
