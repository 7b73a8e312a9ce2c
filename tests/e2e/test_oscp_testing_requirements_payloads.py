"""Testing requirements, future goals: any message on demand, and malformed ones on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.oscp_messages import instant
from tests.e2e.oscp_sides import sent
from tests.e2e.oscp_stage import Stage

FORECAST = "UpdateGroupCapacityForecast"
REFUSED = {
    "malformed_forecast": 422,
    "forecast_truncated": 422,
    "forecast_without_group": 422,
    "forecast_of_unknown_type": 422,
    "forecast_without_blocks": 422,
    "forecast_with_text_capacity": 422,
    "forecast_with_nan_capacity": 422,
    "forecast_with_negative_capacity": 422,
    "forecast_ending_before_it_starts": 422,
    "forecast_for_wrong_group": 403,
    "naive_timestamps": 422,
    "empty_bodies": 422,
}
TAKEN = ("forecast_with_zero_capacity", "forecast_unsorted", "unknown_fields", "microsecond_timestamps")


def test_malformed_forecasts_are_refused_and_change_nothing(stage: Stage) -> None:
    """Each failure by its name: the ledger tells its status, and that it was wanted."""
    stage.go_online()
    # A failure of any message, such as empty_bodies, must meet the forecast and not a heartbeat of the timer.
    stage.cp.order("switch-heartbeats", sending=False)
    assert stage.cp.order("send-heartbeat", offline_mode_at=instant(600))["status"] == 204
    for mode, status in REFUSED.items():
        spoiling = stage.cp.override(mode, times=1)
        answer = send_forecast(stage)
        assert (mode, answer["delivery_status"], answer["status"]) == (mode, "rejected", status)
        assert stage.cp.ledger(FORECAST)[-1] == sent("rejected", status, by=spoiling)

    assert stage.fp.state()["forecasts"] == {}
    stage.stands(cp="online", fp="ONLINE")
    assert send_forecast(stage)["delivery_status"] == "accepted"
    assert stage.cp.ledger(FORECAST)[-1] == sent("accepted", 204)
    assert stage.fp.waits(mode="NORMAL")["effective_constraint"]["kw"] == 300.0


@pytest.mark.parametrize("mode", TAKEN)
def test_odd_forecasts_that_the_protocol_allows_are_taken(stage: Stage, mode: str) -> None:
    stage.go_online()
    stage.cp.order("switch-heartbeats", sending=False)
    assert stage.cp.order("send-heartbeat", offline_mode_at=instant(600))["status"] == 204
    spoiling = stage.cp.override(mode, times=1)

    assert send_forecast(stage)["delivery_status"] == "accepted"
    assert stage.cp.ledger(FORECAST) == [sent("accepted", 204, by=spoiling)]
    capacity = stage.fp.waits(mode="NORMAL")["effective_constraint"]["kw"]
    assert capacity == (0.0 if mode == "forecast_with_zero_capacity" else 300.0)
    stage.stands(cp="online", fp="ONLINE")


@pytest.mark.parametrize("message_type", ["HandshakeAcknowledge", "Heartbeat", FORECAST])
@pytest.mark.parametrize("body", ['{"required_behaviour": ', '{"offline_mode_at": 17}', "[]"])
def test_hand_made_messages_go_out_as_they_are(stage: Stage, message_type: str, body: str) -> None:
    stage.go_online()

    answer = stage.cp.order("send-message", message_type=message_type, raw_body=body)
    assert (answer["delivery_status"], answer["status"]) == ("rejected", 422)
    entry = stage.cp.call("GET", f"/messages/{answer['ledger_entry_id']}").json()
    assert (entry["direction"], entry["outcome"], entry["body"]) == ("outbound", "rejected", body)
    assert entry["answer"]["status"] == 422
    assert arrived(stage)[-1]["body"] == body
    stage.stands(cp="online", fp="ONLINE")


def test_hand_made_handshake_without_json(stage: Stage) -> None:
    answer = stage.cp.order("send-message", message_type="Handshake", raw_body="not json")
    assert (answer["delivery_status"], answer["status"]) == ("rejected", 422)
    stage.comes_to(cp="offline", fp="CONFIGURED")
    assert stage.cp.cause() == "handshake_refused"


def test_heartbeat_that_is_over_when_it_arrives(stage: Stage) -> None:
    """The FP goes by the time it names, and by nothing else."""
    stage.go_online()
    spoiling = stage.cp.override("heartbeat_in_the_past", times=1)

    assert stage.cp.order("send-heartbeat")["status"] == 204
    stage.fp.waits(lifecycle="OFFLINE")
    assert stage.cp.ledger("Heartbeat", has_override=True) == [sent("accepted", 204, by=spoiling)]
    assert stage.cp.order("send-heartbeat")["status"] == 403
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_refused"
    assert stage.cp.ledger("Heartbeat", direction="outbound")[-1] == sent("rejected", 403)


def send_forecast(stage: Stage) -> Any:
    return stage.cp.order("send-forecast", type="CONSUMPTION", pattern="300 for 1h, 300 for 1h")


def arrived(stage: Stage) -> list[Any]:
    """Messages that came to the stand-in, but for regular heartbeats."""
    messages = stage.fp.messages()
    return [one for one in messages if one["direction"] == "inbound" and one["status"] != 204]
