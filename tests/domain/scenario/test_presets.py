"""Scenarios in presets are sound before any run needs them."""

from __future__ import annotations

import pytest

from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.scenario.presets import preset_rule
from tests.domain.configuration.samples import Raw, depot
from tests.domain.scenario.scripts import READER, script

RULES = (preset_rule(READER),)


def with_preset(settings: Raw) -> Raw:
    return depot(("/scenario_presets/-", {"id": "mine", "settings": settings}))


def faults_of(raw: Raw) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as refused:
        decode_document(raw, RULES)
    return refused.value.faults


def test_a_preset_may_hold_a_scenario_beside_other_settings() -> None:
    document = decode_document(with_preset({"scenario": script(), "overrides": ["network_outage"]}), RULES)
    preset = document.scenario_presets[1]
    assert preset.settings["scenario"] == script()


def test_every_fault_of_a_scenario_is_told_at_its_place_in_the_depot() -> None:
    spoilt = script(nmae="x", steps=[{"at": "1 s", "set-bess": {"bess": "$batery"}}], lasts=None)
    assert {fault.pointer for fault in faults_of(with_preset({"scenario": spoilt}))} == {
        "/scenario_presets/1/settings/scenario/nmae",
        "/scenario_presets/1/settings/scenario/steps/0/set-bess/bess",
    }


def test_what_is_no_scenario_is_told() -> None:
    (fault,) = faults_of(with_preset({"scenario": "bba-all-fields"}))
    assert (fault.pointer, fault.found) == ("/scenario_presets/1/settings/scenario", '"bba-all-fields"')
