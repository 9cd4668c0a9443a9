"""What a user names as a model, as something that can be served."""

from __future__ import annotations

import shutil
from pathlib import Path

from pnn_keras.errors import UserError
from pnn_keras.export import export_chain
from pnn_keras.serving.config import Model
from pnn_keras.zoo import find, load


def find_served(model: str, name: str, scratch: Path) -> Model:
    """A model to serve, exported where it is not yet.

    Args:
        model: a folder of exported versions (``NAME/1``, ``NAME/2``, ...), one
            SavedModel, or a chain as :func:`pnn_keras.zoo.load` takes it.
            Versions that appear in a folder of them later are served too.
        name: the name that requests use.
        scratch: a folder for what must be written, for as long as it is served.

    Returns:
        The model, with an absolute base path.

    Raises:
        PresetError: there is no such model.
        UserError: the chain cannot be exported.
    """
    if is_base(Path(model)):
        return Model(name, Path(model).absolute())
    if _is_saved_model(Path(model)):
        # A copy: a link would lead nowhere inside a container.
        shutil.copytree(model, scratch / name / "1")
    else:
        found = find(model)  # fails in words before anything heavy is imported
        export_chain(load(found), scratch, name=name)
    return Model(name, (scratch / name).absolute())


def is_base(folder: Path) -> bool:
    """Whether a folder holds exported versions."""
    return folder.is_dir() and any(
        child.name.isdecimal() and _is_saved_model(child) for child in folder.iterdir()
    )


def _is_saved_model(folder: Path) -> bool:
    return any((folder / f"saved_model.{end}").is_file() for end in ("pb", "pbtxt"))


def check_names(models: list[Model]) -> None:
    """Names tell models apart.

    Raises:
        UserError: two have the same.
    """
    names = [model.name for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UserError(f"Two models would be served as {name!r}. Rename a folder")
