"""The lock files are closed: pip can install them without resolving, whatever was released since."""

from __future__ import annotations

import tomllib
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.packaging.locks import (
    REQUIREMENTS,
    ROOT,
    Lock,
    Metadata,
    Pin,
    read_installed,
    read_lock,
    read_wanted,
    supported_environments,
    unmet,
)
from tests.peers import pyoscp_environment

LOCKS = sorted(path.relative_to(REQUIREMENTS).with_suffix("").as_posix() for path in REQUIREMENTS.rglob("*.txt"))
ENVIRONMENTS = list(supported_environments())


class Locked(NamedTuple):
    """A lock file, what it was compiled from, and the metadata of its packages."""

    lock: dict[str, Pin]
    wanted: list[Requirement]
    installed: dict[str, Metadata]


def locked(name: str) -> Locked:
    installed = read_installed(distributions())
    if name.startswith("peers/"):
        # A package that this Python does not need there may still be known from here, in the same version.
        installed |= read_installed(distributions(path=[str(_site_packages())]))
    path = REQUIREMENTS / name
    return Locked(read_lock(path.with_suffix(".txt")), read_wanted(path.with_suffix(".in")), installed)


def _site_packages() -> Path:
    python = pyoscp_environment.ensure()
    return next(python.parents[1].glob("lib/python3*/site-packages"))


def test_every_lock_is_known() -> None:
    assert LOCKS == ["build", "dev", "peers/pyoscp", "runtime"]


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_every_requirement_of_its_packages(name: str) -> None:
    lock, wanted, installed = locked(name)
    assert len(ENVIRONMENTS) == 12
    assert [problem for environment in ENVIRONMENTS for problem in unmet(lock, wanted, installed, environment)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_removed_pin_is_noticed(name: str) -> None:
    """Except for a pin that no supported platform installs."""
    lock, wanted, installed = locked(name)
    environment = ENVIRONMENTS[0]
    for removed, pin in lock.items():
        rest = {other: pin for other, pin in lock.items() if other != removed}
        assert bool(unmet(rest, wanted, installed, environment)) == pin.applies_to(environment), removed


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_is_exact_and_has_hashes(name: str) -> None:
    lock = read_lock((REQUIREMENTS / name).with_suffix(".txt"))
    assert [one for one, pin in lock.items() if not pin.version] == []
    assert [one for one, pin in lock.items() if not all(text.startswith("sha256:") for text in pin.hashes)] == []
    assert [one for one, pin in lock.items() if not pin.hashes] == []


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_dev_lock_includes_the_others_as_they_are(name: str) -> None:
    dev, other = read_lock(REQUIREMENTS / "dev.txt"), read_lock(REQUIREMENTS / f"{name}.txt")
    assert {one: (dev[one].requirement, dev[one].hashes) for one in other if one in dev} == {
        one: (pin.requirement, pin.hashes) for one, pin in other.items()
    }


def test_package_declares_what_the_runtime_lock_is_compiled_from() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert sorted(map(str, read_wanted(REQUIREMENTS / "runtime.in"))) == sorted(
        str(Requirement(one)) for one in declared
    )


def test_service_needs_no_test_tool() -> None:
    tools = {one.name.lower() for one in read_wanted(REQUIREMENTS / "dev.in")}
    service = {one.name.lower() for one in read_wanted(REQUIREMENTS / "runtime.in")} | {"setuptools"}
    stage = read_lock(REQUIREMENTS / "runtime.txt").keys() | read_lock(REQUIREMENTS / "build.txt").keys()
    assert {"pytest", "ruff", "mypy"} <= tools - service
    assert stage & (tools - service) == set()


# The check itself, on made-up metadata

HERE = {**ENVIRONMENTS[0]}


def pins(*texts: str) -> Lock:
    read = [Requirement(text) for text in texts]
    return {one.name: Pin(one, frozenset({"sha256:0"})) for one in read}


def package(version: str, *requires: str, python: str = "") -> Metadata:
    return Metadata(version, tuple(Requirement(text) for text in requires), SpecifierSet(python))


@pytest.mark.parametrize(
    ("requires", "problem"),
    [
        ("b", ""),
        ("b>=2", ""),
        ("b>2", "a requires b>2: locked is 2"),
        ("c", "a requires c: not locked"),
        ("c; sys_platform == 'win32'", ""),
        ("c; python_version < '3.11'", ""),
        ("c; extra == 'x'", ""),
        ("w", "a requires w: not locked"),
        ("b[more]", 'b requires d; extra == "more": not locked'),
        ("old", "a requires old: 1 needs Python <3.11"),
        ("other", "a requires other: 1 is not installed here, so its requirements are unknown"),
    ],
)
def test_unmet_requirement_is_named(requires: str, problem: str) -> None:
    lock = pins(
        "a==1", "b==2", "w==1; sys_platform == 'win32'", "old==1; extra == 'never'", "other==1; extra == 'never'"
    )
    lock = {**lock, **pins("old==1", "other==1")} if requires in ("old", "other") else lock
    installed = {
        "a": package("1", requires),
        "b": package("2", "d; extra == 'more'"),
        "old": package("1", python="<3.11"),
        "other": package("0.9"),
    }
    found = [one for one in unmet(lock, [Requirement("a")], installed, HERE) if not one.startswith("the lock")]
    assert found == ([problem] if problem else [])


def test_extra_is_followed_only_where_it_is_asked_for() -> None:
    lock, installed = pins("a==1"), {"a": package("1", "d; extra == 'more'")}
    assert unmet(lock, [Requirement("a")], installed, HERE) == []
    assert unmet(lock, [Requirement("a[more]")], installed, HERE) == ['a requires d; extra == "more": not locked']
