"""A session against a small model of its own: both directions at once, late deliveries, force, time and restarts."""

from __future__ import annotations

from collections import Counter
from itertools import count, pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.due import Act, agenda
from depot_sim.domain.oscp.ledger import entry_id_of, stream_of
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.rules import Context, judge
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.verdict import verdict
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, MessageType, Outcome
from depot_sim.domain.oscp.wire.messages import GroupMeasurements, Handshake, HandshakeAcknowledge, Heartbeat, Message
from depot_sim.domain.oscp.wire.messages import RequiredBehaviour as Wants
from tests.domain.oscp.driving import SECOND, Driven
from tests.domain.oscp.session_model import (
    ACCEPTING,
    AWAITING,
    LIVE,
    OFFLINE,
    STATES,
    Model,
    UnderWay,
)
from tests.full_set import examples

TO_OFFLINE = {
    e.Cause.HANDSHAKE_REFUSED: {ACCEPTING, AWAITING},
    e.Cause.HANDSHAKE_TIMED_OUT: {ACCEPTING, AWAITING},
    e.Cause.HEARTBEAT_EXPIRED: LIVE,
    e.Cause.HEARTBEAT_REFUSED: LIVE,
    e.Cause.UNREACHABLE: {ACCEPTING, AWAITING},
    e.Cause.RESTARTED: {ACCEPTING},
    e.Cause.DISCONNECTED: set(STATES),
    e.Cause.FORCED: set(STATES),
}
"""Every reason there is to go offline, and from where."""

rates = st.sampled_from([None, 2 * SECOND, 5 * SECOND, 60 * SECOND])
spans = st.sampled_from([1, 400, 2 * SECOND, 5 * SECOND, 14_999, 15 * SECOND, 30 * SECOND])
BUSINESS = st.sampled_from([MessageType.HEARTBEAT, MessageType.UPDATE_GROUP_CAPACITY_FORECAST])
endings = st.sampled_from(
    [
        (Outcome.ACCEPTED, 204),
        (Outcome.REJECTED, 403),
        (Outcome.REJECTED, 422),
        (Outcome.REJECTED, 503),
        (Outcome.FAILED, 0),
        (Outcome.WITHHELD, 0),
    ]
)


