"""Headers, size and content type of a request."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from depot_sim.domain.oscp.envelope import envelope_findings
from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR

JSON = ("content-type", "application/json")
SOUND = (("x-oscp-configuration-id", "c-1"), ("x-request-id", "m-1"), JSON)


def rules(headers: tuple[tuple[str, str], ...], kept: int = 2, size: int = 2, **changes: object) -> list[str]:
    profile = replace(BETTERFLEET_VECTOR, **changes)
    return [finding.rule for finding in envelope_findings(headers, profile, kept, size)]


def test_a_sound_request_has_no_findings() -> None:
    assert rules(SOUND) == []


@pytest.mark.parametrize("name", ["x-oscp-configuration-id", "x-request-id", "content-type", "authorization"])
def test_a_header_that_comes_twice_is_a_finding_even_if_both_say_the_same(name: str) -> None:
    value = dict(SOUND).get(name, "Token t")
    others = tuple(header for header in SOUND if header[0] != name)
    assert rules((*others, (name, value), (name, value))) == [f"header.{name}.doubled"]


def test_other_headers_may_come_as_often_as_they_like() -> None:
    assert rules((*SOUND, ("accept", "a"), ("accept", "b"))) == []


@pytest.mark.parametrize("headers", [SOUND[:1] + SOUND[2:], (SOUND[0], ("x-request-id", ""), JSON)])
def test_a_request_id_is_needed_where_the_profile_says_so(headers: tuple[tuple[str, str], ...]) -> None:
    assert rules(headers) == ["header.x-request-id.missing"]
    assert rules(headers, request_id=Presence.OPTIONAL) == []


@pytest.mark.parametrize("value", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/problem+json"])
def test_json_has_several_names(value: str) -> None:
    assert rules((*SOUND[:2], ("content-type", value))) == []


@pytest.mark.parametrize("value", ["text/plain", "", "application/jsonp", "json"])
def test_a_body_that_is_not_said_to_be_json_is_a_finding(value: str) -> None:
    assert rules((*SOUND[:2], ("content-type", value))) == ["header.content-type"]


def test_without_a_body_no_content_type_is_needed() -> None:
    assert rules(SOUND[:2], 0, 0) == []


def test_a_body_beyond_what_was_kept_is_too_large() -> None:
    (finding,) = envelope_findings(SOUND, BETTERFLEET_VECTOR, 10, 11)
    assert (finding.kind, finding.found) == (Kind.SIZE, "11 bytes")
