"""All models of a server: which there are, their labels, and finding one for a request."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Sequence

from pnn_keras.serving.config import Model
from pnn_keras.serving.status import Code, StatusError, invalid
from pnn_keras.serving.versions import ModelVersions, Version

log = logging.getLogger("pnn_keras.serving")


class Models:
    """The models that a server answers for.

    Args:
        free_labels: whether new labels may point at versions that are not loaded;
            one in use moves only to a loaded version all the same.

    Attributes:
        served: each model's versions, by name.
        labels: each model's labels, by name.
    """

    def __init__(self, free_labels: bool = False):
        self.served: dict[str, ModelVersions] = {}
        self.labels: dict[str, dict[str, int]] = {}
        self._free_labels = free_labels
        # One change at a time: a poll never meets a half-made configuration.
        self._changing = asyncio.Lock()
        self._leaving: set[asyncio.Task] = set()

    async def apply(self, models: Sequence[Model]) -> None:
        """Serves exactly these models; those that stay answer all the while.

        Labels move first, as in TensorFlow Serving: no label names a version that
        the same change loads; one on a version that it drops finds nothing then.

        Args:
            models: the models; names are unique.

        Raises:
            StatusError: FAILED_PRECONDITION; a label names a version that is not
                loaded, and nothing has changed; or a model's new path holds none
                that loads, and all else has changed.
        """
        async with self._changing:
            self.labels = self._labelling(models)
            renewed = self._renewed(models)
            # New names show their states at once; replaced ones answer as before until then.
            self.served = {**renewed, **self.served}
            await asyncio.gather(*(model.load() for model in renewed.values()))
            stuck = self._keep_where_nothing_loaded(renewed)
            leaving = set(self.served.values()) - set(renewed.values())
            self.served = renewed
            for model in leaving:
                self._in_background(model.close())
            for model in renewed.values():
                model.drop()
            if stuck:
                raise StatusError(Code.FAILED_PRECONDITION, "; ".join(stuck))

    def _renewed(self, models: Sequence[Model]) -> dict[str, ModelVersions]:
        """The models of a new configuration; one whose path stays is the same object."""
        renewed = {}
        for model in models:
            known = self.served.get(model.name)
            if known and known.base_path == model.base_path:
                known.policy = model.policy
                renewed[model.name] = known
            else:
                renewed[model.name] = ModelVersions(model.name, model.base_path, model.policy)
        return renewed

    def _keep_where_nothing_loaded(self, renewed: dict[str, ModelVersions]) -> list[str]:
        """Puts a model back that answers where its new path holds nothing that loads."""
        stuck = []
        for name, model in renewed.items():
            old = self.served[name]
            if old is not model and old.available and not model.available:
                stuck.append(f"No version of model {name} loads from {model.base_path}")
                renewed[name] = old
        return stuck

    def _in_background(self, work: Coroutine) -> None:
        task = asyncio.ensure_future(work)
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _labelling(self, models: Sequence[Model]) -> dict[str, dict[str, int]]:
        """Each model's labels from now on, by name; refused where one may not be given."""
        for model in models:
            for label, number in model.labels:
                if not self._may_mean(model.name, label, number):
                    raise StatusError(
                        Code.FAILED_PRECONDITION,
                        f"Request to assign label to version {number} of model {model.name}, "
                        "which is not currently available for inference",
                    )
        return {model.name: dict(model.labels) for model in models}

    def _may_mean(self, name: str, label: str, number: int) -> bool:
        if name in self.served and number in self.served[name].available:
            return True
        in_use = self.labels.get(name, {}).get(label, number)
        return self._free_labels and in_use == number

    async def poll(self) -> None:
        """Looks once for new and gone versions of every model."""
        async with self._changing:
            await asyncio.gather(*(model.load() for model in self.served.values()))
            for model in self.served.values():
                model.drop()

    async def keep_polling(self, seconds: float) -> None:
        """Polls for ever, with this many seconds between."""
        while True:
            await asyncio.sleep(seconds)
            try:
                await self.poll()
            except Exception:
                log.exception("Polling for versions failed; it goes on")

    def find(self, name: str, number: int | None = None, label: str | None = None) -> Version:
        """The version that answers a request.

        Args:
            name: the model's name.
            number: a version's number; None takes the label's, or the highest.
            label: a label, or None.

        Raises:
            StatusError: NOT_FOUND, nothing answers; INVALID_ARGUMENT, the name is
                empty, or there is no such label.
        """
        if not name:
            raise invalid("ModelSpec has no name specified.")
        if label:
            number = self._labelled(name, label)
        if name not in self.served:
            wanted = f"Latest({name})" if number is None else f"Specific({name}, {number})"
            raise StatusError(Code.NOT_FOUND, f"Servable not found for request: {wanted}")
        return self.served[name].version(number)

    def _labelled(self, name: str, label: str) -> int:
        try:
            return self.labels[name][label]
        except KeyError:
            raise invalid(f"Unrecognized servable version label: {label}") from None

    def states(
        self, name: str, number: int | None = None, label: str | None = None
    ) -> list[Version]:
        """The versions that a status request asks about, highest first.

        Raises:
            StatusError: NOT_FOUND, there is none; INVALID_ARGUMENT, there is no
                such label.
        """
        if label:
            number = self._labelled(name, label)
        versions = self.served[name].versions if name in self.served else {}
        if number is None and not versions:
            raise StatusError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        if number is None:
            return [versions[found] for found in sorted(versions, reverse=True)]
        if number not in versions:
            raise StatusError(Code.NOT_FOUND, f"Could not find version {number} of model {name}")
        return [versions[number]]

    @property
    def ready(self) -> bool:
        """Whether every model answers."""
        return bool(self.served) and all(model.available for model in self.served.values())

    async def close(self) -> None:
        """Unloads everything, once the last request is answered."""
        await asyncio.gather(*(model.close() for model in self.served.values()), *self._leaving)
