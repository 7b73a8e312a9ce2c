"""Bodies as partners really send them: read as far as they can be understood, every oddity with its place.

The shapes of the messages are data; `Record` and `Items` walk any body by them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

import msgspec

from depot_sim.domain.oscp.vocabulary import (
    AssetCategory,
    EnergyFlow,
    EnergyType,
    ForecastType,
    MeasurementConfiguration,
    MessageType,
    Phase,
    Unit,
)
from depot_sim.domain.oscp.wire import messages
from depot_sim.domain.oscp.wire.messages import Message
from depot_sim.domain.oscp.wire.notes import Notes
from depot_sim.domain.oscp.wire.quantities import exact
from depot_sim.domain.oscp.wire.scalars import (
    UNREADABLE,
    Reader,
    Unreadable,
    capacity,
    instant,
    interval,
    number,
    one_of,
    secret,
    text,
)
from depot_sim.domain.oscp.wire.shown import child, quoted, shown

_decode = msgspec.json.Decoder(float_hook=exact).decode
_hump = re.compile(r"(?<=[a-z0-9])[A-Z]")

_LONGEST_NAME = 60


class Field(NamedTuple):
    """A member of an object. `into` is its name in normal form; `missed` names the deviation that leaves it out."""

    into: str
    read: Reader
    required: bool = True
    missed: str = ""


class Record:
    """Reads an object into `make`, a class of the normal form whose optional fields have defaults."""

    def __init__(self, make: Callable[..., Any], fields: Mapping[str, Field]) -> None:
        self._make = make
        self._fields = fields

    def __call__(self, notes: Notes, value: object, pointer: str) -> Any:
        if not isinstance(value, dict):
            notes.fault("schema.type", pointer, shown(value), "an object")
            return UNREADABLE
        members = self._members(notes, value, pointer)
        read: dict[str, Any] = {}
        for name, field in self._fields.items():
            if name in members:
                read[field.into] = field.read(notes, members[name], child(pointer, name))
            elif field.required:
                notes.fault("schema.missing", child(pointer, name), "nothing", f"the required field {name}")
                read[field.into] = UNREADABLE
            elif field.missed:
                notes.deviation(field.missed, child(pointer, name), "nothing")
        return UNREADABLE if UNREADABLE in read.values() else self._make(**read)

    def _members(self, notes: Notes, value: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        """The members there are, by their names in the standard."""
        found: dict[str, Any] = {}
        for given, item in takewhile(lambda _: not notes.full, value.items()):
            name = given if given in self._fields else _snake_case(given)
            if name not in self._fields or (name != given and name in value):
                notes.deviation("unknown-field", child(pointer, given), quoted(given))
                continue
            if name != given:
                notes.deviation("camel-case", child(pointer, given), quoted(given))
            if item is None and not self._fields[name].required:
                notes.deviation("null-field", child(pointer, given), "null")
                continue
            found[name] = item
        return found


class Items:
    """Reads a list of at least so many items into a tuple."""

    def __init__(self, read: Reader, at_least: int = 1, unique: bool = False) -> None:
        self._read = read
        self._at_least = at_least
        self._unique = unique

    def __call__(self, notes: Notes, value: object, pointer: str) -> Any:
        if not isinstance(value, list):
            notes.fault("schema.type", pointer, shown(value), "a list")
            return UNREADABLE
        if len(value) < self._at_least:
            notes.fault("schema.empty", pointer, shown(value), f"at least {self._at_least}")
            return UNREADABLE
        numbered = takewhile(lambda _: not notes.full, enumerate(value))
        read = tuple([self._read(notes, item, f"{pointer}/{place}") for place, item in numbered])
        if UNREADABLE in read or len(read) < len(value):
            return UNREADABLE
        if not self._unique or len(set(read)) == len(read):
            return read
        notes.deviation("repeated-item", pointer, shown(value))
        return tuple(dict.fromkeys(read))


class Opening:
    """Reads a handshake or its acknowledgement, whose behaviour some write without the object around it."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._nested = Record(make, {_BEHAVIOUR: Field(_BEHAVIOUR, REQUIRED_BEHAVIOUR, required=False)})

    def __call__(self, notes: Notes, value: object, pointer: str) -> Any:
        if not isinstance(value, dict) or not _is_flat(value):
            return self._nested(notes, value, pointer)
        notes.deviation("flat-behaviour", pointer, ", ".join(quoted(name) for name in list(value)[:5]))
        behaviour = REQUIRED_BEHAVIOUR(notes, value, pointer)
        return UNREADABLE if behaviour is UNREADABLE else self._make(behaviour)


_BEHAVIOUR = "required_behaviour"

REQUIRED_BEHAVIOUR = Record(
    messages.RequiredBehaviour,
    {
        "heartbeat_interval": Field("heartbeat_interval_ms", interval, required=False),
        "measurement_configuration": Field(
            "measurement_configuration",
            Items(one_of(MeasurementConfiguration), at_least=0, unique=True),
            required=False,
            missed="measurement-configuration-missing",
        ),
    },
)
_FLAT = frozenset({"heartbeat_interval", "measurement_configuration"})

