"""The control routes' own answers, the archive behind them, and the state page."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser

from depot_sim.standin.packets.archive import Archive, Entry, Verdict
from tests.standin.packets.stage import Sender, at, capacity, measurement, packet, played

SOC = measurement("SOC", 50, "%")
_VOID = {"meta", "br", "hr", "img", "input", "link"}


class WellFormed(HTMLParser):
    """Fails at an element that is closed out of turn, or never."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        self.open += [] if tag in _VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def entry(archive: Archive, device: str) -> Entry:
    return archive.note(
        Entry(
            number=archive.next_number(),
            arrived_at=at(0),
            device=device,
            path="/packets",
            content_type="application/json",
            body=b"{}",
            verdict=Verdict.APPLIED,
        )
    )


@played()
async def test_packets_are_found_by_device_and_key_newest_first(sender: Sender) -> None:
    await sender.send(packet(0, 0, SOC), packet(0, 0, SOC, device="bess-1"), packet(1, 5, *capacity(300)))
    assert [(one["device"], one["packet"]["seq"]) for one in await sender.packets("?device=mgc-1")] == [
        ("mgc-1", 1),
        ("mgc-1", 0),
    ]
    assert [one["device"] for one in await sender.packets("?key=SOC&limit=1")] == ["bess-1"]
    assert await sender.packets("?device=nobody") == []


@played()
async def test_devices_tell_what_is_missing_and_what_was_odd_is_counted(sender: Sender) -> None:
    await sender.send(packet(0, 0, type="BIRTH"), packet(3, 30, SOC), packet(3, 30, SOC))
    told = await sender.told("GET", "packets")
    [device] = told["devices"]
    assert (told["arrived"], told["findings"]) == (3, {"gap": 1, "repeated": 1})
    assert (device["missing"], device["repeats"], device["packets"], device["alive"]) == ([1, 2], 1, 2, True)


@played()
async def test_the_bytes_are_kept_as_they_came(sender: Sender) -> None:
    body = b'{ "deviceId":"a",  "ts":0, "values":{"\xc3\xa9": 1.50} }'
    await sender.send(body)
    [kept] = await sender.packets()
    assert kept["body"].encode() == body
    assert (kept["path"], kept["content_type"]) == ("/packets", "application/json")


@played()
async def test_everything_can_be_forgotten_but_the_configuration(sender: Sender) -> None:
    await sender.told("PUT", "packet-settings", {"watchdog_seconds": 60})
    await sender.send(packet(0, 0, *capacity(300)))
    await sender.told("DELETE", "packets")
    told, view = await sender.told("GET", "packets"), await sender.microgrid()
    assert told == {"arrived": 0, "findings": {}, "devices": [], "packets": []}
    assert (view["circuits"], view["sites"], view["clock"]) == ([], [], None)
    assert (await sender.told("GET", "packet-settings"))["watchdog_seconds"] == 60


@played()
async def test_one_can_wait_for_packets_and_for_what_they_amount_to(sender: Sender) -> None:
    wanted = "circuit=grid&standing=AVAILABLE&kw=300&der=ON&device=mgc-1&key=LIMIT_DER_EXPORT&count=1"
    waiting = asyncio.ensure_future(sender.told("GET", f"packets/wait?{wanted}"))
    await sender.send(packet(0, 0, *capacity(300)), packet(1, 1, measurement("LIMIT_DER_EXPORT", 1, "kW")))
    assert (await waiting)["capabilities"]["DER"]["status"] == "ON"
    answer = await sender.control("GET", "packets/wait?peak_shaving=ON&timeout=0.05")
    assert answer == (408, {"message": "not within 0.05 s; 2 packets have come"})


@played()
async def test_orders_that_make_no_sense_say_why(sender: Sender) -> None:
    answers = [
        await sender.control("GET", "packets?limit=0"),
        await sender.control("GET", "packets?colour=red"),
        await sender.control("GET", "packets/wait?standing=FINE"),
        await sender.control("PUT", "packets/misbehaviour", {"rules": [{"action": "explode"}]}),
        await sender.control("PUT", "packet-settings", {"clock": "sun"}),
        await sender.control("PUT", "packet-devices", {"devices": 7}),
    ]
    assert [answer.status for answer in answers] == [422] * len(answers)
    assert all(answer.body["message"] for answer in answers)


@played()
async def test_the_page_shows_the_microgrid_and_the_packets_and_escapes_what_they_say(sender: Sender) -> None:
    empty = await page(sender)
    assert "No packet has come." in empty
    values = [
        measurement("FAIL_SAFE_CAPACITY", 40, "kW"),
        measurement("LIMIT_DER_EXPORT", 10, "kW"),
        measurement("BESS_OPERATIONAL_MODE", "STANDBY"),
        measurement("SOC", 71.5, "%"),
        measurement("ALARM_CODES", ["E1"]),
    ]
    await sender.send(packet(0, 0, *capacity(1300, "LOST"), *values), packet(1, 5, device="<b>", deviceType="BESS"))
    shown = await page(sender)
    for part in (
        '<span class="pill FAIL_SAFE">FAIL SAFE</span></h3><div class=limit>40.0 kW</div>',
        "HEARTBEAT_STATUS is LOST",
        '<h3>DER</h3><span class="pill ON">ON</span> <span class="pill FRESH">FRESH</span>',
        '<h3>PEAK SHAVING</h3><span class="pill OFF">OFF</span>',
        "<h3>Power source mgc-1</h3>",
        "2 came: 2 no-birth",
        "&lt;b&gt;",
    ):
        assert part in shown
    assert "<b>" not in shown


async def page(sender: Sender) -> str:
    async with sender.session.get(f"{sender.url}/") as answer:
        text = await answer.text()
    WellFormed(text)
    return text


def test_a_device_that_sends_much_leaves_the_others_their_packets() -> None:
    archive = Archive()
    quiet = entry(archive, "quiet")
    for _ in range(30_000):
        entry(archive, "loud")
    assert archive.newest_first("quiet") == [quiet]
    assert len(archive.newest_first("loud")) == 25_000
