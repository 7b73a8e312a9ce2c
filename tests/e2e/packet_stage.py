"""A stage for packets: a run that is moved by hand, its feed, and the stand-in platform that the feed sends to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Self

import httpx
import yaml

from tests.e2e.oscp_stage import url_of
from tests.e2e.processes import ROOT
from tests.patience import looks

BINDING = "site-packets"
CONTROLLER, BATTERY, ROOF = "controller-controller", "bess-battery", "pv-roof"
"""Devices of the example depot, as they are called without a configuration of the platform's."""
UNITS = {
    "AVAILABLE_CHARGING_CAPACITY": "kW",
    "FAIL_SAFE_CAPACITY": "kW",
    "HEARTBEAT_STATUS": None,
    "DISPATCH_STATE": None,
    "LIMIT_DER_EXPORT": "kW",
    "SOC": "%",
    "DEVICE_POWER_STATE": None,
    "BESS_OPERATIONAL_MODE": None,
}
"""The eight measurands of the microgrid controller, to the letter, each with its unit."""
_START = "2026-03-02T12:00:00Z"
_BEGAN = datetime.fromisoformat(_START)
_PAGE = 1_000


class Arrived(NamedTuple):
    """A packet as the platform understood it: `at` in seconds of the run, values by key."""

    at: float
    device: str
    type: str
    values: dict[str, Any]
    entry: Any


