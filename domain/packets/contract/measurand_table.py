"""measurands.csv: which keys there are, what of the world each one tells, and in which unit, range and cadence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import NamedTuple

import msgspec

from depot_sim.domain.kernel.problems import Faults, one_of, quoted
from depot_sim.domain.packets.contract.decimals import Scale, decimal_places, decimal_text, scale_of
from depot_sim.domain.packets.contract.manifest import Manifest
from depot_sim.domain.packets.contract.measurand import Measurand
from depot_sim.domain.packets.contract.nearest import nearest
from depot_sim.domain.packets.contract.scopes import SCOPES, device_types_of
from depot_sim.domain.packets.contract.tables import Row, read_table
from depot_sim.domain.packets.contract.units import UNITS, Dimension, Unit, amperes_per_phase
from depot_sim.domain.packets.measure.sources import SOURCES, Source
from depot_sim.domain.packets.vocabulary import DeviceType

FILE = "measurands.csv"
_NEEDED = ("key", "scope", "type", "unit_ucum", "min", "max", "resolution", "cadence_s", "on_change")
_OWN = ("source", "deadband", "device_types")
_REMARKS = ("source_in_world", "standard_anchor", "notes")
_NUMBER_TYPES = ("number", "integer", "boolean")
_TYPES = {
    Dimension.WORD: ("enum", "integer", "boolean"),
    Dimension.FLAG: ("boolean",),
    Dimension.TEXTS: ("string[]",),
}
_is_key = re.compile(r"[^\s\x00-\x1f\x7f\"{}]{1,128}").fullmatch
_LONGEST_CADENCE_MS = 7 * 24 * 3_600_000
_LARGEST = Decimal("1e15")
_FINEST = Decimal("1e-9")
_encode = msgspec.json.Encoder().encode

Words = Mapping[str, Mapping[str, str]]


class _Range(NamedTuple):
    low: Fraction
    high: Fraction
    resolution: Fraction


def read_measurands(text: str, manifest: Manifest, words: Words, faults: Faults) -> Mapping[str, Measurand]:
    """Measurands by their keys, spelt as the manifest says. `words` has what every source's words are sent as."""
    measurands: dict[str, Measurand] = {}
    rows = read_table(FILE, text, _NEEDED, faults)
    _check_columns(rows, faults)
    for row in rows:
        measurand = _Reading(row, manifest, words, faults).measurand()
        if measurand.key in measurands:
            faults.append(row.fault("key", f"{quoted(row.text('key'))} twice", "each key once"))
        measurands[measurand.key] = measurand
    if not rows and not faults:
        faults.add(FILE, "no rows", "one row for every key")
    return measurands


def _check_columns(rows: list[Row], faults: Faults) -> None:
    known = (*_NEEDED, *_OWN, *_REMARKS)
    for name in rows[0].cells if rows else ():
        if name not in known:
            faults.add(FILE, f"the column {quoted(name)}", nearest(name, known))


