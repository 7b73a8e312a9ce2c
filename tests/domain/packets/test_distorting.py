"""Every way of falsifying a packet, to the letter."""

from __future__ import annotations

from decimal import Decimal

import pytest

from depot_sim.domain.interaction.effects import Distort, Distortion
from depot_sim.domain.packets.distorting import UNEXPECTED_KEY, UNKNOWN_WORD, distorted
from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import PacketType, Quality
from tests.domain.packets.fleet import KEYS, SECOND, packet, time_of, value

HONEST = packet("bess-1", 4)


def told(*distorts: Distort, honest: Packet = HONEST, memory: Memory | None = None) -> dict[str, str]:
    """Values by key."""
    made = distorted(honest, distorts, memory or Memory(), KEYS)
    return {one.key: bytes(one.value).decode() for one in made.measurements}


def one(of: object, unit: str = "") -> Packet:
    """A packet with one measurement."""
    return Packet(PacketType.TELEMETRY, *_NAMES, (Measurement("K", value(of), unit),))


_NAMES = (HONEST.device_id, HONEST.device_type, 4, HONEST.packet_id, "site-1", "grid-1", time_of(4))


def remembering(*turns: int) -> Memory:
    memory = Memory()
    for turn in turns:
        memory.remember(packet("bess-1", turn))
    return memory


def test_frozen_values_are_the_last_ones_told_as_new() -> None:
    made = distorted(HONEST, [Distort(Distortion.FROZEN, ("SOC",))], remembering(1, 2))

    assert made.measurements[0] == Measurement("SOC", value(Decimal("42.5")), "%")
    assert made.measurements[1:] == HONEST.measurements[1:]


def test_stale_values_keep_the_time_they_were_measured_at() -> None:
    made = distorted(HONEST, [Distort(Distortion.STALE)], remembering(1, 2))

    assert [(measured.key, measured.at) for measured in made.measurements[:2]] == [
        ("SOC", time_of(2)),
        ("P", time_of(2) - SECOND),
    ]
    assert made.sent_at == HONEST.sent_at


@pytest.mark.parametrize("how", [Distortion.FROZEN, Distortion.STALE])
def test_a_key_that_was_never_told_cannot_be_held(how: Distortion) -> None:
    assert distorted(HONEST, [Distort(how)], Memory()) is HONEST


def test_values_held_stay_for_good_and_faults_do_not_pile_up_on_them() -> None:
    memory = remembering(1)
    distorts = [Distort(Distortion.FROZEN), Distort(Distortion.WRONG_UNIT), Distort(Distortion.WRONG_CASING)]
    for turn in range(2, 6):
        made = distorted(packet("bess-1", turn, PacketType.TELEMETRY), distorts, memory, KEYS)
        memory.remember(made)
        assert made.measurements[0].key == "soc"
        assert bytes(made.measurements[0].value) == b"41.5"


def test_a_birth_declares_what_it_always_did() -> None:
    birth = packet("bess-1", 0)
    for how in (Distortion.FROZEN, Distortion.STALE, Distortion.WRONG_UNIT, Distortion.TEXT):
        assert distorted(birth, [Distort(how)], remembering(1), KEYS) is birth


@pytest.mark.parametrize(
    ("unit", "of", "other", "expected"),
    [
        ("kW", Decimal("-154.2"), "W", "-154200"),
        ("W", 1, "kW", "0.001"),
        ("kW.h", Decimal("0.001"), "W.h", "1"),
        ("%", Decimal("44.5"), "1", "0.445"),
        ("V", Decimal("230.1"), "mV", "230100"),
        ("Cel", Decimal("-10.15"), "K", "263.00"),
    ],
)
def test_another_unit_is_exact_and_says_so_or_not(unit: str, of: object, other: str, expected: str) -> None:
    wrong = distorted(one(of, unit), [Distort(Distortion.WRONG_UNIT)], Memory()).measurements[0]
    right = distorted(one(of, unit), [Distort(Distortion.OTHER_UNIT)], Memory()).measurements[0]

    assert (Decimal(bytes(wrong.value).decode()), wrong.unit) == (Decimal(expected), unit)
    assert (wrong.value, right.unit) == (right.value, other)


