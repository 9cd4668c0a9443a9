"""The audit of published splits: what leaks, what does not, and what it costs."""

import io
import json

import numpy as np
import pytest
import rich.console
import soundfile
from audio_made import utterance, write
from corpora_made import make_emodb

from pnn_keras import audio
from pnn_keras.audit import audit_split, render, rescore
from pnn_keras.audit.recordings import THRESHOLD, correlation, find_copies, profile
from pnn_keras.audit.rescore import _Pool
from pnn_keras.corpora import open_corpus
from pnn_keras.corpora.synthetic import open_synthetic
from pnn_keras.corpora.voice import Voice, synthesise
from pnn_keras.errors import CorpusError, ProtocolError, UserError
from pnn_keras.split import Entry, Split


def split(*entries):
    return Split("made", tuple(entries))


def by_role(corpus, role_of, **facts):
    """A split of a whole corpus; ``role_of`` gives an utterance's role."""
    return split(*(Entry(u.id, role_of(u), **facts) for u in corpus))


def shown(report):
    screen = rich.console.Console(file=io.StringIO(), width=120)
    screen.print(render(report))
    return screen.file.getvalue()


@pytest.fixture(scope="module")
def take():
    """What one speaker says: the same sentence, another take for each seed."""

    def spoken(seed=0, sentence="mase tulo fina"):
        return synthesise(Voice(), sentence, seed=seed)[0]

    return spoken


@pytest.fixture(scope="module")
def emodb(tmp_path_factory):
    """42 files of noise, no two of them alike."""
    folder = make_emodb(tmp_path_factory.mktemp("emodb"), speakers=("03", "08", "09"))
    for seed, path in enumerate(sorted(folder.glob("wav/*.wav"))):
        write(path, 0.1 * np.random.default_rng(seed).standard_normal(8000))
    return open_corpus(folder)


# Without a corpus


def test_shared_speakers_and_files_leak():
    report = audit_split(
        split(
            Entry("a.wav", "train", speaker="1"),
            Entry("b.wav", "stop", speaker="2"),
            Entry("c.wav", "test", speaker="1"),
            Entry("b.wav", "test", speaker="2"),
            Entry("d.wav", "stop", speaker="1"),
        )
    )
    shared = report["folds"][0]["shared"]
    assert shared["train/test"]["speakers"] == ["1"] and shared["train/test"]["files"] == []
    assert shared["stop/test"]["speakers"] == ["1", "2"]
    assert shared["stop/test"]["files"] == ["b.wav"]
    assert report["leak"]
    assert report["leaks"] == ["train/test: 1 speaker", "stop/test: 1 file, 2 speakers"]
    assert "train/stop: 1 speaker" in report["notes"]


def test_speaker_of_training_and_stop_alone_is_no_leak():
    report = audit_split(
        split(
            Entry("a.wav", "train", speaker="1"),
            Entry("b.wav", "stop", speaker="1"),
            Entry("c.wav", "test", speaker="2"),
        )
    )
    assert not report["leak"] and report["notes"] == ["train/stop: 1 speaker"]


def test_shared_sentence_is_a_note():
    report = audit_split(
        split(
            Entry("a.wav", "train", speaker="1", sentence="x"),
            Entry("b.wav", "test", speaker="2", sentence="x"),
        )
    )
    assert not report["leak"] and report["notes"] == ["train/test: 1 sentence"]


def test_segments_of_one_file_are_different_recordings():
    entries = Entry("a.wav", "train", end=1.0), Entry("a.wav", "test", start=1.0)
    assert not audit_split(split(*entries))["leak"]


def test_what_the_table_does_not_tell_is_said():
    report = audit_split(split(Entry("a.wav", "train", speaker="1"), Entry("b.wav", "test")))
    assert report["unchecked"] == [
        "Recordings: no corpus was given, so no audio was compared.",
        "Speakers: unknown for 1 of 2 entries.",
        "Genders: neither the split nor a corpus tells them.",
        "Emotions: neither the split nor a corpus tells them.",
        "Sentences: neither the split nor a corpus tells them.",
    ]
    assert "no leak found in what could be checked" in shown(report)


