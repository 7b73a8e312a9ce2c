"""Two processes serve one session, both directions at once, against the model: what comes twice, late, or out of order,
under a used id, or at the other process, is answered as before, and every message has one entry with one end.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterator
from itertools import count
from typing import Any, ClassVar, NamedTuple, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.channels.following import ChannelFollower
from depot_sim.application.http import HttpResult, Outgoing
from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.application.oscp.outbound import drafts
from depot_sim.application.oscp.outbound.messages import MessageDraft
from depot_sim.application.oscp.outbound.service import Sent
from depot_sim.application.oscp.requests import Disconnect, ForceState
from depot_sim.application.own_writes import OwnWrites
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import ForecastType, Lifecycle, MessageType
from depot_sim.domain.oscp.wire.messages import CapacityForecast
from tests.application.oscp.ledger_facts import finalised_in, recorded_in
from tests.application.oscp.processes import FakePartner, OscpProcess, WallClock
from tests.application.run.processes import ALICE, until
from tests.domain.oscp.driving import BLOCKS
from tests.domain.oscp.session_model import ACCEPTING, LIVE, OFFLINE, STATES, Model, UnderWay
from tests.full_set import examples

T = TypeVar("T")

places = st.sampled_from(["here", "there"])
copies = st.integers(1, 3)
rates = st.sampled_from([None, 2, 60])
answers = st.sampled_from([HttpResult(204), HttpResult(403), HttpResult(503), HttpResult(0, error="gone")])


class Delivered(NamedTuple):
    """A message the partner has sent, and the answer it got."""

    path: str
    body: bytes
    id: str
    correlation: str
    reply: Reply


class Going(NamedTuple):
    """A message of ours that the partner has not answered yet."""

    message: UnderWay
    answer: asyncio.Future[HttpResult]
    task: asyncio.Task[Sent | None]


class UndecidedPartner(FakePartner):
    """Answers when it is told to, each message for itself."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[HttpResult]] = []

    async def post(self, outgoing: Outgoing) -> HttpResult:
        self.received.append(outgoing)
        answer: asyncio.Future[HttpResult] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        return await answer


def forecast(session: OscpCapacityProviderSession) -> MessageDraft:
    series = CapacityForecast(session.attached.group_id, ForecastType.CONSUMPTION, BLOCKS)
    return MessageDraft(MessageType.UPDATE_GROUP_CAPACITY_FORECAST, series)


