"""Design §10, row by row, between real processes: how a failure is found, what the simulator does, what the ledger has.

The rows of service restart and duplicate message delivery have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.oscp_connections import connect
from tests.e2e.oscp_messages import (
    adjustment,
    asset_measurements,
    by_hand,
    compliance_error,
    group_measurements,
    instant,
    publish,
)
from tests.e2e.oscp_sides import CapacityProvider, Entry, changed_by, received, sent
from tests.e2e.oscp_stage import HEARTBEAT_SECONDS, POLICY, Stage, Theatre

FORECAST = {"type": "CONSUMPTION", "pattern": "50 for 1h"}
HUNG_UP = "connection closed without an answer"


@pytest.fixture
def online(stage: Stage) -> Stage:
    stage.go_online()
    return stage


@pytest.fixture
def of_policy(oscp_theatre: Theatre, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A connection that is online, its session of a policy of its own."""
    simulator, stand_in, run_id = oscp_theatre
    stage = connect(simulator, stand_in, run_id, policy=request.param)
    stage.go_online()
    yield stage
    stage.cp.call("DELETE", "")


def end_outage(theatre: Theatre, stage: Stage) -> None:
    assert theatre.stand_in.delete(f"{stage.fp.path}/misbehaviour").status_code == 200


def expect(cp: CapacityProvider, message: str, within_ms: int) -> str:
    asked = {"messages": [{"message_types": [message]}], "within_ms": within_ms, "requires_online": True}
    raised = cp.call("POST", "/expectations", asked)
    assert raised.status_code == 201, raised.text
    return str(raised.json()["expectation_id"])


def rules(entry: Any) -> set[tuple[str, str]]:
    """Every rule that failed, with its place in the body."""
    return {(finding["rule"], finding.get("pointer", "")) for finding in entry["findings"]}


# BetterFleet unreachable


def test_betterfleet_unreachable_for_a_handshake(oscp_theatre: Theatre, stage: Stage) -> None:
    """The entry is failed and the session offline; when the partner is back, a new handshake is all it takes."""
    stage.fp.suffer_outage()

    answer = stage.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
    assert (answer["state"], answer["delivery_status"]) == ("offline", "failed")
    assert stage.cp.cause() == "unreachable"
    failed = stage.cp.notes("Handshake", sent("failed"))
    assert (failed["error"], failed["answer"]) == (HUNG_UP, None)

    end_outage(oscp_theatre, stage)
    stage.go_online()
    assert stage.cp.ledger("Handshake") == [sent("failed"), sent("accepted", 204)]


def test_betterfleet_unreachable_for_heartbeats(oscp_theatre: Theatre, online: Stage) -> None:
    """Degraded from the first one that fails, online again with the first that gets through; history is kept."""
    online.fp.suffer_outage()
    online.cp.waits("degraded")
    assert online.cp.cause() == "unreachable"
    assert online.cp.notes("Heartbeat", sent("failed"))["error"] == HUNG_UP

    end_outage(oscp_theatre, online)
    online.cp.waits("online")
    assert online.cp.cause() == "reachable_again"
    assert online.cp.ledger("Handshake") == [sent("accepted", 204)]


def test_betterfleet_unreachable_for_a_forecast(online: Stage) -> None:
    online.fp.misbehave("update_group_capacity_forecast", "ignore", "inbound")

    answer = online.cp.order("send-forecast", **FORECAST)
    assert (answer["delivery_status"], answer["status"]) == ("failed", 0)
    assert answer["error"] == f"no answer within {POLICY['request_timeout_ms']} ms"
    assert online.cp.state()["forecasts"] == []
    assert online.cp.ledger("UpdateGroupCapacityForecast") == [sent("failed")]


@pytest.mark.parametrize("of_policy", [{"unreachable": "offline"}], indirect=True, ids=["unreachable=offline"])
def test_betterfleet_unreachable_ends_the_session_where_the_policy_says_so(of_policy: Stage) -> None:
    of_policy.fp.suffer_outage()

    of_policy.cp.waits("offline")
    assert of_policy.cp.cause() == "unreachable"
    assert of_policy.cp.ledger("Handshake") == [sent("accepted", 204)]


# BetterFleet stops sending heartbeats


@pytest.mark.full
def test_betterfleet_stops_sending_heartbeats(online: Stage) -> None:
    """Offline when the last one has run out, and what needs an online session is expected no longer."""
    expected = expect(online.cp, "GroupCapacityComplianceError", within_ms=60_000)
    online.fp.last_heartbeat(accepted=True)
    online.fp.order("heartbeats", enabled=False)

    online.cp.waits("offline")
    assert online.cp.cause() == "heartbeat_expired"
    assert online.cp.call("GET", f"/expectations/{expected}").json()["verdict"] == "retired"
    online.cp.refused("send-forecast", **FORECAST)


# Depot-sim stops sending heartbeats


@pytest.mark.full
def test_depot_sim_stops_sending_heartbeats(online: Stage) -> None:
    """The partner finds out by itself; the ledger keeps what was withheld on purpose beside what was received."""
    stopping = online.cp.override("stop_heartbeats")

    online.fp.waits(lifecycle="OFFLINE")
    withheld = online.cp.messages("Heartbeat", outcome="withheld")
    assert withheld
    assert {changed_by(message) for message in withheld} == {(stopping,)}
    assert online.cp.ledger("Heartbeat", direction="inbound", outcome="accepted")


# Intentional ignore case


