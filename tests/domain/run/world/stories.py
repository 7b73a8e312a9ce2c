"""Random small depots, and what may happen to them: ticks of any length and every command.

A story is made from a few numbers that hypothesis draws and can make smaller, by a seeded generator: drawing every part
of a depot one by one would take a hundred times as long as living through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, NamedTuple, TypeVar

from hypothesis import strategies as st

from depot_sim.domain.configuration.document import (
    AllocationPolicy,
    Authorisation,
    Bess,
    Charger,
    Connector,
    DisturbanceProfile,
    Duty,
    LateReturns,
    LoadStep,
    ManagedScope,
    MicrogridController,
    Node,
    ProfileStep,
    PvArray,
    RandomOutages,
    Sensor,
    SensorQuantity,
    SimulationConfigurationDocument,
    TemperatureStep,
    Vehicle,
    VehicleType,
    Weather,
    Weekday,
)
from depot_sim.domain.kernel.quantities import (
    PPM,
    ClockTime,
    Distance,
    Duration,
    Energy,
    Power,
    RampRate,
    Share,
    ShareRate,
    Temperature,
)
from depot_sim.domain.run.commands import Command
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, MONDAY_MIDNIGHT, SECOND, curve, document
from tests.domain.run.world.orders import random_command

T = TypeVar("T")

_CURVES = (
    curve((0, 150), (80, 150), (100, 15)),
    curve((0, 40), (30, 120), (100, 120)),
    curve((0, 100), (100, 100)),
    curve((0, 20), (10, 180), (60, 180), (61, 30), (100, 5)),
)
_TICKS = (1, 999, SECOND, 7_500, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 5 * HOUR)
_USUAL_TICKS = (MINUTE, 15 * MINUTE, HOUR)


class Story(NamedTuple):
    """A depot and what happens to it; a step is a tick of this many ms, or a command."""

    document: SimulationConfigurationDocument
    start: datetime
    disturbances: DisturbanceProfile | None
    steps: list[int | Command]


def stories(most_steps: int = 80) -> st.SearchStrategy[Story]:
    return st.builds(
        story,
        seed=st.integers(0, 2**32),
        steps=st.integers(1, most_steps),
        buses=st.integers(1, 6),
        trouble=st.booleans(),
    )


def story(seed: int, steps: int, buses: int, trouble: bool) -> Story:
    """`trouble` switches commands and disturbances on."""
    random = Random(seed)
    site = depot(random, buses)
    start = MONDAY_MIDNIGHT + timedelta(minutes=random.randrange(7 * 24 * 60))
    profile = disturbances(random) if trouble and random.random() < 0.5 else None
    usual = random.choice(_USUAL_TICKS)
    taken = [_step(random, site, usual, trouble=trouble) for _ in range(steps)]
    return Story(site, start, profile, taken)


def _step(random: Random, site: SimulationConfigurationDocument, usual: int, *, trouble: bool) -> int | Command:
    chance = random.random()
    if trouble and chance < 0.25:
        return random_command(random, site)
    return usual if chance < 0.8 else random.choice(_TICKS)


def depot(random: Random, buses: int) -> SimulationConfigurationDocument:
    nodes = _tree(random)
    ids = [node.id for node in nodes]
    types = [_vehicle_type(random, f"t{i}") for i in range(random.randint(1, 2))]
    chargers = [_charger(random, f"c{i}", ids) for i in range(random.randint(0, 4))]
    connectors = [f"{charger.id}/{plug.id}" for charger in chargers for plug in charger.connectors]
    vehicles = [_vehicle(random, f"b{i}", types, connectors) for i in range(buses)]
    bess = [_storage(random, f"s{i}", ids) for i in range(random.choice((0, 0, 1, 2)))]
    pv = [_array(random, f"p{i}", ids) for i in range(random.choice((0, 0, 1, 2)))]
    controlled = [node.id for node in nodes if node.fail_safe_limit is not None]
    return document(
        nodes=nodes,
        vehicle_types=tuple(types),
        vehicles=tuple(vehicles),
        chargers=tuple(chargers),
        sensors=_sensors(random, nodes, chargers, bess, pv),
        bess=tuple(bess),
        pv=tuple(pv),
        managed_scopes=tuple(ManagedScope(id=f"m-{id}", node=id) for id in ids if random.random() < 0.5),
        microgrid_controllers=tuple(_controller(random, f"m{i}", id) for i, id in enumerate(controlled)),
        weather=Weather(
            ambient=_by_time(random, TemperatureStep, lambda: Temperature(random.randint(-15_000, 35_000)))
        ),
    )


def _maybe(random: Random, value: T, chance: float = 0.5) -> T | None:
    return value if random.random() < chance else None


def _percent(share: int) -> Share:
    return Share(share * PPM // 100)


def _temperature(random: Random) -> Temperature:
    return Temperature(random.randint(-15_000, 35_000))


def _power(random: Random, most_kw: int) -> Power:
    return Power(random.randint(KW, most_kw * KW))


def _clock(half_hours: int) -> ClockTime:
    return ClockTime(f"{half_hours // 2:02}:{half_hours % 2 * 30:02}")


def _by_time(random: Random, step: Callable[[ClockTime, Any], T], value: Callable[[], Any]) -> tuple[T, ...]:
    """One or two steps over the day."""
    return tuple(step(_clock(at), value()) for at in sorted(random.sample(range(48), random.randint(1, 2))))


def _tree(random: Random) -> list[Node]:
    ids = [f"n{i}" for i in range(random.randint(1, 4))]
    return [
        Node(
            id=id,
            parent=random.choice(ids[:index]) if index else None,
            limit=_maybe(random, _power(random, 400)),
            fail_safe_limit=_maybe(random, _power(random, 100)),
            export_limit=_maybe(random, Power(random.randint(0, 100 * KW)), 0.3),
            allocation=_maybe(random, random.choice(list(AllocationPolicy))),
            other_load=_by_time(random, LoadStep, lambda: Power(random.choice((0, random.randint(0, 150 * KW))))),
        )
        for index, id in enumerate(ids)
    ]


def _vehicle_type(random: Random, id: str) -> VehicleType:
    return VehicleType(
        id=id,
        battery=Energy(random.randint(20 * KWH, 500 * KWH)),
        charge_curve=random.choice(_CURVES),
        reserve_soc=_percent(random.choice((0, 10))),
        precondition_power=Power(random.choice((0, 20 * KW))),
        climate_control=random.random() < 0.5,
    )


def _charger(random: Random, id: str, nodes: Sequence[str]) -> Charger:
    first = Connector(id="1", cable_limit=_maybe(random, _power(random, 200), 0.3))
    return Charger(
        id=id,
        node=random.choice(nodes),
        rating=_power(random, 200),
        efficiency=_percent(random.choice((100, 95, 88))),
        standby=Power(random.choice((0, 100))),
        dead_time=Duration(random.choice((0, 10 * SECOND, 90 * SECOND))),
        ramp_up=RampRate(random.choice((1_000, 20_000, 10**9))),
        authorisation=random.choice((Authorisation.AUTOMATIC, Authorisation.AUTOMATIC, Authorisation.REMOTE)),
        connectors=(first,) if random.random() < 0.6 else (first, Connector(id="2")),
    )


def _vehicle(random: Random, id: str, types: Sequence[VehicleType], connectors: Sequence[str]) -> Vehicle:
    """Duties of a day lie apart by construction."""
    times = sorted(random.sample(range(48), random.choice((0, 2, 2, 4))))
    kind = random.choice(types)
    duties = [
        Duty(
            id=f"d{index}",
            departs=_clock(begin),
            returns=_clock(end),
            distance=Distance(random.randint(1, 150) * 1_000_000),
            energy=_maybe(random, Energy(random.randint(0, kind.battery)), 0.3),
            days=tuple(day for day in Weekday if random.random() < 0.8) or (Weekday.MON,),
        )
        for index, (begin, end) in enumerate(zip(times[::2], times[1::2], strict=True))
    ]
    return Vehicle(
        id=id,
        type=kind.id,
        initial_soc=_percent(random.randint(0, 100)),
        target_soc=_percent(random.choice((50, 95, 100))),
        connector=_maybe(random, random.choice(connectors)) if connectors else None,
        priority=random.randint(0, 2),
        plug_in_delay=_maybe(random, Duration(random.choice((0, 90 * SECOND)))),
        duties=tuple(duties),
    )


def _storage(random: Random, id: str, nodes: Sequence[str]) -> Bess:
    return Bess(
        id=id,
        node=random.choice(nodes),
        capacity=Energy(random.randint(KWH, 500 * KWH)),
        rating=_power(random, 200),
        efficiency=_percent(random.choice((100, 95, 80))),
        initial_soc=_percent(random.randint(10, 95)),
        ramp=ShareRate(random.choice((1, 5, 100)) * PPM // 100),
    )


def _array(random: Random, id: str, nodes: Sequence[str]) -> PvArray:
    profile = _by_time(random, ProfileStep, lambda: _percent(random.randint(0, 100)))
    return PvArray(id=id, node=random.choice(nodes), peak=_power(random, 300), profile=_maybe(random, profile) or ())


def _controller(random: Random, id: str, node: str) -> MicrogridController:
    return MicrogridController(
        id=id,
        node=node,
        heartbeat_interval=Duration(random.choice((10 * SECOND, 30 * SECOND))),
        lost_after=Duration(random.choice((30 * SECOND, 120 * SECOND))),
        grace=Duration(random.choice((0, 45 * SECOND))),
    )


def _sensors(
    random: Random, nodes: Sequence[Node], chargers: Sequence[Charger], bess: Sequence[Bess], pv: Sequence[PvArray]
) -> tuple[Sensor, ...]:
    power, energy = SensorQuantity.ACTIVE_POWER, SensorQuantity.ENERGY_IMPORT
    places: list[dict[str, Any]] = [{"quantity": SensorQuantity.AMBIENT_TEMPERATURE}]
    places += [{"quantity": quantity, "node": node.id} for node in nodes for quantity in (power, energy)]
    places += [{"quantity": quantity, "charger": one.id} for one in chargers for quantity in (power, energy)]
    places += [
        {"quantity": quantity, "bess": one.id} for one in bess for quantity in (power, energy, SensorQuantity.SOC)
    ]
    places += [{"quantity": power, "pv": one.id} for one in pv]
    return tuple(
        Sensor(
            id=f"x{index}",
            cadence=Duration(random.choice((SECOND, MINUTE, 15 * MINUTE))),
            **random.choice(places),
        )
        for index in range(random.randint(0, 4))
    )


def disturbances(random: Random) -> DisturbanceProfile:
    def outages() -> RandomOutages:
        often = Share(random.choice((1, 5, 24)) * PPM)
        return RandomOutages(per_day=often, duration=Duration(random.choice((MINUTE, 30 * MINUTE, 3 * HOUR))))

    late = LateReturns(
        probability=_percent(random.choice((50, 100))),
        median=Duration(random.choice((3 * MINUTE, 2 * HOUR))),
        p95=Duration(9 * HOUR),
    )
    return DisturbanceProfile(
        id="d",
        late_returns=_maybe(random, late),
        charger_faults=_maybe(random, outages()),
        sensor_dropouts=_maybe(random, outages()),
    )
