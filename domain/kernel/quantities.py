"""Physical quantities as people write them ("3.5 MW", "80 %") and as the world holds them (exact integers).

A quantity in a document always names its unit; a bare number is refused, so nothing is ever off by a factor of 1,000.
Base units: W, mJ (= W x ms), ms, mm, ppm, mJ/km, W/s, ppm/s, m°C.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import ClassVar, Self

_NUMBER_AND_UNIT = re.compile(r"\s*([+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*(\S+)\s*")
_LARGEST = 2**53  # every JSON reader holds integers up to here exactly

MS_PER_SECOND = 1_000
MS_PER_MINUTE = 60 * MS_PER_SECOND
MS_PER_HOUR = 60 * MS_PER_MINUTE
MS_PER_DAY = 24 * MS_PER_HOUR
MJ_PER_WH = 3_600 * 1_000
MJ_PER_KWH = 1_000 * MJ_PER_WH
PPM = 1_000_000


class Quantity(int):
    """An integer in its base unit. Subclasses list the accepted units with their factor to the base unit."""

    KIND: ClassVar[str]
    UNITS: ClassVar[dict[str, int]]
    SIGNED: ClassVar[bool] = False
    EXAMPLE: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read "number unit". Raises ValueError that says what would do."""
        match = _NUMBER_AND_UNIT.fullmatch(text)
        if match is None or match[2] not in cls.UNITS:
            raise ValueError(cls.expected())
        value = Decimal(match[1]) * cls.UNITS[match[2]]
        if value < 0 and not cls.SIGNED:
            raise ValueError(f"{cls.expected()}, not below zero")
        if abs(value) > _LARGEST:
            raise ValueError(f"{cls.expected()}, of a size that exists")
        return cls(int(value.to_integral_value()))

    @classmethod
    def expected(cls) -> str:
        return f'{cls.KIND} in {", ".join(cls.UNITS)}, such as "{cls.EXAMPLE}"'


class Power(Quantity):
    KIND, EXAMPLE = "a power", "150 kW"
    UNITS: ClassVar[dict[str, int]] = {"W": 1, "kW": 1_000, "MW": 1_000_000}


class SignedPower(Power):
    KIND, EXAMPLE = "a power (import is positive)", "-250 kW"
    SIGNED = True


class Energy(Quantity):
    KIND, EXAMPLE = "an energy", "400 kWh"
    UNITS: ClassVar[dict[str, int]] = {"Wh": MJ_PER_WH, "kWh": MJ_PER_KWH, "MWh": 1_000 * MJ_PER_KWH}


class Duration(Quantity):
    KIND, EXAMPLE = "a duration", "30 min"
    UNITS: ClassVar[dict[str, int]] = {"ms": 1, "s": MS_PER_SECOND, "min": MS_PER_MINUTE, "h": MS_PER_HOUR}


class SinceStart(Duration):
    KIND, EXAMPLE = "a time since the run's start (negative is before it)", "+90 min"
    SIGNED = True


class Distance(Quantity):
    KIND, EXAMPLE = "a distance", "212.5 km"
    UNITS: ClassVar[dict[str, int]] = {"m": 1_000, "km": 1_000_000}


class Share(Quantity):
    KIND, EXAMPLE = "a share", "80 %"
    UNITS: ClassVar[dict[str, int]] = {"%": 10_000}


class SignedShare(Share):
    KIND, EXAMPLE = "a signed share", "-0.5 %"
    SIGNED = True


class Consumption(Quantity):
    KIND, EXAMPLE = "a consumption", "1.2 kWh/km"
    UNITS: ClassVar[dict[str, int]] = {"Wh/km": MJ_PER_WH, "kWh/km": MJ_PER_KWH}


class RampRate(Quantity):
    KIND, EXAMPLE = "a ramp rate", "20 kW/s"
    UNITS: ClassVar[dict[str, int]] = {"W/s": 1, "kW/s": 1_000}


class ShareRate(Quantity):
    KIND, EXAMPLE = "a share per second", "5 %/s"
    UNITS: ClassVar[dict[str, int]] = {"%/s": 10_000}


class Temperature(Quantity):
    KIND, EXAMPLE = "a temperature", "-5 °C"
    UNITS: ClassVar[dict[str, int]] = {"°C": 1_000, "C": 1_000}
    SIGNED = True


class ClockTime(str):
    """A time of day, "HH:MM" or "HH:MM:SS"; hours from 24 on mean the next day, "+HH:MM" once after the run's start."""

    __slots__ = ()

    EXAMPLE = "05:30"
    _FORM: ClassVar[re.Pattern[str]] = re.compile(r"(\+?)([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9]))?")

    @classmethod
    def parse(cls, text: str) -> Self:
        if cls._FORM.fullmatch(text) is None:
            raise ValueError(cls.expected())
        return cls(text)

    @classmethod
    def expected(cls) -> str:
        return 'a time of day such as "05:30", "25:10" for 01:10 the next day, or "+07:00" since the run\'s start'

    @property
    def since_start(self) -> bool:
        """Counted once from the run's start instead of from midnight."""
        return self.startswith("+")

    @property
    def ms(self) -> int:
        """Milliseconds since midnight, or since the run's start."""
        match = self._FORM.fullmatch(self)
        assert match is not None, "parse() checked the form"
        return int(match[2]) * MS_PER_HOUR + int(match[3]) * MS_PER_MINUTE + int(match[4] or 0) * MS_PER_SECOND
