"""A process with the OSCP service in it, a partner that answers as it is told, and a clock that moves when it is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec

from depot_sim.adapters.event_store import EventStore
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.http import HttpResult, Outgoing
from depot_sim.application.oscp.inbound.arrivals import MOST_BODY_BYTES, Arrival, Reply
from depot_sim.application.oscp.inbound.refusing import RefusedMessages
from depot_sim.application.oscp.inbound.resolving import RequestResolver
from depot_sim.application.oscp.inbound.service import InboundService
from depot_sim.application.oscp.outbound import drafts
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.requests import CreateSession
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.session.timers import SessionTimers
from depot_sim.application.oscp.world_link.world_context import WorldContext
from depot_sim.domain.interaction.override_events import InterventionBegun
from depot_sim.domain.interaction.overrides import stream_of as stream_of_overrides
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.kernel.secret_references import SHORTEST, reference_fault
from depot_sim.domain.oscp.ledger import OscpMessageLedgerEntry
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.oscp.rules import WindowMeters
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, SessionClock
from depot_sim.domain.oscp.wire.times import format_instant
from tests.application.access.doubles import CountedRefusals, NoLimit
from tests.application.run.processes import ALICE, FakeClock, Process, all_done, until
from tests.domain.oscp.sessions import TEN

SECOND = 1_000
CONFIGURATION = "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"
HANDSHAKE = b'{"required_behaviour":{"heartbeat_interval":5,"measurement_configuration":["INTERMITTENT"]}}'
JSON = ("content-type", "application/json")


class WallClock(FakeClock):
    """Begins at TEN."""

    def now_us(self) -> int:
        return TEN * 1_000 + self._now - 1_000_000

    @property
    def wall_ms(self) -> int:
        return self.now_us() // 1_000


class FakePartner:
    """Answers 204 at once, unless told otherwise: by `answers`, one each, or by `hold`, not before it is released."""

    def __init__(self) -> None:
        self.received: list[Outgoing] = []
        self.answers: list[HttpResult] = []
        self._held: asyncio.Event | None = None

    async def post(self, outgoing: Outgoing) -> HttpResult:
        self.received.append(outgoing)
        answer = self.answers.pop(0) if self.answers else HttpResult(204)
        if self._held is not None:
            await self._held.wait()
        return answer

    def hold(self) -> None:
        self._held = asyncio.Event()

    def release(self) -> None:
        if self._held is not None:
            self._held.set()
            self._held = None

    def paths(self) -> list[str]:
        """The last part of every address called, in order."""
        return [outgoing.url.rpartition("/")[2] for outgoing in self.received]

    def bodies(self, path: str) -> list[Any]:
        return [msgspec.json.decode(one.body) for one in self.received if one.url.endswith(f"/{path}")]

    def headers(self, place: int = -1) -> dict[str, str]:
        return dict(self.received[place].headers)


class FakeSecrets:
    """By name; what is kept is numbered."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self._numbers = count(1)

    def get(self, reference: SecretReference) -> str:
        if reference.secret not in self.secrets:
            raise InvalidInput([Fault("", reference.secret, "a secret that can be read")])
        return self.secrets[reference.secret]

    def fault(self, reference: SecretReference, pointer: str) -> Fault | None:
        return reference_fault(reference.secret, pointer)

    def file_fault(self, name: str, pointer: str) -> Fault | None:
        return Fault(pointer, name, "no file: this service has none")

    def mask(self, text: str) -> str:
        for secret in self.secrets.values():
            text = text.replace(secret, "***") if len(secret) >= SHORTEST else text
        return text

    def keep(self, name: str, secret: str) -> SecretReference:
        self.secrets[f"kept:{name}"] = secret
        return SecretReference(f"kept:{name}")

    def new_token(self) -> str:
        return f"token-{next(self._numbers)}"


class FakeMeter:
    """Has measured nothing, unless told."""

    def __init__(self) -> None:
        self.figures: WindowMeters | None = None
        self.asked: list[tuple[str, str, int, int]] = []

    async def window(self, run_id: str, managed_scope_id: str, begin_ms: int, end_ms: int) -> WindowMeters | None:
        self.asked.append((run_id, managed_scope_id, begin_ms, end_ms))
        return self.figures


