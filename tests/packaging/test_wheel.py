"""The wheel that the image's build makes, installed with the locked runtime and used outside the source tree."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest
from packaging.utils import canonicalize_name

from tests.e2e.processes import wait_for
from tests.packaging import wheelhouse
from tests.packaging.dockerignore import copy_context
from tests.packaging.locks import ROOT, read_lock
from tests.packaging.test_package_lists import PACKAGES
from tests.patience import patient

# Files of the packages' folders that are no part of the product.
_NOT_SHIPPED = {
    "examples/README.md",
    "examples/data/gtfs-sample-feed.zip",
    "examples/data/mta_depot_info.csv",
    "examples/data/mta_weekday_blocks_28_depots.csv",
}
_REFERENCE = re.compile(r"\b(?:examples/)[\w./-]*\w")


class Built(NamedTuple):
    """What the build saw, and the wheel it made."""

    context: Path
    wheel: Path

    def files(self) -> set[str]:
        with ZipFile(self.wheel) as archive:
            return set(archive.namelist())


class Installed(NamedTuple):
    """An environment with the wheel and the locked runtime, and an empty folder to work in, far from the sources."""

    environment: Path
    folder: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A process of the command; it knows nothing of the source tree."""
        command = [str(self.environment / "bin" / "depot-sim"), *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.folder, env=_variables(), text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def run(self, *arguments: str) -> str:
        """What a successful command prints."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=patient(60))
        assert process.returncode == 0, out + err
        return str(out)

    def site_packages(self) -> Path:
        return next(self.environment.glob("lib/python3*/site-packages"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    context, dist = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("dist")
    copy_context(ROOT, context)
    _pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(dist), str(context))
    (wheel,) = dist.iterdir()
    return Built(context, wheel)


@pytest.fixture(scope="module")
def installed(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, symlinks=True)
    install = ("--python", str(environment / "bin" / "python"), "install", "--no-compile", "--no-index")
    wheels = ("--find-links", str(wheelhouse.ensure()))
    _pip(*install, *wheels, *wheelhouse.LOCKED, "-r", str(built.context / "requirements" / "runtime.txt"))
    _pip(*install, "--no-deps", str(built.wheel))
    return Installed(environment, _foreign_folder(tmp_path_factory.mktemp("elsewhere")))


def _foreign_folder(folder: Path) -> Path:
    """A project with packages of its own that have our names: importing one of them would fail."""
    for name in PACKAGES:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise ImportError('this is the {name} of somebody else')\n")
    return folder


def _pip(*arguments: str) -> None:
    subprocess.run([*wheelhouse.PIP, "--quiet", *arguments], check=True, timeout=patient(120))


def test_wheel_holds_every_file_of_its_packages(built: Built) -> None:
    expected = {
        file.relative_to(built.context).as_posix()
        for package in PACKAGES
        for file in (built.context / package).rglob("*")
        if file.is_file()
    }
    assert expected - built.files() == _NOT_SHIPPED
    assert {name.split("/")[0] for name in built.files()} - PACKAGES == {"depot_sim-0.1.0.dist-info"}


def test_wheel_holds_what_its_examples_refer_to(built: Built) -> None:
    files = built.files()
    with ZipFile(built.wheel) as archive:
        texts = [archive.read(name).decode() for name in files if re.fullmatch(r"examples/.*\.(yaml|json|txt)", name)]
    referred = {reference for text in texts for reference in _REFERENCE.findall(text)}
    assert "examples/data/LICENSE.bussim2-MIT.txt" in referred
    assert referred - files == set()


def test_environment_holds_the_locked_runtime_and_nothing_else(installed: Installed) -> None:
    here = {"implementation_name": sys.implementation.name, "sys_platform": sys.platform}
    lock = read_lock(wheelhouse.RUNTIME)
    locked = {name: pin.version for name, pin in lock.items() if pin.applies_to({"extra": "", **here})}
    found = {canonicalize_name(one.name): one.version for one in distributions(path=[str(installed.site_packages())])}
    assert found == {**locked, "depot-sim": "0.1.0"}


def test_version_is_printed(installed: Installed) -> None:
    assert installed.run("version").startswith("depot-sim 0.1.0, Python ")


def test_demo_and_a_scenario_against_the_stand_in(installed: Installed) -> None:
    """Beside packages of the same names, which neither the command nor a process that it starts imports."""
    try:
        out = installed.run("demo")
        found = re.search(r"^  (http://127\.0\.0\.1:\d+)/openapi\.json$", out, re.MULTILINE)
        assert found is not None, out
        with _stand_in(installed) as stand_in:
            endpoint = ("--packets-endpoint", f"{stand_in}/packets", "--url", found[1])
            assert "passed" in installed.run("scenario", "start", "bba-heartbeat-late", *endpoint)
    finally:
        stopped = installed.run("demo", "--stop")
    assert stopped == "the demo's service is stopped\n"


def test_first_commands_of_the_readme_can_be_pasted(installed: Installed) -> None:
    after = (ROOT / "README.md").read_text().partition("## Command line\n")[2]
    block = re.match(r"\n((?:    .*\n)+)", after)
    assert block is not None
    assert "depot-sim run " in block[1]
    (installed.folder / ".venv").symlink_to(installed.environment)
    shell = ["sh", "-e", "-c", block[1]]
    ran = subprocess.run(
        shell, cwd=installed.folder, env=_variables(), capture_output=True, text=True, timeout=patient(60), check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert "canonical sha256" in ran.stdout


def _variables() -> dict[str, str]:
    """The environment without what leads to the source tree, or measures it."""
    hidden = ("DEPOT_SIM_", "PYTHON", "COVERAGE", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(hidden)}


@contextmanager
def _stand_in(installed: Installed) -> Iterator[str]:
    """The URL of a stand-in, which is asked to stop at the end."""
    ready_file = installed.folder / "stand-in.json"
    process = installed.start("standin", "--port", "0", "--ready-file", str(ready_file))
    try:
        wait_for(ready_file.exists, process)
        yield json.loads(ready_file.read_bytes())["url"]
        process.terminate()
        out, err = process.communicate(timeout=patient(30))
        assert (process.returncode, err) == (0, ""), out
    finally:
        process.kill()
        process.communicate()
