"""How a corpus is named, what is refused and why, and what is reported."""

import os
import shutil
import zipfile

import pytest
from corpora_made import MAKERS, make_crema_d, make_emodb, make_ravdess, write_tone

from pnn_keras.corpora import list_corpora, open_corpus
from pnn_keras.corpora.identical import identical
from pnn_keras.corpus import Utterance, pool
from pnn_keras.errors import CorpusError, UserError


@pytest.fixture
def emodb(tmp_path):
    return make_emodb(tmp_path / "EmoDB", speakers=("03", "08"), texts=("a01",))


def test_list_has_every_loader_once():
    names = [info.name for info in list_corpora()]
    assert len(names) == len(set(names)) == 12
    assert names == sorted(names, key=str.casefold)


def test_two_copies_may_be_used_together_under_two_names(emodb, tmp_path):
    shutil.copytree(emodb, tmp_path / "again")
    first, second = open_corpus(emodb), open_corpus(f"Berlin={tmp_path / 'again'}")
    assert second.name == "Berlin"
    assert second.info.licence == first.info.licence
    assert {u.speaker_id for u in pool([first, second])} == {
        *("EmoDB/03", "EmoDB/08", "Berlin/03", "Berlin/08"),
    }


def test_registered_name_chooses_the_loader_in_any_case(emodb):
    assert open_corpus(f"emodb={emodb}").name == "EmoDB"


def test_registered_name_for_another_corpus_is_refused(emodb):
    with pytest.raises(CorpusError, match="None of the 14 audio file.* as RAVDESS"):
        open_corpus(f"RAVDESS={emodb}")


@pytest.mark.parametrize("spec", ["EmoDB", "emodb", "EMO-DB"])
def test_bare_name_is_looked_for_below_the_data_folder(spec, emodb, monkeypatch, tmp_path):
    monkeypatch.setenv("PNN_KERAS_DATA", str(emodb.parent))
    monkeypatch.chdir(tmp_path_of_nothing(tmp_path))
    assert open_corpus(spec).folder == emodb


def test_perceived_by_bare_name_reads_the_folder_of_crema_d(tmp_path, monkeypatch):
    make_crema_d(tmp_path / "CREMA-D", votes={"1001_DFA_ANG_XX": "N"})
    monkeypatch.setenv("PNN_KERAS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path_of_nothing(tmp_path))
    corpus = open_corpus("CREMA-D-perceived")
    assert corpus.name == "CREMA-D-perceived"
    assert {u.emotion for u in corpus if "1001_DFA_ANG" in u.id} == {"neutral"}


def test_own_name_for_a_bare_name(emodb, monkeypatch, tmp_path):
    monkeypatch.setenv("PNN_KERAS_DATA", str(emodb.parent))
    monkeypatch.chdir(tmp_path_of_nothing(tmp_path))
    assert open_corpus("mine=EmoDB").name == "mine"


def test_folder_with_an_equals_sign_is_a_folder(tmp_path):
    assert open_corpus(make_emodb(tmp_path / "a=b")).name == "EmoDB"


def tmp_path_of_nothing(tmp_path):
    folder = tmp_path / "elsewhere"
    folder.mkdir(exist_ok=True)
    return folder


def test_unknown_name_says_what_was_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("PNN_KERAS_DATA", str(tmp_path))
    with pytest.raises(CorpusError, match="no folder or table NoSuch, nor below PNN_KERAS_DATA="):
        open_corpus("NoSuch")


def test_known_corpus_that_is_not_there_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("PNN_KERAS_DATA", raising=False)
    with pytest.raises(CorpusError, match="On application: https://sail.usc.edu"):
        open_corpus("iemocap")


def test_unknown_name_without_data_folder_says_so(monkeypatch):
    monkeypatch.delenv("PNN_KERAS_DATA", raising=False)
    with pytest.raises(CorpusError, match="PNN_KERAS_DATA is not set.*EmoDB"):
        open_corpus("NoSuch")


@pytest.mark.parametrize("spec", ["=x", "a=", "a@b=x", "a,b=x", "a/b=x", "", " =x"])
def test_malformed_spec_is_a_users_error(spec):
    with pytest.raises(UserError):
        open_corpus(spec)


def test_empty_folder_is_refused_with_the_known_forms(tmp_path):
    with pytest.raises(CorpusError, match="is empty. Expected: one of .*EmoDB .03a01Fa.wav"):
        open_corpus(tmp_path)


def test_empty_folder_of_a_known_name_is_refused_with_its_layout(tmp_path):
    (tmp_path / "RAVDESS").mkdir()
    with pytest.raises(CorpusError, match="is empty. Expected: RAVDESS: Actor_01/"):
        open_corpus(tmp_path / "RAVDESS")


@pytest.mark.parametrize("name", ["CREMA-D", "EmoDB", "IEMOCAP", "MSP-IMPROV", "LibriSpeech"])
def test_labels_without_audio_are_refused_with_the_layout(name, tmp_path):
    folder = MAKERS[name](tmp_path / "x")
    (folder / "erkennung.txt").touch() if name == "EmoDB" else None
    for audio in [*folder.rglob("*.wav"), *folder.rglob("*.flac")]:
        audio.unlink()
    with pytest.raises(CorpusError, match=f"but no audio .* Expected: {name}: "):
        open_corpus(folder)


def test_archive_without_audio_says_to_unpack(tmp_path):
    with zipfile.ZipFile(tmp_path / "download.zip", "w"):
        pass
    with pytest.raises(CorpusError, match="holds download.zip but no audio: unpack"):
        open_corpus(f"EmoDB={tmp_path}")


def test_half_unpacked_corpus_is_allowed_with_a_warning(tmp_path):
    folder = make_emodb(tmp_path, speakers=("03",), texts=("a01", "a02"), emotions="WLEAFN")
    (folder / "download.zip").write_bytes(b"PK")
    corpus = open_corpus(folder)
    assert corpus.warnings[0] == (
        "EmoDB holds 12 of 535 clips and 1 of 10 speakers; download.zip may hold the rest."
    )


def test_unknown_folder_names_what_was_looked_for(tmp_path):
    write_tone(tmp_path / "mine" / "hello.wav")
    (tmp_path / "mine" / "labels.csv").write_text("file\nhello.wav\n")
    with pytest.raises(CorpusError, match=r"hello.wav.*EmoDB \(03a01Fa.wav\).*labels.csv"):
        open_corpus(tmp_path / "mine")


def test_folder_of_several_corpora_is_refused(tmp_path):
    make_emodb(tmp_path / "a", texts=("a01",))
    make_ravdess(tmp_path / "b", actors=(1, 2, 3, 4, 5))
    write_tone(tmp_path / "x.wav")
    for number in range(20):
        write_tone(tmp_path / f"{number}.wav")
    with pytest.raises(CorpusError, match="several corpora: EmoDB, RAVDESS"):
        open_corpus(tmp_path)


def test_single_recording_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="a folder or a table"):
        open_corpus(write_tone(tmp_path / "03a01Fa.wav"))


