"""Presets in archives, for tests."""

import hashlib
import io
import tarfile
import zipfile

from chain_made import made_chain, recorded_metadata

from pnn_keras.preset import save_preset


def made_preset(folder):
    """A small preset at ``folder``."""
    return save_preset(made_chain(), folder, recorded_metadata())


def packed(folder, inside="theirs", kind="zip", extra=()):
    """A folder as the bytes of an archive, in the folder ``inside`` of it; and other files."""
    files = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.*")}
    members = {f"{inside}/{name}" if inside else str(name): c for name, c in files.items()}
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in {**members, **dict(extra)}.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz" if kind == "tar.gz" else "w") as archive:
            for name, content in {**members, **dict(extra)}.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def sha256_of(content: bytes) -> str:
    """The SHA-256 of bytes, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()
