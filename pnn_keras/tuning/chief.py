"""The chief of a search that several processes share: hands out trials, misses lost workers."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent import futures

import grpc
from keras_tuner.src import protos
from keras_tuner.src.distribute.oracle_chief import OracleServicer
from keras_tuner.src.engine.trial import Trial, TrialStatus

from pnn_keras.errors import UserError
from pnn_keras.search_space import Candidate
from pnn_keras.tuning import scoring
from pnn_keras.tuning.hparams import write_hparams
from pnn_keras.tuning.record import Record
from pnn_keras.tuning.role import REQUEST, TRIAL, WORKER, Role, digest

#: Seconds between two looks at who is lost and whether all is done.
PAUSE = 0.2

#: Seconds in which workers that start late still hear that the search is over.
LINGER = 2.0


class Chief(OracleServicer):
    """keras-tuner's service, with what it takes to outlive a worker.

    Workers tell that they live with every call. A trial whose worker is not
    heard from for too long is handed out again; as long as there is one, the
    others wait instead of leaving. Trials that are known are not handed out.

    Args:
        oracle: chooses what is tried.
        record: keeps the trials.
        chosen: makes values of keras-tuner's into a candidate and epochs.
        failure: what the oracle is told of a trial that failed.
        lost_after: seconds without a sign after which a worker is lost.
    """

    def __init__(
        self,
        oracle,
        record: Record,
        chosen: Callable[[Mapping], tuple[Candidate, int]],
        failure: float,
        lost_after: float,
    ) -> None:
        super().__init__(oracle)
        self.record, self.chosen, self.failure = record, chosen, failure
        self.lost_after = lost_after
        self.seen: dict[str, float] = {}
        self._request = digest(record.request)
        self._lock = threading.RLock()  # calls come from one thread, the watch from another

    def CreateTrial(self, request, context):
        """Hands out the next trial that is not known."""
        self._note(context)
        with self._lock:
            trial = self._next(request.tuner_id)
        return protos.get_service().CreateTrialResponse(trial=trial.to_proto())

    def GetTrial(self, request, context, response=None):
        """Tells of a trial; workers ask now and then to say that they live."""
        self._note(context)
        trial = self.oracle.get_trial(request.trial_id)
        return (response or protos.get_service().GetTrialResponse)(trial=trial.to_proto())

    def UpdateTrial(self, request, context):
        """Takes no notice of a score: it comes with all the rest at the trial's end."""
        return self.GetTrial(request, context, protos.get_service().UpdateTrialResponse)

    def EndTrial(self, request, context):
        """Records a trial; one that was thought lost and came to its end counts once."""
        told = self._note(context)
        with self._lock:
            trial = self.oracle.get_trial(request.trial.trial_id)
            if trial.status not in (TrialStatus.COMPLETED, TrialStatus.FAILED):
                row = json.loads(told[TRIAL])
                self.record.add(row)
                self._end(trial, row)
                write_hparams(self.record.folder, list(self.record.trials.values()))
        return protos.get_service().EndTrialResponse()

    def give_up_lost(self) -> None:
        """Takes back the trials of workers that were not heard from for too long."""
        with self._lock:
            since = time.monotonic() - self.lost_after
            for name in [name for name, when in self.seen.items() if when < since]:
                del self.seen[name]
                trial = self.oracle.hand_out_again(name)
                if trial is not None:
                    candidate, _ = self.chosen(trial.hyperparameters.values)
                    _say(f"{name} is lost; its trial is handed out again: {candidate}")

    def is_finished(self) -> bool:
        """Whether nothing is left to try, and every worker knows."""
        with self._lock:
            if self.oracle.busy or self.oracle.tuner_ids:
                return False
            if self.stop_triggered:
                return True
            trial = self._next("chief")
            if trial.status == TrialStatus.RUNNING:
                self.oracle.hand_out_again("chief")
            self.oracle.tuner_ids.discard("chief")
            return trial.status == TrialStatus.STOPPED

    def _next(self, name: str) -> Trial:
        while True:
            trial = self.oracle.create_trial(name)
            if trial.status == TrialStatus.STOPPED and self.oracle.busy:
                self.oracle.tuner_ids.add(name)
                trial.status = TrialStatus.IDLE  # another's trial may yet be lost
            if trial.status == TrialStatus.STOPPED:
                self.stop_triggered = True
                self.seen.pop(name, None)
            if trial.status != TrialStatus.RUNNING:
                return trial
            candidate, epochs = self.chosen(trial.hyperparameters.values)
            row = self.record.known(candidate, epochs)
            if row is None and (name == "chief" or self.record.begin(candidate, epochs)):
                return trial
            if row is None:
                row = scoring.failed(candidate, epochs, "worker after worker was lost in it")
                self.record.add(row)
            self._end(trial, row)

    def _end(self, trial: Trial, row: Mapping) -> None:
        self.oracle.end_known(trial, self.failure if row["error"] else row["stop_uar"])

    def _note(self, context) -> dict:
        """Notes that a worker lives; refuses one that was asked something else."""
        told = dict(context.invocation_metadata())
        if told.get(REQUEST) != self._request:
            context.abort(
                grpc.StatusCode.FAILED_PRECONDITION,
                "The chief was asked for another search, or has other data. Start chief and "
                "workers with the same options and the same corpora",
            )
        with self._lock:
            self.seen[told[WORKER]] = time.monotonic()
        return told


def serve(chief: Chief, role: Role) -> None:
    """Hands out trials until all are scored.

    Raises:
        UserError: the address cannot be listened on.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
    protos.get_service_grpc().add_OracleServicer_to_server(chief, server)
    try:
        server.add_insecure_port(role.address)
    except RuntimeError as error:
        raise UserError(
            f"Cannot listen on {role.address}: it is taken or not this machine's. "
            "Set KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT"
        ) from error
    server.start()
    _say(f"{role.name} waits for workers on {role.address}")
    try:
        while not chief.is_finished():
            time.sleep(PAUSE)
            chief.give_up_lost()
        time.sleep(LINGER)
    finally:
        server.stop(grace=LINGER).wait()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
