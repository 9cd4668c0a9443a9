"""Each loader reads its corpus's layouts, and the labels are the right ones."""

import collections
import shutil

import pytest
from corpora_made import (
    MAKERS,
    make_crema_d,
    make_emodb,
    make_emovo,
    make_iemocap,
    make_librispeech,
    make_msp_improv,
    make_nemo,
    make_ravdess,
    make_savee,
    make_tess,
    make_urdu,
    write_tone,
)

from pnn_keras.corpora import list_corpora, open_corpus
from pnn_keras.errors import CorpusError


def by_stem(corpus):
    return {utterance.path.stem: utterance for utterance in corpus}


def emotions(corpus):
    return collections.Counter(utterance.emotion for utterance in corpus)


def reasons(corpus):
    return {skip.id: skip.reason for skip in corpus.skipped}


@pytest.mark.parametrize("name", MAKERS)
def test_folder_is_recognised_by_its_layout(name, tmp_path):
    assert open_corpus(MAKERS[name](tmp_path / "somewhere")).name == name


@pytest.mark.parametrize("name", MAKERS)
def test_utterances_are_sorted_and_belong_to_the_corpus(name, tmp_path):
    corpus = open_corpus(MAKERS[name](tmp_path))
    ids = [utterance.id for utterance in corpus]
    assert ids == sorted(set(ids))
    assert {utterance.corpus for utterance in corpus} == {name}
    assert all(utterance.path.is_absolute() and utterance.path.exists() for utterance in corpus)
    assert all(utterance.path == corpus.folder / utterance.id for utterance in corpus)


@pytest.mark.parametrize("name", MAKERS)
def test_emotions_are_those_that_the_description_names(name, tmp_path):
    corpus = open_corpus(MAKERS[name](tmp_path))
    assert set(corpus.classes("emotion")) <= set(corpus.info.emotions)


