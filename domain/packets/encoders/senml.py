"""SenML, RFC 8428: one record a measurement, base fields in the first, units by IANA's names, times in seconds.

SenML knows no null, no lists and no quality. A null is the string "null", a list a string of its parts with ";" between
them; what is MISSING is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from depot_sim.domain.packets.contract.decimals import decimal
from depot_sim.domain.packets.contract.measurand import Measurand
from depot_sim.domain.packets.contract.template import Node
from depot_sim.domain.packets.contract.units import Dimension
from depot_sim.domain.packets.encoders.envelope import Wording
from depot_sim.domain.packets.encoders.rendering import render
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import Quality

BASE_RECORD = '{"bn": "{device_id}/", "bt": "{sent_at}"}'
CONTENT_TYPE = "application/senml+json"
IANA_UNITS: Mapping[str, str] = {
    "W": "W",
    "kW": "kW",
    "var": "var",
    "kvar": "kvar",
    "J": "J",
    "W.h": "Wh",
    "kW.h": "kWh",
    "1": "/",
    "%": "/100",
    "[ppth]": "/1000",
    "[ppm]": "ppm",
    "V": "V",
    "mV": "mV",
    "A": "A",
    "mA": "mA",
    "Hz": "Hz",
    "Cel": "Cel",
    "K": "K",
    "": "",
}
"""By UCUM code, the secondary ones of RFC 8798 included."""
_BATTERY_LEVEL = ("SOC", "%")
_unnameable = re.compile(r"[^A-Za-z0-9\-:./_]")
_NUMERIC = frozenset(b"%c" % digit for digit in b"-0123456789")
_encode = msgspec.json.Encoder().encode


def iana_unit(measurand: Measurand) -> str | None:
    """The unit a measurand is sent in; None when IANA has no name for it."""
    if (measurand.source, measurand.unit) == _BATTERY_LEVEL:
        return "%EL"
    if measurand.dimension is Dimension.COUNT:
        return "count"
    return IANA_UNITS.get(measurand.unit)


class SenmlEncoder:
    """`base` is the template of the base fields, an object."""

    def __init__(self, base: Node, wording: Wording, measurands: Mapping[str, Measurand]) -> None:
        self._base = base
        self._wording = wording
        self._units = {key: (measurand.unit, iana_unit(measurand)) for key, measurand in measurands.items()}

    def encode(self, packet: Packet) -> bytes:
        told = [_Told(one, self._unit(one)) for one in packet.measurements if one.quality is not Quality.MISSING]
        units = {one.unit for one in told}
        shared = units.pop() if len(units) == 1 else ""
        base = self._base_fields(packet, shared)
        first, *others = [_record(*one, packet.sent_at, shared) for one in told] or [_typed(packet)]
        return f"[{','.join([_merged(base, first), *others])}]".encode()

    def _base_fields(self, packet: Packet, unit: str) -> str:
        filling = self._wording.of_packet(packet) | {"sent_at": decimal(packet.sent_at, 3)}
        for name in ("device_id", "site_id", "scope_id"):
            filling[name] = _name_json(getattr(packet, name))
        base = render(self._base, filling)
        return _merged(base, f'{{"bu":{_json(unit)}}}') if unit else base

    def _unit(self, measurement: Measurement) -> str:
        """ "" for what is no number: units belong to numbers."""
        if bytes(measurement.value)[:1] not in _NUMERIC:
            return ""
        own, named = self._units.get(measurement.key, ("", None))
        if named is not None and own == measurement.unit:
            return named
        return IANA_UNITS.get(measurement.unit, measurement.unit)


class _Told(NamedTuple):
    measurement: Measurement
    unit: str


def _record(measurement: Measurement, unit: str, sent_at: int, shared: str) -> str:
    at = measurement.at
    said_unit = f',"u":{_json(unit)}' if unit != shared else ""
    time = f',"t":{decimal(at - sent_at, 3)}' if at is not None and at != sent_at else ""
    return f'{{"n":{_name_json(measurement.key)}{said_unit}{time},{_value(bytes(measurement.value).decode())}}}'


def _typed(packet: Packet) -> str:
    """A pack has a value at least; a packet without any has its type."""
    return f'{{"n":"PACKET_TYPE","vs":"{packet.type}"}}'


def _merged(record: str, other: str) -> str:
    return other if record == "{}" else f"{record[:-1]},{other[1:]}"


def _value(json: str) -> str:
    if json in ("true", "false"):
        return f'"vb":{json}'
    if json == "null":
        return '"vs":"null"'
    if json.startswith("["):
        return f'"vs":{_json(";".join(map(str, msgspec.json.decode(json))))}'
    return f'"vs":{json}' if json.startswith('"') else f'"v":{json}'


@lru_cache(10_000)
def _name_json(name: str) -> str:
    """With "_" for every character that SenML allows in no name."""
    return _json(_unnameable.sub("_", name))


def _json(text: str) -> str:
    return _encode(text).decode()
