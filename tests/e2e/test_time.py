"""One rule of time (docs/time.md), as users meet it: runs on wall time, and commands decided at the present."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Processes
from tests.e2e.oscp_messages import by_hand, closed_quarter, group_measurements
from tests.e2e.oscp_sides import eventually, received
from tests.e2e.oscp_stage import SCOPE, Theatre, start_run, url_of
from tests.e2e.packet_stage import microgrid

QUARTER = timedelta(minutes=15)


def minutes_since_a_whole_quarter_began() -> int:
    """So long ago at least, and a minute more."""
    return int((datetime.now(UTC) - closed_quarter() + QUARTER) / timedelta(minutes=1)) + 2


def run_of(http: httpx.Client, run_id: str) -> Any:
    return http.get(f"/simulation-runs/{run_id}").raise_for_status().json()


def metered_kwh(http: httpx.Client, run_id: str, closes: datetime) -> float:
    """Net energy of the managed scope in the quarter of an hour that closes then, as its register has it."""
    begins = closes - QUARTER - timedelta(seconds=1)
    asked = {"scope": SCOPE, "resolution": "1 s", "from": begins.isoformat(), "to": closes.isoformat()}
    buckets = http.get(f"/simulation-runs/{run_id}/power", params=asked)
    registers = [bucket["energy_wh"] for bucket in buckets.raise_for_status().json()["buckets"]]
    return float(registers[-1] - registers[0]) / 1_000


@pytest.fixture(scope="module")
def theatre_with_a_past(processes: Processes) -> Iterator[Theatre]:
    """A run that began before the quarter of an hour that was closed last."""
    sim, platform = processes
    run_id = start_run(sim, start_time=f"now - {minutes_since_a_whole_quarter_began()} min")
    yield Theatre(sim, platform, run_id)
    sim.post(f"/simulation-runs/{run_id}/commands/stop").raise_for_status()


@pytest.mark.parametrize(("factor", "rules"), [(1, []), (2, ["measurement.energy"])])
def test_a_full_window_is_judged_at_once_on_a_run_that_began_before_it(
    theatre_with_a_past: Theatre, factor: int, rules: list[str]
) -> None:
    stage = theatre_with_a_past.open_stage()
    stage.go_online()
    energy = metered_kwh(theatre_with_a_past.simulator, theatre_with_a_past.run_id, closed_quarter())
    assert energy > 1
    measured = group_measurements(value=round(factor * energy, 3))
    assert by_hand(stage, "UpdateGroupMeasurements", measured)["status"] == 204
    judged = stage.cp.notes("UpdateGroupMeasurements", received("accepted", 204))
    assert [finding["rule"] for finding in judged["findings"]] == rules
    stage.close()


def test_a_command_on_a_live_run_is_decided_at_the_present(processes: Processes) -> None:
    """With ticks of an hour the world stands at the run's start until a command comes."""
    sim, _ = processes
    run_id = start_run(sim, tick="1 h", start_time="2026-03-02T12:00:00Z", clock={"mode": "REALTIME", "speed": "60"})
    eventually(lambda: run_of(sim, run_id)["status"], lambda status: status == "RUNNING")
    before = run_of(sim, run_id)["at"]
    vehicle = sim.get(f"/simulation-runs/{run_id}/vehicles").json()[0]["id"]
    outcome = sim.post(
        f"/simulation-runs/{run_id}/commands/set-target-soc", json={"vehicle": vehicle, "soc": "90 %"}
    ).raise_for_status()
    assert before == 0
    assert outcome.json()["at"] > 0
    sim.post(f"/simulation-runs/{run_id}/commands/stop").raise_for_status()


def test_a_feed_of_a_run_that_began_in_the_past_sends_nothing_of_the_past(
    processes: Processes,
) -> None:
    sim, platform = processes
    depot = microgrid()
    configuration = sim.post("/simulation-configurations", json=depot).raise_for_status().json()
    asked = {"configuration_id": configuration["id"], "start_time": "now - 20 min"}
    began = datetime.now(UTC)
    run_id = sim.post("/simulation-runs", json=asked).raise_for_status().json()["run_id"]
    feed = {"binding_id": "site-packets", "managed_scope_id": "site", "endpoint": f"{url_of(platform)}/packets"}
    opened = sim.post(f"/simulation-runs/{run_id}/packet-feeds", json=feed)
    assert opened.status_code == 201, opened.text
    path = f"/simulation-runs/{run_id}/packet-feeds/site-packets/packets"
    packets = eventually(lambda: sim.get(path, params={"limit": 1000}).json()["packets"], bool)
    assert min(datetime.fromisoformat(packet["at"]) for packet in packets) >= began - timedelta(seconds=1)
    assert datetime.fromisoformat(run_of(sim, run_id)["start_time"]) <= began - timedelta(minutes=20)
    sim.post(f"/simulation-runs/{run_id}/commands/stop").raise_for_status()


def test_a_start_in_the_future_is_refused(processes: Processes) -> None:
    sim, _ = processes
    configuration = sim.post("/simulation-configurations", json=microgrid()).raise_for_status().json()
    refused = sim.post("/simulation-runs", json={"configuration_id": configuration["id"], "start_time": "now + 20 min"})
    assert refused.status_code == 422
    [fault] = refused.json()["faults"]
    assert (fault["pointer"], fault["found"]) == ("/start_time", "'now + 20 min'")