@pytest.mark.parametrize(("of", "unit"), [("word", "kW"), (None, "kW"), (True, "kW"), (1, "1"), (1, "")])
def test_what_is_no_number_or_has_no_other_unit_stays(of: object, unit: str) -> None:
    honest = one(of, unit)
    assert distorted(honest, [Distort(Distortion.WRONG_UNIT)], Memory()) is honest


@pytest.mark.parametrize(
    ("how", "of", "expected"),
    [
        (Distortion.QUANTISED, Decimal("44.5"), "44"),
        (Distortion.QUANTISED, Decimal("-0.6"), "-1"),
        (Distortion.QUANTISED, 7, "7"),
        (Distortion.TEXT, Decimal("44.50"), '"44.50"'),
        (Distortion.TEXT, "ON", '"ON"'),
        (Distortion.TEXT, True, "true"),
        (Distortion.NULL, 7, "null"),
        (Distortion.WORD_CASING, "GRID_CONNECTED", '"grid_connected"'),
        (Distortion.WORD_CASING, ["A", 1], '["a",1]'),
        (Distortion.WORD_CASING, 7, "7"),
        (Distortion.UNKNOWN_WORDS, "ON", f'"{UNKNOWN_WORD}"'),
        (Distortion.UNKNOWN_WORDS, [], "[]"),
    ],
)
def test_values_are_falsified_as_json_tells_them(how: Distortion, of: object, expected: str) -> None:
    assert told(Distort(how), honest=one(of)) == {"K": expected}


def test_a_value_is_replaced_by_any_json() -> None:
    assert told(Distort(Distortion.REPLACED, ("SOC",), value="[1]"))["SOC"] == "[1]"


def test_measurands_are_named_as_the_profile_does_or_as_they_are_sent_in_any_casing() -> None:
    for name in ("ACTIVE_POWER", "P", "p"):
        assert "P" not in told(Distort(Distortion.MISSING, (name,)))
    assert told(Distort(Distortion.MISSING, ("VOLTAGE_L1N",))) == told()
    assert told(Distort(Distortion.MISSING)) == {}


def test_keys_are_added_and_spelt_wrong() -> None:
    assert told(Distort(Distortion.EXTRA))[UNEXPECTED_KEY] == "1"
    assert {"A", "B"} < told(Distort(Distortion.EXTRA, ("A", "B"))).keys()
    assert "heartbeat_status" in told(Distort(Distortion.WRONG_CASING, ("HEARTBEAT_STATUS",)))


def test_a_clock_that_is_fast_is_so_in_every_time() -> None:
    made = distorted(HONEST, [Distort(Distortion.CLOCK_SKEW, by_ms=5)], Memory())
    assert made.sent_at == HONEST.sent_at + 5
    assert [measured.at for measured in made.measurements[:2]] == [None, time_of(4) - SECOND + 5]


def test_sequences_jump_and_stand_still_and_never_go_below_nothing() -> None:
    assert distorted(HONEST, [Distort(Distortion.SEQUENCE_JUMP, by=1_000)], Memory()).seq == 1_004
    assert distorted(HONEST, [Distort(Distortion.SEQUENCE_JUMP, by=-1_000)], Memory()).seq == 0
    assert distorted(HONEST, [Distort(Distortion.SEQUENCE_STUCK)], remembering(1, 2)).seq == 2
    assert distorted(HONEST, [Distort(Distortion.SEQUENCE_STUCK)], Memory()) is HONEST


def test_a_bad_quality_changes_nothing_else() -> None:
    made = distorted(HONEST, [Distort(Distortion.BAD_QUALITY)], Memory())
    assert {measured.quality for measured in made.measurements} == {Quality.BAD}
    assert [measured.value for measured in made.measurements] == [measured.value for measured in HONEST.measurements]
