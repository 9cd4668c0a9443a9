"""A worker of a search that several processes share: scores what the chief hands out."""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import grpc
from keras_tuner.src import protos
from keras_tuner.src.engine.trial import Trial, TrialStatus

from pnn_keras.errors import PnnKerasError, UserError
from pnn_keras.search_space import Candidate
from pnn_keras.tuning.oracles import OBJECTIVE, keras_tuner
from pnn_keras.tuning.role import REQUEST, TRIAL, WORKER, Role, digest
from pnn_keras.tuning.tuner import ShapeTuner

#: Seconds that a worker waits for a chief that is not there: one that was killed may come back.
PATIENCE = 600.0

#: Seconds until a worker asks again where the chief has nothing to do right now.
IDLE = 1.0


class ChiefError(PnnKerasError, keras_tuner.errors.FatalError):
    """The chief is gone; no trial is to blame."""


class RefusedError(UserError, keras_tuner.errors.FatalError):
    """The chief does not want this worker."""


class ChiefClient:
    """The chief's oracle, seen from a worker.

    Args:
        role: who this is, and where the chief listens.
        request: what was asked.
        oracle: an oracle as the chief's, for what never changes.
    """

    def __init__(self, role: Role, request: Mapping, oracle) -> None:
        self.objective = oracle.objective
        self.stub = protos.get_service_grpc().OracleStub(grpc.insecure_channel(role.address))
        self.role = role
        self.recorded: dict | None = None
        self._told = ((WORKER, role.name), (REQUEST, digest(request)))

    def create_trial(self, tuner_id: str) -> Trial:
        """The next trial, or word that there is none, or none now."""
        asked = protos.get_service().CreateTrialRequest(tuner_id=tuner_id)
        trial = Trial.from_proto(self._call("CreateTrial", asked).trial)
        if trial.status == TrialStatus.IDLE:
            time.sleep(IDLE)
        return trial

    def get_trial(self, trial_id: str) -> Trial:
        """What the chief knows of a trial."""
        asked = protos.get_service().GetTrialRequest(trial_id=trial_id)
        return Trial.from_proto(self._call("GetTrial", asked).trial)

    def update_trial(self, trial_id: str, metrics: Mapping, step: int = 0) -> Trial:
        """Tells a score."""
        asked = protos.get_service().UpdateTrialRequest(
            trial_id=trial_id, metrics=metrics, step=step
        )
        return Trial.from_proto(self._call("UpdateTrial", asked).trial)

    def end_trial(self, trial: Trial) -> None:
        """Tells that a trial has ended, with all that is to be recorded of it."""
        row = json.dumps(self.recorded).encode()
        asked = protos.get_service().EndTrialRequest(trial=trial.to_proto())
        self._call("EndTrial", asked, ((TRIAL, row),))

    @contextlib.contextmanager
    def alive(self, trial_id: str, every: float) -> Iterator[None]:
        """Tells the chief every few seconds that a trial is being worked on."""
        ended = threading.Event()

        def tell() -> None:
            asked = protos.get_service().GetTrialRequest(trial_id=trial_id)
            while not ended.wait(every):
                with contextlib.suppress(grpc.RpcError):  # the trial's end will tell
                    self.stub.GetTrial(asked, timeout=every, metadata=self._told)

        thread = threading.Thread(target=tell, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _call(self, name: str, asked, more=()):
        """Calls the chief; waits for one that is not there, also where it goes in the middle.

        The chief takes no harm from hearing the same twice.
        """
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return getattr(self.stub, name)(
                    asked,
                    wait_for_ready=True,
                    timeout=max(end - time.monotonic(), 1),
                    metadata=(*self._told, *more),
                )
            except grpc.RpcError as error:
                if error.code() == grpc.StatusCode.FAILED_PRECONDITION:
                    raise RefusedError(error.details()) from error
                if not _is_gone(error) or time.monotonic() > end:
                    raise ChiefError(
                        f"The chief at {self.role.address} does not answer "
                        f"({error.code().name}: {error.details()}). Start it again with the "
                        "same options: it goes on where it was; then start this worker"
                    ) from error
                time.sleep(IDLE)


def _is_gone(error: grpc.RpcError) -> bool:
    """Whether a call failed for want of a chief; a killed one may break it off in any way."""
    if "Exception calling application" in (error.details() or ""):
        return False
    codes = grpc.StatusCode
    return error.code() in (codes.UNAVAILABLE, codes.UNKNOWN, codes.CANCELLED, codes.INTERNAL)


def work(
    role: Role,
    request: Mapping,
    oracle,
    score: Callable[[Candidate, int], Mapping],
    chosen: Callable[[Mapping], tuple[Candidate, int]],
    failure: float,
    beat: float,
) -> int:
    """Scores trials until the chief has no more.

    Args:
        role: who this is, and where the chief listens.
        request: what was asked.
        oracle: an oracle as the chief's.
        score: scores a candidate: what is recorded of the trial.
        chosen: makes values of keras-tuner's into a candidate and epochs.
        failure: what the oracle is told of a trial that failed.
        beat: seconds between two signs of life.

    Returns:
        How many trials it has scored.

    Raises:
        PnnKerasError: the chief is gone for good.
        UserError: the chief was asked for something else.
    """
    scored = 0

    class Worker(ShapeTuner):
        """Scores what the chief hands out, and tells that it lives meanwhile."""

        def run_trial(self, trial, *args, **kwargs) -> dict[str, float]:
            nonlocal scored
            candidate, epochs = self.chosen(trial.hyperparameters.values)
            with self.oracle.alive(trial.trial_id, beat):
                row = score(candidate, epochs)
            self.oracle.recorded = dict(row)
            scored += not row["error"]
            return {OBJECTIVE: failure if row["error"] else row["stop_uar"]}

    with tempfile.TemporaryDirectory() as folder:  # the search's folder is the chief's
        worker = Worker(oracle, Path(folder), None, chosen)
        worker.oracle = ChiefClient(role, request, oracle)
        worker.search()
    return scored
