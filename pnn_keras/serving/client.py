"""A client of TensorFlow Serving and of the development server alike."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

from pnn_keras.errors import (
    AudioError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UserError,
)
from pnn_keras.serving.client_address import Address, Served, parse_address
from pnn_keras.serving.client_answers import read_answers
from pnn_keras.serving.client_audio import in_batches, wav_bytes
from pnn_keras.serving.client_errors import no_sense
from pnn_keras.serving.client_features import check_features, extract_inputs
from pnn_keras.serving.client_grpc import GrpcTransport
from pnn_keras.serving.client_rest import RestTransport
from pnn_keras.serving.client_retry import ask_patiently

_Answer = TypeVar("_Answer")


class Client:
    """Asks a served chain about recordings.

    It works the same with TensorFlow Serving and with ``pnn-keras serve``, over
    REST and over gRPC; gRPC spares the base64, but its stubs import TensorFlow.
    A request to a server that is unavailable (503, or nobody listens) is
    repeated; all other errors, see :class:`pnn_keras.errors.ServingError`, are
    raised at once. A client may be used by one thread at a time.

    Args:
        url: the server, ``http://HOST:8501`` or ``grpc://HOST:8500``; behind it
            ``/v1/models/NAME`` may name the model, and behind that
            ``/versions/NUMBER`` or ``/labels/LABEL`` the version.
        model: the model's name, if the URL has none; None means the only one of
            a development server (TensorFlow Serving does not list its models).
        version: the version's number; None means the newest.
        label: the label of a version, such as ``"stable"``.
        deadline: how long one request may take, its repetitions included, in
            seconds.
        retries: how often a request is repeated at most.
        batch_size: how many recordings a request holds at most.
        batch_bytes: how many bytes of audio it holds at most.
        frontend: what extracts the features for a model that takes features
            alone: as in :func:`pnn_keras.frontends.create_frontend`; by input,
            if the model has several.

    Raises:
        UserError: the URL is none, or names the model as well.

    Example::

        with Client("http://localhost:8501", model="emotion") as client:
            client.predict(["a.wav", "b.flac"])
        # [{'gender': {'label': 'female', 'probabilities': {...}}, ...}, ...]
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        *,
        version: int | None = None,
        label: str | None = None,
        deadline: float = 60.0,
        retries: int = 4,
        batch_size: int = 32,
        batch_bytes: int = 16 * 2**20,
        frontend: str | Mapping[str, str] = "egemaps",
    ):
        _check(deadline, retries, batch_size, batch_bytes)
        address = parse_address(url)
        if address.model and (model or version is not None or label is not None):
            raise UserError(
                f"The address names the model already: {url}. Leave out model, version and label"
            )
        self.deadline, self.retries = deadline, retries
        self.batch_size, self.batch_bytes = batch_size, batch_bytes
        self.frontend = frontend
        self._model = model or address.model
        self._version = address.version if version is None else version
        self._label = address.label if label is None else label
        self._known: dict | None = None
        self._transport = _connect(address)

    def predict(
        self,
        audio,
        sampling_rate: int | None = None,
        *,
        strict: bool = True,
        progress: bool = False,
        workers: int | None = None,
    ) -> list[dict]:
        """Answers every task for recordings, as :meth:`pnn_keras.Chain.predict_audio` does.

        WAV files go to the server as they are; other formats are decoded here
        and go as WAV. For a model that takes features alone, they are extracted
        here.

        Args:
            audio: paths of audio files, or signals ``(samples,)`` as float
                arrays in [-1, 1] or as 16- or 32-bit integers; a single one
                will do as well.
            sampling_rate: of the signals, in Hz; not for paths.
            strict: whether one recording that cannot be used ends the run.
            progress: whether to show a progress bar.
            workers: how many recordings to extract at a time, where features
                are extracted here; None means as many as there are processors.

        Returns:
            One dictionary per recording: for each task a dictionary of the
            ``label`` and the ``probabilities`` by class, or of the
            ``embedding``. Without ``strict``, a recording that cannot be used
            has ``{"error": reason}`` instead. Tasks are named as the
            signature's outputs are: ``emotion@X`` answers as ``emotion_at_X``.

        Raises:
            AudioError: with ``strict``, a recording cannot be used.
            ServingError: the server does not answer.
            UserError: no model is named; signals without a sampling rate or
                paths with one; the front-end does not fit the model.
        """
        from pnn_keras.prediction import as_recordings, recording_extractor

        recordings = as_recordings(audio)
        extract = recording_extractor(
            recordings, sampling_rate, progress=progress, workers=workers
        )
        if "audio_bytes" in self._signatures():
            clips = self._send_audio(recordings, sampling_rate, strict, progress)
        else:
            clips = self._send_features(extract, len(recordings), strict)
        answers = dict(clips)
        rows = [answers[i] for i in range(len(recordings))]
        if strict:
            _raise_first(recordings, rows)
        return rows

    def predict_features(self, features: np.ndarray | Mapping[str, np.ndarray]) -> list[dict]:
        """Answers every task for features.

        Args:
            features: features ``(rows, dimension)``; by the name of the model's
                input, if it has several.

        Returns:
            One dictionary per row, as in :meth:`predict`.

        Raises:
            ServingError: the server does not answer.
            UserError: no model is named, or the features do not fit the model.
        """
        wanted = self._feature_inputs()
        if not isinstance(features, Mapping):
            if len(wanted) > 1:
                raise UserError(
                    f"The model takes features of {', '.join(wanted)}. Received: one array. "
                    "Give a dictionary of arrays"
                )
            features = {next(iter(wanted)): features}
        arrays = {name: np.asarray(array, np.float32) for name, array in features.items()}
        check_features(arrays, wanted)
        rows: list[dict] = []
        for start in range(0, len(next(iter(arrays.values()))), self.batch_size):
            part = {name: a[start : start + self.batch_size] for name, a in arrays.items()}
            rows += self._ask("features", part)
        return rows

    def metadata(self) -> dict:
        """What the model takes and gives.

        Returns:
            ``name``, ``version`` (a number) and ``signatures``: for each its
            ``inputs`` and ``outputs``, by name, with ``dtype`` and ``shape``
            (-1: any length).

        Raises:
            ServingError: the server does not answer.
            UserError: no model is named.
        """
        served = self._served()
        self._known = self._patiently(lambda left: self._transport.metadata(served, left))
        return self._known

    def status(self) -> list[dict]:
        """Which versions of the model there are, the newest first.

        Returns:
            For each version its number, ``version``, its ``state`` (``START``,
            ``LOADING``, ``AVAILABLE``, ``UNLOADING`` or ``END``) and ``error``.

        Raises:
            ServingError: the server does not answer.
            UserError: no model is named.
        """
        served = self._served()
        return self._patiently(lambda left: self._transport.status(served, left))

    def close(self) -> None:
        """Closes the connection."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _send_audio(
        self, recordings: Sequence, sampling_rate: int | None, strict: bool, progress: bool
    ) -> Iterator[tuple[int, dict]]:
        """The answers for recordings, by their number, from whole WAV files."""
        from tqdm import tqdm

        failed: dict[int, dict] = {}

        def clips():
            for i, recording in enumerate(recordings):
                try:
                    yield i, wav_bytes(recording, sampling_rate)
                except AudioError as error:
                    if strict:
                        raise
                    failed[i] = {"error": str(error)}

        # None: tqdm stays silent where stderr is no terminal.
        with tqdm(total=len(recordings), unit="file", disable=None if progress else True) as bar:
            for batch in in_batches(clips(), self.batch_size, self.batch_bytes):
                numbers, contents = zip(*batch, strict=True)
                array = np.array(contents, dtype=object)
                yield from zip(
                    numbers, self._ask("audio_bytes", {"audio_bytes": array}), strict=True
                )
                bar.update(len(batch))
            bar.update(len(failed))
        yield from failed.items()

    def _send_features(
        self, extract: Callable, count: int, strict: bool
    ) -> Iterator[tuple[int, dict]]:
        """The answers for recordings, by their number, from features that are extracted here."""
        values, errors = extract_inputs(
            self._feature_inputs(), self.frontend, extract, count, strict
        )
        usable = [i for i in range(count) if i not in errors]
        if usable:
            rows = self.predict_features({name: array[usable] for name, array in values.items()})
            yield from zip(usable, rows, strict=True)
        for i, reason in errors.items():
            yield i, {"error": reason}

    def _ask(self, signature: str, inputs: Mapping[str, np.ndarray]) -> list[dict]:
        """The answers for one batch."""
        served = self._served()
        outputs = list(self._signatures()[signature]["outputs"])
        try:
            answer = self._patiently(
                lambda left: self._transport.predict(served, signature, inputs, outputs, left)
            )
        except (InvalidArgumentError, NotFoundError):
            self._known = None  # another version may be served by now
            raise
        count = len(next(iter(inputs.values())))
        try:
            rows = read_answers(answer)
        except (KeyError, TypeError, ValueError) as error:
            raise no_sense(self._transport.server, str(error)) from error
        if len(rows) != count:
            raise no_sense(self._transport.server, f"{len(rows)} answers to {count} questions")
        return rows

    def _signatures(self) -> dict:
        return (self._known or self.metadata())["signatures"]

    def _feature_inputs(self) -> dict:
        """The inputs of the model's signature ``features``."""
        signatures = self._signatures()
        if "features" not in signatures:
            raise UserError(
                f"The model {self._model} takes no features: it has no signature 'features'. "
                f"Received: the signatures {', '.join(signatures)}. Models that pnn-keras "
                "exported have it"
            )
        return signatures["features"]["inputs"]

    def _served(self) -> Served:
        """The model that is asked."""
        if self._model is None:
            self._model = self._only_model()
        return Served(self._model, self._version, self._label)

    def _only_model(self) -> str:
        name_one = f"Name the model: {self._transport.server}/v1/models/NAME, or model='NAME'"
        try:
            models = self._patiently(self._transport.models)
        except (InternalError, InvalidArgumentError, NotFoundError) as error:
            raise UserError(f"This server does not list its models. {name_one}") from error
        if len(models) != 1:
            raise UserError(f"The server has {', '.join(models) or 'no model'}. {name_one}")
        return models[0]

    def _patiently(self, ask: Callable[[float], _Answer]) -> _Answer:
        return ask_patiently(ask, self.deadline, self.retries)


def _connect(address: Address) -> RestTransport | GrpcTransport:
    return GrpcTransport(address) if address.is_grpc else RestTransport(address)


def _check(deadline: float, retries: int, batch_size: int, batch_bytes: int) -> None:
    if not deadline > 0 or retries < 0 or batch_size < 1 or batch_bytes < 1:
        raise UserError(
            "A client needs deadline > 0 (seconds), retries >= 0, batch_size >= 1 and "
            f"batch_bytes >= 1. Received: deadline={deadline}, retries={retries}, "
            f"batch_size={batch_size}, batch_bytes={batch_bytes}"
        )


def _raise_first(recordings: Sequence, rows: Sequence[Mapping]) -> None:
    """Ends the run with the first recording that has no answer."""
    for number, (recording, row) in enumerate(zip(recordings, rows, strict=True)):
        if set(row) == {"error"}:
            is_path = isinstance(recording, (str, os.PathLike))
            name = recording if is_path else f"Signal {number}"
            raise AudioError(f"{name}: {row['error']}")
