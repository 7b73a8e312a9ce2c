"""The encoder of envelope templates: a packet in the template's own keys, casing and structure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from depot_sim.domain.packets.contract.template import Node
from depot_sim.domain.packets.encoders.quick import QuickPath
from depot_sim.domain.packets.encoders.rendering import Filling, render
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

FLAT = '{"ts": "{sent_at}", "values": {"{key}": "{value}"}}'
CONTENT_TYPE = "application/json"
_encode = msgspec.json.Encoder().encode


class Wording(msgspec.Struct, frozen=True):
    """How a profile says what every packet says: `stamp` writes instants as JSON; sent words by our words."""

    profile: str
    stamp: Callable[[int], str]
    types: Mapping[PacketType, str] = {}
    device_types: Mapping[DeviceType, str] = {}
    qualities: Mapping[Quality, str] = {}

    def of_packet(self, packet: Packet) -> dict[str, str]:
        """The placeholders of a packet, as JSON."""
        return {
            "type": _json(self.types.get(packet.type, packet.type.value)),
            "packet_id": _json(packet.packet_id),
            "seq": str(packet.seq),
            "site_id": _json(packet.site_id),
            "scope_id": _json(packet.scope_id),
            "device_id": _json(packet.device_id),
            "device_type": _json(self.device_types.get(packet.device_type, packet.device_type.value)),
            "sent_at": self.stamp(packet.sent_at),
            "profile": _json(self.profile),
        }

    def of_measurement(self, measurement: Measurement) -> dict[str, str]:
        """The placeholders of a measurement, as JSON."""
        return {
            "key": _json(measurement.key),
            "value": bytes(measurement.value).decode(),
            "unit": _json(measurement.unit),
            "at": "" if measurement.at is None else self.stamp(measurement.at),
            "quality": _json(self.qualities.get(measurement.quality, measurement.quality.value)),
        }


class EnvelopeEncoder:
    """Encodes by rendering the template, or by the quick path, which gives the same bytes."""

    def __init__(self, template: Node, wording: Wording) -> None:
        self._template = template
        self._wording = wording
        self._quick = QuickPath.of(template, wording)

    def encode(self, packet: Packet) -> bytes:
        quick = None if self._quick is None else self._quick.encode(packet)
        return self.render(packet) if quick is None else quick

    def render(self, packet: Packet) -> bytes:
        """The plain way."""
        filling: Filling = self._wording.of_packet(packet)
        measurements = [{**filling, **self._wording.of_measurement(one)} for one in packet.measurements]
        return render(self._template, filling, measurements).encode()


def _json(text: str) -> str:
    return _encode(text).decode()
