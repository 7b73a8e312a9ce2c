"""Seeded random trouble, drawn in absolute time: the same faults at the same moments whatever the tick."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.configuration.document import DisturbanceProfile, LateReturns, RandomOutages
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import MS_PER_HOUR, Duration, Share
from depot_sim.domain.run.world.state import NEVER

TYPICAL = DisturbanceProfile(
    id="typical",
    late_returns=LateReturns(probability=Share.parse("20 %")),
    charger_faults=RandomOutages(per_day=Share.parse("2 %"), duration=Duration.parse("45 min")),
    sensor_dropouts=RandomOutages(per_day=Share.parse("5 %"), duration=Duration.parse("10 min")),
)


class Outage(NamedTuple):
    begins_at: int
    ends_at: int


NO_OUTAGE = Outage(NEVER, NEVER)


def next_outage(noise: Noise, stream: str, outages: RandomOutages, not_before: int, before: int) -> Outage:
    """The first outage of this unit that begins within these moments, or NO_OUTAGE; at most one begins per hour."""
    for hour in range(not_before // MS_PER_HOUR, -(-before // MS_PER_HOUR)):
        if noise.uniform(stream, 3 * hour, 24_000_000) < outages.per_day:
            begins_at = hour * MS_PER_HOUR + noise.uniform(stream, 3 * hour + 1, MS_PER_HOUR)
            length = outages.duration // 2 + noise.uniform(stream, 3 * hour + 2, max(1, outages.duration))
            if not_before <= begins_at < before:
                return Outage(begins_at, begins_at + length)
    return NO_OUTAGE
