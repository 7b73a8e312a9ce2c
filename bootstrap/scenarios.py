"""Scenarios: the library, files, and the reader that knows the targets of every protocol family."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import located, parse
from depot_sim.adapters.scenario_library import ScenarioLibrary
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.scenario.presets import preset_rule
from depot_sim.domain.scenario.script_reading import ScriptReader

SCRIPTS = ScriptReader((OSCP, PACKETS))
PRESETS = (preset_rule(SCRIPTS),)
"""Rules for depot definitions."""


@cache
def scenario_library() -> ScenarioLibrary:
    """One for the whole process."""
    return ScenarioLibrary(_parse)


def load_scenario(path: Path) -> Any:
    """The scenario in a file, as plain values, once it is sound. Raises InvalidInput with line and column, OSError."""
    text, raw = parse(path)
    try:
        SCRIPTS.read(raw)
    except InvalidInput as error:
        raise InvalidInput(located(error.faults, text), f"{path}: {error.detail}") from None
    return raw


def _parse(text: bytes) -> Any:
    return parse(text, Format.YAML)[1]
