"""Lock files read and checked without an installer: does a lock hold everything that its packages require?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution
from itertools import product
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements"
Environment = dict[str, str]


class Pin(NamedTuple):
    """One locked package: `requirement` is its line without the hashes."""

    requirement: Requirement
    hashes: frozenset[str]

    @property
    def version(self) -> str:
        """The version of an exact pin; "" for any other requirement."""
        specifiers = list(self.requirement.specifier)
        return specifiers[0].version if [one.operator for one in specifiers] == ["=="] else ""

    def applies_to(self, environment: Environment) -> bool:
        return _holds(self.requirement, environment)


class Metadata(NamedTuple):
    """What an installed distribution says of itself."""

    version: str
    requires: tuple[Requirement, ...]
    requires_python: SpecifierSet


Lock = Mapping[str, Pin]


def read_lock(path: Path) -> dict[str, Pin]:
    """The pins of a lock file by canonical name."""
    lines = path.read_text().replace("\\\n", " ").splitlines()
    pins = (_pin(line) for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return {canonicalize_name(pin.requirement.name): pin for pin in pins}


def read_wanted(path: Path) -> list[Requirement]:
    """The requirements of an .in file and of those it includes."""
    wanted = []
    for line in path.read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text.startswith("-r "):
            wanted += read_wanted(path.parent / text.removeprefix("-r ").strip())
        elif text:
            wanted.append(Requirement(text))
    return wanted


def read_installed(distributions: Iterable[Distribution]) -> dict[str, Metadata]:
    """The metadata of distributions by canonical name."""
    return {canonicalize_name(one.metadata["Name"]): _metadata(one) for one in distributions}


def supported_environments() -> Iterator[Environment]:
    """Marker values of CPython 3.11 to 3.13 on Linux and macOS, x86_64 and arm64."""
    systems = (
        ("linux", "Linux", "x86_64"),
        ("linux", "Linux", "aarch64"),
        ("darwin", "Darwin", "x86_64"),
        ("darwin", "Darwin", "arm64"),
    )
    for minor, (sys_platform, system, machine) in product((11, 12, 13), systems):
        yield {
            "implementation_name": "cpython",
            "implementation_version": f"3.{minor}.0",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": system,
            "platform_version": "",
            "python_full_version": f"3.{minor}.0",
            "python_version": f"3.{minor}",
            "sys_platform": sys_platform,
        }


def unmet(
    lock: Lock, wanted: Iterable[Requirement], installed: Mapping[str, Metadata], environment: Environment
) -> list[str]:
    """What the lock lacks in this environment, as one sentence each; none when the lock is closed.

    Starts from every pin and from `wanted` with its extras, and follows the requirements of what is found.
    """
    problems = []
    queue = [("the .in file", one) for one in wanted if _holds(one, environment)]
    queue += [("the lock", pin.requirement) for pin in lock.values() if pin.applies_to(environment)]
    followed: set[tuple[str, str]] = set()
    while queue:
        source, requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        problem = _problem(lock, name, requirement, installed, environment)
        if problem:
            problems.append(f"{source} requires {requirement}: {problem}")
            continue
        for extra in {"", *requirement.extras} - {extra for known, extra in followed if known == name}:
            followed.add((name, extra))
            queue += [(name, one) for one in installed[name].requires if _holds(one, environment, extra)]
    return problems


def _problem(
    lock: Lock, name: str, requirement: Requirement, installed: Mapping[str, Metadata], environment: Environment
) -> str:
    pin = lock.get(name)
    if pin is None or not pin.applies_to(environment):
        return "not locked"
    if not requirement.specifier.contains(pin.version, prereleases=True):
        return f"locked is {pin.version}"
    found = installed.get(name)
    if found is None or found.version != pin.version:
        return f"{pin.version} is not installed here, so its requirements are unknown"
    if not found.requires_python.contains(environment["python_full_version"]):
        return f"{pin.version} needs Python {found.requires_python}"
    return ""


def _holds(requirement: Requirement, environment: Environment, extra: str = "") -> bool:
    """Whether its marker is true here. `extra` is the extra of the package that requires it."""
    if requirement.marker is None:
        return not extra
    inside = requirement.marker.evaluate({**environment, "extra": extra})
    return inside and not (extra and requirement.marker.evaluate({**environment, "extra": ""}))


def _pin(line: str) -> Pin:
    requirement, *hashes = line.partition(" #")[0].split("--hash=")
    return Pin(Requirement(requirement.strip()), frozenset(one.strip() for one in hashes))


def _metadata(one: Distribution) -> Metadata:
    requires = tuple(Requirement(text) for text in one.requires or ())
    return Metadata(one.version, requires, SpecifierSet(str(one.metadata.json.get("requires_python", ""))))
