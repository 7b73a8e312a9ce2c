"""pyoscp, an independent flexibility provider, over a profile that is only data.

It shows tokens and no configuration, acknowledges under another path, without correlation or measurement
configuration, and writes and reads times without an offset.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.oscp_connections import mortal_simulator, url_of
from tests.e2e.oscp_sides import CapacityProvider, eventually, received, sent
from tests.e2e.oscp_stage import GROUP, SCOPE, start_run
from tests.e2e.processes import wait_for
from tests.peers import pyoscp_environment

CP_TOKEN = "what-the-capacity-provider-shows"
FP_TOKEN = "what-pyoscp-shows"
PROVIDER = Path(__file__).with_name("pyoscp_provider.py")
PROFILE = {
    "name": "pyoscp",
    "registration": False,
    "segments": False,
    "timestamps": "naive",
    "tolerated": ["measurement-configuration-missing", "naive-time", "space-for-t"],
    "inbound_paths": {"handshake_acknowledgment": "HandshakeAcknowledge", "heartbeat": "Heartbeat"},
    "outbound_paths": {
        "Handshake": "/handshake",
        "HandshakeAcknowledge": "/handshake_acknowledgment",
        "Heartbeat": "/heartbeat",
        "UpdateGroupCapacityForecast": "/update_group_capacity_forecast",
    },
}


class Peer(NamedTuple):
    """A session, and the folder in which pyoscp writes down what it knows."""

    cp: CapacityProvider
    folder: Path

    def endpoint(self) -> Any:
        """What pyoscp knows of the capacity provider; nothing while it is being written."""
        try:
            return json.loads((self.folder / "endpoints.json").read_text())[CP_TOKEN]
        except json.JSONDecodeError:
            return {}

    def forecasts(self) -> Any:
        return json.loads((self.folder / "forecasts.json").read_text())


@pytest.fixture
def peer(sqlite_url: str, tmp_path: Path) -> Iterator[Peer]:
    python = pyoscp_environment.ensure()
    with mortal_simulator(
        sqlite_url, tmp_path, DEPOT_SIM_SECRET_CP=CP_TOKEN, DEPOT_SIM_SECRET_FP=FP_TOKEN
    ) as simulator:
        arguments = [str(tmp_path), f"{url_of(simulator.http)}/oscp/cp/2.0", CP_TOKEN, FP_TOKEN]
        command = [str(python), str(PROVIDER), *arguments]
        with subprocess.Popen(command, env={"TZ": "UTC"}, stderr=subprocess.PIPE, text=True) as provider:
            try:
                ready = tmp_path / "ready.json"
                wait_for(lambda: ready.exists() and bool(ready.read_bytes()), provider)
                session = {
                    "managed_scope_id": SCOPE,
                    "betterfleet_base_url": json.loads(ready.read_bytes())["url"],
                    "remote_configuration_id": "pyoscp",
                    "group_id": GROUP,
                    "partner_profile": "oca-2.0",
                    "profile_changes": PROFILE,
                    "credentials": {
                        "inbound": {"secret": "fp"},
                        "outbound": {"secret": "cp"},
                    },
                }
                run_id = start_run(simulator.http)
                created = simulator.http.post(f"/simulation-runs/{run_id}/oscp-sessions", json=session)
                assert created.status_code == 201, created.text
                yield Peer(CapacityProvider(simulator.http, run_id, created.json()["session_id"]), tmp_path)
            finally:
                provider.kill()
                provider.communicate()


def test_pyoscp_handshakes_heartbeats_and_takes_a_forecast(peer: Peer) -> None:
    answer = peer.cp.order("send-handshake", heartbeat_interval_seconds=1)
    assert answer["delivery_status"] == "accepted"
    peer.cp.waits("online")
    acknowledgement = peer.cp.notes("HandshakeAcknowledge", received("accepted", 204))
    assert [deviation["name"] for deviation in acknowledgement["deviations"]] == ["measurement-configuration-missing"]

    eventually(lambda: peer.cp.messages("Heartbeat", direction="inbound", outcome="accepted"), lambda it: len(it) > 1)
    heartbeat = peer.cp.notes("Heartbeat", received("accepted", 204))
    assert {deviation["name"] for deviation in heartbeat["deviations"]} == {"naive-time", "space-for-t"}
    eventually(lambda: peer.cp.messages("Heartbeat", direction="outbound", outcome="accepted"), lambda it: len(it) > 1)
    eventually(peer.endpoint, lambda known: "offline_at" in known)

    answer = peer.cp.order("send-forecast", type="CONSUMPTION", pattern="500 for 15m, 300 for 15m")
    assert (answer["delivery_status"], answer["status"]) == ("accepted", 204)
    [forecast] = peer.forecasts()
    assert forecast["token"] == CP_TOKEN
    assert (forecast["payload"]["group_id"], forecast["payload"]["type"]) == (GROUP, "CONSUMPTION")
    assert [block["capacity"] for block in forecast["payload"]["forecasted_blocks"]] == [500, 300]
    assert peer.cp.ledger("Handshake") == [sent("accepted", 204)]
    assert peer.cp.lifecycle == "online"
