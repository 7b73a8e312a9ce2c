"""What each rule reports when it fails: kind, place, words, and the status of both built-in profiles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

import depot_sim.domain.oscp.rules
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.lifecycle import PARTNER_MAY_SEND
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0
from depot_sim.domain.oscp.rules import Context, WindowMeters, judge
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.verdict import verdict
from depot_sim.domain.oscp.vocabulary import (
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    PublicationMode,
    Unit,
)
from depot_sim.domain.oscp.wire.messages import (
    Block,
    CapacityForecast,
    ComplianceError,
    Handshake,
    Heartbeat,
    Message,
    OfferedVersion,
    Register,
    RequiredBehaviour,
)
from tests.domain.oscp.measurements import ENERGY, MAXIMUM, asset, energy, group_report, maximum, of_assets, window
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, published, session

GROUP, ASSET = MessageType.UPDATE_GROUP_MEASUREMENTS, MessageType.UPDATE_ASSET_MEASUREMENTS
ADJUST, COMPLIANCE = MessageType.ADJUST_GROUP_CAPACITY_FORECAST, MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR
HANDSHAKE, ACKNOWLEDGE = MessageType.HANDSHAKE, MessageType.HANDSHAKE_ACKNOWLEDGE
REGISTER, HEARTBEAT = MessageType.REGISTER, MessageType.HEARTBEAT
CONSUMPTION, GENERATION = ForecastType.CONSUMPTION, ForecastType.GENERATION
END = TEN + QUARTER
T_0945, T_1000, T_1015 = (f"2026-04-02T{time}:00.000Z" for time in ("09:45", "10:00", "10:15"))
T_1030, T_1045, T_NOW = "2026-04-02T10:30:00.000Z", "2026-04-02T10:45:00.000Z", "2026-04-02T10:15:05.000Z"
METERS = Context(NOW, WindowMeters(100_000_000, 0, 600_000))
A_FORECAST = "the request id of a forecast this session published and the partner accepted"

SEMANTIC, STALE, RECORDED = (422, 400), (503, 503), (204, 204)
FORBIDDEN = (403, 403)
"""Statuses of the profiles betterfleet-vector and oca-2.0."""


class Failure(NamedTuple):
    """A message that breaks one rule, what the rule reports of it, and the statuses it is answered with."""

    expected: Finding
    statuses: tuple[int, int]
    state: SessionState
    type: MessageType
    message: Message | None
    correlation_id: str = ""
    context: Context = METERS


def finding(rule: str, kind: Kind, pointer: str, found: str, expected: str) -> Finding:
    return Finding(rule, kind, found, expected, pointer)


def semantic(rule: str, pointer: str, found: str, expected: str) -> tuple[Finding, tuple[int, int]]:
    return finding(rule, Kind.SEMANTICS, pointer, found, expected), SEMANTIC


def uncorrelated(rule: str, pointer: str, found: str, expected: str) -> tuple[Finding, tuple[int, int]]:
    return finding(rule, Kind.CORRELATION, pointer, found, expected), FORBIDDEN


def recorded(rule: str, pointer: str, found: str, expected: str) -> tuple[Finding, tuple[int, int]]:
    return finding(rule, Kind.NUMBERS, pointer, found, expected), RECORDED


def refused(rule: str, kind: Kind, pointer: str, found: str, expected: str) -> tuple[Finding, tuple[int, int]]:
    return finding(rule, kind, pointer, found, expected), FORBIDDEN


def stale(rule: str, found: str, expected: str) -> tuple[Finding, tuple[int, int]]:
    return finding(rule, Kind.STALE, "", found, expected), STALE


def ended() -> SessionState:
    state = session()
    state.detached = True
    return state


def awaiting(handshake_id: str) -> SessionState:
    state = session(Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE)
    state.handshake_id = handshake_id
    return state


def continuous(last: int | None = None) -> SessionState:
    return measured_to(last, session(measurement_configuration=MeasurementConfiguration.CONTINUOUS))


def measured_to(last: int | None, state: SessionState | None = None) -> SessionState:
    state = state or session()
    if last is not None:
        state.last_window_end[GROUP.value] = last
    return state


def forecasting() -> SessionState:
    return published(session(), "f1", Block(TEN, TEN + 4 * QUARTER, 400_000))


def told(at: int) -> SessionState:
    state = forecasting()
    state.answered["f1"] = at
    return state


def by_asset(asset_id: str = "") -> SessionState:
    return session(measurement_publication_mode=PublicationMode.ASSET, asset_id=asset_id)


def ask(*blocks: Block, type: ForecastType = CONSUMPTION) -> CapacityForecast:
    return CapacityForecast("group-1", type, blocks or (Block(NOW, NOW + QUARTER, 1),))


def registering(token: str = "a-token", version: str = "2.0", url: str = "http://fp.example/") -> Register:
    return Register(token, (OfferedVersion(version, url),))


HELLO = Handshake(RequiredBehaviour(5_000))
CONTINUOUSLY = Handshake(RequiredBehaviour(5_000, (MeasurementConfiguration.CONTINUOUS,)))
READING = energy(initial_measure_time=None)
OFFLINE = Lifecycle.OFFLINE
CONFIGURATION = "/required_behaviour/measurement_configuration"
PUBLIC_URL = "an http or https URL without user name, password and query, or a path on the host known before"

FAILURES = [
    Failure(
        *refused("session.ended", Kind.SESSION, "", "a session that has ended", "an active session"),
        ended(), HEARTBEAT, None,
    ),
    Failure(
        *refused("handshake.not-offline", Kind.LIFECYCLE, "", "the session online", "offline"),
        session(), HANDSHAKE, HELLO,
    ),
    Failure(
        *refused(
            "acknowledge.not-awaited", Kind.LIFECYCLE, "", "the session online", "awaiting_handshake_acknowledge"
        ),
        session(), ACKNOWLEDGE, None,
    ),
    Failure(
        *refused("session.not-online", Kind.LIFECYCLE, "", "the session offline", "degraded or online"),
        session(OFFLINE), HEARTBEAT, None,
    ),
    Failure(
        *semantic("heartbeat.in-the-past", "/offline_mode_at", T_NOW, f"an instant after {T_NOW}"),
        session(), HEARTBEAT, Heartbeat(NOW),
    ),
    Failure(
        *uncorrelated("acknowledge.other-handshake", "", '"h-0"', '"h-1"'),
        awaiting("h-1"), ACKNOWLEDGE, None, "h-0",
    ),
    Failure(
        *uncorrelated("acknowledge.correlation-missing", "", "no X-Correlation-ID", '"h-1"'),
        awaiting("h-1"), ACKNOWLEDGE, None,
    ),
    Failure(
        *semantic("handshake.measurement-configuration", CONFIGURATION, "CONTINUOUS", "INTERMITTENT"),
        session(OFFLINE), HANDSHAKE, CONTINUOUSLY,
    ),
    Failure(
        finding("register.version", Kind.VERSION, "/version_url", '"1.0"', "2.0"), (501, 501),
        session(), REGISTER, registering(version="1.0"),
    ),
    Failure(
        *semantic("register.base-url", "/version_url", '"ftp://fp.example/"', PUBLIC_URL),
        session(), REGISTER, registering(url="ftp://fp.example/"),
    ),
    Failure(
        *semantic("register.token", "/token", "a text of 5 characters", "1 to 1000 visible ASCII characters"),
        session(), REGISTER, registering("a b c"),
    ),
    Failure(
        *refused(
            "binding.publication-mode", Kind.BINDING, "", "UpdateAssetMeasurements", "UpdateGroupMeasurements"
        ),
        session(), ASSET, None,
    ),
    Failure(
        *refused("binding.group", Kind.BINDING, "/group_id", '"group-2"', '"group-1"'),
        session(), GROUP, group_report(group_id="group-2"),
    ),
    Failure(
        *refused("binding.asset", Kind.BINDING, "/measurements/1/asset_id", '"tent"', '"depot"'),
        by_asset("depot"), ASSET, of_assets(asset(ENERGY, MAXIMUM), asset(ENERGY, MAXIMUM, id="tent")),
    ),
    Failure(
        *semantic(
            "measurement.initial-time-missing", "/measurements/0/initial_measure_time", "nothing",
            "the begin of the window, as for INTERMITTENT",
        ),
        session(), GROUP, group_report(READING),
    ),
    Failure(
        *semantic(
            "measurement.initial-time-given", "/measurements/0/initial_measure_time", T_1000,
            "nothing, as for CONTINUOUS",
        ),
        continuous(), GROUP, group_report(ENERGY),
    ),
    Failure(
        *semantic(
            "measurement.window-length", "/measurements/0", f"{T_0945} to {T_1015}", "a window of 15 minutes"
        ),
        session(), GROUP, group_report(window(TEN - QUARTER, END)),
    ),
    Failure(
        *semantic(
            "measurement.window-alignment", "/measurements/0/measure_time", "2026-04-02T10:15:01.000Z",
            "a full quarter of an hour",
        ),
        session(), GROUP, group_report(window(TEN + 1_000, END + 1_000)),
    ),
    Failure(
        *semantic("measurement.window-open", "/measurements/0/measure_time", T_1030, f"no later than {T_NOW}"),
        session(), GROUP, group_report(window(END, END + QUARTER)),
    ),
    Failure(
        *semantic(
            "measurement.window-mixed", "/measurements/1", f"{T_0945} to {T_1000}",
            f"{T_1000} to {T_1015}, as the first measurement",
        ),
        session(), GROUP, group_report(ENERGY, window(TEN - QUARTER, TEN)),
    ),
    Failure(
        *semantic("measurement.not-later", "", T_1015, f"a reading after {T_1015}"),
        continuous(END), GROUP, group_report(READING),
    ),
    Failure(
        *semantic("measurement.window-overlap", "", f"{T_1000} to {T_1015}", f"a window from {T_1015} on"),
        measured_to(END), GROUP, group_report(),
    ),
    Failure(
        *recorded("measurement.window-missing", "", f"{T_1000} to {T_1015}", f"{T_0945} to {T_1000} first"),
        measured_to(TEN - QUARTER), GROUP, group_report(),
    ),
    Failure(
        *semantic("measurement.repeated", "/measurements/1/measure_time", T_1015, f"a time after {T_1015}"),
        session(), GROUP, group_report(ENERGY, ENERGY),
    ),
    Failure(
        *semantic("measurement.energy-missing", "/measurements", "no total energy", 'one of asset "depot"'),
        by_asset(), ASSET, of_assets(asset(None, MAXIMUM)),
    ),
    Failure(
        *semantic("measurement.maximum-missing", "/measurements", "no highest load", 'one of asset "depot"'),
        by_asset(), ASSET, of_assets(asset(ENERGY, None)),
    ),
    Failure(
        *semantic(
            "measurement.maximum-outside", "/measurements/0/instantaneous_measurement/measure_time", T_1030,
            f"a time in {T_1000} to {T_1015}",
        ),
        by_asset(), ASSET, of_assets(asset(ENERGY, maximum(measure_time=END + QUARTER))),
    ),
    Failure(
        *semantic("measurement.maximum-unit", "/measurements/0/instantaneous_measurement/unit", "A", "W or KW"),
        by_asset(), ASSET, of_assets(asset(ENERGY, maximum(unit=Unit.A))),
    ),
    Failure(
        *stale("world.stale", "a world that has not moved for 60001 ms", "at most 60000 ms"),
        session(), GROUP, group_report(), "", Context(NOW, METERS.meters, 60_001),
    ),
    Failure(
        *stale("world.no-meters", "no metered values for the window", "the world's meters"),
        session(), GROUP, group_report(), "", Context(NOW),
    ),
    Failure(
        *recorded("world.window-incomplete", "", "a run that missed part of it", "a window it covered"),
        session(), GROUP, group_report(), "", Context(NOW, WindowMeters(0, 0, 0, complete=False)),
    ),
    Failure(
        *recorded("measurement.energy", "/measurements/0/value", "NET 103.0 kWh", "100.0 kWh as metered"),
        session(), GROUP, group_report(energy(value_milli=103_000)),
    ),
    Failure(
        *recorded(
            "measurement.maximum", "/measurements/0/instantaneous_measurement/value", "580.0 kW", "600.0 kW as metered"
        ),
        by_asset(), ASSET, of_assets(asset(ENERGY, maximum(value_milli=580_000))),
    ),
    Failure(
        *uncorrelated("adjustment.unknown-forecast", "", '"f0"', "a forecast of this session"),
        forecasting(), ADJUST, None, "f0",
    ),
    Failure(
        *uncorrelated("adjustment.other-type", "/type", "GENERATION", "CONSUMPTION, as the forecast it names"),
        forecasting(), ADJUST, ask(type=GENERATION), "f1",
    ),
    Failure(
        *uncorrelated(
            "adjustment.no-active-forecast", "", "no accepted GENERATION forecast", "an active forecast to adjust"
        ),
        forecasting(), ADJUST, ask(type=GENERATION),
    ),
    Failure(
        *uncorrelated(
            "adjustment.no-active-forecast", "", "no accepted CONSUMPTION forecast for the time of any block",
            "an active forecast to adjust",
        ),
        forecasting(), ADJUST, ask(Block(TEN + 4 * QUARTER, TEN + 5 * QUARTER, 1)),
    ),
    Failure(
        *semantic(
            "adjustment.in-the-past", "/forecasted_blocks", "only past blocks", f"a block that ends after {T_NOW}"
        ),
        forecasting(), ADJUST, ask(Block(TEN, END, 1)),
    ),
    Failure(
        *semantic(
            "block.ends-before-it-starts", "/forecasted_blocks/0/end_time", T_1015, f"an instant after {T_1030}"
        ),
        forecasting(), ADJUST, ask(Block(END + QUARTER, END, 1)),
    ),
    Failure(
        *semantic(
            "block.overlap", "/forecasted_blocks/1", "an overlapping block",
            "a time that /forecasted_blocks/0 does not cover",
        ),
        forecasting(), ADJUST, ask(Block(END, END + QUARTER, 1), Block(END, END + QUARTER, 1)),
    ),
    Failure(
        *uncorrelated("compliance.correlation-missing", "", "no X-Correlation-ID", A_FORECAST),
        forecasting(), COMPLIANCE, None,
    ),
    Failure(
        *uncorrelated("compliance.unknown-forecast", "", '"f0"', A_FORECAST),
        forecasting(), COMPLIANCE, None, "f0",
    ),
    Failure(
        *semantic("compliance.outside-the-forecast", "/forecasted_blocks/0", T_0945, "a time it covers"),
        forecasting(), COMPLIANCE, ComplianceError("no", (Block(TEN - QUARTER, TEN, 1),)), "f1",
    ),
    Failure(
        *recorded("compliance.duplicate", "", f"the breach told at {T_1000}", "a newer breach"),
        told(TEN), COMPLIANCE, None, "f1",
    ),
    Failure(
        *recorded("compliance.no-breach", "", "no breach in the world", "the scope above the forecast"),
        forecasting(), COMPLIANCE, None, "f1", Context(NOW, breached={}),
    ),
]  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.expected.rule)
def test_a_failed_rule_reports_its_kind_place_and_words_and_decides_the_status(failure: Failure) -> None:
    findings = judge(failure.state, failure.type, failure.message, failure.correlation_id, failure.context)
    reported = [one for one in findings if one.rule == failure.expected.rule]
    assert reported == [failure.expected]
    statuses = [verdict(reported, profile, Policy()).status for profile in (BETTERFLEET_VECTOR, OCA_2_0)]
    assert tuple(statuses) == failure.statuses


def test_every_rule_name_of_the_rules_is_in_the_table() -> None:
    sources = Path(depot_sim.domain.oscp.rules.__file__).parent.glob("*.py")
    names = {name for source in sources for name in re.findall(r'"([a-z]+\.[a-z-]+)"', source.read_text())}
    names |= {allowed.refusal for allowed in PARTNER_MAY_SEND.values() if allowed.refusal}
    assert names == {failure.expected.rule for failure in FAILURES}
