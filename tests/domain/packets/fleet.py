"""A controller and a battery that send packets through overrides, and what the contract makes of the bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.domain.interaction.effects import AnyEffect
from depot_sim.domain.interaction.override_events import Match, Override
from depot_sim.domain.interaction.override_requests import read_override_request
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.interaction.treatment import treatment
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.packets.observed import packet_exchange
from depot_sim.domain.packets.packet import Measurement, Packet, packet_id_of
from depot_sim.domain.packets.treating import Treated, treat
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality
from tests.domain.scenario.samples import override

START = int(Instant.parse("2026-04-02T10:00:00Z"))
SECOND = 1_000
DAY = 24 * 3_600 * SECOND
FEED = "packets-r-b"


class _Measured(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    value: float | str | bool | list[Any] | None
    quality: Literal["OK", "ESTIMATED", "MISSING", "BAD"]
    unit: str = ""
    at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _Envelope(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The packet contract's schema, as far as it says something."""

    schema: Literal["bfsim.iot.packet/1"]
    type: Literal["BIRTH", "TELEMETRY", "HEARTBEAT", "EVENT", "DEATH"]
    packet_id: str
    seq: Annotated[int, msgspec.Meta(ge=0)]
    site_id: str
    device_id: str
    sent_at: Annotated[datetime, msgspec.Meta(tz=True)]
    profile: str = ""
    scope_id: str = ""
    device_type: str = ""
    measurements: list[_Measured] = []


def contract_fault(body: bytes) -> str:
    """What the packet contract objects to, "" when nothing."""
    try:
        msgspec.json.decode(body, type=_Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return str(error)
    return ""


PROFILES = ProfileLibrary()
encode = PROFILES.load("default/1").encode


KEYS = (
    BoundKey("SOC", "SOC"),
    BoundKey("ACTIVE_POWER", "P"),
    BoundKey("HEARTBEAT_STATUS", "HEARTBEAT_STATUS"),
    BoundKey("HEARTBEAT_COUNTER", "HEARTBEAT_COUNTER"),
    BoundKey("AVAILABLE_CHARGING_CAPACITY", "AVAILABLE_CHARGING_CAPACITY"),
)


def value(of: object) -> msgspec.Raw:
    return msgspec.Raw(format(of, "f").encode() if isinstance(of, Decimal) else msgspec.json.encode(of))


def measured(turn: int) -> tuple[Measurement, ...]:
    """Everything is another value in every turn; power is measured a second before it is sent."""
    return (
        Measurement("SOC", value(Decimal(f"{40 + turn}.5")), "%"),
        Measurement("P", value(Decimal(f"-{150 + turn}.2")), "kW", Quality.ESTIMATED, at=time_of(turn) - SECOND),
        Measurement("HEARTBEAT_STATUS", value(("OK", "LATE")[turn % 2])),
        Measurement("HEARTBEAT_COUNTER", value(turn), "1"),
        Measurement("AVAILABLE_CHARGING_CAPACITY", value(Decimal(f"{300 + turn}.7")), "kW"),
    )


def time_of(turn: int) -> int:
    return START + turn * 10 * SECOND


DECLARED = (Measurement("SOC", value(["min 0", "max 100"]), "%"),)
LIFE = (
    *(PacketType.BIRTH, PacketType.TELEMETRY, PacketType.HEARTBEAT, PacketType.EVENT),
    *(PacketType.TELEMETRY, PacketType.HEARTBEAT, PacketType.EVENT, PacketType.DEATH),
)
"""Of a device: one packet a turn."""
DEVICES = {"bess-1": DeviceType.BESS, "controller-1": DeviceType.MICROGRID_CONTROLLER}


def packet(device_id: str, turn: int, type: PacketType | None = None) -> Packet:
    type = type or LIFE[turn]
    said = {PacketType.BIRTH: DECLARED, PacketType.DEATH: ()}.get(type, measured(turn))
    packet_id, sent_at = packet_id_of("r", device_id, turn), time_of(turn)
    return Packet(type, device_id, DEVICES[device_id], turn, packet_id, "site-1", "grid-1", sent_at, said)


class Sender:
    """A feed reduced to what overrides see of it."""

    def __init__(self, encode: Callable[[Packet], bytes] = encode) -> None:
        self.overrides = Overrides(FEED)
        self.memory = Memory()
        self.encode = encode

    def apply(self, effect: AnyEffect, match: Match | None = None, until: int = START + DAY, seed: int = 0) -> None:
        self.overrides.apply(override(effect, match, until, seed=seed), START)

    def apply_mode(self, name: str, seed: int = 7) -> None:
        asked = read_override_request({"mode": name}, PACKETS, START, seed)
        assert isinstance(asked, Override)
        self.overrides.apply(asked, START)

    def send(self, packet: Packet) -> Treated:
        body = self.encode(packet)
        hits = self.overrides.hit(packet_exchange(packet, body, FEED, packet.sent_at), packet.sent_at)
        treated = treat(packet, body, treatment(hits), self.memory, self.encode, KEYS)
        self.memory.remember(treated.packet)
        return treated

    def live(self, turns: range) -> Iterator[tuple[Packet, Treated]]:
        """Both devices through these turns of their lives."""
        for turn in turns:
            for device_id in DEVICES:
                honest = packet(device_id, turn)
                yield honest, self.send(honest)
