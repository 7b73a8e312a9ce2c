"""/simulation-runs/{run_id}/power: power history of a node, connector, charger or scope."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.times import from_query
from depot_sim.application.run.requests import parse_moment, time_at
from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound
from depot_sim.domain.kernel.quantities import MJ_PER_WH, MS_PER_MINUTE, Duration
from depot_sim.read_models.power import MODEL as POWER
from depot_sim.read_models.power_history import EntityKind, PowerHistory, power_entities, power_history


class PowerQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Exactly one of node, connector ("charger/connector"), charger and scope; `from` and `to` as in /world?at=."""

    node: str | None = None
    connector: str | None = None
    charger: str | None = None
    scope: str | None = None
    from_: str | None = None
    to: str | None = None
    resolution: Duration = Duration(MS_PER_MINUTE)


class PowerBucketView(msgspec.Struct, frozen=True):
    """From `begin` to `end`. `energy_wh` is what the register stood at then."""

    begin: str
    end: str
    mean_w: int
    min_w: int
    max_w: int
    energy_wh: int


class PowerHistoryView(msgspec.Struct, frozen=True):
    """Buckets without a gap; import is positive. The run records every `tick_ms`: finer buckets are interpolated."""

    run_id: str
    kind: EntityKind
    id: str
    begin: str
    end: str
    resolution_ms: int
    tick_ms: int
    buckets: list[PowerBucketView]


@get(
    "/power",
    name="get_power_history",
    summary="Read the power history of one thing",
    dependencies={"asked": query_of(PowerQuery)},
)
async def power_history_of(
    request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[PowerQuery]]
) -> PowerHistoryView:
    """Mean, least and most power per bucket, exact from the energy registers."""
    kind, id = _what(asked)
    backend = request.backend
    run = await backend.live.get(run_id)
    start = run.started.start_time
    begin, end = _period(start, asked)

    def read() -> PowerHistory:
        fresh(backend, POWER)
        table, resolution = backend.database(POWER), int(asked.resolution)
        found = power_history(table, run_id, kind, id, resolution_ms=resolution, begin=begin, end=end)
        if found is None:
            known = power_entities(table, run_id, kind)
            raise NotFound(f"no {kind} {id!r}", f"known {kind}s: {', '.join(known[:20])}" if known else "there is none")
        return found

    return _view(await asyncio.to_thread(read), start)


def _period(start: str, asked: PowerQuery) -> tuple[int, int | None]:
    begin = 0 if asked.from_ is None else parse_moment(start, from_query(asked.from_), "/from")
    end = None if asked.to is None else parse_moment(start, from_query(asked.to), "/to")
    if begin < 0:
        raise InvalidInput([Fault("/from", time_at(start, begin), f"a time from {time_at(start, 0)} on, the start")])
    if end is not None and end < begin:
        raise InvalidInput([Fault("/to", time_at(start, end), f"a time from {time_at(start, begin)} on")])
    return begin, end


def _what(asked: PowerQuery) -> tuple[EntityKind, str]:
    named = [(kind, id) for kind in EntityKind if (id := getattr(asked, kind.value)) is not None]
    if len(named) != 1:
        found = " and ".join(kind.value for kind, _ in named) or "nothing"
        raise InvalidInput([Fault("", found, f"one of {', '.join(EntityKind)}")])
    return named[0]


def _view(history: PowerHistory, start: str) -> PowerHistoryView:
    buckets = [
        PowerBucketView(
            time_at(start, bucket.begin),
            time_at(start, bucket.end),
            bucket.mean_w,
            bucket.min_w,
            bucket.max_w,
            bucket.energy_mj // MJ_PER_WH,
        )
        for bucket in history.buckets
    ]
    begin, end = time_at(start, history.begin), time_at(start, history.end)
    return PowerHistoryView(
        run_id=history.run_id,
        kind=history.kind,
        id=history.id,
        begin=begin,
        end=end,
        resolution_ms=history.resolution_ms,
        tick_ms=history.tick_ms,
        buckets=buckets,
    )
