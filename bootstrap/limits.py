"""The limits of HTTP connections, event streams and refused requests by name: `serve --limit NAME=VALUE`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from depot_sim.adapters.control_api import PROBLEM_PREFIX, StreamLimits
from depot_sim.adapters.front_door.rate import DEFAULT_PER_MINUTE
from depot_sim.application.memory import Room
from depot_sim.connection_guard import Limits
from depot_sim.connection_guard.options import CONNECTION_LIMITS, Limit, read_options
from depot_sim.domain.kernel.errors import Fault, InvalidInput

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


LIMITS = (
    *CONNECTION_LIMITS,
    Limit("event-streams", "event_streams", "streams", 1, 1_000_000),
    Limit("event-stream-seconds", "event_stream_seconds", "seconds", 0.01, 86_400),
    Limit("refused-per-minute", "refused_per_minute", "requests", 1, 1_000_000),
)


def read_limits(texts: Sequence[str]) -> ServiceLimits:
    """The limits with the values of texts NAME=VALUE. Raises InvalidInput with every fault."""
    values, faults = read_options(texts, LIMITS)
    if faults:
        raise InvalidInput([Fault("/limit", fault.found, fault.expected) for fault in faults])
    return replace(ServiceLimits(), **values)  # type: ignore[arg-type]  # whole numbers where the field has them


def allow_bodies(limits: Limits, room: Room | None) -> Limits:
    """Lower the memory for bodies under way to an eighth of what is left, though not below 32 MiB.

    A body takes up to three times its size while it is received and read.
    """
    allowed = limits.body_bytes_under_way if room is None else max(_LEAST_FOR_BODIES, room.left_bytes // 8)
    if allowed >= limits.body_bytes_under_way:
        return limits
    _log.info("less memory is for bodies under way: %s", room, extra={"bytes": allowed})
    return replace(limits, body_bytes_under_way=allowed)
