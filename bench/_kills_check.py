"""Compares what the clients of a killed service were told with its event log and with the packets that arrived."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bench._kills_clients import Records

_PUBLISHED = "packets.packet-published.1"
_RECORDED = frozenset({"oscp.message-handled.1", "oscp.message-recorded.1"})
_FINALISED = frozenset({"oscp.message-handled.1", "oscp.message-finalised.1"})
_STEP = "scenario.step-applied.1"
_REFUSED_STEP = "scenario.step-refused.1"

Event = Mapping[str, Any]
"""As `GET /events` returns it."""


class Faults(NamedTuple):
    """One description each. `wrong` is neither lost nor done twice: in another order, or with another answer."""

    lost: list[str]
    twice: list[str]
    wrong: list[str]


def check(records: Records, events: Sequence[Event], arrived: Sequence[Any]) -> Faults:
    """`events` is the whole log, oldest first; `arrived` are the packets in the order of their arrival."""
    faults = Faults([], [], list(records.differing))
    check_commands(records.effects, events, faults)
    check_messages(records.statuses, events, faults)
    check_packets(events, arrived, faults)
    check_steps(events, faults)
    return faults


def check_commands(effects: Mapping[str, str], events: Iterable[Event], faults: Faults) -> None:
    """Every acknowledged key has caused its event once, and no key has caused it twice."""
    causes = ((event["origin"].get("causation_id", ""), event["type"]) for event in events)
    found = Counter((key, kind) for key, kind in causes if effects.get(key) == kind)
    faults.lost.extend(f"command {key}: no {kind}" for key, kind in effects.items() if not found[key, kind])
    faults.twice.extend(f"command {key}: {times} times {kind}" for (key, kind), times in found.items() if times > 1)


def check_messages(statuses: Mapping[tuple[str, str], int], events: Sequence[Event], faults: Faults) -> None:
    """Every answered message has one entry in the ledger with one outcome, which is the answer; and one effect."""
    recorded: Counter[str] = Counter()
    outcomes: defaultdict[str, list[int]] = defaultdict(list)
    effects: Counter[tuple[str, str]] = Counter()
    for event in events:
        stream, kind, data = event["stream"], event["type"], event["data"]
        recorded[stream] += kind in _RECORDED
        if kind in _FINALISED:
            outcomes[stream].append(data.get("finalised", data).get("answer", {}).get("status", 0))
        if kind.startswith("oscp.") and "entry_id" in data and not stream.startswith("oscp-message-"):
            effects[kind, data["entry_id"]] += 1
    for (session_id, request_id), status in statuses.items():
        stream = f"oscp-message-{session_id}-inbound-{request_id}"
        if not recorded[stream] or not outcomes[stream]:
            faults.lost.append(f"message {stream}: answered {status}, {recorded[stream]} entries, {outcomes[stream]}")
        elif recorded[stream] > 1 or len(outcomes[stream]) > 1:
            faults.twice.append(f"message {stream}: {recorded[stream]} entries, outcomes {outcomes[stream]}")
        elif outcomes[stream] != [status]:
            faults.wrong.append(f"message {stream}: answered {status}, in the ledger {outcomes[stream]}")
    faults.twice.extend(f"{kind} of {entry}: {times} times" for (kind, entry), times in effects.items() if times > 1)


def check_packets(events: Iterable[Event], arrived: Iterable[Any], faults: Faults) -> None:
    """Every published packet has arrived, in order for its device; every number of a device is published once."""
    published: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["type"] == _PUBLISHED:
            published[event["data"]["device_id"]].append(event["data"]["seq"])
    first_arrivals: defaultdict[str, dict[int, None]] = defaultdict(dict)
    for packet in arrived:
        first_arrivals[packet["deviceId"]].setdefault(packet["seq"])
    for device in published.keys() | first_arrivals.keys():
        numbers, seen = published[device], list(first_arrivals[device])
        lost = set(range(max(numbers, default=-1) + 1)) - set(seen) | set(numbers) - set(seen)
        faults.lost.extend(f"packet {number} of {device}" for number in sorted(lost))
        again = [number for number, times in Counter(numbers).items() if times > 1]
        faults.twice.extend(f"packet {number} of {device} was published twice" for number in again)
        if not lost and not again and seen != numbers:
            faults.wrong.append(f"packets of {device}: published {numbers}, arrived {seen}")


def check_steps(events: Iterable[Event], faults: Faults) -> None:
    """Every scenario carried its steps out once, one after another, and none of them was refused."""
    steps: defaultdict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["type"] == _STEP:
            steps[event["stream"]].append(event["data"]["index"])
        elif event["type"] == _REFUSED_STEP:
            faults.wrong.append(f"{event['stream']}: step refused, {event['data']}")
    for stream, indexes in steps.items():
        again = [index for index, times in Counter(indexes).items() if times > 1]
        faults.twice.extend(f"step {index} of {stream}" for index in again)
        lost = set(range(max(indexes) + 1)) - set(indexes)
        faults.lost.extend(f"step {index} of {stream}" for index in sorted(lost))
        if not again and not lost and indexes != sorted(indexes):
            faults.wrong.append(f"{stream}: steps in the order {indexes}")
