"""Every list of the product's packages names the packages that there are."""

from __future__ import annotations

import re
import runpy
import tomllib
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import Any

import pytest

from tests.packaging.dockerignore import Ignore
from tests.packaging.locks import ROOT


def _toml(name: str) -> Any:
    return tomllib.loads((ROOT / name).read_text())


# Folders with Python files that are no packages of the product.
_TOOLS = {"bench", "docs", "tests"}
# Shipped, but no code of the product: measured by no tool, and in no layer.
_DATA = {"examples"}
# Used by the simulator and by the stand-in.
_SHARED = {"connection_guard"}
IMPORT_ROOT = "depot_sim"
PACKAGES = {path.parent.name for path in ROOT.glob("[a-z]*/*.py")} - _TOOLS
CODE = PACKAGES - _DATA
PYPROJECT = _toml("pyproject.toml")
_IN_LAYERS = CODE - _SHARED - {"standin"}


def _banned(config: Any) -> dict[str, str]:
    """What ruff says of the imports that it refuses."""
    return {name: entry["msg"] for name, entry in config["flake8-tidy-imports"]["banned-api"].items()}


def _layers(pyproject: Any) -> set[str]:
    contract = _contracts(pyproject)["layers"]
    assert contract["containers"] == [IMPORT_ROOT]
    return {name for layer in contract["layers"] for name in layer.split(" | ")}


def _contracts(pyproject: Any) -> dict[str, Any]:
    return {one["id"]: one for one in pyproject["tool"]["importlinter"]["contracts"]}


def _below_root(names: set[str]) -> set[str]:
    return {f"{IMPORT_ROOT}.{name}" for name in names}


def test_packages_are_found() -> None:
    assert {"domain", "application", "adapters", "bootstrap", "standin"} <= CODE
    assert "examples" in PACKAGES


def test_wheel_has_every_folder_with_python_files_and_no_other() -> None:
    folders = {path.parent.relative_to(ROOT) for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    listed = runpy.run_path(str(ROOT / "setup.py"))["packages"]()
    assert sorted(listed) == sorted({IMPORT_ROOT, *_below_root({".".join(folder.parts) for folder in folders})})


def test_layers_name_every_package_of_the_simulator() -> None:
    assert _layers(PYPROJECT) == _IN_LAYERS


def test_types_and_coverage_leave_out_no_package_with_code() -> None:
    files = {f"{name}/some.py" for name in CODE}
    not_typed = [re.compile(one) for one in PYPROJECT["tool"]["mypy"]["exclude"]]
    assert [file for file in files if any(one.search(f"/import_root/{IMPORT_ROOT}/{file}") for one in not_typed)] == []
    not_measured = PYPROJECT["tool"]["coverage"]["run"]["omit"]
    assert [file for file in files if any(fnmatch(file, one) for one in not_measured)] == []


@pytest.mark.parametrize("config", [PYPROJECT["tool"]["ruff"]["lint"], _toml("domain/ruff.toml")["lint"]])
def test_import_without_the_import_root_is_refused_by_ruff(config: Any) -> None:
    told = {name: message for name, message in _banned(config).items() if message.startswith("write ")}
    assert told == {name: f"write {IMPORT_ROOT}.{name}" for name in PACKAGES}


def test_image_is_built_from_every_package_and_nothing_else() -> None:
    seen = set(Ignore((ROOT / ".dockerignore").read_text()).seen(ROOT))
    folders = {path.parts[0] for path in seen if len(path.parts) > 1}
    assert folders == PACKAGES | {"requirements"}
    files = {"LICENSE", "README.md", "__init__.py", "py.typed", "pyproject.toml", "setup.py"}
    assert {str(path) for path in seen if len(path.parts) == 1} == files
    assert PurePosixPath("requirements/runtime.txt") in seen
    assert PurePosixPath("requirements/dev.txt") not in seen


@pytest.mark.parametrize(
    ("contract", "importing", "imported"),
    [
        ("standin", {"standin"}, CODE - _SHARED - {"standin"}),
        ("no-standin", _IN_LAYERS, {"standin"}),
        ("connection-guard", _SHARED, CODE - _SHARED),
    ],
)
def test_layer_contract_names_every_package(contract: str, importing: set[str], imported: set[str]) -> None:
    """Simulator and stand-in import nothing of each other, and what they share imports neither."""
    rule = _contracts(PYPROJECT)[contract]
    assert set(rule["source_modules"]) == _below_root(importing)
    assert set(rule["forbidden_modules"]) == _below_root(imported)
