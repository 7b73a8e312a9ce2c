"""Messages in segments: put together before they are judged, each segment with a ledger entry of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.application.oscp.requests import ForceState, SendForecast, SwitchHeartbeats
from depot_sim.domain.oscp.events import OscpForecastPublished, OscpHandshakeReceived, Policy
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, Outcome, Validation
from depot_sim.domain.run.events import ResumeReason
from tests.application.oscp.registering_side import RUN, Partner, Side, header, side
from tests.application.run.processes import ALICE, until

pytestmark = pytest.mark.anyio

HANDSHAKE = b'{"required_behaviour": {"heartbeat_interval": 60, "measurement_configuration": ["INTERMITTENT"]}}'
SMALL = {"largest_body_bytes": 200}
PATTERN = SendForecast(pattern="500 for 1h, 400 for 1h, 300 for 1h", begin="2030-04-02T10:00:00Z")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def segment(our: Side, index: int, count: int, body: bytes, names: str = "", **headers: str) -> Reply:
    given = {"x_segment_index": str(index), "x_segment_count": str(count), "x_request_id": f"s{index}"}
    correlated = {"x_correlation_id": names} if names else {}
    return await our.send("handshake", raw=body, **given | correlated | headers)


def pieces(body: bytes, count: int) -> list[bytes]:
    size = -(-len(body) // count)
    return [body[begin : begin + size] for begin in range(0, len(body), size)]


async def online(our: Side) -> None:
    await our.service.force_state(RUN, our.session_id, ForceState(Lifecycle.ONLINE), ALICE)


# Received


async def test_a_message_is_judged_when_its_last_segment_has_come() -> None:
    async with side() as our:
        one, two, three = pieces(HANDSHAKE, 3)
        assert (await segment(our, 1, 3, one)).status == 204
        assert (await segment(our, 3, 3, three, "s1")).status == 204
        assert our.ends() == {}
        assert (await our.service.get(RUN, our.session_id)).state is Lifecycle.OFFLINE
        assert (await segment(our, 2, 3, two, "s1")).status == 204
        ends = our.ends()
        assert [ends[id].rule for id in ("s1", "s3", "s2")] == ["segment-1-of-3", "segment-3-of-3", ""]
        assert {end.outcome for end in ends.values()} == {Outcome.ACCEPTED}
        received = next(event for event in our.events() if isinstance(event, OscpHandshakeReceived))
        assert (received.request_id, received.heartbeat_interval_ms) == ("s1", 60_000)


async def test_the_last_entry_has_the_findings_of_the_whole() -> None:
    async with side() as our:
        one, two = pieces(b'{"required_behaviour": {"heartbeat_interval": "often"}}', 2)
        assert (await segment(our, 1, 2, one)).status == 204
        assert (await segment(our, 2, 2, two, "s1")).status == 400
        ends = our.ends()
        assert (ends["s1"].outcome, ends["s1"].findings) == (Outcome.ACCEPTED, ())
        assert (ends["s2"].outcome, ends["s2"].rule) == (Outcome.REJECTED, "schema.type")


async def test_half_a_message_fails_visibly_when_the_rest_does_not_come() -> None:
    async with side(policy=Policy(segments_within_ms=1)) as our:
        assert (await segment(our, 1, 2, HANDSHAKE[:20])).status == 204
        await until(our.ends)
        end = our.ends()["s1"]
        assert (end.outcome, end.validation, end.rule) == (Outcome.FAILED, Validation.REJECTED, "segment.incomplete")
        assert (await our.service.get(RUN, our.session_id)).open_messages == ()


async def test_half_a_message_that_a_restart_interrupts_fails_visibly(tmp_path: Path) -> None:
    with open_event_store("memory:") as store:
        before, after = Side(store, folder=tmp_path), Side(store, "there", tmp_path)
        await before.process.start()
        await before.create()
        assert (await segment(before, 1, 2, HANDSHAKE[:20])).status == 204
        await before.kill()
        await after.process.host.adopt(RUN, ResumeReason.RESTART)
        after.tend()
        await until(after.ends)
        end = after.ends()["s1"]
        assert (end.outcome, end.rule) == (Outcome.FAILED, "segment.incomplete")
        await after.close()
        await before.close()


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"x_segment_index": "1"}, "segment.header-missing"),
        ({"x_segment_count": "2"}, "segment.header-missing"),
        ({"x_segment_index": "3", "x_segment_count": "2"}, "segment.index"),
        ({"x_segment_index": "1", "x_segment_count": "many"}, "segment.count"),
        ({"x_segment_index": "2", "x_segment_count": "2"}, "segment.correlation-missing"),
    ],
)
async def test_headers_that_make_no_sense_are_refused(headers: dict[str, str], rule: str) -> None:
    async with side() as our:
        reply = await our.send("handshake", raw=HANDSHAKE, x_request_id="odd", **headers)
        end = our.ends()["odd"]
        assert (reply.status, end.rule) == (403 if "correlation" in rule else 400, rule)
        assert len(end.findings) == 1  # half a body says nothing about the whole


async def test_a_double_and_a_contradicting_segment_are_refused_and_the_others_go_on() -> None:
    async with side() as our:
        one, two, three = pieces(HANDSHAKE, 3)
        await segment(our, 1, 3, one)
        await segment(our, 2, 3, two, "s1")
        assert (await segment(our, 2, 3, two, "s1", x_request_id="again")).status == 400
        assert (await segment(our, 3, 4, three, "s1", x_request_id="other")).status == 400
        assert (await segment(our, 3, 3, three, "s1")).status == 204
        ends = our.ends()
        assert [ends[id].rule for id in ("again", "other")] == ["segment.double", "segment.other-message"]
        assert (await our.service.get(RUN, our.session_id)).state is not Lifecycle.OFFLINE


async def test_the_same_segment_again_gets_the_same_answer() -> None:
    async with side() as our:
        one, two = pieces(HANDSHAKE, 2)
        await segment(our, 1, 2, one)
        assert (await segment(our, 1, 2, one)).status == 204
        assert (await segment(our, 2, 2, two, "s1")).status == 204
        assert len([one for one in our.recorded() if one.direction is Direction.INBOUND]) == 2


async def test_no_more_segments_wait_than_may() -> None:
    async with side() as our:
        for place in range(200):
            assert (await segment(our, 1, 2, b"{", x_request_id=f"w{place}")).status == 204
        assert (await segment(our, 1, 2, b"{", x_request_id="one-more")).status == 422
        assert our.ends()["one-more"].rule == "segment.too-many"


async def test_an_override_refuses_one_segment_and_the_others_wait_in_vain() -> None:
    async with side(policy=Policy(segments_within_ms=1)) as our:
        where = [{"header": "X-Segment-Index", "equals": "1"}]
        asked = {"match": {"where": where}, "effect": {"type": "reject", "status": 418}}
        await our.scenarios.change_overrides(RUN, our.session_id, asked, ALICE)
        one, two = pieces(HANDSHAKE, 2)
        assert (await segment(our, 1, 2, one)).status == 418
        assert (await segment(our, 2, 2, two, "s1")).status == 204
        await until(lambda: "s2" in our.ends())
        assert our.ends()["s2"].rule == "segment.incomplete"


async def test_a_profile_without_segments_takes_messages_as_they_are() -> None:
    async with side(profile="betterfleet-vector") as our:
        headers = {"x_segment_index": "1", "x_segment_count": "2", "x_oscp_configuration_id": "c1"}
        assert (await our.send("handshake", raw=HANDSHAKE, **headers)).status == 204


# Sent


def sent_in_segments(partner: Partner) -> list[tuple[str, str]]:
    return [(header(one, "X-Segment-Index"), header(one, "X-Segment-Count")) for one in partner.received]


async def test_a_larger_message_is_sent_in_segments_that_correlate_to_the_first() -> None:
    async with side(profile_changes=SMALL) as our:
        await online(our)
        our.partner.received.clear()
        sent = await our.service.send_forecast(RUN, our.session_id, PATTERN, ALICE)
        forecasts = [one for one in our.partner.received if one.url.endswith("forecast")]
        count = str(len(forecasts))
        assert [(header(one, "X-Segment-Index"), header(one, "X-Segment-Count")) for one in forecasts] == [
            (str(index), count) for index in range(1, len(forecasts) + 1)
        ]
        assert len(forecasts) > 2
        assert max(len(one.body) for one in forecasts) == 200
        whole: dict[str, Any] = msgspec.json.decode(b"".join(one.body for one in forecasts))
        assert len(whole["forecasted_blocks"]) == 3
        first, *later = (header(one, "X-Request-ID") for one in forecasts)
        assert len({first, *later}) == len(forecasts)
        assert {header(one, "X-Correlation-ID") for one in forecasts[1:]} == {first}
        published = next(event for event in our.events() if isinstance(event, OscpForecastPublished))
        assert (published.request_id, sent.status) == (first, 204)
        assert {our.ends()[id].outcome for id in (first, *later)} == {Outcome.ACCEPTED}


async def test_a_small_message_is_sent_in_one_piece() -> None:
    async with side(profile_changes={"largest_body_bytes": 10_000}) as our:
        await online(our)
        await our.service.send_forecast(RUN, our.session_id, PATTERN, ALICE)
        assert set(sent_in_segments(our.partner)) == {("", "")}


async def test_the_override_that_withholds_the_second_segment() -> None:
    async with side(profile_changes=SMALL) as our:
        await online(our)
        await our.scenarios.change_overrides(RUN, our.session_id, {"mode": "missing_segment"}, ALICE)
        sent = await our.service.send_forecast(RUN, our.session_id, PATTERN, ALICE)
        indexes = [index for index, _ in sent_in_segments(our.partner) if index]
        assert indexes[:2] == ["1", "3"]
        assert sent.delivery_status == Outcome.WITHHELD.value
        withheld = [end for end in our.ends().values() if end.outcome is Outcome.WITHHELD]
        assert len(withheld) == 1
        assert withheld[0].overrides
        assert (await our.service.get(RUN, our.session_id)).forecasts == ()


async def test_a_refused_segment_ends_the_message() -> None:
    async with side(profile_changes=SMALL) as our:
        await online(our)
        await our.service.switch_heartbeats(RUN, our.session_id, SwitchHeartbeats(sending=False), ALICE)
        our.partner.received.clear()
        our.partner.answers = [204, 400]
        sent = await our.service.send_forecast(RUN, our.session_id, PATTERN, ALICE)
        assert (sent.delivery_status, sent.status) == (Outcome.REJECTED.value, 400)
        assert [index for index, _ in sent_in_segments(our.partner)] == ["1", "2"]


async def test_overrides_spoil_the_message_before_it_is_split() -> None:
    async with side(profile_changes=SMALL) as our:
        await online(our)
        await our.scenarios.change_overrides(RUN, our.session_id, {"mode": "forecast_for_wrong_group"}, ALICE)
        await our.service.send_forecast(RUN, our.session_id, PATTERN, ALICE)
        forecasts = [one for one in our.partner.received if one.url.endswith("forecast")]
        whole = msgspec.json.decode(b"".join(one.body for one in forecasts))
        assert (whole["group_id"], len(whole["forecasted_blocks"])) == ("another-group", 3)
