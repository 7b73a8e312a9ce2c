"""What a measurement says against the contract, and the value that remains to be used.

A key, unit or word that is not the contract's to the letter is a finding; nothing is guessed. A number in another
unit of the same quantity is converted all the same, so that one wrong unit is told from a wrong value.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from depot_sim.standin.packets import units
from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.measurands import MEASURANDS, Measurand
from depot_sim.standin.packets.packet import Encoding, Measurement, Packet, PacketType, Value

STALE_AFTER = timedelta(minutes=1)
"""A value measured so long before its packet was sent is old; one may say so by its quality."""


class Known(Struct, frozen=True):
    """A key as one device sends it: the contract's measurand, the unit that is understood, and words of its own."""

    measurand: str
    unit: str | None = None
    words: dict[str, str] = {}


class Reading(Struct, frozen=True):
    """A value that passed, in the contract's unit."""

    measurand: str
    value: Value
    at: datetime


def is_stale(packet: Packet, at: datetime) -> bool:
    return packet.sent_at - at > STALE_AFTER


def standard(key: str) -> Known | None:
    """The key as the contract has it."""
    return Known(key, MEASURANDS[key].unit) if key in MEASURANDS else None


class Checker:
    """Looks through the measurements of one packet."""

    def __init__(self, packet: Packet) -> None:
        self.findings: list[Finding] = []
        self._packet = packet

    def read(self, one: Measurement, known: Known | None) -> Reading | None:
        """The reading, if there is one. A BIRTH declares, and has none."""
        if known is None:
            self._find(Kind.UNKNOWN_KEY, _unknown(one.key), one)
            return None
        if self._packet.type is PacketType.BIRTH:
            self._check_unit(one, known)
            return None
        self._check_time(one)
        if not one.usable:
            return None
        return self._reading(one, known, MEASURANDS[known.measurand])

    def _reading(self, one: Measurement, known: Known, measurand: Measurand) -> Reading | None:
        value = one.value
        if value is None and measurand.nullable:
            return Reading(known.measurand, None, one.at)
        if isinstance(value, bool):
            passes = measurand.flag or self._mistyped(one)
        elif measurand.words:
            value = known.words.get(str(value), value)
            passes = self._is_word(one, value, measurand)
        elif measurand.unit is None:
            if isinstance(value, str) and self._packet.encoding is Encoding.SENML:
                value = [*value.split(";")]  # which has no lists
            passes = (isinstance(value, list) and not measurand.flag) or self._mistyped(one)
        elif isinstance(value, (int, float)):
            value = self._number(one, known, measurand, value)
            passes = value is not None
        else:
            passes = self._mistyped(one)
        return Reading(known.measurand, value, one.at) if passes else None

    def _number(self, one: Measurement, known: Known, measurand: Measurand, value: float) -> float | None:
        self._check_unit(one, known)
        assert measurand.unit is not None, "only numbers come here"
        number = units.convert(value, one.unit or known.unit or measurand.unit, measurand.unit)
        if number is not None and not measurand.low <= number <= measurand.high:
            bounds = f"{measurand.low:g} to {measurand.high:g} {measurand.unit}"
            self._find(Kind.OUT_OF_RANGE, f"{one.key} is {number:g} {measurand.unit}, not {bounds}", one)
            return None
        return number

    def _check_unit(self, one: Measurement, known: Known) -> None:
        if one.unit is not None and not units.same(one.unit, known.unit or "1"):
            self._find(Kind.UNKNOWN_UNIT, f"{one.key} comes in {one.unit}, not in {known.unit or 'no unit'}", one)

    def _is_word(self, one: Measurement, value: Value, measurand: Measurand) -> bool:
        if isinstance(value, str) and value in measurand.words:
            return True
        self._find(Kind.UNKNOWN_WORD, f"{one.key} is {one.value!r}, none of {', '.join(sorted(measurand.words))}", one)
        return False

    def _mistyped(self, one: Measurement) -> bool:
        self._find(Kind.SCHEMA, f"{one.key} is {one.value!r}, which its type is not", one)
        return False

    def _check_time(self, one: Measurement) -> None:
        age = self._packet.sent_at - one.at
        if age < timedelta():
            self._find(Kind.CLOCK_SKEW, f"{one.key} was measured {-age} after it was sent", one)
        elif is_stale(self._packet, one.at) and one.usable:
            self._find(Kind.STALE, f"{one.key} was measured {age} before it was sent", one)

    def _find(self, kind: Kind, text: str, one: Measurement) -> None:
        self.findings.append(Finding(kind, text, one.key))


def _unknown(key: str) -> str:
    near = next((name for name in MEASURANDS if name.casefold() == key.casefold()), None)
    return f"{key} is no key here" + (f"; {near} is" if near else "")
