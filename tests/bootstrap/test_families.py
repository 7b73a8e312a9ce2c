"""The list of protocol families, and what import-linter holds of each."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from depot_sim.bootstrap.families import FAMILIES, models_of, projectors_of
from depot_sim.bootstrap.family import ProtocolFamily

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "application", "adapters", "adapters.*", "projections", "read_models", "bootstrap")

by_name = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.words.name)


def contract_of(id: str) -> dict[str, Any]:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = pyproject["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["id"] == id)
    return contract


@by_name
def test_only_the_list_of_families_may_import_modules_of_a_family(family: ProtocolFamily) -> None:
    name = family.words.name
    contract = contract_of(name)
    folders = {f"depot_sim.{layer}.{name}" for layer in LAYERS}

    assert contract["type"] == "protected"
    assert set(contract["protected_modules"]) == folders
    assert set(contract["allowed_importers"]) == {*folders, "depot_sim.bootstrap.families", "depot_sim.bench"}


@by_name
def test_no_folder_of_a_family_may_import_the_inside_of_runs(family: ProtocolFamily) -> None:
    contract = contract_of("runtime-port")
    patterns = (f"{layer.replace('.', '/')}/{family.words.name}" for layer in LAYERS)
    folders = [folder.relative_to(ROOT).parts for pattern in patterns for folder in ROOT.glob(pattern)]
    allowed = {tuple(module.split(".")[1:]) for module in contract["allowed_importers"]}

    assert (contract["type"], contract["protected_modules"]) == ("protected", ["depot_sim.application.run"])
    assert folders
    for folder in folders:
        assert not any(importer[: len(folder)] == folder[: len(importer)] for importer in allowed), folder


def test_the_family_of_the_tests_knows_runs_by_their_port_only() -> None:
    source = (ROOT / "tests" / "families" / "bells" / "family.py").read_text(encoding="utf-8")
    assert re.search(r"application\.run\b", source) is None


@by_name
def test_the_modules_of_a_family_are_in_folders_with_its_name(family: ProtocolFamily) -> None:
    modules = {module.__name__ for module in family.events()}
    modules |= {type(projector).__module__ for projector in family.projectors()}
    modules |= {family.service().compose.__module__}
    assert all(f".{family.words.name}." in module for module in modules)


def test_every_read_model_has_its_projector_in_the_same_order() -> None:
    assert [projector.model for projector in projectors_of(FAMILIES)] == list(models_of(FAMILIES))
