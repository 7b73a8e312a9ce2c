"""Testing requirements, offline handling: silence and outages, noticed by whoever they concern, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.e2e.oscp_sides import BY_HAND, received, sent
from tests.e2e.oscp_stage import Stage, Theatre, simulator, start_run

LONGER_THAN_AN_INTERVAL_MS = 1_200


def test_fp_stops_sending_heartbeats(stage: Stage) -> None:
    """The CP finds it out by the time the last heartbeat named, and falls silent itself; so both are offline."""
    stage.go_online()
    assert stage.fp.order("heartbeat")["status"] == 204
    stage.fp.order("heartbeats", enabled=False)

    stage.cp.waits("offline")
    assert stage.cp.cause() == "heartbeat_expired"
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert set(stage.cp.ledger("Heartbeat")) == {sent("accepted", 204), received("accepted", 204)}


def test_cp_stops_sending_heartbeats(stage: Stage) -> None:
    """The FP finds it out by the time the last heartbeat named; what was not sent is in the ledger as withheld."""
    stage.go_online()
    stopping = stage.cp.override("stop_heartbeats")

    stage.fp.waits(lifecycle="OFFLINE")
    assert "no heartbeat has moved the time" in stage.fp.state()["last_error"]["text"]
    stage.stands(cp="online", fp="OFFLINE")
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_expired"
    ledger = stage.cp.ledger("Heartbeat", direction="outbound")
    assert ledger[0] == sent("accepted", 204)
    assert len(ledger) > 2
    assert set(ledger[1:]) == {sent("withheld", by=stopping)}


def test_cp_process_dies(tmp_path: Path, shared_stand_in: httpx.Client) -> None:
    """As the server in the diagram does: killed, without a word."""
    with simulator(tmp_path) as (http, process):
        stage = Theatre(http, shared_stand_in, start_run(http)).open_stage()
        stage.go_online()
        process.kill()
        assert stage.fp.last_heartbeat(accepted=False)
        assert stage.fp.waits(lifecycle="OFFLINE")
        assert stage.fp.passed_through() == ["handshaken", "online", "offline"]


def test_cp_stops_accepting_heartbeats(stage: Stage) -> None:
    """An outage both ways: both sides try on, and both are offline in the end."""
    stage.go_online()
    outage = stage.cp.override("network_outage")

    assert stage.fp.last_heartbeat(accepted=False)
    stage.cp.waits("degraded")
    assert stage.cp.cause() == "unreachable"
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_expired"
    during = stage.cp.ledger("Heartbeat", has_override=True)
    assert set(during) == {sent("failed", by=outage), received("ignored", by=outage)}
    assert stage.cp.notes("Heartbeat", received("ignored", by=outage))["rule"] == "override.outage"
    assert stage.cp.ledger("Heartbeat", has_override=False, outcome="failed") == []


def test_network_outage_that_is_over_before_anybody_is_offline(stage: Stage) -> None:
    """A heartbeat fails each way, the next one passes: both sides have stayed online."""
    stage.go_online()
    outage = stage.cp.override("network_outage")
    stage.cp.notes("Heartbeat", received("ignored", by=outage))
    stage.cp.notes("Heartbeat", sent("failed", by=outage))
    stage.stands(cp="degraded", fp="ONLINE")
    stage.cp.clear()

    stage.fp.last_heartbeat(accepted=True)
    stage.comes_to(cp="online", fp="ONLINE")
    assert stage.cp.cause() == "reachable_again"
    assert stage.fp.passed_through() == ["handshaken", "online"]
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)]


def test_network_outage_that_is_over_after_both_are_offline(stage: Stage) -> None:
    """They stay offline: neither speaks, neither listens, until there is a new handshake."""
    stage.go_online()
    outage = stage.cp.override("network_outage")
    stage.comes_to(cp="offline", fp="OFFLINE")
    stage.cp.clear()

    stage.cp.hears_nothing("Heartbeat", within_ms=LONGER_THAN_AN_INTERVAL_MS)
    assert stage.cp.refused("send-heartbeat") == "the session is offline"
    assert stage.fp.refused("heartbeat") == "the connection is OFFLINE"
    assert stage.fp.order("raw", message="heartbeat", body=in_a_minute())["status"] == 403
    assert stage.cp.order("send-message", message_type="Heartbeat", body=in_a_minute())["status"] == 403
    stage.stands(cp="offline", fp="OFFLINE")
    assert {entry.changed_by for entry in stage.cp.ledger("Heartbeat", outcome="failed")} == {(outage,)}
    assert stage.cp.ledger("Heartbeat", outcome="rejected") == [
        received("rejected", 403),
        sent("rejected", 403, BY_HAND),
    ]

    stage.go_online()
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204), sent("accepted", 204)]


@pytest.mark.full
def test_network_outage_on_the_fp_s_side(stage: Stage) -> None:
    """The same by accident: the simulator finds its partner out of reach, and no override had a say in it."""
    stage.go_online()
    stage.fp.suffer_outage()

    stage.cp.waits("degraded")
    assert stage.cp.notes("Heartbeat", sent("failed"))["error"]
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_expired"
    assert stage.cp.ledger("Heartbeat", has_override=True) == []


def in_a_minute() -> dict[str, str]:
    """A heartbeat's body that nobody could call late."""
    ends = datetime.now(UTC) + timedelta(minutes=1)
    return {"offline_mode_at": ends.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
