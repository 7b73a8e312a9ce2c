"""Long answers: everything up to now as lines, and what is still to come as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import NamedTuple

from adapters.control_api.event_records import json_lines, server_sent
from application.event_log import EventLog, Filter, Row
from application.subscription import Tail, read_page

KEEP_ALIVE_SECONDS = 15.0
_ROWS = 100
"""Read and sent at once: enough to be fast, few enough that a slow reader of large events costs little memory."""


class Selection(NamedTuple):
    """Which events, in order of position: those after `after` that match, up to the first one that `ends`."""

    after: int
    where: Filter
    ends: Callable[[Row], bool] | None = None

    def cut(self, rows: list[Row]) -> tuple[list[Row], bool]:
        """The rows that belong to the selection, and whether it ends with them."""
        if self.ends is not None:
            for index, row in enumerate(rows):
                if self.ends(row):
                    return rows[:index], True
        return rows, False


async def lines(log: EventLog, selection: Selection, most: int | None) -> AsyncGenerator[bytes, None]:
    """Everything there is now, a hundred rows in memory at a time; at most `most` events."""
    head = await asyncio.to_thread(log.head)
    after, ended = selection.after, False
    while after < head and not ended and most != 0:
        limit = _ROWS if most is None else min(_ROWS, most)
        page = await asyncio.to_thread(read_page, log, after, selection.where, limit)
        rows, ended = selection.cut([row for row in page.rows if row.position <= head])
        if rows:
            yield json_lines(rows)
        after = page.upto
        most = None if most is None else most - len(rows)


async def server_sent_events(
    tail: Tail, selection: Selection, keep_alive_seconds: float = KEEP_ALIVE_SECONDS
) -> AsyncGenerator[bytes, None]:
    """Everything there is and will be, each event once and in order, until the tail is closed or the client goes."""
    yield b": depot-sim\n\n"
    pages = tail.pages(selection.after, selection.where, _ROWS)
    coming: asyncio.Future[list[Row]] = asyncio.ensure_future(anext(pages))
    try:
        while True:
            await asyncio.wait((coming,), timeout=keep_alive_seconds)
            if not coming.done():
                yield b": still here\n\n"
                continue
            rows, ended = selection.cut(coming.result())
            if rows:
                yield server_sent(rows)
            if ended:
                return
            coming = asyncio.ensure_future(anext(pages))
    except StopAsyncIteration:
        return
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError, StopAsyncIteration):
            await coming
