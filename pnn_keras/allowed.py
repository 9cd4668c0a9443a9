"""What a saved chain may be made of: data in a file must not choose code to run."""

from __future__ import annotations

import re

from pnn_keras.errors import PresetError

# Control characters, without the ends of lines and tabs.
_STEERING = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")

#: Where Keras keeps its layers and their parts.
_KERAS_MODULES = (
    "keras.activations",
    "keras.constraints",
    "keras.initializers",
    "keras.layers",
    "keras.regularizers",
)

#: Layers that run code, or read files, that their configuration names.
_UNSAFE_LAYERS = (
    "FlaxLayer",
    "IntegerLookup",
    "JaxLayer",
    "Lambda",
    "StringLookup",
    "TFSMLayer",
    "TextVectorization",
    "TorchModuleWrapper",
)

#: Everything else, as (module, class).
_SINGLE = (
    ("builtins", "function"),  # Keras looks its name up among its own activations
    ("keras", "DTypePolicy"),
    ("keras", "Functional"),
    ("keras", "Sequential"),
    ("keras.src.models.functional", "Functional"),
    ("pnn_keras.chain", "Chain"),
    ("pnn_keras.column", "Column"),
    ("pnn_keras.column", "ForeignColumn"),  # where it was at first
    ("pnn_keras.column", "Scaler"),
    ("pnn_keras.foreign_column", "ForeignColumn"),
    ("pnn_keras.lateral", "LateralAdapter"),
    ("pnn_keras.lateral", "LateralDense"),
    ("pnn_keras.lateral", "MemberDropout"),
)

#: Plain values that Keras writes as objects.
_VALUES = ("__keras_tensor__", "__numpy__", "__tensor__", "__tuple__")


def check_config(config: object) -> None:
    """Refuses a configuration that names anything but layers of Keras and pnn_keras.

    Nothing is imported or built, so it is called before Keras sees the
    configuration of a file that anyone may have written.

    Args:
        config: what ``keras.saving.serialize_keras_object`` gives, or a part of it.

    Raises:
        PresetError: a class or function in it is not allowed, or a name holds
            what steers a terminal; the message names it.

    Example:

    >>> check_config({"module": "keras.layers", "class_name": "Dense", "config": {}})
    >>> check_config({"module": "os", "class_name": "system", "config": {}})
    Traceback (most recent call last):
        ...
    pnn_keras.errors.PresetError: A saved chain is made of layers of Keras and pnn_keras only...
    """
    if isinstance(config, list):
        for value in config:
            check_config(value)
    elif isinstance(config, dict):
        if "class_name" in config:
            _check_object(config)
        for key, value in config.items():
            check_config(key)
            check_config(value)
    elif isinstance(config, str) and visible(config) != config:
        raise PresetError(
            "A saved chain's names and classes are shown on terminals, so they hold no codes that "
            f"steer one. Received: {config!r}"
        )


def visible(text: str) -> str:
    r"""A text with the codes that steer a terminal written out.

    Example:

    >>> visible("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return _STEERING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _check_object(config: dict) -> None:
    name, module = config["class_name"], config.get("module")
    registered = config.get("registered_name")
    if module is None and name in _VALUES:
        return
    own = isinstance(module, str) and module.startswith("pnn_keras.")
    # Keras looks for the registered name first, so it must agree with the class.
    agrees = registered == f"pnn_keras>{name}" if own else _is_plain(config, registered)
    known = (module, name) in _SINGLE or (module in _KERAS_MODULES and name not in _UNSAFE_LAYERS)
    if not (known and agrees):
        raise PresetError(
            "A saved chain is made of layers of Keras and pnn_keras only, so that loading it "
            f"runs nobody's code. Received: {module}.{name}"
            + (f" registered as {registered}" if registered else "")
            + ". Rebuild the column from Keras' own layers"
        )


def _is_plain(config: dict, registered: object) -> bool:
    """Whether the registered name adds nothing to the name that was checked."""
    names = (None, config["class_name"])
    if config["class_name"] == "function":
        names = (*names, config.get("config"))
    return registered in names
