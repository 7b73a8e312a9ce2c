"""The lifecycle against a small model, whatever happens in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from depot_sim.standin.connection import Connection, Lifecycle, Refusal
from depot_sim.standin.constraint import Mode, Source
from depot_sim.standin.profile import Profile
from depot_sim.standin.wire import ForecastedBlock, ForecastType, GroupCapacityForecast, Heartbeat, Phase, Unit
from tests.full_set import examples


class Life(RuleBasedStateMachine):
    """Follows where the connection has to stand, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 4, 2, 12, tzinfo=UTC)
        self.connection = Connection("c", Profile(cp_base_url="http://cp/oscp", group_id="g"))
        self.expected = Lifecycle.CONFIGURED
        self.number = 0

    @property
    def stands(self) -> bool:
        return self.expected in (Lifecycle.HANDSHAKEN, Lifecycle.ONLINE)

    @rule(acknowledged=st.booleans())
    def handshake_of_theirs(self, acknowledged: bool) -> None:
        welcome = self.expected in (Lifecycle.CONFIGURED, Lifecycle.OFFLINE)
        assert self._is_accepted(lambda: self.connection.receive_handshake("theirs", None, self.now)) == welcome
        self.connection.conclude_offer("theirs", None if acknowledged else "answered 503", self.now)
        if welcome:
            self.expected = Lifecycle.HANDSHAKEN if acknowledged else Lifecycle.OFFLINE
        elif self.stands:
            self.expected = Lifecycle.OFFLINE

    @rule()
    def handshake_of_ours(self) -> None:
        if self.expected in (Lifecycle.CONFIGURED, Lifecycle.OFFLINE):
            self.number += 1
            self.connection.begin_handshake(f"ours-{self.number}", self.now)
            self.expected = Lifecycle.AWAITING_ACKNOWLEDGE

    @rule(age=st.integers(0, 1))
    def acknowledge(self, age: int) -> None:
        welcome = self.expected is Lifecycle.AWAITING_ACKNOWLEDGE and age == 0
        correlation = f"ours-{self.number - age}"
        assert self._is_accepted(lambda: self.connection.receive_acknowledge(correlation, None, self.now)) == welcome
        self.expected = Lifecycle.HANDSHAKEN if welcome else self.expected

    @rule(age=st.integers(0, 1))
    def handshake_fails(self, age: int) -> None:
        self.connection.fail_handshake(f"ours-{self.number - age}", "answered 503", self.now)
        if self.expected is Lifecycle.AWAITING_ACKNOWLEDGE and age == 0:
            self.expected = Lifecycle.OFFLINE

    @rule(good_for=st.integers(1, 60))
    def heartbeat(self, good_for: int) -> None:
        heartbeat = Heartbeat(self.now + timedelta(seconds=good_for))
        assert self._is_accepted(lambda: self.connection.receive_heartbeat(heartbeat, self.now)) == self.stands
        self.expected = Lifecycle.ONLINE if self.stands else self.expected

    @rule(type=st.sampled_from(ForecastType), length=st.integers(1, 90))
    def forecast(self, type: ForecastType, length: int) -> None:
        end = self.now + timedelta(seconds=length)
        body = GroupCapacityForecast("g", type, [ForecastedBlock(100, Phase.ALL, Unit.KW, self.now, end)])
        assert self._is_accepted(lambda: self.connection.receive_forecast(body, "f", self.now)) == self.stands

    @rule(seconds=st.integers(1, 40))
    def time_passes(self, seconds: int) -> None:
        deadline, self.now = self.connection.next_deadline(self.now), self.now + timedelta(seconds=seconds)
        before = self.connection.lifecycle, self.connection.scope.constraint
        expires = self._lifecycle_deadline()
        self.connection.advance(self.now)
        if expires and expires <= self.now:
            self.expected = Lifecycle.OFFLINE
        if deadline is None or deadline > self.now:
            assert before == (self.connection.lifecycle, self.connection.scope.constraint), "no deadline foretold it"

    @rule()
    def disconnect(self) -> None:
        self.connection.disconnect(self.now)
        self.expected = Lifecycle.CONFIGURED
        assert self.connection.scope.constraint.mode is Mode.LOCAL

    @invariant()
    def the_connection_stands_where_the_model_says(self) -> None:
        self.connection.advance(self.now)
        assert self.connection.lifecycle is self.expected

    @invariant()
    def fallback_mode_and_an_open_incident_are_one(self) -> None:
        self.connection.advance(self.now)
        constraint, history = self.connection.scope.constraint, self.connection.history
        assert (constraint.mode is Mode.FALLBACK) == (history.open_incident is not None)
        assert self.expected is not Lifecycle.OFFLINE or Source.PRIMARY not in constraint.sources

    def _lifecycle_deadline(self) -> datetime | None:
        if self.connection.pending:
            return self.connection.pending.deadline
        return self.connection.offline_at if self.stands else None

    @staticmethod
    def _is_accepted(receive: object) -> bool:
        assert callable(receive)
        try:
            receive()
        except Refusal:
            return False
        return True


Life.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30)
TestLife = Life.TestCase
