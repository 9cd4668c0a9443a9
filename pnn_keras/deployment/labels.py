"""Moving labels: one step of a rollout."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from pnn_keras.deployment.served import (
    LABELS,
    MODEL_CONFIG,
    ServedModel,
    model_config,
    read_model_config,
)
from pnn_keras.errors import UserError
from pnn_keras.folder import write_whole


def label_versions(
    folder: str | os.PathLike,
    model: str,
    labels: Mapping[str, int] = MappingProxyType({}),
    *,
    new: bool = False,
    retire: bool = False,
) -> ServedModel:
    """Moves labels of a model in ``models.config``; a server that polls it follows.

    A server moves a label only to a version that it has loaded, and refuses the
    whole file otherwise. So does this: a version has to be listed already. A label
    other than ``stable``, ``canary`` and those that the model has is taken for a
    slip of the pen, after which everyone would go on hearing the old version.

    Args:
        folder: the deployment folder.
        model: the model's name.
        labels: the version that each label means from now on, by label.
        new: whether labels may be new ones.
        retire: whether versions that have no label then are no longer loaded.

    Returns:
        The model as it is listed now.

    Raises:
        UserError: the model, the version or the label is not listed there.
        PnnKerasError: the disk refused.

    Example:

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     text = model_config([ServedModel("gender", (1, 2), {"stable": 1, "canary": 1})])
    ...     _ = Path(folder, "models.config").write_text(text)
    ...     moved = label_versions(folder, "gender", {"canary": 2})
    >>> moved.labels == {"stable": 1, "canary": 2}
    True
    """
    path = Path(folder) / MODEL_CONFIG
    config = read_model_config(path)
    entries = {entry.name: entry for entry in config.model_config_list.config}
    if model not in entries:
        raise UserError(f"{path} lists no {model}. It lists: {', '.join(entries) or 'nothing'}")
    if not new:
        _check_known(model, labels, {*LABELS, *entries[model].version_labels})
    listed = tuple(entries[model].model_version_policy.specific.versions)
    for label, version in labels.items():
        if version not in listed:
            raise UserError(
                f"{path} does not load version {version} of {model}, so {label!r} cannot mean it. "
                f"Loaded: {', '.join(map(str, listed)) or 'by another policy'}. "
                "Add the version there, and wait until the server has it"
            )
    labels = {**entries[model].version_labels, **labels}
    versions = tuple(sorted(set(labels.values()))) if retire else listed
    moved = ServedModel(model, versions, labels)
    text = model_config([moved], config)
    write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))
    return moved


def _check_known(model: str, labels: Iterable[str], known: Collection[str]) -> None:
    for label in labels:
        if label not in known:
            meant = difflib.get_close_matches(label, known, n=1)
            raise UserError(
                f"{model} has no label {label!r}. "
                + (f"Is {meant[0]!r} meant? " if meant else "")
                + f"It has or may have: {', '.join(sorted(known))}. "
                "A label of your own is made with --new-label (in Python: new=True)"
            )