def test_intentional_ignore_case(online: Stage) -> None:
    """No answer until the partner gives up; the intent is in the ledger, and nothing has come of the message."""
    publish(online.cp)
    ignoring = online.cp.override("ignore_adjustment")

    answer = online.fp.order("adjustment", capacity_kw=70)
    assert (answer["status"], answer["error"]) == (None, "no answer within 1 s")
    entry = online.cp.notes("AdjustGroupCapacityForecast", received("ignored", by=ignoring))
    assert (entry["validation"], entry["rule"], entry["answer"]) == ("ignored", "override.ignore", None)

    online.cp.clear()
    assert online.fp.order("adjustment", capacity_kw=70)["status"] == 204


# Intentional mismatch case


@pytest.mark.parametrize(
    ("mode", "message", "rule"),
    [
        ("heartbeat_lifecycle_mismatch", "Heartbeat", "override.mismatch-lifecycle"),
        ("measurement_group_mismatch", "UpdateGroupMeasurements", "override.mismatch-group"),
        ("compliance_correlation_mismatch", "GroupCapacityComplianceError", "override.mismatch-correlation"),
    ],
)
def test_intentional_mismatch_case(online: Stage, mode: str, message: str, rule: str) -> None:
    """403 each time, for a reason that is in the ledger, though nothing is wrong with the message."""
    forecast = publish(online.cp)
    by = online.cp.override(mode)
    bodies = {
        "Heartbeat": {"offline_mode_at": instant(60)},
        "UpdateGroupMeasurements": group_measurements(),
        "GroupCapacityComplianceError": compliance_error(),
    }

    answers = [by_hand(online, message, bodies[message], forecast) for _ in range(2)]
    assert [answer["status"] for answer in answers] == [403, 403]
    entry = online.cp.notes(message, received("rejected", 403, by))
    assert entry["rule"] == rule
    assert entry["validation"] != "rejected"


# Payload shape failure


@pytest.mark.parametrize(
    ("message", "body", "faults"),
    [
        ("Heartbeat", {}, {("schema.missing", "/offline_mode_at")}),
        (
            "UpdateGroupMeasurements",
            group_measurements(unit="FURLONG", direction="SIDEWAYS"),
            {("schema.enum", "/measurements/0/unit"), ("schema.enum", "/measurements/0/direction")},
        ),
        (
            "AdjustGroupCapacityForecast",
            {"type": "CONSUMPTION", "forecasted_blocks": []},
            {("schema.missing", "/group_id"), ("schema.empty", "/forecasted_blocks")},
        ),
        ("GroupCapacityComplianceError", {"message": 7}, {("schema.type", "/message")}),
    ],
)
def test_payload_shape_failure(online: Stage, message: str, body: Any, faults: set[tuple[str, str]]) -> None:
    """422, and every fault with its place in the body."""
    forecast = publish(online.cp)

    assert by_hand(online, message, body, forecast)["status"] == 422
    entry = online.cp.notes(message, received("rejected", 422))
    assert rules(entry) == faults
    assert entry["validation"] == "rejected"


# Stale validation state


@pytest.mark.parametrize(
    ("of_policy", "entry"),
    [
        ({"stale_after_ms": 1}, received("rejected", 503)),
        ({"stale_after_ms": 1, "stale": "indeterminate"}, received("accepted", 204)),
    ],
    indirect=["of_policy"],
    ids=["503", "indeterminate"],
)
def test_stale_validation_state(of_policy: Stage, entry: Entry) -> None:
    """A world that has not moved within the millisecond judges no measurements: nothing is accepted in silence."""
    assert by_hand(of_policy, "UpdateGroupMeasurements", group_measurements())["status"] == entry.status

    noted = of_policy.cp.notes("UpdateGroupMeasurements", entry)
    assert noted["validation"] == "indeterminate"
    assert "stale" in {finding["kind"] for finding in noted["findings"]}


# Limit or scope violation


@pytest.mark.parametrize(
    ("message", "body", "correlated", "status", "rule"),
    [
        ("UpdateGroupMeasurements", group_measurements("group-2"), True, 403, "binding.group"),
        ("UpdateAssetMeasurements", asset_measurements(), True, 403, "binding.publication-mode"),
        ("UpdateGroupMeasurements", group_measurements(minutes=20), True, 422, "measurement.window-length"),
        ("AdjustGroupCapacityForecast", adjustment(group_id="group-2"), True, 403, "binding.group"),
        ("AdjustGroupCapacityForecast", adjustment(), False, 403, "adjustment.unknown-forecast"),
        ("AdjustGroupCapacityForecast", adjustment(type="GENERATION"), True, 403, "adjustment.other-type"),
        ("AdjustGroupCapacityForecast", adjustment(36_000, 37_800), True, 403, "adjustment.no-active-forecast"),
        ("AdjustGroupCapacityForecast", adjustment(1_800, 900), True, 422, "block.ends-before-it-starts"),
        ("GroupCapacityComplianceError", compliance_error(), False, 403, "compliance.unknown-forecast"),
    ],
)
def test_limit_or_scope_violation(
    online: Stage, message: str, body: Any, correlated: bool, status: int, rule: str
) -> None:
    """403 for what does not belong here, 422 for what makes no sense; the ledger names the rule."""
    forecast = publish(online.cp)

    assert by_hand(online, message, body, forecast if correlated else "unheard-of")["status"] == status
    assert online.cp.notes(message, received("rejected", status))["rule"] == rule
