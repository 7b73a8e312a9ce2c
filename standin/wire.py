"""OSCP 2.0 as it travels: message names, headers, bodies and times.

Bodies that arrive are decoded into these types, so whatever is malformed is refused in one place. Unknown keys are
allowed by the protocol's schemas and ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

CONFIGURATION_ID = "X-OSCP-Configuration-ID"
REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"

Instant = Annotated[datetime, Meta(tz=True)]
"""A time with its offset; one without is malformed."""

Seconds = Annotated[float, Meta(gt=0, le=366 * 86_400)]
"""A rate or a patience; the upper bound keeps arithmetic with times in range."""


class Message(StrEnum):
    """Every message this provider sends or serves; the value is the last part of its URL."""

    HANDSHAKE = "handshake"
    HANDSHAKE_ACKNOWLEDGE = "handshake_acknowledge"
    HEARTBEAT = "heartbeat"
    UPDATE_GROUP_CAPACITY_FORECAST = "update_group_capacity_forecast"
    UPDATE_GROUP_MEASUREMENTS = "update_group_measurements"
    UPDATE_ASSET_MEASUREMENTS = "update_asset_measurements"
    ADJUST_GROUP_CAPACITY_FORECAST = "adjust_group_capacity_forecast"
    GROUP_CAPACITY_COMPLIANCE_ERROR = "group_capacity_compliance_error"


SERVED = (
    Message.HANDSHAKE,
    Message.HANDSHAKE_ACKNOWLEDGE,
    Message.HEARTBEAT,
    Message.UPDATE_GROUP_CAPACITY_FORECAST,
)
"""What a capacity provider may send to a flexibility provider."""


class MeasurementConfiguration(StrEnum):
    """Whether a meter's register runs on for ever or starts anew with each window."""

    CONTINUOUS = "CONTINUOUS"
    INTERMITTENT = "INTERMITTENT"


class RequiredBehaviour(Struct, frozen=True, omit_defaults=True):
    """What the sender wants of the receiver: heartbeats every so many seconds (absent: none), and how to meter."""

    measurement_configuration: list[MeasurementConfiguration]
    heartbeat_interval: Seconds | None = None


class Handshake(Struct, frozen=True):
    """The body of a handshake and of its acknowledgement alike."""

    required_behaviour: RequiredBehaviour | None = None


class Heartbeat(Struct, frozen=True):
    """The sender may be taken for offline after this instant, unless a newer heartbeat moves it."""

    offline_mode_at: Instant

    def __post_init__(self) -> None:
        _check_range(self.offline_mode_at)


class ForecastType(StrEnum):
    """The series a flexibility provider is given: two directions, each with a fallback."""

    CONSUMPTION = "CONSUMPTION"
    GENERATION = "GENERATION"
    FALLBACK_CONSUMPTION = "FALLBACK_CONSUMPTION"
    FALLBACK_GENERATION = "FALLBACK_GENERATION"


class Phase(StrEnum):
    """The phase a figure is about."""

    UNKNOWN = "UNKNOWN"
    ONE = "ONE"
    TWO = "TWO"
    THREE = "THREE"
    ALL = "ALL"


class Unit(StrEnum):
    """Units a forecasted block may carry."""

    A = "A"
    W = "W"
    KW = "KW"
    WH = "WH"
    KWH = "KWH"


class ForecastedBlock(Struct, frozen=True):
    """A capacity from one instant up to another."""

    capacity: Annotated[float, Meta(ge=0)]
    phase: Phase
    unit: Unit
    start_time: Instant
    end_time: Instant

    def __post_init__(self) -> None:
        _check_range(self.start_time, self.end_time)


class GroupCapacityForecast(Struct, frozen=True):
    """The body of update_group_capacity_forecast and of adjust_group_capacity_forecast."""

    group_id: Annotated[str, Meta(min_length=1)]
    type: ForecastType
    forecasted_blocks: Annotated[list[ForecastedBlock], Meta(min_length=1)]


def timestamp(instant: datetime) -> str:
    """RFC 3339 in UTC with exactly three fraction digits: the form every known peer can read."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _check_range(*instants: datetime) -> None:
    """Times at the ends of the calendar are no times of a depot, and cannot be reckoned with."""
    if not all(1970 <= instant.year <= 2999 for instant in instants):
        raise ValueError("a time lies outside the years 1970 to 2999")
