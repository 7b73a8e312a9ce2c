"""The packages of the distribution; everything else about it is in pyproject.toml.

The folders of the checkout are the packages below `depot_sim`. setuptools finds folders, not mapped names, so the list
is computed here.
"""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

IMPORT_ROOT = "depot_sim"
_NOT_SHIPPED = ("bench", "bench.*", "tests", "tests.*")
_WITHOUT_INIT = ("examples",)  # data, and the script that makes it


def packages() -> list[str]:
    """Every package of the wheel, by its import name."""
    found = find_packages(str(Path(__file__).parent), exclude=_NOT_SHIPPED)
    return [IMPORT_ROOT, *(f"{IMPORT_ROOT}.{name}" for name in sorted({*found, *_WITHOUT_INIT}))]


if __name__ == "__main__":
    setup(packages=packages(), script_name=Path(__file__).name)  # else this file becomes a module of `depot_sim`
