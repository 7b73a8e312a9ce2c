"""The check of bench.kills finds what is lost, done twice, out of order or answered otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from bench._kills_check import Faults, check
from bench._kills_clients import Records

TARGET, STARTED = "vehicle.target-set.1", "scenario.execution-started.1"
ENTRY = "oscp-message-s-inbound-message-0"
Log = list[dict[str, Any]]
Packets = list[dict[str, Any]]


def event(stream: str, kind: str, cause: str = "", **data: Any) -> dict[str, Any]:
    return {"stream": stream, "type": kind, "origin": {"causation_id": cause} if cause else {}, "data": data}


def finalised(status: int) -> dict[str, Any]:
    return {"answer": {"status": status}}


def packet(device: str, seq: int) -> dict[str, Any]:
    return {"deviceId": device, "seq": seq, "packetId": f"{device}-{seq}"}


def records() -> Records:
    told = Records()
    told.acknowledge_command("command-1", TARGET)
    told.acknowledge_command("scenario-0", STARTED)
    told.acknowledge_message("s", "message-0", 204)
    told.acknowledge_message("s", "message-1", 403)
    return told


def log() -> Log:
    """One that agrees with the records; its packets are those of `arrived`."""
    return [
        event("run-r", TARGET, "command-1"),
        event("run-r", "run.ticked.1"),
        event("scenario-r-1", STARTED, "scenario-0"),
        event("scenario-r-1", "scenario.step-applied.1", index=0),
        event("scenario-r-1", "scenario.step-applied.1", index=1),
        event("scenario-r-1", "scenario.step-applied.1", index=2),
        event(ENTRY, "oscp.message-handled.1", recorded={}, finalised=finalised(204)),
        event("oscp-session-s", "oscp.heartbeat-received.1", entry_id="e-0"),
        event("oscp-message-s-inbound-message-1", "oscp.message-recorded.1", entry_id="e-1"),
        event("oscp-message-s-inbound-message-1", "oscp.message-finalised.1", **finalised(403)),
        *(event("packets-r", "packets.packet-published.1", device_id="bay", seq=seq) for seq in range(3)),
        event("packets-r", "packets.packet-published.1", device_id="roof", seq=0),
    ]


def arrived() -> Packets:
    """Some came twice, as they may."""
    return [
        packet("bay", 0),
        packet("roof", 0),
        packet("bay", 0),
        packet("bay", 1),
        packet("bay", 2),
        packet("roof", 0),
    ]


def found(events: Log, packets: Packets, told: Records | None = None) -> tuple[int, int, int]:
    """How many are lost, done twice, and wrong otherwise."""
    faults: Faults = check(told or records(), events, packets)
    return len(faults.lost), len(faults.twice), len(faults.wrong)


def test_a_log_that_agrees_with_the_answers_has_no_faults() -> None:
    assert found(log(), arrived()) == (0, 0, 0)


MESSAGES = ("oscp.message-handled.1", "oscp.message-recorded.1", "oscp.message-finalised.1")


@pytest.mark.parametrize("kind", [TARGET, STARTED, *MESSAGES])
def test_an_acknowledged_request_without_its_event_is_lost(kind: str) -> None:
    assert found([one for one in log() if one["type"] != kind], arrived()) == (1, 0, 0)


@pytest.mark.parametrize("kind", [TARGET, STARTED, *MESSAGES, "oscp.heartbeat-received.1"])
def test_an_effect_that_is_in_the_log_twice_is_found(kind: str) -> None:
    events = log()
    assert found(events + [one for one in events if one["type"] == kind], arrived()) == (0, 1, 0)


def test_a_command_of_another_kind_under_an_acknowledged_key_is_no_effect_of_it() -> None:
    events = [one | {"type": "node.limit-changed.1"} if one["type"] == TARGET else one for one in log()]
    assert found(events, arrived()) == (1, 0, 0)


def test_a_message_with_another_outcome_than_its_answer_is_wrong() -> None:
    told = records()
    told.acknowledge_message("s", "message-0", 403)
    assert found(log(), arrived(), told) == (0, 0, 1)


def test_an_answer_that_differs_when_the_request_is_repeated_is_wrong() -> None:
    told = records()
    told.differing.append("command-1")
    assert found(log(), arrived(), told) == (0, 0, 1)


@pytest.mark.parametrize(("device", "seq"), [("bay", 0), ("bay", 1), ("bay", 2), ("roof", 0)])
def test_a_published_packet_that_never_arrives_is_lost(device: str, seq: int) -> None:
    assert found(log(), [one for one in arrived() if one != packet(device, seq)]) == (1, 0, 0)


def test_a_packet_that_arrives_before_an_earlier_one_of_its_device_is_out_of_order() -> None:
    assert found(log(), [packet("bay", 1), *arrived()]) == (0, 0, 1)


def test_a_number_that_is_published_twice_is_found() -> None:
    again = event("packets-r", "packets.packet-published.1", device_id="bay", seq=1)
    assert found([*log(), again], arrived()) == (0, 1, 0)


def test_a_number_that_is_never_published_is_lost() -> None:
    events = [one for one in log() if one["data"] != {"device_id": "bay", "seq": 1}]
    assert found(events, [one for one in arrived() if one != packet("bay", 1)]) == (1, 0, 0)


def test_a_packet_that_arrives_but_is_not_in_the_log_is_wrong() -> None:
    assert found(log(), [*arrived(), packet("yard", 0)]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("indexes", "expected"),
    [((0, 1, 1, 2), (0, 1, 0)), ((0, 2), (1, 0, 0)), ((0, 2, 1), (0, 0, 1))],
    ids=["twice", "lost", "out-of-order"],
)
def test_the_steps_of_a_scenario_are_carried_out_once_and_in_order(
    indexes: tuple[int, ...], expected: tuple[int, int, int]
) -> None:
    kept = [one for one in log() if one["type"] != "scenario.step-applied.1"]
    steps = [event("scenario-r-1", "scenario.step-applied.1", index=index) for index in indexes]
    assert found(kept + steps, arrived()) == expected


def test_a_step_that_is_refused_is_wrong() -> None:
    assert found([*log(), event("scenario-r-1", "scenario.step-refused.1", index=3)], arrived()) == (0, 0, 1)
