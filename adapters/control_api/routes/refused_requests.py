"""/refused-requests: the audit of requests that were refused before any handler or session."""

from __future__ import annotations

from datetime import UTC, date, datetime

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from depot_sim.adapters.control_api.access import FOR_OPERATORS
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.domain.access.refused import RefusedCount
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.instants import written

_EPOCH = date(1970, 1, 1)


class RefusedQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`day` is a date in UTC such as 2026-04-02, today by default."""

    day: str | None = None


class RefusedView(msgspec.Struct, frozen=True):
    """`count` requests of one kind from one sender in the hour that begins at `hour`.

    `sender` is an address, a network of 64 bits for IPv6, or "others" for all beyond 256 in an hour. `route` is a path
    template of the control API, or the name of an OSCP message. `reason` is the rule that refused; "rate" stands for
    those that were answered 429.
    """

    hour: str
    sender: str
    surface: str
    route: str
    reason: str
    count: int
    first_at: str
    last_at: str


class RefusedList(msgspec.Struct, frozen=True):
    """The newest hour first, in an hour the highest count first."""

    day: str
    refused: list[RefusedView]


@get(
    "/refused-requests",
    name="list_refused_requests",
    summary="Count requests without a valid token, and messages that belong to no session",
    dependencies={"asked": query_of(RefusedQuery)},
    opt=FOR_OPERATORS,
)
async def list_refused_requests(
    request: ApiRequest, asked: NamedDependency[SkipValidation[RefusedQuery]]
) -> RefusedList:
    """For operators. Recorded in the event log once a minute; tokens and bodies are never part of it."""
    day = datetime.now(UTC).date() if asked.day is None else _day(asked.day)
    counts = await request.backend.refused.on_day((day - _EPOCH).days)
    return RefusedList(day.isoformat(), [_view(count) for count in counts])


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput([Fault("/day", repr(text[:40]), "a date such as 2026-04-02")]) from None


def _view(count: RefusedCount) -> RefusedView:
    key = count.key
    return RefusedView(
        hour=written(key.hour),
        sender=key.sender,
        surface=key.surface,
        route=key.route,
        reason=key.reason,
        count=count.count,
        first_at=written(count.first_at),
        last_at=written(count.last_at),
    )
