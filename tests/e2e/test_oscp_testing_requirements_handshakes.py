"""Testing requirements, timeouts: handshakes either way that do not come to their end, heartbeats without answer."""

from __future__ import annotations

from tests.e2e.oscp_sides import received, sent
from tests.e2e.oscp_stage import HEARTBEAT_SECONDS, Stage

# BetterFleet initiated handshake


def test_fp_handshake_that_the_cp_never_answers(stage: Stage) -> None:
    """Neither side gets anywhere; once the failure is cleared, a new handshake does."""
    ignoring = stage.cp.override("ignore_handshake")

    assert stage.fp.order("handshake")["status"] is None
    stage.stands(cp="offline", fp="OFFLINE")
    assert stage.fp.state()["last_error"]["text"] == "handshake failed: no answer within 1 s"
    assert stage.cp.ledger("Handshake") == [received("ignored", by=ignoring)]
    assert stage.cp.ledger("HandshakeAcknowledge") == []

    stage.cp.clear()
    assert stage.fp.order("handshake")["status"] == 204
    stage.comes_to(cp="online", fp="ONLINE")
    assert stage.cp.ledger("Handshake")[1:] == [received("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [sent("accepted", 204)]


def test_fp_handshake_that_the_cp_answers_and_never_acknowledges(stage: Stage) -> None:
    withholding = stage.cp.override("withhold_handshake_acknowledge")

    assert stage.fp.order("handshake")["status"] == 204
    stage.stands(cp="accepting_handshake", fp="AWAITING_ACKNOWLEDGE")
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.fp.state()["last_error"]["text"] == "no acknowledgement within 1.5 s"
    assert stage.cp.cause() == "handshake_timed_out"
    assert stage.cp.ledger("Handshake") == [received("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [sent("withheld", by=withholding)]


def test_fp_handshake_whose_204_is_lost_while_the_acknowledgement_arrives(stage: Stage) -> None:
    """What counts is the acknowledgement: both sides are online."""
    losing = stage.cp.override("lose_handshake_answer")

    assert stage.fp.order("handshake")["status"] is None
    stage.comes_to(cp="online", fp="ONLINE")
    assert stage.cp.ledger("Handshake") == [received("ignored", by=losing)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [sent("accepted", 204)]


def test_fp_handshake_whose_acknowledgement_is_lost_on_its_way(stage: Stage) -> None:
    losing = stage.cp.override("outbound_outage")

    assert stage.fp.order("handshake")["status"] == 204
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "unreachable"
    assert stage.cp.ledger("Handshake") == [received("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [sent("failed", by=losing)]


def test_fp_handshake_whose_acknowledgement_the_fp_leaves_unanswered(stage: Stage) -> None:
    """The same end by accident: no override has a say in it, and the ledger says so."""
    stage.fp.misbehave("handshake_acknowledge", "ignore", "inbound")

    assert stage.fp.order("handshake")["status"] == 204
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "handshake_timed_out"
    assert stage.cp.notes("HandshakeAcknowledge", sent("failed"))["error"]
    assert stage.cp.messages("HandshakeAcknowledge", has_override=True) == []


# Capacity Provider initiated handshake


def test_cp_handshake_whose_acknowledgement_gets_no_204(stage: Stage) -> None:
    """The CP takes itself for online; the FP, which never saw the 204, refuses its heartbeat, and both are offline."""
    losing = stage.cp.override("lose_acknowledge_answer")

    stage.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
    stage.cp.waits("online")
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.fp.state()["last_error"]["text"] == "our acknowledgement failed: no answer within 1 s"
    assert stage.cp.cause() == "heartbeat_refused"
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [received("ignored", by=losing)]
    heartbeats = stage.cp.ledger("Heartbeat")  # a slow answer lets a second one go out before the first is refused
    assert heartbeats
    assert heartbeats == [sent("rejected", 403)] * len(heartbeats)


def test_cp_handshake_whose_acknowledgement_the_cp_does_not_take(stage: Stage) -> None:
    """The CP process is gone, so to speak, when the acknowledgement comes: both sides time out."""
    ignoring = stage.cp.override("ignore_acknowledge")

    answer = stage.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
    assert answer["state"] == "awaiting_handshake_acknowledge"
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "handshake_timed_out"
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == [received("ignored", by=ignoring)]


def test_cp_handshake_that_the_fp_never_acknowledges(stage: Stage) -> None:
    """By accident, as far as the simulator can tell."""
    stage.fp.misbehave("handshake_acknowledge", "drop", "outbound")

    stage.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "handshake_timed_out"
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)]
    assert stage.cp.ledger("HandshakeAcknowledge") == []


# BetterFleet sending heartbeats


def test_fp_heartbeats_whose_204_is_lost(stage: Stage) -> None:
    """The FP sees a timeout each time; the heartbeats count all the same, and both sides stay online."""
    stage.go_online()
    losing = stage.cp.override("lose_heartbeat_answers")

    assert stage.fp.order("heartbeat")["error"] == "no answer within 1 s"
    stage.stands(cp="online", fp="ONLINE")
    assert stage.cp.state()["last_heartbeat_received_at"]
    lost = stage.cp.notes("Heartbeat", received("ignored", by=losing))
    assert (lost["rule"], lost["answer"]) == ("override.ignore", None)
    stage.cp.clear()
    assert stage.fp.order("heartbeat")["status"] == 204
    stage.stands(cp="online", fp="ONLINE")


def test_fp_heartbeats_that_the_cp_ignores(stage: Stage) -> None:
    """They do not count: the CP finds the FP offline, and says so when it listens again."""
    stage.go_online()
    ignoring = stage.cp.override("ignore_heartbeats")

    stage.cp.waits("offline")
    assert stage.cp.cause() == "heartbeat_expired"
    assert stage.cp.notes("Heartbeat", received("ignored", by=ignoring))["rule"] == "override.ignore"
    stage.cp.clear()
    assert stage.fp.order("heartbeat")["status"] == 403
    assert stage.cp.notes("Heartbeat", received("rejected", 403))["rule"] == "session.not-online"
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.ledger("Heartbeat", direction="inbound")[-1] == received("rejected", 403)
