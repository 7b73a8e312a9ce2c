"""The control routes of packets: what came, what it amounts to, how the platform is set up, how it misbehaves."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct

from depot_sim.standin import answers
from depot_sim.standin.answers import Problem
from depot_sim.standin.packets.archive import Archive
from depot_sim.standin.packets.capability import Capability, Status
from depot_sim.standin.packets.capacity import Standing
from depot_sim.standin.packets.document import Document, Unmapped
from depot_sim.standin.packets.intake import Intake
from depot_sim.standin.packets.misbehaviour import MisbehaviourOrder
from depot_sim.standin.packets.platform import Platform
from depot_sim.standin.packets.settings import Settings
from depot_sim.standin.packets.views import view_microgrid, view_packets

Limit = Annotated[int, Meta(ge=1, le=50_000)]


class PacketQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """Which packets: the latest of this device, with this key."""

    device: str | None = None
    key: str | None = None
    limit: Limit = 100


class MicrogridQuery(Struct, frozen=True, forbid_unknown_fields=True):
    """How much of each history."""

    history: Limit = 200


class WaitOrder(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Until everything that is named holds at once: of a circuit, of the capabilities, of the packets that came."""

    circuit: str | None = None
    standing: Standing | None = None
    kw: float | None = None
    peak_shaving: Status | None = None
    der: Status | None = None
    device: str | None = None
    key: str | None = None
    count: Annotated[int, Meta(ge=0)] = 0
    timeout: Annotated[float, Meta(ge=0, le=600)] = 10.0

    def holds(self, intake: Intake) -> bool:
        return self._circuit_holds(intake) and self._capabilities_hold(intake) and self._packets_came(intake)

    def _circuit_holds(self, intake: Intake) -> bool:
        circuits = view_microgrid(intake.platform.microgrid, intake.clock(), history=1).circuits
        if (self.circuit, self.standing, self.kw) == (None, None, None):
            return True
        return any(
            self.circuit in (None, one.circuit) and self.standing in (None, one.standing) and self.kw in (None, one.kw)
            for one in circuits
        )

    def _capabilities_hold(self, intake: Intake) -> bool:
        latest = intake.platform.microgrid.latest()
        wanted = {Capability.PEAK_SHAVING: self.peak_shaving, Capability.DER: self.der}
        return all(
            status is None or (name in latest and latest[name].status is status) for name, status in wanted.items()
        )

    def _packets_came(self, intake: Intake) -> bool:
        return len(intake.archive.newest_first(self.device, self.key, self.count)) >= self.count


class Configured(Struct, frozen=True):
    """The configuration that is in force, and every row of it that cannot be put to use."""

    document: Document
    unmapped: list[Unmapped]


class PacketControl:
    """Serves one intake's control routes."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def routes(self) -> list[web.RouteDef]:
        devices, settings = "/control/packet-devices", "/control/packet-settings"
        misbehaviour = "/control/packets/misbehaviour"
        return [
            web.get("/control/microgrid", self._microgrid),
            web.get("/control/packets", self._packets),
            web.get("/control/packets/wait", self._wait),
            web.delete("/control/packets", self._reset),
            web.get(devices, self._devices),
            web.put(devices, self._configure),
            web.delete(devices, self._configure_nothing),
            web.get(settings, self._settings),
            web.put(settings, self._set),
            web.get(misbehaviour, self._misbehaviour),
            web.put(misbehaviour, self._misbehave),
            web.delete(misbehaviour, self._behave),
        ]

    async def _microgrid(self, request: web.Request) -> web.Response:
        history = answers.query(request, MicrogridQuery).history
        return answers.json(view_microgrid(self._intake.platform.microgrid, self._intake.clock(), history))

    async def _packets(self, request: web.Request) -> web.Response:
        wanted = answers.query(request, PacketQuery)
        return answers.json(view_packets(self._intake, wanted.device, wanted.key, wanted.limit))

    async def _wait(self, request: web.Request) -> web.Response:
        wanted = answers.query(request, WaitOrder)
        if not await self._intake.until(lambda: wanted.holds(self._intake), wanted.timeout):
            raise Problem(408, f"not within {wanted.timeout:g} s; {self._intake.archive.arrived} packets have come")
        return answers.json(view_microgrid(self._intake.platform.microgrid, self._intake.clock()))

    async def _reset(self, _: web.Request) -> web.Response:
        """As after the start, under the same configuration and settings."""
        self._intake.archive = Archive()
        self._begin_anew(self._intake.platform.settings, self._intake.platform.document)
        return web.Response(status=204)

    async def _devices(self, _: web.Request) -> web.Response:
        return answers.json(self._configured())

    async def _configure(self, request: web.Request) -> web.Response:
        document = await answers.body(request, Document)
        self._begin_anew(self._intake.platform.settings, document)
        return answers.json(self._configured())

    def _configured(self) -> Configured:
        document, settings = self._intake.platform.document, self._intake.platform.settings
        if document is None:
            raise Problem(404, "no devices are configured: every device drives what it can")
        return Configured(document, document.unmapped(settings.names()))

    async def _configure_nothing(self, _: web.Request) -> web.Response:
        self._begin_anew(self._intake.platform.settings, None)
        return web.Response(status=204)

    async def _settings(self, _: web.Request) -> web.Response:
        return answers.json(self._intake.platform.settings)

    async def _set(self, request: web.Request) -> web.Response:
        settings = await answers.body(request, Settings)
        self._begin_anew(settings, self._intake.platform.document)
        return answers.json(settings)

    async def _misbehaviour(self, _: web.Request) -> web.Response:
        return answers.json(self._intake.misbehaviour.order)

    async def _misbehave(self, request: web.Request) -> web.Response:
        order = await answers.body(request, MisbehaviourOrder)
        self._intake.misbehaviour.obey(order)
        return answers.json(order)

    async def _behave(self, _: web.Request) -> web.Response:
        self._intake.misbehaviour.obey(MisbehaviourOrder())
        return web.Response(status=204)

    def _begin_anew(self, settings: Settings, document: Document | None) -> None:
        """Another set-up reads the packets to come in another way; those that came are kept."""
        self._intake.platform = Platform(settings, document, self._intake.clock())
        self._intake.changes.announce()
