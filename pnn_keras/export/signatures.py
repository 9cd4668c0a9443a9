"""The functions of an exported model: features in, or audio in, and every answer out."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from pnn_keras.errors import UserError
from pnn_keras.export.naming import check_distinct, feature_inputs, signature_name
from pnn_keras.frontends import create_frontend
from pnn_keras.speaker_scaling import is_marked

#: What is done with a speaker column, whose classes are strangers' names.
HEADS = ("open", "all")

_NOT_FINITE = "The features hold NaN or infinity"


def signatures(chain, heads: str = "open") -> dict:
    """A chain as TensorFlow functions with named inputs and outputs.

    Args:
        chain: the chain.
        heads: ``"open"``: a speaker column gives an embedding in place of a
            closed list of speakers; ``"all"``: it gives probabilities too.

    Returns:
        Concrete functions by the signature's name: ``serving_default`` and
        ``features``, and, if every front-end runs in the graph,
        ``audio_bytes`` and ``audio``.

    Raises:
        UserError: the chain answers no task or hears features standardised
            per speaker, two names become the same, or ``heads`` is unknown.
    """
    _check(chain, heads)
    answer = _Answer(chain, heads)
    features = _from_features(chain, answer)
    found = {"serving_default": features, "features": features}
    frontends = _in_graph(chain)
    if frontends is not None:
        found["audio_bytes"] = _from_wav(frontends, answer)
        found["audio"] = _from_waveforms(frontends, answer)
    return found


def _check(chain, heads: str) -> None:
    if heads not in HEADS:
        raise UserError(f"heads is one of {', '.join(HEADS)}. Received: heads={heads!r}")
    if not chain.tasks:
        raise UserError("The chain answers no task, so there is nothing to export")
    by_speaker = [name for name, config in chain.frontends.items() if is_marked(config)]
    if by_speaker:
        raise UserError(
            "A served model hears one clip at a time, which has no speaker statistics. "
            f"Received: a chain that hears {', '.join(by_speaker)}. Train it with another scaling"
        )
    check_distinct(task.name for task in chain.tasks)


def _in_graph(chain) -> dict | None:
    """The chain's front-ends, or None if one of them needs more than TensorFlow."""
    frontends = {}
    for name, dimension in chain.dimensions.items():
        if name not in chain.frontends:
            return None
        frontend = create_frontend(chain.frontends[name])
        if not frontend.in_graph:
            return None
        if frontend.dimension != dimension:
            raise UserError(
                f"The chain takes {dimension} features of {name!r}, but the front-end "
                f"{frontend.name} of this version gives {frontend.dimension}. Train it again"
            )
        frontends[name] = frontend
    return frontends


class _Answer:
    """The outputs of every signature.

    Args:
        chain: the chain.
        heads: see :func:`signatures`.
    """

    def __init__(self, chain, heads: str) -> None:
        self._chain = chain
        self._embedded = {t.name for t in chain.tasks if t.label == "speaker"}
        self._closed = self._embedded if heads == "open" else set()

    def __call__(self, heard: Mapping, valid, error) -> dict:
        """The outputs for features.

        Args:
            heard: float32 ``(batch, dimension)`` by front-end.
            valid: which rows can be answered, bool ``(batch,)``.
            error: why the others cannot, string ``(batch,)``.
        """
        # Zeros in place of what cannot be heard: NaN would spread through masks as well.
        safe = {
            name: tf.where(valid[:, tf.newaxis], features, tf.zeros_like(features))
            for name, features in heard.items()
        }
        answers, hidden = self._chain.answers_and_taps(safe)
        outputs = {"valid": valid, "error": error}
        for task in self._chain.tasks:
            key = signature_name(task.name)
            if task.name in self._embedded:
                last = hidden[self._chain.column(task.name).name][-1]
                outputs[f"{key}_embedding"] = _only(valid, tf.cast(last, tf.float32))
            if task.name not in self._closed:
                outputs.update(_closed_outputs(task, key, answers[task.name], valid))
        return outputs


def _closed_outputs(task, key: str, probabilities, valid) -> dict:
    """A task's answer as one of its classes."""
    probabilities = _only(valid, tf.cast(probabilities, tf.float32))
    classes = tf.constant(list(task.classes))
    label = tf.gather(classes, tf.argmax(probabilities, axis=-1))
    return {
        f"{key}_probabilities": probabilities,
        f"{key}_label": tf.where(valid, label, tf.zeros_like(label)),
        f"{key}_classes": tf.broadcast_to(classes, tf.shape(probabilities)),
    }


def _only(valid, values):
    """Rows that are not valid become zeros."""
    return tf.where(valid[:, tf.newaxis], values, tf.zeros_like(values))


def _from_features(chain, answer: _Answer):
    inputs = feature_inputs(list(chain.dimensions))

    def answer_features(**given):
        heard = {frontend: given[key] for frontend, key in inputs.items()}
        finite = [tf.reduce_all(tf.math.is_finite(x), axis=-1) for x in heard.values()]
        valid = tf.reduce_all(tf.stack(finite), axis=0)
        return answer(heard, valid, tf.where(valid, "", _NOT_FINITE))

    return tf.function(answer_features).get_concrete_function(
        **{
            key: tf.TensorSpec((None, chain.dimensions[frontend]), tf.float32, name=key)
            for frontend, key in inputs.items()
        }
    )


def _from_wav(frontends: Mapping, answer: _Answer):
    def answer_wav(audio_bytes):
        heard = {name: f.from_wav(audio_bytes) for name, f in frontends.items()}
        return answer(*_joined(heard))

    return tf.function(answer_wav).get_concrete_function(
        audio_bytes=tf.TensorSpec((None,), tf.string, name="audio_bytes")
    )


def _from_waveforms(frontends: Mapping, answer: _Answer):
    def answer_waveforms(waveforms, lengths, sampling_rates):
        heard = {
            name: f.from_waveforms(waveforms, lengths, sampling_rates)
            for name, f in frontends.items()
        }
        return answer(*_joined(heard))

    return tf.function(answer_waveforms).get_concrete_function(
        waveforms=tf.TensorSpec((None, None), tf.float32, name="waveforms"),
        lengths=tf.TensorSpec((None,), tf.int32, name="lengths"),
        sampling_rates=tf.TensorSpec((None,), tf.int32, name="sampling_rates"),
    )


def _joined(heard: Mapping) -> tuple[dict, tf.Tensor, tf.Tensor]:
    """The features of all front-ends, the rows that all could hear, and the first reason."""
    triples = list(heard.values())
    valid, error = triples[0][1], triples[0][2]
    for _, also_valid, other_error in triples[1:]:
        error = tf.where(valid, other_error, error)
        valid = tf.logical_and(valid, also_valid)
    return {name: triple[0] for name, triple in heard.items()}, valid, error
