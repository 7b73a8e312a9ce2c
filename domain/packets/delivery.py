"""What an answer to a packet means, and when a failed delivery is tried again."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import NamedTuple

from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.packets.events import FeedPolicy, Headers

_OTHERS_TO_REPEAT = frozenset({401, 403, 408, 425, 429})
_LONGEST_RETRY_AFTER_MS = 3_600_000
"""A platform that asks for more is asked again all the same."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class Fate(Enum):
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"


class Attempt(NamedTuple):
    """One request for a packet and what came back. `status` 0: no answer, for the reason in `error`.

    `held_by` is the id of the override for which there was no request.
    """

    status: int
    latency_us: int = 0
    answer_headers: Headers = ()
    answer: str = ""
    error: str = ""
    held_by: str = ""


def fate_of(status: int) -> Fate:
    """Whatever may be mended without changing the packet is worth another attempt; any other 4xx is final."""
    if 200 <= status < 300:
        return Fate.DELIVERED
    if 400 <= status < 500 and status not in _OTHERS_TO_REPEAT:
        return Fate.REJECTED
    return Fate.FAILED


def retry_ms(policy: FeedPolicy, seed: int, device_id: str, seq: int, attempt: int) -> int:
    """How long to wait after the attempt (from 1): doubling up to the cap, half of it drawn from the seed."""
    longest = min(policy.retry_base_ms << min(attempt - 1, 32), policy.retry_cap_ms)
    half = longest // 2
    return longest - half + Noise(seed).uniform(f"packet-retry/{device_id}/{seq}", attempt, half + 1)


def retry_after_ms(headers: Iterable[tuple[str, str]], now_ms: int) -> int:
    """What a Retry-After among the headers asks for, at most an hour; 0 when there is none that can be read."""
    asked = next((value.strip() for name, value in headers if name.lower() == "retry-after"), "")
    if asked.isascii() and asked.isdigit():
        return min(int(asked[:9]) * 1_000, _LONGEST_RETRY_AFTER_MS)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return 0
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max((aware - _EPOCH) // _MS - now_ms, 0), _LONGEST_RETRY_AFTER_MS)
