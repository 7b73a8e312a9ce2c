"""Testing requirements, error cases: the two sides disagree about the connection, and a 403 tells them.

The simulator's state is edited by `force-state`; no override has a say, so the ledger shows the rules at work.
"""

from __future__ import annotations

from typing import Any

from tests.e2e.oscp_sides import BY_HAND, received, sent
from tests.e2e.oscp_stage import HEARTBEAT_SECONDS, Stage

BEHAVIOUR = {
    "required_behaviour": {"heartbeat_interval": HEARTBEAT_SECONDS, "measurement_configuration": ["INTERMITTENT"]}
}


def force(stage: Stage, state: str) -> None:
    assert stage.cp.order("force-state", state=state, reason="to disagree")["state"] == state


def test_fp_heartbeat_while_the_cp_is_not_online(stage: Stage) -> None:
    """The FP takes the 403 for what it is: the connection is offline."""
    stage.go_online()
    force(stage, "offline")
    stage.stands(cp="offline", fp="ONLINE")

    assert stage.fp.order("heartbeat")["status"] == 403
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "forced"
    refused = stage.cp.notes("Heartbeat", received("rejected", 403))
    assert (refused["rule"], refused["validation"]) == ("session.not-online", "rejected")


def test_cp_heartbeat_while_the_fp_is_not_online(stage: Stage) -> None:
    """The FP stays where it is, and the CP learns of it."""
    stage.fp.order("state", lifecycle="OFFLINE")
    force(stage, "online")

    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_refused"
    assert stage.cp.ledger("Heartbeat") == [sent("rejected", 403)]
    assert stage.fp.passed_through() == ["offline"]


def test_fp_handshake_while_the_cp_is_not_offline(stage: Stage) -> None:
    """It is refused and not acknowledged: nobody proceeds with a connection."""
    stage.cp.order("switch-heartbeats", sending=False)
    force(stage, "online")

    assert stage.fp.order("handshake")["status"] == 403
    stage.stands(cp="online", fp="OFFLINE")
    assert stage.fp.state()["last_error"]["text"] == "handshake failed: answered 403"
    assert stage.cp.ledger("HandshakeAcknowledge") == []
    refused = stage.cp.notes("Handshake", received("rejected", 403))
    assert (refused["rule"], refused["validation"]) == ("handshake.not-offline", "rejected")


def test_fp_acknowledgement_while_the_cp_awaits_none(stage: Stage) -> None:
    stage.cp.order("switch-heartbeats", sending=False)
    force(stage, "online")

    assert acknowledge(stage)["status"] == 403
    stage.stands(cp="online", fp="CONFIGURED")
    refused = stage.cp.notes("HandshakeAcknowledge", received("rejected", 403))
    assert (refused["rule"], refused["validation"]) == ("acknowledge.not-awaited", "rejected")


def test_cp_handshake_while_the_fp_is_not_offline(stage: Stage) -> None:
    """Who begins anew has given the connection up: it is offline on both sides."""
    stage.go_online()
    stage.fp.order("heartbeats", enabled=False)
    force(stage, "offline")

    answer = stage.cp.order("send-handshake", heartbeat_interval_seconds=HEARTBEAT_SECONDS)
    assert answer["delivery_status"] == "rejected"
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "handshake_refused"
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204), sent("rejected", 403)]
    stage.go_online()


def test_cp_acknowledgement_while_the_fp_awaits_none(stage: Stage) -> None:
    """It changes nothing on either side."""
    stage.go_online()

    headers = {"X-Correlation-ID": "nobody-s-handshake"}
    answer = stage.cp.order("send-message", message_type="HandshakeAcknowledge", body=BEHAVIOUR, headers=headers)
    assert (answer["delivery_status"], answer["status"]) == ("rejected", 403)
    stage.stands(cp="online", fp="ONLINE")
    assert sent("rejected", 403, BY_HAND) in stage.cp.ledger("HandshakeAcknowledge")


def acknowledge(stage: Stage) -> Any:
    headers = {"X-Correlation-ID": "nobody-s-handshake"}
    return stage.fp.order("raw", message="handshake_acknowledge", body=BEHAVIOUR, headers=headers)
