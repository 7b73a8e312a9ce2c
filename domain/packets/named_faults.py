"""The named modes of packet feeds: what goes wrong with meters, controllers and their gateways in the field."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.effects import (
    OUTBOUND,
    AnyEffect,
    Delay,
    Distort,
    Distortion,
    Duplicate,
    Effect,
    How,
    Malform,
    Outage,
    Range,
    Reorder,
    Spread,
    Withhold,
)
from depot_sim.domain.interaction.family import Family, Mode
from depot_sim.domain.interaction.matching import Check, Condition
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.override_events import Match

BIRTH, TELEMETRY, HEARTBEAT, EVENT, DEATH, ANSWER = "Birth", "Telemetry", "Heartbeat", "Event", "Death", "Answer"
VALUES = (TELEMETRY, HEARTBEAT, EVENT)
"""Packets that carry measured values; a birth declares the keys."""

_SECOND_MS = 1_000
_MINUTE_MS = 60_000
_CAPACITY = ("AVAILABLE_CHARGING_CAPACITY",)
_HEARTBEATS = ("HEARTBEAT_STATUS", "HEARTBEAT_COUNTER")
_SOC = ("SOC",)
_CONTROLLERS = (Condition(Check.EQUALS, msgspec.Raw(b'"MICROGRID_CONTROLLER"'), header=":device-type"),)


def _packets(name: str, sentence: str, effect: AnyEffect, *types: str, one_in: int | None = None) -> Mode:
    return Mode(name, sentence, Match(Direction.OUTBOUND, types, one_in=one_in), effect)


def _values(name: str, sentence: str, how: Distortion, keys: tuple[str, ...] = (), value: str = "") -> Mode:
    return _packets(name, sentence, Distort(how, keys, value=value), *VALUES)


_LOSSES = (
    _packets("drop_packets", "No packet is sent.", Withhold()),
    _packets("drop_telemetry", "No telemetry is sent; what changes is still told in events.", Withhold(), TELEMETRY),
    _packets("drop_events", "No event is sent; changes show in the next telemetry only.", Withhold(), EVENT),
    _packets("drop_heartbeats", "No heartbeat packet is sent.", Withhold(), HEARTBEAT),
    _packets("drop_births", "Devices begin to send without having declared their keys.", Withhold(), BIRTH),
    _packets("silent_death", "A device that goes says nothing: its death is not sent.", Withhold(), DEATH),
    Mode(
        "silent_controller",
        "Microgrid controllers send nothing at all, while every other device goes on.",
        Match(Direction.OUTBOUND, where=_CONTROLLERS),
        Withhold(),
    ),
    _packets("lossy_network", "One packet in twenty is lost, drawn by the run's seed.", Withhold(), one_in=20),
)

_DELIVERY = (
    _packets("duplicate_packets", "Every packet is sent twice, the same to the byte.", Duplicate()),
    _packets("occasional_duplicates", "One packet in fifty is sent twice.", Duplicate(), one_in=50),
    _packets("reorder_packets", "One packet in two is sent behind the device's next one.", Reorder(), one_in=2),
    _packets("delay_packets", "Every packet is sent 5 s late.", Delay(fixed_ms=5 * _SECOND_MS)),
    _packets(
        "delay_packets_uniform",
        "Every packet is sent late, by anything from nothing to 10 s.",
        Delay(uniform=Range(0, 10 * _SECOND_MS)),
    ),
    _packets(
        "delay_packets_lognormal",
        "Packets are as late as on a bad day: half of them 0.8 s, one in twenty more than 4 s.",
        Delay(lognormal=Spread(800, 4 * _SECOND_MS)),
    ),
    _packets("network_outage", "Nothing gets through until the override ends; packets wait.", Outage()),
    Mode(
        "burst_after_offline",
        "Nothing gets through for 10 min; then everything that waited arrives at once.",
        Match(Direction.OUTBOUND),
        Outage(),
        lasts_ms=10 * _MINUTE_MS,
    ),
)

_FALSE_VALUES = (
    _values("stale_values", "Values stand still, and the times they were measured with them.", Distortion.STALE),
    _values("frozen_values", "Values stand still, but are told as if measured anew.", Distortion.FROZEN),
    _values("frozen_soc", "SOC stands still while every other value goes on.", Distortion.FROZEN, _SOC),
    _values(
        "frozen_capacity", "AVAILABLE_CHARGING_CAPACITY stands still at its last value.", Distortion.FROZEN, _CAPACITY
    ),
    _values("frozen_heartbeat", "Heartbeat status and counter stand still.", Distortion.FROZEN, _HEARTBEATS),
    _values("soc_always_full", "SOC is 100, whatever the battery holds.", Distortion.REPLACED, _SOC, "100"),
    _values(
        "negative_capacity",
        "AVAILABLE_CHARGING_CAPACITY is -1, which it cannot be.",
        Distortion.REPLACED,
        _CAPACITY,
        "-1",
    ),
    _values("wrong_unit", "Numbers are in another unit than they say: W for kW, 0.5 for 50 %.", Distortion.WRONG_UNIT),
    _values("other_unit", "Numbers are in an unexpected unit, and say so: W in place of kW.", Distortion.OTHER_UNIT),
    _values("quantised_values", "Numbers are whole: fractions are rounded away.", Distortion.QUANTISED),
    _values("null_values", "Every value is null.", Distortion.NULL),
    _values("null_soc", "SOC is null while every other value is there.", Distortion.NULL, _SOC),
    _values("string_numbers", "Numbers are sent as texts.", Distortion.TEXT),
    _values("wrong_word_casing", "Words are in the wrong case: grid_connected.", Distortion.WORD_CASING),
    _values("unknown_words", "Words are ones that nobody knows.", Distortion.UNKNOWN_WORDS),
    _values("bad_quality", "Values are marked as bad; they are right all the same.", Distortion.BAD_QUALITY),
)

_FALSE_KEYS = (
    _packets("wrong_casing", "Keys are in the wrong case: soc for SOC.", Distort(Distortion.WRONG_CASING)),
    _values("missing_key", "Packets leave AVAILABLE_CHARGING_CAPACITY out.", Distortion.MISSING, _CAPACITY),
    _values(
        "missing_heartbeat_status",
        "Packets leave heartbeat status and counter out, so that capacity comes without them.",
        Distortion.MISSING,
        _HEARTBEATS,
    ),
    _values("empty_packets", "Packets come without any measurement.", Distortion.MISSING),
    _values("extra_key", "Packets carry a key that nobody has declared.", Distortion.EXTRA),
)

_FALSE_ENVELOPES = (
    _packets("clock_skew", "Devices' clocks are 5 min fast.", Distort(Distortion.CLOCK_SKEW, by_ms=5 * _MINUTE_MS)),
    _packets(
        "clock_skew_slow", "Devices' clocks are 5 min slow.", Distort(Distortion.CLOCK_SKEW, by_ms=-5 * _MINUTE_MS)
    ),
    _packets("wrong_sequence", "Sequence numbers are 1,000 too high.", Distort(Distortion.SEQUENCE_JUMP, by=1_000)),
    _packets("repeated_sequence", "Sequence numbers stand still.", Distort(Distortion.SEQUENCE_STUCK)),
    _packets("naive_timestamps", "Times are sent without an offset.", Malform(How.NAIVE_TIMESTAMPS)),
    _packets("unknown_field", "The envelope has a field nobody knows.", Malform(How.ADDED)),
    _packets("corrupt_json", "One byte in the middle of a packet is broken.", Malform(How.CORRUPTED)),
    _packets("truncated_json", "Packets break off in the middle.", Malform(How.TRUNCATED)),
    _packets("not_json", "Packets are no JSON: their end is garbled.", Malform(How.NOT_JSON)),
    _packets("empty_body", "Packets are sent without their body.", Malform(How.EMPTY)),
    _packets("deep_json", "Packets are 10,000 brackets within each other.", Malform(How.DEEP)),
)

_EFFECTS: tuple[type[Effect], ...] = (Withhold, Outage, Delay, Distort, Malform, Duplicate, Reorder)

PACKETS = Family(
    "packets",
    target_kind="packet-feed",
    message_types=(BIRTH, *VALUES, DEATH, ANSWER),
    modes={mode.name: mode for mode in (*_LOSSES, *_DELIVERY, *_FALSE_VALUES, *_FALSE_KEYS, *_FALSE_ENVELOPES)},
    effects=dict.fromkeys(_EFFECTS, OUTBOUND),
    one_way={ANSWER: Direction.INBOUND} | dict.fromkeys((BIRTH, *VALUES, DEATH), Direction.OUTBOUND),
    request_ids=False,
    fine=("accepted", "sent"),
    pseudo_headers=(":device", ":device-type", ":scope", ":seq", ":status", ":attempt", ":packet-type"),
)
