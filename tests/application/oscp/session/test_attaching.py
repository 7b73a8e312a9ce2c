"""From a request and the configuration of its run to what a session is attached with."""

from __future__ import annotations

import pytest

from depot_sim.application.oscp.session.attaching import preset_overrides
from depot_sim.application.oscp.session.limits import policy_faults, profile_faults
from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.profiles import BUILT_IN
from depot_sim.domain.oscp.vocabulary import Lifecycle, MeasurementConfiguration, PublicationMode
from tests.application.oscp.processes import OscpProcess
from tests.domain.configuration.samples import REMOVED, depot


def test_what_comes_with_the_simulator_is_within_its_own_limits() -> None:
    assert list(policy_faults(Policy())) == []
    assert [fault for profile in BUILT_IN.values() for fault in profile_faults(profile)] == []


def test_a_preset_stands_for_modes_by_name_and_overrides_in_full() -> None:
    full = {"effect": {"type": "outage"}}
    preset = {"id": "rough", "settings": {"overrides": ["stop_heartbeats", full]}}
    document = decode_document(depot(("/scenario_presets/-", preset)))
    assert list(preset_overrides(document, "rough")) == [{"mode": "stop_heartbeats"}, full]
    assert list(preset_overrides(document, "calm")) == []
    assert list(preset_overrides(document, "connected_baseline")) == []


@pytest.mark.anyio
async def test_without_a_binding_the_request_says_it_all(process: OscpProcess) -> None:
    await process.start(definition=Definition.of(depot(("/projection_bindings", []))))
    session = await process.attach(group_id="mine")
    attached = process.session(session).attached
    assert attached.group_id == "mine"
    assert attached.measurement_publication_mode is PublicationMode.GROUP
    assert attached.measurement_configuration is MeasurementConfiguration.INTERMITTENT
    assert attached.scenario_preset == "connected_baseline"
    assert attached.policy.unreachable is Lifecycle.DEGRADED


@pytest.mark.anyio
async def test_the_binding_says_how_measurements_are_published(process: OscpProcess) -> None:
    changes = (
        ("/projection_bindings/3/measurement_publication_mode", "ASSET"),
        ("/projection_bindings/3/measurement_configuration", "CONTINUOUS"),
        ("/projection_bindings/3/scenario_preset", REMOVED),
    )
    await process.start(definition=Definition.of(depot(*changes)))
    attached = process.session(await process.attach()).attached
    assert attached.measurement_publication_mode is PublicationMode.ASSET
    assert attached.measurement_configuration is MeasurementConfiguration.CONTINUOUS
    assert attached.scenario_preset == "connected_baseline"
