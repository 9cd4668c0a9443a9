"""What TensorFlow Serving reads beside the models, and what runs it: written for any export."""

from pnn_keras.deployment.files import deployment_files, served_models, write_deployment
from pnn_keras.deployment.labels import label_versions
from pnn_keras.deployment.served import ServedModel, model_config, read_model_config

__all__ = [
    "ServedModel",
    "deployment_files",
    "label_versions",
    "model_config",
    "read_model_config",
    "served_models",
    "write_deployment",
]