class _Reading:
    """One row."""

    def __init__(self, row: Row, manifest: Manifest, words: Words, faults: Faults) -> None:
        self._row = row
        self._manifest = manifest
        self._words = words
        self._faults = faults

    def measurand(self) -> Measurand:
        """What could be read; the rest is a fault."""
        source = self._source()
        as_flag = self._is_flag(source)
        counted = source.dimension.measured and not as_flag
        unit, bounds = (self._unit(source), self._range()) if counted else (None, None)
        if self._row.text("on_change") not in ("yes", "no", ""):
            self._refuse("on_change", "yes, no, or nothing")
        if not counted and source.name in SOURCES:
            self._expect_empty("unit_ucum", "min", "max", "resolution", "deadband")
        return Measurand(
            key=self._key(),
            source=source.name,
            dimension=source.dimension,
            device_types=self._device_types(source),
            unit=unit.code if unit is not None else "",
            min=decimal_text(bounds.low) if bounds else "",
            max=decimal_text(bounds.high) if bounds else "",
            resolution=decimal_text(bounds.resolution) if bounds else "",
            cadence_ms=self._cadence_ms(),
            on_change=self._on_change(),
            deadband=self._deadband(unit),
            words=self._sent_words(source) if source.dimension is Dimension.WORD else {},
            as_flag=as_flag,
            scale=_scale(unit, bounds),
        )

    def _key(self) -> str:
        written = self._row.text("key")
        if not _is_key(written):
            self._refuse("key", "a key of up to 128 characters without spaces, quotes and braces")
        return self._manifest.key_casing.spelt(written)

    def _source(self) -> Source:
        """An unknown one reads as any other, so that the rest of the row is looked at too."""
        column = "source" if self._row.text("source") else "key"
        named = self._row.text(column)
        if named not in SOURCES:
            hint = nearest(named, SOURCES)
            self._refuse(column, hint if column == "source" else f"a source, named in the column source: {hint}")
        return SOURCES.get(named) or Source(named, Dimension.FLAG, frozenset(), lambda *_: None)

    def _is_flag(self, source: Source) -> bool:
        """A number's type says so, or the manifest does."""
        listed = self._manifest.as_flag & {
            self._row.text("key"),
            self._manifest.key_casing.spelt(self._row.text("key")),
        }
        types = _TYPES.get(source.dimension, _NUMBER_TYPES)
        if source.name in SOURCES and self._row.text("type") not in types:
            self._refuse("type", f"{one_of(types)}, as {source.name} is {source.dimension}")
        return source.dimension.measured and (bool(listed) or self._row.text("type") == "boolean")

    def _device_types(self, source: Source) -> frozenset[DeviceType]:
        scopes = self._names("scope", SCOPES)
        if self._row.text("device_types"):
            return frozenset(DeviceType(name) for name in self._names("device_types", tuple(DeviceType)))
        return device_types_of(scopes, source.name)

    def _names(self, column: str, known: Mapping[str, object] | tuple[str, ...]) -> list[str]:
        named = [name.strip() for name in self._row.text(column).split("|")]
        for name in named:
            if name not in known:
                self._faults.append(
                    self._row.fault(column, quoted(name), f"{one_of(known)}, several with | between them")
                )
        return [name for name in named if name in known]

    def _unit(self, source: Source) -> Unit | None:
        code = self._row.text("unit_ucum")
        volts = self._manifest.volts_per_phase
        if code == "A" and source.dimension is Dimension.POWER and volts is not None:
            return amperes_per_phase(volts)
        units = UNITS[source.dimension]
        if code not in units:
            self._refuse("unit_ucum", f"{one_of(units)}, as {source.name} is {source.dimension}")
        return units.get(code)

    def _range(self) -> _Range | None:
        low, high, resolution = self._decimal("min"), self._decimal("max"), self._decimal("resolution")
        if low is None or high is None or resolution is None:
            return None
        if resolution <= 0:
            self._refuse("resolution", "a number above 0")
        if low > high:
            self._refuse("min", f"at most the max, {self._row.text('max')}")
        elif resolution > 0 and high // resolution < -(-low // resolution):
            self._refuse("resolution", "a step that falls between min and max")
        elif self._row.text("type") == "integer" and resolution.denominator != 1:
            self._refuse("resolution", "a whole number, as the type is integer")
        elif resolution > 0:
            return _Range(low, high, resolution)
        return None

    def _decimal(self, column: str) -> Fraction | None:
        try:
            number = Decimal(self._row.text(column))
        except InvalidOperation:
            number = Decimal("nan")
        if number.is_finite() and abs(number) <= _LARGEST and (not number or abs(number) >= _FINEST):
            value = Fraction(number)
            if decimal_places(value) <= -_FINEST.adjusted():
                return value
        self._refuse(column, "a decimal number, within ±1e15 and with at most 9 decimal places")
        return None

    def _cadence_ms(self) -> int | None:
        seconds = self._decimal("cadence_s")
        if seconds is None or seconds == 0:
            if seconds is not None and not self._on_change():
                self._refuse("cadence_s", "more than 0, or yes under on_change")
            return None
        ms = seconds * 1_000
        if ms.denominator != 1 or not 1 <= ms <= _LONGEST_CADENCE_MS:
            self._refuse("cadence_s", "whole milliseconds, from 0.001 s to 7 days; 0 for only on change")
        return int(ms)

    def _on_change(self) -> bool:
        return self._row.text("on_change") == "yes"

    def _deadband(self, unit: Unit | None) -> int:
        """In the source's base unit; a change of that much or more counts."""
        if unit is None or not self._row.text("deadband"):
            return 0
        band = self._decimal("deadband")
        if band is None or band < 0:
            self._refuse("deadband", "a number from 0 on, in the row's unit")
            return 0
        return -(-(band.numerator * unit.denominator) // (band.denominator * unit.numerator))

    def _sent_words(self, source: Source) -> Mapping[str, str]:
        """The words as JSON of the row's type."""
        sent = self._words.get(source.name, {})
        return {word: json for word, said in sent.items() if (json := self._word_json(word, said)) is not None}

    def _word_json(self, word: str, said: str) -> str | None:
        kind = self._row.text("type")
        if kind == "integer" and re.fullmatch(r"0|-?[1-9][0-9]{0,14}", said) is None:
            self._refuse("type", f"enum, or a whole number as what is sent for {word}, not {quoted(said)}")
        elif kind == "boolean" and said not in ("true", "false"):
            self._refuse("type", f"enum, or true or false as what is sent for {word}, not {quoted(said)}")
        elif kind in ("integer", "boolean"):
            return said
        else:
            return _encode(said).decode()
        return None

    def _expect_empty(self, *columns: str) -> None:
        """Left as they were when a number became a flag, though."""
        for column in columns:
            if self._row.text(column) and self._row.text("key") not in self._manifest.as_flag:
                self._refuse(column, "nothing: this is no number")

    def _refuse(self, column: str, expected: str) -> None:
        found = self._row.text(column)
        self._faults.append(self._row.fault(column, quoted(found) if found else "nothing", expected))


def _scale(unit: Unit | None, bounds: _Range | None) -> Scale | None:
    if unit is None or bounds is None:
        return None
    return scale_of(unit, bounds.resolution, bounds.low, bounds.high)