BLOCKS = Items(
    Record(
        messages.Block,
        {
            "capacity": Field("capacity_milli", capacity),
            "phase": Field("phase", one_of(Phase)),
            "unit": Field("unit", one_of(Unit)),
            "start_time": Field("start", instant),
            "end_time": Field("end", instant),
        },
    )
)
FORECAST = Record(
    messages.CapacityForecast,
    {
        "group_id": Field("group_id", text),
        "type": Field("type", one_of(ForecastType)),
        "forecasted_blocks": Field("blocks", BLOCKS),
    },
)
ENERGY = Record(
    messages.EnergyMeasurement,
    {
        "value": Field("value_milli", number),
        "phase": Field("phase", one_of(Phase)),
        "unit": Field("unit", one_of(Unit, Unit.WH, Unit.KWH)),
        "direction": Field("direction", one_of(EnergyFlow)),
        "measure_time": Field("measure_time", instant),
        "energy_type": Field("energy_type", one_of(EnergyType), required=False),
        "initial_measure_time": Field("initial_measure_time", instant, required=False),
    },
)
INSTANTANEOUS = Record(
    messages.InstantaneousMeasurement,
    {
        "value": Field("value_milli", number),
        "phase": Field("phase", one_of(Phase)),
        "unit": Field("unit", one_of(Unit)),
        "measure_time": Field("measure_time", instant),
    },
)
ASSET = Record(
    messages.AssetMeasurement,
    {
        "asset_id": Field("asset_id", text),
        "asset_category": Field("asset_category", one_of(AssetCategory)),
        "energy_measurement": Field("energy", ENERGY, required=False),
        "instantaneous_measurement": Field("instantaneous", INSTANTANEOUS, required=False),
    },
)
VERSION = Record(messages.OfferedVersion, {"version": Field("version", text), "base_url": Field("base_url", text)})

SHAPES: Mapping[MessageType, Reader] = {
    MessageType.REGISTER: Record(
        messages.Register, {"token": Field("token", secret), "version_url": Field("versions", Items(VERSION))}
    ),
    MessageType.HANDSHAKE: Opening(messages.Handshake),
    MessageType.HANDSHAKE_ACKNOWLEDGE: Opening(messages.HandshakeAcknowledge),
    MessageType.HEARTBEAT: Record(messages.Heartbeat, {"offline_mode_at": Field("offline_mode_at", instant)}),
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: FORECAST,
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: FORECAST,
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: Record(
        messages.ComplianceError,
        {"message": Field("message", text), "forecasted_blocks": Field("blocks", BLOCKS, required=False)},
    ),
    MessageType.UPDATE_GROUP_MEASUREMENTS: Record(
        messages.GroupMeasurements,
        {"group_id": Field("group_id", text), "measurements": Field("measurements", Items(ENERGY))},
    ),
    MessageType.UPDATE_ASSET_MEASUREMENTS: Record(
        messages.AssetMeasurements,
        {"group_id": Field("group_id", text), "measurements": Field("measurements", Items(ASSET))},
    ),
}


def read_leniently(type: MessageType, body: bytes, notes: Notes) -> Message | None:
    """The message, as far as the body can be understood; None when a part that is needed cannot. Never raises."""
    document = _document(body, notes)
    if document is UNREADABLE:
        return None
    message: Message | Unreadable = SHAPES[type](notes, document, "")
    return None if message is UNREADABLE else message


def _document(body: bytes, notes: Notes) -> dict[str, Any] | Unreadable:
    """The JSON object of the body."""
    try:
        document = _decode(body)
    except RecursionError:
        notes.malformed("body.too-deep", "a deeply nested body", "a JSON object of a few levels")
    except UnicodeDecodeError:
        notes.malformed("body.not-utf-8", "bytes that are no UTF-8", "a JSON object in UTF-8")
    except msgspec.ValidationError:
        notes.fault("schema.too-large", "", "a number of thousands of digits", "numbers that can be")
    except msgspec.DecodeError as error:
        notes.malformed("body.not-json", f"no JSON: {error}" if body.strip() else "nothing", "a JSON object")
    else:
        if isinstance(document, dict):
            return document
        notes.malformed("body.not-an-object", _kind_of(document), "a JSON object")
    return UNREADABLE


def _kind_of(document: object) -> str:
    """A text may be a secret, in the body of a Register."""
    return "a text" if isinstance(document, str) else shown(document)


def _is_flat(value: Mapping[str, Any]) -> bool:
    names = {_snake_case(name) for name in value}
    return _BEHAVIOUR not in names and not _FLAT.isdisjoint(names)


def _snake_case(name: str) -> str:
    return _hump.sub(r"_\g<0>", name).lower() if len(name) <= _LONGEST_NAME else name
