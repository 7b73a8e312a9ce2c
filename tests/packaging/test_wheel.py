"""The wheel that the image's build makes, installed with the locked runtime and used outside the source tree."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen
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
    "depot_sim/examples/README.md",
    "depot_sim/examples/data/gtfs-sample-feed.zip",
    "depot_sim/examples/data/mta_depot_info.csv",
    "depot_sim/examples/data/mta_weekday_blocks_28_depots.csv",
}
_OF_THE_ROOT = {"depot_sim/__init__.py", "depot_sim/py.typed"}
_DIST_INFO = "depot_sim-0.1.0.dist-info"
_REFERENCE = re.compile(r"\b(?:examples/)[\w./-]*\w")


class Built(NamedTuple):
    """What the build saw, and the wheel it made."""

    context: Path
    wheel: Path

    def files(self) -> set[str]:
        with ZipFile(self.wheel) as archive:
            return set(archive.namelist())


class Installed(NamedTuple):
    """An environment with the wheel and the locked runtime, and a project's folder to work in, far from the sources."""

    environment: Path
    folder: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A process of the command; it knows nothing of the source tree, and the project's folder is on its path."""
        command = [str(self.environment / "bin" / "depot-sim"), *arguments]
        return self._start(command, self.folder)

    def run(self, *arguments: str) -> str:
        """What a successful command prints."""
        return _printed(self.start(*arguments))

    def run_python(self, *arguments: str, folder: Path | None = None) -> str:
        """What the environment's Python prints in the project's folder, or in another."""
        return _printed(self._start([str(self.environment / "bin" / "python"), *arguments], folder or self.folder))

    def _start(self, command: list[str], folder: Path) -> subprocess.Popen[str]:
        variables = {**_variables(), "PYTHONPATH": str(folder)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=folder, env=variables, text=True, **pipes)  # type: ignore[call-overload,no-any-return]

    def site_packages(self) -> Path:
        return next(self.environment.glob("lib/python3*/site-packages"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    context, dist = tmp_path_factory.mktemp("context"), tmp_path_factory.mktemp("dist")
    copy_context(ROOT, context)
    shutil.copyfile(ROOT / "compose.yaml", context / "compose.yaml")  # of a checkout; not seen by the image's build
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
    for name in {*PACKAGES, "tests"}:
        (folder / name).mkdir()
        (folder / name / "__init__.py").write_text(f"raise ImportError('this is the {name} of somebody else')\n")
    return folder


def _printed(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=patient(60))
    assert process.returncode == 0, out + err
    return out


def _pip(*arguments: str) -> None:
    subprocess.run([*wheelhouse.PIP, "--quiet", *arguments], check=True, timeout=patient(120))


def test_wheel_holds_every_file_of_its_packages(built: Built) -> None:
    expected = {
        f"depot_sim/{file.relative_to(built.context).as_posix()}"
        for package in PACKAGES
        for file in (built.context / package).rglob("*")
        if file.is_file()
    }
    assert expected - built.files() == _NOT_SHIPPED
    others = {name for name in built.files() - expected if not name.startswith(f"{_DIST_INFO}/")}
    assert others == _OF_THE_ROOT


def test_wheel_holds_what_its_examples_refer_to(built: Built) -> None:
    files = built.files()
    with ZipFile(built.wheel) as archive:
        examples = [name for name in files if re.fullmatch(r"depot_sim/examples/.*\.(yaml|json|txt)", name)]
        texts = [archive.read(name).decode() for name in examples]
    referred = {f"depot_sim/{reference}" for text in texts for reference in _REFERENCE.findall(text)}
    assert "depot_sim/examples/data/LICENSE.bussim2-MIT.txt" in referred
    assert referred - files == set()


def test_environment_holds_the_locked_runtime_and_nothing_else(installed: Installed) -> None:
    here = {"implementation_name": sys.implementation.name, "sys_platform": sys.platform}
    lock = read_lock(wheelhouse.RUNTIME)
    locked = {name: pin.version for name, pin in lock.items() if pin.applies_to({"extra": "", **here})}
    found = {canonicalize_name(one.name): one.version for one in distributions(path=[str(installed.site_packages())])}
    assert found == {**locked, "depot-sim": "0.1.0"}


def test_installation_adds_one_import_name(installed: Installed) -> None:
    """Nothing of a project that has packages of more general names can be overwritten."""
    (found,) = [one for one in distributions(path=[str(installed.site_packages())]) if one.name == "depot-sim"]
    files = [file.parts for file in found.files or ()]
    assert {parts[0] for parts in files} == {"..", "depot_sim", _DIST_INFO}
    assert [parts[-2:] for parts in files if parts[0] == ".."] == [("bin", "depot-sim")]


@pytest.mark.parametrize("module", [(), ("-m", "depot_sim.bootstrap.main"), ("-P", "-m", "depot_sim.bootstrap.main")])
def test_version_is_printed(installed: Installed, module: Sequence[str]) -> None:
    """Beside packages of the same names, which are found first: by the command, and by Python with its module."""
    out = installed.run_python(*module, "version") if module else installed.run("version")
    assert out.startswith("depot-sim 0.1.0, Python ")


def test_project_imports_its_own_packages_and_ours(installed: Installed, tmp_path: Path) -> None:
    names = ("domain", "application", "tests")
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"MARK = 'the {name} of the project'\n")
    before = _contents(tmp_path)
    script = (
        f"import {', '.join(names)}\n"
        "import depot_sim.application.run.service\n"
        f"print({', '.join(f'{name}.MARK' for name in names)}, sep='\\n')\n"
        "print(depot_sim.application.run.service.__name__)\n"
    )
    *marks, ours = installed.run_python("-B", "-c", script, folder=tmp_path).splitlines()
    assert marks == [f"the {name} of the project" for name in names]
    assert ours == "depot_sim.application.run.service"
    assert _contents(tmp_path) == before


def test_service_starts_and_stops(installed: Installed) -> None:
    """Beside packages of the same names."""
    with _serving(installed, "serve", "--db", "sqlite://") as url, urlopen(f"{url}/livez") as answer:
        assert answer.status == 200


def test_demo_and_a_scenario_against_the_stand_in(installed: Installed) -> None:
    """Beside packages of the same names, which neither the command nor a process that it starts imports."""
    try:
        out = installed.run("demo")
        found = re.search(r"^  (http://127\.0\.0\.1:\d+)/openapi\.json$", out, re.MULTILINE)
        assert found is not None, out
        with _serving(installed, "standin") as stand_in:
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


def _contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@contextmanager
def _serving(installed: Installed, *command: str) -> Iterator[str]:
    """The URL of a command that serves; it is asked to stop at the end."""
    ready_file = installed.folder / f"{command[0]}.json"
    process = installed.start(*command, "--port", "0", "--ready-file", str(ready_file))
    try:
        wait_for(ready_file.exists, process)
        yield json.loads(ready_file.read_bytes())["url"]
        process.terminate()
        out, err = process.communicate(timeout=patient(30))
        assert (process.returncode, "Traceback" in err) == (0, False), out + err
    finally:
        process.kill()
        process.communicate()