class Scene(NamedTuple):
    """One run with one feed; the platform knows of nothing else."""

    sim: httpx.Client
    platform: httpx.Client
    run_id: str

    @classmethod
    def opened(
        cls,
        sim: httpx.Client,
        platform: httpx.Client,
        depot: Any = None,
        *,
        tick: str = "1 s",
        seed: int = 1,
        **feed: Any,
    ) -> Self:
        """The platform forgets; a run of the depot begins, and its feed is opened as asked."""
        platform.delete("/control/packets").raise_for_status()
        configuration = _made(sim.post("/simulation-configurations", json=depot or microgrid()))
        asked = {"configuration_id": configuration["id"], "tick": tick, "seed": seed, "start_time": _START}
        run = _made(sim.post("/simulation-runs", json=asked | {"clock": {"mode": "MANUAL"}}))
        scene = cls(sim, platform, run["run_id"])
        asked = {"binding_id": BINDING, "managed_scope_id": "site", "endpoint": f"{url_of(platform)}/packets"}
        _made(sim.post(f"{scene.run}/packet-feeds", json=asked | feed))
        return scene

    @property
    def run(self) -> str:
        return f"/simulation-runs/{self.run_id}"

    @property
    def path(self) -> str:
        return f"{self.run}/packet-feeds/{BINDING}"

    def plays(self, name: str) -> Any:
        """The scenario of the library begins; how it stands."""
        return _made(self.sim.post(f"{self.run}/scenarios", json={"name": name}))

    def play(self, name: str, tick_s: int = 1) -> Any:
        """The scenario from its beginning to its end, when all that it said has arrived; how it went."""
        begun = self.plays(name)
        self.move((begun["ends_at"] - begun["begins_at"]) // (tick_s * 1_000))
        return self.ended(begun["execution_id"])

    def ended(self, execution_id: str) -> Any:
        """The execution with its verdict, when all packets are delivered."""
        self.settle()
        return self.judged(execution_id)

    def judged(self, execution_id: str) -> Any:
        """The execution with its verdict, whatever became of its packets."""
        for _ in looks():
            execution = self.sim.get(f"{self.run}/scenarios/{execution_id}").json()
            if execution["verdict"] is not None:
                return execution
        raise AssertionError(f"it has no verdict: {json.dumps(execution)}")

    def move(self, ticks: int) -> None:
        _made(self.sim.post(f"{self.run}/commands/tick", json={"count": ticks}))

    def settle(self) -> Any:
        """Until every feed has seen all of the run and delivered what it has to say; this one as it is then."""
        return self._wait(lambda feed: not feed.get("undelivered"))

    def observed_to_the_present(self) -> Any:
        """Until every feed has seen all of the run; this one as it is then."""
        return self._wait(lambda _: True)

    def observed(self) -> Any:
        """Until every feed has seen all of the run and tried to deliver; this one as it is then."""
        return self._wait(lambda feed: bool(feed.get("delivered") or feed.get("failures")))

    def _wait(self, holds: Callable[[Any], bool]) -> Any:
        version = self.sim.get(self.run).json()["version"]
        for _ in looks():
            feeds = self.sim.get(f"{self.run}/packet-feeds").json()["packet_feeds"]
            if all(feed["checkpoint"]["run_version"] >= version and holds(feed) for feed in feeds):
                return next(feed for feed in feeds if feed["binding_id"] == BINDING)
        raise AssertionError(f"it does not come; the last that was read is {json.dumps(feeds)}")

    def readings(self, **wanted: str) -> list[Any]:
        """The inspectable history, the oldest first, numbers to the digit."""
        found: list[Any] = []
        following: int | None = 0
        while following is not None:
            asked = {**wanted, "order": "oldest", "limit": str(_PAGE), "after": str(following)}
            answer = self.sim.get(f"{self.path}/readings", params=asked)
            assert answer.status_code == 200, answer.text
            page = json.loads(answer.content, parse_float=Decimal)
            found += page["readings"]
            following = page["next"]
        return found

    def arrived(self, device: str | None = None) -> list[Arrived]:
        """What the platform took, the oldest first."""
        asked = {"limit": "50000"} | ({} if device is None else {"device": device})
        entries = self.platform.get("/control/packets", params=asked).json()["packets"]
        return [_arrived(entry) for entry in reversed(entries)]

    def findings(self) -> dict[str, int]:
        """What the platform found odd, by kind."""
        found: dict[str, int] = self.platform.get("/control/packets", params={"limit": 1}).json()["findings"]
        return found

    def missing(self, device: str) -> list[int]:
        """Numbers of the device's packets that the platform has not seen."""
        devices = self.platform.get("/control/packets", params={"limit": 1}).json()["devices"]
        return next(list(one["missing"]) for one in devices if one["device"] == device)

    def microgrid(self) -> Any:
        return self.platform.get("/control/microgrid", params={"history": 1_000}).json()

    def standings(self, circuit: str = "site") -> list[tuple[float, str]]:
        """(s, AVAILABLE or FAIL_SAFE) of the circuit's capacity at the platform, whenever it changes."""
        (found,) = [one for one in self.microgrid()["circuits"] if one["circuit"] == circuit]
        return changes((seconds(change["at"]), change["standing"]) for change in found["changes"])

    def capability(self, name: str, device: str) -> list[tuple[float, str]]:
        """(s, ON or OFF) of a capability at the platform, as that device has it, whenever it changes."""
        history = [one for one in self.microgrid()["capability_history"] if one["capability"] == name]
        return changes((seconds(one["at"]), one["status"]) for one in history if one["device"] == device)


def microgrid(**changed: Any) -> Any:
    """The example depot without feeds of its own."""
    document = yaml.safe_load((ROOT / "examples" / "bba-microgrid.yaml").read_text(encoding="utf-8"))
    return document | {"projection_bindings": []} | changed


def platforms_document() -> Any:
    """The platform's device and sensor-action configuration for the example depot."""
    return json.loads((ROOT / "examples" / "bba-binding.json").read_bytes())


def values_of(packets: Iterable[Arrived], key: str) -> list[tuple[float, Any]]:
    """(s, value) of the key whenever it changes; births declare, and have no values."""
    told = [packet for packet in packets if packet.type != "BIRTH" and key in packet.values]
    return changes((packet.at, packet.values[key]) for packet in told)


def changes(series: Iterable[tuple[float, Any]]) -> list[tuple[float, Any]]:
    """Only where the value differs from the one before."""
    kept: list[tuple[float, Any]] = []
    for at, value in series:
        if not kept or kept[-1][1] != value:
            kept.append((at, value))
    return kept


def seconds(instant: str) -> float:
    """Since the run's start."""
    return (datetime.fromisoformat(instant) - _BEGAN).total_seconds()


def milliseconds(instant: str) -> int:
    """Since 1970."""
    return round(datetime.fromisoformat(instant).timestamp() * 1_000)


def _arrived(entry: Any) -> Arrived:
    packet = entry["packet"]
    values = {one["key"]: one["value"] for one in packet["measurements"]}
    return Arrived(seconds(packet["sent_at"]), packet["device"], packet["type"], values, entry)


def _made(answer: httpx.Response) -> Any:
    assert answer.status_code < 300, answer.text
    return answer.json()
