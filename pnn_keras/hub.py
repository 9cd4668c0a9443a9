"""Presets on a model hub, through huggingface_hub: fetched into the cache, and pushed."""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pnn_keras.cache import cache_folder
from pnn_keras.errors import DependencyError, PnnKerasError, PresetError, UserError
from pnn_keras.model_address import HubAddress, hub_address
from pnn_keras.prediction import check_answers
from pnn_keras.preset import CARD, CONFIG, FILES, NEEDED, read_preset, save_preset

#: A preset on a hub has at most this many bytes.
MOST_BYTES = 2**30

_COMMIT = re.compile(r"[0-9a-f]{40}")
_SNAPSHOTS = "models--*--*/snapshots/*"

# What the library's errors mean, by their names; the more special ones first.
_MEANINGS = {
    "GatedRepoError": (
        "its owner gives access on request. Ask for it on the repository's page, and log in: "
        "hf auth login"
    ),
    "RepositoryNotFoundError": (
        "the hub has no such repository, or shows it to others alone. Is the name right? If it is "
        "private, log in: hf auth login"
    ),
    "RevisionNotFoundError": "it has no such branch, tag or commit",
}


def fetch_from_hub(address: HubAddress, progress: bool = True) -> Path:
    """The folder of a preset on a hub: its own files alone, in the cache.

    A branch or tag is looked up anew each time; a preset that is in the cache
    is loaded without network if the address names its commit.

    Args:
        address: where the preset lies.
        progress: whether to say on stderr which commit a branch or tag is,
            and to show bars on a terminal.

    Returns:
        The folder, named after the commit.

    Raises:
        DependencyError: huggingface_hub is not installed.
        PresetError: the repository holds no preset.
        PnnKerasError: it cannot be reached, there is none of that name, or it
            is too large.
    """
    hub = _library()
    if _COMMIT.fullmatch(address.revision or "") and (known := _in_cache(hub, address)):
        return known
    with _clear_errors(hub, address):
        info = hub.HfApi(library_name="pnn-keras").model_info(
            address.repository, revision=address.revision, files_metadata=True
        )
    _check_files(address, {file.rfilename: file.size or 0 for file in info.siblings or ()})
    found = HubAddress(address.repository, info.sha)
    if progress and found != address:
        print(f"{address} is {found}", file=sys.stderr)
    if known := _in_cache(hub, found):
        return known
    with _clear_errors(hub, address), _bars(hub, progress):
        return _snapshot(hub, found)


def push_to_hub(
    folder: Path, address: HubAddress, private: bool = False, progress: bool = True
) -> HubAddress:
    """Uploads a preset in one commit; makes the repository if there is none.

    Args:
        folder: the preset's folder, of which the preset's own files are
            uploaded.
        address: where to.
        private: whether a repository that is made is for its owner alone.
        progress: whether to show bars on a terminal.

    Returns:
        The address of what was uploaded, with its commit.

    Raises:
        DependencyError: huggingface_hub is not installed.
        PresetError: the preset is damaged or has no card.
        PnnKerasError: the hub refuses or cannot be reached.
        UserError: the address names a revision.
    """
    if address.revision is not None:
        raise UserError(f"A push makes a new revision. Received: {address}. Leave @... away")
    preset = read_preset(folder)
    if not (preset.folder / CARD).is_file() or not (preset.folder / CARD).read_text("utf-8"):
        raise PresetError(
            f"{preset.folder} lacks its card, {CARD}, so nobody could know what it heard. It was "
            "not pushed. Save the chain again with save_to_preset, which writes one"
        )
    hub = _library()
    pictures = sorted(path.name for path in preset.folder.glob("*.png"))  # the card's
    with _clear_errors(hub, address), _bars(hub, progress):
        api = hub.HfApi(library_name="pnn-keras")
        api.create_repo(
            address.repository, private=private or None, repo_type="model", exist_ok=True
        )
        commit = api.create_commit(  # not upload_folder, which may make several
            address.repository,
            [hub.CommitOperationAdd(name, preset.folder / name) for name in (*FILES, *pictures)],
            repo_type="model",
            commit_message=f"Upload a preset of pnn-keras, weights {preset.sha256[:12]}",
        )
    return HubAddress(address.repository, commit.oid)


