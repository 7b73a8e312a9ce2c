"""The quick path of a template: what repeats from packet to packet is rendered once and kept as bytes.

A device sends the same keys in the same order again and again, so the bytes between two values are found by walking a
tree: one step for each key, with the bytes before its value. Whatever is kept comes from rendering the template with
marks in place of what changes, so that both ways give the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec

from depot_sim.domain.packets.contract.template import OF_PACKET, Each, Node, repeats_in
from depot_sim.domain.packets.encoders.rendering import Filling, render, render_member
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

MOST_KEPT = 50_000
"""Rounds of learning what to keep; after them it is begun anew."""
_CHANGING = ("packet_id", "seq", "sent_at")
_VALUE = "\0value\0"
"""A mark: nothing that was encoded as JSON has a NUL in it."""
_find_marks = re.compile('"\0(packet_id|sent_at)\0"|\0(seq|sent_at)\0')
_ORDINARY = Quality.OK
_encode = msgspec.json.Encoder().encode

_Steps: TypeAlias = "dict[str, tuple[bytes, str, bytes, _Steps]]"
"""By key: bytes before the value, the unit they hold for, bytes after the value if it is the last, what may follow."""


class Fillings(Protocol):
    """What the placeholders stand for, as JSON."""

    def of_packet(self, packet: Packet) -> dict[str, str]: ...

    def of_measurement(self, measurement: Measurement) -> dict[str, str]: ...

    @property
    def stamp(self) -> Callable[[int], str]: ...


_Frame: TypeAlias = tuple[PacketType | None, DeviceType | None, str, str, list[bytes], bytes, bytes]
"""Around the measurements of one device's packets of a type: type, device type, site and scope; what is before them,
with an empty place for each changing value; the last part of it; what is behind them.

