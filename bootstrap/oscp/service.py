"""OSCP in a service: the Capacity Provider, composed."""

from __future__ import annotations

from functools import partial

import msgspec

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.control_api import FamilyApi
from depot_sim.adapters.control_api.oscp.routes import oscp_routes
from depot_sim.adapters.front_door.asgi import Response
from depot_sim.adapters.front_door.rules import Refusal
from depot_sim.adapters.ids import RandomIds
from depot_sim.adapters.oscp import PREFIX, OscpApplication, PowerScopeMeter, ProtocolApi
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.following import ChannelFollower
from depot_sim.application.oscp.inbound.access import OscpReach
from depot_sim.application.oscp.inbound.arrivals import MOST_BODY_BYTES
from depot_sim.application.oscp.inbound.refusing import RefusedMessages
from depot_sim.application.oscp.inbound.resolving import RequestResolver
from depot_sim.application.oscp.inbound.service import InboundService
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.session.timers import SessionTimers
from depot_sim.application.oscp.world_link.breaches import Breaches
from depot_sim.application.oscp.world_link.forecasts_to_run import ForecastsToRun
from depot_sim.application.oscp.world_link.world_context import WorldContext
from depot_sim.bootstrap.family_parts import FamilyParts, FamilyService, SharedParts
from depot_sim.bootstrap.front_door import ProtocolSurface
from depot_sim.connection_guard import current_connection
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.read_models import power


def compose(shared: SharedParts) -> FamilyParts:
    """Sessions with flexibility providers: what they send and receive, and when."""
    log, host, runs, secrets, doors = shared.log, shared.host, shared.runs, shared.secrets, shared.doors
    clock = SystemClock()
    time = SessionTime(clock, host, runs)
    sessions = OscpSessions(log, shared.journal, host, time)
    outbound = OutboundService(sessions, clock, shared.partner, secrets.mask, shared.under_way)
    refused = RefusedMessages(time, RandomIds(), shared.journal, secrets.mask, doors.limit, doors.refused)
    resolver = RequestResolver(sessions, secrets, time, RandomIds(), refused)
    meter = PowerScopeMeter(shared.database(power.MODEL), runs, partial(shared.wait_for, power.MODEL), log)
    inbound = InboundService(sessions, resolver, WorldContext(log, runs, time, meter), clock, shared.under_way)
    registrar = Registrar(sessions, outbound, secrets)
    session_timers = SessionTimers(
        sessions=sessions,
        inbound=inbound,
        outbound=outbound,
        host=host,
        time=time,
        clock=clock,
        registrar=registrar,
        timers=shared.timers,
        under_way=shared.under_way,
    )
    tasks = {"look after oscp sessions": session_timers.run}
    if shared.own_writes is not None:
        tasks["follow oscp sessions"] = ChannelFollower(shared.own_writes, sessions, clock, "oscp-").run
    ForecastsToRun(sessions, shared.commands, time, shared.under_way)
    Breaches(sessions, host, shared.under_way)
    service = OscpService(
        sessions=sessions,
        outbound=outbound,
        runs=runs,
        time=time,
        secrets=secrets,
        registrar=registrar,
        own_base_url=shared.url + PREFIX,
        reach=OscpReach(doors.settings.is_exposed, _SURFACE.name in doors.settings.opened),
    )
    protocol = ProtocolApi(inbound.receive)
    return FamilyParts(
        control=ChannelControl(OSCP, sessions, sessions.decide, runs, shared.tail),
        api=FamilyApi(service, oscp_routes),
        application=OscpApplication(protocol, current_connection),
        tasks=tasks,
        end_requests=protocol.close,
    )


def _refused(refusal: Refusal) -> Response:
    body = msgspec.json.encode({"message": f"{refusal.detail}; {refusal.hint}"})
    return Response(refusal.status, (("content-type", "application/json"),), body)


_SURFACE = ProtocolSurface("oscp", PREFIX, _refused, kept_body_bytes=MOST_BODY_BYTES)
SERVICE = FamilyService(compose, _SURFACE)
