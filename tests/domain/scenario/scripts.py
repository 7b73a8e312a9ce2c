"""Scenarios to be played on the sample depot."""

from __future__ import annotations

import copy
from typing import Any

from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.scenario.execution import ScenarioExecution
from depot_sim.domain.scenario.script_reading import ScriptReader

Raw = dict[str, Any]

READER = ScriptReader((OSCP, PACKETS))

_SCRIPT: Raw = {
    "name": "quiet-controller",
    "description": "The controller falls silent and comes back.",
    "needs": {"controller": "controller", "node": "node", "battery": "bess"},
    "steps": [
        {"at": "0 s", "set-bess-soc": {"bess": "$battery", "soc": "40 %"}, "note": "to begin with"},
        {"at": "90 s", "set-controller-heartbeats": {"controller": "$controller", "beating": False}},
        {"at": "90 s", "set-node-limit": {"node": "$node", "limit": "100 kW"}},
        {"at": "10 min", "set-controller-heartbeats": {"controller": "$controller", "beating": True}},
    ],
    "lasts": "15 min",
}


def script(**changes: Any) -> Raw:
    """The sample with other fields."""
    return copy.deepcopy(_SCRIPT) | changes


def execution(raw: Raw | None = None, *, at: int = 0, begins_at: int = 0, **names: str) -> ScenarioExecution:
    """Started, with the sample's names filled."""
    begun = ScenarioExecution("r", "1", READER)
    filled = {"controller": "controller", "node": "grid", "battery": "battery"} | names
    begun.start(at, script() if raw is None else raw, source="request", names=filled, begins_at=begins_at)
    return begun
