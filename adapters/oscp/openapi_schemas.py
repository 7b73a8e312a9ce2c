"""OSCP 2.0's messages as JSON schemas: keys in snake_case, further keys allowed, times in RFC 3339 with an offset."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from depot_sim.domain.oscp.vocabulary import (
    AssetCategory,
    EnergyFlow,
    EnergyType,
    ForecastType,
    MeasurementConfiguration,
    Phase,
    Unit,
)

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "number"}
_TIME: Schema = {"type": "string", "format": "date-time"}


def _reference(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: Mapping[str, Schema] | None = None, optional: Mapping[str, Schema] | None = None) -> Schema:
    required = required or {}
    schema: Schema = {"type": "object", "properties": {**required, **(optional or {})}}
    return schema | {"required": list(required)} if required else schema


def _some(name: str) -> Schema:
    return {"type": "array", "items": _reference(name), "minItems": 1}


def _one_of(words: type[StrEnum]) -> Schema:
    return {"type": "string", "enum": [word.value for word in words]}


_FORECAST = _object(
    {"group_id": _TEXT, "type": _reference("CapacityForecastType"), "forecasted_blocks": _some("ForecastedBlock")}
)

SCHEMAS: dict[str, Schema] = {
    "Register": _object({"token": _TEXT, "version_url": _some("VersionUrl")}),
    "VersionUrl": _object({"version": _TEXT, "base_url": _TEXT}),
    "Handshake": _object(optional={"required_behaviour": _reference("RequiredBehaviour")}),
    "HandshakeAcknowledge": _object(optional={"required_behaviour": _reference("RequiredBehaviour")}),
    "RequiredBehaviour": _object(
        {
            "measurement_configuration": {
                "type": "array",
                "items": _reference("MeasurementConfiguration"),
                "uniqueItems": True,
            }
        },
        {"heartbeat_interval": _NUMBER | {"description": "In seconds."}},
    ),
    "Heartbeat": _object({"offline_mode_at": _TIME}),
    "AdjustGroupCapacityForecast": _FORECAST,
    "ForecastedBlock": _object(
        {
            "capacity": _NUMBER | {"minimum": 0},
            "phase": _reference("PhaseIndicator"),
            "unit": _reference("ForecastedBlockUnit"),
            "start_time": _TIME,
            "end_time": _TIME,
        }
    ),
    "GroupCapacityComplianceError": _object({"message": _TEXT}, {"forecasted_blocks": _some("ForecastedBlock")}),
    "UpdateGroupMeasurements": _object({"group_id": _TEXT, "measurements": _some("EnergyMeasurement")}),
    "UpdateAssetMeasurements": _object({"group_id": _TEXT, "measurements": _some("AssetMeasurement")}),
    "EnergyMeasurement": _object(
        {
            "value": _NUMBER,
            "phase": _reference("PhaseIndicator"),
            "unit": _reference("EnergyMeasurementUnit"),
            "direction": _reference("EnergyFlowDirection"),
            "measure_time": _TIME,
        },
        {"energy_type": _reference("EnergyType"), "initial_measure_time": _TIME},
    ),
    "AssetMeasurement": _object(
        {"asset_id": _TEXT, "asset_category": _reference("AssetCategory")},
        {
            "energy_measurement": _reference("EnergyMeasurement"),
            "instantaneous_measurement": _reference("InstantaneousMeasurement"),
        },
    ),
    "InstantaneousMeasurement": _object(
        {
            "value": _NUMBER,
            "phase": _reference("PhaseIndicator"),
            "unit": _reference("InstantaneousMeasurementUnit"),
            "measure_time": _TIME,
        }
    ),
    "Error": _object(optional={"message": _TEXT}),
    "CapacityForecastType": _one_of(ForecastType),
    "PhaseIndicator": _one_of(Phase),
    "ForecastedBlockUnit": _one_of(Unit),
    "InstantaneousMeasurementUnit": _one_of(Unit),
    "EnergyMeasurementUnit": {"type": "string", "enum": [Unit.WH.value, Unit.KWH.value]},
    "EnergyFlowDirection": _one_of(EnergyFlow),
    "EnergyType": _one_of(EnergyType),
    "MeasurementConfiguration": _one_of(MeasurementConfiguration),
    "AssetCategory": _one_of(AssetCategory),
}
