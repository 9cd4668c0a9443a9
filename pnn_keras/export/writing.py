"""Writing the next version of an exported model: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from pnn_keras.card import card
from pnn_keras.errors import UserError
from pnn_keras.export.guide import guide
from pnn_keras.export.naming import model_name
from pnn_keras.export.operations import check_operations
from pnn_keras.export.warmup import write_warmup
from pnn_keras.folder import whole_folder

GUIDE, CARD = "README.md", "CARD.md"


def export_chain(
    chain, folder: str | os.PathLike, *, name: str | None = None, heads: str = "open"
) -> Path:
    """Writes a chain as a SavedModel that needs nothing but TensorFlow to load.

    It lies in ``folder/name/version``, as TensorFlow Serving wants it, with the
    next free version number; serving picks the highest by itself. Scaling and
    softmax are inside, and all operations are TensorFlow's own.

    Signatures and their inputs; the batch is the first dimension of everything:

    - ``features``, and the same as ``serving_default``: float32 ``(batch,
      dimension)``, named ``features`` if the chain hears one front-end, else
      after each front-end;
    - ``audio_bytes``, if every front-end runs in the graph: ``audio_bytes``,
      string ``(batch,)``, whole WAV files;
    - ``audio``, likewise: ``waveforms`` float32 ``(batch, samples)`` padded at
      their ends, ``lengths`` int32 ``(batch,)`` in samples and
      ``sampling_rates`` int32 ``(batch,)`` in Hz.

    Outputs of each:

    - for each task ``TASK_probabilities`` float32 ``(batch, classes)``,
      ``TASK_label`` string ``(batch,)``, the most probable class, and
      ``TASK_classes`` string ``(batch, classes)``, the order of the
      probabilities;
    - for a speaker task ``TASK_embedding`` float32 ``(batch, units)``, what the
      column's last hidden layer says, in place of the three, since its classes
      are the names of strangers;
    - ``valid`` bool ``(batch,)`` and ``error`` string ``(batch,)``: a row that
      cannot be answered has zeros, an empty label and the reason, and leaves
      the others alone.

    In names, ``@`` becomes ``_at_`` and everything but letters, digits and ``_``
    becomes ``_``: ``emotion@CREMA-D`` answers as ``emotion_at_CREMA_D_label``.

    Args:
        chain: the chain.
        folder: the folder of all exported models.
        name: the model's name; None takes the chain's own.
        heads: ``"open"``, or ``"all"`` to have the three outputs of a speaker
            task too.

    Returns:
        The folder of the new version, complete. A guide to the signatures
        (README.md), the chain's card (CARD.md) and the requests with which a
        server warms up (assets.extra) lie in it.

    Raises:
        UserError: the name cannot be a folder's, the chain answers no task,
            hears features standardised per speaker or uses an operation that
            TensorFlow Serving does not know, two names become the same, or
            Keras does not run on TensorFlow.
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
    from pnn_keras.export.signatures import signatures

    model = Path(folder) / model_name(chain.name if name is None else name)
    functions = signatures(chain, heads)
    for function in functions.values():
        check_operations(function.graph.as_graph_def())
    final = model / str(_next_version(model))
    with whole_folder(final) as part:
        _write(chain, functions, part)
        write_warmup(part, model.name, functions)
        (part / GUIDE).write_text(guide(model.name, functions), encoding="utf-8")
        text = card(chain, chain.metadata, name=model.name)
        (part / CARD).write_text(text, encoding="utf-8")
    return final


def _next_version(model: Path) -> int:
    """One more than the highest version there is."""
    if not model.is_dir():
        return 1
    return 1 + max((int(p.name) for p in model.iterdir() if p.name.isdecimal()), default=0)


def _write(chain, functions: dict, folder: Path) -> None:
    import tensorflow as tf

    # A plain module that holds plain variables: nothing in the file needs Keras.
    module = tf.Module()
    module.weights = [weight.value for weight in chain.weights]
    for name, function in functions.items():
        setattr(module, name, function)
    try:
        tf.saved_model.save(module, str(folder), signatures=functions)
    except tf.errors.OpError as error:
        # A full disk, say, in TensorFlow's own words.
        raise OSError(None, error.message) from error
