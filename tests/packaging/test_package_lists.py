"""Every list of the product's packages names the packages that there are."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.packaging.dockerignore import Ignore
from tests.packaging.locks import ROOT

# Folders with Python files that are no packages of the product.
_TOOLS = {"bench", "docs", "tests"}
# Shipped, but no code of the product: measured by no tool, and in no layer.
_DATA = {"examples"}
# Used by the simulator and by the stand-in.
_SHARED = {"connection_guard"}
PACKAGES = {path.parent.name for path in ROOT.glob("[a-z]*/*.py")} - _TOOLS
CODE = PACKAGES - _DATA
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _wheel(pyproject: Any) -> set[str]:
    found = pyproject["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {one.removesuffix(".*") for one in found if one.endswith(".*")} == CODE
    return {one for one in found if not one.endswith(".*")}


_LISTS: dict[str, tuple[Callable[[Any], set[str]], set[str]]] = {
    "setuptools": (_wheel, PACKAGES),
    "mypy": (lambda it: set(it["tool"]["mypy"]["files"]), CODE | _TOOLS - {"docs"}),
    "coverage": (lambda it: set(it["tool"]["coverage"]["run"]["source"]), CODE),
    "import-linter": (lambda it: set(it["tool"]["importlinter"]["root_packages"]), CODE),
}


def test_packages_are_found() -> None:
    assert {"domain", "application", "adapters", "bootstrap", "standin"} <= CODE
    assert "examples" in PACKAGES


@pytest.mark.parametrize("tool", _LISTS)
def test_list_names_every_package(tool: str) -> None:
    read, expected = _LISTS[tool]
    assert read(PYPROJECT) == expected


def test_image_is_built_from_every_package_and_nothing_else() -> None:
    seen = set(Ignore((ROOT / ".dockerignore").read_text()).seen(ROOT))
    folders = {path.parts[0] for path in seen if len(path.parts) > 1}
    assert folders == PACKAGES | {"requirements"}
    assert {str(path) for path in seen if len(path.parts) == 1} == {"LICENSE", "README.md", "pyproject.toml"}
    assert PurePosixPath("requirements/runtime.txt") in seen
    assert PurePosixPath("requirements/dev.txt") not in seen


@pytest.mark.parametrize(
    ("contract", "importing", "imported"),
    [
        ("standin", {"standin"}, CODE - _SHARED - {"standin"}),
        ("no-standin", CODE - _SHARED - {"standin"}, {"standin"}),
        ("connection-guard", _SHARED, CODE - _SHARED),
    ],
)
def test_layer_contract_names_every_package(contract: str, importing: set[str], imported: set[str]) -> None:
    """Simulator and stand-in import nothing of each other, and what they share imports neither."""
    contracts = {one["id"]: one for one in PYPROJECT["tool"]["importlinter"]["contracts"]}
    assert set(contracts[contract]["source_modules"]) == importing
    assert set(contracts[contract]["forbidden_modules"]) == imported
