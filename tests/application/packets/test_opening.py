"""From what is configured and what is asked to what a feed is opened with."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from depot_sim.adapters.http import Secrets
from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.application.packets.opening import bindings_with_endpoint, opening_of
from depot_sim.application.packets.requests import OpenPacketFeed
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from depot_sim.domain.kernel.errors import InvalidInput, NotFound
from depot_sim.domain.packets.events import FeedPolicy, PacketFeedOpened
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import SimulationRunStarted
from tests.domain.configuration.samples import depot

LIBRARY = ProfileLibrary()
BEARER = {"authorization": "bearer", "credentials": {"outbound": {"secret": "env:DEPOT_SIM_SECRET_TOKEN"}}}


def run_of(**binding: Any) -> SimulationRun:
    """A run of a depot whose one packets binding is as told."""
    plain = {"id": "meters", "family": "packets", "managed_scope": "site", "endpoint": "https://platform/packets"}
    definition = Definition.of(depot() | {"projection_bindings": [plain | binding]})
    document, run = msgspec.Raw(definition.document_json), SimulationRun("r")
    run.start(SimulationRunStarted(0, "r", "c", 1, document, 7, "2026-03-02T12:00:00+10:00", 1_000))
    return run


def opening(run: SimulationRun, binding_id: str = "meters", **asked: Any) -> PacketFeedOpened:
    return opening_of(OpenPacketFeed(binding_id=binding_id, **asked), run, 1, LIBRARY, Secrets())


def test_a_binding_says_all_that_is_needed() -> None:
    opened = opening(run_of(site_model_name="Depot North", **BEARER))
    assert (opened.feed_id, opened.endpoint, opened.profile) == (
        "packets-r-meters",
        "https://platform/packets",
        "default/1",
    )
    assert (opened.site_id, opened.site_model_name) == ("Depot North", "Depot North")
    assert (opened.authorization, opened.credentials.outbound) == (
        Authorization.BEARER,
        SecretReference("env:DEPOT_SIM_SECRET_TOKEN"),
    )
    assert (opened.at, opened.started_at, opened.seed, opened.run_version) == (*[1_772_416_800_000] * 2, 7, 1)
    assert opened.profile_files == LIBRARY.files("default/1")
    assert {device.id for device in opened.devices} >= {"node-grid", "weather"}


def test_without_a_name_the_site_is_called_as_its_scope() -> None:
    opened = opening(run_of())
    assert (opened.site_id, opened.site_model_name) == ("site", None)


def test_a_request_goes_before_the_binding() -> None:
    files = {**LIBRARY.files("default/1"), "profile.json": LIBRARY.files("senml/1")["profile.json"]}
    opened = opening(
        run_of(**BEARER),
        endpoint="http://elsewhere/p",
        profile_files={**LIBRARY.files("senml/1")},
        authorization=Authorization.NONE,
        credentials=Credentials(),
        policy=FeedPolicy(connections=3),
    )
    assert files["profile.json"] == opened.profile_files["profile.json"]
    assert (opened.endpoint, opened.profile, opened.policy.connections) == ("http://elsewhere/p", "senml/1", 3)
    assert opened.credentials == Credentials()


def test_a_feed_needs_no_binding() -> None:
    opened = opening(run_of(), "mine", managed_scope_id="site", endpoint="http://elsewhere/p")
    assert (opened.binding_id, opened.managed_scope_id) == ("mine", "site")


def test_rows_of_the_platforms_configuration_that_cannot_be_mapped_are_reported() -> None:
    load = {"sensor_action": "UPDATE_POWER_SOURCE_LOAD", "measurands": {"P": "ACTIVE_POWER"}}
    rows = [
        {"device_id": "a", "asset": {"node": "grid"}, "sensor_actions": [load]},
        {"device_id": "b", "asset": {"node": "nowhere"}, "sensor_actions": [load]},
    ]
    opened = opening(run_of(devices={"devices": rows}))
    assert [device.id for device in opened.devices] == ["a"]
    assert [fault.pointer for fault in opened.unmapped] == ["/devices/1/asset"]
    assert opened.site_id == "site"


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"managed_scope_id": "nowhere"}, "/managed_scope_id"),
        ({"endpoint": "platform/packets"}, "/endpoint"),
        ({"authorization": Authorization.TOKEN}, "/credentials/outbound"),
        ({"policy": FeedPolicy(backlog_limit=0)}, "/policy/backlog_limit"),
        ({"policy": FeedPolicy(retry_cap_ms=-1)}, "/policy/retry_cap_ms"),
        ({"devices": {"devices": []}}, "/devices"),
        ({"profile_files": {"profile.json": "{"}}, "measurands.csv"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(asked: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        opening(run_of(), **asked)
    assert any(fault.pointer.startswith(pointer) for fault in refused.value.faults)


def test_an_unknown_profile_is_not_found() -> None:
    with pytest.raises(NotFound):
        opening(run_of(), profile="unheard-of/1")


def test_an_id_has_to_be_one() -> None:
    with pytest.raises(InvalidInput):
        opening(run_of(), "a b", managed_scope_id="site", endpoint="http://elsewhere/p")


def test_only_bindings_with_an_endpoint_open_by_themselves() -> None:
    assert [binding.id for binding in bindings_with_endpoint(run_of().depot.document)] == ["meters"]
    assert list(bindings_with_endpoint(run_of(endpoint="").depot.document)) == []
