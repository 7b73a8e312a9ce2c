"""The message ledger at a million entries: projecting it, and its pages, one JSON line per figure.

The log is filled with messages of one session, so that nothing but the filters narrows a page down; the rarest kind is
one in a hundred thousand, and some filters match nothing. Each page is of 100 messages, at random places of the ledger.

`python -m bench.oscp_ledger [ENTRIES] [--store sqlite|postgresql]`
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

from bench._stores import store_url
from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.event_log import Append, EventLog, StreamWrite
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.oscp.ledger import (
    Answer,
    OscpMessageFinalised,
    OscpMessageHandled,
    OscpMessageRecorded,
    entry_id_of,
    stream_of,
)
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation
from depot_sim.projections.oscp.messages import OscpMessagesProjector
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.database import Database
from depot_sim.read_models.oscp import messages as oscp_messages
from depot_sim.read_models.oscp.messages import Wanted, get_message, list_messages

ENTRIES = 1_000_000
TARGET_MS = 50.0
SESSION, RUN, CONFIGURATION = "6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111", "bench", "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"

_APPENDS = 2_000
_REPEATS = 100
_BODY = '{"offline_mode_at":"2026-04-02T10:15:00.000Z"}'
_HEADERS = (("content-type", "application/json"), ("x-oscp-configuration-id", CONFIGURATION))
_FILTERS = {
    "any": Wanted(),
    "half": Wanted(direction="inbound"),
    "one_type": Wanted(message_type="UpdateGroupMeasurements"),
    "rejected": Wanted(outcome="rejected"),
    "deliberate": Wanted(deliberate=True),
    "rare": Wanted(outcome="failed"),
    "none": Wanted(direction="outbound", validation="accepted"),
    "none_deliberate": Wanted(message_type="UpdateGroupMeasurements", deliberate=True),
    "correlated": Wanted(correlation_id="forecast-7", direction="inbound"),
    "requested": Wanted(request_id="message-4711"),
}


def main() -> None:
    options = _options()
    for store in options.store:
        with store_url(store) as url, open_event_store(url) as events:
            _fill(events.log, options.entries)
            with closing(open_read_store(url, [oscp_messages.MODEL])) as read:
                model = read[oscp_messages.MODEL]
                began = time.perf_counter()
                rebuild(OscpMessagesProjector(), events.log, model)
                rate = options.entries / (time.perf_counter() - began)
                _print(store, "oscp_ledger_projected", round(rate), "entries/s", entries=options.entries)
                for name, latencies in _pages(model.database(), events.log.head()):
                    _report(store, f"oscp_ledger_page_{name}", latencies)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("entries", nargs="?", type=int, default=ENTRIES)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    options.store = options.store or ["sqlite", "postgresql"]
    return options


def _fill(log: EventLog, entries: int) -> None:
    for begin in range(0, entries, _APPENDS):
        log.append_many([_entry(number) for number in range(begin, min(begin + _APPENDS, entries))])


def _entry(number: int) -> Append:
    """Heartbeats both ways, a measurement in five, a rejection in a hundred, mostly wanted, a failure now and then."""
    direction = Direction.INBOUND if number % 2 else Direction.OUTBOUND
    is_inbound, is_failed = direction is Direction.INBOUND, number % 100_000 == 0
    is_rejected, is_wanted = number % 101 == 1, number % 303 == 1
    type = MessageType.UPDATE_GROUP_MEASUREMENTS if number % 10 in (1, 3) else MessageType.HEARTBEAT
    if is_rejected:
        type = MessageType.HEARTBEAT
    request_id, overrides = f"message-{number}", ("reject_heartbeat_with_403",) if is_wanted else ()
    stream = stream_of(SESSION, direction, request_id)
    recorded = OscpMessageRecorded(
        at=1_775_124_000_000 + number,
        entry_id=entry_id_of(stream),
        session_id=SESSION,
        run_id=RUN,
        configuration_id=CONFIGURATION,
        direction=direction,
        message_type=type,
        request_id=request_id,
        correlation_id=f"forecast-{number // 20_000}" if number % 1_000 == 1 else "",
        url="heartbeat",
        headers=_HEADERS,
        body=_BODY,
        body_bytes=len(_BODY),
        overrides=overrides,
    )
    finalised = OscpMessageFinalised(
        recorded.at,
        Outcome.FAILED if is_failed else Outcome.REJECTED if is_rejected else Outcome.ACCEPTED,
        (Validation.REJECTED if is_rejected and not is_wanted else Validation.ACCEPTED) if is_inbound else None,
        Answer(0 if is_failed else 403 if is_rejected else 204),
        latency_us=1_200,
        overrides=overrides,
    )
    events = [OscpMessageHandled(recorded, finalised)] if is_inbound else [recorded, finalised]
    return Append([StreamWrite(stream, 0, [encode(event) for event in events])])


def _pages(database: Database, head: int) -> Iterator[tuple[str, list[float]]]:
    chance = random.Random(7)
    for name, wanted in _FILTERS.items():
        ask = partial(list_messages, database, SESSION, wanted)
        yield name, _timed(lambda: ask(before=chance.randrange(head)))  # noqa: B023 - called within the turn
    ids = [message.entry_id for message in list_messages(database, SESSION, limit=1_000).messages]
    yield "entry", _timed(lambda: get_message(database, chance.choice(ids)))
    ask = partial(list_messages, database, SESSION, _FILTERS["rare"], oldest_first=True)
    yield "oldest_first", _timed(lambda: ask(after=chance.randrange(head)))


def _timed(ask: Callable[[], Any]) -> list[float]:
    latencies = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        ask()
        latencies.append(time.perf_counter() - began)
    return sorted(latencies)


def _report(store: str, name: str, latencies: list[float]) -> None:
    p50, worst = latencies[len(latencies) // 2] * 1_000, latencies[-1] * 1_000
    _print(store, name, round(p50, 2), "ms", worst=round(worst, 2), at_most=TARGET_MS)


def _print(store: str, name: str, value: float, unit: str, **more: float) -> None:
    print(json.dumps({"name": name, "store": store, "value": value, "unit": unit, **more}), flush=True)


if __name__ == "__main__":
    main()
