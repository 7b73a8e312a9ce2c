"""Scenarios among a depot's presets: a rule of validation that reads them before any run needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation import Rule
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.scenario.script_reading import ScriptReader

SCENARIO = "scenario"
"""Of a preset's settings: a whole scenario, to be played on runs."""


def preset_scenarios(document: SimulationConfigurationDocument) -> Mapping[str, Any]:
    """The scenarios among a configuration's presets, by the presets' ids."""
    presets = document.scenario_presets
    return {preset.id: preset.settings[SCENARIO] for preset in presets if SCENARIO in preset.settings}


def preset_rule(reader: ScriptReader) -> Rule:
    """The rule that every scenario among the presets can be read by `reader`."""

    def check_presets(document: SimulationConfigurationDocument) -> Iterator[Finding]:
        for index, preset in enumerate(document.scenario_presets):
            if SCENARIO in preset.settings:
                pointer = f"/scenario_presets/{index}/settings/{SCENARIO}"
                yield from _findings(reader, preset.settings[SCENARIO], pointer)

    return check_presets


def _findings(reader: ScriptReader, raw: object, pointer: str) -> Iterator[Finding]:
    try:
        reader.read(raw)
    except InvalidInput as error:
        for fault in error.faults:
            yield finding(f"{pointer}{fault.pointer}", fault.found, fault.expected)
