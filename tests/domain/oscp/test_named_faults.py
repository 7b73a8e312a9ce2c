"""The named modes of OSCP as data."""

from __future__ import annotations

import json

import pytest

from depot_sim.domain.interaction.effect_limits import direction_fault, effect_faults
from depot_sim.domain.interaction.effects import Malform
from depot_sim.domain.interaction.family import Mode
from depot_sim.domain.interaction.malforming import malformed
from depot_sim.domain.interaction.override_events import Override
from depot_sim.domain.interaction.override_requests import read_override_request
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.oscp.vocabulary import MessageType

MODES = list(OSCP.modes.values())
FORECAST = {
    "group_id": "group-1",
    "type": "CONSUMPTION",
    "offline_mode_at": "2026-04-02T10:15:00.000Z",
    "forecasted_blocks": [
        {
            "capacity": 500.0,
            "phase": "ALL",
            "unit": "KW",
            "start_time": f"2026-04-02T10:{begin}:00.000Z",
            "end_time": f"2026-04-02T10:{begin + 15}:00.000Z",
        }
        for begin in (15, 30)
    ],
}


def test_the_message_types_are_those_of_the_protocol() -> None:
    assert set(OSCP.message_types) == {member.value for member in MessageType}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_every_mode_is_sound_and_can_be_asked_for(mode: Mode) -> None:
    assert set(mode.match.message_types) <= set(OSCP.message_types)
    assert list(effect_faults(mode.effect, OSCP)) == []
    assert direction_fault(mode.effect, mode.match.direction, OSCP) == ""
    assert mode.sentence.endswith(".")
    assert isinstance(read_override_request({"mode": mode.name}, OSCP, now=0), Override)


def test_every_sentence_is_its_own() -> None:
    assert len({mode.sentence for mode in MODES}) == len(MODES)


@pytest.mark.parametrize(
    "mode", [mode for mode in MODES if isinstance(mode.effect, Malform)], ids=lambda mode: mode.name
)
def test_every_mode_that_spoils_a_body_does(mode: Mode) -> None:
    assert isinstance(mode.effect, Malform)
    body = json.dumps(FORECAST).encode()

    assert malformed(body, mode.effect) != body


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Heartbeat", "Heartbeat"),
        ("handshake_acknowledge", "HandshakeAcknowledge"),
        ("HEARTBEAT", "Heartbeat"),
        ("beat", None),
    ],
)
def test_message_types_may_be_written_as_in_paths(written: str, meant: str | None) -> None:
    assert OSCP.message_type(written) == meant
