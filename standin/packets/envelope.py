"""The full encoding: one JSON object, the envelope of packet v1.

Read leniently: whatever is wrong is a fault that is said, and what is right beside it still counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.packet import Encoding, Measurement, Packet, PacketType, Quality
from depot_sim.standin.packets.times import from_number, from_text

SCHEMA = "bfsim.iot.packet/1"
DEVICE_TYPES = frozenset(
    ("SITE_METER", "FEEDER_METER", "CHARGER_METER", "BESS", "DER", "MICROGRID_CONTROLLER", "WEATHER")
)
_REQUIRED = ("schema", "type", "packetId", "seq", "siteId", "deviceId", "sentAt")
_FIELDS = frozenset((*_REQUIRED, "scopeId", "deviceType", "profile", "measurements", "sim"))
_MEASUREMENT_FIELDS = frozenset(("key", "value", "unit", "at", "quality"))

Word = TypeVar("Word", bound=StrEnum)


class Reader:
    """Takes fields out of JSON objects and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.faults: list[Finding] = []

    def fault(self, text: str, key: str | None = None) -> None:
        self.faults.append(Finding(Kind.SCHEMA, text, key))

    def text(self, fields: Mapping[str, Any], name: str) -> str | None:
        value = fields.get(name)
        if value is None or (isinstance(value, str) and value):
            return value
        self.fault(f"{name} is no text")
        return None

    def word(self, fields: Mapping[str, Any], name: str, words: type[Word], otherwise: Word) -> Word:
        value = fields.get(name, otherwise)
        try:
            return words(value)
        except ValueError:
            self.fault(f"{name} is {value!r}, none of {', '.join(words)}", fields.get("key"))
            return otherwise

    def count(self, fields: Mapping[str, Any], name: str) -> int | None:
        value = fields.get(name)
        if value is None or (type(value) is int and value >= 0):
            return value
        self.fault(f"{name} is {value!r}, not a whole number from 0")
        return None

    def instant(self, fields: Mapping[str, Any], name: str, otherwise: datetime, *, numbers: bool = False) -> datetime:
        """Where `numbers` are times too, they are milliseconds since 1970, or seconds if they are small."""
        value = fields.get(name)
        if value is None:
            return otherwise
        instant = from_text(value) if isinstance(value, str) else None
        if numbers and isinstance(value, (int, float)) and not isinstance(value, bool):
            instant = from_number(value)
        if instant is None:
            self.fault(f"{name} is {value!r}, not a date-time with its offset", fields.get("key"))
        return instant or otherwise


def renamed(content: Mapping[str, Any], fields: Mapping[str, str]) -> dict[str, Any]:
    """The fields under the contract's names; `fields` has those that differ, by the contract's."""
    ours = {theirs: name for name, theirs in fields.items()}
    return {ours.get(name, name): value for name, value in content.items()}


def read_envelope(fields: Mapping[str, Any], device: str, arrived_at: datetime, names: Mapping[str, str]) -> Packet:
    """`device` is the envelope's own or, where it names none, the path's.

    `names` are fields that another contract names in another way; then nothing that is missing or more is a fault, for
    it may be right there.
    """
    reader = Reader()
    if not names:
        _check_names(reader, fields)
    sent_at = reader.instant(fields, "sentAt", arrived_at, numbers=bool(names))
    return Packet(
        encoding=Encoding.FULL,
        device=device,
        sent_at=sent_at,
        measurements=_measurements(reader, fields.get("measurements"), sent_at, names),
        type=reader.word(fields, "type", PacketType, PacketType.TELEMETRY),
        packet_id=reader.text(fields, "packetId"),
        seq=reader.count(fields, "seq"),
        device_type=reader.text(fields, "deviceType"),
        site=reader.text(fields, "siteId"),
        scope=reader.text(fields, "scopeId"),
        profile=reader.text(fields, "profile"),
        faults=tuple(reader.faults),
    )


def _check_names(reader: Reader, fields: Mapping[str, Any]) -> None:
    for name in _REQUIRED:
        if fields.get(name) is None:
            reader.fault(f"{name} is missing")
    for name in sorted(fields.keys() - _FIELDS):
        reader.fault(f"{name} is no field of the envelope")
    if fields.get("schema", SCHEMA) != SCHEMA:
        reader.fault(f"schema is {fields['schema']!r}, not {SCHEMA}")
    if fields.get("deviceType", "BESS") not in DEVICE_TYPES:
        reader.fault(f"deviceType is {fields['deviceType']!r}")


def _measurements(reader: Reader, rows: object, sent_at: datetime, names: Mapping[str, str]) -> tuple[Measurement, ...]:
    if rows is None:
        return ()
    if not isinstance(rows, list):
        reader.fault("measurements is no list")
        return ()
    read = (_measurement(reader, row, number, sent_at, names) for number, row in enumerate(rows))
    return tuple(one for one in read if one)


def _measurement(
    reader: Reader, item: object, number: int, sent_at: datetime, names: Mapping[str, str]
) -> Measurement | None:
    row = renamed(item, names) if isinstance(item, dict) else {}
    if not isinstance(row.get("key"), str) or "value" not in row:
        reader.fault(f"measurements/{number} has no key and value")
        return None
    if isinstance(row["value"], dict):
        reader.fault(f"measurements/{number}/value is an object", row["key"])
        return None
    if not names:
        _check_measurement(reader, row, number)
    return Measurement(
        row["key"],
        row["value"],
        reader.instant(row, "at", sent_at, numbers=bool(names)),
        reader.text(row, "unit"),
        reader.word(row, "quality", Quality, Quality.OK),
    )


def _check_measurement(reader: Reader, row: Mapping[str, Any], number: int) -> None:
    for name in sorted(row.keys() - _MEASUREMENT_FIELDS):
        reader.fault(f"measurements/{number}/{name} is no field of a measurement", row["key"])
    if "quality" not in row:
        reader.fault(f"measurements/{number}/quality is missing", row["key"])
