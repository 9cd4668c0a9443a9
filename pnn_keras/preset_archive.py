"""Presets in archives on web servers: downloaded once, checked, and kept in the cache."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from pnn_keras.archives.download import Archive, fetch, forget, verify
from pnn_keras.archives.unpack import unpack
from pnn_keras.cache import alone, cache_folder
from pnn_keras.errors import PresetError
from pnn_keras.folder import whole_folder
from pnn_keras.model_address import WebAddress, folder_name
from pnn_keras.preset import CONFIG, FILES, read_preset

#: A preset's archive has at most this many bytes, packed or unpacked ...
MOST_BYTES = 2**30
#: ... and at most this many files.
MOST_FILES = 1000

_SOURCE = "address.json"


def fetch_archive(address: WebAddress, progress: bool = True) -> Path:
    """The folder of a preset that lies in an archive: from the cache, else downloaded.

    The archive is compared with its SHA-256 before it is unpacked, and the
    preset is read before it takes its place. Only one process downloads; an
    interrupted download goes on in a later call.

    Args:
        address: where the archive lies.
        progress: whether to show a progress bar.

    Returns:
        The preset's folder, in the cache.

    Raises:
        PresetError: the archive holds no preset, several, or a damaged one.
        PnnKerasError: the server cannot be reached, the archive is not the
            one that was meant, is hostile or too large, or the disk refused.
    """
    home = _home() / address.sha256
    if not home.is_dir():
        with alone(home):
            if not home.is_dir():  # another process may have been faster
                _fetch(address, home, progress)
    return _preset_in(home)


def archived_presets() -> Iterator[tuple[str, Path]]:
    """The presets in the cache that came in archives: address and folder of each."""
    for config in sorted(_home().glob(f"*/*/{CONFIG}")):
        source = config.parents[1] / _SOURCE
        yield json.loads(source.read_text(encoding="utf-8"))["address"], config.parent


def _home() -> Path:
    return cache_folder("presets") / "archives"


def _preset_in(home: Path) -> Path:
    for config in home.glob(f"*/{CONFIG}"):
        return config.parent
    raise PresetError(f"{home} is damaged. Remove it, and load the preset again")


def _fetch(address: WebAddress, home: Path, progress: bool) -> None:
    archive = Archive(address.url, sha256=address.sha256)
    part = home.with_name(home.name + ".part")
    fetch(archive, part, most_bytes=MOST_BYTES, progress=progress)
    verify(archive, part)
    try:
        with whole_folder(home) as folder:
            unpack(part, folder / ".unpacked", most_bytes=MOST_BYTES, most_files=MOST_FILES)
            _take(folder / ".unpacked", folder, address)
    finally:
        forget(part)


def _take(unpacked: Path, folder: Path, address: WebAddress) -> None:
    """Moves the one preset of an archive into a folder, its own files alone."""
    preset = _only_preset(unpacked, address)
    read_preset(preset)
    kept = folder / (address.name if preset == unpacked else folder_name(preset.name))
    kept.mkdir()
    for name in FILES:
        if (preset / name).is_file():
            (preset / name).rename(kept / name)
    shutil.rmtree(unpacked)
    source = json.dumps({"address": str(address)}, indent=2) + "\n"
    (folder / _SOURCE).write_text(source, encoding="utf-8")


def _only_preset(unpacked: Path, address: WebAddress) -> Path:
    configs = [*unpacked.glob(CONFIG), *sorted(unpacked.glob(f"*/{CONFIG}"))]
    if len(configs) == 1:
        return configs[0].parent
    found = ", ".join(str(path.relative_to(unpacked)) for path in configs) or "none"
    raise PresetError(
        f"{address.url} is no preset's archive: one {CONFIG} is expected in it, at the top or one "
        f"folder below. Found: {found}"
    )
