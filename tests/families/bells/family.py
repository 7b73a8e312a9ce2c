"""A toy protocol family: a run's bell can be hung, rung, muffled and waited for. See test_bells.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec
from litestar import Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api import FamilyApi, FamilyRoutes
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.paths import RUN_PATH
from depot_sim.adapters.control_api.requests import ApiRequest, body_of
from depot_sim.adapters.control_api.routes.scenario_control import TargetKind, override_mode_route, target_routes
from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.event_log import Filter, Row
from depot_sim.application.repository import Origin
from depot_sim.application.snapshots import Snapshots
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.bootstrap.family_parts import FamilyParts, FamilyService, SharedParts
from depot_sim.domain.interaction.effects import OUTBOUND, Withhold
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.family import Family, Mode
from depot_sim.domain.interaction.message import Direction, ObservedMessage
from depot_sim.domain.interaction.override_events import Match
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.projections.projector import Change
from depot_sim.read_models.database import Database
from depot_sim.read_models.schema import ReadModel, Table, Type


class Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ring a bell: a scenario action, and the body of a request."""

    on: str
    sound: str = "ding"


BELLS = Family(
    "bells",
    target_kind="bell",
    message_types=("Ring",),
    modes={"muffled": Mode("muffled", "Nobody hears the bell.", Match(Direction.OUTBOUND), Withhold())},
    effects={Withhold: OUTBOUND},
    actions={"ring": Ring},
    one_way={"Ring": Direction.OUTBOUND},
    request_ids=False,
    fine=("sent",),
)


class BellRung(Event, frozen=True):
    TOPIC: ClassVar[str] = "test.bell-rung.1"
    run_id: str
    sound: str
    outcome: str


class Bell(Aggregate[list[str]]):
    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {BellRung: lambda _state, _event: None}


class Bells(ChannelStore[str, Channel[str]]):
    """By run: each has one bell at most, called "tower"."""

    NOUN: ClassVar[str] = "bell"

    async def new(self, key: str) -> Channel[str]:
        return Channel(key, key, f"bell-{key}", Bell(f"bell-{key}", []))

    async def moment(self, channel: Channel[str]) -> Moment:
        held = self._host.held(channel.run_id)
        return Moment(*[0 if held is None else held.run.world.at] * 3)

    async def find(self, run_id: str, name: str) -> Channel[str]:
        if name != "tower":
            raise self.unknown(run_id, name)
        return await self.get(run_id)

    async def names(self, run_id: str) -> list[str]:
        return ["tower"] if await asyncio.to_thread(self._log.stream_version, f"bell-{run_id}") else []

    async def hang(self, run_id: str, origin: Origin) -> None:
        bell = await self.new(run_id)
        bell.aggregate.emit(BellRung(run_id, "creak", "sent"))
        await self.save(bell, origin, self.fence(run_id))
        self.keep(bell)

    async def ring(self, run_id: str, ring: Ring, origin: Origin) -> None:
        def decide(bell: Channel[str], now: Moment) -> None:
            message = ObservedMessage("outbound", "Ring", bell.id, raw=msgspec.json.encode(ring.sound))
            outcome = "withheld" if bell.overrides.hit(message, now.target) else "sent"
            bell.expectations.observe(message, outcome, now)
            bell.aggregate.emit(BellRung(run_id, ring.sound, outcome))

        await self.decide(run_id, decide, origin=origin)


RINGS = Table("rings", {"position": Type.INTEGER, "run_id": Type.TEXT, "ring": Type.TEXT}, key=("position",))
MODEL = ReadModel("rings", 1, (RINGS,))


class RingsProjector:
    model, where = MODEL, Filter(topics=(BellRung.TOPIC,))

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:  # noqa: ARG002 - rows stay
        rung: Any = [(row.position, decode(row.topic, row.state)) for row in page]
        return [Change(RINGS, [(at, event.run_id, f"{event.sound} {event.outcome}") for at, event in rung])]


@post("/")
async def hang_bell(request: ApiRequest, run_id: FromPath[str]) -> None:
    await request.backend.service(Bells).hang(run_id, request.origin)


@post("/rings", dependencies={"asked": body_of(Ring)})
async def ring_bell(request: ApiRequest, run_id: FromPath[str], asked: NamedDependency[SkipValidation[Ring]]) -> None:
    await request.backend.service(Bells).ring(run_id, asked, request.origin)


@get("/rings", sync_to_thread=True)
def list_rings(request: ApiRequest, run_id: FromPath[str]) -> list[str]:
    fresh(request.backend, MODEL)
    query = "SELECT ring FROM rings WHERE run_id = ? ORDER BY position"
    return [ring for (ring,) in request.backend.database(MODEL).query(query, (run_id,))]


def _routes() -> FamilyRoutes:
    kind, bells = TargetKind("bell", BELLS, "bell"), f"{RUN_PATH}/bells"
    of_run = Router(bells, route_handlers=[hang_bell, ring_bell, list_rings])
    return FamilyRoutes([of_run, *target_routes(kind, f"{bells}/{{bell:str}}")], [override_mode_route(kind)])


def _compose(shared: SharedParts) -> FamilyParts:
    bells = Bells(shared.log, shared.journal, shared.host, Snapshots[list[str]](shared.log, list, 1, 1_000))
    control = ChannelControl(BELLS, bells, bells.decide, shared.runs, shared.tail, act=bells.ring)
    return FamilyParts(control=control, api=FamilyApi(bells, _routes))


BELLS_FAMILY = ProtocolFamily(
    words=BELLS, service=lambda: FamilyService(_compose), models=(MODEL,), projectors=lambda: (RingsProjector(),)
)
