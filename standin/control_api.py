"""The control routes, under `/control`: JSON in, JSON out, errors as `{"message": ...}`.

404 for an unknown connection, 422 for a body or query that makes no sense, 409 for an order that does not fit the
connection's state, 408 for a wait that was in vain.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from aiohttp import web
from aiohttp.typedefs import Handler
from msgspec import Meta, Struct

from depot_sim.standin import answers, orders
from depot_sim.standin.answers import Problem
from depot_sim.standin.connection import Lifecycle
from depot_sim.standin.constraint import Mode, Source
from depot_sim.standin.link import Link
from depot_sim.standin.misbehaviour import MisbehaviourOrder
from depot_sim.standin.orders import AdjustmentOrder, NonComplianceOrder, NotPossible, RawOrder, ReadingOrder
from depot_sim.standin.outbound import Delivery
from depot_sim.standin.profile import Profile
from depot_sim.standin.provider import Provider
from depot_sim.standin.state_view import view
from depot_sim.standin.wire import Message

Operation = Callable[[Link, web.Request], Awaitable[object]]


class StateOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Force this state."""

    lifecycle: Lifecycle


class HeartbeatsOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Send heartbeats by the clock, or do not."""

    enabled: bool


class LoadOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Publish each window as it closes, under this load; null ends it."""

    load_kw: float | None


class WaitOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Until everything that is named holds at once."""

    lifecycle: Lifecycle | None = None
    mode: Mode | None = None
    source: Source | None = None
    message: Message | None = None
    direction: str | None = None
    count: Annotated[int, Meta(ge=1)] = 1
    timeout: Annotated[float, Meta(ge=0, le=600)] = 10.0

    def holds(self, link: Link) -> bool:
        constraint = link.connection.scope.constraint
        return (
            self.lifecycle in (None, link.connection.lifecycle)
            and self.mode in (None, constraint.mode)
            and self.source in (None, constraint.consumption.source)
            and (self.message is None or self._messages(link) >= self.count)
        )

    def _messages(self, link: Link) -> int:
        entries = (entry for entry in link.journal.entries if entry.message == self.message)
        return sum(self.direction in (None, entry.direction) for entry in entries)


@web.middleware
async def explain_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what went wrong into its answer."""
    try:
        return await handler(request)
    except Problem as problem:
        return web.json_response({"message": problem.message}, status=problem.status)
    except NotPossible as problem:
        return web.json_response({"message": str(problem)}, status=409)


class ControlApi:
    """Serves one provider's control routes."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def routes(self) -> list[web.RouteDef]:
        one = "/control/connections/{configuration_id}"
        posts = {
            "handshake": _shake_hands,
            "disconnect": _disconnect,
            "heartbeat": _heartbeat,
            "heartbeats": _heartbeats,
            "measurements": _measurements,
            "load": _load,
            "adjustment": _adjustment,
            "compliance-error": _compliance_error,
            "raw": _raw,
            "state": _state,
        }
        return [
            web.get("/control/connections", self._list),
            web.put(one, self._put),
            web.delete(one, self._delete),
            web.get(one, self._on(_read)),
            web.get(f"{one}/wait", self._on(_wait)),
            web.get(f"{one}/messages", self._on(_messages)),
            web.put(f"{one}/misbehaviour", self._on(_misbehave)),
            web.delete(f"{one}/misbehaviour", self._on(_behave)),
            *(web.post(f"{one}/{name}", self._on(operation)) for name, operation in posts.items()),
            web.get("/control/strays", self._strays),
            web.post("/control/tokens/revoke", self._revoke_tokens),
        ]

    def _on(self, operation: Operation) -> Handler:
        """A handler that finds the connection, and writes down what the operation gives back."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return answers.json(await operation(self._find(request), request))

        return handle

    def _find(self, request: web.Request) -> Link:
        configuration_id = request.match_info["configuration_id"]
        link = self._provider.link(configuration_id)
        if link is None:
            raise Problem(404, f"there is no connection {configuration_id}")
        return link

    async def _list(self, _: web.Request) -> web.Response:
        return answers.json([view(link) for link in self._provider.links()])

    async def _put(self, request: web.Request) -> web.Response:
        profile = await answers.body(request, Profile)
        return answers.json(view(await self._provider.connect(request.match_info["configuration_id"], profile)))

    async def _delete(self, request: web.Request) -> web.Response:
        self._find(request)
        await self._provider.forget(request.match_info["configuration_id"])
        return web.Response(status=204)

    async def _strays(self, _: web.Request) -> web.Response:
        return answers.json(list(self._provider.strays))

    async def _revoke_tokens(self, _: web.Request) -> web.Response:
        return answers.json({"revoked": self._provider.gatekeeper.revoke_all()})


async def _read(link: Link, _: web.Request) -> object:
    return view(link)


async def _wait(link: Link, request: web.Request) -> object:
    wanted = answers.query(request, WaitOrder)
    if not await link.changes.until(lambda: wanted.holds(link), wanted.timeout):
        standing = f"{link.connection.lifecycle}, {link.connection.scope.constraint.mode}"
        raise Problem(408, f"not within {wanted.timeout:g} s: the connection is {standing}")
    return view(link)


async def _messages(link: Link, _: web.Request) -> object:
    return {"messages": list(link.journal.entries)}


async def _misbehave(link: Link, request: web.Request) -> object:
    order = await answers.body(request, MisbehaviourOrder)
    link.misbehaviour.obey(order)
    return order


async def _behave(link: Link, _: web.Request) -> object:
    order = MisbehaviourOrder()
    link.misbehaviour.obey(order)
    return order


async def _shake_hands(link: Link, _: web.Request) -> Delivery:
    return await orders.shake_hands(link)


async def _disconnect(link: Link, _: web.Request) -> object:
    orders.disconnect(link)
    return view(link)


async def _heartbeat(link: Link, _: web.Request) -> Delivery:
    return await orders.heartbeat(link)


async def _heartbeats(link: Link, request: web.Request) -> object:
    link.enable_heartbeats((await answers.body(request, HeartbeatsOrder)).enabled)
    return view(link)


async def _measurements(link: Link, request: web.Request) -> Delivery:
    return await orders.publish(link, await answers.body(request, ReadingOrder))


async def _load(link: Link, request: web.Request) -> object:
    link.meter((await answers.body(request, LoadOrder)).load_kw)
    return view(link)


async def _adjustment(link: Link, request: web.Request) -> Delivery:
    return await orders.adjust(link, await answers.body(request, AdjustmentOrder))


async def _compliance_error(link: Link, request: web.Request) -> object:
    delivery = await orders.report_noncompliance(link, await answers.body(request, NonComplianceOrder))
    return delivery or {"message": "this breach of this forecast has been reported already"}


async def _raw(link: Link, request: web.Request) -> Delivery:
    return await orders.send_raw(link, await answers.body(request, RawOrder))


async def _state(link: Link, request: web.Request) -> object:
    orders.force(link, (await answers.body(request, StateOrder)).lifecycle)
    return view(link)
