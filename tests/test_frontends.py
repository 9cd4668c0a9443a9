"""openSMILE's functionals, tables of embeddings, and front-ends by name."""

import builtins
import importlib.metadata
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from audio_made import Moments, tone, utterance, write

from pnn_keras import audio, frontends
from pnn_keras.errors import AudioError, CorpusError, DependencyError, UserError
from pnn_keras.frontends import create_frontend, egemaps
from pnn_keras.frontends.egemaps import Egemaps
from pnn_keras.frontends.embeddings import Embeddings

needs_opensmile = pytest.mark.skipif(
    not any(d.name == "opensmile" for d in importlib.metadata.distributions()),
    reason="opensmile is not installed",
)


@pytest.fixture(scope="module")
def voice():
    """A tone with overtones and a bit of noise: something with a pitch and formants."""
    noise = np.random.default_rng(0).normal(0, 0.01, 16000)
    overtones = sum(tone(150 * k, 1.0, level=0.3 / k) for k in range(1, 12))
    return (overtones + noise).astype(np.float32)


# Front-ends by name


def test_an_unknown_front_end_lists_the_known_ones():
    with pytest.raises(UserError, match="one of egemaps, logmel, embeddings.*Received: 'mfcc'"):
        create_frontend("mfcc")


def test_an_unknown_feature_set_lists_the_known_ones():
    with pytest.raises(UserError, match="eGeMAPSv02, eGeMAPSv01b, ComParE_2016.*'ComPare'"):
        create_frontend("egemaps:ComPare")


def test_a_name_with_an_option_chooses_the_feature_set():
    assert create_frontend("egemaps:ComParE_2016").dimension == 6373


def test_a_configuration_gives_an_equal_front_end():
    frontend = create_frontend("egemaps:eGeMAPSv01b")
    again = create_frontend(frontend.config())
    assert again.config() == frontend.config() and again.key == frontend.key


def test_a_configuration_with_foreign_options_is_refused():
    with pytest.raises(UserError, match="egemaps has no such options"):
        create_frontend({"name": "egemaps", "hop": 3})


@needs_opensmile
def test_a_configuration_of_another_version_warns():
    config = Egemaps().config() | {"version": "1+opensmile-0.1"}
    with pytest.warns(UserWarning, match="opensmile-0.1.*its values may differ"):
        create_frontend(config)


def test_the_key_depends_on_name_version_and_options():
    class Other(Moments):
        name = "other"

    class Newer(Moments):
        version = "2"

    keys = {f.key for f in (Moments(), Moments(scale=2.0), Other(), Newer())}
    assert len(keys) == 4
    assert Moments(log="elsewhere").key == Moments().key


def test_a_front_end_takes_no_option_unless_it_says_so():
    with pytest.raises(UserError, match="takes no option. Received: 'moments:x'"):
        Moments.from_option("x")


