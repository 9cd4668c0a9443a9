"""Moving labels: one step of a rollout."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from pnn_keras.deployment.served import MODEL_CONFIG, ServedModel, model_config, read_model_config
from pnn_keras.errors import UserError
from pnn_keras.folder import write_whole


def label_versions(
    folder: str | os.PathLike,
    model: str,
    labels: Mapping[str, int] = MappingProxyType({}),
    *,
    retire: bool = False,
) -> ServedModel:
    """Moves labels of a model in ``models.config``; a server that polls it follows.

    A server moves a label only to a version that it has loaded, and refuses the
    whole file otherwise. So does this: a version has to be listed already.

    Args:
        folder: the deployment folder.
        model: the model's name.
        labels: the version that each label means from now on, by label.
        retire: whether versions that have no label then are no longer loaded.

    Returns:
        The model as it is listed now.

    Raises:
        UserError: the model or the version is not listed there.
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
