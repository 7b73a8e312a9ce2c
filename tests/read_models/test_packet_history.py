"""Pages of a feed's history: whatever is asked for, they hold just what matches, in order, each packet once."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.vocabulary import PacketType
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.packets import packets
from depot_sim.read_models.packets.history import (
    WantedPackets,
    Window,
    list_packets,
    list_readings,
)
from depot_sim.read_models.packets.packets import Reading, StoredPacket, feed_number
from tests.projections.packet_samples import (
    BESS,
    CONTROLLER,
    FEED,
    NOON,
    delivered,
    measured,
    opened,
    published,
    tell,
)
from tests.projections.samples import Stores
from tests.projections.samples import opened as open_stores

TYPES = (PacketType.TELEMETRY, PacketType.EVENT, PacketType.HEARTBEAT)
KEYS = ("SOC", "DISPATCH_STATE", "HEARTBEAT_STATUS")


@pytest.fixture(scope="module")
def history() -> Iterator[Stores]:
    """Forty packets of two devices, half of them delivered, among those of another feed."""
    with open_stores("memory:") as stores:
        tell(stores.log, opened())
        tell(stores.log, opened(binding_id="other"), stream="packets-r-other")
        for number in range(40):
            device = CONTROLLER if number % 3 == 0 else BESS
            said = tuple(measured(key, number) for key in KEYS[: 1 + number % 3])
            seq = number // 3 if device is CONTROLLER else number - 1 - number // 3
            packet = published(
                seq,
                device,
                at=NOON + number * 1_000,
                type=TYPES[number % 4 % 3],
                measurements=said,
                overrides=("o-1",) if number % 7 == 0 else (),
            )
            tell(stores.log, packet)
            tell(stores.log, packet, stream="packets-r-other")
            if number % 2:
                tell(stores.log, delivered(seq, device))
        stores.catch_up()
        yield stores


def feed(stores: Stores) -> int:
    number = feed_number(stores.database(packets.MODEL), FEED)
    assert number is not None
    return number


def everything(stores: Stores, wanted: WantedPackets, window: Window) -> list[StoredPacket]:
    """All pages."""
    found, following = list[StoredPacket](), True
    while following:
        page = list_packets(stores.database(packets.MODEL), feed(stores), wanted, window)
        assert len(page.packets) <= window.limit
        found += page.packets
        following = page.next is not None
        if page.next is not None:
            bound = {"after": page.next} if window.oldest_first else {"before": page.next}
            window = msgspec.structs.replace(window, **bound)
    return found


WANTED = st.builds(
    WantedPackets,
    device=st.sampled_from([None, BESS, CONTROLLER, "nobody"]),
    type=st.sampled_from([None, *(type.value for type in TYPES)]),
    delivery=st.sampled_from([None, "pending", "delivered"]),
    deliberate=st.sampled_from([None, True, False]),
    key=st.sampled_from([None, *KEYS]),
)
MOMENTS = st.one_of(st.none(), st.integers(-2, 42).map(lambda seconds: NOON + seconds * 1_000))
WINDOWS = st.builds(Window, since=MOMENTS, until=MOMENTS, oldest_first=st.booleans(), limit=st.integers(1, 50))


@given(wanted=WANTED, window=WINDOWS)
def test_pages_hold_what_matches_in_order(history: Stores, wanted: WantedPackets, window: Window) -> None:
    everyone = everything(history, WantedPackets(), Window(oldest_first=True))
    database = history.database(packets.MODEL)
    keys = {packet.position: {r.key for r in packets.readings_of(database, [packet])} for packet in everyone}

    def matches(packet: StoredPacket) -> bool:
        return (
            wanted.device in (None, packet.device)
            and wanted.type in (None, packet.type)
            and wanted.delivery in (None, packet.delivery)
            and wanted.deliberate in (None, bool(packet.overrides))
            and (wanted.key is None or wanted.key in keys[packet.position])
            and (window.since is None or packet.at >= window.since)
            and (window.until is None or packet.at < window.until)
        )

    expected = [packet for packet in everyone if matches(packet)]
    assert len(everyone) == 40
    assert everything(history, wanted, window) == (expected if window.oldest_first else expected[::-1])


@given(wanted=WANTED, limit=st.integers(1, 30))
def test_the_readings_of_a_key_come_once_each_in_order(history: Stores, wanted: WantedPackets, limit: int) -> None:
    database = history.database(packets.MODEL)
    expected = [
        reading
        for packet in everything(history, wanted, Window(oldest_first=True))
        for reading in packets.readings_of(database, [packet])
        if wanted.key in (None, reading.key)
    ]
    found, after = list[Reading](), 0
    while True:
        page = list_readings(database, feed(history), wanted, Window(after=after, oldest_first=True, limit=limit))
        found += page.readings
        if page.next is None:
            break
        after = page.next
    assert found == expected


def test_a_page_of_no_size_is_refused(history: Stores) -> None:
    for list_page in (list_packets, list_readings):
        with pytest.raises(QueryRefused):
            list_page(history.database(packets.MODEL), feed(history), window=Window(limit=0))


def test_nobody_knows_a_feed_that_was_never_opened(history: Stores) -> None:
    assert feed_number(history.database(packets.MODEL), "packets-r-nothing") is None
