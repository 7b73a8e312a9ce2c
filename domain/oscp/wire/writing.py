"""Writing messages the way a partner's profile wants them."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.oscp.profile import PartnerProfile, TimestampStyle
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import (
    SHAPES,
    AssetMeasurement,
    AssetMeasurements,
    Block,
    CapacityForecast,
    ComplianceError,
    EnergyMeasurement,
    GroupMeasurements,
    Handshake,
    HandshakeAcknowledge,
    Heartbeat,
    InstantaneousMeasurement,
    Message,
    Register,
    RequiredBehaviour,
)
from depot_sim.domain.oscp.wire.quantities import decimal_text
from depot_sim.domain.oscp.wire.times import format_instant

_encode = msgspec.json.Encoder().encode


def write(message: Message, type: MessageType, profile: PartnerProfile) -> bytes:
    """A message of the type as a JSON body. Styles of time without milliseconds cut them off; nothing else is lost."""
    assert isinstance(message, SHAPES[type]), f"{type} has another shape"
    return _encode(_document(message, profile))


def _document(message: Message, profile: PartnerProfile) -> dict[str, Any]:
    style = profile.timestamps
    match message:
        case Handshake(required_behaviour=asked) | HandshakeAcknowledge(required_behaviour=asked):
            return {"required_behaviour": _behaviour(asked)} if profile.nested_behaviour else _behaviour(asked)
        case Heartbeat(offline_mode_at=at):
            return {"offline_mode_at": format_instant(at, style)}
        case CapacityForecast(group_id=group_id, type=type, blocks=blocks):
            return {"group_id": group_id, "type": type, "forecasted_blocks": _blocks(blocks, style)}
        case ComplianceError(message=told, blocks=blocks):
            return {"message": told} | ({"forecasted_blocks": _blocks(blocks, style)} if blocks else {})
        case GroupMeasurements(group_id=group_id, measurements=energies):
            return {"group_id": group_id, "measurements": [_energy(one, style) for one in energies]}
        case AssetMeasurements(group_id=group_id, measurements=assets):
            return {"group_id": group_id, "measurements": [_asset(one, style) for one in assets]}
        case Register(token=token, versions=versions):
            return {"token": token, "version_url": versions}


def _behaviour(asked: RequiredBehaviour) -> dict[str, Any]:
    every_ms = asked.heartbeat_interval_ms
    interval = {} if every_ms is None else {"heartbeat_interval": _seconds(every_ms)}
    return interval | {"measurement_configuration": asked.measurement_configuration}


def _seconds(ms: int) -> int | msgspec.Raw:
    return _number(ms) if ms % 1_000 else ms // 1_000


def _blocks(blocks: tuple[Block, ...], style: TimestampStyle) -> list[dict[str, Any]]:
    return [
        {
            "capacity": _number(block.capacity_milli),
            "phase": block.phase,
            "unit": block.unit,
            "start_time": format_instant(block.start, style),
            "end_time": format_instant(block.end, style),
        }
        for block in blocks
    ]


def _energy(one: EnergyMeasurement, style: TimestampStyle) -> dict[str, Any]:
    begin = one.initial_measure_time
    return {
        "value": _number(one.value_milli),
        "phase": one.phase,
        "unit": one.unit,
        "direction": one.direction,
        "energy_type": one.energy_type,
        "measure_time": format_instant(one.measure_time, style),
    } | ({} if begin is None else {"initial_measure_time": format_instant(begin, style)})


def _asset(one: AssetMeasurement, style: TimestampStyle) -> dict[str, Any]:
    document: dict[str, Any] = {"asset_id": one.asset_id, "asset_category": one.asset_category}
    if one.energy is not None:
        document["energy_measurement"] = _energy(one.energy, style)
    if one.instantaneous is not None:
        document["instantaneous_measurement"] = _instantaneous(one.instantaneous, style)
    return document


def _instantaneous(one: InstantaneousMeasurement, style: TimestampStyle) -> dict[str, Any]:
    return {
        "value": _number(one.value_milli),
        "phase": one.phase,
        "unit": one.unit,
        "measure_time": format_instant(one.measure_time, style),
    }


def _number(thousandths: int) -> msgspec.Raw:
    """Written digit by digit: no float comes between."""
    return msgspec.Raw(decimal_text(thousandths).encode())
