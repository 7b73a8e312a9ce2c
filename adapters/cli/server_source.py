"""Runs, worlds, events and configurations as a server tells them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.failures import Unreachable
from depot_sim.adapters.cli.lines import ConfigurationLine, EventLine, RunLine
from depot_sim.application.run.views import WorldView

_LARGEST_PAGE = 100
_QUIET_SECONDS = 60.0
"""A server sends something every 15 s; after a minute of silence it is gone."""
_RECONNECTS = 60
_RECONNECT_SECONDS = 1.0
"""A server that is being restarted is waited for as long, also on a slow machine."""


class _RunPage(msgspec.Struct):
    runs: list[RunLine]
    next_before: int | None


class ServerSource:
    """What the server answers is handed on; its refusals come as errors."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def runs(self, limit: int) -> list[RunLine]:
        found: list[RunLine] = []
        before: dict[str, str | int] = {}
        while len(found) < limit:
            query = {"limit": min(_LARGEST_PAGE, limit - len(found)), **before}
            page = msgspec.json.decode(self._client.get("/simulation-runs", query), type=_RunPage)
            found += page.runs
            if page.next_before is None:
                break
            before = {"before": page.next_before}
        return found

    def world(self, run_id: str, at: str | None) -> WorldView:
        answer = self._client.get(f"{_run(run_id)}/world", None if at is None else {"at": at})
        return msgspec.json.decode(answer, type=WorldView)

    def events(self, run_id: str, *, after: int, types: Sequence[str], follow: bool) -> Iterator[EventLine]:
        path, query = f"{_run(run_id)}/events", [("type", name) for name in types]
        if follow:
            return self._follow(path, query, after)
        lines = self._client.lines(path, [*query, ("after", after)], {"Accept": "application/jsonl"}, _QUIET_SECONDS)
        return (msgspec.json.decode(line, type=EventLine) for line in lines)

    def configuration(self, id: str, version: int | None) -> ConfigurationLine:
        path = f"/simulation-configurations/{quote(id, safe='')}"
        answer = self._client.get(path if version is None else f"{path}/versions/{version}")
        return msgspec.json.decode(answer, type=ConfigurationLine)

    def _follow(self, path: str, query: list[tuple[str, str]], after: int) -> Iterator[EventLine]:
        """Server-sent events, gone on with after the last one received whenever the connection is cut."""
        tries = 0
        while True:
            headers = {"Accept": "text/event-stream", "Last-Event-ID": str(after)}
            try:
                for line in self._client.lines(path, query, headers, _QUIET_SECONDS):
                    tries = _RECONNECTS
                    if line.startswith("data: "):
                        event = msgspec.json.decode(line.removeprefix("data: "), type=EventLine)
                        after = event.position
                        yield event
            except Unreachable:
                if not tries:
                    raise
            tries -= 1
            time.sleep(_RECONNECT_SECONDS)


def _run(run_id: str) -> str:
    return f"/simulation-runs/{quote(run_id, safe='')}"
