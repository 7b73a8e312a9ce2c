"""One HTTP request and its answer: no redirects, exact timeouts, a bounded body."""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import aiohttp
from multidict import CIMultiDict

from depot_sim.adapters.http.network_faults import FAULTS, Patience, told
from depot_sim.application.http import Headers

MOST_ANSWER_BYTES = 64 * 1024
"""Of a longer answer only this much is read."""


class Answer(NamedTuple):
    """`broken` says why the body did not come to its end; the status stands all the same."""

    status: int
    headers: Headers
    body: bytes
    latency_us: int
    broken: str = ""


async def exchange(
    http: aiohttp.ClientSession, method: str, url: str, headers: Headers, body: bytes, patience: Patience
) -> Answer:
    """Raises one of FAULTS when there is no answer."""
    began = time.perf_counter_ns()
    async with http.request(
        method, url, headers=CIMultiDict(headers), data=body or None, timeout=_timeout(patience), allow_redirects=False
    ) as response:
        content, broken = bytearray(), ""
        try:
            await _read_into(content, response)
        except FAULTS as fault:
            broken = f"the answer's body is incomplete: {told(fault, patience)}"
        answered = tuple((str(name), value) for name, value in response.headers.items())
        latency_us = (time.perf_counter_ns() - began) // 1_000
        return Answer(response.status, answered, bytes(content), latency_us, broken)


async def _read_into(content: bytearray, response: aiohttp.ClientResponse) -> None:
    while len(content) < MOST_ANSWER_BYTES:
        chunk = await response.content.read(MOST_ANSWER_BYTES - len(content))
        if not chunk:
            return
        content += chunk
    response.close()


def _timeout(patience: Patience) -> aiohttp.ClientTimeout:
    """Exact: what is above its threshold, aiohttp rounds up to whole seconds."""
    return aiohttp.ClientTimeout(
        total=patience.request_ms / 1_000, connect=patience.connect_ms / 1_000, ceil_threshold=math.inf
    )
