"""The model config: which versions of which models a server loads, and what they are called."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

from pnn_keras.errors import UserError

#: Where the models lie inside the container.
BASE = "/models"

MODEL_CONFIG = "models.config"

#: Requests for ``stable`` are everyone's; those for ``canary`` try a new version first.
LABELS = ("stable", "canary")

_HEADER = """\
# Which versions the server loads, and which of them each label means (ModelServerConfig, text
# form). The server reads this file again every few seconds. A label that is in use moves only
# to a version that is loaded already: load first, move the label next. See ROLLOUT.md.
"""


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """One model as a server is to have it.

    Args:
        name: its name, which is its folder's as well.
        versions: the versions to load, each a folder of that number.
        labels: the version that each label means.
        hears_audio: whether it answers whole WAV files (signature ``audio_bytes``).
        dimension: length of the vector that its signature ``features`` takes;
            None if it takes several.

    Raises:
        UserError: no version, or a label means a version that is not loaded.

    Example:

    >>> ServedModel("gender", (1, 2), {"stable": 1, "canary": 2}).versions
    (1, 2)
    >>> ServedModel("gender", (1,), {"canary": 2})
    Traceback (most recent call last):
        ...
    pnn_keras.errors.UserError: The label 'canary' of gender means version 2, ... not loaded...
    """

    name: str
    versions: tuple[int, ...]
    labels: Mapping[str, int]
    hears_audio: bool = False
    dimension: int | None = None

    def __post_init__(self) -> None:
        if not self.versions:
            raise UserError(f"A served model has a version. Received: none of {self.name}")
        for label, version in self.labels.items():
            if version not in self.versions:
                raise UserError(
                    f"The label {label!r} of {self.name} means version {version}, which is not "
                    f"loaded: {', '.join(map(str, self.versions))}. Load it, or move the label"
                )


def model_config(models: Iterable[ServedModel], before=None) -> str:
    """The text of ``--model_config_file``.

    Versions are named one by one (policy ``specific``): under ``latest`` a newer
    export would unload the version that a label still means.

    Args:
        models: what to serve.
        before: the config to start from, a ``ModelServerConfig``; its other
            models, and what else it says of these, stay.

    Example:

    >>> text = model_config([ServedModel("gender", (1,), {"stable": 1})])
    >>> print(text[text.index("model_config_list"):])
    model_config_list {
      config {
        name: "gender"
        base_path: "/models/gender"
        model_platform: "tensorflow"
        model_version_policy {
          specific {
            versions: 1
          }
        }
        version_labels {
          key: "stable"
          value: 1
        }
      }
    }
    """
    from google.protobuf import text_format

    config = _empty()
    if before is not None:
        config.CopyFrom(before)
    listed = {entry.name: entry for entry in config.model_config_list.config}
    for model in models:
        entry = listed.get(model.name) or config.model_config_list.config.add(name=model.name)
        entry.base_path = entry.base_path or f"{BASE}/{model.name}"
        entry.model_platform = "tensorflow"
        entry.model_version_policy.Clear()
        entry.model_version_policy.specific.versions.extend(sorted(model.versions))
        entry.version_labels.clear()
        entry.version_labels.update(model.labels)
    return _HEADER + text_format.MessageToString(config)


def read_model_config(path: str | Path):
    """Reads a model config, a ``ModelServerConfig``.

    Raises:
        UserError: it is missing, or not what TensorFlow Serving understands.
    """
    from google.protobuf import text_format

    path = Path(path)
    try:
        return text_format.Parse(path.read_text(encoding="utf-8"), _empty())
    except FileNotFoundError as error:
        raise UserError(f"There is no {path}. Export a model first: pnn-keras export") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path} is not a ModelServerConfig in text form: {error}. "
            "Mend it, or remove it to have it written anew"
        ) from error


def _empty():
    from tensorflow_serving.config import model_server_config_pb2

    return model_server_config_pb2.ModelServerConfig()
