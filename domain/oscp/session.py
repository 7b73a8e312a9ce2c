"""OscpCapacityProviderSession: what a session does about a message, an answer, an operator's wish and passing time.

It decides on negotiation and liveness (design §4, §9, §10), and names the cause of every change of its lifecycle; the
next state is looked up in `domain/oscp/lifecycle.py`. Whether a message is right is for the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from typing import Any, ClassVar, NamedTuple

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, NotFound
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.projection import ProjectionStateChanged
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.due import Act, due_now
from depot_sim.domain.oscp.evolve import HANDLERS
from depot_sim.domain.oscp.ledger import request_id_of
from depot_sim.domain.oscp.lifecycle import STATES, WE_MAY_SEND, transition
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.registering import registered
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import LIVE, Direction, ForecastType, Lifecycle, MessageType, Outcome
from depot_sim.domain.oscp.wire.messages import (
    Block,
    CapacityForecast,
    Handshake,
    HandshakeAcknowledge,
    Heartbeat,
    Message,
)

FAMILY = "oscp"
_REFUSED = 403


class Delivery(NamedTuple):
    """What became of a message sent. `status` 0: no answer."""

    entry_id: str
    type: MessageType
    outcome: Outcome
    status: int = 0
    error: str = ""
    forecast: CapacityForecast | None = None
    plan_id: str = ""


class OscpCapacityProviderSession(Aggregate[SessionState]):
    """One run's relationship with one configuration of the partner. All times are on the session's clock."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = HANDLERS
    __slots__ = ()

    def __init__(self, run_id: str, remote_configuration_id: str) -> None:
        super().__init__(stream_of(run_id, remote_configuration_id), SessionState())

    @property
    def attached(self) -> e.OscpProviderSessionAttached:
        if self.state.attached is None:
            raise NotFound("there is no such session", "create it first")
        return self.state.attached

    @property
    def is_active(self) -> bool:
        return self.state.attached is not None and not self.state.detached

    @property
    def lifecycle(self) -> Lifecycle:
        return self.state.lifecycle

    # Life

    def attach(self, attached: e.OscpProviderSessionAttached) -> None:
        """Raises Conflict while the session is active: there is one per run and configuration."""
        if self.is_active:
            raise Conflict(
                f"run {attached.run_id} has a session for configuration {attached.remote_configuration_id}",
                "use that session, or delete it first",
            )
        self.emit(attached)

    def detach(self, at: int) -> None:
        self._change_lifecycle(e.Cause.DETACHED, at)
        self.emit(e.OscpProviderSessionDetached(at))

    def force(self, lifecycle: Lifecycle, at: int, reason: str = "", by: str = "") -> None:
        """Put the session into a state, whatever the protocol says. Online without a handshake takes our own rates.

        `by` is the id of the intervention, here and below.
        """
        behaviour = self.state.behaviour
        has_rates = behaviour.send_every_ms is not None or behaviour.receive_every_ms is not None
        if lifecycle in LIVE and self.lifecycle not in LIVE and not has_rates:
            every = self.attached.policy.heartbeat_interval_ms
            self._negotiate(every, every, at)
        self._change_lifecycle(e.Cause.FORCED, at, reason, lifecycle, by)

    def disconnect(self, at: int, reason: str = "", by: str = "") -> None:
        """End the relationship on purpose; only a new handshake brings it back."""
        self._change_lifecycle(e.Cause.DISCONNECTED, at, reason, by=by)

    def switch_heartbeats(self, sending: bool, at: int, by: str = "") -> None:
        """Hold due heartbeats back until they are switched on, or until the session is offline again."""
        if sending != self.state.sends_heartbeats:
            self.emit(e.OscpHeartbeatsSwitched(at, sending, by))

    # Messages received

    def receive(self, receipt: Receipt, at: int) -> None:
        """Take note of a received message; an accepted one has its effect."""
        match receipt.type:
            case MessageType.HANDSHAKE:
                self._receive_handshake(receipt, at)
            case MessageType.HANDSHAKE_ACKNOWLEDGE:
                self._receive_acknowledge(receipt, at)
            case MessageType.HEARTBEAT:
                self._receive_heartbeat(receipt, at)
            case MessageType.REGISTER:
                self._receive_register(receipt, at)
            case _:
                self._receive_business(receipt, at)

    def _receive_handshake(self, receipt: Receipt, at: int) -> None:
        wants = _wants(receipt.message)
        self.emit(
            e.OscpHandshakeReceived(at, receipt.entry_id, receipt.request_id, receipt.outcome, wants, receipt.rule)
        )
        if receipt.outcome is Outcome.ACCEPTED:
            self._change_lifecycle(e.Cause.HANDSHAKE_RECEIVED, at)

    def _receive_acknowledge(self, receipt: Receipt, at: int) -> None:
        wants = _wants(receipt.message)
        self.emit(e.OscpHandshakeAcknowledgeReceived(at, receipt.entry_id, receipt.outcome, wants, receipt.rule))
        if receipt.outcome is Outcome.ACCEPTED:
            self._complete_handshake(at)

    def _receive_heartbeat(self, receipt: Receipt, at: int) -> None:
        offline_at = receipt.message.offline_mode_at if isinstance(receipt.message, Heartbeat) else 0
        self.emit(e.OscpHeartbeatReceived(at, receipt.entry_id, receipt.outcome, offline_at, receipt.rule))

    def _receive_register(self, receipt: Receipt, at: int) -> None:
        if receipt.outcome is not Outcome.ACCEPTED:
            self.emit(e.OscpMessageClosed(at, receipt.entry_id, receipt.outcome))
        elif receipt.method == "DELETE":
            self.emit(e.OscpPartnerUnregistered(at, receipt.entry_id))
            self._change_lifecycle(e.Cause.UNREGISTERED, at)
        else:
            self.emit(registered(self.state, receipt, at))

    def _receive_business(self, receipt: Receipt, at: int) -> None:
        self.emit(
            e.OscpOutboundMessageReceived(
                at, receipt.entry_id, receipt.type, receipt.request_id, receipt.correlation_id
            )
        )
        self.emit(
            e.OscpOutboundMessageValidated(
                at=at,
                entry_id=receipt.entry_id,
                message_type=receipt.type,
                outcome=receipt.outcome,
                validation=receipt.validation,
                findings=receipt.findings,
                window=receipt.window,
                correlation_id=receipt.correlation_id,
            )
        )

    # Messages sent

    def begin_registration(self, token: SecretReference, at: int) -> str:
        """The next message is our Register with this new token; the request id of the partner's that it answers."""
        answers = self.state.registration.owed
        self.emit(e.OscpRegistrationBegun(at, self.next_request_id(), token, answers))
        return answers

    def next_request_id(self) -> str:
        return request_id_of(self.attached.session_id, self.state.sent + 1)

    def open(self, opened: e.OscpMessageOpened) -> None:
        """A message is recorded and under way. A handshake brings the session to awaiting its acknowledgement."""
        self.emit(opened)
        if opened.direction is Direction.OUTBOUND and opened.message_type is MessageType.HANDSHAKE and not opened.part:
            self._change_lifecycle(e.Cause.HANDSHAKE_SENT, opened.at)

    def check_may_send(self, type: MessageType) -> None:
        """Raises CommandRefused when the protocol does not allow this message now."""
        if type is MessageType.REGISTER and not self.attached.profile.registration:
            raise CommandRefused(f"{self.attached.profile.name} partners do not register", "use another profile")
        allowed = WE_MAY_SEND.get(type)
        if allowed is not None and self.lifecycle not in allowed.states:
            raise CommandRefused(f"the session is {self.lifecycle}", allowed.refusal)

    def finish(self, delivery: Delivery, at: int) -> None:
        """End a message under way. The end of one that an earlier attachment sent has no effect.

        Nor has an answer that comes after its message was closed: the process that takes over a run closes what the one
        before it had under way.
        """
        opened = self.state.open.get(delivery.entry_id)
        if opened is None:
            return
        if opened.entry_id in self.state.of_earlier:
            self.close(opened.entry_id, delivery.outcome, at)
            return
        request_id = opened.request_id
        match delivery.type:
            case MessageType.HANDSHAKE:
                self._finish_handshake(delivery, request_id, at)
            case MessageType.HANDSHAKE_ACKNOWLEDGE:
                self._finish_acknowledge(delivery, at)
            case MessageType.HEARTBEAT:
                self.emit(e.OscpHeartbeatSent(at, delivery.entry_id, delivery.outcome))
                self._mind_reach(delivery, opened, at)
            case MessageType.REGISTER:
                self.emit(e.OscpRegistrationSent(at, delivery.entry_id, request_id, delivery.outcome))
            case MessageType.UPDATE_GROUP_CAPACITY_FORECAST if delivery.forecast is not None:
                self._finish_forecast(delivery, delivery.forecast, request_id, at)
                self._mind_reach(delivery, opened, at)
            case _:
                self.emit(e.OscpMessageClosed(at, delivery.entry_id, delivery.outcome))

    def close(self, entry_id: str, outcome: Outcome, at: int) -> None:
        """End a message under way without any effect: a repetition of one that had it."""
        self.emit(e.OscpMessageClosed(at, entry_id, outcome))

    def _finish_handshake(self, delivery: Delivery, request_id: str, at: int) -> None:
        is_current = self.state.handshake_id == request_id
        self.emit(e.OscpHandshakeSent(at, delivery.entry_id, request_id, delivery.outcome))
        if not is_current or self.lifecycle is not Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE:
            return
        if delivery.outcome is Outcome.REJECTED:
            self._change_lifecycle(e.Cause.HANDSHAKE_REFUSED, at, _reason(delivery))
        elif delivery.outcome is Outcome.FAILED:
            self.emit(e.OscpSessionTimedOut(at, e.TimedOut.HANDSHAKE, at))
            self._change_lifecycle(e.Cause.UNREACHABLE, at, delivery.error)

    def _finish_acknowledge(self, delivery: Delivery, at: int) -> None:
        is_current = self.state.acknowledgement_id == delivery.entry_id
        self.emit(e.OscpHandshakeAcknowledgeSent(at, delivery.entry_id, delivery.outcome))
        if not is_current or self.lifecycle is not Lifecycle.ACCEPTING_HANDSHAKE:
            return
        if delivery.outcome is Outcome.ACCEPTED:
            self._complete_handshake(at)
        elif delivery.outcome is Outcome.REJECTED:
            self._change_lifecycle(e.Cause.HANDSHAKE_REFUSED, at, _reason(delivery))
        elif delivery.outcome is Outcome.FAILED:
            self.emit(e.OscpSessionTimedOut(at, e.TimedOut.HANDSHAKE_ACKNOWLEDGE, at))
            self._change_lifecycle(e.Cause.UNREACHABLE, at, delivery.error)

    def _finish_forecast(self, delivery: Delivery, forecast: CapacityForecast, request_id: str, at: int) -> None:
        self.emit(
            e.OscpForecastPublished(
                at=at,
                entry_id=delivery.entry_id,
                request_id=request_id,
                outcome=delivery.outcome,
                type=forecast.type,
                blocks=forecast.blocks,
                plan_id=delivery.plan_id,
            )
        )

    def _mind_reach(self, delivery: Delivery, opened: e.OscpMessageOpened, at: int) -> None:
        """A partner out of reach degrades the session; one that answers mends it; refused heartbeats end it.

        What was sent before the session came online says nothing of it.
        """
        if self.lifecycle not in LIVE or opened.at < self.state.live_since:
            return
        if delivery.outcome is Outcome.ACCEPTED:
            self._change_lifecycle(e.Cause.REACHABLE_AGAIN, at)
        elif delivery.outcome is Outcome.FAILED or delivery.status >= 500:
            reason = delivery.error or _reason(delivery)
            self._change_lifecycle(e.Cause.UNREACHABLE, at, reason, self.attached.policy.unreachable)
        elif delivery.type is MessageType.HEARTBEAT and delivery.status == _REFUSED:
            self._change_lifecycle(e.Cause.HEARTBEAT_REFUSED, at, _reason(delivery))

    # Forecast plans

    def plan(self, planned: e.OscpForecastPlanned) -> None:
        self.emit(planned)

    def next_plan_id(self) -> str:
        return f"plan-{self.state.plan_count + 1}"

    def end_plan(self, plan_id: str, at: int, reason: str) -> None:
        if plan_id not in self.state.plans:
            raise NotFound(f"the session has no forecast plan {plan_id}", "list its plans to see their ids")
        self.emit(e.OscpForecastPlanEnded(at, plan_id, reason))

    def carry_out_plan(self, plan_id: str, at: int) -> CapacityForecast:
        """The forecast a plan sends now; the plan moves on to its next repetition, or ends."""
        plan = self.state.plans[plan_id]
        if plan.times == 1 or not plan.every_ms:
            self.emit(e.OscpForecastPlanEnded(at, plan_id, "sent"))
        else:
            steps = max(1, -((plan.due - at - 1) // plan.every_ms))
            self.emit(e.OscpForecastPlanMoved(at, _moved(plan, steps)))
        return CapacityForecast(self.attached.group_id, plan.type, plan.blocks)

    # Time

    def time_out(self, now: int) -> None:
        """End what has taken too long: a handshake, or the partner's silence."""
        for due in due_now(self.state, now):
            if due.act is not Act.TIME_OUT:
                continue
            if self.lifecycle in LIVE:
                self.emit(e.OscpSessionTimedOut(now, e.TimedOut.HEARTBEAT, due.at))
                self._change_lifecycle(e.Cause.HEARTBEAT_EXPIRED, now)
            else:
                self.emit(e.OscpSessionTimedOut(now, e.TimedOut.HANDSHAKE_ACKNOWLEDGE, due.at))
                self._change_lifecycle(e.Cause.HANDSHAKE_TIMED_OUT, now)

    def recover(self, now: int, in_flight: Container[str] = ()) -> list[e.OscpMessageOpened]:
        """After a restart: what was under way is closed as indeterminate and returned; what is overdue times out.

        Entries in `in_flight` are still being looked after.
        An acknowledgement in doubt ends the handshake: whether the partner has it cannot be known.
        """
        interrupted = [opened for opened in self.state.open.values() if opened.entry_id not in in_flight]
        for opened in interrupted:
            self.emit(e.OscpMessageClosed(now, opened.entry_id, Outcome.INDETERMINATE))
        in_doubt = any(opened.entry_id == self.state.acknowledgement_id for opened in interrupted)
        if in_doubt and self.lifecycle is Lifecycle.ACCEPTING_HANDSHAKE:
            self._change_lifecycle(e.Cause.RESTARTED, now, "the acknowledgement was under way")
        self.time_out(now)
        return interrupted

    # Steps

    def _complete_handshake(self, at: int) -> None:
        asked, wanted = self.state.asked_every_ms, self.state.partner_wants_every_ms
        if wanted is None and self.attached.profile.same_interval:
            wanted = asked
        self._negotiate(asked, wanted, at)
        self._change_lifecycle(e.Cause.HANDSHAKE_COMPLETED, at)

    def _negotiate(self, receive_every_ms: int | None, send_every_ms: int | None, at: int) -> None:
        configuration = self.attached.measurement_configuration
        self.emit(e.OscpBehaviourNegotiated(at, receive_every_ms, send_every_ms, configuration))

    def _change_lifecycle(
        self, cause: e.Cause, at: int, reason: str = "", chosen: Lifecycle | None = None, by: str = ""
    ) -> None:
        """Follow the table's row for this cause; `chosen` is the next state where the row leaves it to a setting."""
        row = transition(self.lifecycle, cause, chosen)
        if not row.is_recorded_after(self.state.cause):
            return
        self.emit(e.OscpLifecycleChanged(at, row.before, row.after, cause, reason, by))
        if row.before in LIVE and row.after not in LIVE:
            self.switch_heartbeats(True, at)
        health = STATES[row.after].health
        if health is not STATES[row.before].health:
            attached = self.attached
            self.emit(ProjectionStateChanged(at, attached.run_id, FAMILY, attached.managed_scope_id, health))


def stream_of(run_id: str, remote_configuration_id: str) -> str:
    return f"oscp-{run_id}-{remote_configuration_id}"


def _wants(message: Message | None) -> int | None:
    if isinstance(message, Handshake | HandshakeAcknowledge):
        return message.required_behaviour.heartbeat_interval_ms
    return None


def _reason(delivery: Delivery) -> str:
    return f"the partner answered {delivery.status}"


def _moved(plan: e.OscpForecastPlanned, steps: int) -> e.OscpForecastPlanned:
    shift = plan.every_ms * steps
    blocks = tuple(_shifted(block, shift) for block in plan.blocks) if plan.relative else plan.blocks
    left = max(1, plan.times - 1) if plan.times else 0
    return e.OscpForecastPlanned(
        at=plan.at,
        plan_id=plan.plan_id,
        due=plan.due + shift,
        type=ForecastType(plan.type),
        blocks=blocks,
        every_ms=plan.every_ms,
        times=left,
        relative=plan.relative,
    )


def _shifted(block: Block, shift: int) -> Block:
    return Block(block.start + shift, block.end + shift, block.capacity_milli, block.unit, block.phase)
