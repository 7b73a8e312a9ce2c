"""Units: every dimension has a base, and lines over it are exact."""

from __future__ import annotations

from fractions import Fraction

import pytest

from depot_sim.domain.packets.contract.units import UNITS, Dimension, amperes_per_phase
from tests.domain.packets.exact import of_base

_BASES = {
    Dimension.POWER: "W",
    Dimension.REACTIVE: "var",
    Dimension.ENERGY: "mJ",
    Dimension.SHARE: "[ppm]",
    Dimension.VOLTAGE: "mV",
    Dimension.CURRENT: "mA",
    Dimension.FREQUENCY: "mHz",
    Dimension.TEMPERATURE: "mCel",
    Dimension.COUNT: "1",
}


@pytest.mark.parametrize("dimension", Dimension)
def test_every_measured_dimension_can_be_sent_in_its_base_unit_as_it_is(dimension: Dimension) -> None:
    assert dimension.measured == (dimension in _BASES)
    if dimension.measured:
        assert of_base(UNITS[dimension][_BASES[dimension]], -7) == -7


def test_an_hour_of_a_kilowatt_is_one_kilowatt_hour() -> None:
    assert of_base(UNITS[Dimension.ENERGY]["kW.h"], 1_000 * 3_600_000) == 1


def test_power_is_a_phase_current_at_a_voltage() -> None:
    assert of_base(amperes_per_phase(230), 69_000) == 100
    assert of_base(amperes_per_phase(230), 1) == Fraction(1, 690)
