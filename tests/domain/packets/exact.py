"""Integers of the world as exact numbers in the units that packets may have."""

from __future__ import annotations

from fractions import Fraction

from depot_sim.domain.packets.contract.units import Unit


def of_base(unit: Unit, base: int) -> Fraction:
    """`base`, an integer in the dimension's base unit, in this unit."""
    return Fraction(base * unit.numerator, unit.denominator) + unit.offset
