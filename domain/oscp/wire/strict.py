"""Bodies exactly as the standard wants them, for the fast way in: one decode, one step to normal form.

Whatever is not exactly so raises a ValueError here, and is read again by `lenient`, which can tell what it was.
"""

from __future__ import annotations

from abc import abstractmethod
from decimal import Decimal

import msgspec
from msgspec import UNSET, UnsetType

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
from depot_sim.domain.oscp.wire import messages
from depot_sim.domain.oscp.wire.messages import Message
from depot_sim.domain.oscp.wire.quantities import milli
from depot_sim.domain.oscp.wire.times import parse_instant

SHORTEST_INTERVAL_MS = 1_000
LONGEST_INTERVAL_MS = 10**9 * 1_000
ENERGY_UNITS = frozenset({Unit.WH, Unit.KWH})

Number = object
"""What a JSON number becomes before it is looked at: an int, or a Decimal; anything else is no number."""


class Unclean(ValueError):
    """Not in the standard's form, or beyond what can be."""


class Body(msgspec.Struct, forbid_unknown_fields=True):
    @abstractmethod
    def message(self) -> Message:
        """The normal form. Raises Unclean."""


class Behaviour(msgspec.Struct, forbid_unknown_fields=True):
    measurement_configuration: tuple[MeasurementConfiguration, ...]
    heartbeat_interval: int | UnsetType = UNSET

    def normal(self) -> messages.RequiredBehaviour:
        asked = self.measurement_configuration
        if len(asked) > 1 and len(set(asked)) != len(asked):
            raise Unclean
        if self.heartbeat_interval is UNSET:
            return messages.RequiredBehaviour(None, asked)
        interval_ms = self.heartbeat_interval * 1_000
        if not SHORTEST_INTERVAL_MS <= interval_ms <= LONGEST_INTERVAL_MS:
            raise Unclean
        return messages.RequiredBehaviour(interval_ms, asked)


class HandshakeBody(Body):
    required_behaviour: Behaviour | UnsetType = UNSET

    def message(self) -> Message:
        asked = self.required_behaviour
        return messages.Handshake() if asked is UNSET else messages.Handshake(asked.normal())


class AcknowledgeBody(Body):
    required_behaviour: Behaviour | UnsetType = UNSET

    def message(self) -> Message:
        asked = self.required_behaviour
        return messages.HandshakeAcknowledge() if asked is UNSET else messages.HandshakeAcknowledge(asked.normal())


class HeartbeatBody(Body):
    offline_mode_at: str

    def message(self) -> Message:
        return messages.Heartbeat(_instant(self.offline_mode_at))


class Block(msgspec.Struct, forbid_unknown_fields=True):
    capacity: Number
    phase: Phase
    unit: Unit
    start_time: str
    end_time: str

    def normal(self) -> messages.Block:
        capacity = _milli(self.capacity)
        if capacity < 0:
            raise Unclean
        return messages.Block(_instant(self.start_time), _instant(self.end_time), capacity, self.unit, self.phase)


class ForecastBody(Body):
    group_id: str
    type: ForecastType
    forecasted_blocks: tuple[Block, ...]

    def message(self) -> Message:
        return messages.CapacityForecast(self.group_id, self.type, _normal_blocks(self.forecasted_blocks))


class ComplianceBody(Body):
    message_: str = msgspec.field(name="message")
    forecasted_blocks: tuple[Block, ...] | UnsetType = UNSET

    def message(self) -> Message:
        if self.forecasted_blocks is UNSET:
            return messages.ComplianceError(self.message_)
        return messages.ComplianceError(self.message_, _normal_blocks(self.forecasted_blocks))


