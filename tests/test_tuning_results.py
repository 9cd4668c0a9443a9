"""What a search writes besides its result: sessions for TensorBoard, the plot."""

from __future__ import annotations

import pytest
from tensorboard.backend.event_processing import data_provider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

from pnn_keras.search_space import Candidate
from pnn_keras.tuning.figure import draw_parameters, write_parameters
from pnn_keras.tuning.hparams import write_hparams


def trial(units, uar, error="", epochs=9):
    candidate = Candidate(units, {"gender": (4,)}, {"gender": "last"})
    found = {"stop_uar": uar, "parameters": 10 * sum(units), "seconds": 1.5, "error": error}
    return {**candidate.config(), "epochs": epochs, **found}


TRIALS = [trial((8, 4), 0.5), trial((2,), 0.25), trial((16,), None, error="out of memory")]


def session_groups(folder):
    """What TensorBoard's own backend tells its HParams view."""
    multiplexer = EventMultiplexer().AddRunsFromDirectory(str(folder))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(folder))
    context = backend_context.Context(TBContext(data_provider=provider))
    asked = RequestContext()
    experiment = context.experiment_from_metadata(
        asked,
        "",
        True,
        context.hparams_metadata(asked, ""),
        provider.list_hyperparameters(asked, experiment_ids=[""]),
    )
    every = [api_pb2.STATUS_SUCCESS, api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING]
    request = api_pb2.ListSessionGroupsRequest(
        allowed_statuses=every, start_index=0, slice_size=99, include_metrics=True
    )
    for info in experiment.hparam_infos:
        request.col_params.add(hparam=info.name)
    for info in experiment.metric_infos:
        request.col_params.add(metric=info.name)
    handler = list_session_groups.Handler(asked, context, "", request)
    return {group.name: group for group in handler.run().session_groups}


@pytest.fixture(scope="module")
def groups(tmp_path_factory):
    folder = tmp_path_factory.mktemp("searches")
    write_hparams(folder, TRIALS)
    return session_groups(folder / "tensorboard")


def test_every_trial_is_a_session_group(groups):
    assert sorted(groups) == ["trial-0001", "trial-0002", "trial-0003"]


def test_the_groups_tell_what_was_chosen(groups):
    values = groups["trial-0001"].hparams
    assert values["units"].string_value == "8-4"
    assert values["gender read"].string_value == "last"
    assert values["learning rate"].number_value == pytest.approx(0.0005)


def test_the_groups_tell_the_score(groups):
    metrics = {m.name.tag: m.value for m in groups["trial-0002"].metric_values}
    assert metrics["stop_uar"] == 0.25
    assert metrics["parameters"] == 20


def test_a_failed_trial_is_a_failed_session_without_a_score(groups):
    (session,) = groups["trial-0003"].sessions
    assert session.status == api_pb2.STATUS_FAILURE
    assert not session.metric_values


def test_a_session_is_written_once_and_a_failed_one_anew(tmp_path):
    write_hparams(tmp_path, TRIALS)
    before = sorted((tmp_path / "tensorboard").rglob("events*"))
    write_hparams(tmp_path, [*TRIALS[:2], trial((16,), 0.75)])
    after = sorted((tmp_path / "tensorboard").rglob("events*"))
    assert before[:2] == after[:2] and before[2] != after[2]


def test_the_plot_shows_every_scored_trial_and_marks_the_best():
    result = {**TRIALS[0], "target": "emotion", "protocol": "speaker-5-fold"}
    drawing = draw_parameters(result, [*TRIALS, trial((4,), 0.4, epochs=3)])
    whole, shorter, best = drawing.figure.axes[0].collections
    assert sorted(map(tuple, whole.get_offsets())) == [(20, 0.25), (120, 0.5)]
    assert [tuple(point) for point in shorter.get_offsets()] == [(40, 0.4)]
    assert [tuple(point) for point in best.get_offsets()] == [(120, 0.5)]


def test_the_plot_is_written_as_png(tmp_path):
    result = {**TRIALS[0], "target": "emotion", "protocol": "speaker-5-fold"}
    write_parameters(result, TRIALS, tmp_path)
    assert (tmp_path / "parameters.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("weights", [[1_000, 250_000], [32_000, 53_384]])
def test_the_weights_on_the_plot_are_plain_numbers(weights):
    trials = [
        {"error": None, "stop_uar": 0.5, "parameters": count, "epochs": 5} for count in weights
    ]
    result = {**trials[1], "target": "emotion", "protocol": "speaker-5-fold"}
    figure = draw_parameters(result, trials).figure
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(labels) >= 3 and all(label.replace(",", "").isdigit() for label in labels)
