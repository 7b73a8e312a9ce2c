"""Measurement messages of the quarter of an hour from 10:00 on."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.oscp.vocabulary import AssetCategory, EnergyFlow, Phase, Unit
from depot_sim.domain.oscp.wire.messages import (
    AssetMeasurement,
    AssetMeasurements,
    EnergyMeasurement,
    GroupMeasurements,
    InstantaneousMeasurement,
)
from tests.domain.oscp.sessions import QUARTER, TEN

ENERGY = EnergyMeasurement(100_000, Unit.KWH, Phase.ALL, EnergyFlow.NET, TEN + QUARTER, initial_measure_time=TEN)
"""100 kWh."""
MAXIMUM = InstantaneousMeasurement(600_000, Unit.KW, Phase.ALL, TEN + 60_000)
"""600 kW."""


def energy(**changes: Any) -> EnergyMeasurement:
    return msgspec.structs.replace(ENERGY, **changes)


def window(begin: int, end: int) -> EnergyMeasurement:
    return energy(initial_measure_time=begin, measure_time=end)


def maximum(**changes: Any) -> InstantaneousMeasurement:
    return msgspec.structs.replace(MAXIMUM, **changes)


def group_report(*energies: EnergyMeasurement, group_id: str = "group-1") -> GroupMeasurements:
    return GroupMeasurements(group_id, energies or (ENERGY,))


def asset_report(*asset_ids: str) -> AssetMeasurements:
    """Energy and highest load of each asset."""
    return of_assets(*(asset(ENERGY, MAXIMUM, id=id) for id in asset_ids or ("depot",)))


def of_assets(*assets: AssetMeasurement) -> AssetMeasurements:
    return AssetMeasurements("group-1", assets)


def asset(
    energy: EnergyMeasurement | None, highest: InstantaneousMeasurement | None, *, id: str = "depot"
) -> AssetMeasurement:
    return AssetMeasurement(id, AssetCategory.CHARGING, energy, highest)
