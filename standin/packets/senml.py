"""The SenML encoding (RFC 8428): a JSON array of records, resolved into packets, one per device.

A resolved name is `<device><separator><key>`, the separator being its last ":" or "/". Where the path names the
device, a name without a separator is a key alone. A pack says neither its type nor its number nor an id.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from standin.packets.packet import Encoding, Measurement, Packet, Value
from standin.packets.times import from_ms

_VERSION = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_RELATIVE_BELOW = 2**28
"""Times below are seconds from now, and not since 1970 (section 4.5.3)."""
_VALUES = ("v", "vs", "vb", "vd")


class Unresolvable(Exception):
    """The pack breaks a rule that leaves it without a meaning."""


class _Base(Struct):
    """What the base fields have said so far; each holds until it is said anew."""

    name: str = ""
    unit: str | None = None
    time: float = 0.0
    value: float = 0.0


class _Resolved(Struct):
    name: str
    value: Value
    unit: str | None
    seconds: float


def is_pack(items: Sequence[Any]) -> bool:
    """Whether these can only be SenML records: each has labels of SenML alone."""
    return all(isinstance(item, dict) and not item.keys() & {"values", "measurements", "schema"} for item in items)


def read_pack(records: Sequence[Mapping[str, Any]], device: str | None, arrived_at: datetime) -> list[Packet]:
    """The packets of each device in it. Raises Unresolvable."""
    devices: dict[str, list[Measurement]] = {}
    for one in _resolve(records):
        owner, key = _owner_and_key(one.name, device)
        measured_at = _instant(one.seconds, arrived_at)
        devices.setdefault(owner, []).append(Measurement(key, one.value, measured_at, one.unit))
    if not devices:
        raise Unresolvable("no record has a value")
    return [_packet(owner, measurements) for owner, measurements in devices.items()]


def _packet(device: str, measurements: Sequence[Measurement]) -> Packet:
    return Packet(
        encoding=Encoding.SENML,
        device=device,
        sent_at=max(one.at for one in measurements),
        measurements=tuple(measurements),
    )


def _resolve(records: Sequence[Mapping[str, Any]]) -> Iterator[_Resolved]:
    base = _Base()
    for number, record in enumerate(records):
        _check_labels(record, number)
        _rebase(base, record, number)
        given = [label for label in _VALUES if label in record]
        if len(given) > 1:
            raise Unresolvable(f"record {number} has more than one value: {', '.join(given)}")
        if given:
            yield _resolved(base, record, number, given[0])


def _check_labels(record: Mapping[str, Any], number: int) -> None:
    unknown = sorted(label for label in record if label.endswith("_"))
    if unknown:
        raise Unresolvable(f"record {number} must be understood by {unknown[0]}, which is unknown here")
    if _number(record, "bver", number, _VERSION) > _VERSION:
        raise Unresolvable(f"record {number} is of version {record['bver']}; {_VERSION} is the latest known here")


def _rebase(base: _Base, record: Mapping[str, Any], number: int) -> None:
    base.name = _text(record, "bn", number) if "bn" in record else base.name
    base.unit = _text(record, "bu", number) if "bu" in record else base.unit
    base.time = _number(record, "bt", number) if "bt" in record else base.time
    base.value = _number(record, "bv", number) if "bv" in record else base.value


def _resolved(base: _Base, record: Mapping[str, Any], number: int, label: str) -> _Resolved:
    name = base.name + (_text(record, "n", number) if "n" in record else "")
    if not _NAME.fullmatch(name):
        raise Unresolvable(f"record {number} has the name {name!r}")
    value: Value = record[label] if label != "v" else base.value + _number(record, "v", number)
    unit = _text(record, "u", number) if "u" in record else base.unit
    return _Resolved(name, value, unit if label == "v" else None, base.time + _number(record, "t", number, 0.0))


def _text(record: Mapping[str, Any], label: str, number: int) -> str:
    if isinstance(value := record[label], str):
        return value
    raise Unresolvable(f"record {number}: {label} is no text")


def _number(record: Mapping[str, Any], label: str, number: int, otherwise: float | None = None) -> float:
    value = record.get(label, otherwise)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise Unresolvable(f"record {number}: {label} is no number")


def _owner_and_key(name: str, device: str | None) -> tuple[str, str]:
    cut = max(name.rfind(":"), name.rfind("/"))
    owner, key = (name[:cut], name[cut + 1 :]) if cut >= 0 else ("", name)
    if not (owner := device or owner):
        raise Unresolvable(f"{name} names no device: expected <device>:<key> or a device in the path")
    return owner, key


def _instant(seconds: float, arrived_at: datetime) -> datetime:
    now_ms = arrived_at.timestamp() * 1000
    instant = from_ms(seconds * 1000 + (now_ms if seconds < _RELATIVE_BELOW else 0))
    if instant is None:
        raise Unresolvable(f"{seconds} s is no time")
    return instant
