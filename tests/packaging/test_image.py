"""Dockerfile and compose file: what is pinned, what is limited, and what has to be named by the user.

No container engine is needed: the files are read, and the lines that can run here are run.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pytest
import yaml

from depot_sim.adapters.cli.app import parser
from depot_sim.adapters.event_store.sqlite_version import has_wal_reset_fix, loaded_library
from depot_sim.bootstrap.tools import toolbox
from tests.packaging.dockerignore import Ignore
from tests.packaging.locks import ROOT
from tests.packaging.wheelhouse import LOCKED
from tests.patience import patient

_DIGEST = re.compile(r"[\w.-]+:[\w.-]+@sha256:[0-9a-f]{64}")
_DEFAULT = re.compile(r"\$\{(\w+):?-")
_STOPS_WITHIN_SECONDS = 5


class Instruction(NamedTuple):
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Words of a shell form, or the list of an exec form."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


def dockerfile() -> list[Instruction]:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def instructions(name: str) -> list[Instruction]:
    return [one for one in dockerfile() if one.name == name]


def compose() -> Any:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


SERVICES: dict[str, Any] = compose()["services"]


# The image


def test_every_stage_is_based_on_an_image_pinned_by_digest() -> None:
    arguments = dict(one.text.split("=", 1) for one in instructions("ARG"))
    bases = [one.words[0] for one in instructions("FROM")]
    assert len(bases) == 3
    resolved = [re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], base) for base in bases]
    assert [base for base in resolved if not _DIGEST.fullmatch(base)] == []
    assert len(set(resolved)) == 1


def test_python_packages_are_installed_from_the_lock_files_without_resolving() -> None:
    installs = [part for one in instructions("RUN") for part in one.text.split("&&") if "pip install" in part]
    from_locks = [part for part in installs if "requirements/" in part]
    assert [part for part in from_locks if not set(LOCKED) <= set(shlex.split(part))] == []
    assert {re.search(r"requirements/\S+", part)[0] for part in from_locks} == {  # type: ignore[index]
        "requirements/runtime.txt",
        "requirements/build.txt",
    }
    others = [shlex.split(part) for part in installs if part not in from_locks]
    assert [part for part in others if not {"--no-deps", "--no-index"} <= set(part)] == []


def test_sqlite_source_is_pinned_and_has_the_fix() -> None:
    (source,) = instructions("ADD")
    checksum, url, _ = source.words
    assert re.fullmatch(r"--checksum=sha256:[0-9a-f]{64}", checksum)
    found = re.fullmatch(r"https://www\.sqlite\.org/\d{4}/sqlite-autoconf-3(\d\d)(\d\d)00\.tar\.gz", url)
    assert found is not None
    assert has_wal_reset_fix((3, int(found[1]), int(found[2])))


def test_build_fails_unless_python_loads_a_sqlite_with_the_fix() -> None:
    """The line itself, with the SQLite of this machine."""
    last_stage = dockerfile()[dockerfile().index(instructions("FROM")[-1]) :]
    (check,) = [one.words for one in last_stage if one.name == "RUN" and "wal_reset_fixed" in one.text]
    assert check[0] == "python"
    ran = subprocess.run([sys.executable, *check[1:]], capture_output=True, text=True, timeout=patient(60), check=False)
    assert ran.stdout == f"{loaded_library()}\n", ran.stderr
    assert ran.returncode == (0 if loaded_library().wal_reset_fixed else 1)


def test_library_of_the_build_stage_is_the_one_that_python_loads() -> None:
    (copied,) = [one for one in instructions("COPY") if "--from=sqlite" in one.words]
    environment = " ".join(one.text for one in instructions("ENV"))
    assert f"LD_LIBRARY_PATH={copied.words[-1]} " in f"{environment} "
    assert "-soname,libsqlite3.so.0" in " ".join(one.text for one in instructions("RUN"))


def test_build_sees_everything_that_it_copies() -> None:
    seen = {str(path) for path in Ignore((ROOT / ".dockerignore").read_text()).seen(ROOT)}
    folders = {str(parent) for path in seen for parent in PurePosixPath(path).parents}
    copied = [one.words[:-1] for one in instructions("COPY") if not one.words[0].startswith("--from")]
    assert {source for sources in copied for source in sources} - seen - folders == set()


def test_image_serves_as_an_ordinary_user_and_tells_its_health() -> None:
    assert [one.text for one in instructions("USER")] == ["depot"]
    assert "/livez" in instructions("HEALTHCHECK")[0].text
    (command,) = instructions("CMD")
    assert parser(toolbox()).parse_args(command.words).host == "0.0.0.0"


# Compose


def test_every_image_that_is_pulled_is_pinned_by_digest() -> None:
    pulled = {name: one["image"] for name, one in SERVICES.items() if "build" not in one}
    assert set(pulled) == {"postgres"}
    assert [image for image in pulled.values() if not _DIGEST.fullmatch(image)] == []


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_limited_and_told_in_time(name: str) -> None:
    service = SERVICES[name]
    assert service["mem_limit"]
    assert 0 < service["pids_limit"] <= 1_000
    assert int(service["stop_grace_period"].removesuffix("s")) > 2 * _STOPS_WITHIN_SECONDS
    assert service["healthcheck"]["test"]


@pytest.mark.parametrize("name", ["depot-sim", "standin"])
def test_processes_of_the_image_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def test_no_password_and_no_token_has_a_default() -> None:
    text = (ROOT / "compose.yaml").read_text()
    assert set(_DEFAULT.findall(text)) == {"STANDIN_TOKENS"}, "with none, nobody may configure the stand-in"
    required = set(re.findall(r"\$\{(\w+):\?", text))
    assert required == {"POSTGRES_PASSWORD", "DEPOT_SIM_TOKENS"}


def test_kept_secrets_are_on_the_data_volume() -> None:
    folder = PurePosixPath(SERVICES["depot-sim"]["environment"]["DEPOT_SIM_KEPT_SECRETS"])
    volumes = [PurePosixPath(volume.split(":")[1]) for volume in SERVICES["depot-sim"]["volumes"]]
    assert volumes[0] in folder.parents


def test_stand_in_is_started_only_with_its_profile_which_opens_oscp() -> None:
    assert {name: one.get("profiles", []) for name, one in SERVICES.items()} == {
        "depot-sim": [],
        "standin": ["standin"],
        "postgres": [],
    }
    command = SERVICES["depot-sim"]["command"]
    plain, opened = (_interpolate(command, {"COMPOSE_PROFILES": value}) for value in ("", "standin"))
    assert shlex.split(plain) == instructions("CMD")[0].words
    assert parser(toolbox()).parse_args(shlex.split(plain)).opened == []
    assert parser(toolbox()).parse_args(shlex.split(opened)).opened == ["oscp"]


def _interpolate(text: str, variables: dict[str, str]) -> str:
    """As compose does for `${NAME:+value}`: the value when the variable is not empty."""
    return re.sub(r"\$\{(\w+):\+([^}]*)\}", lambda found: found[2] if variables.get(found[1]) else "", text)


def test_stand_in_opens_what_the_simulator_sends_to_and_not_its_control_routes() -> None:
    assert SERVICES["standin"]["command"].split(" --open ")[1:] == ["oscp", "packets", "page"]


# make up


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A Makefile, and a docker that says what it is asked for."""
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\necho "docker $*"\n')
    docker.chmod(0o755)
    return tmp_path


def up(checkout: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    path = f"{checkout / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["make", "--silent", "up"],
        cwd=checkout,
        env={"PATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )


ALL = {
    "DEPOT_SIM_TOKENS": "ops:operator:0123456789abcdef",
    "POSTGRES_PASSWORD": "secret $ ' word",
    "STANDIN_TOKENS": "t",
}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "DEPOT_SIM_TOKENS POSTGRES_PASSWORD"),
        ({"DEPOT_SIM_TOKENS": "x"}, "POSTGRES_PASSWORD"),
        ({"DEPOT_SIM_TOKENS": "", "POSTGRES_PASSWORD": "x"}, "DEPOT_SIM_TOKENS"),
        ({"COMPOSE_PROFILES": "standin"}, "DEPOT_SIM_TOKENS POSTGRES_PASSWORD STANDIN_TOKENS"),
    ],
)
def test_make_up_names_every_missing_variable(checkout: Path, given: dict[str, str], missing: str) -> None:
    made = up(checkout, **given)
    assert made.returncode != 0
    assert made.stdout == ""
    assert made.stderr.startswith(f"These variables are missing: {missing}. Set them in the environment or in .env;")


def test_make_up_starts_compose_when_nothing_is_missing(checkout: Path) -> None:
    made = up(checkout, COMPOSE_PROFILES="standin", **ALL)
    assert (made.returncode, made.stdout) == (0, "docker compose up --build\n"), made.stderr


def test_make_up_takes_variables_of_the_env_file(checkout: Path) -> None:
    (checkout / ".env").write_text("DEPOT_SIM_TOKENS=x\nPOSTGRES_PASSWORD=\n")
    assert "missing: POSTGRES_PASSWORD." in up(checkout).stderr
    (checkout / ".env").write_text("DEPOT_SIM_TOKENS=x\nPOSTGRES_PASSWORD=y\nCOMPOSE_PROFILES=standin\n")
    assert "missing: STANDIN_TOKENS." in up(checkout).stderr
