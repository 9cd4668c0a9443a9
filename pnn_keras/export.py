"""A chain as a SavedModel: for TensorFlow Serving, and for anyone without Keras."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pnn_keras.card import card
from pnn_keras.errors import UserError
from pnn_keras.folder import whole_folder
from pnn_keras.speaker_scaling import is_marked

_CARD = "README.md"


def export_chain(chain, folder: str | os.PathLike, *, name: str | None = None) -> Path:
    """Writes a chain as a SavedModel that needs nothing but TensorFlow to load.

    It lies in ``folder/name/version``, as TensorFlow Serving wants it, with the
    next free version number; serving picks the highest by itself. Scaling and
    softmax are inside, all operations are TensorFlow's own, and the signatures
    ``features`` and ``serving_default`` are the same:

    - inputs: float32 ``(batch, dimension)``, named ``features`` if the chain
      hears one front-end, else after each front-end;
    - for each task three outputs: ``TASK_probabilities`` float32 ``(batch,
      classes)``, ``TASK_label`` string ``(batch,)``, the most probable class, and
      ``TASK_classes`` string ``(batch, classes)``, the order of the probabilities.

    In names, ``@`` becomes ``_at_`` and everything but letters, digits and ``_``
    becomes ``_``: ``emotion@CREMA-D`` answers as ``emotion_at_CREMA_D_label``.

    Args:
        chain: the chain.
        folder: the folder of all exported models.
        name: the model's name; None takes the chain's own.

    Returns:
        The folder of the new version, complete. The chain's card lies in it.

    Raises:
        UserError: the name cannot be a folder's, the chain answers no task or
            hears features standardised per speaker, two names become the same,
            or Keras does not run on TensorFlow.
        PnnKerasError: the disk refused (full, no permission, ...).

    Example:

    >>> import tempfile
    >>> from pnn_keras import Chain, Task
    >>> chain = Chain()
    >>> column = chain.add_column(Task("gender", ("female", "male")), dimension=3, units=[4])
    >>> with tempfile.TemporaryDirectory() as parent:
    ...     version = export_chain(chain, parent, name="gender")
    ...     print(version.relative_to(parent).as_posix(), (version / "saved_model.pb").exists())
    gender/1 True
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "A SavedModel is written by TensorFlow. Received: Keras on "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow"
        )
    model = Path(folder) / _model_name(chain.name if name is None else name)
    signature = _signature(chain)
    final = model / str(_next_version(model))
    with whole_folder(final) as part:
        _write(chain, signature, part)
        text = card(chain, chain.metadata, name=model.name)
        (part / _CARD).write_text(text, encoding="utf-8")
    return final


def signature_name(text: str) -> str:
    """A front-end's or a task's name as signatures have it.

    Example:

    >>> signature_name("emotion@CREMA-D")
    'emotion_at_CREMA_D'
    """
    return re.sub(r"\W", "_", text.replace("@", "_at_"), flags=re.ASCII)


def _model_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][\w.-]*", name, flags=re.ASCII):
        raise UserError(
            f"A model's name is made of letters, digits, '_', '.' and '-'. Received: name={name!r}"
        )
    return name


def _next_version(model: Path) -> int:
    """One more than the highest version there is."""
    if not model.is_dir():
        return 1
    return 1 + max((int(p.name) for p in model.iterdir() if p.name.isdecimal()), default=0)


def _signature(chain):
    """The chain as one TensorFlow function with named inputs and outputs."""
    import tensorflow as tf

    if not chain.tasks:
        raise UserError("The chain answers no task, so there is nothing to export")
    by_speaker = [name for name, config in chain.frontends.items() if is_marked(config)]
    if by_speaker:
        raise UserError(
            "A served model hears one clip at a time, which has no speaker statistics. "
            f"Received: a chain that hears {', '.join(by_speaker)}. Train it with another scaling"
        )
    frontends = list(chain.dimensions)
    inputs = ["features"] if len(frontends) == 1 else [signature_name(f) for f in frontends]
    _check_distinct(frontends, inputs)
    _check_distinct([t.name for t in chain.tasks], [signature_name(t.name) for t in chain.tasks])

    def answer(**features):
        heard = {frontend: features[key] for frontend, key in zip(frontends, inputs, strict=True)}
        probabilities = chain(heard, training=False)
        outputs = {}
        for task in chain.tasks:
            outputs.update(_outputs(task, probabilities[task.name]))
        return outputs

    return tf.function(answer).get_concrete_function(
        **{
            key: tf.TensorSpec((None, chain.dimensions[frontend]), tf.float32, name=key)
            for frontend, key in zip(frontends, inputs, strict=True)
        }
    )


def _outputs(task, probabilities) -> dict:
    """A task's three outputs, by name."""
    import tensorflow as tf

    key = signature_name(task.name)
    probabilities = tf.cast(probabilities, tf.float32)
    classes = tf.constant(list(task.classes))
    return {
        f"{key}_probabilities": probabilities,
        f"{key}_label": tf.gather(classes, tf.argmax(probabilities, axis=-1)),
        f"{key}_classes": tf.broadcast_to(classes, tf.shape(probabilities)),
    }


def _check_distinct(names: Sequence[str], keys: Iterable[str]) -> None:
    first: dict[str, str] = {}
    for name, key in zip(names, keys, strict=True):
        if key in first:
            raise UserError(
                f"{first[key]!r} and {name!r} would both be exported as {key!r}. Rename one"
            )
        first[key] = name


def _write(chain, signature, folder: Path) -> None:
    import tensorflow as tf

    # A plain module that holds plain variables: nothing in the file needs Keras.
    module = tf.Module()
    module.weights = [weight.value for weight in chain.weights]
    module.features = signature
    try:
        tf.saved_model.save(
            module, str(folder), signatures={"serving_default": signature, "features": signature}
        )
    except tf.errors.OpError as error:
        # A full disk, say, in TensorFlow's own words.
        raise OSError(None, error.message) from error
