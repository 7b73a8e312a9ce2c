"""The service itself: is it alive, is it ready, how far are its read models, what does it count."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, FromQuery

from depot_sim.adapters.control_api.access import OPEN
from depot_sim.adapters.control_api.backend import Backend, ReadModelStatus, RebuiltReadModel
from depot_sim.adapters.control_api.requests import ApiRequest
from depot_sim.domain.kernel.errors import DepotSimError

_STORE_SECONDS = 2.0
_STUCK = "FAILING"


class ReadModelList(msgspec.Struct, frozen=True):
    """Every read model."""

    read_models: list[ReadModelStatus]


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: str = "ok"


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be served, and for each thing that is needed "ok" or what is wrong with it."""

    ready: bool
    checks: dict[str, str]


@get("/livez", summary="Is the process alive?", opt=OPEN)
async def get_liveness() -> Liveness:
    """As long as this does not answer, restart the process."""
    return Liveness()


@get("/readyz", summary="Can requests be served?", opt=OPEN)
async def get_readiness(request: ApiRequest) -> Response[Readiness]:
    """503 while the store cannot be read or written, a read model is failing, or a run cannot be resumed."""
    backend = request.backend
    checks = {"store": await _store(backend)}
    if checks["store"] == "ok":
        checks["store writes"] = await backend.health.store_fault() or "ok"
        statuses = await asyncio.to_thread(backend.projections.statuses)
        checks |= {f"read model {each.read_model}": _projection(each) for each in statuses}
    checks |= {f"run {id}": f"cannot be resumed: {why}" for id, why in backend.health.not_resumed().items()}
    ready = all(said == "ok" for said in checks.values())
    return Response(Readiness(ready, checks), status_code=200 if ready else 503)


@get("/read-models", summary="List read models with their positions")
async def list_read_models(request: ApiRequest) -> ReadModelList:
    """How far each follows the event log."""
    return ReadModelList(await asyncio.to_thread(request.backend.projections.statuses))


@post(
    "/read-models/{name:str}/rebuild",
    name="rebuild_read_model",
    summary="Build a read model anew from the log",
    status_code=200,
)
async def rebuild_read_model(
    request: ApiRequest, name: FromPath[str], verify: FromQuery[bool] = False
) -> RebuiltReadModel:
    """Queries use the old tables until the new ones replace them; the answer comes then."""
    return await asyncio.to_thread(request.backend.projections.rebuild, name, verify=verify)


@get("/metrics", summary="Read the service's metrics", media_type="text/plain; version=0.0.4")
async def get_metrics(request: ApiRequest) -> bytes:
    """In Prometheus' text format."""
    return await asyncio.to_thread(request.backend.metrics)


SERVICE_ROUTES: list[HTTPRouteHandler] = [
    get_liveness,
    get_readiness,
    list_read_models,
    rebuild_read_model,
    get_metrics,
]


async def _store(backend: Backend) -> str:
    try:
        await asyncio.wait_for(asyncio.to_thread(backend.log.head), _STORE_SECONDS)
    except TimeoutError:
        return f"no answer in {_STORE_SECONDS:g} s"
    except DepotSimError as error:
        return error.title
    return "ok"


def _projection(status: ReadModelStatus) -> str:
    return f"failing: {status.error}" if status.state == _STUCK else "ok"
