"""Building the presets of the zoo from recipes: trained, measured elsewhere, described."""

from pnn_keras.zoo_building.building import build, describe, measure
from pnn_keras.zoo_building.describing import recalibrate, redescribe, restated
from pnn_keras.zoo_building.recipe import Recipe, read_recipe

__all__ = [
    "Recipe",
    "build",
    "describe",
    "measure",
    "read_recipe",
    "recalibrate",
    "redescribe",
    "restated",
]
