"""What sensors show."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean, pstdev
from typing import Any

import pytest

from depot_sim.domain.configuration.document import (
    Bess,
    LoadStep,
    Node,
    ProfileStep,
    PvArray,
    Sensor,
    SensorQuantity,
    TemperatureStep,
    Weather,
)
from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.kernel.quantities import (
    ClockTime,
    Duration,
    Energy,
    Power,
    Share,
    SignedShare,
    Temperature,
)
from depot_sim.domain.run.events import (
    BessStateChanged,
    RunTicked,
    SensorAvailabilityChanged,
    SensorFaultCleared,
    SensorFaulted,
    SensorValueForced,
)
from depot_sim.domain.run.world.sensing.meters import gain_ppm
from depot_sim.domain.run.world.state import Control, Dispatch, PowerState, SensorMode
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, SECOND, Simulation, charger, document, vehicle

ERROR_LIMIT_PPM = 20_000
GAIN_SIGMA_PPM = 5_000

EXACT: dict[str, Any] = {"gain_error": SignedShare(0), "noise": Share(0)}
STEADY = (Node(id="grid", other_load=(LoadStep(ClockTime("00:00"), Power(1_000 * KW)),)),)


def metered(**changes: Any) -> Simulation:
    """A node with a steady 1 MW and one sensor on it."""
    return Simulation(document(nodes=STEADY, sensors=(Sensor(id="m", **{"node": "grid"} | changes),)))


def readings(simulation: Simulation, sensor: int = 0) -> list[tuple[int, int]]:
    """(time, value) of everything this sensor has read."""
    return [
        (tick.at, value)
        for tick in simulation.of(RunTicked)
        if tick.readings is not None
        for index, value in zip(tick.readings.index, tick.readings.value, strict=True)
        if index == sensor
    ]


def values(simulation: Simulation, sensor: int = 0) -> list[int]:
    return [value for _, value in readings(simulation, sensor)]


# Error


def test_gains_of_many_meters_are_normal_and_cut_at_two_per_cent() -> None:
    gains = [gain_ppm(Noise(7), f"meter-{index}") for index in range(10_000)]
    assert abs(fmean(gains)) < GAIN_SIGMA_PPM * 0.03
    assert pstdev(gains) == pytest.approx(GAIN_SIGMA_PPM, rel=0.03)
    assert max(map(abs, gains)) <= ERROR_LIMIT_PPM


def test_one_meter_has_one_gain_and_noise_around_it() -> None:
    simulation = metered()
    simulation.advance(24 * HOUR)
    errors = [value - 1_000_000 for value in values(simulation)]  # ppm, because the load is a million watts
    assert len(errors) == 24 * 60
    assert fmean(errors) == pytest.approx(gain_ppm(Noise(7), "m"), abs=200)
    assert pstdev(errors) == pytest.approx(2_000, rel=0.1)
    assert max(map(abs, errors)) <= ERROR_LIMIT_PPM


def test_gain_and_noise_together_are_cut_at_two_per_cent() -> None:
    simulation = metered(noise=Share.parse("30 %"))
    simulation.advance(HOUR)
    assert set(values(simulation)) > {980_000, 1_020_000}
    assert all(980_000 <= value <= 1_020_000 for value in values(simulation))


@pytest.mark.parametrize("quantity", [SensorQuantity.ACTIVE_POWER, SensorQuantity.ENERGY_IMPORT])
def test_a_configured_gain_error_counts_in_full(quantity: SensorQuantity) -> None:
    """A tester who orders a meter five per cent wrong gets one."""
    simulation = metered(quantity=quantity, gain_error=SignedShare.parse("5 %"), noise=Share(0))
    simulation.advance(HOUR)
    true = 1_000 * KW if quantity is SensorQuantity.ACTIVE_POWER else 1_000 * KWH
    assert values(simulation)[-1] == true * 105 // 100


def test_an_exact_meter_reads_the_load() -> None:
    simulation = metered(**EXACT)
    simulation.advance(10 * MINUTE)
    assert readings(simulation) == [(minute * MINUTE, 1_000_000) for minute in range(1, 11)]


WRONG: dict[str, Any] = {"gain_error": SignedShare.parse("10 %"), "noise": Share.parse("5 %")}
"""An error that shows in every reading that is not exempt."""


def wrong_sensor(**where: Any) -> Sensor:
    return Sensor(id="m", cadence=Duration(MINUTE), **where, **WRONG)


def test_thermometers_and_states_of_charge_have_no_gain_and_no_noise_even_if_configured() -> None:
    weather = Weather(ambient=(TemperatureStep(ClockTime("00:00"), Temperature(20_000)),))
    thermometer = wrong_sensor(quantity=SensorQuantity.AMBIENT_TEMPERATURE)
    simulation = Simulation(document(weather=weather, sensors=(thermometer,)))
    simulation.advance(HOUR)
    assert set(values(simulation)) == {20_000}

    battery = Bess(id="b", node="grid", capacity=Energy(100 * KWH), initial_soc=Share.parse("40 %"))
    state_of_charge = wrong_sensor(quantity=SensorQuantity.SOC, bess="b")
    simulation = Simulation(document(bess=(battery,), sensors=(state_of_charge,)))
    simulation.advance(HOUR)
    assert set(values(simulation)) == {400_000}


def test_an_energy_register_has_its_gain_but_no_noise() -> None:
    simulation = metered(quantity=SensorQuantity.ENERGY_IMPORT, cadence=Duration(MINUTE), **WRONG)
    simulation.advance(HOUR)
    assert values(simulation) == [1_000 * KWH * minute // 60 * 110 // 100 for minute in range(1, 61)]


def test_a_forced_value_is_read_as_it_is_whatever_the_meter_s_error() -> None:
    simulation = metered(cadence=Duration(MINUTE), **WRONG)
    simulation.apply(SensorValueForced(0, "m", 1_234))
    simulation.advance(HOUR)
    assert set(values(simulation)) == {1_234}


# Cadence


def test_readings_fall_on_every_multiple_of_the_cadence_whatever_the_tick() -> None:
    for tick in (SECOND, 7 * SECOND, 15 * SECOND):
        simulation = metered(cadence=Duration(105 * SECOND))
        simulation.advance(15 * MINUTE, tick)
        times = [at for at, _ in readings(simulation)]
        assert [at // (105 * SECOND) for at in times] == list(range(1, 9))
        assert all(at % (105 * SECOND) < tick for at in times)


def test_a_tick_longer_than_the_cadence_reads_once_at_its_end() -> None:
    simulation = metered(cadence=Duration(SECOND))
    simulation.advance(2 * HOUR, HOUR)
    assert [at for at, _ in readings(simulation)] == [HOUR, 2 * HOUR]


def test_noise_does_not_depend_on_the_tick() -> None:
    fine, coarse = metered(), metered()
    fine.advance(HOUR, SECOND)
    coarse.advance(HOUR, MINUTE)
    assert readings(fine) == readings(coarse)


# Places


def test_every_quantity_is_read_where_it_is() -> None:
    bess = Bess(id="s", node="grid", capacity=Energy(1_000 * KWH), rating=Power(100 * KW))
    always = (ProfileStep(ClockTime("00:00"), Share.parse("50 %")),)
    places: list[dict[str, Any]] = [
        {"node": "grid"},
        {"node": "grid", "quantity": SensorQuantity.ENERGY_IMPORT},
        {"charger": "c1"},
        {"charger": "c1", "quantity": SensorQuantity.ENERGY_IMPORT},
        {"bess": "s"},
        {"bess": "s", "quantity": SensorQuantity.ENERGY_IMPORT},
        {"bess": "s", "quantity": SensorQuantity.SOC},
        {"pv": "p"},
        {"quantity": SensorQuantity.AMBIENT_TEMPERATURE},
    ]
    simulation = Simulation(
        document(
            chargers=(charger(standby=Power(500)),),
            vehicles=(vehicle(initial_soc=Share(0)),),
            bess=(bess,),
            pv=(PvArray(id="p", node="grid", peak=Power(80 * KW), profile=always),),
            weather=Weather(ambient=(TemperatureStep(ClockTime("00:00"), Temperature(-3_000)),)),
            sensors=tuple(Sensor(id=f"x{index}", **EXACT, **place) for index, place in enumerate(places)),
        )
    )
    simulation.apply(BessStateChanged(0, "s", PowerState.ON, Control.LOCAL, Dispatch.NONE, 50 * KW))
    simulation.advance(HOUR)
    net = 150_000 + 500 + 50_000 - 40_000
    stored = 500 * KWH + 50 * KWH * 95 // 100
    assert [values(simulation, sensor)[-1] for sensor in range(len(places))] == [
        net,
        net * HOUR,
        150 * KW,
        150 * KWH,
        50 * KW,
        50 * KWH,
        stored * 1_000_000 // (1_000 * KWH),
        40 * KW,
        -3_000,
    ]


def test_an_import_register_never_falls_not_even_while_exporting_with_a_wrong_gain() -> None:
    wave = tuple(ProfileStep(ClockTime(f"{hour:02}:00"), Share(hour % 2 * 1_000_000)) for hour in range(24))
    simulation = Simulation(
        document(
            nodes=STEADY,
            chargers=(charger(),),
            vehicles=(vehicle(),),
            pv=(PvArray(id="p", node="grid", peak=Power(2_000 * KW), profile=wave),),
            sensors=tuple(
                Sensor(id=f"m{gain}", node="grid", quantity=SensorQuantity.ENERGY_IMPORT, gain_error=SignedShare(gain))
                for gain in (-50_000, 0, 50_000)
            ),
        )
    )
    simulation.advance(24 * HOUR, 15 * MINUTE)
    for sensor in range(3):
        assert all(earlier <= later for earlier, later in pairwise(values(simulation, sensor)))
        assert values(simulation, sensor)[-1] > 11_000 * KWH


# Trouble


def test_a_stuck_sensor_repeats_its_last_reading_and_an_offline_one_is_silent() -> None:
    simulation = metered()
    simulation.advance(3 * MINUTE)
    last = values(simulation)[-1]
    simulation.apply(SensorFaulted(simulation.world.at, "m", SensorMode.STUCK))
    simulation.advance(6 * MINUTE)
    assert values(simulation)[3:] == [last] * 3
    simulation.apply(SensorFaulted(simulation.world.at, "m", SensorMode.OFFLINE))
    simulation.advance(9 * MINUTE)
    assert len(readings(simulation)) == 6
    simulation.apply(SensorFaultCleared(simulation.world.at, "m"))
    simulation.advance(10 * MINUTE)
    assert len(readings(simulation)) == 7


def test_a_fault_for_a_time_clears_by_itself_at_the_moment() -> None:
    simulation = metered()
    simulation.apply(SensorFaulted(0, "m", SensorMode.OFFLINE, 150 * SECOND))
    simulation.advance(5 * MINUTE)
    assert simulation.of(SensorFaultCleared) == [SensorFaultCleared(150 * SECOND, "m")]
    assert [at for at, _ in readings(simulation)] == [3 * MINUTE, 4 * MINUTE, 5 * MINUTE]


def test_a_forced_value_replaces_the_measurement_until_it_is_lifted() -> None:
    simulation = metered(**EXACT)
    simulation.apply(SensorValueForced(0, "m", 42))
    simulation.advance(2 * MINUTE)
    simulation.apply(SensorValueForced(simulation.world.at, "m", None))
    simulation.advance(3 * MINUTE)
    assert values(simulation) == [42, 42, 1_000_000]


def test_a_sensor_out_of_service_reads_nothing() -> None:
    simulation = metered()
    simulation.apply(SensorAvailabilityChanged(0, "m", available=False))
    simulation.advance(5 * MINUTE)
    assert readings(simulation) == []
