"""The named modes of packet feeds as data."""

from __future__ import annotations

import pytest

from depot_sim.domain.interaction.effect_limits import direction_fault, effect_faults
from depot_sim.domain.interaction.effects import Distort, Distortion
from depot_sim.domain.interaction.family import Mode
from depot_sim.domain.interaction.override_events import Override
from depot_sim.domain.interaction.override_requests import read_override_request
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.packets.named_faults import ANSWER, PACKETS
from depot_sim.domain.packets.vocabulary import PacketType

MODES = list(PACKETS.modes.values())


def read(raw: object) -> Override:
    asked = read_override_request(raw, PACKETS, now=0)
    assert isinstance(asked, Override)
    return asked


def faults(raw: object) -> dict[str, str]:
    with pytest.raises(InvalidInput) as refused:
        read(raw)
    return {fault.pointer: fault.found for fault in refused.value.faults}


def test_the_message_types_are_the_packets_and_the_answer_to_them() -> None:
    assert set(PACKETS.message_types) == {member.value.capitalize() for member in PacketType} | {ANSWER}
    assert set(PACKETS.one_way) == set(PACKETS.message_types)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_every_mode_is_sound_and_can_be_asked_for(mode: Mode) -> None:
    assert set(mode.match.message_types) <= set(PACKETS.message_types) - {ANSWER}
    assert list(effect_faults(mode.effect, PACKETS)) == []
    assert direction_fault(mode.effect, mode.match.direction, PACKETS) == ""
    assert mode.match.direction is not None
    assert mode.sentence.endswith(".")
    assert read({"mode": mode.name}).effect == mode.effect


def test_every_sentence_is_its_own_and_every_distortion_has_a_mode() -> None:
    assert len({mode.sentence for mode in MODES}) == len(MODES)
    assert {mode.effect.how for mode in MODES if isinstance(mode.effect, Distort)} == set(Distortion)


def test_only_what_is_known_of_a_message_can_be_asked_for_by_a_colon() -> None:
    def match(header: str) -> object:
        return {"effect": {"type": "withhold"}, "match": {"where": [{"header": header, "equals": "bess-1"}]}}

    assert read(match(":device")).match.where[0].header == ":device"
    assert faults(match(":devcie")) == {"/match/where/0/header": '":devcie"'}
    with pytest.raises(InvalidInput):
        read_override_request(match(":device"), OSCP, now=0)


def test_a_mode_that_ends_by_itself_does_so_unless_told_otherwise() -> None:
    until = Instant.parse("2026-04-02T10:20:00Z")
    assert read({"mode": "burst_after_offline"}).until == 600_000
    assert read({"mode": "burst_after_offline", "until": "2026-04-02T10:20:00Z"}).until == until


@pytest.mark.parametrize(
    ("effect", "pointer"),
    [
        ({"type": "reject"}, "/effect/type"),
        ({"type": "provoke", "command": "send-handshake"}, "/effect/type"),
        ({"type": "duplicate", "new_request_ids": True}, "/effect/new_request_ids"),
        ({"type": "distort", "how": "clock_skew"}, "/effect/by_ms"),
        ({"type": "distort", "how": "sequence_jump"}, "/effect/by"),
        ({"type": "distort", "how": "replaced", "value": "{"}, "/effect/value"),
        ({"type": "distort", "how": "missing", "keys": [""]}, "/effect/keys/0"),
        ({"type": "distort", "how": "melted"}, "/effect/how"),
    ],
)
def test_effects_that_packets_cannot_take_are_refused_at_their_place(effect: dict[str, object], pointer: str) -> None:
    assert list(faults({"effect": effect})) == [pointer]


def test_answers_are_the_platform_s_and_cannot_be_overridden() -> None:
    effect = {"type": "delay", "fixed_ms": 1}
    assert list(faults({"effect": effect, "match": {"message_types": ["Answer"]}})) == ["/match/message_types/0"]
    assert list(faults({"effect": effect, "match": {"direction": "inbound"}})) == ["/match/direction"]


def test_distorting_is_for_packets_only() -> None:
    with pytest.raises(InvalidInput) as refused:
        read_override_request({"effect": {"type": "distort", "how": "null"}}, OSCP, now=0)
    assert [fault.pointer for fault in refused.value.faults] == ["/effect/type"]


@pytest.mark.parametrize(
    ("match", "pointer"),
    [({"one_in": 1}, "/match/one_in"), ({"one_in": 3, "nth": 2}, "/match/one_in")],
)
def test_a_chance_has_its_limits(match: dict[str, int], pointer: str) -> None:
    assert list(faults({"effect": {"type": "withhold"}, "match": match})) == [pointer]