def test_importing_the_front_ends_imports_nothing_heavy():
    code = (
        "import sys, pnn_keras.store, pnn_keras.frontends.egemaps, pnn_keras.frontends.embeddings;"
        "import pnn_keras.frontends.logmel;"
        "print([m for m in ('tensorflow', 'keras', 'pandas', 'opensmile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# openSMILE


@needs_opensmile
@pytest.mark.parametrize("feature_set", egemaps.FEATURE_SETS)
def test_the_functionals_are_those_of_process_file(tmp_path, voice, feature_set):
    path = write(tmp_path / "a.wav", voice)
    frontend = Egemaps(feature_set)
    values, _ = frontend.features(utterance(path))  # first: it loads openSMILE beside TensorFlow
    import opensmile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        smile = opensmile.Smile(feature_set, opensmile.FeatureLevel.Functionals)
    expected = smile.process_file(str(path))
    assert values.dtype == np.float32 and values.shape == (frontend.dimension,)
    assert np.array_equal(values, expected.to_numpy()[0])
    assert frontend.feature_names == tuple(expected.columns)


@needs_opensmile
def test_the_functionals_of_a_real_clip_are_those_of_process_file(data):
    path = data / "EmoDB" / "wav" / "03a01Fa.wav"
    values, _ = Egemaps().features(utterance(path))
    import opensmile

    smile = opensmile.Smile("eGeMAPSv02", opensmile.FeatureLevel.Functionals)
    expected = smile.process_file(str(path)).to_numpy()[0]
    assert np.array_equal(values, expected)


@needs_opensmile
def test_the_pitch_of_a_tone_of_200_hz_is_found():
    values = Egemaps().extract(sum(tone(200 * k, 1.0, level=0.2) for k in range(1, 5)), 16000)
    name = "F0semitoneFrom27.5Hz_sma3nz_amean"
    semitones = 12 * np.log2(200 / 27.5)
    assert values[Egemaps().feature_names.index(name)] == pytest.approx(semitones, abs=0.1)


@needs_opensmile
def test_a_sample_at_full_scale_does_not_wrap_around(voice):
    # In 16 bits 1.0 is 32768, which wraps around to -32768: a click.
    loud = voice / np.abs(voice).max()
    almost = np.minimum(loud, 32767 / 32768)
    assert np.array_equal(Egemaps().extract(loud, 16000), Egemaps().extract(almost, 16000))
    assert np.array_equal(
        Egemaps().extract(1.5 * loud, 16000),
        Egemaps().extract(np.clip(1.5 * loud, -1, 32767 / 32768), 16000),
    )


@needs_opensmile
def test_extracting_leaves_the_signal_as_it_was(voice):
    before = voice.copy()
    Egemaps().extract(voice, 16000)
    assert np.array_equal(voice, before)


@needs_opensmile
def test_a_functional_that_is_not_finite_is_named(voice, monkeypatch):
    class Broken:
        feature_names = ("loudness", "jitter")

        def __call__(self, signal, sampling_rate):
            return np.array([[1.0], [np.nan]])

    monkeypatch.setattr(egemaps, "_smile", lambda feature_set: Broken())
    with pytest.raises(AudioError, match="no finite value for 1 of 2 .* the first is jitter"):
        Egemaps().extract(voice, 16000)


def test_without_opensmile_the_error_says_how_to_install_it(voice, monkeypatch):
    def refuse(name, *args, **kwargs):
        if name.partition(".")[0] == "opensmile":
            raise ImportError(name)
        return imported(name, *args, **kwargs)

    imported = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(egemaps, "_made", egemaps._made.__wrapped__)
    with pytest.raises(DependencyError, match=r"'pnn-keras\[egemaps\]'.* logmel"):
        Egemaps().extract(voice, 16000)


def test_without_opensmile_a_recorded_front_end_opens_but_has_no_key(monkeypatch):
    def refuse(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", refuse)
    frontend = create_frontend({"name": "egemaps", "version": "1+x", "feature_set": "eGeMAPSv02"})
    assert frontend.dimension == 88
    with pytest.raises(DependencyError, match="egemaps"):
        frontend.key  # noqa: B018


# Tables of embeddings

FILES = ("wav/a.wav", "wav/b.wav")
VECTORS = np.array([[1, 2, 3], [4, 5, 6]], dtype="float32")


def _numeric(column="file"):
    return pd.DataFrame(VECTORS, columns=["x", "y", "z"]).assign(**{column: FILES})


def _segmented(starts, ends, files=("wav/a.wav", "wav/a.wav")):
    index = pd.MultiIndex.from_arrays(
        [files, pd.to_timedelta(starts, "s"), pd.to_timedelta(ends, "s")],
        names=["file", "start", "end"],
    )
    return pd.DataFrame(VECTORS, index=index, columns=["x", "y", "z"])


def _parquet(folder, frame):
    path = folder / "table.parquet"
    frame.to_parquet(path)
    return path


def _npz(folder, **arrays):
    path = folder / "table.npz"
    np.savez(path, **arrays)
    return path


def _made(identity, **facts):
    file = identity.partition("#")[0]
    return utterance(Path("/corpora/made") / file, id=identity, **facts)


TABLES = {
    "file column": lambda f: _parquet(f, _numeric()),
    "path column": lambda f: _parquet(f, _numeric("path")),
    "filename column": lambda f: _parquet(f, _numeric("filename")),
    "text beside": lambda f: _parquet(f, _numeric().assign(text="hello", loud=True)),
    "named index": lambda f: _parquet(f, _numeric().set_index("file")),
    "nameless index": lambda f: _parquet(f, _numeric().set_index("file").rename_axis(None)),
    "list column": lambda f: _parquet(f, pd.DataFrame({"file": FILES, "v": list(VECTORS)})),
    "double precision": lambda f: _parquet(f, _numeric().astype({"x": float, "y": "int64"})),
    "audformat": lambda f: _parquet(f, _segmented([0, 0], [None, None], FILES)),
    "whole durations": lambda f: _parquet(f, _segmented([0, 0], [1.2, 2.1], FILES)),
    "files and vectors": lambda f: _npz(f, files=FILES, vectors=VECTORS),
    "array per file": lambda f: _npz(f, **dict(zip(FILES, VECTORS, strict=True))),
    "row per file": lambda f: _npz(f, **{k: v[None] for k, v in zip(FILES, VECTORS, strict=True)}),
}


@pytest.mark.parametrize("form", TABLES)
def test_every_form_of_table_gives_the_vector_of_the_file(tmp_path, form):
    frontend = create_frontend(f"embeddings:{TABLES[form](tmp_path)}")
    assert frontend.dimension == 3
    vector = frontend.lookup(_made("wav/b.wav"))
    assert vector.dtype == np.float32 and vector.tolist() == [4, 5, 6]


def test_numeric_columns_give_the_feature_names(tmp_path):
    assert Embeddings(_parquet(tmp_path, _numeric())).feature_names == ("x", "y", "z")


@pytest.mark.parametrize(
    "name",
    ["wav/b.wav", "b.wav", "b", "made/wav/b.wav", "/corpora/made/wav/b.wav", "/else/wav/b.wav",
     "flat/b.flac", "wav\\b.wav"],
)  # fmt: skip
def test_a_row_is_found_by_id_by_path_and_by_base_name(tmp_path, name):
    frontend = Embeddings(_npz(tmp_path, files=["c.wav", name], vectors=VECTORS))
    assert frontend.lookup(_made("wav/b.wav")).tolist() == [4, 5, 6]


def test_files_of_one_base_name_are_told_apart_by_their_folder(tmp_path):
    frontend = Embeddings(_npz(tmp_path, files=["1/a.wav", "2/a.wav"], vectors=VECTORS))
    assert frontend.lookup(_made("2/a.wav")).tolist() == [4, 5, 6]


def test_an_absolute_path_tells_two_corpora_apart(tmp_path):
    files = ["/corpora/other/a.wav", "/corpora/made/a.wav"]
    frontend = Embeddings(_npz(tmp_path, files=files, vectors=VECTORS))
    assert frontend.lookup(_made("a.wav")).tolist() == [4, 5, 6]


def test_a_base_name_that_occurs_twice_is_no_match(tmp_path):
    frontend = Embeddings(_npz(tmp_path, files=["1/a.wav", "2/a.wav"], vectors=VECTORS))
    with pytest.raises(CorpusError, match="has no row for it.*files like '1/a.wav'"):
        frontend.lookup(_made("3/a.wav"))


def test_two_rows_of_one_file_are_ambiguous(tmp_path):
    frontend = Embeddings(_npz(tmp_path, files=["wav/a.wav"] * 2, vectors=VECTORS))
    with pytest.raises(CorpusError, match="has 2 rows for it, one is needed"):
        frontend.lookup(_made("wav/a.wav"))


def test_a_file_that_the_table_lacks_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="has no row for it"):
        Embeddings(TABLES["files and vectors"](tmp_path)).lookup(_made("wav/c.wav"))


def test_a_segment_is_found_by_its_bounds(tmp_path):
    frontend = Embeddings(_parquet(tmp_path, _segmented([0, 1.5], [1.5, None])))
    assert frontend.lookup(_made("wav/a.wav#0-1.5", end=1.5)).tolist() == [1, 2, 3]
    assert frontend.lookup(_made("wav/a.wav#1.5-", start=1.5)).tolist() == [4, 5, 6]


def test_bounds_may_be_numbers_of_seconds(tmp_path):
    frame = _numeric().assign(file="wav/a.wav", start=[0.0, 1.5], end=[1.5, np.nan])
    frontend = Embeddings(_parquet(tmp_path, frame))
    assert frontend.lookup(_made("wav/a.wav#0-1.5", end=1.5)).tolist() == [1, 2, 3]


def test_a_segment_may_be_named_by_its_id(tmp_path):
    files = ["wav/a.wav#0-1.5", "wav/a.wav"]
    frontend = Embeddings(_npz(tmp_path, files=files, vectors=VECTORS))
    assert frontend.lookup(_made("wav/a.wav#0-1.5", end=1.5)).tolist() == [1, 2, 3]
    assert frontend.lookup(_made("wav/a.wav")).tolist() == [4, 5, 6]


def test_a_segment_takes_no_vector_of_the_whole_file(tmp_path):
    frontend = Embeddings(TABLES["file column"](tmp_path))
    with pytest.raises(CorpusError, match="no row for it.*rows of other bounds: 1"):
        frontend.lookup(_made("wav/a.wav#0-1.5", end=1.5))


def test_a_whole_file_takes_no_vector_of_one_of_its_segments(tmp_path):
    frontend = Embeddings(_parquet(tmp_path, _segmented([0, 1.5], [1.5, 3])))
    with pytest.raises(CorpusError, match="rows of other bounds: 2"):
        frontend.lookup(_made("wav/a.wav"))


def test_a_vector_that_is_not_finite_is_refused(tmp_path):
    frontend = Embeddings(_npz(tmp_path, files=FILES, vectors=[[1, np.nan], [1, 2]]))
    with pytest.raises(CorpusError, match="NaN or infinity"):
        frontend.lookup(_made("wav/a.wav"))


@pytest.mark.parametrize(
    "table, reason",
    [
        (lambda f: f / "none.npz", "There is no table"),
        (lambda f: f / "table.csv", ".parquet or .npz file. Received: .*table.csv"),
        (lambda f: _parquet(f, _numeric("clip")), "has a column file, .*x, y, z, clip"),
        (lambda f: _parquet(f, pd.DataFrame({"file": FILES})), "0 columns of lists and 0 numeric"),
        (lambda f: _parquet(f, _numeric().iloc[:0]), "is empty"),
        (lambda f: _parquet(f, _numeric().assign(file=["a.wav", ""])), "names no file in row 1"),
        (lambda f: _parquet(f, _numeric().assign(start="0")), "column start.*in seconds"),
        (lambda f: _npz(f, files=FILES, vectors=VECTORS[:1]), "2 files and 1 vectors"),
        (lambda f: _npz(f, a=[1.0, 2.0], b=[1.0]), r"one length. Received: \(1,\), \(2,\)"),
        (lambda f: _npz(f, a=["x"], b=["y"]), "holds no numbers"),
        (lambda f: _npz(f), "is empty"),
        (lambda f: _npz(f, files=np.array(FILES, object), vectors=VECTORS), "no readable npz"),
    ],
)
def test_a_table_of_no_known_form_is_refused(tmp_path, table, reason):
    with pytest.raises(UserError, match=reason):
        Embeddings(table(tmp_path))


@pytest.mark.parametrize("name", ["table.npz", "table.parquet"])
def test_a_table_cut_short_is_refused(tmp_path, name):
    path = TABLES["file column" if name.endswith("parquet") else "files and vectors"](tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(UserError, match="is no readable"):
        Embeddings(path)


def test_embeddings_do_not_hear_audio(tmp_path):
    with pytest.raises(UserError, match="cannot hear audio.*--frontend embeddings:TABLE"):
        Embeddings(TABLES["file column"](tmp_path)).extract(tone(), 16000)


def test_embeddings_need_a_table():
    with pytest.raises(UserError, match="needs a table"):
        create_frontend("embeddings")


def test_the_configuration_records_the_table_and_opens_without_it(tmp_path):
    frontend = Embeddings(TABLES["file column"](tmp_path))
    again = create_frontend(frontend.config())
    assert again.dimension == 3 and again.key == frontend.key
    with pytest.raises(UserError, match="no table to look wav/a.wav up in"):
        again.lookup(_made("wav/a.wav"))


def test_another_table_is_another_front_end(tmp_path):
    first = Embeddings(_npz(tmp_path, files=FILES, vectors=VECTORS))
    second = Embeddings(_npz(tmp_path, files=FILES, vectors=-VECTORS))
    assert first.key != second.key


def test_every_known_front_end_has_its_name():
    for name in frontends.KNOWN:
        assert frontends._known(name).name == name


def test_a_front_end_refuses_what_the_check_refuses(tmp_path):
    path = write(tmp_path / "a.wav", np.zeros(16000))
    with pytest.raises(AudioError, match="silent"):
        Moments().features(utterance(path))[0]
    assert audio.read(path)[0].shape == (16000,)


def test_egemaps_works_after_tensorflow_was_imported():
    code = (
        "import tensorflow, numpy as np\n"
        "from pnn_keras.frontends import create_frontend\n"
        "tone = 0.5 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)\n"
        "print(create_frontend('egemaps').extract(tone, 16000).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "(88,)"), done.stderr[-2000:]


@pytest.mark.parametrize("number", [None, 2])
def test_a_front_end_goes_to_another_process_as_what_makes_it(number):
    heard = frontends.create_frontend("logmel:longest=5")
    frontend = heard if number is None else heard.masked(number)
    frontend.extract(np.sin(np.arange(8000) / 10).astype(np.float32), 16_000)  # compiles its graph
    there = pickle.loads(pickle.dumps(frontend))
    assert type(there) is type(frontend) and there.config() == frontend.config()
