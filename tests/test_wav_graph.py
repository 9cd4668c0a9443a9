"""WAV files in the graph: every format, every order of chunks, no lie believed."""

import io
import struct

import numpy as np
import pytest
import soundfile
import tensorflow as tf
from audio_made import tone
from hypothesis import given, settings
from hypothesis import strategies as st
from wav_made import EXTENSIBLE, FLOAT, FORMATS, PCM, chunk, encode, fmt, riff, wav

from pnn_keras.frontends.wav_graph import CHUNKS, Headers, decode, read_headers

SAMPLES = tone(300, seconds=0.01)
DATA = chunk(b"data", encode(SAMPLES))


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def headers_of(files):
    return read_headers(files)


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def decoded_of(file):
    return decode(file, Headers(*(values[0] for values in read_headers(file[None]))))


def headers(*files):
    return Headers(*(values.numpy() for values in headers_of(tf.constant(files))))


def decoded(file):
    (error,) = headers(file).error
    assert error == b""
    return decoded_of(tf.constant(file)).numpy()


def refused(file):
    found = headers(file)
    assert (found.frames[0], found.channels[0], found.first[0]) == (0, 0, 0)
    return found.error[0].decode()


@pytest.mark.parametrize("extensible", [False, True])
@pytest.mark.parametrize("channels", [1, 2, 7])
@pytest.mark.parametrize(("tag", "bits"), FORMATS)
def test_samples_are_those_of_libsndfile(tag, bits, channels, extensible):
    samples = np.random.default_rng(0).uniform(-1, 1, (50, channels))
    file = wav(samples, tag, bits, 44100, extensible)
    expected, rate = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
    assert headers(file).sampling_rate.tolist() == [rate]
    mono = expected.mean(axis=1, dtype=np.float32)
    assert np.allclose(decoded(file), mono, rtol=0, atol=1e-7)
    if channels == 1:
        assert np.array_equal(decoded(file), mono)


@pytest.mark.parametrize(
    ("bits", "data", "expected"),
    [
        (8, b"\x00\x80\xff", [-1, 0, 127 / 128]),
        (16, b"\x00\x80\x00\x40", [-1, 0.5]),
        (24, b"\x00\x00\x80\xff\xff\xff\x00\x00\x40", [-1, -(2**-23), 0.5]),
        (32, b"\x00\x00\x00\x80\x00\x00\x00\x40", [-1, 0.5]),
    ],
)
def test_integers_are_divided_by_their_full_scale(bits, data, expected):
    assert decoded(riff(fmt(PCM, bits), chunk(b"data", data))).tolist() == expected


@pytest.mark.parametrize(
    "chunks",
    [
        [fmt(), chunk(b"LIST", b"INFOabc"), DATA],
        [chunk(b"JUNK", b"x" * 27), fmt(), DATA],
        [DATA, fmt()],
        [fmt(), DATA, chunk(b"LIST", b"behind")],
        [fmt(), DATA, chunk(b"data", encode(-SAMPLES))],
        [fmt(), *[chunk(b"x   ", b"")] * 100, DATA],
        [fmt(), chunk(b"data", encode(SAMPLES), size=0)],
        [fmt(), chunk(b"data", encode(SAMPLES), size=0xFFFFFFFF)],
        [fmt(), chunk(b"data", encode(SAMPLES), size=0x7FFFFFFF)],
        [fmt(), chunk(b"data", encode(SAMPLES), size=2 * len(SAMPLES) + 1)],
    ],
)
def test_chunks_come_in_any_order_and_number(chunks):
    expected = np.round(SAMPLES * 32768) / 32768
    assert np.array_equal(decoded(riff(*chunks)), expected.astype("float32"))


def test_a_file_cut_short_has_the_samples_that_are_there():
    file = wav(SAMPLES)
    assert len(decoded(file[:-101])) == len(SAMPLES) - 51


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (b"", "no WAV file"),
        (b"R", "no WAV file"),
        (b"RIFF\0\0\0\0", "no WAV file"),
        (b"RIFX" + wav(SAMPLES)[4:], "no WAV file"),
        (b"fLaC" + bytes(100), "no WAV file"),
        (riff(), "no fmt chunk"),
        (riff(fmt()), "no data chunk"),
        (riff(DATA), "no fmt chunk"),
        (riff(chunk(b"fmt ", b"\1\0\1\0"), DATA), "fmt chunk is cut short"),
        (riff(fmt())[:30], "holds integers of 8"),
        (riff(fmt(channels=0), DATA), "no channels"),
        (riff(fmt(tag=0x55), DATA), "Received: format 85 of 16 bits"),
        (riff(fmt(tag=FLOAT), DATA), "Received: format 3 of 16 bits"),
        (riff(fmt(bits=12), DATA), "Received: format 1 of 12 bits"),
        (riff(fmt(tag=EXTENSIBLE), DATA), "Received: format 0 of 16 bits"),
        (riff(chunk(b"LIST", b"", size=0xFFFFFFFF), fmt(), DATA), "no fmt chunk"),
        (riff(*[chunk(b"x   ", b"")] * CHUNKS, fmt(), DATA), "no fmt chunk"),
    ],
)
def test_a_file_that_cannot_be_decoded_is_refused_with_the_reason(file, reason):
    assert reason in refused(file)


def test_a_bad_file_spoils_no_other():
    good, bad = wav(SAMPLES), b"RIFF"
    together = headers(bad, good, b"", good)
    assert [error == b"" for error in together.error] == [False, True, False, True]
    assert together.frames.tolist() == [0, len(SAMPLES), 0, len(SAMPLES)]


def test_more_channels_than_samples_give_no_frames():
    assert headers(riff(fmt(channels=65535), DATA)).frames.tolist() == [0]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_header_makes_the_graph_fail_or_read_beyond_the_file(data):
    file = bytearray(riff(fmt(), chunk(b"LIST", b"abc"), DATA))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, 60))
        file[place : place + 4] = struct.pack("<I", data.draw(st.integers(0, 2**32 - 1)))
    file = bytes(file[: data.draw(st.integers(0, len(file)))])
    found = headers(file)
    if found.error[0] == b"":
        assert decoded_of(tf.constant(file)).shape == (found.frames[0],)
        assert found.first[0] + found.frames[0] * found.channels[0] <= len(file)
