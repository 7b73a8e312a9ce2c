"""The SenML encoding (RFC 8428): a JSON array of records, resolved into packets, one per device.

A resolved name is `<device><separator><key>`, the separator being its last ":" or "/". Where the path names the
device, a name without a separator is a key alone. SenML has no null and no type, number or id of a pack: the string
"null" stands for the one, and `type`, `seq` and `packetId` in the first record are the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from depot_sim.standin.packets.envelope import Reader
from depot_sim.standin.packets.packet import Encoding, Measurement, Packet, PacketType, Value
from depot_sim.standin.packets.times import from_ms

_VERSION = 10
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")
_RELATIVE_BELOW = 2**28
"""Times below are seconds from now, and not since 1970 (section 4.5.3)."""
_NULL = "null"
_TYPE = "PACKET_TYPE"
"""A record under this name says the packet's type: a packet without measurements needs one record with a value."""
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


def read_pack(
    records: Sequence[Mapping[str, Any]], device: str | None, label: Mapping[str, Any], arrived_at: datetime
) -> list[Packet]:
    """The packets of each device in it; `label` is what else is known of one. Raises Unresolvable."""
    base = _Base()
    devices: dict[str, list[Measurement]] = {}
    for one in _resolve(records, base):
        owner, key = _owner_and_key(one.name, device)
        measurements = devices.setdefault(owner, [])
        if key == _TYPE:
            label = {"type": one.value, **label}
        else:
            measurements.append(Measurement(key, one.value, _instant(one.seconds, arrived_at), one.unit))
    if not devices:
        devices[_owner_of_nothing(base, device)] = []
    begun = [_instant(base.time, arrived_at)] if "bt" in records[0] or not any(devices.values()) else []
    label = {**label, **records[0]} if len(devices) == 1 else {}
    return [_packet(owner, measurements, begun, label) for owner, measurements in devices.items()]


def _packet(
    device: str, measurements: Sequence[Measurement], begun: Sequence[datetime], label: Mapping[str, Any]
) -> Packet:
    """A pack was sent when its latest value was measured, and not before the base time it begins with."""
    reader = Reader()
    return Packet(
        encoding=Encoding.SENML,
        device=device,
        sent_at=max([*begun, *(one.at for one in measurements)]),
        measurements=tuple(measurements),
        type=reader.word(label, "type", PacketType, PacketType.TELEMETRY),
        packet_id=reader.text(label, "packetId"),
        seq=reader.count(label, "seq"),
        faults=tuple(reader.faults),
    )


def _resolve(records: Sequence[Mapping[str, Any]], base: _Base) -> Iterator[_Resolved]:
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
    value: Value = base.value + _number(record, "v", number) if label == "v" else record[label]
    if label == "vs" and value == _NULL:
        value = None
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


def _owner_of_nothing(base: _Base, device: str | None) -> str:
    """A pack may say no more than that its device is there, or no longer is."""
    if owner := device or base.name.rstrip(":/"):
        return owner
    raise Unresolvable("it has neither a value nor a device")


def _instant(seconds: float, arrived_at: datetime) -> datetime:
    now_ms = arrived_at.timestamp() * 1000
    instant = from_ms(seconds * 1000 + (now_ms if seconds < _RELATIVE_BELOW else 0))
    if instant is None:
        raise Unresolvable(f"{seconds} s is no time")
    return instant
