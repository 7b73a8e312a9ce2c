"""The OSCP Capacity Provider, composed."""

from __future__ import annotations

from dataclasses import dataclass

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.http import AiohttpPartner, Secrets
from depot_sim.adapters.ids import RandomIds
from depot_sim.adapters.oscp import PREFIX, ProtocolApi
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.following import ChannelFollower
from depot_sim.application.channels.timers import Timers
from depot_sim.application.event_log import EventLog
from depot_sim.application.oscp.inbound.refusing import RefusedMessages
from depot_sim.application.oscp.inbound.resolving import RequestResolver
from depot_sim.application.oscp.inbound.service import InboundService
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.ports import ScopeMeter
from depot_sim.application.oscp.service import OscpService
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.session.timers import SessionTimers
from depot_sim.application.oscp.world_link.breaches import Breaches
from depot_sim.application.oscp.world_link.forecasts_to_run import ForecastsToRun
from depot_sim.application.oscp.world_link.world_context import WorldContext
from depot_sim.application.own_writes import OwnWrites
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.run.runtime import SimulationRuntimePort
from depot_sim.bootstrap.front_door import Doors
from depot_sim.domain.oscp.named_faults import OSCP


@dataclass(frozen=True, slots=True)
class Oscp:
    """What the service serves and runs of it."""

    service: OscpService
    sessions: OscpSessions
    scenarios: ChannelControl
    protocol: ProtocolApi
    session_timers: SessionTimers
    following: ChannelFollower
    partner: AiohttpPartner


def compose_oscp(
    *,
    log: EventLog,
    journal: OwnWrites,
    host: RunHost,
    live: LiveRuns,
    timers: Timers,
    runtime: SimulationRuntimePort,
    meter: ScopeMeter,
    doors: Doors,
    secrets: Secrets,
    url: str,
) -> Oscp:
    clock = SystemClock()
    time = SessionTime(clock, host, live)
    sessions = OscpSessions(log, journal, host, time)
    partner = AiohttpPartner(secrets)
    outbound = OutboundService(sessions, clock, partner, secrets.mask)
    refused = RefusedMessages(time, RandomIds(), journal, secrets.mask, doors.limit, doors.refused)
    resolver = RequestResolver(sessions, secrets, time, RandomIds(), refused)
    inbound = InboundService(sessions, resolver, WorldContext(log, live, time, meter), clock)
    registrar = Registrar(sessions, outbound, secrets)
    session_timers = SessionTimers(
        sessions=sessions,
        inbound=inbound,
        outbound=outbound,
        host=host,
        time=time,
        clock=clock,
        registrar=registrar,
        timers=timers,
    )
    ForecastsToRun(sessions, runtime, time)
    Breaches(sessions, host)
    return Oscp(
        service=OscpService(
            sessions=sessions,
            outbound=outbound,
            live=live,
            time=time,
            secrets=secrets,
            registrar=registrar,
            own_base_url=url + PREFIX,
            reach=doors.oscp_reach,
        ),
        sessions=sessions,
        scenarios=ChannelControl(OSCP, sessions, sessions.decide, live),
        protocol=ProtocolApi(inbound.receive),
        session_timers=session_timers,
        following=ChannelFollower(journal, sessions, clock, "oscp-"),
        partner=partner,
    )
