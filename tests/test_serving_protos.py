"""The configuration messages: TensorFlow Serving's own text files are understood."""

import pytest
from google.protobuf import text_format

from pnn_keras.serving.protos import BatchingParameters, MonitoringConfig, SSLConfig

BATCHING = """
# From TensorFlow Serving's guide.
max_batch_size { value: 128 }
batch_timeout_micros { value: 0 }
max_enqueued_batches { value: 1000000 }
num_batch_threads { value: 8 }
allowed_batch_sizes: 64
allowed_batch_sizes: 128
pad_variable_length_inputs: true
"""


def test_batching_parameters_are_read():
    read = text_format.Parse(BATCHING, BatchingParameters())
    assert read.max_batch_size.value == 128
    assert read.HasField("batch_timeout_micros")
    assert not read.HasField("thread_pool_name")
    assert list(read.allowed_batch_sizes) == [64, 128]
    assert read.pad_variable_length_inputs is True


def test_batching_parameters_have_the_wire_form_of_tensorflow_serving():
    read = BatchingParameters(allowed_batch_sizes=[4])
    read.max_batch_size.value = 4
    # Field 1, a message that holds field 1; field 6, packed.
    assert read.SerializeToString() == b"\x0a\x02\x08\x04\x32\x01\x04"


def test_monitoring_config_is_read():
    text = 'prometheus_config { enable: true path: "/monitoring/prometheus/metrics" }'
    read = text_format.Parse(text, MonitoringConfig())
    assert read.prometheus_config.enable is True
    assert read.prometheus_config.path == "/monitoring/prometheus/metrics"


def test_tls_config_is_read():
    text = 'server_key: "KEY" server_cert: "CERT" custom_ca: "" client_verify: false'
    read = text_format.Parse(text, SSLConfig())
    assert (read.server_key, read.server_cert, read.client_verify) == ("KEY", "CERT", False)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (BatchingParameters, "max_batch_size: 128"),
        (BatchingParameters, "most_rows { value: 1 }"),
        (MonitoringConfig, "prometheus_config { enable: 7 }"),
        (SSLConfig, "server_key: 1"),
    ],
)
def test_a_wrong_file_is_refused(message, text):
    with pytest.raises(text_format.ParseError):
        text_format.Parse(text, message())
