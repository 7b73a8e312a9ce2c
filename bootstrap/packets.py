"""The packet feeds, composed."""

from __future__ import annotations

from dataclasses import dataclass

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.timers import Timers
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.http import Partner, SecretStore
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.run_feeds import FeedDependencies
from depot_sim.application.packets.service import PacketService
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.time import FeedTime
from depot_sim.application.run.host import RunHost
from depot_sim.application.run.live import LiveRuns
from depot_sim.domain.packets.named_faults import PACKETS


@dataclass(frozen=True, slots=True)
class Packets:
    """What the service serves and runs of them."""

    service: PacketService
    scenarios: ChannelControl
    feeds: PacketFeeds
    supervisor: FeedSupervisor


def compose_packets(
    log: EventLog,
    journal: Journal,
    host: RunHost,
    live: LiveRuns,
    timers: Timers,
    partner: Partner,
    secrets: SecretStore,
) -> Packets:
    clock = SystemClock()
    time = FeedTime(host, clock)
    feeds = PacketFeeds(log, journal, host, time)
    dependencies = FeedDependencies(
        log=log,
        feeds=feeds,
        library=ProfileLibrary(),
        secrets=secrets,
        partner=partner,
        clock=clock,
        time=time,
    )
    supervisor = FeedSupervisor(host, dependencies, timers)
    service = PacketService(log, feeds, supervisor, live)
    scenarios = ChannelControl(PACKETS, feeds, supervisor.decide, live)
    return Packets(service, scenarios, feeds, supervisor)
