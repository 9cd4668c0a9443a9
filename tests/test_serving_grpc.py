"""gRPC as TensorFlow Serving has it, asked through Google's own stubs."""

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from google.protobuf import text_format
from served_made import model, predict, row, running, save_examples, save_made
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from pnn_keras.errors import PnnKerasError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_made(folder / "made")
    save_examples(folder / "examples")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    models = [model(folder / "made"), model(folder / "examples", "examples")]
    socket = folder / "grpc.sock"
    with running(*models, health=True, grpc_socket_path=str(socket)) as server:
        server.socket = socket
        yield server


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


@pytest.fixture(scope="module")
def models_stub(channel):
    return model_service_pb2_grpc.ModelServiceStub(channel)


def refused(call, request, **options):
    with pytest.raises(grpc.RpcError) as error:
        call(request, timeout=20, **options)
    return error.value.code().name, error.value.details()


def test_predict_echoes_the_version_that_answered(stub):
    response = stub.Predict(predict(x=row()))
    assert list(response.outputs["y"].float_val) == [2.5, 3.0, 4.5]
    spec = response.model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("made", 1, "serving_default")


def test_typed_fields_are_understood_as_tensor_content_is(stub):
    request = predict()
    given = request.inputs["x"]
    given.dtype = 1
    for size in (1, 3):
        given.tensor_shape.dim.add(size=size)
    given.float_val.extend([1, 2, 5])
    assert list(stub.Predict(request).outputs["y"].float_val) == [2.5, 3.0, 4.5]


def test_strings_come_and_go(stub):
    response = stub.Predict(predict("audio_bytes", audio_bytes=[b"RIFF\0", b""]))
    assert list(response.outputs["echo_bytes"].string_val) == [b"RIFF\0", b""]
    assert tf.make_ndarray(response.outputs["length"]).tolist() == [5, 0]


def test_every_output_is_decoded_by_tensorflow(stub):
    request = predict("kinds", count=np.array([3], np.int32), flag=[True])
    outputs = {k: tf.make_ndarray(v) for k, v in stub.Predict(request).outputs.items()}
    assert outputs["count"].dtype == np.int32
    assert outputs["large"].tolist() == [3 * 2**40]


def test_output_filter(stub):
    request = predict("two", x=row())
    request.output_filter.append("total")
    assert list(stub.Predict(request).outputs) == ["total"]


def with_filter(*names):
    request = predict("two", x=row())
    request.output_filter.extend(names)
    return request


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (
            predict("x", x=row()),
            "FAILED_PRECONDITION",
            'Serving signature key "x" not found.',
        ),
        (
            predict(name="none", x=row()),
            "NOT_FOUND",
            "Servable not found for request: Latest(none)",
        ),
        (
            predict(version=3, x=row()),
            "NOT_FOUND",
            "Servable not found for request: Specific(made, 3)",
        ),
        (
            predict(label="x", x=row()),
            "INVALID_ARGUMENT",
            "Unrecognized servable version label: x",
        ),
        (predict(name=""), "INVALID_ARGUMENT", "ModelSpec has no name specified."),
        (predict(z=row()), "INVALID_ARGUMENT", "Sent extra: {z}. Missing but required: {x}."),
        (
            predict(x=np.zeros((1, 3))),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but double is provided",
        ),
        (predict(x=[["a", "b", "c"]]), "INVALID_ARGUMENT", "to be float but string is provided"),
        (predict(x=np.zeros((2, 2), "float32")), "INVALID_ARGUMENT", "has shape [2,2] but [?,3]"),
        (
            with_filter("none"),
            "INVALID_ARGUMENT",
            "output tensor alias not found in signature: none",
        ),
        (
            with_filter("total", "total"),
            "INVALID_ARGUMENT",
            "duplicate output tensor alias: total",
        ),
        (predict("sums", x=np.array([[-1]], "float32")), "INVALID_ARGUMENT", "negative"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_request_gets_the_status_of_tensorflow_serving(stub, request_, code, words):
    got, details = refused(stub.Predict, request_)
    assert got == code
    assert words in details


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dtype: DT_FLOAT",
        "dtype: DT_FLOAT tensor_shape { dim { size: -1 } }",
        "dtype: DT_FLOAT tensor_shape { unknown_rank: true }",
        "dtype: DT_FLOAT tensor_shape { dim { size: 9000000000 } } float_val: 1",
        'dtype: DT_FLOAT tensor_shape { dim { size: 3 } } tensor_content: "abc"',
        "dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: [1, 2, 3]",
        "dtype: DT_RESOURCE tensor_shape { dim { size: 1 } }",
        "dtype: DT_VARIANT tensor_shape { dim { size: 1 } }",
        "dtype: 9999 tensor_shape { dim { size: 1 } }",
        'dtype: DT_STRING tensor_shape { dim { size: 2 } } string_val: "a"',
    ],
)
def test_a_broken_tensor_is_invalid(stub, text):
    request = predict()
    text_format.Parse(text, request.inputs["x"])
    code, _ = refused(stub.Predict, request)
    assert code == "INVALID_ARGUMENT"


