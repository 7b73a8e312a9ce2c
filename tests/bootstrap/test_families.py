"""The list of protocol families, and what import-linter holds of each."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from depot_sim.bootstrap.families import FAMILIES, models_of, projectors_of
from depot_sim.bootstrap.family import ProtocolFamily

ROOT = Path(__file__).parents[2]
LAYERS = ("domain", "application", "adapters", "adapters.*", "projections", "read_models", "bootstrap")

by_name = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.words.name)


@by_name
def test_only_the_list_of_families_may_import_modules_of_a_family(family: ProtocolFamily) -> None:
    name = family.words.name
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = pyproject["tool"]["importlinter"]["contracts"]
    (contract,) = (each for each in contracts if each["id"] == name)
    folders = {f"depot_sim.{layer}.{name}" for layer in LAYERS}

    assert contract["type"] == "protected"
    assert set(contract["protected_modules"]) == folders
    assert set(contract["allowed_importers"]) == {*folders, "depot_sim.bootstrap.families", "depot_sim.bench"}


@by_name
def test_the_modules_of_a_family_are_in_folders_with_its_name(family: ProtocolFamily) -> None:
    modules = {module.__name__ for module in family.events()}
    modules |= {type(projector).__module__ for projector in family.projectors()}
    modules |= {family.service().compose.__module__}
    assert all(f".{family.words.name}." in module for module in modules)


def test_every_read_model_has_its_projector_in_the_same_order() -> None:
    assert [projector.model for projector in projectors_of(FAMILIES)] == list(models_of(FAMILIES))
