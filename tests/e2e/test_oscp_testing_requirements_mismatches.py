"""Testing requirements, error cases: the two sides disagree about the connection, and a 403 tells them.

The simulator's state is edited by `force-state`, and every entry that it changed names it: none of them is an accident.
"""

from __future__ import annotations

from typing import Any

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.oscp_sides import BY_HAND, FORCED, received, sent
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
    refused = stage.cp.notes("Heartbeat", received("rejected", 403, FORCED))
    assert (refused["rule"], refused["validation"]) == ("session.not-online", "rejected")
    assert rejected_by_accident(stage) == []


def test_cp_heartbeat_while_the_fp_is_not_online(stage: Stage) -> None:
    """The FP stays where it is, and the CP learns of it."""
    stage.fp.order("state", lifecycle="OFFLINE")
    force(stage, "online")

    stage.comes_to(cp="offline", fp="OFFLINE")
    assert stage.cp.cause() == "heartbeat_refused"
    assert stage.cp.ledger("Heartbeat") == [sent("rejected", 403, FORCED)]
    assert stage.fp.passed_through() == ["offline"]
    assert rejected_by_accident(stage) == []


def test_fp_handshake_while_the_cp_is_not_offline(stage: Stage) -> None:
    """It is refused and not acknowledged: nobody proceeds with a connection."""
    stage.cp.order("switch-heartbeats", sending=False)
    force(stage, "online")

    assert stage.fp.order("handshake")["status"] == 403
    stage.stands(cp="online", fp="OFFLINE")
    assert stage.fp.state()["last_error"]["text"] == "handshake failed: answered 403"
    assert stage.cp.ledger("HandshakeAcknowledge") == []
    refused = stage.cp.notes("Handshake", received("rejected", 403, FORCED))
    assert (refused["rule"], refused["validation"]) == ("handshake.not-offline", "rejected")
    assert rejected_by_accident(stage) == []


def test_fp_acknowledgement_while_the_cp_awaits_none(stage: Stage) -> None:
    stage.cp.order("switch-heartbeats", sending=False)
    force(stage, "online")

    assert acknowledge(stage)["status"] == 403, "as it would be in the state that it is not forced from"
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
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204), sent("rejected", 403, FORCED)]
    assert rejected_by_accident(stage) == []
    stage.go_online()


def test_cp_acknowledgement_while_the_fp_awaits_none(stage: Stage) -> None:
    """It changes nothing on either side."""
    stage.go_online()

    headers = {"X-Correlation-ID": "nobody-s-handshake"}
    answer = stage.cp.order("send-message", message_type="HandshakeAcknowledge", body=BEHAVIOUR, headers=headers)
    assert (answer["delivery_status"], answer["status"]) == ("rejected", 403)
    stage.stands(cp="online", fp="ONLINE")
    assert sent("rejected", 403, BY_HAND) in stage.cp.ledger("HandshakeAcknowledge")


def test_an_accident_after_a_forced_state_is_listed_as_one(stage: Stage) -> None:
    stage.go_online()
    force(stage, "offline")
    assert stage.fp.order("heartbeat")["status"] == 403
    stage.comes_to(cp="offline", fp="OFFLINE")
    stage.go_online()
    wrong = {"offline_mode_at": "yesterday"}
    assert stage.fp.order("raw", message="heartbeat", body=wrong)["status"] == 422
    assert [line.split()[3:6] for line in rejected_by_accident(stage)] == [["Heartbeat", "rejected", "422"]]


def rejected_by_accident(stage: Stage) -> list[str]:
    """What the command line lists."""
    session = ("--run", stage.cp.run_id, "--session", stage.cp.session_id, "--outcome", "rejected")
    listed = depot_sim("oscp", "messages", "--accidental", *session, "--url", stage.cp.url)
    assert listed.code == 0, listed.err
    return listed.out.splitlines()[1:]


def acknowledge(stage: Stage) -> Any:
    headers = {"X-Correlation-ID": "nobody-s-handshake"}
    return stage.fp.order("raw", message="handshake_acknowledge", body=BEHAVIOUR, headers=headers)
