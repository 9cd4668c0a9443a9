"""File-name parsers: any string is answered, valid names give the right fields."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnn_keras.corpora import (
    LOADERS,
    crema_d,
    emodb,
    emovo,
    iemocap,
    librispeech,
    msp_improv,
    nemo,
    ravdess,
    savee,
    tess,
    urdu,
)
from pnn_keras.corpora.tree import AudioFile

SUFFIXES = st.sampled_from((".wav", ".flac", ".WAV", ".mp3", ".ogg"))


def file(name: str) -> AudioFile:
    return AudioFile(name, Path("/corpus") / "x.wav", 1)


#: Strings near the grammars reach further into the parsers than arbitrary ones.
NEAR = st.from_regex(r"[0-9A-Za-zß٣]{0,6}([-_/][0-9A-Za-z٣]{0,6}){0,7}(\.wav\n?)?", fullmatch=True)


@given(name=st.one_of(st.text(), NEAR))
def test_no_name_crashes_a_parser(name):
    for loader in LOADERS:
        clip = loader.parse(file(name))
        assert clip is None or clip.speaker
        assert isinstance(loader.knows(file(name)), bool)


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.info.name)
def test_example_of_a_loader_parses(loader):
    assert loader.parse(file(loader.example)) is not None


@pytest.mark.parametrize("loader", LOADERS, ids=lambda loader: loader.info.name)
def test_example_of_a_loader_is_foreign_to_all_other_corpora(loader):
    others = {other.info.citation: other for other in LOADERS}
    others.pop(loader.info.citation)
    assert not any(other.knows(file(loader.example)) for other in others.values())


@given(
    speaker=st.sampled_from(sorted(emodb.MALE | emodb.FEMALE)),
    text=st.from_regex("[ab][0-9]{2}", fullmatch=True),
    letter=st.sampled_from("WLEAFNT"),
    version=st.sampled_from("abcdef"),
    suffix=SUFFIXES,
)
def test_emodb_fields(speaker, text, letter, version, suffix):
    clip = emodb.parse(file(f"wav/{speaker}{text}{letter}{version}{suffix}"))
    assert (clip.speaker, clip.sentence, clip.emotion) == (
        *(speaker, text),
        emodb.EMOTIONS[letter],
    )


@given(
    emotion=st.integers(1, 8),
    intensity=st.integers(1, 2),
    statement=st.integers(1, 2),
    repetition=st.integers(1, 2),
    actor=st.integers(1, 24),
)
def test_ravdess_fields(emotion, intensity, statement, repetition, actor):
    numbers = (3, 1, emotion, intensity, statement, repetition, actor)
    clip = ravdess.parse(file("-".join(f"{number:02d}" for number in numbers) + ".wav"))
    assert clip.emotion == list(ravdess.EMOTIONS.values())[emotion - 1]
    assert clip.gender == ("male", "female")[actor % 2 == 0]
    assert (clip.sentence, clip.speaker) == (f"{statement:02d}", f"{actor:02d}")


@given(
    actor=st.integers(1001, 1091),
    sentence=st.sampled_from(crema_d.SENTENCES),
    code=st.sampled_from(sorted(crema_d.EMOTIONS)),
    level=st.sampled_from(("LO", "MD", "HI", "XX")),
)
def test_crema_d_fields(actor, sentence, code, level):
    clip = crema_d.parse(file(f"AudioWAV/{actor}_{sentence}_{code}_{level}.wav"))
    assert (clip.speaker, clip.sentence, clip.emotion) == (
        *(str(actor), sentence),
        crema_d.EMOTIONS[code],
    )


@given(
    session=st.integers(1, 5),
    marked=st.sampled_from("FM"),
    scene=st.sampled_from(("impro01", "impro05a", "script01_1", "script03_2", "script01_1b")),
    speaker=st.sampled_from("FM"),
    turn=st.one_of(st.integers(0, 99).map("{:03d}".format), st.just("XX0")),
)
def test_iemocap_fields(session, marked, scene, speaker, turn):
    clip = iemocap.parse(file(f"Ses{session:02d}{marked}_{scene}_{speaker}{turn}.wav"))
    assert clip.speaker == f"Ses{session:02d}{speaker}"
    assert clip.gender == {"F": "female", "M": "male"}[speaker]


@given(
    sentence=st.integers(1, 20),
    target=st.sampled_from("AHSN"),
    speaker=st.from_regex("[FM]0[1-6]", fullmatch=True),
    scenario=st.sampled_from("RSPT"),
    turn=st.from_regex("[FM]{2}[0-9]{2}", fullmatch=True),
)
def test_msp_improv_fields(sentence, target, speaker, scenario, turn):
    name = f"IMPROV-S{sentence:02d}{target}-{speaker}-{scenario}-{turn}"
    clip = msp_improv.parse(file(f"MSP-{name}.wav"))
    assert (clip.name, clip.speaker, clip.session) == (name, speaker, speaker[-1])
    assert (clip.sentence is not None) == (scenario in "RT")
    header = f"UTD-{name}.avi; H; A:nan; V:NaN; D:3.0 ; N:3.2;"
    assert msp_improv.consensus(header) == {name: "H"}


@given(
    speaker=st.sampled_from(("OAF", "YAF", "OA")),
    word=st.from_regex("[a-z]{2,8}", fullmatch=True),
    code=st.sampled_from(sorted(tess.EMOTIONS)),
)
def test_tess_fields(speaker, word, code):
    clip = tess.parse(file(f"x/{speaker}_{word}_{code}.wav"))
    assert (clip.sentence, clip.emotion) == (word, tess.EMOTIONS[code])
    assert clip.speaker == ("YAF" if speaker == "YAF" else "OAF")


@given(
    speaker=st.sampled_from(savee.SPEAKERS),
    code=st.sampled_from(sorted(savee.EMOTIONS)),
    number=st.integers(1, 30),
)
def test_savee_variants_agree(speaker, code, number):
    nested = savee.parse(file(f"AudioData/{speaker}/{code}{number:02d}.wav"))
    flat = savee.parse(file(f"ALL/{speaker}_{code}{number:02d}.wav"))
    assert nested.emotion == flat.emotion == savee.EMOTIONS[code]
    assert nested.name == flat.name
    assert nested.speaker == flat.speaker == speaker


@given(
    code=st.sampled_from(sorted(emovo.EMOTIONS)),
    speaker=st.from_regex("[fm][1-3]", fullmatch=True),
    sentence=st.from_regex("[a-z][0-9]", fullmatch=True),
)
def test_emovo_fields(code, speaker, sentence):
    clip = emovo.parse(file(f"{speaker}/{code}-{speaker}-{sentence}.wav"))
    assert (clip.speaker, clip.sentence, clip.emotion) == (
        *(speaker, sentence),
        emovo.EMOTIONS[code],
    )


@given(
    sex=st.sampled_from("FM"),
    number=st.integers(1, 40),
    film=st.integers(1, 60),
    letter=st.sampled_from("AHNS"),
    clip=st.integers(1, 100),
)
def test_urdu_fields(sex, number, film, letter, clip):
    parsed = urdu.parse(file(f"x/S{sex}{number}_F{film}_{letter}{clip:02d}.wav"))
    assert (parsed.speaker, parsed.emotion) == (f"S{sex}{number}", urdu.EMOTIONS[letter])


@given(
    speaker=st.from_regex("[A-Z]{2}[0-9]", fullmatch=True),
    emotion=st.sampled_from(sorted(nemo.EMOTIONS)),
    number=st.integers(1, 99),
)
def test_nemo_fields(speaker, emotion, number):
    clip = nemo.parse(file(f"samples/{speaker}_{emotion}_{number}.wav"))
    assert (clip.speaker, clip.emotion) == (speaker, nemo.EMOTIONS[emotion])


@given(speaker=st.integers(1, 9999), chapter=st.integers(1, 300000), number=st.integers(0, 9999))
def test_librispeech_fields(speaker, chapter, number):
    clip = librispeech.parse(file(f"{speaker}-{chapter}-{number:04d}.flac"))
    assert (clip.speaker, clip.session) == (str(speaker), str(chapter))


@given(text=st.text())
def test_no_label_file_crashes_its_reader(text):
    assert isinstance(iemocap.consensus(text), dict)
    assert isinstance(msp_improv.consensus(text), dict)
    assert isinstance(librispeech.speakers(text), dict)