def test_zero_byte_file_is_skipped_and_reported(emodb):
    (emodb / "wav" / "03a01Wa.wav").write_bytes(b"")
    corpus = open_corpus(emodb)
    assert len(corpus) == 13
    assert [(s.id, s.reason) for s in corpus.skipped] == [("wav/03a01Wa.wav", "zero bytes")]


def test_foreign_file_name_is_skipped_and_reported(emodb):
    write_tone(emodb / "wav" / "99a01Wa.wav")
    assert [(s.id, s.reason) for s in open_corpus(emodb).skipped] == [
        ("wav/99a01Wa.wav", "not a file name of EmoDB, e.g. 03a01Fa.wav")
    ]


def test_git_lfs_pointer_is_skipped_with_the_mend(emodb):
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (emodb / "wav" / "03a01Wa.wav").write_text(pointer)
    assert "git lfs pull" in open_corpus(emodb).skipped[0].reason


def test_clone_of_pointers_only_is_refused_with_the_mend(tmp_path):
    for path in make_crema_d(tmp_path).rglob("*.wav"):
        path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CorpusError, match="git lfs pull"):
        open_corpus(tmp_path)


def test_dangling_link_is_skipped_and_reported(emodb):
    (emodb / "wav" / "03b01Wa.wav").symlink_to("nowhere.wav")
    assert open_corpus(emodb).skipped[0].reason == "a link to a file that is not there"


@pytest.mark.parametrize("strict_reason", ["zero", "name"])
def test_strict_refuses_what_would_be_skipped(emodb, strict_reason):
    bad = emodb / "wav" / ("03a02Wa.wav" if strict_reason == "zero" else "odd.wav")
    bad.write_bytes(b"" if strict_reason == "zero" else b"RIFF")
    with pytest.raises(CorpusError, match=bad.name):
        open_corpus(emodb, strict=True)


def test_hidden_files_are_not_seen(emodb):
    (emodb / "wav" / "._03a01Wa.wav").write_bytes(b"resource fork")
    (emodb / "__MACOSX").mkdir()
    (emodb / "__MACOSX" / "03a01Wa.wav").write_bytes(b"resource fork")
    assert not open_corpus(emodb).skipped


def test_linked_folders_are_walked_and_circles_end(emodb, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "wav").symlink_to(emodb / "wav")
    (emodb / "wav" / "round").symlink_to(emodb)
    assert len(open_corpus(tmp_path / "linked")) == 14


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_unreadable_folder_is_a_users_error(emodb):
    (emodb / "wav").chmod(0)
    with pytest.raises(CorpusError, match="must be readable"):
        open_corpus(emodb)
    (emodb / "wav").chmod(0o755)


def test_identical_recordings_with_different_labels_are_named(emodb):
    shutil.copy(emodb / "wav" / "03a01Wa.wav", emodb / "wav" / "03a01Fa.wav")
    warning = open_corpus(emodb).warnings[-1]
    assert "wav/03a01Fa.wav = wav/03a01Wa.wav (emotion angry or happy)" in warning


def test_identical_recordings_with_equal_labels_are_no_contradiction(emodb):
    shutil.copy(emodb / "wav" / "03a01Wa.wav", emodb / "wav" / "03a01Wb.wav")
    assert not any("byte-identical" in warning for warning in open_corpus(emodb).warnings)


def test_identical_looks_at_all_bytes(tmp_path):
    paths = [tmp_path / name for name in ("a.wav", "b.wav", "c.wav")]
    content = bytearray(20_000)
    for path in paths:
        path.write_bytes(content)
    content[0] = 1  # far from the middle, which is compared first
    paths[2].write_bytes(content)
    clips = [Utterance("x", path.name, path) for path in paths]
    assert [[u.id for u in group] for group in identical(clips)] == [["a.wav", "b.wav"]]
