"""The deployment folder: configuration, compose file, Kubernetes manifest and pages."""

from __future__ import annotations

import importlib.resources
import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from pnn_keras.deployment.exported import complete_versions, read_inputs
from pnn_keras.deployment.served import (
    BASE,
    LABELS,
    MODEL_CONFIG,
    ServedModel,
    model_config,
    read_model_config,
)
from pnn_keras.errors import UserError
from pnn_keras.folder import write_whole

#: The server's image. A newer server reads what an older TensorFlow wrote, not the other way
#: round, so its version is at least that of the TensorFlow that exports. Built for amd64 alone.
IMAGE = "tensorflow/serving:2.21.0"

#: CPUs of one container, threads of TensorFlow in it, and batches computed side by side.
CPUS = 2

#: How the pages begin, which are written anew by each export.
_PAGE = "<!-- Written by pnn-keras export, and again by the next one. -->"

_FILES = (
    "batching.config",
    "monitoring.config",
    "compose.yaml",
    "kubernetes.yaml",
    "README.md",
    "ROLLOUT.md",
)


def write_deployment(
    models: str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Writes what it takes to serve a folder of exported models with stock TensorFlow Serving.

    ``models.config`` is brought up to date: the newest version of each model is
    loaded from now on, beside those that have a label; labels stay where they
    are. Of a model that is new there, ``stable`` and ``canary`` mean its newest
    version; one that is listed and was never exported here goes, since a server
    would wait for it. The other files are meant to be edited, and are left as
    they are by whom that was done.

    Args:
        models: the folder of exported models, ``models/NAME/VERSION``.
        folder: where to write; None takes the folder that holds ``models``.
        overwrite: whether to write edited files anew as well.

    Returns:
        The files that were written.

    Raises:
        UserError: there is no exported model; a label means a version that is
            gone; or ``models.config`` there is of another kind.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task, export_chain
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     version = export_chain(chain, Path(parent, "models"), name="gender")
    ...     files = write_deployment(Path(parent, "models"))
    >>> sorted(file.name for file in files)
    ['README.md', 'ROLLOUT.md', 'batching.config', 'compose.yaml', 'kubernetes.yaml',
     'models.config', 'monitoring.config']
    """
    models = Path(models)
    folder = models.parent if folder is None else Path(folder)
    config = folder / MODEL_CONFIG
    before = read_model_config(config) if config.exists() else None
    served = served_models(models, before)
    place = os.path.relpath(models, folder)
    earlier = _earlier_files(before, folder, place)
    if before is not None:
        _leave_out_missing(before.model_config_list.config, {model.name for model in served})
    written = []
    for name, text in deployment_files(served, folder, place, before).items():
        path = folder / name
        if name == MODEL_CONFIG or overwrite or not _is_edited(path, earlier):
            write_whole(path, lambda part, text=text: part.write_text(text, encoding="utf-8"))
            written.append(path)
    return written


def _leave_out_missing(entries, names: set[str]) -> None:
    """Takes out models that ought to lie with the others and do not."""
    for entry in list(entries):
        if entry.base_path == f"{BASE}/{entry.name}" and entry.name not in names:
            entries.remove(entry)


def _is_edited(path: Path, earlier: set[str]) -> bool:
    """Whether a file is there that was not written here, or was changed since."""
    if not path.exists():
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return not text.startswith(_PAGE) if path.suffix == ".md" else text not in earlier


def _earlier_files(before, folder: Path, models: str) -> set[str]:
    """Every text that may have been written, unedited, for the models of a config."""
    listed = before.model_config_list.config if before is not None else ()
    return {
        text
        for entry in listed
        for hears_audio in (True, False)
        for text in deployment_files(
            [ServedModel(entry.name, (1,), {}, hears_audio)], folder, models
        ).values()
    }


def served_models(models: str | os.PathLike, before=None) -> list[ServedModel]:
    """The exported models of a folder, as a server should load them now.

    Args:
        models: the folder of exported models.
        before: the model config so far, whose labels are kept, or None.

    Raises:
        UserError: there is none, or a label means a version that is gone.
    """
    models = Path(models)
    folders = sorted(path for path in models.iterdir()) if models.is_dir() else []
    found = {path: versions for path in folders if (versions := complete_versions(path))}
    if not found:
        raise UserError(f"There is no exported model in {models}. Make one: pnn-keras export")
    listed = before.model_config_list.config if before is not None else ()
    kept = {entry.name: dict(sorted(entry.version_labels.items())) for entry in listed}
    # Those that are listed come first, so that the files go on naming the same model.
    order = sorted(found, key=lambda path: (path.name not in kept, path.name))
    return [_served(path, found[path], kept.get(path.name)) for path in order]


def _served(path: Path, versions: Sequence[int], kept: dict[str, int] | None) -> ServedModel:
    newest = max(versions)
    labels = dict.fromkeys(LABELS, newest) if kept is None else kept
    gone = {label: number for label, number in labels.items() if number not in versions}
    if gone:
        raise UserError(
            f"In {MODEL_CONFIG} these labels of {path.name} mean versions that are gone: "
            f"{', '.join(f'{label} {number}' for label, number in gone.items())}. Found in "
            f"{path}: {', '.join(map(str, versions))}. Put the version back, or mend "
            f"{MODEL_CONFIG}"
        )
    inputs = read_inputs(path / str(newest))
    shape = inputs["features"].get("features", ())
    return ServedModel(
        name=path.name,
        versions=tuple(sorted({*labels.values(), newest})),
        labels=labels,
        hears_audio="audio_bytes" in inputs,
        dimension=shape[1] if len(shape) == 2 else None,
    )


def deployment_files(
    served: Sequence[ServedModel],
    folder: str | os.PathLike = "export",
    models: str = "models",
    before=None,
) -> dict[str, str]:
    """The text of each file of a deployment folder, by name.

    Args:
        served: the models; the pages and the health checks name the first.
        folder: the folder's path, as the pages' commands are to call it.
        models: the path of the exported models, relative to the folder.
        before: the model config to start from, or None.
    """
    first = served[0]
    now, newest = first.labels.get("stable", min(first.versions)), max(first.versions)
    values = {
        "page": _PAGE,
        "model": first.name,
        "version": str(now),
        "next": str(newest if newest > now else newest + 1),
        "folder": shlex.quote(Path(folder).as_posix()),
        "models": Path(models).as_posix(),
        "image": IMAGE,
        "cpus": str(CPUS),
        "padding": _template("padding.config") if first.hears_audio else "",
    }
    values["ask"] = _fill(_template(_asking(first)), {**values, "zeros": _zeros(first)})
    texts = {name: _fill(_template(name), values) for name in _FILES}
    return {MODEL_CONFIG: model_config(served, before), **texts}


def _asking(model: ServedModel) -> str:
    return "ask-audio.md" if model.hears_audio else "ask-features.md"


def _zeros(model: ServedModel) -> str:
    return str(model.dimension or 1)


def _template(name: str) -> str:
    return importlib.resources.files(__package__).joinpath("templates", name).read_text("utf-8")


def _fill(text: str, values: dict[str, str]) -> str:
    for key, value in values.items():
        text = text.replace("{{" + key + "}}", value)
    return text
