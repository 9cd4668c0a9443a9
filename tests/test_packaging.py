"""What the checkout says of itself: version, dependencies, packages, entry point."""

import configparser
import importlib.metadata
import importlib.resources
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pnn_keras

ROOT = Path(__file__).parents[1]
METADATA = "zoo/*/metadata.json"

SETUP = configparser.ConfigParser(interpolation=None)
SETUP.read(ROOT / "setup.cfg", encoding="utf-8")


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def without_comments(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    return [line for line in lines(text) if not line.startswith("#")]


PINS = [Requirement(line) for line in without_comments(ROOT / "constraints.txt")]
PINNED = {canonicalize_name(pin.name): pin for pin in PINS}
DEPENDENCIES = [
    *lines(SETUP["options"]["install_requires"]),
    *(line for extra in SETUP["options.extras_require"].values() for line in lines(extra)),
]


@pytest.fixture
def distribution():
    try:
        return importlib.metadata.distribution("pnn-keras")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("needs pnn-keras installed, as tools/run does it")


def test_installed_version_is_the_package_s_own(distribution):
    assert distribution.version == pnn_keras.__version__


def test_citation_names_the_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE)[1] == pnn_keras.__version__


def test_entry_point_is_the_command_line(distribution):
    (script,) = distribution.entry_points.select(group="console_scripts")
    assert (script.name, script.value) == ("pnn-keras", "pnn_keras.cli:main")
    assert callable(script.load())


def test_presets_are_found_where_they_are_installed(distribution):
    here = {path.parent.name for path in (ROOT / "zoo").glob("*/config.json")}
    zoo = importlib.resources.files("pnn_keras_zoo")
    assert here == {item.name for item in zoo.iterdir() if item.joinpath("config.json").is_file()}


def test_what_a_preset_is_made_of_ships():
    shipped = set(lines(SETUP["options.package_data"]["pnn_keras_zoo"]))
    assert {"**/*.h5", "**/*.json", "**/*.md", "**/*.png"} <= shipped


def test_the_wheel_leaves_out_presets_that_not_every_use_is_allowed_of():
    recorded = {path.parent.name: json.loads(path.read_text()) for path in ROOT.glob(METADATA)}
    bound = {name for name, metadata in recorded.items() if not metadata["any_use"]}
    excluded = lines(SETUP["options.exclude_package_data"]["pnn_keras_zoo"])
    assert set(excluded) == {f"{name}/*" for name in bound}


def test_every_package_is_listed():
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("pnn_keras/**/__init__.py")}
    packages = {".".join(folder.parts) for folder in folders}
    assert {*packages, "pnn_keras_zoo"} == set(lines(SETUP["options"]["packages"]))


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_dependency_is_constrained_to_a_version_that_it_allows(dependency):
    requirement = Requirement(dependency)
    (pin,) = PINNED[canonicalize_name(requirement.name)].specifier
    assert requirement.specifier.contains(pin.version)


def test_constraints_are_exact():
    inexact = [str(pin) for pin in PINS if [s.operator for s in pin.specifier] != ["=="]]
    assert inexact == []


def test_constraints_name_each_package_once_in_order():
    names = [pin.name for pin in PINS]
    assert names == sorted(set(names))
