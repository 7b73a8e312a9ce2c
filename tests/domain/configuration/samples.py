"""A small sound depot, and ways to spoil it."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import pytest

from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.kernel.errors import Fault, InvalidInput

Raw = dict[str, Any]

_DEPOT: Raw = {
    "name": "Sample",
    "topology": {
        "nodes": [
            {"id": "grid", "kind": "GRID_CONNECTION", "limit": "200 kW", "fail_safe_limit": "50 kW"},
            {"id": "feeder", "parent": "grid", "kind": "FEEDER", "other_load": [{"at": "08:00", "power": "5 kW"}]},
            {"id": "yard", "parent": "feeder"},
        ]
    },
    "managed_scopes": [{"id": "site", "node": "grid"}],
    "vehicle_types": [{"id": "standard"}],
    "vehicles": [
        {
            "id": "bus-1",
            "type": "standard",
            "vin": "WDB9066331S123456",
            "connector": "charger-1/a",
            "duties": [
                {"id": "early", "departs": "05:00", "returns": "09:00", "distance": "80 km"},
                {"id": "late", "departs": "15:00", "returns": "25:10", "energy": "120 kWh"},
            ],
        },
        {"id": "bus-2", "type": "standard"},
    ],
    "chargers": [
        {"id": "charger-1", "node": "yard", "connectors": [{"id": "a"}, {"id": "b", "cable_limit": "100 kW"}]},
    ],
    "sensors": [{"id": "meter", "node": "grid"}, {"id": "soc", "quantity": "SOC", "bess": "battery"}],
    "bess": [{"id": "battery", "node": "grid"}],
    "pv": [
        {"id": "roof", "node": "grid", "profile": [{"at": "06:00", "share": "0 %"}, {"at": "12:00", "share": "80 %"}]}
    ],
    "microgrid_controllers": [{"id": "controller", "node": "grid"}],
    "weather": {"ambient": [{"at": "00:00", "temperature": "-5 °C"}, {"at": "12:00", "temperature": "8 °C"}]},
    "projection_bindings": [
        {"id": "ocpp", "family": "ocpp", "managed_scope": "site", "endpoint": "wss://platform.example:9000/ocpp"},
        {"id": "packets", "family": "packets", "managed_scope": "site"},
        {"id": "telematics", "family": "telematics", "managed_scope": "site"},
        {"id": "oscp", "family": "oscp", "managed_scope": "site", "group_id": "g", "scenario_preset": "calm"},
    ],
    "scenario_presets": [
        {"id": "calm", "settings": {"heartbeat": {"interval": 5, "jitter": 0.5, "tags": [None, True]}}}
    ],
    "disturbance_profiles": [
        {"id": "storm", "late_returns": {"probability": "20 %"}, "sensor_dropouts": {"per_day": "200 %"}}
    ],
}

REMOVED = object()


def depot(*changes: tuple[str, Any]) -> Raw:
    """The sample with values put (or REMOVED) at JSON pointers, in order; "-" as the last token appends."""
    raw = copy.deepcopy(_DEPOT)
    for pointer, value in changes:
        *path, last = pointer.split("/")[1:]
        holder: Any = raw
        for token in path:
            holder = holder[int(token)] if isinstance(holder, list) else holder[token]
        _put(holder, last, value)
    return raw


def _put(holder: Any, token: str, value: Any) -> None:
    if value is REMOVED:
        del holder[int(token) if isinstance(holder, list) else token]
    elif token == "-":
        holder.append(value)
    else:
        holder[int(token) if isinstance(holder, list) else token] = value


def faults_of(raw: object) -> Sequence[Fault]:
    """Every fault `raw` is refused for."""
    with pytest.raises(InvalidInput) as refused:
        decode_document(raw)
    return refused.value.faults


def only_fault(raw: object) -> Fault:
    faults = faults_of(raw)
    assert len(faults) == 1, [str(fault) for fault in faults]
    return faults[0]