class SessionMachine(RuleBasedStateMachine):
    """Every rule does the same to the session and to the model."""

    @initialize()
    def attach(self) -> None:
        self.driven = Driven()
        self.model = Model()
        self.ids = count(1)

    @property
    def session(self) -> OscpCapacityProviderSession:
        return self.driven.session

    @property
    def now(self) -> int:
        return self.driven.now

    # The partner

    def receive(self, type: MessageType, message: Message, correlation: str = "") -> int:
        """The status the session's rules answer with."""
        state, attached = self.session.state, self.session.attached
        findings = judge(state, type, message, correlation, Context(self.now))
        ruled = verdict(findings, attached.profile, attached.policy)
        id = f"theirs-{next(self.ids)}"
        entry = entry_id_of(stream_of("session-1", Direction.INBOUND, id))
        receipt = Receipt(type, message, entry, id, correlation, ruled.outcome, ruled.validation, findings, ruled.rule)
        self.session.receive(receipt, self.now)
        self.last_id = id
        return ruled.status

    @rule(every=rates)
    def handshake_comes(self, every: int | None) -> None:
        expected = self.model.answers_handshake()
        status = self.receive(MessageType.HANDSHAKE, Handshake(Wants(every)))
        assert status == expected
        if status == 204:
            self.model.take_handshake(self.now, self.last_id, every)

    @rule(every=rates, right=st.booleans())
    def acknowledge_comes(self, every: int | None, right: bool) -> None:
        correlation = self.model.handshake if right else "another"
        expected = self.model.answers_acknowledge(correlation)
        status = self.receive(MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge(Wants(every)), correlation)
        assert status == expected
        if status == 204:
            self.model.take_acknowledge(self.now, every)

    @rule(good_for=st.sampled_from([-1, 0, 1, 400, 5 * SECOND, 60 * SECOND]))
    def heartbeat_comes(self, good_for: int) -> None:
        status = self.receive(MessageType.HEARTBEAT, Heartbeat(self.now + good_for))
        assert status == self.model.answers_heartbeat(good_for)
        if status == 204:
            self.model.alive_until = self.now + good_for

    @rule()
    def measurements_come(self) -> None:
        status = self.receive(MessageType.UPDATE_GROUP_MEASUREMENTS, GroupMeasurements("group-1", ()))
        assert (status == 403) == (self.model.state not in LIVE)

    # What is sent

    def begin(self, type: MessageType, asks: int | None = None) -> UnderWay:
        entry = self.driven.open(type, asks)
        message = UnderWay(entry, type, self.now, self.session.state.open[entry].request_id)
        self.model.send(message, asks)
        return message

    @rule(every=rates)
    def handshake_goes(self, every: int | None) -> None:
        """In any state: an override may provoke one."""
        self.begin(MessageType.HANDSHAKE, every)

    @precondition(lambda self: self.model.state == ACCEPTING and not self.model.tried)
    @rule(every=rates)
    def acknowledge_goes(self, every: int | None) -> None:
        self.begin(MessageType.HANDSHAKE_ACKNOWLEDGE, every)

    @precondition(lambda self: self.model.state in LIVE)
    @rule(type=BUSINESS)
    def business_goes(self, type: MessageType) -> None:
        self.begin(type)

    @precondition(lambda self: self.model.under_way)
    @rule(place=st.integers(0, 3), ending=endings)
    def delivery_ends(self, place: int, ending: tuple[Outcome, int]) -> None:
        """In any order, and however late."""
        under_way = list(self.model.under_way.values())
        self.end(under_way[place % len(under_way)], ending)

    @precondition(lambda self: self.model.state in LIVE)
    @rule(type=BUSINESS, ending=endings)
    def business_goes_and_ends(self, type: MessageType, ending: tuple[Outcome, int]) -> None:
        self.end(self.begin(type), ending)

    def end(self, message: UnderWay, ending: tuple[Outcome, int]) -> None:
        self.driven.finish(message.entry, message.type, *ending)
        self.model.finish(message, *ending, self.now)

    @rule(every=rates, late=st.integers(0, 2))
    def partner_begins_anew(self, every: int | None, late: int) -> None:
        """While much of the connection before may be under way still."""
        self.disconnect()
        self.time_passes(late)
        self.handshake_comes(every)

    @rule(every=rates, late=st.integers(0, 2))
    def partner_connects_anew(self, every: int | None, late: int) -> None:
        self.partner_begins_anew(every, late)
        self.acknowledge_goes(every)
        self.end(self.model.under_way[self.model.acknowledges], (Outcome.ACCEPTED, 204))

    # The operator, the clock, the machine

    @rule(state=st.sampled_from(STATES))
    def force(self, state: str) -> None:
        self.session.force(Lifecycle(state), self.now)
        self.model.force(self.now, state)

    @rule()
    def disconnect(self) -> None:
        self.session.disconnect(self.now)
        if self.model.state != OFFLINE:
            self.model.go_offline()

    @rule(ms=spans)
    def time_passes(self, ms: int) -> None:
        self.driven.after(ms)
        self.model.pass_time(self.now)

    @rule()
    def restart(self) -> None:
        """Only the log is left, and everything under way is in doubt."""
        again = OscpCapacityProviderSession("run-1", "configuration-1")
        again.fold(self.session.pending)
        assert again.state == self.session.state
        interrupted = {opened.entry_id for opened in self.session.recover(self.now)}
        model = self.model
        assert interrupted == set(model.under_way)
        if model.state == ACCEPTING and model.acknowledges in model.under_way:
            model.go_offline()
        model.under_way.clear()
        model.pass_time(self.now)

    # What always holds

    @invariant()
    def is_what_the_model_says(self) -> None:
        state, model = self.session.state, self.model
        assert state.lifecycle == model.state
        behaviour = state.behaviour
        assert (behaviour.receive_every_ms, behaviour.send_every_ms) == (model.receive_every, model.send_every)
        assert set(state.open) == set(model.under_way)

    @invariant()
    def does_only_what_its_state_allows(self) -> None:
        dues = {due.act: due.at for due in agenda(self.session.state)}
        model = self.model
        assert (Act.HEARTBEAT in dues) == (model.state in LIVE and bool(model.send_every))
        assert (Act.ACKNOWLEDGE in dues) == (model.state == ACCEPTING and not model.tried)
        if model.state in LIVE:
            assert dues.get(Act.TIME_OUT) == model.alive_until
        elif model.state == OFFLINE:
            assert dues == {}
        else:
            assert dues[Act.TIME_OUT] == model.deadline

    @invariant()
    def goes_offline_for_a_reason_and_from_where_it_was(self) -> None:
        changes = self.driven.events(e.OscpLifecycleChanged)
        for before, after in pairwise(changes):
            assert after.before is before.after
        for change in changes[-1:]:
            if change.after == OFFLINE:
                assert change.before.value in TO_OFFLINE[change.cause]

    @invariant()
    def ends_every_message_once(self) -> None:
        ended = Counter(
            event.entry_id
            for event in self.session.pending
            if isinstance(event, e.SessionEvent)
            and hasattr(event, "entry_id")
            and not isinstance(event, e.OscpMessageOpened | e.OscpOutboundMessageReceived)
        )
        assert not ended or max(ended.values()) == 1
        assert not ended.keys() & self.session.state.open.keys()


SessionMachine.TestCase.settings = settings(max_examples=examples(600), stateful_step_count=50)
test_a_session_is_what_the_model_says = SessionMachine.TestCase
