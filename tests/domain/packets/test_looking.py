"""Looking only at those who may have something to say comes to the same packets as looking at everybody."""

from __future__ import annotations

from contextlib import suppress
from random import Random

import pytest

from depot_sim.domain.configuration.document import DisturbanceProfile, RandomOutages
from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.quantities import Duration, Share
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.feed import PacketFeed
from depot_sim.domain.packets.measure.observation import Observation
from depot_sim.domain.packets.measure.observer import Observer
from depot_sim.domain.packets.measure.points import is_change, is_tick
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.evolve import HANDLERS, Evolution
from depot_sim.domain.run.world.initial_world import genesis
from tests.domain.packets.depots import PROFILE, microgrid, sensor
from tests.domain.packets.toy import opening
from tests.domain.run.world.depots import MINUTE, SECOND, Simulation
from tests.domain.run.world.orders import Orders

TROUBLE = DisturbanceProfile(
    id="trouble",
    charger_faults=RandomOutages(Share(200 * 10**6), Duration(MINUTE)),
    sensor_dropouts=RandomOutages(Share(200 * 10**6), Duration(MINUTE)),
)


class Thorough(Observer):
    """Looks at every device and every key at every tick."""

    def stirring(self, after: int, upto: int) -> list[int]:
        assert after < upto
        return list(range(len(self._main)))

    def restless_keys(self, device: int) -> tuple[int, ...]:
        return self._on_change[device]


class Watched:
    """A feed of everything below the site, seen by one of the two."""

    def __init__(self, depot: Depot, observer: type[Observer]) -> None:
        devices = derived_devices(depot.document, "site", PROFILE)
        self.feed = PacketFeed("r", "iot")
        self.feed.open(opening(devices=devices, profile_files=dict(PROFILE.files)))
        self.observer = observer(depot, devices, PROFILE, 7)

    def look(self, sight: Observation) -> None:
        self.feed.observe(self.observer, sight)


@pytest.mark.parametrize("seed", range(6))
def test_the_packets_are_the_same(seed: int) -> None:
    document = microgrid(sensor("m", node="grid"), sensor("n", charger="c1"), sensor("o", bess="s"))
    live, orders = Simulation(document, disturbances=TROUBLE), Orders(Random(seed), document)
    depot = live.depot
    seen = Evolution(depot, genesis(depot))
    watched = [Watched(depot, Observer), Watched(depot, Thorough)]
    for _ in range(150):
        with suppress(DepotSimError):
            _move(live, orders)
    for version, event in enumerate(live.events, 2):
        after = seen.world.at if is_tick(event) else None
        HANDLERS[type(event)](seen, event)
        if after is not None or is_change(event):
            for one in watched:
                one.look(Observation(seen.world, event.at, version, after))
    quick, thorough = (one.feed.pending for one in watched)
    assert len(quick) > 200
    assert quick == thorough


def _move(simulation: Simulation, orders: Orders) -> None:
    if orders.random.random() < 0.4:
        simulation.command(orders.random.choice(orders.makers())())
    else:
        simulation.advance(simulation.world.at + 10 * SECOND, tick=10 * SECOND)
