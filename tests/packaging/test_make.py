"""The installation targets of the Makefile: what each stage installs, and when it installs again."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.packaging.locks import REQUIREMENTS, ROOT
from tests.patience import patient

# Stands for Python, venv and pip: records what pip is asked for, and fails where it is told to.
_PYTHON = """#!/bin/sh
case "$*" in
  "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python"; echo venv >> "$CALLS" ;;
  "-m pip "*) shift 3; echo "pip $*" >> "$CALLS"; case "$*" in *"${FAIL:-nothing fails}"*) exit 1 ;; esac ;;
  "--version") echo "Python 3.10.0" ;;
  *version_info*) [ -z "$OLD" ] ;;
  *ensurepip*) [ -z "$NO_ENSUREPIP" ] ;;
esac
"""
_QUIET = "pip --quiet --disable-pip-version-check --no-deps"
_LOCKED = f"{_QUIET} --only-binary=:all: --require-hashes"
_SERVICE = [
    "venv",
    f"{_LOCKED} -r requirements/runtime.txt -r requirements/build.txt",
    f"{_QUIET} --no-build-isolation -e .",
]
_TOOLS = [f"{_LOCKED} -r requirements/dev.txt"]


class Checkout:
    """A copy of the Makefile and the lock files, with a Python that installs nothing."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._calls = folder / "calls"
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, folder / name)
        shutil.copytree(REQUIREMENTS, folder / "requirements")
        self._python = folder / "python"
        self._python.write_text(_PYTHON)
        self._python.chmod(0o755)

    def make(self, target: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run make for one target below .venv."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        return subprocess.run(
            ["make", f"PYTHON={self._python}", f".venv/{target}"],
            cwd=self.folder,
            env={**inherited, "CALLS": str(self._calls), **variables},
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
        )

    def installs(self, target: str) -> list[str]:
        """What a successful make asks for."""
        self._calls.write_text("")
        made = self.make(target)
        assert made.returncode == 0, made.stderr
        return self._calls.read_text().splitlines()

    def change(self, name: str) -> None:
        """Make a file newer than every marker."""
        file = self.folder / name
        newest = max(marker.stat().st_mtime_ns for marker in self.folder.glob(".venv/.[sr]*"))
        os.utime(file, ns=(newest + 1_000_000, newest + 1_000_000))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_service_stage_installs_no_test_tools(checkout: Checkout) -> None:
    assert checkout.installs(".service") == _SERVICE
    assert checkout.installs(".service") == []


def test_types_and_editors_find_the_import_root_in_the_environment(checkout: Checkout) -> None:
    """By a link of the name that the packages have in imports, whatever the checkout is called."""
    checkout.installs(".service")
    link = checkout.folder / ".venv" / "import_root" / "depot_sim"
    assert link.resolve() == checkout.folder.resolve()
    assert not link.readlink().is_absolute()


def test_test_stage_adds_the_tools(checkout: Checkout) -> None:
    assert checkout.installs(".service") == _SERVICE
    assert checkout.installs(".ready") == _TOOLS
    assert checkout.installs(".ready") == []
    assert checkout.installs(".service") == []


@pytest.mark.parametrize("changed", ["requirements/runtime.txt", "requirements/build.txt", "pyproject.toml"])
def test_changed_file_of_the_service_makes_both_stages_anew(checkout: Checkout, changed: str) -> None:
    assert checkout.installs(".ready") == _SERVICE + _TOOLS
    checkout.change(changed)
    assert checkout.installs(".ready") == _SERVICE + _TOOLS
    assert checkout.installs(".ready") == []


def test_changed_lock_of_the_tools_leaves_no_package_of_the_old_one(checkout: Checkout) -> None:
    assert checkout.installs(".ready") == _SERVICE + _TOOLS
    checkout.change("requirements/dev.txt")
    assert checkout.installs(".service") == []
    assert checkout.installs(".ready") == _SERVICE + _TOOLS
    assert checkout.installs(".ready") == []


@pytest.mark.parametrize("failing", ["runtime.txt", "-e .", "dev.txt"])
def test_interrupted_installation_starts_over(checkout: Checkout, failing: str) -> None:
    assert checkout.make(".ready", FAIL=failing).returncode != 0
    assert not (checkout.folder / ".venv" / ".ready").exists()
    assert checkout.installs(".ready")[-1:] == _TOOLS
    assert checkout.installs(".ready") == []


@pytest.mark.parametrize("failing", ["runtime.txt", "dev.txt"])
def test_interrupted_renewal_starts_over(checkout: Checkout, failing: str) -> None:
    assert checkout.installs(".ready") == _SERVICE + _TOOLS
    checkout.change("requirements/dev.txt")
    assert checkout.make(".ready", FAIL=failing).returncode != 0
    assert checkout.installs(".ready")[-1:] == _TOOLS


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"OLD": "1"}, "depot-sim needs Python 3.11 or newer; '{python}' is Python 3.10.0.\n"),
        ({"NO_ENSUREPIP": "1"}, "'{python}' cannot make virtual environments: its ensurepip module is missing.\n"),
    ],
)
def test_unfit_python_is_named_before_anything_is_made(
    checkout: Checkout, variables: dict[str, str], said: str
) -> None:
    made = checkout.make(".service", **variables)
    assert made.returncode != 0
    assert made.stderr.startswith(said.format(python=checkout.folder / "python"))
    assert not (checkout.folder / ".venv").exists()
