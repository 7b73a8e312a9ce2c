"""The product is imported below `depot_sim`; ruff refuses another import in every folder, and says what to write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.locks import ROOT
from tests.packaging.test_package_lists import PACKAGES
from tests.patience import patient

RUFF = Path(sys.executable).with_name("ruff")
FOLDERS = ["domain/run", "application", "adapters/http", "bootstrap", "standin", "bench", "tests/e2e"]
WITHOUT_CLOCK = {"domain/run", "application"}


def refused(source: str, file: str) -> list[str]:
    """What ruff says of imports in a file with this text."""
    command = [str(RUFF), "check", "--select", "TID251", "--output-format", "concise", "--stdin-filename", file, "-"]
    ran = subprocess.run(
        command, input=source, cwd=ROOT, capture_output=True, text=True, timeout=patient(60), check=False
    )
    assert ran.returncode in (0, 1), ran.stderr
    return [line.partition("TID251 ")[2] for line in ran.stdout.splitlines() if "TID251 " in line]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize(
    "statement", ["import {}", "import {}.module", "from {} import name", "from {}.module import name"]
)
def test_import_without_the_root_is_refused(folder: str, statement: str) -> None:
    names = sorted(PACKAGES)
    source = "\n".join(statement.format(name) for name in names)
    found = refused(source, f"{folder}/some.py")
    assert len(found) == len(names)
    assert [f"write depot_sim.{name}" in line for name, line in zip(names, found, strict=True)] == [True] * len(names)


@pytest.mark.parametrize("folder", FOLDERS)
def test_import_below_the_root_is_accepted(folder: str) -> None:
    source = "\n".join(f"from depot_sim.{name} import name" for name in sorted(PACKAGES))
    assert refused(source, f"{folder}/some.py") == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_clock_is_refused_in_the_deterministic_folders_only(folder: str) -> None:
    found = refused("from time import monotonic\nfrom uuid import uuid4", f"{folder}/some.py")
    assert len(found) == (2 if folder in WITHOUT_CLOCK else 0)
