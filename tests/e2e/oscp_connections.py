"""Connections whose session is asked for differently than usual, and simulators that are killed and started again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.oscp_sides import CapacityProvider, FlexibilityProvider
from tests.e2e.oscp_stage import GROUP, POLICY, PROFILE, SCOPE, Stage
from tests.e2e.processes import start, wait_for
from tests.patience import patient


def url_of(http: httpx.Client) -> str:
    return str(http.base_url).rstrip("/")


def connect(
    simulator: httpx.Client,
    stand_in: httpx.Client,
    run_id: str,
    *,
    policy: dict[str, Any] | None = None,
    profile: dict[str, Any] | None = None,
    heartbeat_factor: int = 3,
    reached_at: httpx.Client | None = None,
) -> Stage:
    """`policy` and `profile` are laid over the usual ones of session and stand-in.

    The simulator's heartbeats are good for `heartbeat_factor` intervals. `reached_at` is the simulator's process to
    which the stand-in sends, if it is another one.
    """
    configuration_id = str(uuid4())
    asked = {
        "managed_scope_id": SCOPE,
        "betterfleet_base_url": f"{url_of(stand_in)}/oscp",
        "remote_configuration_id": configuration_id,
        "group_id": GROUP,
        "policy": {**POLICY, **(policy or {})},
        "profile_changes": {"heartbeat_factor": heartbeat_factor},
    }
    created = simulator.post(f"/simulation-runs/{run_id}/oscp-sessions", json=asked)
    assert created.status_code == 201, created.text
    cp = CapacityProvider(simulator, run_id, created.json()["session_id"])
    address = {"cp_base_url": f"{url_of(reached_at or simulator)}/oscp/cp/2.0"}
    return Stage(cp, FlexibilityProvider(stand_in, configuration_id, {**PROFILE, **address, **(profile or {})}))


class MortalSimulator:
    """A simulator's process. Started again, it has the same address, and so its runs at once."""

    def __init__(self, db: str, ready_file: Path, **variables: str) -> None:
        self._db = db
        self._ready_file = ready_file
        self._variables = variables
        self._process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(timeout=patient(120), trust_env=False)
        self.start()

    @property
    def pid(self) -> int:
        assert self._process is not None, "it has been killed"
        return self._process.pid

    def start(self) -> None:
        """Until it answers."""
        self._ready_file.unlink(missing_ok=True)
        port = str(self.http.base_url.port or 0)
        arguments = ("serve", "--db", self._db, "--port", port, "--ready-file", str(self._ready_file))
        self._process = start(*arguments, **self._variables)
        wait_for(self._ready_file.exists, self._process)
        self.http.base_url = httpx.URL(json.loads(self._ready_file.read_bytes())["url"])

    def kill(self) -> None:
        """As kill -9 does."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@contextmanager
def mortal_simulator(db: str, folder: Path, name: str = "simulator", **variables: str) -> Iterator[MortalSimulator]:
    """With these environment variables; killed at the end, if it is still there."""
    simulator = MortalSimulator(db, folder / f"{name}.json", **variables)
    try:
        yield simulator
    finally:
        simulator.kill()
        simulator.http.close()
