"""The OSCP Capacity Provider, composed."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.http import AiohttpPartner, Secrets
from adapters.ids import RandomIds
from adapters.oscp import PREFIX, ProtocolApi
from application.event_log import EventLog
from application.oscp.breaches import Breaches
from application.oscp.clockwork import Clockwork
from application.oscp.following import Following
from application.oscp.forecasts_to_run import ForecastsToRun
from application.oscp.inbound import InboundService
from application.oscp.outbound import OutboundService
from application.oscp.ports import ScopeMeter
from application.oscp.refusing import RefusedMessages
from application.oscp.registrar import Registrar
from application.oscp.resolving import RequestResolver
from application.oscp.service import OscpService
from application.oscp.sessions import OscpSessions
from application.oscp.targets import OscpTargets
from application.oscp.time import SessionTime
from application.oscp.world_context import WorldContext
from application.own_writes import OwnWrites
from application.run.host import RunHost
from application.run.live import LiveRuns
from application.run.runtime import SimulationRuntimePort
from application.scenario.control import ScenarioControl
from bootstrap.front_door import Doors


@dataclass(frozen=True, slots=True)
class Oscp:
    """What the service serves and runs of it."""

    service: OscpService
    sessions: OscpSessions
    scenarios: ScenarioControl
    protocol: ProtocolApi
    clockwork: Clockwork
    following: Following
    partner: AiohttpPartner


def compose_oscp(
    log: EventLog,
    journal: OwnWrites,
    host: RunHost,
    live: LiveRuns,
    runtime: SimulationRuntimePort,
    meter: ScopeMeter,
    doors: Doors,
    *,
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
    clockwork = Clockwork(
        sessions=sessions, inbound=inbound, outbound=outbound, host=host, time=time, clock=clock, registrar=registrar
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
        scenarios=ScenarioControl(OscpTargets(sessions), live),
        protocol=ProtocolApi(inbound.receive),
        clockwork=clockwork,
        following=Following(journal, sessions, clock),
        partner=partner,
    )
