"""Meter readings of closed windows, and the two messages that can carry them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from msgspec import Struct

from depot_sim.standin.profile import MeasurementMode, Profile
from depot_sim.standin.wire import Message, timestamp

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Direction(StrEnum):
    """What the energy figure counts."""

    NET = "NET"
    IMPORT = "IMPORT"


class Reading(Struct, frozen=True):
    """What the managed scope used in one closed window."""

    start: datetime
    end: datetime
    energy_kwh: float
    maximum_kw: float
    direction: Direction = Direction.NET


def last_closed_window(now: datetime, seconds: float) -> tuple[datetime, datetime]:
    """The latest whole window; with 900 s the quarter hours of the clock."""
    width = timedelta(seconds=seconds)
    end = _EPOCH + (now - _EPOCH) // width * width
    return end - width, end


def steady_reading(now: datetime, seconds: float, load_kw: float) -> Reading:
    """The latest closed window under a load that did not change."""
    start, end = last_closed_window(now, seconds)
    return Reading(start, end, load_kw * seconds / 3600, load_kw)


def publication(reading: Reading, profile: Profile) -> tuple[Message, dict[str, Any]]:
    """The message that reports a reading in the connection's measurement mode, with its body."""
    if profile.measurement_mode is MeasurementMode.GROUP:
        return Message.UPDATE_GROUP_MEASUREMENTS, _body(profile, _energy(reading))
    asset = {
        "asset_id": profile.asset_id,
        "asset_category": "CHARGING",
        "energy_measurement": _energy(reading),
        "instantaneous_measurement": _maximum(reading),
    }
    return Message.UPDATE_ASSET_MEASUREMENTS, _body(profile, asset)


def _body(profile: Profile, measurement: dict[str, Any]) -> dict[str, Any]:
    return {"group_id": profile.group_id, "measurements": [measurement]}


def _energy(reading: Reading) -> dict[str, Any]:
    return {
        "value": reading.energy_kwh,
        "phase": "ALL",
        "unit": "KWH",
        "direction": reading.direction,
        "energy_type": "TOTAL",
        "measure_time": timestamp(reading.end),
        "initial_measure_time": timestamp(reading.start),  # intermittent: the register starts anew with each window
    }


def _maximum(reading: Reading) -> dict[str, Any]:
    return {"value": reading.maximum_kw, "phase": "ALL", "unit": "KW", "measure_time": timestamp(reading.end)}
