"""Integers of the world as decimal numbers of JSON: exact, rounded once, never through a float."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from depot_sim.domain.packets.contract.units import Unit


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts in steps of a resolution, held within a range.

    A value is `steps × step` units of the last decimal place. Its steps are (base × numerator + offset) / denominator,
    rounded half away from zero.
    """

    numerator: int
    offset: int
    denominator: int
    lowest: int
    highest: int
    step: int
    places: int

    def steps(self, base: int) -> int:
        """The nearest number of steps, whether in range or not."""
        scaled = 2 * (base * self.numerator + self.offset)
        half, whole = self.denominator, 2 * self.denominator
        return (scaled + half) // whole if scaled >= 0 else -((half - scaled) // whole)

    def token(self, base: int) -> tuple[str, bool]:
        """The JSON number without needless digits, and whether it is the value: one out of range stops at the bound."""
        steps = self.steps(base)
        held = min(max(steps, self.lowest), self.highest)
        return self.written(held), held == steps

    def written(self, steps: int) -> str:
        """So many steps as a JSON number."""
        return decimal(steps * self.step, self.places)


def scale_of(unit: Unit, resolution: Fraction, low: Fraction, high: Fraction) -> Scale:
    """`resolution` above 0, a decimal number as `low` and `high` are, all in `unit`."""
    denominator = unit.denominator * unit.offset.denominator * resolution.numerator
    places = decimal_places(resolution)
    return Scale(
        numerator=unit.numerator * unit.offset.denominator * resolution.denominator,
        offset=unit.offset.numerator * unit.denominator * resolution.denominator,
        denominator=denominator,
        lowest=-(-low // resolution),
        highest=high // resolution,
        step=int(resolution * 10**places),
        places=places,
    )


def decimal(digits: int, places: int) -> str:
    """The number digits × 10^-places as JSON writes it, without trailing zeros."""
    if not places:
        return str(digits)
    whole, fraction = divmod(abs(digits), 10**places)
    sign = "-" if digits < 0 else ""
    if not fraction:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{fraction:0{places}}".rstrip("0")


def decimal_text(value: Fraction) -> str:
    """A decimal number as JSON writes it."""
    places = decimal_places(value)
    return decimal(int(value * 10**places), places)


def decimal_places(value: Fraction) -> int:
    """How many decimal places write `value` exactly. Raises ValueError for a fraction that none do."""
    places, rest = 0, value.denominator
    while rest > 1:
        if rest % 10 == 0:
            rest //= 10
        elif rest % 2 == 0:
            rest //= 2
        elif rest % 5 == 0:
            rest //= 5
        else:
            raise ValueError(f"{value} is no decimal number")
        places += 1
    return places
