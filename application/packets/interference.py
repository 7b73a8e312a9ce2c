"""Overrides and expectations brought to bear on a feed's packets.

Publications are judged by the run's own time, so that equal runs are treated alike. What depends on the network, an
outage that is still on and what the platform answers, decides about deliveries and verdicts only.
"""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.application.packets.hosted import HostedFeed
from depot_sim.application.packets.time import FeedTime
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.treatment import treatment
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.events import SensorPacketPublished
from depot_sim.domain.packets.observed import SENT, WITHHELD, answer_exchange, outcome_of, packet_exchange
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.treating import Treated, outage_over, treat

_OUTAGE = "the network is down, by override {}"


class Interference:
    """Asked at every publication and every attempt; what it changes of overrides and expectations is saved."""

    def __init__(self, time: FeedTime) -> None:
        self._time = time

    def treat(self, hosted: HostedFeed, packet: Packet, body: bytes, keys: Sequence[BoundKey]) -> Treated:
        """What becomes of a packet that is about to be published: a function of the run's time and the overrides."""
        exchange = packet_exchange(packet, body, hosted.id, packet.sent_at)
        hosted.overrides.expire(packet.sent_at)
        hits = hosted.overrides.hit(exchange, packet.sent_at)
        feed = hosted.feed
        treated = treat(packet, body, treatment(hits), feed.state.memory, feed.profile.encode, keys)
        self._expect(hosted, exchange if not hits else _as_sent(hosted, treated, packet.sent_at), treated.withheld)
        return treated

    def hindrance(self, hosted: HostedFeed, packet: SensorPacketPublished) -> str:
        """Why the packet cannot be delivered at present, "" when it can."""
        if not hosted.overrides.active:
            return ""
        told = packet.told(hosted.feed.opened.site_id)
        exchange = packet_exchange(told, packet.bytes_sent, hosted.id, packet.at)
        outage = outage_over(hosted.overrides, exchange, self._time.moment(hosted).target)
        return _OUTAGE.format(outage) if outage else ""

    def answered(self, hosted: HostedFeed, packet: SensorPacketPublished, number: int, attempt: Attempt) -> None:
        """Note what the platform answered to the packet's attempt of this number; a status of 0 is no answer."""
        if not attempt.status:
            return
        moment = self._time.moment(hosted)
        exchange = answer_exchange(
            packet=packet.told(hosted.feed.opened.site_id),
            attempt=number,
            status=attempt.status,
            body=attempt.answer.encode(),
            target=hosted.id,
            at=moment.target,
            headers=attempt.answer_headers,
        )
        hosted.expectations.observe(exchange, outcome_of(attempt.status), moment)

    def _expect(self, hosted: HostedFeed, exchange: ObservedMessage, is_withheld: bool) -> None:
        outcome = WITHHELD if is_withheld else SENT
        hosted.expectations.observe(exchange, outcome, self._time.at(exchange.at))


def _as_sent(hosted: HostedFeed, treated: Treated, at: int) -> ObservedMessage:
    """The packet as it is sent, not as it was meant."""
    return packet_exchange(treated.packet, treated.body, hosted.id, at)
