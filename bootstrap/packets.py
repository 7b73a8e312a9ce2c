"""The packet feeds, composed."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.clock import SystemClock
from adapters.packets import ProfileLibrary
from application.event_log import EventLog, Journal
from application.http import Partner, SecretStore
from application.packets.feeds import PacketFeeds
from application.packets.interfering import ScenarioInterference
from application.packets.keeping import FeedKeeper
from application.packets.kept_run import Means
from application.packets.service import PacketService
from application.packets.targets import FeedTargets
from application.packets.time import FeedTime
from application.packets.verdicts import Verdicts
from application.run.host import RunHost
from application.run.live import LiveRuns
from application.scenario.control import ScenarioControl


@dataclass(frozen=True, slots=True)
class Packets:
    """What the service serves and runs of them."""

    service: PacketService
    scenarios: ScenarioControl
    feeds: PacketFeeds
    keeper: FeedKeeper
    verdicts: Verdicts

    async def feed_names(self, run_id: str) -> list[str]:
        """Of every feed the run ever had."""
        return (await self.feeds.directory(run_id)).binding_ids


def compose_packets(
    log: EventLog, journal: Journal, host: RunHost, live: LiveRuns, partner: Partner, secrets: SecretStore
) -> Packets:
    clock = SystemClock()
    time, feeds = FeedTime(host, clock), PacketFeeds(log, journal)
    means = Means(
        log=log,
        feeds=feeds,
        library=ProfileLibrary(),
        secrets=secrets,
        partner=partner,
        clock=clock,
        interference=ScenarioInterference(time),
    )
    keeper = FeedKeeper(host, means)
    service = PacketService(log, feeds, keeper, live)
    scenarios = ScenarioControl(FeedTargets(feeds, keeper, time), live)
    return Packets(service, scenarios, feeds, keeper, Verdicts(feeds, keeper, time, clock))
