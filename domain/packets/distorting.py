"""Falsifying a packet: what a device gets wrong before anything is encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from depot_sim.domain.interaction.effects import Distort, Distortion
from depot_sim.domain.interaction.message import decode_json
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import PacketType, Quality

UNEXPECTED_KEY = "UNEXPECTED_KEY"
UNKNOWN_WORD = "UNHEARD_OF"

_HELD = frozenset({Distortion.FROZEN, Distortion.STALE})
_KELVIN = Decimal("273.15")
_encode = msgspec.json.encode
_replace = msgspec.structs.replace


def distorted(packet: Packet, distorts: Sequence[Distort], memory: Memory, keys: Sequence[BoundKey] = ()) -> Packet:
    """The packet as a device with these faults tells it; the packet itself when that is what it says anyway.

    Held values come last: what is repeated was sent with all its faults, and takes them on once only.
    """
    names = {bound.key.casefold(): bound.measurand.casefold() for bound in keys}
    told = packet
    for distort in sorted(distorts, key=holds):
        told = _distorted(told, distort, memory, names)
    return told


def holds(distort: Distort) -> bool:
    """Whether it repeats what the device said last."""
    return distort.how in _HELD


def untold(packet: Packet, told: Packet) -> tuple[Measurement, ...]:
    """The measurements of a packet that are not told as they are, each with its time.

    Keys are folded: their casing may be distorted.
    """
    if told.measurements is packet.measurements:
        return ()
    said = {one.key.casefold(): one for one in told.measurements}
    false = (one for one in packet.measurements if said.get(one.key.casefold()) != one)
    return tuple(one if one.at is not None else _replace(one, at=packet.sent_at) for one in false)


def _distorted(packet: Packet, distort: Distort, memory: Memory, names: Mapping[str, str]) -> Packet:
    if distort.how in _WHOLE:
        return _WHOLE[distort.how](packet, distort, memory)
    if distort.how in _HELD and packet.type is PacketType.BIRTH:
        return packet
    wanted = frozenset(key.casefold() for key in distort.keys)
    change = _CHANGES[distort.how]
    told = [
        change(one, distort, packet, memory) if not wanted or _is_meant(one.key, wanted, names) else one
        for one in packet.measurements
    ]
    if all(new is old or new == old for new, old in zip(told, packet.measurements, strict=True)):
        return packet
    return _replace(packet, measurements=tuple(one for one in told if one is not None))


def _is_meant(key: str, wanted: frozenset[str], names: Mapping[str, str]) -> bool:
    folded = key.casefold()
    return folded in wanted or names.get(folded) in wanted


# Whole packets


def _with_extra_key(packet: Packet, distort: Distort, _: Memory) -> Packet:
    extra = (Measurement(key, msgspec.Raw(b"1")) for key in distort.keys or (UNEXPECTED_KEY,))
    return _replace(packet, measurements=(*packet.measurements, *extra))


def _with_skewed_clock(packet: Packet, distort: Distort, _: Memory) -> Packet:
    told = (one if one.at is None else _replace(one, at=one.at + distort.by_ms) for one in packet.measurements)
    return _replace(packet, sent_at=packet.sent_at + distort.by_ms, measurements=tuple(told))


def _with_sequence_ahead(packet: Packet, distort: Distort, _: Memory) -> Packet:
    return _replace(packet, seq=max(0, packet.seq + distort.by))


def _with_sequence_stuck(packet: Packet, _: Distort, memory: Memory) -> Packet:
    last = memory.seq(packet.device_id)
    return packet if last is None else _replace(packet, seq=last)


_WHOLE: Mapping[Distortion, Callable[[Packet, Distort, Memory], Packet]] = {
    Distortion.EXTRA: _with_extra_key,
    Distortion.CLOCK_SKEW: _with_skewed_clock,
    Distortion.SEQUENCE_JUMP: _with_sequence_ahead,
    Distortion.SEQUENCE_STUCK: _with_sequence_stuck,
}


# Single measurements

_Change = Callable[[Measurement, Distort, Packet, Memory], Measurement | None]
"""Returns the measurement itself when the fault does not show in it, None when it is left out."""


def _frozen(one: Measurement, _: Distort, packet: Packet, memory: Memory) -> Measurement:
    said = memory.said(packet.device_id, one.key)
    if said is None:
        return one
    return _replace(one, value=said.measurement.value, unit=said.measurement.unit, quality=said.measurement.quality)


def _stale(one: Measurement, distort: Distort, packet: Packet, memory: Memory) -> Measurement:
    said = memory.said(packet.device_id, one.key)
    return one if said is None else _replace(_frozen(one, distort, packet, memory), at=said.at)


def _revalued(change: Callable[[Any], Any]) -> _Change:
    """Changes a value as JSON tells it."""

    def changed(one: Measurement, *_: object) -> Measurement:
        value = decode_json(bytes(one.value))
        told = change(value)
        return one if told is value else _replace(one, value=_raw(told))

    return changed


def _raw(value: Any) -> msgspec.Raw:
    return msgspec.Raw(format(value, "f").encode() if isinstance(value, Decimal) else _encode(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _in_words(change: Callable[[str], str]) -> Callable[[Any], Any]:
    """Changes a word, or every word of a list."""

    def changed(value: Any) -> Any:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list) and value:
            return [change(word) if isinstance(word, str) else word for word in value]
        return value

    return changed


def _quantised(value: Any) -> Any:
    """Whole numbers only, halves to the even one."""
    return value.to_integral_value() if isinstance(value, Decimal) else value


def _as_text(one: Measurement, *_: object) -> Measurement:
    written = bytes(one.value)
    return _replace(one, value=_raw(written.decode())) if _is_number(decode_json(written)) else one


class _Unit(NamedTuple):
    """Another unit of the same quantity: its value is shifted by so many digits, and by an offset."""

    unit: str
    shift: int
    offset: Decimal = Decimal(0)

    def of(self, value: int | Decimal) -> Decimal:
        return Decimal(value).scaleb(self.shift) + self.offset


def _thousands(*units: str) -> Iterable[tuple[str, _Unit]]:
    """Those in k and M go down, the others go up or down by a thousand."""
    for unit in units:
        yield unit, _Unit(f"k{unit}", -3)
        yield f"k{unit}", _Unit(unit, 3)
        yield f"M{unit}", _Unit(f"k{unit}", 3)


_OTHER_UNITS: Mapping[str, _Unit] = {
    **dict(_thousands("W", "var", "VA", "W.h")),
    "V": _Unit("mV", 3),
    "A": _Unit("mA", 3),
    "Hz": _Unit("mHz", 3),
    "%": _Unit("1", -2),
    "Cel": _Unit("K", 0, _KELVIN),
}
"""By unit (UCUM), the one it is most easily confused with."""


def _in_other_unit(one: Measurement, distort: Distort, *_: object) -> Measurement:
    """The value in another unit; whether the unit says so makes the difference between right and wrong."""
    other, value = _OTHER_UNITS.get(one.unit), decode_json(bytes(one.value))
    if other is None or not _is_number(value):
        return one
    unit = other.unit if distort.how is Distortion.OTHER_UNIT else one.unit
    return _replace(one, value=_raw(other.of(value)), unit=unit)


_CHANGES: Mapping[Distortion, _Change] = {
    Distortion.FROZEN: _frozen,
    Distortion.STALE: _stale,
    Distortion.WRONG_UNIT: _in_other_unit,
    Distortion.OTHER_UNIT: _in_other_unit,
    Distortion.WRONG_CASING: lambda one, *_: _replace(one, key=one.key.swapcase()),
    Distortion.WORD_CASING: _revalued(_in_words(str.swapcase)),
    Distortion.UNKNOWN_WORDS: _revalued(_in_words(lambda _: UNKNOWN_WORD)),
    Distortion.QUANTISED: _revalued(_quantised),
    Distortion.TEXT: _as_text,
    Distortion.NULL: _revalued(lambda _: None),
    Distortion.REPLACED: lambda one, distort, *_: _replace(one, value=msgspec.Raw(distort.value.encode())),
    Distortion.MISSING: lambda *_: None,
    Distortion.BAD_QUALITY: lambda one, *_: _replace(one, quality=Quality.BAD),
}
