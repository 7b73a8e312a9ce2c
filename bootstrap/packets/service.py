"""Packet feeds in a service, composed."""

from __future__ import annotations

from depot_sim.adapters.clock import SystemClock
from depot_sim.adapters.control_api import FamilyApi
from depot_sim.adapters.control_api.packets.feeds import packet_routes
from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.packets.deliveries import FeedDeliveries
from depot_sim.application.packets.feeds import PacketFeeds
from depot_sim.application.packets.run_feeds import FeedDependencies
from depot_sim.application.packets.service import PacketService
from depot_sim.application.packets.supervisor import FeedSupervisor
from depot_sim.application.packets.time import FeedTime
from depot_sim.bootstrap.family_parts import FamilyParts, FamilyService, SharedParts
from depot_sim.domain.packets.named_faults import PACKETS


def compose(shared: SharedParts) -> FamilyParts:
    """The feeds of every run that this process holds."""
    log, host, runs, clock = shared.log, shared.host, shared.runs, SystemClock()
    time = FeedTime(host, clock)
    feeds = PacketFeeds(log, shared.journal, host, time)
    dependencies = FeedDependencies(
        log=log,
        runs=runs,
        feeds=feeds,
        library=ProfileLibrary(),
        secrets=shared.secrets,
        partner=shared.partner,
        commands=shared.commands,
        clock=clock,
        time=time,
        under_way=shared.under_way,
    )
    supervisor = FeedSupervisor(host, dependencies, shared.timers)
    deliveries = FeedDeliveries(log, supervisor)
    return FamilyParts(
        control=ChannelControl(PACKETS, feeds, supervisor.decide, runs, shared.tail, deliveries=deliveries),
        api=FamilyApi(PacketService(log, feeds, supervisor, runs), packet_routes),
        close=supervisor.stop,
    )


SERVICE = FamilyService(compose)
