"""Scenario presets: what they hold for runs is read before any run needs it."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.scenario.script_reading import read_script

SCENARIO = "scenario"
"""Of a preset's settings: a whole scenario, to be played on runs."""


def check_presets(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    for index, preset in enumerate(document.scenario_presets):
        if SCENARIO in preset.settings:
            yield from _scenario(f"/scenario_presets/{index}/settings/{SCENARIO}", preset.settings[SCENARIO])


def _scenario(pointer: str, raw: object) -> Iterator[Finding]:
    try:
        read_script(raw)
    except InvalidInput as error:
        for fault in error.faults:
            yield finding(f"{pointer}{fault.pointer}", fault.found, fault.expected)
