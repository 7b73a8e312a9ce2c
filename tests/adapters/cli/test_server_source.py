"""Reading from a server: pages are joined, and a stream that is cut goes on after the last event received."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import msgspec
import pytest

from depot_sim.adapters.cli import server_source
from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.failures import Unreachable
from depot_sim.adapters.cli.server_source import ServerSource


@pytest.fixture(autouse=True)
def _in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_source, "_RECONNECT_SECONDS", 0.0)


def run(number: int) -> dict[str, object]:
    text = {"status": "STOPPED", "configuration_id": "c", "name": "n", "time": "t", "started_at": "s"}
    return {"id": f"r{number}", "configuration_version": 1, "seed": 1, **text}


def event(position: int) -> bytes:
    data = {"position": position, "version": position, "type": "run.ticked.1", "recorded_at": "t", "data": {"at": 0}}
    return b"id: %d\nevent: run.ticked.1\ndata: %s\n\n" % (position, msgspec.json.encode(data))


class Stream(httpx.SyncByteStream):
    """Some events, and then the connection breaks or ends."""

    def __init__(self, positions: range, *, breaks: bool) -> None:
        self._positions = positions
        self._breaks = breaks

    def __iter__(self) -> Iterator[bytes]:
        yield b": depot-sim\n\n"
        for position in self._positions:
            yield event(position)
        if self._breaks:
            raise httpx.ReadError("cut")


def source(answer: httpx.MockTransport) -> ServerSource:
    return ServerSource(Client("http://depot.example", transport=answer))


def test_runs_come_page_by_page() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        begin, limit = 1_000 - int(query.get("before", "1000")), int(query["limit"])
        assert limit <= 100
        numbers = range(begin, min(250, begin + limit))
        following = 1_000 - numbers.stop if numbers.stop < 250 else None
        return httpx.Response(200, json={"runs": [run(number) for number in numbers], "next_before": following})

    reading = source(httpx.MockTransport(answer))

    assert [found.id for found in reading.runs(1_000)] == [f"r{number}" for number in range(250)]
    assert len(reading.runs(120)) == 120


def test_a_stream_that_is_cut_or_ends_goes_on_where_it_was() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        after = int(request.headers["last-event-id"])
        asked.append(after)
        if len(asked) % 3 == 0:
            raise httpx.ConnectError("restarting")
        return httpx.Response(200, stream=Stream(range(after + 1, after + 4), breaks=len(asked) % 2 == 0))

    events = source(httpx.MockTransport(answer)).events("r", after=5, types=[], follow=True)

    assert [next(events).position for _ in range(40)] == list(range(6, 46))
    assert asked[:3] == [5, 8, 11]


def test_a_server_that_never_answered_is_not_waited_for() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ConnectError("refused")

    with pytest.raises(Unreachable):
        next(source(httpx.MockTransport(answer)).events("r", after=0, types=[], follow=True))
    assert len(asked) == 1


def test_a_server_that_stays_away_is_given_up() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) > 1:
            raise httpx.ConnectError("refused")
        return httpx.Response(200, stream=Stream(range(1, 2), breaks=True))

    events = source(httpx.MockTransport(answer)).events("r", after=0, types=[], follow=True)

    assert next(events).position == 1
    with pytest.raises(Unreachable):
        next(events)
    assert len(asked) == 61, "the stream that broke, then one request a second for a minute"


def test_ids_are_quoted() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text=request.url.raw_path.decode())

    with pytest.raises(msgspec.DecodeError):
        source(httpx.MockTransport(answer)).configuration("../a b", None)
    lines = Client("http://depot.example", transport=httpx.MockTransport(answer)).get("/simulation-runs/a%2Fb/world")
    assert lines == b"/simulation-runs/a%2Fb/world"