class OscpProcess(Process):
    """What bootstrap composes. `tend` starts the timers."""

    def __init__(self, store: EventStore, clock: WallClock, owner: str, partner: FakePartner) -> None:
        super().__init__(store, clock, owner)
        self.wall = clock
        self.partner = partner
        self.secrets = FakeSecrets()
        self.meter = FakeMeter()
        self.time = SessionTime(clock, self.host, self.live)
        self.sessions = OscpSessions(store.log, self.journal, self.host, self.time)
        self.outbound = OutboundService(self.sessions, clock, partner, self.secrets.mask, self.under_way)
        self._numbers = count(1)
        self.audit = CountedRefusals()
        self.limit = NoLimit()
        self.refused = RefusedMessages(self.time, self, self.journal, self.secrets.mask, self.limit, self.audit)
        resolver = RequestResolver(self.sessions, self.secrets, self.time, self, self.refused)
        world = WorldContext(store.log, self.live, self.time, self.meter)
        self.inbound = InboundService(self.sessions, resolver, world, clock, self.under_way)
        self.registrar = Registrar(self.sessions, self.outbound, self.secrets)
        self.session_timers = SessionTimers(
            sessions=self.sessions,
            inbound=self.inbound,
            outbound=self.outbound,
            host=self.host,
            time=self.time,
            clock=clock,
            registrar=self.registrar,
            timers=self.timers,
            under_way=self.under_way,
        )
        self.service = OscpService(self.sessions, self.outbound, self.live, self.time, self.secrets, self.registrar)
        self.scenarios = ChannelControl(OSCP, self.sessions, self.sessions.decide, self.live, self.tail)

    def new_id(self) -> str:
        return f"{self.owner}-id-{next(self._numbers)}"

    # The operator

    async def attach(self, run_id: str = "r", **changes: Any) -> str:
        """A session of the run on wall time, unless told otherwise; its id."""
        asked: dict[str, Any] = {
            "managed_scope_id": "site",
            "betterfleet_base_url": "http://fp.example/oscp",
            "remote_configuration_id": CONFIGURATION,
            "clock": SessionClock.WALL,
        }
        created = await self.service.create(run_id, CreateSession(**asked | changes), ALICE)
        return created.session_id

    async def override(self, session_id: str, run_id: str = "r", **asked: Any) -> None:
        await self.scenarios.change_overrides(run_id, session_id, asked, ALICE)

    async def tend(self, run_id: str = "r") -> None:
        """Start the timers, and wait until they look after the run."""
        self.run_in_background(self.session_timers.run())
        await until(lambda: self.session_timers.serves(run_id))

    def pass_time(self, ms: int) -> None:
        """Let wall time pass."""
        self.clock.advance(ms * 1_000)

    # The partner

    async def receive(
        self,
        path: str,
        body: bytes = b"",
        id: str | None = None,
        correlation: str = "",
        configuration: str = CONFIGURATION,
        headers: Sequence[tuple[str, str]] = (JSON,),
        *,
        sender: str = "127.0.0.1",
        requires_credentials: bool = False,
    ) -> Reply:
        named = [("x-oscp-configuration-id", configuration), ("x-correlation-id", correlation)]
        named.append(("x-request-id", self.new_id() if id is None else id))
        given = tuple((name, value) for name, value in named if value)
        kept = body[:MOST_BODY_BYTES]
        arrival = Arrival("POST", path, (*given, *headers), kept, len(body), sender, requires_credentials)
        return await self.inbound.receive(arrival)

    async def status(self, path: str, body: bytes = b"", **rest: Any) -> int:
        return (await self.receive(path, body, **rest)).status

    def heartbeat(self, good_for_ms: int = 15 * SECOND) -> bytes:
        return b'{"offline_mode_at":"%b"}' % format_instant(self.wall.wall_ms + good_for_ms).encode()

    async def connect(self, session_id: str, run_id: str = "r") -> None:
        """Online by the partner's handshake, and nothing is under way then.

        With timers the session has sent its first heartbeat as well; without them the operator acknowledges by hand.
        """
        before = asyncio.all_tasks()
        await self.receive("handshake", HANDSHAKE)
        if not self.session_timers.serves(run_id):
            await self.acknowledge(session_id)
            return
        await until(lambda: self.clock.sleepers)
        self.pass_time(50)
        await all_done(before)

    async def acknowledge(self, session_id: str) -> None:
        await self.outbound.send(session_id, lambda session, _: drafts.acknowledgement(session))

    # What is there

    def hosted(self, session_id: str) -> HostedSession:
        return next(hosted for hosted in self.sessions.loaded() if hosted.id == session_id)

    def session(self, session_id: str) -> OscpCapacityProviderSession:
        return self.hosted(session_id).session

    def state(self, session_id: str) -> Lifecycle:
        return self.session(session_id).lifecycle

    def entries(self, session_id: str) -> list[OscpMessageLedgerEntry]:
        """The session's ledger as the log has it, in order."""
        prefix = f"oscp-message-{session_id}-"
        streams: dict[str, OscpMessageLedgerEntry] = {}
        for row in self.store.log.read_all(limit=100_000):
            if row.stream.startswith(prefix):
                entry = streams.setdefault(row.stream, OscpMessageLedgerEntry(row.stream))
                entry.fold((decode(row.topic, row.state),))
        return list(streams.values())

    def outcomes(self, session_id: str, type: str = "", direction: Direction | None = None) -> list[str]:
        """Outcomes of its messages of that type and direction, or of all; in order, "" for those under way."""
        return [
            entry.state.finalised.outcome.value if entry.state.finalised else ""
            for entry in self.entries(session_id)
            if (recorded := entry.state.recorded) is not None
            and type in {"", recorded.message_type.value}
            and direction in {None, recorded.direction}
        ]

    def interventions(self, session_id: str) -> list[InterventionBegun]:
        """By commands, as the log has them."""
        rows = self.store.log.read_stream(stream_of_overrides(session_id))
        events = (decode(row.topic, row.state) for row in rows)
        return [event for event in events if isinstance(event, InterventionBegun)]

    def events_of(self, session_id: str) -> list[Event]:
        """The session's stream as the log has it."""
        stream = self.session(session_id).stream
        return [decode(row.topic, row.state) for row in self.store.log.read_stream(stream)]
