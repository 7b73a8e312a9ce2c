"""The common benchmark job has the same vehicles for the same seed, everywhere."""

from __future__ import annotations

import pytest

from depot_sim.adapters.configuration_import.common_job import common_job
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_MINUTE

Night = tuple[int, int, int]

# Drawn by the job's reference: by seed, per bus its state of charge at the first arrival (ppm) and its nights: arrival
# and departure in minutes from the start, and the distance driven after it (mm).
REFERENCE: dict[int, list[tuple[int, list[Night]]]] = {
    1: [
        (441_989, [(497, 1085, 201_990_074), (1814, 2410, 200_940_036)]),
        (355_827, [(333, 1028, 204_001_238), (1892, 2418, 200_150_159)]),
    ],
    7: [
        (249_927, [(404, 1043, 193_217_115), (1841, 2418, 193_600_942)]),
        (273_027, [(445, 1066, 207_467_082), (1883, 2468, 150_018_124)]),
    ],
}


@pytest.mark.parametrize("seed", REFERENCE)
def test_the_vehicles_are_those_of_the_reference(seed: int) -> None:
    for vehicle, (soc, nights) in zip(common_job(2, 2, seed).document.vehicles, REFERENCE[seed], strict=True):
        out, *trips = vehicle.duties
        arrivals = [duty.returns.ms // MS_PER_MINUTE for duty in (out, *trips[:-1])]

        assert vehicle.initial_soc == soc
        assert out.energy == 0
        assert [
            (arrives, trip.departs.ms // MS_PER_MINUTE, trip.distance)
            for arrives, trip in zip(arrivals, trips, strict=True)
        ] == nights


def test_the_last_return_lies_beyond_the_job() -> None:
    (vehicle,) = common_job(1, 2).document.vehicles

    assert vehicle.duties[-1].returns.ms > 2 * MS_PER_DAY


def test_every_bus_has_its_charger_and_the_site_its_limit() -> None:
    document = common_job(3, 2).document

    assert [vehicle.connector for vehicle in document.vehicles] == [f"charger-0{n}/1" for n in (1, 2, 3)]
    assert document.topology.nodes[0].limit == 3 * 35_000
    assert {(c.rating, c.efficiency, c.standby, c.dead_time) for c in document.chargers} == {(150_000, 950_000, 0, 0)}


def test_limits_and_meters_can_be_left_out() -> None:
    document = common_job(3, 1, limits=False, meters=False).document

    assert document.topology.nodes[0].limit is None
    assert document.sensors == ()
