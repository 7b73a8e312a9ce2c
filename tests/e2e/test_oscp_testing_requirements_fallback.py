"""Testing requirements, fallback and gaps: forecast sets that drive the platform into yellow fallback mode, and out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.oscp_sides import sent
from tests.e2e.oscp_stage import SAFE_DEFAULT_KW, SCOPE, Stage

COVERED = "300 for 2h"
UNCOVERED = "gap 30m, 300 for 1h"
FALLBACK = "120 for 2h"
LATER_FALLBACK = "gap 30m, 120 for 1h"


def send(stage: Stage, **patterns: str) -> None:
    """A forecast set; what covers now is the present quarter of an hour and what follows."""
    forecasts = [{"type": type, "pattern": pattern} for type, pattern in patterns.items()]
    answers = stage.cp.order("send-forecast-set", forecasts=forecasts)
    assert [answer["delivery_status"] for answer in answers] == ["accepted"] * len(forecasts)


def limit(state: Any) -> tuple[str, str, float | None]:
    """What holds at the platform."""
    constraint = state["effective_constraint"]
    return constraint["mode"], constraint["source"], constraint["kw"]


def test_offline_detection_with_a_matching_fallback_forecast(stage: Stage) -> None:
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=COVERED)
    assert limit(stage.fp.waits(lifecycle="ONLINE", mode="NORMAL")) == ("NORMAL", "primary", 300.0)
    stopping = stage.cp.override("stop_heartbeats")

    state = stage.fp.waits(lifecycle="OFFLINE", mode="FALLBACK")
    stage.stands(cp="online", fp="OFFLINE")
    assert limit(state) == ("FALLBACK", "fallback", 120.0)
    assert stage.fp.told() == ["fallback-entered"]
    (incident,) = state["incidents"]
    assert (incident["reason"], incident["scope_name"]) == ("the capacity provider is offline", SCOPE)
    assert incident["closed_at"] is None
    assert stage.cp.ledger("UpdateGroupCapacityForecast") == [sent("accepted", 204)] * 2
    assert stage.cp.ledger("Heartbeat", direction="outbound")[-1] == sent("withheld", by=stopping)


def test_forecast_gap_with_a_matching_fallback_block(stage: Stage) -> None:
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=UNCOVERED)

    state = stage.fp.waits(mode="FALLBACK")
    stage.stands(cp="online", fp="ONLINE")
    assert limit(state) == ("FALLBACK", "fallback", 120.0)
    assert [incident["reason"] for incident in state["incidents"]] == ["the primary forecast has no block for now"]
    assert stage.cp.ledger("UpdateGroupCapacityForecast") == [sent("accepted", 204)] * 2


@pytest.mark.parametrize("safe_default_kw", [SAFE_DEFAULT_KW, None], ids=["safe default", "non-OSCP path"])
def test_forecast_gap_without_a_matching_fallback_block(stage: Stage, safe_default_kw: float | None) -> None:
    stage.fp.configure(safe_default_kw=safe_default_kw)
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=LATER_FALLBACK, CONSUMPTION=UNCOVERED)

    state = stage.fp.waits(mode="FALLBACK")
    stage.stands(cp="online", fp="ONLINE")
    assert limit(state) == ("FALLBACK", "gap_policy", safe_default_kw)
    assert stage.fp.told() == ["fallback-entered", "gap-policy-applied"]
    assert [incident["closed_at"] for incident in state["incidents"]] == [None]
    assert stage.cp.ledger("UpdateGroupCapacityForecast") == [sent("accepted", 204)] * 2


def test_recovery_from_a_gap(stage: Stage) -> None:
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=UNCOVERED)
    stage.fp.waits(mode="FALLBACK")

    send(stage, CONSUMPTION=COVERED)
    state = stage.fp.waits(mode="NORMAL")
    stage.stands(cp="online", fp="ONLINE")
    assert limit(state) == ("NORMAL", "primary", 300.0)
    assert stage.fp.told() == ["fallback-entered", "fallback-exited"]
    assert [bool(incident["closed_at"]) for incident in state["incidents"]] == [True]
    assert stage.cp.ledger("UpdateGroupCapacityForecast") == [sent("accepted", 204)] * 3


def test_recovery_after_the_cp_was_offline(stage: Stage) -> None:
    """Only by a new handshake; fallback holds on until the connection is online again."""
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=COVERED)
    stage.cp.falls_silent()
    stage.fp.waits(lifecycle="OFFLINE", mode="FALLBACK")
    assert stage.cp.order("disconnect", reason="to begin anew")["state"] == "offline"
    stage.stands(cp="offline", fp="OFFLINE")

    stage.cp.order("switch-heartbeats", sending=True)
    stage.go_online()
    send(stage, CONSUMPTION="250 for 2h")
    state = stage.fp.waits(mode="NORMAL")
    stage.stands(cp="online", fp="ONLINE")
    assert limit(state) == ("NORMAL", "primary", 250.0)
    assert stage.fp.told() == ["fallback-entered", "fallback-exited"]
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)] * 2
    assert stage.cp.ledger("UpdateGroupCapacityForecast") == [sent("accepted", 204)] * 3


# Intentional disconnect


def test_disconnect_while_a_forecast_is_active(stage: Stage) -> None:
    """The platform hands over at once; the simulator learns of it when its heartbeat is refused."""
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=COVERED)
    stage.fp.waits(mode="NORMAL")

    state = stage.fp.order("disconnect")
    assert (state["lifecycle"], limit(state), state["forecasts"]) == ("CONFIGURED", ("LOCAL", "none", None), {})
    assert stage.fp.told() == ["handover"]
    stage.comes_to(cp="offline", fp="CONFIGURED")
    assert stage.cp.cause() == "heartbeat_refused"
    assert stage.cp.ledger("Heartbeat", direction="outbound")[-1] == sent("rejected", 403)
    assert stage.cp.messages("Heartbeat", has_override=True) == []


def test_disconnect_while_fallback_mode_is_active(stage: Stage) -> None:
    stage.go_online()
    send(stage, FALLBACK_CONSUMPTION=FALLBACK, CONSUMPTION=COVERED)
    stage.cp.falls_silent()
    stage.fp.waits(lifecycle="OFFLINE", mode="FALLBACK")

    state = stage.fp.order("disconnect")
    assert (state["lifecycle"], limit(state), state["forecasts"]) == ("CONFIGURED", ("LOCAL", "none", None), {})
    assert stage.fp.told() == ["fallback-entered", "fallback-exited", "handover"]
    assert [incident["resolution"] for incident in state["incidents"]] == ["disconnected by the operator"]
    stage.stands(cp="online", fp="CONFIGURED")
    stage.cp.order("switch-heartbeats", sending=True)
    stage.comes_to(cp="offline", fp="CONFIGURED")
    assert stage.cp.ledger("Heartbeat", direction="outbound")[-1] == sent("rejected", 403)
