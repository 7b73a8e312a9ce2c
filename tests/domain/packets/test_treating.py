"""What overrides make of packets: nothing when there are none, the same every time, and what their modes say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.effects import (
    AnyEffect,
    Delay,
    Distort,
    Distortion,
    Duplicate,
    How,
    Malform,
    Outage,
    Range,
    Reorder,
    Withhold,
)
from depot_sim.domain.interaction.override_events import Match
from depot_sim.domain.interaction.treatment import UNTREATED, Marks
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.events import encode as encode_event
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.packets.observed import packet_exchange
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.treating import Treated, outage_over
from depot_sim.domain.packets.vocabulary import PacketType
from tests.domain.packets.fleet import (
    DAY,
    DEVICES,
    FEED,
    LIFE,
    PROFILES,
    SECOND,
    START,
    Sender,
    contract_fault,
    encode,
    packet,
    time_of,
)

BEFORE, UNDER = range(2), range(2, len(LIFE))
"""Rounds before an override is applied, and those under it."""
CONTROLLER = "controller-1"


def treated_by(mode: str, encode: Callable[[Packet], bytes] = encode) -> list[tuple[Packet, Treated]]:
    """What is sent under a mode, by devices that have sent before."""
    sender = Sender(encode)
    list(sender.live(BEFORE))
    sender.apply_mode(mode)
    return list(sender.live(UNDER))


def differences(honest: Packet, treated: Treated) -> set[str]:
    """In what a packet differs from the honest one, by name."""
    ways = {
        "withheld": treated.withheld,
        "unreachable": treated.unreachable,
        "late": treated.delay_ms > 0,
        "copied": treated.copies > 0,
        "reordered": treated.reorder is not None,
        "broken": treated.body != encode(treated.packet),
        "seq": treated.packet.seq != honest.seq,
        "clock": treated.packet.sent_at != honest.sent_at,
    }
    return {name for name, differs in ways.items() if differs} | _measurement_differences(honest, treated.packet)


def _measurement_differences(honest: Packet, told: Packet) -> set[str]:
    if [one.key for one in told.measurements] != [one.key for one in honest.measurements]:
        return {"keys"}
    pairs = list(zip(honest.measurements, told.measurements, strict=True))
    return {field for field in ("value", "unit", "quality", "at") if any(_differ(*pair, field) for pair in pairs)}


def _differ(one: Any, other: Any, field: str) -> bool:
    return bool(getattr(one, field) != getattr(other, field))


ALL = frozenset(LIFE)
VALUES = frozenset({PacketType.TELEMETRY, PacketType.HEARTBEAT, PacketType.EVENT})

EXPECTED: dict[str, tuple[frozenset[PacketType], set[str]]] = {
    "drop_packets": (ALL, {"withheld"}),
    "drop_telemetry": (frozenset({PacketType.TELEMETRY}), {"withheld"}),
    "drop_events": (frozenset({PacketType.EVENT}), {"withheld"}),
    "drop_heartbeats": (frozenset({PacketType.HEARTBEAT}), {"withheld"}),
    "silent_death": (frozenset({PacketType.DEATH}), {"withheld"}),
    "duplicate_packets": (ALL, {"copied"}),
    "delay_packets": (ALL, {"late"}),
    "delay_packets_uniform": (ALL, {"late"}),
    "delay_packets_lognormal": (ALL, {"late"}),
    "stale_values": (VALUES, {"value", "at"}),
    "frozen_values": (VALUES, {"value"}),
    "frozen_soc": (VALUES, {"value"}),
    "frozen_capacity": (VALUES, {"value"}),
    "frozen_heartbeat": (VALUES, {"value"}),
    "soc_always_full": (VALUES, {"value"}),
    "negative_capacity": (VALUES, {"value"}),
    "wrong_unit": (VALUES, {"value"}),
    "other_unit": (VALUES, {"value", "unit"}),
    "quantised_values": (VALUES, {"value"}),
    "null_values": (VALUES, {"value"}),
    "null_soc": (VALUES, {"value"}),
    "string_numbers": (VALUES, {"value"}),
    "wrong_word_casing": (VALUES, {"value"}),
    "unknown_words": (VALUES, {"value"}),
    "bad_quality": (VALUES, {"quality"}),
    "wrong_casing": (VALUES, {"keys"}),
    "missing_key": (VALUES, {"keys"}),
    "missing_heartbeat_status": (VALUES, {"keys"}),
    "empty_packets": (VALUES, {"keys"}),
    "extra_key": (VALUES, {"keys"}),
    "clock_skew": (ALL, {"clock", "at"}),
    "clock_skew_slow": (ALL, {"clock", "at"}),
    "wrong_sequence": (ALL, {"seq"}),
    "repeated_sequence": (ALL, {"seq"}),
    "naive_timestamps": (ALL, {"broken"}),
    "unknown_field": (ALL, {"broken"}),
    "corrupt_json": (ALL, {"broken"}),
    "truncated_json": (ALL, {"broken"}),
    "not_json": (ALL, {"broken"}),
    "empty_body": (ALL, {"broken"}),
    "deep_json": (ALL, {"broken"}),
}
"""Which packets of a device's later life a mode touches, and in what."""
ELSEWHERE = {
    *("drop_births", "silent_controller", "lossy_network", "occasional_duplicates", "reorder_packets"),
    *("network_outage", "burst_after_offline"),
}
"""Modes that concern a birth, a kind of device, packets by chance, or the network: they have tests of their own."""


