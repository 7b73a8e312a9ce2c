"""Units of UCUM that a profile may send, and how the world's integers become them, exactly.

A dimension names the base unit in which sources give their integers. A unit is a line over it:
value = base × numerator / denominator + offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction

import msgspec


class Dimension(StrEnum):
    """What a source gives: integers in the base unit named here, or something that has no unit."""

    POWER = "power"
    """W"""
    REACTIVE = "reactive power"
    """var"""
    ENERGY = "energy"
    """mJ"""
    SHARE = "share"
    """ppm"""
    VOLTAGE = "voltage"
    """mV"""
    CURRENT = "current"
    """mA"""
    FREQUENCY = "frequency"
    """mHz"""
    TEMPERATURE = "temperature"
    """thousandths of a degree Celsius"""
    COUNT = "count"
    """one"""
    WORD = "word"
    FLAG = "flag"
    TEXTS = "texts"

    @property
    def measured(self) -> bool:
        """Whether values are numbers."""
        return self in UNITS


class Unit(msgspec.Struct, frozen=True):
    """`code` is UCUM's, case-sensitive (reactive power is written var, as the field does)."""

    code: str
    numerator: int = 1
    denominator: int = 1
    offset: Fraction = Fraction(0)


_MJ_PER_WH = 3_600_000


def _by_code(*units: Unit) -> Mapping[str, Unit]:
    return {unit.code: unit for unit in units}


UNITS: Mapping[Dimension, Mapping[str, Unit]] = {
    Dimension.POWER: _by_code(
        Unit("mW", 1_000), Unit("W"), Unit("kW", 1, 10**3), Unit("MW", 1, 10**6), Unit("GW", 1, 10**9)
    ),
    Dimension.REACTIVE: _by_code(Unit("var"), Unit("kvar", 1, 10**3), Unit("Mvar", 1, 10**6)),
    Dimension.ENERGY: _by_code(
        Unit("mJ"),
        Unit("J", 1, 10**3),
        Unit("kJ", 1, 10**6),
        Unit("MJ", 1, 10**9),
        Unit("GJ", 1, 10**12),
        Unit("W.s", 1, 10**3),
        Unit("W.h", 1, _MJ_PER_WH),
        Unit("kW.h", 1, _MJ_PER_WH * 10**3),
        Unit("MW.h", 1, _MJ_PER_WH * 10**6),
        Unit("GW.h", 1, _MJ_PER_WH * 10**9),
    ),
    Dimension.SHARE: _by_code(Unit("1", 1, 10**6), Unit("%", 1, 10**4), Unit("[ppth]", 1, 10**3), Unit("[ppm]")),
    Dimension.VOLTAGE: _by_code(Unit("mV"), Unit("V", 1, 10**3), Unit("kV", 1, 10**6)),
    Dimension.CURRENT: _by_code(Unit("mA"), Unit("A", 1, 10**3), Unit("kA", 1, 10**6)),
    Dimension.FREQUENCY: _by_code(Unit("mHz"), Unit("Hz", 1, 10**3), Unit("kHz", 1, 10**6)),
    Dimension.TEMPERATURE: _by_code(
        Unit("mCel"),
        Unit("Cel", 1, 10**3),
        Unit("K", 1, 10**3, Fraction(27_315, 100)),
        Unit("[degF]", 9, 5_000, Fraction(32)),
    ),
    Dimension.COUNT: _by_code(Unit("1")),
}


def amperes_per_phase(volts: int) -> Unit:
    """Three-phase power as the current of one phase, at `volts` between phase and neutral."""
    return Unit("A", 1, 3 * volts)
