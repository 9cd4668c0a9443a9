"""Trained chains by name: what the zoo holds, and loading from wherever one lies."""

from __future__ import annotations

import difflib
import importlib.resources
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pnn_keras.card import write_card
from pnn_keras.errors import PresetError, UserError
from pnn_keras.hub import fetch_from_hub, hub_presets, push_to_hub
from pnn_keras.loading import load_keras, load_preset, make_chain
from pnn_keras.model_address import HubAddress, hub_address, model_name, parse_address
from pnn_keras.prediction import check_answers
from pnn_keras.preset import CARD, CONFIG, read_preset
from pnn_keras.preset_archive import archived_presets, fetch_archive

if TYPE_CHECKING:
    from pnn_keras.chain import Chain


def list_presets() -> list[str]:
    """The names of the presets that ship with the package, sorted.

    Example:

    >>> isinstance(list_presets(), list)
    True
    """
    folder = _zoo_folder()
    if not folder.is_dir():
        return []
    return sorted(path.parent.name for path in folder.glob(f"*/{CONFIG}"))


def cached_presets() -> dict[str, Path]:
    """The presets that were fetched from elsewhere: the folder of each, by its address.

    Example:

    >>> isinstance(cached_presets(), dict)
    True
    """
    return dict([*archived_presets(), *hub_presets()])


def load(model: str | os.PathLike, *, sha256: str | None = None, progress: bool = True) -> Chain:
    """Loads a trained chain.

    What comes from elsewhere is kept in the user's cache folder, or in that
    which the environment variable PNN_KERAS_CACHE names. Nobody's code is run
    and nothing is unpickled, wherever it comes from.

    Args:
        model: one of

            - the name of a preset in the zoo;
            - the path of a preset folder, or of a ``.keras`` file that holds a
              chain. A folder that bears the name of a preset is ``./NAME``;
            - ``https://HOST/FILE#sha256=HEX``: a preset in a .zip or .tar.gz
              archive, which is loaded only if it is the one of that SHA-256;
            - ``hf://OWNER/NAME`` or ``hf://OWNER/NAME@REVISION``: a preset on
              a hub (``pip install 'pnn-keras[hub]'``); a commit as revision
              fixes it for good.
        sha256: of the archive, where the address does not end with it.
        progress: whether to say on stderr what is downloaded.

    Returns:
        The chain, with what is recorded about it as ``chain.metadata``.

    Raises:
        PresetError: there is no such model, or it is damaged, not to be
            trusted or of a newer format; the message says what to do.
        UserError: an address of another form, or without its SHA-256.
        DependencyError: what the hub needs is not installed.
        PnnKerasError: the download failed, or gave another file than was meant.

    Example:

    >>> load("no-such-preset")
    Traceback (most recent call last):
        ...
    pnn_keras.errors.PresetError: There is no preset 'no-such-preset' in the zoo...
    """
    path = find(model, sha256=sha256, progress=progress)
    return load_keras(path) if path.suffix == ".keras" else load_preset(path)


def find(model: str | os.PathLike, *, sha256: str | None = None, progress: bool = True) -> Path:
    """Where a model lies on this machine, fetched where it did not: a folder or a ``.keras`` file.

    Args:
        model: as in :func:`load`.
        sha256: as in :func:`load`.
        progress: as in :func:`load`.

    Raises:
        PresetError: there is none of that name or path.
        UserError, DependencyError, PnnKerasError: as in :func:`load`.
    """
    text = os.fspath(model)
    address = parse_address(text, sha256)
    if isinstance(address, HubAddress):
        return fetch_from_hub(address, progress)
    if address is not None:
        return fetch_archive(address, progress)
    names = list_presets()
    if isinstance(model, str) and text in names:
        return _zoo_folder() / text
    path = Path(text)
    if path.is_dir() or (path.suffix == ".keras" and path.is_file()):
        return path
    if path.is_file():
        raise PresetError(
            f"{path} is neither a preset folder nor a .keras file. "
            "Give the folder that holds config.json"
        )
    if len(path.parts) > 1 or text.startswith(".") or path.suffix == ".keras":
        raise PresetError(f"There is nothing at {path}. Give a preset folder or a .keras file")
    raise PresetError(_unknown(text, names))


def verify(model: str | os.PathLike, *, progress: bool = True) -> dict:
    """Checks that a preset is whole, loads and answers.

    Args:
        model: as in :func:`load`, but no ``.keras`` file.
        progress: as in :func:`load`.

    Returns:
        ``name``, ``folder``, ``sha256`` of the weights, ``bytes`` of the weights,
        ``parameters``, the ``tasks`` with their classes, and the ``versions``
        that wrote it.

    Raises:
        PresetError: something is missing, damaged, or its answers are no
            probabilities.
    """
    preset = read_preset(find(model, progress=progress))
    if not (preset.folder / CARD).is_file():
        raise PresetError(f"{preset.folder} lacks its card, {CARD}. Copy the whole folder again")
    chain = make_chain(preset)
    check_answers(chain, preset.folder)
    return {
        "name": model_name(model),
        "folder": str(preset.folder),
        "sha256": preset.sha256,
        "bytes": preset.weights.stat().st_size,
        "parameters": chain.count_params(),
        "tasks": {task.name: list(task.classes) for task in chain.tasks},
        "versions": dict(preset.versions),
    }


def rewrite_card(folder: str | os.PathLike) -> list[str]:
    """Writes a preset's card and pictures anew, from what is stored with it.

    Its configuration, its metadata and its weights stay as they are.

    Args:
        folder: the preset's folder; its name is the preset's.

    Returns:
        The names of the files written.

    Raises:
        PresetError: see :func:`load_preset`.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     chain.save_to_preset(Path(parent) / "gender")
    ...     rewrite_card(Path(parent) / "gender")
    ['README.md']
    """
    folder = Path(folder)
    chain = load_preset(folder)
    return write_card(chain, chain.metadata, folder, folder.resolve().name)


def push(
    model: str | os.PathLike, to: str, *, private: bool = False, progress: bool = True
) -> HubAddress:
    """Uploads a preset to a hub, once it is verified; in one commit.

    Args:
        model: a preset, as in :func:`load`, with its card.
        to: ``hf://OWNER/NAME``; the repository is made if there is none.
        private: whether a repository that is made is for its owner alone.
        progress: whether to say on stderr what is downloaded and uploaded.

    Returns:
        The address of what was uploaded, with its commit.

    Raises:
        UserError: ``model`` is a ``.keras`` file, or ``to`` of another form.
        PresetError: the preset does not verify, or has no card.
        DependencyError: what the hub needs is not installed.
        PnnKerasError: the hub refuses or cannot be reached.
    """
    address = hub_address(to)
    folder = find(model, progress=progress)
    if folder.suffix == ".keras":
        raise UserError(
            f"{folder} has no card that says what it heard, so it is not pushed. Make a preset of "
            "it, and say there what is known: load(...).save_to_preset(FOLDER, metadata)"
        )
    verify(folder)
    return push_to_hub(folder, address, private, progress)


def _zoo_folder() -> Path:
    """The folder of the presets: installed, or beside the package in a checkout."""
    try:
        return Path(str(importlib.resources.files("pnn_keras_zoo")))
    except ModuleNotFoundError:
        return Path(__file__).parent.parent / "zoo"


def _unknown(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=3)
    meant = f" Did you mean {' or '.join(close)}?" if close else ""
    return (
        f"There is no preset {name!r} in the zoo.{meant} "
        f"The zoo holds: {', '.join(names) or 'nothing'}. "
        "A preset folder or a .keras file is given by its path"
    )