def test_every_mode_is_expected_to_make_a_difference() -> None:
    assert set(EXPECTED) | ELSEWHERE == set(PACKETS.modes)


@pytest.mark.parametrize("mode", EXPECTED)
def test_a_mode_makes_its_difference_and_no_other(mode: str) -> None:
    types, differing = EXPECTED[mode]
    found = set()
    for honest, treated in treated_by(mode):
        differs = differences(honest, treated)
        found |= differs
        assert bool(differs) == (honest.type in types), (honest.type, differs)
        assert bool(treated.marks.changed) == bool(differs)
    assert found == differing


def test_a_falsified_packet_tells_the_truth_beside_and_every_other_tells_nothing_beside() -> None:
    for mode in ("soc_always_full", "missing_key", "frozen_soc", "wrong_casing", "clock_skew", "extra_key"):
        for honest, treated in treated_by(mode):
            told = {one.key: one for one in treated.packet.measurements}
            untold = [one for one in honest.measurements if told.get(one.key) != one]
            assert [msgspec.structs.replace(one, at=one.at or honest.sent_at) for one in untold] == list(treated.truth)


def test_a_frozen_value_that_has_not_moved_is_not_falsified() -> None:
    sender = Sender()
    steady = [packet(CONTROLLER, 1, PacketType.TELEMETRY), packet(CONTROLLER, 2, PacketType.TELEMETRY)]
    steady[1] = msgspec.structs.replace(steady[1], measurements=steady[0].measurements)
    sender.send(steady[0])
    sender.apply_mode("frozen_values")
    treated = sender.send(steady[1])
    assert (treated.packet, treated.marks) == (steady[1], Marks(matched=tuple(sender.overrides.active)))


@pytest.mark.parametrize(
    ("mode", "fault"),
    [
        ("corrupt_json", "malformed|utf-8|invalid"),
        ("truncated_json", "truncated"),
        ("not_json", "malformed"),
        ("empty_body", "truncated"),
        ("deep_json", "recursion|Expected `object`"),
        ("unknown_field", "unknown field `unexpected_field`"),
        ("naive_timestamps", "RFC3339|datetime|timezone"),
    ],
)
def test_a_mode_that_spoils_the_body_breaks_the_contract(mode: str, fault: str) -> None:
    for _, treated in treated_by(mode):
        assert _matches(fault, contract_fault(treated.body)), contract_fault(treated.body)


@pytest.mark.parametrize("mode", sorted(name for name, (_, ways) in EXPECTED.items() if "broken" not in ways))
def test_every_other_mode_keeps_the_contract_so_that_only_the_meaning_is_wrong(mode: str) -> None:
    assert {contract_fault(treated.body) for _, treated in treated_by(mode)} == {""}


SILENT = {
    "default/1": frozenset[str](),
    "senml/1": {"bad_quality", "naive_timestamps"},
    "flat/1": {"bad_quality", "naive_timestamps", "wrong_sequence", "repeated_sequence"},
}
"""Modes that cannot show in the packets of a profile: it says nothing of what they falsify."""
NOT_IN_THE_BODY = {"withheld", "copied", "late"}


@pytest.mark.parametrize(("profile", "silent"), SILENT.items())
def test_every_mode_shows_in_the_bytes_of_every_profile_that_tells_what_it_falsifies(
    profile: str, silent: set[str]
) -> None:
    encode = PROFILES.load(profile).encode
    unseen = set()
    for mode, (types, ways) in EXPECTED.items():
        for honest, treated in treated_by(mode, encode):
            shows = treated.body != encode(honest)
            if ways <= NOT_IN_THE_BODY or honest.type not in types:
                assert not shows
            elif not shows:
                unseen.add(mode)
    assert unseen == silent


def _matches(pattern: str, text: str) -> bool:
    return any(part.casefold() in text.casefold() for part in pattern.split("|")) and bool(text)


def test_births_are_dropped() -> None:
    sender = Sender()
    sender.apply_mode("drop_births")
    assert [treated.withheld for _, treated in sender.live(range(2))] == [True, True, False, False]


def test_a_silent_controller_leaves_the_others_alone() -> None:
    for honest, treated in treated_by("silent_controller"):
        assert treated.withheld == (honest.device_id == CONTROLLER)


