"""A scenario of the library, started by one line, against the service and a platform that takes packets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.oscp_stage import simulator, stand_in, url_of
from tests.e2e.processes import ROOT, depot_sim

CONTROLLER = {
    "AVAILABLE_CHARGING_CAPACITY",
    "FAIL_SAFE_CAPACITY",
    "HEARTBEAT_STATUS",
    "DISPATCH_STATE",
    "LIMIT_DER_EXPORT",
    "SOC",
    "DEVICE_POWER_STATE",
    "BESS_OPERATIONAL_MODE",
}


def play(sim: httpx.Client, platform: httpx.Client) -> dict[str, Any]:
    """The execution, once every packet of its run has arrived; the platform begins anew before."""
    platform.delete("/control/packets").raise_for_status()
    line = ("scenario", "start", "bba-all-fields", "--packets-endpoint", f"{url_of(platform)}/packets")
    played = depot_sim(*line, "--url", url_of(sim), "--json")
    assert played.code == 0, played.err
    execution: dict[str, Any] = played.json
    wait_for_all(sim, platform, execution["run_id"])
    return execution


def wait_for_all(sim: httpx.Client, platform: httpx.Client, run_id: str) -> None:
    """The feed is through with the run, and nothing it published is missing."""
    end = sim.get(f"/simulation-runs/{run_id}").json()["version"]
    feed: dict[str, Any] = {}
    while feed.get("checkpoint", {}).get("run_version", 0) < end or feed.get("undelivered", 0):
        (feed,) = sim.get(f"/simulation-runs/{run_id}/packet-feeds").json()["packet_feeds"]
    platform.get("/control/packets/wait", params={"count": feed["published"]}).raise_for_status()


def arrived(platform: httpx.Client) -> list[dict[str, Any]]:
    """By device, in order of arrival."""
    packets: list[dict[str, Any]] = platform.get("/control/packets", params={"limit": 1000}).json()["packets"]
    return sorted(packets, key=lambda packet: (packet["device"], packet["number"]))


def measurements(platform: httpx.Client) -> list[tuple[str, Any]]:
    return [(packet["device"], packet["packet"]["measurements"]) for packet in arrived(platform)]


def test_all_measurands_arrive_and_the_platform_follows(tmp_path: Path) -> None:
    with simulator(tmp_path) as (sim, _), stand_in(tmp_path) as platform:
        execution = play(sim, platform)
        assert (execution["status"], execution["reasons"]) == ("passed", [])

        values: dict[str, set[Any]] = {}
        for _, measured in measurements(platform):
            for one in measured:
                values.setdefault(one["key"], set()).add(str(one["value"]))
        assert {key for key, seen in values.items() if len(seen) > 1} >= CONTROLLER
        assert platform.get("/control/packets").json()["findings"] == {}

        microgrid = platform.get("/control/microgrid", params={"history": 500}).json()
        circuit = next(each for each in microgrid["circuits"] if each["circuit"] == "site")
        assert {"AVAILABLE", "FAIL_SAFE"} <= {change["standing"] for change in circuit["changes"]}
        assert set(microgrid["capabilities"]) == {"DER", "PEAK_SHAVING"}

        first = measurements(platform)
        play(sim, platform)
        assert measurements(platform) == first


def test_the_pages_example_is_played_with_its_outage_and_its_expectation(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    file = tmp_path / "silent-controller.yaml"
    file.write_text(re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0], encoding="utf-8")
    with simulator(tmp_path) as (sim, _), stand_in(tmp_path) as platform:
        endpoint = f"{url_of(platform)}/packets"
        line = ("scenario", "start", str(file), "--packets-endpoint", endpoint, "--url", url_of(sim), "--json")
        played = depot_sim(*line)
        assert played.code == 0, played.out + played.err
        steps = {step["action"]: step for step in played.json["steps"]}
        assert steps["override"]["override_ids"] == steps["clear-overrides"]["override_ids"]
        assert steps["expect"]["expectation_id"]
        wait_for_all(sim, platform, played.json["run_id"])
