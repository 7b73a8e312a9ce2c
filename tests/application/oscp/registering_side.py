"""A session by the profile oca-2.0 with a partner that is played by the test: what it sends, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.adapters.http import Secrets
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.timers import Timers
from depot_sim.application.http import HttpResult, Outgoing
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply
from depot_sim.application.oscp.inbound.resolving import RequestResolver
from depot_sim.application.oscp.inbound.service import InboundService
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.requests import CreateSession
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.session.timers import SessionTimers
from depot_sim.application.oscp.world_link.world_context import WorldContext
from depot_sim.domain.kernel.credentials import Credentials
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageRecorded
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.oscp.state import Registration
from depot_sim.domain.oscp.vocabulary import SessionClock
from tests.application.access.doubles import unlimited
from tests.application.oscp.ledger_facts import finalised_in, recorded_in
from tests.application.run.processes import ALICE, FakeClock, Process, until

FIRST = "token-handed-over"
ADDRESS = "http://fp.example/oscp/fp/2.0"
OURS = "http://cp.example/oscp/cp/2.0"
RUN = "r"


class Partner:
    """Answers 204 unless `answers` says otherwise; `on_post` is called before it answers."""

    def __init__(self) -> None:
        self.received: list[Outgoing] = []
        self.answers: list[int] = []
        self.on_post: Callable[[Outgoing], Awaitable[object]] | None = None

    async def post(self, outgoing: Outgoing) -> HttpResult:
        self.received.append(outgoing)
        if self.on_post is not None:
            await self.on_post(outgoing)
        status = self.answers.pop(0) if self.answers else 204
        return HttpResult(status, error="" if status else "connection refused")

    def registers(self) -> list[Outgoing]:
        return [one for one in self.received if one.url.endswith("/register")]


class _NoMeter:
    async def window(self, *_: object) -> None:
        return None


class _Ids:
    def __init__(self) -> None:
        self._numbers = count(1)

    def new_id(self) -> str:
        return f"id-{next(self._numbers)}"


class Side:
    """The service with one run. `secrets` are kept in memory, or in a folder."""

    def __init__(self, store: EventStore, owner: str = "here", folder: Path | None = None) -> None:
        self.store = store
        self.secrets = Secrets(folder)
        self.partner = Partner()
        clock, process = SystemClock(), Process(store, FakeClock(), owner)
        self.process = process
        time = SessionTime(clock, process.host, process.live)
        self.sessions = OscpSessions(store.log, process.journal, process.host, time)
        outbound = OutboundService(self.sessions, clock, self.partner, self.secrets.mask, process.under_way)
        resolver = RequestResolver(
            self.sessions, self.secrets, time, _Ids(), unlimited(time, _Ids(), process.journal, self.secrets.mask)
        )
        world = WorldContext(store.log, process.live, time, _NoMeter())
        self.inbound = InboundService(self.sessions, resolver, world, clock, process.under_way)
        registrar = Registrar(self.sessions, outbound, self.secrets)
        self.session_timers = SessionTimers(
            sessions=self.sessions,
            inbound=self.inbound,
            outbound=outbound,
            host=process.host,
            time=time,
            clock=clock,
            registrar=registrar,
            timers=Timers(clock),
            under_way=process.under_way,
        )
        self.service = OscpService(self.sessions, outbound, process.live, time, self.secrets, registrar, OURS)
        self.scenarios = ChannelControl(OSCP, self.sessions, self.sessions.decide, process.live, process.tail)
        self.session_id = ""
        self._requests = count(1)
        self._tending: asyncio.Task[None] | None = None

    async def create(self, inbound: str = FIRST, profile: str = "oca-2.0", **changes: Any) -> str:
        """A session whose partner was handed this token; `outbound` is the one it handed over."""
        given = self.secrets.keep("given", inbound) if inbound else None
        outbound = self.secrets.keep("outbound", "token-of-the-partner")
        request = CreateSession(
            managed_scope_id="site",
            betterfleet_base_url=ADDRESS,
            remote_configuration_id="c1",
            partner_profile=profile,
            clock=SessionClock.WALL,
            credentials=Credentials(given, outbound),
        )
        created = await self.service.create(RUN, msgspec.structs.replace(request, **changes), ALICE)
        self.session_id = created.session_id
        return created.session_id

    def tend(self) -> None:
        self._tending = asyncio.create_task(self.session_timers.run())

    async def send(
        self,
        path: str,
        body: object = None,
        token: str = FIRST,
        method: str = "POST",
        raw: bytes | None = None,
        **headers: str,
    ) -> Reply:
        """The response to a request of the partner, which comes from beyond loopback: it has to show a token."""
        content = raw if raw is not None else b"" if body is None else msgspec.json.encode(body)
        usual = {"authorization": f"Token {token}", "x-request-id": f"theirs-{next(self._requests)}"}
        if content:
            usual["content-type"] = "application/json"
        given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        arrival = Arrival(
            method, path, tuple(given.items()), content, len(content), "10.0.0.9", requires_credentials=True
        )
        return await self.inbound.receive(arrival)

    async def registration(self) -> Registration:
        return (await self.sessions.get(self.session_id)).session.state.registration

    def recorded(self) -> list[OscpMessageRecorded]:
        return [recorded for event in self.events() if (recorded := recorded_in(event)) is not None]

    def ends(self) -> dict[str, OscpMessageFinalised]:
        """How messages ended, by request id."""
        streams: dict[str, str] = {}
        ends = {}
        for row in self.store.log.read_all(limit=10_000):
            event = decode(row.topic, row.state)
            if (recorded := recorded_in(event)) is not None:
                streams[row.stream] = recorded.request_id
            if (end := finalised_in(event)) is not None:
                ends[streams[row.stream]] = end
        return ends

    def events(self) -> list[Event]:
        return [decode(row.topic, row.state) for row in self.store.log.read_all(limit=10_000)]

    def log_text(self) -> str:
        """Everything the log holds."""
        return "\n".join(row.state.decode() for row in self.store.log.read_all(limit=10_000))

    async def kill(self) -> None:
        """As after kill -9: nothing more is done, and nothing is said."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
            self._tending = None
        self.process.forget(RUN)

    async def close(self) -> None:
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        await self.process.close()
        await until(lambda: not self.sessions._loading)
        await asyncio.get_running_loop().shutdown_default_executor()  # threads may still read the store


@asynccontextmanager
async def side(**changes: Any) -> AsyncIterator[Side]:
    """A tended session in a store of its own."""
    with open_event_store("memory:") as store:
        opened = Side(store)
        try:
            await opened.process.start()
            await opened.create(**changes)
            opened.tend()
            await until(lambda: opened.session_timers.serves("r"))  # what recovers sessions must not meet a message
            yield opened
        finally:
            await opened.close()


def register(token: str, base_url: str = "http://fp.example/new", *versions: str) -> dict[str, Any]:
    """The body of a partner's Register."""
    offered = [{"version": version, "base_url": base_url} for version in versions or ("2.0",)]
    return {"token": token, "version_url": offered}


def header(outgoing: Outgoing, name: str) -> str:
    return dict(outgoing.headers).get(name, "")


def token_in(outgoing: Outgoing) -> str:
    return str(msgspec.json.decode(outgoing.body)["token"])
