"""Packets and answers as overrides and expectations see them."""

from __future__ import annotations

import pytest

from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.packets.observed import ACCEPTED, REJECTED, answer_exchange, outcome_of, packet_exchange
from depot_sim.domain.packets.vocabulary import PacketType
from tests.domain.packets.fleet import FEED, START, encode, packet


@pytest.mark.parametrize("type", PacketType)
def test_every_packet_is_of_a_message_type_of_the_family_that_goes_out(type: PacketType) -> None:
    sent = packet("bess-1", 1, type)
    exchange = packet_exchange(sent, encode(sent), FEED, START)

    assert PACKETS.one_way[exchange.message_type].value == exchange.direction
    assert (exchange.target, exchange.request_id, exchange.entry_id) == (FEED, sent.packet_id, sent.packet_id)


def test_an_answer_is_about_its_packet_and_tells_its_status() -> None:
    sent = packet("bess-1", 1)
    answers = [answer_exchange(sent, attempt, 503, b'{"a":1}', FEED, START) for attempt in (1, 2)]

    assert PACKETS.one_way[answers[0].message_type].value == answers[0].direction
    assert [answer.header(":attempt") for answer in answers] == ["1", "2"]
    assert {answer.correlation_id for answer in answers} == {sent.packet_id}
    assert len({answer.entry_id for answer in answers}) == 2
    assert (answers[0].header(":status"), answers[0].header(":device"), answers[0].body) == ("503", "bess-1", {"a": 1})


def test_what_is_told_beside_the_wire_is_what_conditions_may_ask_for() -> None:
    sent = packet("bess-1", 1)
    exchanges = (packet_exchange(sent, b"{}", FEED, START), answer_exchange(sent, 1, 202, b"{}", FEED, START))
    assert {name for exchange in exchanges for name, _ in exchange.headers} == set(PACKETS.pseudo_headers)


@pytest.mark.parametrize(
    ("status", "outcome"), [(200, ACCEPTED), (204, ACCEPTED), (199, REJECTED), (302, REJECTED), (503, REJECTED)]
)
def test_answers_in_the_two_hundreds_are_accepted(status: int, outcome: str) -> None:
    assert outcome_of(status) == outcome