class Energy(msgspec.Struct, forbid_unknown_fields=True):
    value: Number
    phase: Phase
    unit: Unit
    direction: EnergyFlow
    measure_time: str
    energy_type: EnergyType = EnergyType.TOTAL
    initial_measure_time: str | UnsetType = UNSET

    def normal(self) -> messages.EnergyMeasurement:
        if self.unit not in ENERGY_UNITS:
            raise Unclean
        begin = None if self.initial_measure_time is UNSET else _instant(self.initial_measure_time)
        return messages.EnergyMeasurement(
            value_milli=_milli(self.value),
            unit=self.unit,
            phase=self.phase,
            direction=self.direction,
            measure_time=_instant(self.measure_time),
            energy_type=self.energy_type,
            initial_measure_time=begin,
        )


class Instantaneous(msgspec.Struct, forbid_unknown_fields=True):
    value: Number
    phase: Phase
    unit: Unit
    measure_time: str

    def normal(self) -> messages.InstantaneousMeasurement:
        return messages.InstantaneousMeasurement(_milli(self.value), self.unit, self.phase, _instant(self.measure_time))


class GroupBody(Body):
    group_id: str
    measurements: tuple[Energy, ...]

    def message(self) -> Message:
        if not self.measurements:
            raise Unclean
        return messages.GroupMeasurements(self.group_id, tuple([one.normal() for one in self.measurements]))


class Asset(msgspec.Struct, forbid_unknown_fields=True):
    asset_id: str
    asset_category: AssetCategory
    energy_measurement: Energy | UnsetType = UNSET
    instantaneous_measurement: Instantaneous | UnsetType = UNSET

    def normal(self) -> messages.AssetMeasurement:
        energy, instantaneous = self.energy_measurement, self.instantaneous_measurement
        return messages.AssetMeasurement(
            self.asset_id,
            self.asset_category,
            None if energy is UNSET else energy.normal(),
            None if instantaneous is UNSET else instantaneous.normal(),
        )


class AssetBody(Body):
    group_id: str
    measurements: tuple[Asset, ...]

    def message(self) -> Message:
        if not self.measurements:
            raise Unclean
        return messages.AssetMeasurements(self.group_id, tuple([one.normal() for one in self.measurements]))


class Version(msgspec.Struct, forbid_unknown_fields=True):
    version: str
    base_url: str


class RegisterBody(Body):
    token: str
    version_url: tuple[Version, ...]

    def message(self) -> Message:
        if not self.version_url:
            raise Unclean
        versions = tuple([messages.OfferedVersion(one.version, one.base_url) for one in self.version_url])
        return messages.Register(self.token, versions)


_BODIES: dict[MessageType, type[Body]] = {
    MessageType.REGISTER: RegisterBody,
    MessageType.HANDSHAKE: HandshakeBody,
    MessageType.HANDSHAKE_ACKNOWLEDGE: AcknowledgeBody,
    MessageType.HEARTBEAT: HeartbeatBody,
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: ForecastBody,
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: ForecastBody,
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: ComplianceBody,
    MessageType.UPDATE_GROUP_MEASUREMENTS: GroupBody,
    MessageType.UPDATE_ASSET_MEASUREMENTS: AssetBody,
}
_DECODE = {type: msgspec.json.Decoder(body, float_hook=Decimal).decode for type, body in _BODIES.items()}


def read_clean(type: MessageType, body: bytes) -> Message:
    """The message of a body in the standard's form.

    Raises ValueError (msgspec's errors among them), ArithmeticError or RecursionError for any other body.
    """
    return _DECODE[type](body).message()


def _normal_blocks(blocks: tuple[Block, ...]) -> tuple[messages.Block, ...]:
    if not blocks:
        raise Unclean
    return tuple([block.normal() for block in blocks])


def _instant(text: str) -> int:
    read = parse_instant(text)
    if read is None or read[1]:
        raise Unclean
    return read[0]


def _milli(number: Number) -> int:
    if not isinstance(number, int | Decimal) or isinstance(number, bool):
        raise Unclean
    value = milli(number)
    if value is None:
        raise Unclean
    return value
