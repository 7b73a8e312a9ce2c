"""Events: a page as JSON, all of them as JSON Lines, or as server-sent events that go on as events come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from difflib import get_close_matches

import msgspec
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation
from litestar.response import Stream

from depot_sim.adapters.control_api.event_pages import Selection
from depot_sim.adapters.control_api.event_records import EventPage, record
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.times import from_query, recorded_us
from depot_sim.application.event_log import Filter, Row
from depot_sim.application.event_times import position_recorded_before
from depot_sim.application.run.requests import parse_moment
from depot_sim.application.subscription import read_page
from depot_sim.connection_guard import current_connection
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.events import topics
from depot_sim.domain.kernel.problems import one_of
from depot_sim.domain.run.aggregate import SimulationRun, stream_of

LARGEST_PAGE = 1_000
JSON_LINES = "application/jsonl"
EVENT_STREAM = "text/event-stream"
_STREAMED = {"media_types_out": [JSON_LINES, EVENT_STREAM], "headers": ["Last-Event-ID"]}


class EventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`after` is a position; `type` may be repeated; `from` and `to` are moments of the run as in /world?at=.

    `limit` is the size of a page, by default 100, or the most lines; server-sent events have none.
    """

    after: int = 0
    limit: int | None = None
    type: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None


class AllEventsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """`run`, `stream` and `type` may be repeated; `from` and `to` are RFC 3339 times at which events were recorded.

    `after` and `limit` as for the events of one run.
    """

    after: int = 0
    limit: int | None = None
    run: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    from_: str | None = None
    to: str | None = None


@get(
    "/events",
    name="list_run_events",
    summary="Read a run's events",
    dependencies={"asked": query_of(EventsQuery)},
    opt=_STREAMED,
)
async def run_events(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[EventsQuery]]
) -> Response[EventPage] | Stream:
    """As the Accept header says: application/json for a page, application/jsonl for all, text/event-stream to follow.

    An event stream goes on by itself, and where it was cut: Last-Event-ID counts as `after`.
    """
    run = await request.backend.live.get(run_id)
    _check(asked)
    selection = await _selection(request, run, asked)
    return await _answer(request, selection, asked.limit)


@get(
    "/events",
    name="list_events",
    summary="Read events of everything",
    dependencies={"asked": query_of(AllEventsQuery)},
    opt=_STREAMED,
)
async def all_events(
    request: ApiRequest, asked: NamedDependency[SkipValidation[AllEventsQuery]]
) -> Response[EventPage] | Stream:
    """As the events of one run, of all runs, configurations and kept answers."""
    _check(asked)
    after = max(asked.after, _last_event_id(request))
    if asked.from_ is not None:
        begin = recorded_us(asked.from_, "/from")
        after = max(after, await asyncio.to_thread(position_recorded_before, request.backend.log, begin))
    ends = None if asked.to is None else _ends_after(recorded_us(asked.to, "/to"))
    streams = (*map(stream_of, asked.run), *asked.stream)
    return await _answer(request, Selection(after, Filter(streams, topics=asked.type), ends), asked.limit)


def _ends_after(recorded_at: int) -> Callable[[Row], bool]:
    return lambda row: row.recorded_at > recorded_at


async def _answer(request: ApiRequest, selection: Selection, limit: int | None) -> Response[EventPage] | Stream:
    backend = request.backend
    accepted = request.accept.best_match([MediaType.JSON, JSON_LINES, "application/x-ndjson", EVENT_STREAM])
    if accepted == EVENT_STREAM:
        if limit is not None:
            raise InvalidInput([Fault("/limit", str(limit), "no limit on an event stream")])
        connection = current_connection()
        if connection is not None:
            connection.close_with_input()  # a client that only closes its side has left: the stream has no other end
        return backend.streams.following(selection, EVENT_STREAM)
    if accepted in (JSON_LINES, "application/x-ndjson"):
        return backend.streams.download(selection, limit, accepted)
    size = 100 if limit is None else limit
    if size > LARGEST_PAGE:
        raise InvalidInput([Fault("/limit", str(size), f"1 to {LARGEST_PAGE}; {JSON_LINES} has no bound")])
    page = await asyncio.to_thread(read_page, backend.log, selection.after, selection.where, size)
    rows, ended = selection.cut(page.rows)
    more = not ended and len(page.rows) == size
    return Response(EventPage([record(row) for row in rows], rows[-1].position if ended and rows else page.upto, more))


def _check(asked: EventsQuery | AllEventsQuery) -> None:
    known = topics()
    faults = [Fault("/type", repr(topic), _likely(topic, known)) for topic in asked.type if topic not in known]
    if asked.after < 0:
        faults.append(Fault("/after", str(asked.after), "a position, from 0 on"))
    if asked.limit is not None and asked.limit < 1:
        faults.append(Fault("/limit", str(asked.limit), "at least 1"))
    if faults:
        raise InvalidInput(faults)


def _likely(topic: str, known: tuple[str, ...]) -> str:
    """What a topic was probably meant to be, or else all there are."""
    near = get_close_matches(topic[:100], known, n=3, cutoff=0.6)
    return f"{', '.join(near)}?" if near else one_of(known)


async def _selection(request: ApiRequest, run: SimulationRun, asked: EventsQuery) -> Selection:
    where = Filter(streams=(run.stream,), topics=asked.type)
    start = run.started.start_time
    after = max(asked.after, _last_event_id(request))
    if asked.from_ is not None:
        begin = parse_moment(start, from_query(asked.from_), "/from")
        after = max(after, await request.backend.live.position_before(run.run_id, begin))
    if asked.to is None:
        return Selection(after, where)
    end = parse_moment(start, from_query(asked.to), "/to")
    return Selection(after, where, lambda row: _logical_time(row) > end)


def _last_event_id(request: ApiRequest) -> int:
    text = request.headers.get("last-event-id", "0")
    if not text.isdecimal() or len(text) > 18:
        raise InvalidInput([Fault("/Last-Event-ID", repr(text[:40]), "the id of an event of this stream")])
    return int(text)


class _At(msgspec.Struct):
    at: int = 0


_decode_at = msgspec.json.Decoder(_At).decode


def _logical_time(row: Row) -> int:
    return _decode_at(row.state).at
