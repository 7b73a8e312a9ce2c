"""The energies every simulator agrees on for the common job, and bytes that are the same on every Python."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import pytest

from depot_sim.adapters.configuration_import.common_job import START, common_job
from depot_sim.domain.configuration.document import (
    AllocationPolicy,
    Bess,
    Charger,
    DisturbanceProfile,
    Duty,
    LateReturns,
    MicrogridController,
    Node,
    PvArray,
    RandomOutages,
    Sensor,
    SensorQuantity,
    SimulationConfigurationDocument,
    TemperatureStep,
    Vehicle,
    VehicleType,
    Weather,
)
from depot_sim.domain.kernel.quantities import (
    MJ_PER_KWH,
    ClockTime,
    Distance,
    Duration,
    Power,
    Share,
    Temperature,
)
from depot_sim.domain.run.events import (
    ChargerFaulted,
    ControllerHeartbeatsChanged,
    FailSafeEntered,
    RunTicked,
    SensorFaulted,
)
from depot_sim.domain.run.world.state import state_sha256
from tests.domain.run.world.depots import DAY, KW, MINUTE, SECOND, Simulation, document
from tests.full_set import only_full

DAILY = RandomOutages(per_day=Share.parse("100 %"))
TROUBLE = DisturbanceProfile(
    id="trouble", late_returns=LateReturns(Share.parse("50 %")), charger_faults=DAILY, sensor_dropouts=DAILY
)


class Outcome(NamedTuple):
    simulation: Simulation
    energy_kwh: float


def run(buses: int, tick: int, *, limits: bool) -> Outcome:
    """The common job for a day; events are not kept, only what they did."""
    job = common_job(buses, 1, limits=limits).document
    simulation = Simulation(job, start=datetime.fromisoformat(START))
    while simulation.world.at < DAY:
        simulation.engine.advance(simulation.world.at + tick)
    charged = sum(state.energy_at(DAY) for state in simulation.world.connectors)
    assert simulation.world.nodes[simulation.depot.root].energy_at(DAY) == charged
    return Outcome(simulation, charged / MJ_PER_KWH)


@pytest.mark.parametrize("tick", [MINUTE, only_full(SECOND), only_full(15 * MINUTE)])
def test_a_hundred_buses_charge_27406_5_kwh_a_day_at_any_tick(tick: int) -> None:
    assert run(100, tick, limits=False).energy_kwh == pytest.approx(27_406.5, abs=0.1)


def test_a_thousand_buses_charge_273483_4_kwh_a_day_below_their_limit() -> None:
    outcome = run(1_000, MINUTE, limits=True)
    assert outcome.energy_kwh == pytest.approx(273_483.4, abs=0.1)
    assert outcome.simulation.world.peak_w <= 35_000_000
    assert outcome.simulation.world.breaches == outcome.simulation.world.late_departures == 0


def test_a_limit_of_35_kw_a_bus_shifts_the_energy_but_loses_none() -> None:
    free, limited = run(100, MINUTE, limits=False), run(100, MINUTE, limits=True)
    assert limited.energy_kwh == pytest.approx(free.energy_kwh, abs=0.1)
    assert limited.simulation.world.peak_w == 3_500_000 < free.simulation.world.peak_w


def everything() -> SimulationConfigurationDocument:
    """A dozen buses with climate control, storage, sun, a heartbeat link, every kind of sensor."""
    work = Duty(id="d", departs=ClockTime("05:40"), returns=ClockTime("17:25"), distance=Distance(190 * 10**6))
    return document(
        nodes=[
            Node(id="grid", limit=Power(600 * KW), export_limit=Power(50 * KW)),
            Node(id="f1", parent="grid", limit=Power(300 * KW), fail_safe_limit=Power(60 * KW)),
            Node(id="f2", parent="grid", allocation=AllocationPolicy.PROPORTIONAL),
        ],
        vehicle_types=(VehicleType(id="bus"),),
        vehicles=tuple(Vehicle(id=f"b{i}", type="bus", duties=(work,)) for i in range(12)),
        chargers=tuple(Charger(id=f"c{i}", node=f"f{i % 2 + 1}") for i in range(10)),
        bess=(Bess(id="s", node="f2"),),
        pv=(PvArray(id="p", node="f1"),),
        microgrid_controllers=(MicrogridController(id="m", node="f1"),),
        weather=Weather(ambient=(TemperatureStep(ClockTime("00:00"), Temperature(4_000)),)),
        sensors=(
            Sensor(id="x1", node="grid"),
            Sensor(id="x2", node="f1", quantity=SensorQuantity.ENERGY_IMPORT),
            Sensor(id="x3", bess="s", quantity=SensorQuantity.SOC),
            Sensor(id="x4", charger="c1", cadence=Duration(10 * SECOND)),
        ),
    )


def test_the_same_seed_gives_the_same_bytes_on_every_python() -> None:
    """Whatever changes these hashes changes what a stored run means to whoever replays it."""
    simulation = Simulation(everything(), disturbances=TROUBLE)
    simulation.advance(DAY)
    simulation.apply(ControllerHeartbeatsChanged(DAY, "m", beating=False))
    simulation.advance(2 * DAY, 5 * MINUTE)
    events = sha256(b"\n".join(b"%s %s" % (topic.encode(), state) for topic, state in simulation.log))
    assert {type(event) for event in simulation.events} >= {ChargerFaulted, SensorFaulted, FailSafeEntered, RunTicked}
    assert events.hexdigest()[:16] == "de4ccca75da424f7"
    assert state_sha256(simulation.world)[:16] == "c5e6f2e95aa985c0"
