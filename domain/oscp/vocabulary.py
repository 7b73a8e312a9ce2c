"""The words of OSCP 2.0 and of a session, as the wire, the log and the control API spell them."""

from __future__ import annotations

from enum import StrEnum


class MessageType(StrEnum):
    REGISTER = "Register"
    HANDSHAKE = "Handshake"
    HANDSHAKE_ACKNOWLEDGE = "HandshakeAcknowledge"
    HEARTBEAT = "Heartbeat"
    UPDATE_GROUP_CAPACITY_FORECAST = "UpdateGroupCapacityForecast"
    ADJUST_GROUP_CAPACITY_FORECAST = "AdjustGroupCapacityForecast"
    GROUP_CAPACITY_COMPLIANCE_ERROR = "GroupCapacityComplianceError"
    UPDATE_GROUP_MEASUREMENTS = "UpdateGroupMeasurements"
    UPDATE_ASSET_MEASUREMENTS = "UpdateAssetMeasurements"


class Direction(StrEnum):
    """As the simulator sees it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Lifecycle(StrEnum):
    """States of a session (design §3). In `degraded` it is online, but the partner cannot be reached."""

    OFFLINE = "offline"
    ACCEPTING_HANDSHAKE = "accepting_handshake"
    AWAITING_HANDSHAKE_ACKNOWLEDGE = "awaiting_handshake_acknowledge"
    ONLINE = "online"
    DEGRADED = "degraded"


LIVE = frozenset({Lifecycle.ONLINE, Lifecycle.DEGRADED})
"""States in which business messages and heartbeats are exchanged."""


class Outcome(StrEnum):
    """What became of a message.

    ACCEPTED, REJECTED: answered so by its receiver. IGNORED: left without an answer on purpose. INDETERMINATE: it
    cannot be said. FAILED: could not be delivered. WITHHELD: not sent on purpose. PENDING: under way.
    """

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IGNORED = "ignored"
    INDETERMINATE = "indeterminate"
    FAILED = "failed"
    WITHHELD = "withheld"


class Validation(StrEnum):
    """What the simulator thinks of a message it received, whatever it answered (design §3)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    IGNORED = "ignored"
    INDETERMINATE = "indeterminate"


class ForecastType(StrEnum):
    CONSUMPTION = "CONSUMPTION"
    GENERATION = "GENERATION"
    FALLBACK_CONSUMPTION = "FALLBACK_CONSUMPTION"
    FALLBACK_GENERATION = "FALLBACK_GENERATION"
    OPTIMUM = "OPTIMUM"


class Phase(StrEnum):
    UNKNOWN = "UNKNOWN"
    ONE = "ONE"
    TWO = "TWO"
    THREE = "THREE"
    ALL = "ALL"


class Unit(StrEnum):
    """Of forecasts and instantaneous values; energy takes WH and KWH only."""

    A = "A"
    W = "W"
    KW = "KW"
    WH = "WH"
    KWH = "KWH"


class EnergyFlow(StrEnum):
    NET = "NET"
    IMPORT = "IMPORT"
    EXPORT = "EXPORT"


class EnergyType(StrEnum):
    FLEXIBLE = "FLEXIBLE"
    NONFLEXIBLE = "NONFLEXIBLE"
    TOTAL = "TOTAL"


class AssetCategory(StrEnum):
    CHARGING = "CHARGING"
    CONSUMPTION = "CONSUMPTION"
    GENERATION = "GENERATION"
    STORAGE = "STORAGE"


class MeasurementConfiguration(StrEnum):
    CONTINUOUS = "CONTINUOUS"
    INTERMITTENT = "INTERMITTENT"


class PublicationMode(StrEnum):
    """Which of the two measurement messages the partner publishes."""

    GROUP = "GROUP"
    ASSET = "ASSET"


class SessionClock(StrEnum):
    """Which clock a session's instants and deadlines are on: the wall's, or the run's logical time."""

    WALL = "wall"
    RUN = "run"