Plain tuples, as steps are: they are taken apart several times faster than anything with names.
"""
_NONE: _Frame = (None, None, "", "", [], b"", b"")


class QuickPath:
    """For templates with one repetition whose element depends on nothing but the measurement."""

    __slots__ = (
        "_fillings",
        "_frames",
        "_kept",
        "_marks",
        "_places",
        "_rendered",
        "_repeat",
        "_stamped",
        "_steps",
        "_template",
        "_texts",
    )

    @classmethod
    def of(cls, template: Node, fillings: Fillings) -> QuickPath | None:
        """None for a template that has to be rendered packet by packet."""
        if len(list(repeats_in(template))) != 1:
            return None
        path = cls(template, fillings)
        return path if path._suits() else None

    def __init__(self, template: Node, fillings: Fillings) -> None:
        self._template = template
        self._repeat = next(repeats_in(template))
        self._fillings = fillings
        self._places: Sequence[int] = ()
        self._stamped = (0, fillings.stamp(0).encode())
        self._marks = _marks_of(fillings.stamp(0))
        self._forget()

    def encode(self, packet: Packet) -> bytes | None:
        """None for a packet without measurements.

        In one piece, because here calls would cost more than what they do.
        """
        type_, device_type, site_id, scope_id, front, last, back = self._frames.get(packet.device_id, _NONE)
        if (
            packet.type is not type_
            or packet.device_type is not device_type
            or packet.scope_id != scope_id
            or packet.site_id != site_id
        ):
            _, _, _, _, front, last, back = self._frame(packet)
        stamped_at, stamp = self._stamped
        id_place, seq_place, stamp_place = self._places
        parts = front.copy()
        parts[id_place] = _encode(packet.packet_id)
        parts[seq_place] = _encode(packet.seq)
        parts[stamp_place] = stamp if packet.sent_at == stamped_at else self._stamp(packet.sent_at)
        parts[-1] = last
        append, steps, after, ordinary = parts.append, self._steps, b"", _ORDINARY
        try:
            for measurement in packet.measurements:
                before, unit, after, steps = steps[measurement.key]
                if measurement.quality is not ordinary or measurement.at is not None:
                    break
                if measurement.unit is not unit and measurement.unit != unit:
                    break
                append(before)
                append(measurement.value)  # a buffer, which is all that bytes.join asks for
            else:
                if not packet.measurements:
                    return None
                append(after)
                append(back)
                return b"".join(parts)
        except KeyError:
            self._learn(packet.measurements)
            return self.encode(packet)
        elements = ",".join([self._unusual(measurement) for measurement in packet.measurements])
        return b"".join([*parts[: len(front)], elements.encode(), back])

    def _stamp(self, at: int) -> bytes:
        """Devices of one tick share their instant, so the last one is kept."""
        stamp = self._fillings.stamp(at).encode()
        self._stamped = (at, stamp)
        return stamp

    def _unusual(self, measurement: Measurement) -> str:
        """Any measurement, from the text kept for such: late ones, and those that are not OK."""
        kind = (measurement.key, measurement.unit, measurement.quality, measurement.at is None)
        text = self._texts.get(kind)
        if text is None:
            self._make_room()
            at = {} if measurement.at is None else {"at": self._marks["at"]}
            filling = {**self._fillings.of_measurement(measurement), "value": _VALUE, **at}
            text = self._texts[kind] = self._element(filling)
        text = text.replace(_VALUE, bytes(measurement.value).decode())
        if measurement.at is None:
            return text
        return text.replace(self._marks["at"], self._fillings.stamp(measurement.at))

    def _learn(self, measurements: Sequence[Measurement]) -> None:
        """Keep the steps from key to key that these measurements take."""
        self._make_room()
        steps, between = self._steps, b""
        for measurement in measurements:
            if measurement.key not in steps:
                element = self._element(self._plain(measurement.key, measurement.unit))
                head, tail = (part.encode() for part in element.split(_VALUE))
                steps[measurement.key] = (between + head, measurement.unit, tail, {})
            _, _, after, steps = steps[measurement.key]
            between = after + b","

    def _frame(self, packet: Packet) -> _Frame:
        """The one kept for this type of packet, or a new one; from now on the device's first to be tried."""
        named = (packet.device_id, packet.type, packet.device_type, packet.site_id, packet.scope_id)
        frame = self._rendered.get(named)
        if frame is None:
            self._make_room()
            text, back = self._around(packet)
            front, self._places = _split(text)
            frame = self._rendered[named] = (*named[1:], front, front[-1], back.encode())
        self._frames[packet.device_id] = frame
        return frame

    def _around(self, packet: Packet) -> tuple[str, str]:
        """What is before and behind the measurements."""
        filling = {**self._fillings.of_packet(packet), **self._marks}
        element = {**filling, **self._plain("key", "unit")}
        front, back = render(self._template, filling, [element]).split(self._element(element))
        return front, back

    def _suits(self) -> bool:
        """Whether the element has its value once and always, nothing of the packet, and what changes once before it."""
        element = {**dict.fromkeys(OF_PACKET, "\0"), **self._plain("key", "unit")}
        parts = self._element(element).split(_VALUE)
        if len(parts) != 2 or "\0" in "".join(parts):
            return False
        if self._element({**element, "value": "null"}) != "null".join(parts):
            return False
        if "\0" in self._element({**element, "value": "0", "at": self._marks["at"]}).replace(self._marks["at"], ""):
            return False
        front, back = self._around(
            Packet(
                type=PacketType.EVENT,
                device_id="",
                device_type=DeviceType.BESS,
                seq=0,
                packet_id="",
                site_id="",
                scope_id="",
                sent_at=0,
            )
        )
        marks = [mark[1] or mark[2] for mark in _find_marks.finditer(front)]
        return len(set(marks)) == len(marks) and "\0" not in _find_marks.sub("", front) + back

    def _plain(self, key: str, unit: str) -> dict[str, str]:
        """An ordinary measurement's filling, with a mark for its value."""
        return {**self._fillings.of_measurement(Measurement(key, msgspec.Raw(b"0"), unit)), "value": _VALUE}

    def _element(self, filling: Filling) -> str:
        if isinstance(self._repeat, Each):
            return render(self._repeat.element, filling)
        return render_member(self._repeat, filling)

    def _make_room(self) -> None:
        """Called before more is kept."""
        self._kept += 1
        if self._kept > MOST_KEPT:
            self._forget()

    def _forget(self) -> None:
        self._kept = 0
        self._texts: dict[tuple[str, str, Quality, bool], str] = {}
        self._steps: _Steps = {}
        self._frames: dict[str, _Frame] = {}
        self._rendered: dict[tuple[str, PacketType, DeviceType, str, str], _Frame] = {}


def _marks_of(stamp: str) -> dict[str, str]:
    """Marks in JSON, by placeholder; those of instants are strings where a `stamp` is."""
    around = '"' if stamp.startswith('"') else ""
    instants = {name: f"{around}\0{name}\0{around}" for name in ("sent_at", "at")}
    return {"packet_id": '"\0packet_id\0"', "seq": "\0seq\0", **instants}


def _split(front: str) -> tuple[list[bytes], list[int]]:
    """The parts with an empty place at each mark, and the places of the changing values.

    A value without a mark is placed last, where the last part is put afterwards.
    """
    parts: list[bytes] = []
    places: dict[str, int] = {}
    end = 0
    for mark in _find_marks.finditer(front):
        parts += [front[end : mark.start()].encode(), b""]
        places[mark[1] or mark[2]] = len(parts) - 1
        end = mark.end()
    parts.append(front[end:].encode())
    return parts, [places.get(name, len(parts) - 1) for name in _CHANGING]
