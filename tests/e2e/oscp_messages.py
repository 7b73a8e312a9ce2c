"""Messages of the partner's, made by hand, and what a test asks a session about them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.oscp_sides import CapacityProvider
from tests.e2e.oscp_stage import GROUP, Stage

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def instant(seconds: float, start: datetime | None = None) -> str:
    """So many seconds from now, or from another time."""
    at = (start or datetime.now(UTC)) + timedelta(seconds=seconds)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def closed_quarter() -> datetime:
    """When the latest quarter of an hour closed."""
    now = datetime.now(UTC)
    return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)


def group_measurements(group_id: str = GROUP, minutes: int = 15, **changes: Any) -> dict[str, Any]:
    """Energy of a window that closes with the latest quarter of an hour; `changes` are of the measurement."""
    closes = closed_quarter()
    measurement = {
        "value": 1.5,
        "phase": "ALL",
        "unit": "KWH",
        "direction": "NET",
        "energy_type": "TOTAL",
        "measure_time": instant(0, closes),
        "initial_measure_time": instant(-60 * minutes, closes),
    }
    return {"group_id": group_id, "measurements": [measurement | changes]}


def asset_measurements() -> dict[str, Any]:
    [energy] = group_measurements()["measurements"]
    highest = {"value": 7, "phase": "ALL", "unit": "KW", "measure_time": energy["measure_time"]}
    measured = {"energy_measurement": energy, "instantaneous_measurement": highest}
    return {"group_id": GROUP, "measurements": [{"asset_id": "asset-1", "asset_category": "CHARGING", **measured}]}


def adjustment(begin: int = 0, end: int = 1_800, **changes: Any) -> dict[str, Any]:
    """70 kW for a time, in seconds from now."""
    block = {
        "capacity": 70,
        "phase": "ALL",
        "unit": "KW",
        "start_time": instant(begin),
        "end_time": instant(end),
    }
    return {"group_id": GROUP, "type": "CONSUMPTION", "forecasted_blocks": [block], **changes}


def compliance_error() -> dict[str, Any]:
    return {"message": "the depot needs more than it is given"}


def path_of(message: str) -> str:
    """Of a message's name in the ledger the last part of its URL."""
    return _HUMP.sub("_", message).lower()


def by_hand(stage: Stage, message: str, body: Any, correlation_id: str | None = None) -> Any:
    """How the simulator answered a message that the stand-in was made to send, in whatever state it is."""
    headers = {"X-Correlation-ID": correlation_id}
    return stage.fp.order("raw", message=path_of(message), body=body, headers=headers)


def publish(cp: CapacityProvider, pattern: str = "50 for 1h") -> str:
    """Send a forecast of consumption; its request id."""
    answer = cp.order("send-forecast", type="CONSUMPTION", pattern=pattern)
    assert answer["delivery_status"] == "accepted", answer
    entry = cp.call("GET", f"/messages/{answer['ledger_entry_id']}").json()
    return str(entry["request_id"])
