"""Which columns and layers a target depends on: average Fisher and perturbation sensitivity."""

from pnn_keras.sensitivity.fisher import fisher_sensitivity
from pnn_keras.sensitivity.inspection import inspect_chain
from pnn_keras.sensitivity.perturbation import chance_of, perturbation_sensitivity
from pnn_keras.sensitivity.reads import Read, Sensitivity, reads_of
from pnn_keras.sensitivity.words import sensitivity_words

__all__ = [
    "Read",
    "Sensitivity",
    "chance_of",
    "fisher_sensitivity",
    "inspect_chain",
    "perturbation_sensitivity",
    "reads_of",
    "sensitivity_words",
]
