"""The named modes of OSCP: every failure the product's testing requirements ask for, as data."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.effects import (
    Accept,
    AnyEffect,
    Delay,
    Duplicate,
    Effect,
    How,
    Ignore,
    Malform,
    Mismatch,
    Mismatched,
    Outage,
    Provoke,
    Reject,
    Reorder,
    Spread,
    Unavailable,
    Withhold,
)
from depot_sim.domain.interaction.family import Family, Mode
from depot_sim.domain.interaction.matching import Check, Condition
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.override_events import Match

HANDSHAKE, ACKNOWLEDGE, HEARTBEAT = "Handshake", "HandshakeAcknowledge", "Heartbeat"
FORECAST, ADJUSTMENT = "UpdateGroupCapacityForecast", "AdjustGroupCapacityForecast"
COMPLIANCE_ERROR = "GroupCapacityComplianceError"
MEASUREMENTS = ("UpdateGroupMeasurements", "UpdateAssetMeasurements")
SEND_HANDSHAKE = "send-handshake"

_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000
_SECOND_SEGMENT = (Condition(Check.EQUALS, msgspec.Raw(b'"2"'), header="X-Segment-Index"),)
_BLOCKS = "/forecasted_blocks"


def _when_received(name: str, sentence: str, effect: AnyEffect, *types: str, times: int | None = None) -> Mode:
    return Mode(name, sentence, Match(Direction.INBOUND, types), effect, times)


def _when_sent(name: str, sentence: str, effect: AnyEffect, *types: str, times: int | None = None) -> Mode:
    return Mode(name, sentence, Match(Direction.OUTBOUND, types), effect, times)


def _forecast(name: str, sentence: str, how: How, pointer: str = "", value: str = "", by_ms: int = 0) -> Mode:
    return _when_sent(name, sentence, Malform(how, pointer, value, by_ms), FORECAST)


_HANDSHAKES = (
    _when_received(
        "reject_handshake_with_403", "A handshake is answered 403 and not acknowledged.", Reject(403), HANDSHAKE
    ),
    _when_received(
        "ignore_handshake",
        "A handshake gets no answer and no acknowledgement, until the partner gives up.",
        Ignore(),
        HANDSHAKE,
    ),
    _when_received(
        "lose_handshake_answer",
        "A handshake is taken and acknowledged, but its 204 never arrives.",
        Ignore(processed=True),
        HANDSHAKE,
    ),
    _when_received("delay_handshake_answer", "A handshake is answered after 15 s.", Delay(fixed_ms=15_000), HANDSHAKE),
    _when_received(
        "handshake_lifecycle_mismatch",
        "A handshake is answered 403 as if the session were not offline.",
        Mismatch(Mismatched.LIFECYCLE),
        HANDSHAKE,
    ),
    _when_received(
        "accept_handshake_in_any_state",
        "A handshake is accepted even where the lifecycle forbids it.",
        Accept(),
        HANDSHAKE,
    ),
    _when_received(
        "simultaneous_handshakes",
        "A handshake of the partner crosses one of the simulator's own.",
        Provoke(SEND_HANDSHAKE),
        HANDSHAKE,
        times=1,
    ),
    _when_sent("withhold_handshake", "The simulator's own handshake is not sent.", Withhold(), HANDSHAKE),
    _when_sent(
        "withhold_handshake_acknowledge", "An accepted handshake is never acknowledged.", Withhold(), ACKNOWLEDGE
    ),
    _when_sent(
        "late_acknowledge",
        "A handshake is acknowledged 35 s late, after the usual timeout of 30 s.",
        Delay(fixed_ms=35_000),
        ACKNOWLEDGE,
    ),
    _when_sent("duplicate_acknowledge", "A handshake is acknowledged twice.", Duplicate(), ACKNOWLEDGE),
    _when_sent(
        "acknowledge_with_wrong_correlation",
        "A handshake is acknowledged with an X-Correlation-ID nobody knows.",
        Mismatch(Mismatched.CORRELATION),
        ACKNOWLEDGE,
    ),
    _when_received(
        "reject_acknowledge_with_403", "The partner's acknowledgement is answered 403.", Reject(403), ACKNOWLEDGE
    ),
    _when_received(
        "ignore_acknowledge", "The partner's acknowledgement gets no answer and is not taken.", Ignore(), ACKNOWLEDGE
    ),
    _when_received(
        "lose_acknowledge_answer",
        "The partner's acknowledgement is taken, but its 204 never arrives.",
        Ignore(processed=True),
        ACKNOWLEDGE,
    ),
    _when_received(
        "acknowledge_lifecycle_mismatch",
        "The partner's acknowledgement is answered 403 as if no handshake were open.",
        Mismatch(Mismatched.LIFECYCLE),
        ACKNOWLEDGE,
    ),
)

_HEARTBEATS = (
    _when_sent(
        "stop_heartbeats",
        "No heartbeats are sent, so that the partner finds the simulator offline.",
        Withhold(),
        HEARTBEAT,
    ),
    _when_sent("late_heartbeats", "Heartbeats are sent 20 s late.", Delay(fixed_ms=20_000), HEARTBEAT),
    _when_sent("duplicate_heartbeats", "Every heartbeat is sent twice.", Duplicate(), HEARTBEAT),
    _when_sent(
        "heartbeat_in_the_past",
        "Heartbeats carry an offline_mode_at an hour too early, in the past.",
        Malform(How.SHIFTED_TIMESTAMPS, "/offline_mode_at", by_ms=-_HOUR_MS),
        HEARTBEAT,
    ),
    _when_received("reject_heartbeat_with_403", "The partner's heartbeats are answered 403.", Reject(403), HEARTBEAT),
    _when_received(
        "heartbeat_lifecycle_mismatch",
        "The partner's heartbeats are answered 403 as if the session were not online.",
        Mismatch(Mismatched.LIFECYCLE),
        HEARTBEAT,
    ),
    _when_received(
        "ignore_heartbeats", "The partner's heartbeats get no answer and do not count.", Ignore(), HEARTBEAT
    ),
    _when_received(
        "lose_heartbeat_answers",
        "The partner's heartbeats count, but the 204 never arrives.",
        Ignore(processed=True),
        HEARTBEAT,
    ),
    _when_received(
        "accept_heartbeat_in_any_state",
        "The partner's heartbeats are accepted even where the lifecycle forbids it.",
        Accept(),
        HEARTBEAT,
    ),
)

_NETWORK = (
    Mode("network_outage", "Nothing gets through in either direction.", Match(), Outage()),
    _when_received("inbound_outage", "Nothing of the partner's gets through to the simulator.", Outage()),
    _when_sent("outbound_outage", "Nothing of the simulator's gets through to the partner.", Outage()),
    _when_received("unavailable_503", "Every message is answered 503.", Unavailable()),
    _when_received(
        "burst_of_503", "The next three messages are answered 503, to come back in 1 s.", Unavailable(1), times=3
    ),
    _when_received("unauthorized_401", "Every message is answered 401, as after a token was changed.", Reject(401)),
    _when_received(
        "slow_answers",
        "Answers take as long as on a bad day: half of them 0.8 s, one in twenty more than 4 s.",
        Delay(lognormal=Spread(800, 4_000)),
    ),
    _when_received(
        "stale_world_503",
        "Measurements are answered 503, as if the simulated world were too old to judge them.",
        Unavailable(),
        *MEASUREMENTS,
    ),
)

_FORECASTS = (
    _when_sent("withhold_forecasts", "No forecast is sent.", Withhold(), FORECAST),
    _when_sent("late_forecasts", "Forecasts are sent 2 min late.", Delay(fixed_ms=2 * _MINUTE_MS), FORECAST),
    _when_sent("duplicate_forecasts", "Every forecast is sent twice.", Duplicate(), FORECAST),
    _when_sent("reorder_forecasts", "A forecast is sent behind the next message.", Reorder(), FORECAST),
    _when_sent("forecast_for_wrong_group", "Forecasts name another group.", Mismatch(Mismatched.GROUP), FORECAST),
    _forecast("malformed_forecast", "Forecasts are no JSON.", How.NOT_JSON),
    _forecast("forecast_truncated", "Forecasts break off in the middle.", How.TRUNCATED),
    _forecast("forecast_without_group", "Forecasts name no group.", How.REMOVED, "/group_id"),
    _forecast("forecast_of_unknown_type", "Forecasts are of a type nobody knows.", How.REPLACED, "/type", '"UNKNOWN"'),
    _forecast("forecast_without_blocks", "Forecasts have an empty list of blocks.", How.REPLACED, _BLOCKS, "[]"),
    _forecast("forecast_with_text_capacity", "Capacities are texts.", How.RETYPED, f"{_BLOCKS}/*/capacity"),
    _forecast("forecast_with_nan_capacity", "Capacities are NaN.", How.NAN, f"{_BLOCKS}/*/capacity"),
    _forecast("forecast_with_zero_capacity", "All capacity is 0.", How.REPLACED, f"{_BLOCKS}/*/capacity", "0"),
    _forecast("forecast_with_negative_capacity", "All capacity is -1.", How.REPLACED, f"{_BLOCKS}/*/capacity", "-1"),
    _forecast(
        "forecast_with_gaps",
        "Every block begins 5 min late, so that nothing covers the time before.",
        How.SHIFTED_TIMESTAMPS,
        f"{_BLOCKS}/*/start_time",
        by_ms=5 * _MINUTE_MS,
    ),
    _forecast(
        "forecast_with_overlaps",
        "Every block ends 5 min late, within the next one.",
        How.SHIFTED_TIMESTAMPS,
        f"{_BLOCKS}/*/end_time",
        by_ms=5 * _MINUTE_MS,
    ),
    _forecast("forecast_unsorted", "The blocks come in reverse.", How.REVERSED, _BLOCKS),
    _forecast("forecast_in_the_past", "All blocks lie a week back.", How.SHIFTED_TIMESTAMPS, by_ms=-168 * _HOUR_MS),
    _forecast(
        "forecast_ending_before_it_starts",
        "Every block ends a week before it was to end.",
        How.SHIFTED_TIMESTAMPS,
        f"{_BLOCKS}/*/end_time",
        by_ms=-168 * _HOUR_MS,
    ),
)

_WIRE = (
    _when_sent("naive_timestamps", "Times are sent without an offset.", Malform(How.NAIVE_TIMESTAMPS)),
    _when_sent("microsecond_timestamps", "Times are sent with six digits.", Malform(How.MICROSECOND_TIMESTAMPS)),
    _when_sent("unknown_fields", "A field nobody knows is sent with every message.", Malform(How.ADDED)),
    _when_sent("empty_bodies", "Messages are sent without their body.", Malform(How.EMPTY)),
    Mode(
        "missing_segment",
        "The second segment of a split message is not sent.",
        Match(Direction.OUTBOUND, where=_SECOND_SEGMENT),
        Withhold(),
    ),
)

_PUBLICATIONS = (
    _when_received("reject_measurements_with_422", "Measurements are answered 422.", Reject(422), *MEASUREMENTS),
    _when_received("reject_measurements_with_403", "Measurements are answered 403.", Reject(403), *MEASUREMENTS),
    _when_received("ignore_measurements", "Measurements get no answer and do not count.", Ignore(), *MEASUREMENTS),
    _when_received(
        "measurement_group_mismatch",
        "Measurements are answered 403 as if they were for another group.",
        Mismatch(Mismatched.GROUP),
        *MEASUREMENTS,
    ),
    _when_received("reject_adjustment_with_403", "Adjustment requests are answered 403.", Reject(403), ADJUSTMENT),
    _when_received("reject_adjustment_with_422", "Adjustment requests are answered 422.", Reject(422), ADJUSTMENT),
    _when_received("ignore_adjustment", "Adjustment requests get no answer and do not count.", Ignore(), ADJUSTMENT),
    _when_received(
        "reject_compliance_error_with_403", "Compliance errors are answered 403.", Reject(403), COMPLIANCE_ERROR
    ),
    _when_received(
        "compliance_correlation_mismatch",
        "Compliance errors are answered 403 as if their forecast were unknown.",
        Mismatch(Mismatched.CORRELATION),
        COMPLIANCE_ERROR,
    ),
    _when_received(
        "ignore_compliance_errors", "Compliance errors get no answer and do not count.", Ignore(), COMPLIANCE_ERROR
    ),
)

_EFFECTS: tuple[type[Effect], ...] = (
    *(Accept, Reject, Ignore, Unavailable, Mismatch, Withhold, Outage, Delay, Malform, Duplicate, Reorder, Provoke),
)

OSCP = Family(
    "oscp",
    target_kind="oscp-session",
    message_types=(
        *("Register", HANDSHAKE, ACKNOWLEDGE, HEARTBEAT, FORECAST, ADJUSTMENT, COMPLIANCE_ERROR),
        *MEASUREMENTS,
    ),
    modes={mode.name: mode for mode in (*_HANDSHAKES, *_HEARTBEATS, *_NETWORK, *_FORECASTS, *_WIRE, *_PUBLICATIONS)},
    effects={effect: effect.DIRECTIONS for effect in _EFFECTS},
    commands=(SEND_HANDSHAKE, "send-heartbeat", "disconnect"),
)
