"""WAV files made byte by byte: any format, any chunks, any lie in the header."""

import struct

import numpy as np

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE
FORMATS = [(PCM, 8), (PCM, 16), (PCM, 24), (PCM, 32), (FLOAT, 32), (FLOAT, 64)]


def encode(samples, tag=PCM, bits=16):
    """Samples, (frames,) or (frames, channels), as the bytes of a data chunk."""
    samples = np.asarray(samples, dtype="float64").ravel()
    if tag == FLOAT:
        return samples.astype(f"<f{bits // 8}").tobytes()
    full = 2 ** (bits - 1)
    whole = np.clip(np.round(samples * full), -full, full - 1).astype("int64")
    if bits == 8:
        return (whole + 128).astype("uint8").tobytes()
    parts = whole.astype("<i8").view("uint8").reshape(-1, 8)
    return parts[:, : bits // 8].tobytes()


def chunk(name, content, size=None):
    """A chunk, padded to an even size; ``size`` is what it says instead of the truth."""
    said = len(content) if size is None else size
    return name + struct.pack("<I", said) + content + b"\0" * (len(content) % 2)


def fmt(tag=PCM, bits=16, channels=1, sampling_rate=16000, extensible=False):
    """A fmt chunk."""
    align = channels * bits // 8
    plain = struct.pack(
        "<HHIIHH",
        EXTENSIBLE if extensible else tag,
        channels,
        sampling_rate,
        sampling_rate * align % 2**32,
        align % 2**16,
        bits,
    )
    guid = struct.pack("<H", tag) + bytes.fromhex("000000001000800000aa00389b71")
    return chunk(b"fmt ", plain + (struct.pack("<HHI", 22, bits, 0) + guid) * extensible)


def riff(*chunks):
    """A WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def wav(samples, tag=PCM, bits=16, sampling_rate=16000, extensible=False):
    """A WAV file of samples, (frames,) or (frames, channels)."""
    channels = 1 if np.ndim(samples) == 1 else np.shape(samples)[1]
    return riff(
        fmt(tag, bits, channels, sampling_rate, extensible),
        chunk(b"data", encode(samples, tag, bits)),
    )