def test_a_message_that_is_none_is_the_clients_mistake(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    code, details = refused(call, b"\xff\xff\xff")
    assert code == "INVALID_ARGUMENT"
    assert "Cannot parse PredictRequest" in details


def test_an_unknown_method_is_unimplemented(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Guess")
    assert refused(call, b"")[0] == "UNIMPLEMENTED"


def test_a_long_message_still_arrives(stub):
    code, details = refused(stub.Predict, predict("é" * 9000, x=row()))
    assert code == "FAILED_PRECONDITION"
    assert details.endswith("...")


def test_status(models_stub):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "made"
    (entry,) = models_stub.GetModelStatus(request).model_version_status
    assert (entry.version, entry.State.Name(entry.state)) == (1, "AVAILABLE")
    assert entry.status.error_code == 0


def test_status_of_an_unknown_model(models_stub):
    request = get_model_status_pb2.GetModelStatusRequest()
    assert refused(models_stub.GetModelStatus, request) == (
        "INVALID_ARGUMENT",
        "Missing ModelSpec",
    )
    request.model_spec.name = "none"
    assert refused(models_stub.GetModelStatus, request) == (
        "NOT_FOUND",
        "Could not find any versions of model none",
    )


def test_metadata(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "made"
    response = stub.GetModelMetadata(request)
    assert response.model_spec.version.value == 1
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "audio_bytes"} <= set(signatures.signature_def)


@pytest.mark.parametrize("fields", [[], ["graph"]])
def test_metadata_is_of_signatures_alone(stub, fields):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "made"
    assert refused(stub.GetModelMetadata, request)[0] == "INVALID_ARGUMENT"


def examples(request, *values):
    for value in values:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(value)
    return request


def test_classify(stub):
    request = examples(classification_pb2.ClassificationRequest(), 0.25)
    request.model_spec.name = "examples"
    response = stub.Classify(request)
    (answer,) = response.result.classifications
    assert [(entry.label, entry.score) for entry in answer.classes] == [
        ("up", 0.25),
        ("down", 0.75),
    ]
    assert response.model_spec.version.value == 1


def test_regress(stub):
    request = examples(regression_pb2.RegressionRequest(), 0.5, 2.0)
    request.model_spec.name, request.model_spec.signature_name = "examples", "value"
    response = stub.Regress(request)
    assert [entry.value for entry in response.result.regressions] == [5.0, 20.0]


def inference(*tasks):
    request = examples(inference_pb2.MultiInferenceRequest(), 0.5)
    for signature, method in tasks:
        task = request.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name, task.model_spec.signature_name = "examples", signature
    return request


def test_multi_inference_answers_several_tasks_of_one_input(stub):
    first, second = stub.MultiInference(inference(("", "classify"), ("value", "regress"))).results
    assert first.classification_result.classifications[0].classes[0].score == 0.5
    assert second.regression_result.regressions[0].value == 5.0
    assert second.model_spec.version.value == 1


@pytest.mark.parametrize(
    ("tasks", "code"),
    [
        ([], "INVALID_ARGUMENT"),
        ([("", "classify"), ("", "classify")], "INVALID_ARGUMENT"),
        ([("none", "classify")], "INVALID_ARGUMENT"),
        ([("", "regress")], "INVALID_ARGUMENT"),
        ([("", "predict")], "UNIMPLEMENTED"),
    ],
)
def test_wrong_tasks_are_refused(stub, tasks, code):
    assert refused(stub.MultiInference, inference(*tasks))[0] == code


def test_health(channel):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(channel)
    for name in ("", "tensorflow.serving.PredictionService"):
        assert stub.Check(health_pb2.HealthCheckRequest(service=name)).status == 1


def test_health_is_answered_only_where_it_is_asked_for(folder):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with running(model(folder / "made")) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            check = health_pb2_grpc.HealthStub(channel).Check
            assert refused(check, health_pb2.HealthCheckRequest())[0] == "UNIMPLEMENTED"


def test_a_label_is_answered_by_its_version(folder):
    labelled = model(folder / "made", labels=(("stable", 1),))
    with running(labelled, free_labels=True) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            response = stub.Predict(predict(label="stable", x=row()), timeout=20)
            assert response.model_spec.version.value == 1
            assert response.model_spec.version_label == ""


def test_requests_are_counted_by_their_entrypoint(server, stub):
    stub.Predict(predict(x=row()))
    text = requests.get(server.url + "/monitoring/prometheus/metrics", timeout=5).text
    assert 'request_latency_count{model_name="made",API="Predict",entrypoint="GRPC"}' in text


def test_a_unix_socket_answers_too(server):
    with grpc.insecure_channel(f"unix:{server.socket}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert stub.Predict(predict(x=row())).model_spec.version.value == 1


def test_a_message_over_the_limit_is_refused(folder):
    options = [("grpc.max_send_message_length", -1)]
    with running(model(folder / "made"), most_bytes=1000) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict("sums", x=np.zeros((1, 1000), "float32"))
            assert refused(stub.Predict, request)[0] == "RESOURCE_EXHAUSTED"


def test_channel_arguments_reach_grpc(folder):
    given = "grpc.max_receive_message_length=1000"
    with running(model(folder / "made"), grpc_channel_arguments=given) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            request = predict("sums", x=np.zeros((1, 1000), "float32"))
            assert refused(stub.Predict, request)[0] == "RESOURCE_EXHAUSTED"


def test_a_taken_port_is_an_error_in_words(folder, server):
    with pytest.raises(PnnKerasError, match="Choose another --port"):
        with running(model(folder / "made"), port=server.port):
            pass
    with pytest.raises(PnnKerasError, match="Choose another --rest_api_port"):
        with running(model(folder / "made"), rest_port=server.rest_port):
            pass


def test_reload_adds_and_removes_models(folder):
    request = model_management_pb2.ReloadConfigRequest()
    for name in ("made", "second"):
        path = str(folder / "made")
        request.config.model_config_list.config.add(
            name=name, base_path=path, model_platform="tensorflow"
        )
    with running(model(folder / "made")) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            assert stub.HandleReloadConfigRequest(request).status.error_code == 0
            assert requests.get(server.url + "/v1/models/second", timeout=5).status_code == 200
            del request.config.model_config_list.config[0]
            stub.HandleReloadConfigRequest(request)
            assert requests.get(server.url + "/v1/models/made", timeout=5).status_code == 404


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "INVALID_ARGUMENT", "no model config list"),
        ("config { name: 'a' base_path: '/x' }", "INVALID_ARGUMENT", "nor model_platform"),
        ("config { name: 'a' base_path: 'x' %s }", "INVALID_ARGUMENT", "absolute path"),
        (
            "config { name: 'a' base_path: '/x' %s } config { name: 'a' base_path: '/y' %s }",
            "INVALID_ARGUMENT",
            "Illegal to list model a multiple times",
        ),
        (
            "config { name: 'a' base_path: '/x' %s version_labels { key: 's' value: 7 } }",
            "FAILED_PRECONDITION",
            "not currently available for inference",
        ),
    ],
)
def test_a_wrong_reload_is_refused(folder, text, code, words):
    request = model_management_pb2.ReloadConfigRequest()
    if text:
        text = text.replace("%s", "model_platform: 'tensorflow'")
        text_format.Parse(text, request.config.model_config_list)
    with running(model(folder / "made")) as server:
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = model_service_pb2_grpc.ModelServiceStub(channel)
            got, details = refused(stub.HandleReloadConfigRequest, request)
    assert got == code
    assert words in details