@pytest.mark.parametrize("name", MAKERS)
def test_an_extra_folder_on_top_changes_only_the_ids(name, tmp_path):
    MAKERS[name](tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b" / "unpacked" / "a")
    plain, nested = open_corpus(tmp_path / "a"), open_corpus(tmp_path / "b")
    assert [(u.path.name, u.speaker, u.gender, u.emotion) for u in plain] == [
        (u.path.name, u.speaker, u.gender, u.emotion) for u in nested
    ]


@pytest.mark.parametrize("info", list_corpora(), ids=lambda info: info.name)
def test_description_is_complete(info):
    for text in (info.citation, info.licence, info.homepage, info.layout, info.obtain):
        assert text.strip()
    assert "http" in info.obtain
    assert info.emotions == tuple(sorted(info.emotions))


def test_emodb_labels_follow_the_name(tmp_path):
    clip = by_stem(open_corpus(make_emodb(tmp_path)))["03a01Fa"]
    assert (clip.speaker, clip.gender, clip.emotion, clip.sentence) == (
        *("03", "male"),
        *("happy", "a01"),
    )


def test_emodb_has_five_women_and_five_men(tmp_path):
    corpus = open_corpus(make_emodb(tmp_path))
    sexes = {u.speaker: u.gender for u in corpus}
    assert sorted(s for s in sexes if sexes[s] == "male") == ["03", "10", "11", "12", "15"]
    assert sorted(s for s in sexes if sexes[s] == "female") == ["08", "09", "13", "14", "16"]


@pytest.mark.parametrize("suffix", [".wav", ".WAV", ".flac", ".ogg", ".mp3"])
def test_audio_formats_are_alike(suffix, tmp_path):
    folder = make_emodb(tmp_path, speakers=("03",), texts=("a01",))
    for path in list(folder.rglob("*.wav")):
        path.rename(path.with_suffix(suffix))
    assert len(open_corpus(folder)) == 7


def test_ravdess_odd_actors_are_men(tmp_path):
    corpus = open_corpus(make_ravdess(tmp_path, actors=(7, 8)))
    assert {(u.speaker, u.gender) for u in corpus} == {("07", "male"), ("08", "female")}
    clip = by_stem(corpus)["03-01-02-01-02-01-07"]
    assert (clip.emotion, clip.sentence) == ("calm", "02")


def test_ravdess_songs_and_video_are_left_aside(tmp_path):
    make_ravdess(tmp_path)
    write_tone(tmp_path / "Actor_01" / "03-02-05-01-01-01-01.wav")
    write_tone(tmp_path / "Actor_01" / "01-01-05-01-01-01-01.wav")
    corpus = open_corpus(tmp_path, strict=True)
    assert reasons(corpus) == {
        "Actor_01/03-02-05-01-01-01-01.wav": "sung, not spoken (vocal channel 02)",
        "Actor_01/01-01-05-01-01-01-01.wav": "not the audio-only recording (modality 01)",
    }


def test_ravdess_copy_within_the_copy_is_read_once(tmp_path):
    make_ravdess(tmp_path)
    make_ravdess(tmp_path, inside="audio_speech_actors_01-24")
    corpus = open_corpus(tmp_path)
    assert len(corpus) == 32
    assert all(u.id.startswith("Actor_") for u in corpus)
    assert all(reason.startswith("a second copy of Actor_") for reason in reasons(corpus).values())


def test_lossless_file_is_preferred_to_its_mp3(tmp_path):
    folder = make_emodb(tmp_path, speakers=("03",), texts=("a01",), emotions="WF")
    for path in list(folder.rglob("*.wav")):
        write_tone(folder / f"{path.stem}.mp3")
    assert {u.path.suffix for u in open_corpus(folder)} == {".wav"}


def test_crema_d_sex_comes_from_the_demographics(tmp_path):
    corpus = open_corpus(make_crema_d(tmp_path))
    assert {(u.speaker, u.gender) for u in corpus} == {
        ("1001", "male"),
        ("1002", "female"),
        ("1003", "female"),
        ("1004", "male"),
    }
    clip = by_stem(corpus)["1001_DFA_FEA_XX"]
    assert (clip.emotion, clip.sentence) == ("fearful", "DFA")


def test_crema_d_audio_folder_alone_finds_the_demographics_above(tmp_path):
    make_crema_d(tmp_path)
    assert None not in {u.gender for u in open_corpus(tmp_path / "AudioWAV")}


def test_crema_d_without_demographics_warns(tmp_path):
    (make_crema_d(tmp_path) / "VideoDemographics.csv").unlink()
    corpus = open_corpus(tmp_path)
    assert {u.gender for u in corpus} == {None}
    assert any("VideoDemographics.csv is missing" in warning for warning in corpus.warnings)


def test_crema_d_misnamed_file_is_read_and_reported(tmp_path):
    make_crema_d(tmp_path)
    write_tone(tmp_path / "AudioWAV" / "1040_ITH_SAD_X.wav")
    corpus = open_corpus(tmp_path)
    assert by_stem(corpus)["1040_ITH_SAD_X"].emotion == "sad"
    assert any("1040_ITH_SAD_X.wav is misnamed" in warning for warning in corpus.warnings)


def test_crema_d_silent_file_is_left_out_even_when_strict(tmp_path):
    make_crema_d(tmp_path)
    write_tone(tmp_path / "AudioWAV" / "1076_MTI_SAD_XX.wav")
    corpus = open_corpus(tmp_path, strict=True)
    assert reasons(corpus) == {"AudioWAV/1076_MTI_SAD_XX.wav": "silent in the official release"}


def test_crema_d_perceived_labels_are_the_voice_votes(tmp_path):
    make_crema_d(tmp_path, votes={"1001_DFA_ANG_XX": "N", "1001_DFA_SAD_XX": "F"})
    heard = by_stem(open_corpus(f"crema-d-perceived={tmp_path}"))
    assert heard["1001_DFA_ANG_XX"].emotion == "neutral"
    assert heard["1001_DFA_SAD_XX"].emotion == "fearful"
    assert heard["1001_DFA_HAP_XX"].emotion == "happy"
    assert heard["1001_DFA_HAP_XX"].corpus == "CREMA-D-perceived"


def test_crema_d_perceived_ties_bear_no_label_and_are_reported(tmp_path):
    make_crema_d(tmp_path, votes={"1001_DFA_ANG_XX": "A:D"})
    corpus = open_corpus(f"CREMA-D-perceived={tmp_path}")
    assert by_stem(corpus)["1001_DFA_ANG_XX"].emotion is None
    assert any("1 clip(s) have a tied vote" in warning for warning in corpus.warnings)


def test_crema_d_perceived_needs_the_votes(tmp_path):
    shutil.rmtree(make_crema_d(tmp_path) / "processedResults")
    with pytest.raises(CorpusError, match="summaryTable.csv"):
        open_corpus(f"CREMA-D-perceived={tmp_path}")


def test_crema_d_table_with_other_columns_is_refused(tmp_path):
    (make_crema_d(tmp_path) / "VideoDemographics.csv").write_text("who,what\n1001,Male\n")
    with pytest.raises(CorpusError, match="ActorID, Sex.*Received: who, what"):
        open_corpus(tmp_path)


def test_iemocap_label_is_the_consensus_not_a_rater(tmp_path):
    corpus = open_corpus(make_iemocap(tmp_path))
    assert emotions(corpus) == {"angry": 4, "excited": 4, "neutral": 4, None: 4}


def test_iemocap_speaker_is_session_and_letter_of_the_turn(tmp_path):
    corpus = open_corpus(make_iemocap(tmp_path))
    assert {(u.speaker, u.gender, u.session) for u in corpus} == {
        ("Ses01F", "female", "Ses01"),
        ("Ses01M", "male", "Ses01"),
        ("Ses02F", "female", "Ses02"),
        ("Ses02M", "male", "Ses02"),
    }


def test_iemocap_turns_without_majority_are_counted(tmp_path):
    corpus = open_corpus(make_iemocap(tmp_path))
    assert any("4 turn(s) found no majority (xxx)" in warning for warning in corpus.warnings)


def test_iemocap_whole_dialogues_are_left_aside(tmp_path):
    corpus = open_corpus(make_iemocap(tmp_path), strict=True)
    assert set(reasons(corpus)) == {
        "Session1/dialog/wav/Ses01F_impro01.wav",
        "Session2/dialog/wav/Ses02F_impro01.wav",
    }


def test_iemocap_without_labels_is_refused(tmp_path):
    for labels in make_iemocap(tmp_path).rglob("*.txt"):
        labels.unlink()
    with pytest.raises(CorpusError, match="labels are missing.*EmoEvaluation"):
        open_corpus(tmp_path)


@pytest.mark.parametrize("label_file", ["Evalution.txt", "Evaluation.txt"])
@pytest.mark.parametrize("inside", ["", "Audio"])
def test_msp_improv_reads_both_layouts_and_spellings(label_file, inside, tmp_path):
    corpus = open_corpus(make_msp_improv(tmp_path, label_file=label_file, inside=inside))
    assert emotions(corpus) == {
        **dict.fromkeys(("angry", "happy", "neutral", "other", "sad"), 2),
        None: 2,
    }


def test_msp_improv_tells_speaker_session_and_fixed_sentences(tmp_path):
    corpus = open_corpus(make_msp_improv(tmp_path))
    assert {(u.speaker, u.gender, u.session, u.sentence) for u in corpus} == {
        ("F01", "female", "1", None),
        ("M01", "male", "1", "S01"),
    }


def test_msp_improv_without_labels_is_refused(tmp_path):
    (make_msp_improv(tmp_path) / "Evalution.txt").unlink()
    with pytest.raises(CorpusError, match="no Evalution.txt"):
        open_corpus(tmp_path)


def test_tess_misnamed_speaker_is_read(tmp_path):
    corpus = open_corpus(make_tess(tmp_path), strict=True)
    assert by_stem(corpus)["OA_bite_neutral"].speaker == "OAF"
    assert emotions(corpus)["surprised"] == 4


@pytest.mark.parametrize("flat", [False, True])
def test_savee_reads_both_variants(flat, tmp_path):
    corpus = open_corpus(make_savee(tmp_path, flat=flat))
    assert {u.speaker for u in corpus} == {"DC", "JE", "JK", "KL"}
    assert emotions(corpus) == dict.fromkeys(corpus.info.emotions, 4)


def test_emovo_maps_its_italian_codes(tmp_path):
    clips = by_stem(open_corpus(make_emovo(tmp_path)))
    assert clips["gio-m2-b1"].emotion == "happy"
    assert clips["rab-f1-b1"].emotion == "angry"
    assert clips["pau-f1-b1"].emotion == "fearful"


def test_urdu_tells_sex_and_emotion(tmp_path):
    clip = by_stem(open_corpus(make_urdu(tmp_path)))["SF2_F1_S01"]
    assert (clip.speaker, clip.gender, clip.emotion) == ("SF2", "female", "sad")


def test_nemo_takes_sex_and_text_from_its_table(tmp_path):
    clip = by_stem(open_corpus(make_nemo(tmp_path)))["AB1_fear_90"]
    assert (clip.gender, clip.emotion, clip.sentence) == ("male", "fearful", "tak rzekł")


def test_librispeech_has_sex_and_split_but_no_emotion(tmp_path):
    corpus = open_corpus(make_librispeech(tmp_path))
    assert {(u.speaker, u.gender, u.split, u.emotion) for u in corpus} == {
        ("84", "male", "dev", None),
        ("19", "female", "train", None),
    }


def test_librispeech_subset_alone_finds_the_speakers_above(tmp_path):
    corpus = open_corpus(make_librispeech(tmp_path) / "dev-clean")
    assert {u.gender for u in corpus} == {"male"}