def test_folds_are_counted_one_by_one_and_together():
    report = audit_split(
        split(*(Entry(f"{i}.wav", fold=i % 3, speaker="ab"[i // 3]) for i in range(6)))
    )
    assert [fold["fold"] for fold in report["folds"]] == [0, 1, 2]
    assert report["total"]["train/test"]["speakers"] == {"count": 2, "folds": 3}
    assert report["leaks"] == ["train/test: 2 speakers (in 3 of 3 folds)"]


def test_file_listed_in_two_folds_leaks():
    entries = Entry("a.wav", fold=1), Entry("a.wav", fold=2), Entry("b.wav", fold=1)
    report = audit_split(split(*entries))
    assert report["total"]["train/test"]["files"] == {"count": 1, "folds": 2}


def test_balance_counts_a_file_once():
    a = Entry("a.wav", "test", speaker="1", gender="male", emotion="sad")
    report = audit_split(split(a, a, Entry("b.wav", "train", gender="female", emotion="happy")))
    assert report["folds"][0]["roles"]["test"] == {
        "files": 1,
        "speakers": 1,
        "sentences": 0,
        "emotion": {"sad": 1},
        "gender": {"male": 1},
    }
    assert report["notes"] == [
        "The train files have no emotion 'sad'.",
        "The test files have no emotion 'happy'.",
        "The train files have no gender 'male'.",
        "The test files have no gender 'female'.",
        "1 file is listed more than once in one role.",
    ]


def test_file_with_two_labels_is_a_conflict():
    entries = (Entry("a.wav", "train", emotion=emotion) for emotion in ("sad", "happy"))
    report = audit_split(split(*entries, Entry("b.wav", "test", emotion="sad")))
    assert report["label_conflicts"] == [
        {
            "files": ["a.wav"],
            "label": "emotion",
            "values": ["happy", "sad"],
            "why": "listed with different labels",
        }
    ]
    assert (
        "1 recording bears different labels, e.g. a.wav: emotion happy or sad "
        "(listed with different labels)." in report["notes"]
    )


def test_one_file_is_told_in_the_singular():
    assert "made (1 file)" in shown(audit_split(split(Entry("a.wav", "test"))))


# With a corpus


def test_speaker_disjoint_split_has_no_leak(emodb):
    report = audit_split(by_role(emodb, lambda u: "test" if u.speaker == "03" else "train"), emodb)
    assert not report["leak"] and not report["unchecked"]
    assert report["notes"] == [
        "train/test: 2 sentences",
        "The train files have no gender 'male'.",
        "The test files have no gender 'female'.",
    ]
    assert "no leak found" in shown(report)


def test_speakers_come_from_the_corpus(emodb):
    report = audit_split(by_role(emodb, lambda u: "test" if "a01" in u.id else "train"), emodb)
    assert report["leaks"] == ["train/test: 3 speakers"]
    assert report["folds"][0]["shared"]["train/test"]["sentences"] == []


def test_published_classes_count_rather_than_the_corpus_own(emodb):
    entries = (Entry(u.id, "test" if u.speaker == "03" else "train", emotion="x") for u in emodb)
    report = audit_split(split(*entries), emodb)
    assert report["folds"][0]["roles"]["test"]["emotion"] == {"x": 14}


def test_utterances_in_no_role_and_files_of_no_corpus_are_listed(emodb):
    first, *rest = emodb.utterances
    entries = [Entry(u.id, "train" if u.speaker == "08" else "test") for u in rest]
    report = audit_split(split(*entries, Entry("z.wav", "test")), emodb)
    assert report["unassigned"] == [first.id] and report["unmatched"] == ["z.wav"]
    assert f"1 utterance of EmoDB is in no role, e.g. {first.id}." in report["notes"]
    assert "Recordings: 1 file is not in the corpus, e.g. z.wav." in report["unchecked"]


def test_split_of_another_corpus_is_refused(emodb):
    with pytest.raises(ProtocolError, match="No file of made is in EmoDB. Received: z.wav"):
        audit_split(split(Entry("z.wav", "test")), emodb)


def test_report_is_plain_json(emodb):
    report = audit_split(by_role(emodb, lambda u: "test" if "a01" in u.id else "train"), emodb)
    assert json.loads(json.dumps(report)) == report


def test_file_names_are_no_markup():
    report = audit_split(split(Entry("[bold]a.wav", "test"), Entry("[bold]a.wav", "test")))
    assert "made" in shown(report)
    entries = (Entry("[red]a.wav", role, emotion=role) for role in ("train", "test"))
    assert "[red]a.wav" in shown(audit_split(split(*entries)))


def test_copies_across_roles_leak_and_their_labels_conflict(tmp_path, take):
    write(tmp_path / "a.wav", take())
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    write(tmp_path / "c.flac", 0.4 * take())
    write(tmp_path / "d.wav", take(1))
    names = {"a.wav": ("1", "sad"), "b.wav": ("2", "sad"), "c.flac": ("3", "happy")}
    names["d.wav"] = ("4", "sad")
    rows = "".join(f"{name},{s},{e}\n" for name, (s, e) in names.items())
    (tmp_path / "t.csv").write_text("file,speaker,emotion\n" + rows)
    roles = {"a.wav": "train", "b.wav": "test", "c.flac": "test", "d.wav": "test"}
    report = audit_split(
        split(*(Entry(name, role) for name, role in roles.items())),
        open_corpus(tmp_path / "t.csv"),
    )
    shared = report["folds"][0]["shared"]["train/test"]
    assert shared["identical"] == [{"train": ["a.wav"], "test": ["b.wav"], "similarity": 1.0}]
    (near,) = shared["near_identical"]
    assert near["train"] == ["a.wav"] and near["test"] == ["b.wav", "c.flac"]
    assert near["similarity"] > 0.99
    assert report["leaks"] == [
        "train/test: 1 byte-identical recording, 1 altered copy of a recording"
    ]
    conflicts = [(c["label"], c["values"], c["why"]) for c in report["label_conflicts"]]
    assert conflicts == [
        ("speaker", ["1", "2"], "identical audio"),
        ("speaker", ["1", "2", "3"], "near-identical audio"),
        ("emotion", ["happy", "sad"], "near-identical audio"),
    ]


def test_recordings_that_cannot_be_heard_are_said(tmp_path, take):
    write(tmp_path / "a.wav", take())
    write(tmp_path / "b.wav", np.zeros(16000))
    (tmp_path / "t.csv").write_text("file,speaker\na.wav,1\nb.wav,2\n")
    report = audit_split(
        split(Entry("a.wav", "train"), Entry("b.wav", "test")), open_corpus(tmp_path / "t.csv")
    )
    assert report["unheard"][0]["id"] == "b.wav"
    assert "Recordings: 1 file is without usable audio, e.g. b.wav." in report["unchecked"]


def test_strictly_a_recording_that_cannot_be_heard_ends_the_audit(tmp_path, take):
    write(tmp_path / "a.wav", take())
    write(tmp_path / "b.wav", np.zeros(16000))
    (tmp_path / "t.csv").write_text("file\na.wav\nb.wav\n")
    made = split(Entry("a.wav", "train"), Entry("b.wav", "test"))
    message = "t: 1 recording of the split cannot be used, e.g. b.wav: .* silent"
    with pytest.raises(CorpusError, match=message):
        audit_split(made, open_corpus(tmp_path / "t.csv"), strict=True)


# Copies


def encoded(signal, rate=16000, **options):
    file = io.BytesIO()
    soundfile.write(file, signal, rate, **options)
    file.seek(0)
    return soundfile.read(file, dtype="float32")


ALTERED = {
    "gain": lambda s: (0.1 * s, 16000),
    "inverted": lambda s: (-s, 16000),
    "16 bits": lambda s: encoded(0.7 * s, format="WAV", subtype="PCM_16"),
    "8 bits": lambda s: encoded(s / np.abs(s).max(), format="WAV", subtype="PCM_U8"),
    "50 ms trimmed": lambda s: (s[800:], 16000),
    "odd trim": lambda s: (s[1237:-331], 16000),
    "padded": lambda s: (np.pad(s, (4000, 2001)), 16000),
    "8 kHz": lambda s: (audio.resample(s, 16000, 8000), 8000),
    "44.1 kHz": lambda s: (audio.resample(s, 16000, 44100), 44100),
    "ogg": lambda s: encoded(s, format="OGG"),
    "mp3": lambda s: encoded(s, format="MP3"),
}


@pytest.mark.parametrize("how", ALTERED)
def test_altered_copy_is_found(tmp_path, take, how):
    signal, rate = ALTERED[how](take())
    paths = [
        write(tmp_path / "a.wav", take()),
        write(tmp_path / "b.wav", signal, rate, subtype="FLOAT"),
        write(tmp_path / "c.wav", take(1)),
    ]
    found, unheard = find_copies([utterance(path) for path in paths])
    assert [copy.rows for copy in found] == [(0, 1)] and not found[0].identical
    assert unheard == []


def test_two_takes_of_a_sentence_are_two_recordings(tmp_path, take):
    paths = [write(tmp_path / f"{seed}.wav", take(seed)) for seed in range(12)]
    assert find_copies([utterance(path) for path in paths]) == ([], [])


def test_takes_lie_far_below_the_threshold(take):
    scores = [correlation(take(0), 16000, take(seed), 16000) for seed in range(1, 8)]
    assert max(scores) < 0.6 < THRESHOLD


def test_other_sentence_has_another_profile(take):
    distance = profile(take(), 16000) - profile(take(sentence="kopu sisa"), 16000)
    assert np.sqrt(np.mean(distance**2)) > 1


def test_byte_identical_files_are_told_from_altered_ones(tmp_path, take):
    paths = [write(tmp_path / f"{name}.wav", take()) for name in "ab"]
    (copy,) = find_copies([utterance(path) for path in paths])[0]
    assert copy.identical and copy.rows == (0, 1) and copy.similarity == 1


def test_segments_are_compared_not_their_files(tmp_path, take):
    path = write(tmp_path / "a.wav", np.concatenate([take(), take(1)]))
    middle = len(take()) / 16000
    halves = [utterance(path, id="1", end=middle), utterance(path, id="2", start=middle)]
    alone = utterance(write(tmp_path / "b.wav", take(1)))
    found, _ = find_copies([*halves, alone])
    assert [copy.rows for copy in found] == [(1, 2)]


# Scores


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    """Six voices, eight clips each."""
    return open_synthetic(
        speakers=6, clips_per_emotion=2, folder=tmp_path_factory.mktemp("synthetic")
    )


@pytest.fixture
def speakers_as_classes(synthetic):
    """A leaking split whose labels tell the speaker: each class is a woman's and a man's."""
    return split(
        *(
            Entry(
                u.id,
                "test" if n % 4 == 0 else "train",
                emotion="xyz"[int(u.speaker[1:]) - 1],
            )
            for n, u in enumerate(synthetic)
        )
    )


def test_no_draw_tests_the_speakers_of_another(synthetic, speakers_as_classes, monkeypatch):
    tested = []
    disjoint = _Pool.disjoint

    def watched(self, *arguments):
        train, test = disjoint(self, *arguments)
        tested.append(frozenset(self._speakers[test]))
        assert not tested[-1] & set(self._speakers[train])
        return train, test

    monkeypatch.setattr(_Pool, "disjoint", watched)
    rescore(speakers_as_classes, synthetic, draws=5, progress=False)
    assert len(set(tested)) == 5


def test_leak_inflates_the_score_of_labels_that_follow_the_speaker(synthetic, speakers_as_classes):
    scores = rescore(speakers_as_classes, synthetic, draws=4, progress=False)
    chance = 1 / len(scores["classes"])
    assert scores["published"] > 0.5 > chance > scores["disjoint_mean"]
    assert scores["difference"] == scores["published"] - scores["disjoint_mean"]
    assert scores["sizes"][0]["published"] == {"train": 36, "test": 12}


def test_scores_depend_on_the_seed_alone(synthetic, speakers_as_classes):
    first, again, other = (
        rescore(speakers_as_classes, synthetic, draws=2, seed=seed, progress=False)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first["published"] == other["published"]
    assert first["disjoint_mean"] != other["disjoint_mean"]


def test_report_with_scores_is_shown(synthetic, speakers_as_classes):
    report = audit_split(speakers_as_classes, synthetic, draws=2)
    assert json.loads(json.dumps(report)) == report
    assert "over 2 speaker-disjoint splits" in " ".join(shown(report).split())


def test_too_few_speakers_are_refused(synthetic):
    few = synthetic.filter(lambda u: u.speaker in {"f01", "m01", "f02"})
    made = split(*(Entry(u.id, "test" if n % 4 == 0 else "train") for n, u in enumerate(few)))
    with pytest.raises(ProtocolError, match="at least 4 speakers must be known. Received: "):
        rescore(made, few, draws=2, progress=False)


def test_scores_without_a_corpus_or_with_one_draw_are_refused(synthetic, speakers_as_classes):
    with pytest.raises(ProtocolError, match="Name it: --corpus FOLDER"):
        audit_split(speakers_as_classes, draws=2)
    with pytest.raises(UserError, match="draws is at least 2"):
        rescore(speakers_as_classes, synthetic, draws=1)


def test_fold_without_test_files_is_not_scored(synthetic):
    made = split(
        *(Entry(u.id, "train", 1) for u in synthetic.utterances[1:]),
        Entry(synthetic.utterances[0].id, "test", 2),
    )
    with pytest.raises(ProtocolError, match="Fold 1 cannot be scored"):
        rescore(made, synthetic, draws=2, progress=False)