def upload_chain(
    chain, address: str, metadata: Mapping | None = None, *, private: bool = False
) -> str:
    """Uploads a chain to a hub as a preset with its card, in one commit.

    Args:
        chain: the chain; its own ``metadata`` is kept where ``metadata`` does
            not say otherwise.
        address: ``hf://OWNER/NAME``; the repository is made if there is none.
            Needs ``pip install 'pnn-keras[hub]'``.
        metadata: what is known about the chain: anything JSON-able.
        private: whether a repository that is made is for its owner alone.

    Returns:
        The address of what was uploaded, with its commit, for
        :func:`pnn_keras.load`.

    Raises:
        UserError: an address of another form, or nothing is recorded about the
            chain, so that its card could say nothing.
        PresetError: the chain's answers are no probabilities.
        DependencyError: huggingface_hub is not installed.
        PnnKerasError: the hub refuses or cannot be reached.

    Example:
        ``chain.upload_preset("hf://someone/gender", {"title": "Hears gender"})``
    """
    target = hub_address(address)
    if not {**chain.metadata, **(metadata or {})}:
        raise UserError(
            "Nothing is recorded about the chain, so nobody could know what it heard. Say what "
            "is known: metadata={'title': ..., 'corpora': [{'name': ...}]}"
        )
    check_answers(chain, "The chain")
    with tempfile.TemporaryDirectory() as parent:
        folder = save_preset(chain, Path(parent) / target.name, metadata)
        return str(push_to_hub(folder, target, private))


def hub_presets() -> Iterator[tuple[str, Path]]:
    """The presets in the cache that came from a hub: address and folder of each."""
    for folder in sorted(_home().glob(_SNAPSHOTS)):
        if (folder / CONFIG).is_file():
            _, owner, name = folder.parents[1].name.split("--", 2)
            yield str(HubAddress(f"{owner}/{name}", folder.name)), folder


def _home() -> Path:
    return cache_folder("presets") / "hub"


def _library():
    try:
        # It loads what it consists of only when that is imported.
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        raise DependencyError(
            "hf:// addresses need huggingface_hub, which is not installed. "
            "Install it: pip install 'pnn-keras[hub]'"
        ) from error
    return huggingface_hub


def _in_cache(hub, address: HubAddress) -> Path | None:
    """The folder of a commit whose files are all in the cache."""
    try:
        folder = _snapshot(hub, address, local_files_only=True)
    except Exception:  # what the library says where it is not; the next step tells all others
        return None
    return folder if all((folder / name).is_file() for name in NEEDED) else None


def _snapshot(hub, address: HubAddress, **options) -> Path:
    """Fetches the files of a commit that are not in the cache yet."""
    folder = hub.snapshot_download(
        address.repository,
        revision=address.revision,
        cache_dir=_home(),
        allow_patterns=list(FILES),
        library_name="pnn-keras",
        **options,
    )
    return Path(folder)


def _check_files(address: HubAddress, sizes: dict[str, int]) -> None:
    missing = [name for name in NEEDED if name not in sizes]
    if missing:
        raise PresetError(f"{address} holds no preset: it lacks {', '.join(missing)}")
    if (size := sum(sizes.get(name, 0) for name in FILES)) > MOST_BYTES:
        raise PnnKerasError(
            f"{address} has {size} bytes, more than a preset has ({MOST_BYTES}). "
            "It was not fetched"
        )


@contextlib.contextmanager
def _bars(hub, progress: bool) -> Iterator[None]:
    """Shows the library's progress bars on a terminal alone."""
    hide = not (progress and sys.stderr.isatty()) and not hub.utils.are_progress_bars_disabled()
    if hide:
        hub.utils.disable_progress_bars()
    try:
        yield
    finally:
        if hide:
            hub.utils.enable_progress_bars()


@contextlib.contextmanager
def _clear_errors(hub, address: HubAddress) -> Iterator[None]:
    """The library's errors in our words; they come of two libraries of HTTP, by its version."""
    try:
        yield
    except PnnKerasError:
        raise
    except Exception as error:
        for name, meaning in _MEANINGS.items():
            if isinstance(error, getattr(hub.errors, name)):
                raise PnnKerasError(f"{address}: {meaning}") from error
        # The hub's own words where it said any: the library puts them last.
        said = getattr(error, "server_message", None) or str(error)
        reason = (said.strip().splitlines() or [""])[0].rstrip(".")
        raise PnnKerasError(
            f"{address}: {type(error).__name__}: {reason}. Is the hub reached, and are you logged "
            "in (hf auth login) where that is needed? A preset in the cache is loaded without the "
            "hub by its commit: hf://OWNER/NAME@COMMIT"
        ) from error
