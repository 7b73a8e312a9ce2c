"""Whatever happens to a session, in any order: every change of its lifecycle is a row of the table."""

from __future__ import annotations

from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.ledger import entry_id_of, stream_of
from depot_sim.domain.oscp.lifecycle import TRANSITIONS
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, MessageType, Outcome, Validation
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge, Heartbeat, Message, RequiredBehaviour
from tests.domain.oscp.driving import SECOND, Driven
from tests.full_set import examples

ROWS = {(row.before, row.cause, row.after) for row in TRANSITIONS}
STATES = st.sampled_from(Lifecycle)
OURS = st.sampled_from(
    [
        MessageType.HANDSHAKE,
        MessageType.HANDSHAKE_ACKNOWLEDGE,
        MessageType.HEARTBEAT,
        MessageType.UPDATE_GROUP_CAPACITY_FORECAST,
    ]
)
ENDINGS = st.sampled_from(
    [
        (Outcome.ACCEPTED, 204),
        (Outcome.REJECTED, 403),
        (Outcome.REJECTED, 503),
        (Outcome.FAILED, 0),
        (Outcome.WITHHELD, 0),
    ]
)


class LifecycleMachine(RuleBasedStateMachine):
    """The session is asked for anything in any state, as overrides and messages sent without a check may ask it.

    It raises UndefinedTransition where it meets a cause in a state for which there is no row.
    """

    @initialize(unreachable=st.sampled_from([Lifecycle.DEGRADED, Lifecycle.OFFLINE, Lifecycle.ONLINE]), state=STATES)
    def attach(self, unreachable: Lifecycle, state: Lifecycle) -> None:
        self.driven = Driven(policy=e.Policy(unreachable=unreachable))
        self.ids = count(1)
        self.read, self.state = 0, Lifecycle.OFFLINE
        self.force(state)

    @property
    def session(self) -> OscpCapacityProviderSession:
        return self.driven.session

    @rule(
        type=st.sampled_from(MessageType),
        outcome=st.sampled_from([Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REJECTED, Outcome.IGNORED]),
    )
    def message_comes(self, type: MessageType, outcome: Outcome) -> None:
        """A Register is one that ends the registration."""
        id = f"theirs-{next(self.ids)}"
        entry = entry_id_of(stream_of("session-1", Direction.INBOUND, id))
        message = self.message(type)
        receipt = Receipt(type, message, entry, id, "", outcome, Validation.ACCEPTED, method="DELETE")
        self.session.receive(receipt, self.driven.now)

    def message(self, type: MessageType) -> Message | None:
        match type:
            case MessageType.HANDSHAKE:
                return Handshake(RequiredBehaviour(5 * SECOND))
            case MessageType.HANDSHAKE_ACKNOWLEDGE:
                return HandshakeAcknowledge(RequiredBehaviour(5 * SECOND))
            case MessageType.HEARTBEAT:
                return Heartbeat(self.driven.now + 10 * SECOND)
        return None

    @rule(type=OURS)
    def message_goes(self, type: MessageType) -> None:
        self.driven.open(type, 5 * SECOND)

    @rule(type=OURS, ending=ENDINGS)
    def message_goes_and_ends(self, type: MessageType, ending: tuple[Outcome, int]) -> None:
        self.driven.send(type, *ending)

    @precondition(lambda self: self.session.state.open)
    @rule(place=st.integers(0, 5), ending=ENDINGS)
    def delivery_ends(self, place: int, ending: tuple[Outcome, int]) -> None:
        under_way = list(self.session.state.open.values())
        opened = under_way[place % len(under_way)]
        self.driven.finish(opened.entry_id, opened.message_type, *ending)

    @rule(every_ms=st.sampled_from([None, 5 * SECOND]))
    def partner_connects(self, every_ms: int | None) -> None:
        """Acknowledged by us, unless another acknowledgement comes first."""
        self.driven.receive_handshake(every_ms, f"theirs-{next(self.ids)}")
        self.driven.send(MessageType.HANDSHAKE_ACKNOWLEDGE, wants_ms=every_ms)

    @rule(state=STATES)
    def force(self, state: Lifecycle) -> None:
        self.session.force(state, self.driven.now)

    @rule()
    def disconnect(self) -> None:
        self.session.disconnect(self.driven.now)

    @rule(ms=st.sampled_from([1, 5 * SECOND, 15 * SECOND, 30 * SECOND]))
    def time_passes(self, ms: int) -> None:
        self.driven.after(ms)

    @rule()
    def restart(self) -> None:
        self.session.recover(self.driven.now)

    @rule()
    def session_is_deleted_and_begun_anew(self) -> None:
        self.session.detach(self.driven.now)
        self.session.attach(self.session.attached)

    @invariant()
    def every_change_is_a_row_and_begins_where_the_one_before_ended(self) -> None:
        new, self.read = self.session.pending[self.read :], len(self.session.pending)
        for event in new:
            if isinstance(event, e.OscpProviderSessionAttached):
                self.state = Lifecycle.OFFLINE
            elif isinstance(event, e.OscpLifecycleChanged):
                assert (event.before, event.cause, event.after) in ROWS
                assert event.before is self.state
                self.state = event.after
        assert self.session.lifecycle is self.state


LifecycleMachine.TestCase.settings = settings(max_examples=examples(300), stateful_step_count=50)
test_every_change_of_the_lifecycle_is_a_row_of_the_table = LifecycleMachine.TestCase
