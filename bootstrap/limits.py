"""The limits of HTTP connections, event streams and refused requests by name: `serve --limit NAME=VALUE`."""

from __future__ import annotations

import logging
import resource
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import NamedTuple

from depot_sim.adapters.control_api import PROBLEM_PREFIX, StreamLimits
from depot_sim.adapters.front_door.rate import DEFAULT_PER_MINUTE
from depot_sim.application.memory import Room
from depot_sim.connection_guard import Limits
from depot_sim.domain.kernel.errors import Fault, InvalidInput

_OTHER_FILES = 256
"""Open files that are no connections from clients: the stores, partners, the loop."""

_LEAST_FOR_BODIES = 32 * 2**20
"""Enough for one configuration of the largest size."""

_log = logging.getLogger("depot_sim.service")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits(Limits):
    """`event_streams` are open at once; `event_stream_seconds` is how long a client may take nothing of one.

    `refused_per_minute` is how many requests an address may send that have no valid token or belong to no session.
    """

    event_streams: int = StreamLimits().streams
    event_stream_seconds: float = StreamLimits().unread_seconds
    refused_per_minute: int = DEFAULT_PER_MINUTE
    problem_prefix: str = PROBLEM_PREFIX

    def of_streams(self) -> StreamLimits:
        return StreamLimits(self.event_streams, self.event_stream_seconds)


class Limit(NamedTuple):
    """`field` is that of ServiceLimits; values are whole numbers unless the unit is seconds."""

    name: str
    field: str
    unit: str
    least: float
    most: float


LIMITS = (
    Limit("head-bytes", "head_bytes", "bytes", 256, 2**24),
    Limit("head-seconds", "head_seconds", "seconds", 0.01, 86_400),
    Limit("body-seconds", "body_seconds", "seconds", 0.01, 86_400),
    Limit("body-bytes-per-second", "body_bytes_per_second", "bytes", 1, 2**30),
    Limit("body-bytes-under-way", "body_bytes_under_way", "bytes", 256, 2**40),
    Limit("response-seconds", "response_seconds", "seconds", 0.01, 86_400),
    Limit("idle-seconds", "idle_seconds", "seconds", 0.01, 86_400),
    Limit("connections", "connections", "connections", 1, 1_000_000),
    Limit("connections-per-address", "connections_per_address", "connections", 1, 1_000_000),
    Limit("event-streams", "event_streams", "streams", 1, 1_000_000),
    Limit("event-stream-seconds", "event_stream_seconds", "seconds", 0.01, 86_400),
    Limit("refused-per-minute", "refused_per_minute", "requests", 1, 1_000_000),
)
_BY_NAME = {limit.name: limit for limit in LIMITS}


def read_limits(texts: Sequence[str]) -> ServiceLimits:
    """The limits with the values of texts NAME=VALUE. Raises InvalidInput with every fault."""
    values: dict[str, float] = {}
    faults: list[Fault] = []
    for text in texts:
        name, _, value = text.partition("=")
        limit = _BY_NAME.get(name.strip())
        number = None if limit is None else _number(value.strip(), limit)
        if limit is None:
            faults.append(Fault("/limit", repr(text), _near(name)))
        elif number is None:
            faults.append(
                Fault("/limit", repr(text), f"{limit.name}=VALUE, {limit.least:g} to {limit.most} {limit.unit}")
            )
        elif limit.field in values:
            faults.append(Fault("/limit", f"{limit.name} twice", "each limit once"))
        else:
            values[limit.field] = number
    if faults:
        raise InvalidInput(faults)
    return replace(ServiceLimits(), **values)  # type: ignore[arg-type]  # whole numbers where the field has them


def allow_open_files(limits: Limits) -> Limits:
    """Raise this process's limit of open files to what the connections need, as far as the system lets it.

    Where it does not, the limits of connections are lowered instead: a service that cannot open a file any more cannot
    write to its store either.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return limits
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    if allowed >= needed:
        return limits
    connections = max(1, max(soft, allowed) - _OTHER_FILES)
    _log.warning("fewer connections are accepted: the limit of open files is low", extra={"connections": connections})
    return replace(limits, connections=connections)


def allow_bodies(limits: Limits, room: Room | None) -> Limits:
    """Lower the memory for bodies under way to an eighth of what is left, though not below 32 MiB.

    A body takes up to three times its size while it is received and read.
    """
    allowed = limits.body_bytes_under_way if room is None else max(_LEAST_FOR_BODIES, room.left_bytes // 8)
    if allowed >= limits.body_bytes_under_way:
        return limits
    _log.info("less memory is for bodies under way: %s", room, extra={"bytes": allowed})
    return replace(limits, body_bytes_under_way=allowed)


def _number(text: str, limit: Limit) -> float | None:
    try:
        number = float(text) if limit.unit == "seconds" else int(text)
    except ValueError:
        return None
    return number if limit.least <= number <= limit.most else None


def _near(name: str) -> str:
    near = get_close_matches(name.strip()[:100], _BY_NAME, n=1)
    return f"did you mean {near[0]}=VALUE?" if near else f"NAME=VALUE with a name of {', '.join(_BY_NAME)}"