@pytest.mark.parametrize(
    ("mode", "one_in"), [("lossy_network", 20), ("occasional_duplicates", 50), ("reorder_packets", 2)]
)
def test_a_mode_of_chance_touches_about_the_share_it_says_and_the_same_packets_again(mode: str, one_in: int) -> None:
    packets = [packet(CONTROLLER, turn, PacketType.TELEMETRY) for turn in range(2_000)]

    def touched(seed: int) -> list[int]:
        sender = Sender()
        sender.apply_mode(mode, seed)
        return [honest.seq for honest in packets if differences(honest, sender.send(honest))]

    assert 0.6 < len(touched(7)) / (len(packets) / one_in) < 1.4
    assert touched(7) == touched(7) != touched(8)


def test_without_overrides_the_bytes_are_the_very_same_and_nothing_is_encoded_again() -> None:
    sender = Sender()
    for honest, treated in sender.live(range(len(LIFE))):
        assert treated == Treated(honest, encode(honest))
        assert treated.packet is honest
    assert UNTREATED.hits == ()


EFFECTS: st.SearchStrategy[AnyEffect] = st.one_of(
    st.builds(
        Distort,
        st.sampled_from(sorted(Distortion)),
        st.lists(st.sampled_from(["SOC", "ACTIVE_POWER", "P", "nothing"]), max_size=2).map(tuple),
        by_ms=st.integers(-(10**6), 10**6),
        by=st.integers(-5, 5),
        value=st.sampled_from(["0", "null", '"x"', "[]"]),
    ),
    st.builds(Malform, st.sampled_from([How.NOT_JSON, How.TRUNCATED, How.EMPTY, How.ADDED, How.CORRUPTED])),
    st.builds(Delay, uniform=st.just(Range(0, 1_000))),
    st.sampled_from([Withhold(), Outage(), Duplicate(2), Reorder(1)]),
)


@given(st.lists(EFFECTS, max_size=5), st.integers(0, 2**32))
def test_treating_is_a_function_of_what_was_sent_and_of_the_seed(effects: list[AnyEffect], seed: int) -> None:
    def sent() -> list[Treated]:
        sender = Sender()
        begun = [treated for _, treated in sender.live(BEFORE)]
        for effect in effects:
            sender.apply(effect, seed=seed)
        return begun + [treated for _, treated in sender.live(UNDER)]

    assert sent() == sent()


@given(st.lists(EFFECTS, max_size=5))
def test_a_feed_that_is_restored_in_the_middle_sends_the_same(effects: list[AnyEffect]) -> None:
    whole, first, second = Sender(), Sender(), Sender()
    for sender in (whole, first):
        list(sender.live(BEFORE))
        for effect in effects:
            sender.apply(effect)
    expected = [treated for _, treated in whole.live(UNDER)]
    begun = [treated for _, treated in first.live(range(2, 4))]
    second.memory = msgspec.json.decode(msgspec.json.encode(first.memory), type=type(first.memory))
    second.overrides.fold(decode(*encode_event(event)) for event in first.overrides.pending)

    assert begun + [treated for _, treated in second.live(range(4, len(LIFE)))] == expected


def test_an_outage_keeps_every_packet_back_that_it_matches_until_it_ends_and_counts_none_of_them() -> None:
    sender = Sender()
    on = Match(message_types=("Telemetry",))
    sender.apply(Outage(), on, time_of(3))
    telemetry, event = packet("bess-1", 1), packet("bess-1", 3)
    waiting, other = (packet_exchange(one, encode(one), FEED, START) for one in (telemetry, event))
    before = list(sender.overrides.pending)

    assert outage_over(sender.overrides, waiting, time_of(2)) in sender.overrides.active
    assert outage_over(sender.overrides, other, time_of(2)) == ""
    assert outage_over(sender.overrides, waiting, time_of(3)) == ""
    assert sender.overrides.pending == before


@pytest.mark.parametrize(("mode", "lasts_ms"), [("network_outage", DAY), ("burst_after_offline", 600 * SECOND)])
def test_an_outage_leaves_packets_as_they_are_and_lasts_as_long_as_it_says(mode: str, lasts_ms: int) -> None:
    sender = Sender()
    sender.apply_mode(mode)
    for honest, treated in sender.live(range(2)):
        assert treated == Treated(honest, encode(honest), Marks(matched=tuple(sender.overrides.active)))
        exchange = packet_exchange(honest, treated.body, FEED, honest.sent_at)
        assert outage_over(sender.overrides, exchange, START + lasts_ms - 1)
        assert not outage_over(sender.overrides, exchange, START + lasts_ms)


def test_an_outage_for_one_packet_only_is_none_of_the_network_s() -> None:
    sender = Sender()
    sender.apply(Outage(), Match(nth=2))
    exchange = packet_exchange(packet("bess-1", 1), b"", FEED, START)

    assert [treated.unreachable for _, treated in sender.live(range(2))] == [False, True, False, False]
    assert outage_over(sender.overrides, exchange, START) == ""


def test_a_device_can_be_named_by_its_headers_whatever_the_body_looks_like() -> None:
    exchange = packet_exchange(packet("bess-1", 1), b"", FEED, START, (("X-Key", "k"),))

    assert exchange.header(":device") == "bess-1"
    assert exchange.header(":device-type") == DEVICES["bess-1"].value
    assert exchange.header("x-key") == "k"
