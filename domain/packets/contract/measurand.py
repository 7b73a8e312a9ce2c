"""A measurand: one row of a profile's table, and how a value of the world becomes what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from depot_sim.domain.packets.contract.decimals import Scale
from depot_sim.domain.packets.contract.units import Dimension
from depot_sim.domain.packets.packet import Measurement
from depot_sim.domain.packets.vocabulary import DeviceType, Quality

WorldValue: TypeAlias = int | str | bool | tuple[str, ...] | None
"""What a source gives: an integer in its dimension's base unit, a word, a flag, texts, or None for "there is none"."""

_NULL = msgspec.Raw(b"null")
_FLAGS = {False: msgspec.Raw(b"false"), True: msgspec.Raw(b"true")}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurand:
    """`source` names what of the world is measured, `device_types` who may send it, `unit` is UCUM's, "" for none.

    `min`, `max` and `resolution` are written as JSON would, "" for none. `cadence_ms` None means only on change.
    `words` are the sent forms of the source's words, as JSON. `as_flag` sends whether there is a value, not the value.
    `deadband` is how far a number has to move, in the source's base unit, until it counts as changed.
    """

    key: str
    source: str
    dimension: Dimension
    device_types: frozenset[DeviceType]
    unit: str = ""
    min: str = ""
    max: str = ""
    resolution: str = ""
    cadence_ms: int | None = None
    on_change: bool = False
    deadband: int = 0
    words: Mapping[str, str] = field(default_factory=dict)
    as_flag: bool = False
    scale: Scale | None = None

    def measurement(
        self, key: str, value: WorldValue, quality: Quality = Quality.OK, at: int | None = None
    ) -> Measurement:
        """`value` as it is sent under `key`. A number out of range stops at the bound, with quality BAD."""
        if self.scale is None or value is None or self.as_flag:
            return Measurement(key, self._without_scale(value), self.unit, quality, at)
        assert isinstance(value, int)
        token, in_range = self.scale.token(value)
        return Measurement(key, msgspec.Raw(token), self.unit, quality if in_range else Quality.BAD, at)

    def changed(self, before: WorldValue, after: WorldValue) -> bool:
        """Whether what is sent would differ, by the deadband at least."""
        if self.as_flag:
            return (before is None) != (after is None)
        if self.scale is not None and isinstance(before, int) and isinstance(after, int):
            return abs(after - before) >= self.deadband and self.scale.token(before) != self.scale.token(after)
        return before != after

    def birth(self, key: str) -> Measurement:
        """What a BIRTH says of it: words such as "min 0", "resolution 0.1", "cadence 30 s", "on change"."""
        return Measurement(key, msgspec.Raw(_encode(self._declaration())), self.unit)

    def _declaration(self) -> list[str]:
        named = {"min": self.min, "max": self.max, "resolution": self.resolution}
        said = [f"{name} {bound}" for name, bound in named.items() if bound]
        said += [str(msgspec.json.decode(word)) for word in dict.fromkeys(self.words.values())]
        if self.cadence_ms is not None:
            said.append(f"cadence {_seconds(self.cadence_ms)}")
        return said + ["on change"] * self.on_change

    def _without_scale(self, value: WorldValue) -> msgspec.Raw:
        if self.as_flag:
            return _FLAGS[value is not None]
        match value:
            case None:
                return _NULL
            case bool():
                return _FLAGS[value]
            case str() if value in self.words:
                return msgspec.Raw(self.words[value])
        return msgspec.Raw(_encode(value))


def _seconds(ms: int) -> str:
    return f"{ms} ms" if ms % 1_000 else f"{ms // 1_000} s"
