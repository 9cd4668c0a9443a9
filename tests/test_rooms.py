"""Data flows downwards: a module imports only from the rooms above it, and starts light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pnn_keras

PACKAGE = Path(pnn_keras.__file__).parent

#: The modules and subpackages of pnn_keras, from the top floor to the ground.
ROOMS = (
    "errors",
    "hushing",
    "machine",
    "processes",
    "folder",
    "cache",
    "archives",
    "audio",
    "corpus",
    "corpora",
    "task",
    "frontends",
    "store",
    "speaker_scaling",
    "augmentation",
    "material",
    "waveform_dataset",
    "lateral",
    "column",
    "foreign_column",
    "allowed",
    "figure_style",
    "card",
    "weights_file",
    "preset",
    "model_address",
    "preset_archive",
    "adaptation",
    "prediction",
    "hub",
    "chain",
    "loading",
    "zoo",
    "statistics",
    "intervals",
    "significance",
    "permutation",
    "calibration",
    "evaluation",
    "sensitivity",
    "protocol",
    "split",
    "audit",
    "fold_files",
    "scores",
    "held_out",
    "schedule",
    "heads",
    "shape",
    "search_space",
    "stack",
    "training",
    "monitor",
    "learner",
    "base",
    "pretrained",
    "references",
    "source_columns",
    "candidates",
    "nested",
    "bench",
    "methods",
    "chain_scoring",
    "provenance",
    "chain_training",
    "zoo_building",
    "experiments",
    "report",
    "tuning",
    "deployment",
    "export",
    "serving",
    "terminal",
    "cli",
    "__main__",
)

FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")

#: Slow to import; only the modules that compute with them may do so on import.
HEAVY = ("tensorflow", "keras", "pandas", "opensmile")
LIGHT = (
    "errors",
    "hushing",
    "machine",
    "processes",
    "cache",
    "archives",
    "audio",
    "corpus",
    "corpora",
    "frontends",
    "store",
    "figure_style",
    "card",
    "protocol",
    "statistics",
    "intervals",
    "significance",
    "permutation",
    "calibration",
    "split",
    "audit",
    "serving",
)


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rooms_named(module: str, names: list[str]) -> set[str]:
    """The rooms that ``from module import names`` enters."""
    package, _, below = module.partition(".")
    if package != "pnn_keras":
        return set()
    if below:
        return {below.split(".")[0]}
    homes = {name: home.split(".")[1] for name, home in pnn_keras._HOMES.items()}
    return {homes.get(name, name) for name in names} - {"__version__"}


def rooms_imported(source: str, package: list[str]) -> set[str]:
    """The rooms that a module's source imports anywhere, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= rooms_named(alias.name, [])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*base, *filter(None, [node.module])])
            found |= rooms_named(module, [alias.name for alias in node.names])
    return found


@pytest.mark.parametrize(
    ("source", "rooms"),
    [
        ("import pnn_keras.chain", {"chain"}),
        ("from pnn_keras.frontends.egemaps import Egemaps", {"frontends"}),
        ("from pnn_keras import errors, Chain", {"errors", "chain"}),
        ("from pnn_keras import __version__", set()),
        ("def f():\n    from . import cli", {"cli"}),
        ("from .task import Task", {"task"}),
        ("import keras, pnn_keras_zoo", set()),
    ],
)
def test_imports_are_recognised(source, rooms):
    assert rooms_imported(source, ["pnn_keras"]) == rooms


def test_relative_imports_climb_out_of_a_subpackage():
    source = "from ..errors import CorpusError"
    assert rooms_imported(source, ["pnn_keras", "corpora"]) == {"errors"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_come_from_rooms_above(path):
    room = room_of(path)
    assert room in ROOMS, f"give the room {room!r} its place in ROOMS"
    above = {*ROOMS[: ROOMS.index(room)], room}
    package = ["pnn_keras", *path.relative_to(PACKAGE).parts[:-1]]
    below = rooms_imported(path.read_text(encoding="utf-8"), package) - above
    assert not below, f"pnn_keras.{room} imports from below itself: {', '.join(sorted(below))}"


@pytest.mark.parametrize(
    "modules",
    [["pnn_keras"], ["pnn_keras.cli"], [f"pnn_keras.{room}" for room in LIGHT]],
    ids=["package", "cli", "light rooms"],
)
def test_import_does_not_wait_for_heavy_libraries(modules):
    code = f"import sys, {', '.join(modules)}; print(*({set(HEAVY)} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []
