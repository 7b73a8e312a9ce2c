"""A stage for OSCP: the simulator and the stand-in flexibility provider as processes, and a connection between them.

Everything is fast, so that a test of a timeout takes a second or three: heartbeats every second each way, good for
three.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from tests.e2e.oscp_sides import CapacityProvider, FlexibilityProvider
from tests.e2e.processes import ROOT, running, wait_for
from tests.patience import patient
from tests.processes import killed_at_end, start_module

HEARTBEAT_SECONDS = 1
GROUP = "group-1"
SCOPE = "scope-grid-1"
SAFE_DEFAULT_KW = 60.0
POLICY = {
    "handshake_timeout_ms": 1_500,
    "heartbeat_interval_ms": HEARTBEAT_SECONDS * 1_000,
    "connect_timeout_ms": 1_000,
    "request_timeout_ms": 2_000,
}
PROFILE = {
    "group_id": GROUP,
    "scope_name": SCOPE,
    "heartbeat_interval": HEARTBEAT_SECONDS,
    "handshake_timeout": 1.5,
    "request_timeout": 1.0,
    "safe_default_kw": SAFE_DEFAULT_KW,
}
_EXAMPLE = ROOT / "examples" / "three-bus-depot.yaml"


class Stage(NamedTuple):
    """One connection: a session of the simulator, bound to the stand-in's configuration of the same id."""

    cp: CapacityProvider
    fp: FlexibilityProvider

    def close(self) -> None:
        """Neither side says another word."""
        self.cp.close()
        self.fp.close()

    def go_online(self) -> None:
        """By a handshake of the simulator."""
        assert (
            self.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)["delivery_status"]
            == "accepted"
        )
        self.comes_to(cp="online", fp="ONLINE")

    def comes_to(self, *, cp: str, fp: str) -> None:
        """Wait until each side is in this state, and make sure that it leaves the other where it is."""
        self.fp.waits(lifecycle=fp)
        self.cp.waits(cp)
        self.stands(cp=cp, fp=fp)

    def stands(self, *, cp: str, fp: str) -> None:
        """Each side is in this state now."""
        assert (self.cp.lifecycle, self.fp.lifecycle) == (cp, fp)


class Theatre(NamedTuple):
    """Both processes, and a run of the simulator; every stage on it is a connection of its own."""

    simulator: httpx.Client
    stand_in: httpx.Client
    run_id: str

    def open_stage(self) -> Stage:
        configuration_id = str(uuid4())
        created = self.simulator.post(
            f"/simulation-runs/{self.run_id}/oscp-sessions", json=self._session(configuration_id)
        )
        assert created.status_code == 201, created.text
        cp = CapacityProvider(self.simulator, self.run_id, created.json()["session_id"])
        profile = {**PROFILE, "cp_base_url": f"{url_of(self.simulator)}/oscp/cp/2.0"}
        fp = FlexibilityProvider(self.stand_in, configuration_id, profile)
        return Stage(cp, fp)

    def _session(self, configuration_id: str) -> dict[str, Any]:
        return {
            "managed_scope_id": SCOPE,
            "betterfleet_base_url": f"{url_of(self.stand_in)}/oscp",
            "remote_configuration_id": configuration_id,
            "group_id": GROUP,
            "measurement_publication_mode": "GROUP",
            "measurement_configuration": "INTERMITTENT",
            "policy": POLICY,
        }


@contextmanager
def simulator(folder: Path) -> Iterator[tuple[httpx.Client, subprocess.Popen[str]]]:
    """A simulator with an event store of its own; it is killed at the end, if it is still there."""
    ready_file = folder / "simulator.json"
    arguments = ("serve", "--db", f"sqlite:///{folder / 'store.db'}", "--port", "0", "--ready-file", str(ready_file))
    with running(*arguments) as process, _client(ready_file, process) as http:
        yield http, process


@contextmanager
def stand_in(folder: Path, *options: str) -> Iterator[httpx.Client]:
    """A stand-in; it is killed at the end."""
    ready_file = folder / "stand-in.json"
    process = start_module("depot_sim.standin", "--port", "0", "--ready-file", str(ready_file), *options)
    with killed_at_end(process), _client(ready_file, process) as http:
        yield http


def start_run(http: httpx.Client, **changes: Any) -> str:
    """A run of the example depot, in real time unless told otherwise."""
    yaml = {"Content-Type": "application/yaml"}
    created = http.post("/simulation-configurations", content=_EXAMPLE.read_bytes(), headers=yaml)
    assert created.status_code == 201, created.text
    started = http.post("/simulation-runs", json={"configuration_id": created.json()["id"], **changes})
    assert started.status_code == 201, started.text
    return str(started.json()["run_id"])


@contextmanager
def _client(ready_file: Path, process: subprocess.Popen[str]) -> Iterator[httpx.Client]:
    wait_for(ready_file.exists, process)
    with httpx.Client(
        base_url=json.loads(ready_file.read_bytes())["url"], timeout=patient(120), trust_env=False
    ) as http:
        yield http


def url_of(http: httpx.Client) -> str:
    return str(http.base_url).rstrip("/")
