"""Requests for overrides: what they become, and every fault at its place."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.effects import Reject, Withhold
from depot_sim.domain.interaction.matching import Check
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.override_events import Override
from depot_sim.domain.interaction.override_requests import Clear, read_override_request
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.oscp.named_faults import OSCP
from tests.domain.scenario.samples import message

LONGEST_MS = 86_400_000

NOW = Instant.parse("2026-04-02T10:00:00Z")


def read(raw: object) -> Override:
    asked = read_override_request(raw, OSCP, NOW, seed=7)
    assert isinstance(asked, Override)
    return asked


def faults(raw: object) -> dict[str, str]:
    """What is expected instead, by pointer."""
    with pytest.raises(InvalidInput) as refused:
        read_override_request(raw, OSCP, NOW)
    return {fault.pointer: fault.expected for fault in refused.value.faults}


def test_a_mode_with_its_end_is_taken_as_the_contract_shows_it() -> None:
    override = read({"mode": "reject_heartbeat_with_403", "until": "2026-04-02T10:20:00Z"})

    assert (override.effect, override.mode, override.seed) == (Reject(403), "reject_heartbeat_with_403", 7)
    assert override.until == NOW + 20 * 60_000
    assert override.match.matches(message("Heartbeat"))
    assert not override.match.matches(message("Heartbeat", "outbound"))


def test_without_an_end_an_override_ends_after_a_day() -> None:
    assert read({"mode": "stop_heartbeats"}).until == NOW + LONGEST_MS


def test_a_mode_s_own_bound_gives_way_to_the_request_s() -> None:
    assert read({"mode": "burst_of_503"}).times == 3
    assert read({"mode": "burst_of_503", "times": 5}).times == 5


def test_a_match_and_an_effect_are_taken_apart_from_modes() -> None:
    override = read(
        {
            "match": {
                "message_types": ["update_group_capacity_forecast"],
                "nth": 2,
                "where": [{"pointer": "/type", "equals": "GENERATION"}, {"header": "X-Segment-Index", "present": True}],
            },
            "effect": {"type": "withhold"},
        }
    )

    assert override.effect == Withhold()
    assert override.match.direction is Direction.OUTBOUND
    assert override.match.message_types == ("UpdateGroupCapacityForecast",)
    assert (override.match.nth, override.mode) == (2, "")
    assert [(one.check, one.place) for one in override.match.where] == [
        (Check.EQUALS, "body/type"),
        (Check.PRESENT, "header X-Segment-Index"),
    ]


def test_clearing_takes_an_id_or_all() -> None:
    assert read_override_request({"clear": "all"}, OSCP, NOW) == Clear("all")
    assert read_override_request({"clear": "some-id"}, OSCP, NOW) == Clear("some-id")


@pytest.mark.parametrize(
    "raw", [{}, {"mode": "stop_heartbeats", "clear": "all"}, {"mode": "x", "effect": {"type": "accept"}}]
)
def test_exactly_one_thing_is_asked_for(raw: object) -> None:
    assert faults(raw) == {"": "exactly one of mode, effect and clear"}


def test_an_unknown_mode_is_answered_with_those_like_it() -> None:
    assert faults({"mode": "reject_hartbeat"})["/mode"].startswith('"reject_heartbeat_with_403"')


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        ([], {""}),
        ({"mode": 4}, {"/mode"}),
        ({"mode": "stop_heartbeats", "untill": "x"}, {"/untill"}),
        ({"mode": "stop_heartbeats", "until": "2026-04-02T10:00:00Z"}, {"/until"}),
        ({"mode": "stop_heartbeats", "until": "2026-04-02 12:00"}, {"/until"}),
        ({"mode": "stop_heartbeats", "times": 0, "match": {}}, {"/times", "/match"}),
        ({"clear": "", "times": 1}, {"/clear", "/times"}),
        ({"effect": {"type": "reject", "status": 204}}, {"/effect/status"}),
        ({"effect": {"type": "rejekt"}}, {"/effect/type"}),
        ({"effect": {"type": "delay"}}, {"/effect"}),
        ({"effect": {"type": "delay", "fixed_ms": -1}}, {"/effect/fixed_ms"}),
        ({"effect": {"type": "delay", "fixed_ms": 1, "uniform": {"min_ms": 0, "max_ms": 1}}}, {"/effect"}),
        ({"effect": {"type": "delay", "uniform": {"min_ms": 5, "max_ms": 1}}}, {"/effect/uniform/max_ms"}),
        (
            {"effect": {"type": "delay", "lognormal": {"median_ms": 0, "p95_ms": 0}}},
            {"/effect/lognormal/median_ms", "/effect/lognormal/p95_ms"},
        ),
        ({"effect": {"type": "duplicate", "times": 0}}, {"/effect/times"}),
        ({"effect": {"type": "reorder", "behind": 0, "at_most_ms": 0}}, {"/effect/behind", "/effect/at_most_ms"}),
        ({"effect": {"type": "unavailable", "retry_after_s": -1}}, {"/effect/retry_after_s"}),
        ({"effect": {"type": "provoke", "command": "explode"}}, {"/effect/command"}),
        ({"effect": {"type": "mismatch", "what": "mood"}}, {"/effect/what"}),
        ({"effect": {"type": "malform", "how": "replaced", "value": "{"}}, {"/effect/value"}),
        ({"effect": {"type": "malform", "how": "removed", "pointer": "x"}}, {"/effect/pointer"}),
        ({"effect": {"type": "malform", "how": "shifted_timestamps", "by_ms": 10**15}}, {"/effect/by_ms"}),
        ({"effect": {"type": "withhold"}, "match": {"direction": "inbound"}}, {"/match/direction"}),
        ({"effect": {"type": "accept"}, "match": {"nth": 0}}, {"/match/nth"}),
        ({"effect": {"type": "accept"}, "match": {"nth": 2}, "times": 2}, {"/times"}),
        ({"effect": {"type": "accept"}, "match": {"message_types": ["Heartbeet", 3]}}, {
            "/match/message_types/0", "/match/message_types/1",
        }),
        ({"effect": {"type": "accept"}, "match": {"where": [{}] * 21}}, {"/match/where"}),
    ],
)  # fmt: skip
def test_every_fault_is_told_at_its_place(raw: object, pointers: set[str]) -> None:
    assert set(faults(raw)) == pointers


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({}, ""),
        ({"pointer": "/a"}, ""),
        ({"equals": 1}, ""),
        ({"pointer": "/a", "header": "b", "equals": 1}, ""),
        ({"pointer": "/a", "equals": 1, "differs": 2}, ""),
        ({"pointer": "/a", "equals": 1, "why": 2}, ""),
        ({"pointer": "a", "equals": 1}, "/pointer"),
        ({"pointer": 1, "equals": 1}, "/pointer"),
        ({"header": "", "equals": "1"}, "/header"),
        ({"header": "b", "equals": 1}, "/equals"),
        ({"header": "b", "one_of": ["1", 2]}, "/one_of"),
        ({"pointer": "/a", "present": 1}, "/present"),
        ({"pointer": "/a", "one_of": []}, "/one_of"),
        ({"pointer": "/a", "at_least": True}, "/at_least"),
        ({"pointer": "/a", "at_most": None}, "/at_most"),
    ],
)
def test_a_faulty_condition_is_told_at_its_place(condition: dict[str, Any], pointer: str) -> None:
    raw = {"effect": {"type": "accept"}, "match": {"where": [{"pointer": "", "equals": {}}, condition]}}

    assert set(faults(raw)) == {f"/match/where/1{pointer}"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "mode",
        "match",
        "effect",
        "until",
        "times",
        "clear",
        "type",
        "how",
        "where",
        "pointer",
        "equals",
        "nth",
        "uniform",
    ]
)


@given(st.dictionaries(FIELDS, JSON | st.dictionaries(FIELDS, JSON, max_size=4), max_size=5))
def test_no_request_does_anything_but_be_read_or_refused(raw: dict[str, Any]) -> None:
    with suppress(InvalidInput):
        assert isinstance(read_override_request(raw, OSCP, NOW), Override | Clear)