class Stage:
    """Two processes and a run, for one session after the other. The holder of the run is `here`."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.store = open_event_store("memory:")
        self.clock, self.partner = WallClock(), UndecidedPartner()
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.here, self.there = (OscpProcess(self.store, self.clock, name, self.partner) for name in ("here", "there"))
        self.following = ChannelFollower(
            OwnWrites(self.here.journal, self.store.log), self.here.sessions, self.clock, "oscp-"
        )
        await self.here.start()

    def close(self) -> None:
        for process in (self.here, self.there):
            self.runner.run(process.close())
        self.runner.close()
        self.store.close()


class BothSidesMachine(RuleBasedStateMachine):
    """The partner's messages come to either process."""

    stage: ClassVar[Stage]
    configurations: ClassVar[Iterator[int]] = count(1)

    @initialize()
    def start(self) -> None:
        self.here, self.clock, self.partner = self.stage.here, self.stage.clock, self.stage.partner
        self.log, self.begun_at = self.stage.store.log, self.stage.store.log.head()
        self.processes = {"here": self.here, "there": self.stage.there}
        self.model, self.ids = Model(), count(1)
        self.delivered: list[Delivered] = []
        self.going: list[Going] = []
        self.ends: Counter[str] = Counter()
        self.configuration = f"configuration-{next(self.configurations)}"
        self.session_id = self.do(self.here.attach(remote_configuration_id=self.configuration))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.stage.runner.run(work)

    def decide(self, work: Coroutine[Any, Any, T]) -> T:
        """What is decided `here`, on the news: where nothing is written, nothing tells that it was on old ones."""
        self.do(self.stage.following.look())
        return self.do(work)

    def teardown(self) -> None:
        self.do(self.give_up())

    async def give_up(self) -> None:
        for going in self.going:
            going.task.cancel()
        await asyncio.gather(*(going.task for going in self.going), return_exceptions=True)

    @property
    def now(self) -> int:
        return self.clock.wall_ms

    # The partner

    def receive(self, path: str, body: bytes, where: str, times: int, correlation: str = "") -> int:
        """Send it several times at once; all answers are the same one."""
        id = f"theirs-{next(self.ids)}"
        first = self.deliver(Delivered(path, body, id, correlation, Reply(0)), [where] * times)
        self.delivered.append(Delivered(path, body, id, correlation, first))
        self.ends["accepted" if first.status == 204 else "rejected"] += 1
        return first.status

    def deliver(self, one: Delivered, where: list[str]) -> Reply:
        async def all_of_them() -> list[Reply]:
            return await asyncio.gather(*(self.at(name, one) for name in where))

        first, *others = self.do(all_of_them())
        assert all(other == first for other in others)
        return first

    async def at(self, name: str, one: Delivered) -> Reply:
        process = self.processes[name]
        return await process.receive(one.path, one.body, one.id, one.correlation, self.configuration)

    @rule(every=rates, where=places, times=copies)
    def handshake_comes(self, every: int | None, where: str, times: int) -> None:
        expected = self.model.answers_handshake()
        asked = b"{}" if every is None else b'{"required_behaviour":{"heartbeat_interval":%d}}' % every
        assert self.receive("handshake", asked, where, times) == expected
        if expected == 204:
            self.model.take_handshake(self.now, self.delivered[-1].id, every and every * 1_000)

    @rule(every=rates, right=st.booleans(), where=places, times=copies)
    def acknowledge_comes(self, every: int | None, right: bool, where: str, times: int) -> None:
        correlation = self.model.handshake if right else "another"
        expected = self.model.answers_acknowledge(correlation)
        asked = b"{}" if every is None else b'{"required_behaviour":{"heartbeat_interval":%d}}' % every
        assert self.receive("handshake_acknowledge", asked, where, times, correlation) == expected
        if expected == 204:
            self.model.take_acknowledge(self.now, every and every * 1_000)

    @rule(good_for=st.sampled_from([0, 1, 5_000, 60_000]), where=places, times=copies)
    def heartbeat_comes(self, good_for: int, where: str, times: int) -> None:
        expected = self.model.answers_heartbeat(good_for)
        assert self.receive("heartbeat", self.here.heartbeat(good_for), where, times) == expected
        if expected == 204:
            self.model.alive_until = self.now + good_for

    @precondition(lambda self: self.delivered)
    @rule(place=st.integers(0, 20), where=st.lists(places, min_size=1, max_size=3))
    def an_old_message_comes_again(self, place: int, where: list[str]) -> None:
        """However late, and wherever: it gets its first answer, and nothing else happens."""
        old = self.delivered[place % len(self.delivered)]
        assert self.deliver(old, where) == old.reply

    @precondition(lambda self: self.delivered)
    @rule(place=st.integers(0, 20), where=places)
    def another_message_comes_under_a_used_id(self, place: int, where: str) -> None:
        old = self.delivered[place % len(self.delivered)]
        other = old._replace(body=b'{"another":%d}' % next(self.ids))
        reply = self.deliver(other, [where])
        assert reply.status == 422
        self.ends["rejected"] += 1
        assert self.deliver(other, [where]) == reply

    # What is sent

    def send(self, draft: Any, type: MessageType, asks: int | None = None) -> Going:
        async def go() -> Going:
            known = len(self.partner.waiting)
            sending = self.here.outbound.send(self.session_id, lambda session, moment: draft(session, moment.target))
            task = asyncio.create_task(sending)
            await until(lambda: len(self.partner.waiting) > known or task.done())
            opened = list(self.here.session(self.session_id).state.open.values())[-1]
            message = UnderWay(opened.entry_id, type, self.now, opened.request_id)
            return Going(message, self.partner.waiting[-1], task)

        going = self.decide(go())
        self.model.send(going.message, asks)
        self.going.append(going)
        return going

    @precondition(lambda self: self.model.state == OFFLINE)
    @rule(every=rates)
    def handshake_goes(self, every: int | None) -> None:
        every_ms = every and every * 1_000
        self.send(lambda session, _: drafts.handshake(session, every_ms), MessageType.HANDSHAKE, every_ms)

    @precondition(lambda self: self.model.state == ACCEPTING and not self.model.tried)
    @rule()
    def acknowledge_goes(self) -> None:
        self.send(lambda session, _: drafts.acknowledgement(session), MessageType.HANDSHAKE_ACKNOWLEDGE, 5_000)

    @precondition(lambda self: self.model.state in LIVE)
    @rule()
    def heartbeat_goes(self) -> None:
        self.send(drafts.heartbeat, MessageType.HEARTBEAT)

    @precondition(lambda self: self.model.state in LIVE)
    @rule()
    def forecast_goes(self) -> None:
        self.send(lambda session, _: forecast(session), MessageType.UPDATE_GROUP_CAPACITY_FORECAST)

    @precondition(lambda self: self.going)
    @rule(place=st.integers(0, 3), answer=answers)
    def the_partner_answers(self, place: int, answer: HttpResult) -> None:
        """In any order, and however late."""
        self.answer(self.going.pop(place % len(self.going)), answer)

    def answer(self, going: Going, answer: HttpResult) -> None:
        async def settle() -> Sent | None:
            going.answer.set_result(answer)
            return await going.task

        sent = self.do(settle())
        assert sent is not None
        self.model.finish(going.message, sent.outcome, answer.status, self.now)
        self.ends[sent.outcome.value] += 1

    @rule(late=st.integers(0, 2))
    def the_two_connect_anew(self, late: int) -> None:
        """While much of the connection before may be under way still."""
        self.disconnect()
        self.time_passes(late)
        self.handshake_comes(2, "there", 1)
        self.acknowledge_goes()
        self.answer(self.going.pop(), HttpResult(204))

    # The operator, the clock, the machine

    @rule(state=st.sampled_from(STATES))
    def force(self, state: str) -> None:
        self.decide(self.here.service.force_state("r", self.session_id, ForceState(Lifecycle(state)), ALICE))
        self.model.force(self.now, state)

    @rule()
    def disconnect(self) -> None:
        self.decide(self.here.service.disconnect("r", self.session_id, Disconnect(), ALICE))
        if self.model.state != OFFLINE:
            self.model.go_offline()

    @rule(ms=st.sampled_from([1, 2_000, 15_000, 30_000]))
    def time_passes(self, ms: int) -> None:
        self.clock.advance(ms * 1_000)
        self.decide(self.here.sessions.decide(self.session_id, lambda *_: None))
        self.model.pass_time(self.now)

    @rule(where=places)
    def memory_is_lost(self, where: str) -> None:
        self.processes[where].sessions.forget(self.session_id)

    # What always holds

    @invariant()
    def the_log_says_what_the_model_says(self) -> None:
        session, model = OscpCapacityProviderSession("r", self.configuration), self.model
        session.fold(decode(row.topic, row.state) for row in self.log.read_stream(session.stream))
        behaviour = session.state.behaviour
        assert session.lifecycle == model.state
        assert (behaviour.receive_every_ms, behaviour.send_every_ms) == (model.receive_every, model.send_every)
        assert set(session.state.open) == set(model.under_way)
        if model.state in LIVE:
            assert session.state.peer_offline_at == model.alive_until

    @invariant()
    def every_message_has_one_entry_and_one_end(self) -> None:
        recorded, ended = Counter[str](), Counter[str]()
        outcomes = Counter[str]()
        for row in self.log.read_all(self.begun_at, limit=100_000):
            event = decode(row.topic, row.state) if row.stream.startswith("oscp-message-") else None
            if (receipt := recorded_in(event)) is not None:
                recorded[row.stream] += 1
                assert receipt.session_id == self.session_id
            if (end := finalised_in(event)) is not None:
                ended[row.stream] += 1
                outcomes[end.outcome.value] += 1
        assert set(recorded.values()) <= {1}
        assert set(ended.values()) <= {1}
        assert ended.keys() <= recorded.keys()
        assert outcomes == self.ends
        assert len(recorded) - len(ended) == len(self.going)

    @invariant()
    def nothing_is_said_twice_of_a_message(self) -> None:
        rows = self.log.read_stream(f"oscp-r-{self.configuration}")
        finals = Counter(
            event.entry_id
            for event in (decode(row.topic, row.state) for row in rows)
            if isinstance(event, e.OscpHeartbeatReceived | e.OscpHandshakeReceived | e.OscpHandshakeAcknowledgeReceived)
        )
        assert not finals or max(finals.values()) == 1


def test_both_sides_at_once() -> None:
    BothSidesMachine.stage = Stage()
    try:
        run_state_machine_as_test(
            BothSidesMachine, settings=settings(max_examples=examples(100), stateful_step_count=30)
        )
    finally:
        BothSidesMachine.stage.close()
