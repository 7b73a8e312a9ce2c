"""OSCP messages in normal form: instants in ms since 1970 UTC, quantities in thousandths of their unit."""

from __future__ import annotations

import msgspec

from depot_sim.domain.oscp.vocabulary import (
    AssetCategory,
    EnergyFlow,
    EnergyType,
    ForecastType,
    MeasurementConfiguration,
    MessageType,
    Phase,
    Unit,
)


class RequiredBehaviour(msgspec.Struct, frozen=True):
    """What its sender wants: heartbeats this often (None: none wanted), and how energy registers are reset."""

    heartbeat_interval_ms: int | None = None
    measurement_configuration: tuple[MeasurementConfiguration, ...] = ()


class Handshake(msgspec.Struct, frozen=True):
    required_behaviour: RequiredBehaviour = RequiredBehaviour()


class HandshakeAcknowledge(msgspec.Struct, frozen=True):
    required_behaviour: RequiredBehaviour = RequiredBehaviour()


class Heartbeat(msgspec.Struct, frozen=True):
    """Without a newer one its sender may be treated as offline from `offline_mode_at` on."""

    offline_mode_at: int


class Block(msgspec.Struct, frozen=True):
    """From `start` up to `end` the capacity is this."""

    start: int
    end: int
    capacity_milli: int
    unit: Unit = Unit.KW
    phase: Phase = Phase.ALL


class CapacityForecast(msgspec.Struct, frozen=True):
    """The body of UpdateGroupCapacityForecast and AdjustGroupCapacityForecast."""

    group_id: str
    type: ForecastType
    blocks: tuple[Block, ...]


class ComplianceError(msgspec.Struct, frozen=True):
    message: str
    blocks: tuple[Block, ...] = ()


class EnergyMeasurement(msgspec.Struct, frozen=True):
    """Energy up to `measure_time`, since `initial_measure_time` where the register is reset for every window."""

    value_milli: int
    unit: Unit
    phase: Phase
    direction: EnergyFlow
    measure_time: int
    energy_type: EnergyType = EnergyType.TOTAL
    initial_measure_time: int | None = None


class InstantaneousMeasurement(msgspec.Struct, frozen=True):
    value_milli: int
    unit: Unit
    phase: Phase
    measure_time: int


class GroupMeasurements(msgspec.Struct, frozen=True):
    group_id: str
    measurements: tuple[EnergyMeasurement, ...]


class AssetMeasurement(msgspec.Struct, frozen=True):
    asset_id: str
    asset_category: AssetCategory
    energy: EnergyMeasurement | None = None
    instantaneous: InstantaneousMeasurement | None = None


class AssetMeasurements(msgspec.Struct, frozen=True):
    group_id: str
    measurements: tuple[AssetMeasurement, ...]


class OfferedVersion(msgspec.Struct, frozen=True):
    version: str
    base_url: str


class Register(msgspec.Struct, frozen=True):
    """`token` is a secret: it never enters the log."""

    token: str
    versions: tuple[OfferedVersion, ...]


Message = (
    Register
    | Handshake
    | HandshakeAcknowledge
    | Heartbeat
    | CapacityForecast
    | ComplianceError
    | GroupMeasurements
    | AssetMeasurements
)

SHAPES: dict[MessageType, type[Message]] = {
    MessageType.REGISTER: Register,
    MessageType.HANDSHAKE: Handshake,
    MessageType.HANDSHAKE_ACKNOWLEDGE: HandshakeAcknowledge,
    MessageType.HEARTBEAT: Heartbeat,
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: CapacityForecast,
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: CapacityForecast,
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: ComplianceError,
    MessageType.UPDATE_GROUP_MEASUREMENTS: GroupMeasurements,
    MessageType.UPDATE_ASSET_MEASUREMENTS: AssetMeasurements,
}
