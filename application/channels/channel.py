"""A channel: one end of a partnership with a partner or platform, as this process has it in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from depot_sim.application.event_log import Fence
from depot_sim.domain.interaction.expectation_events import Clock, Expectation, Moment
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.override_events import Ended, Override
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event

NOT_ONLINE = "it needs a target that is online, and this one is offline"

K = TypeVar("K")

RESET = "reset"
"""The reason why a reset called an expectation off."""

Deadline = tuple[Clock, int]
"""A moment in ms since 1970 UTC, and the clock it is on."""


class Reset(NamedTuple):
    """The ids of the interventions that a reset ended, and of the expectations that it retired."""

    ended: tuple[str, ...]
    retired: tuple[str, ...]


class Channel(Generic[K]):
    """The aggregate of a protocol family, with what overrides force on it and what is expected of it.

    `key` finds it in its store; `id` names it in the log. `fence` is that of the lease under which only this process
    writes it, None where any process may. `durable` is the version of the aggregate that the log has reached.
    A channel that is `dropped` may be ahead of the log: it is not to be used any more.
    """

    def __init__(self, key: K, run_id: str, id: str, aggregate: Aggregate[Any]) -> None:
        self.key = key
        self.run_id = run_id
        self.id = id
        self.aggregate = aggregate
        self.overrides = Overrides(id, run_id)
        self.expectations = Expectations(id)
        self.beside: list[Aggregate[Any]] = []
        self.fence: Fence | None = None
        self.durable = 0
        self.dropped = False
        self.overrides.basis = self.expectations.basis = aggregate.basis

    @property
    def aggregates(self) -> tuple[Aggregate[Any], Overrides, Expectations]:
        return self.aggregate, self.overrides, self.expectations

    @property
    def versions(self) -> tuple[int, ...]:
        return self.aggregate.version, self.overrides.version, self.expectations.version

    @property
    def is_on_run_time(self) -> bool:
        """Whether its own clock is the logical time of its run; else it is the wall's."""
        return True

    @property
    def is_online(self) -> bool:
        """Whether messages can be exchanged. Expectations that require it end when this becomes False."""
        return True

    def save_with(self, *others: Aggregate[Any]) -> None:
        """Have other aggregates saved in the same append as the decision that is being made."""
        self.beside += others

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is done to it on purpose, and nothing expected of it."""
        state = self.overrides.state
        return not (state.active or state.begun or self.expectations.waiting)

    def expect(self, expectation: Expectation, moment: Moment) -> str:
        """Begin to wait; the id. What can never be met is closed at once, with the reason. Raises Conflict."""
        expectation_id = self.expectations.raise_(expectation, moment)
        reason = self.unmeetable(expectation)
        if reason:
            self.expectations.retire(expectation_id, reason, moment)
        return expectation_id

    def end_interventions(self, moment: Moment) -> None:
        """Commands whose effect is over have ended."""
        for intervention_id in [id for id in self.overrides.state.begun if not self.is_in_force(id)]:
            self.overrides.end(intervention_id, moment.target, Ended.OVER)

    def reset(self, moment: Moment) -> Reset:
        """End every intervention with what it switched, and call off every expectation."""
        state = self.overrides.state
        ended = (*state.active, *state.begun)
        self.undo(moment)
        self.overrides.clear_all(moment.target)
        return Reset(ended, self.expectations.retire_all(RESET, moment))

    # What families add

    def unmeetable(self, expectation: Expectation) -> str:
        """Why the expectation cannot be met as the channel stands; "" when it can."""
        return NOT_ONLINE if expectation.requires_online and not self.is_online else ""

    def undo(self, moment: Moment) -> None:
        """Take back what commands have switched, when everything is reset."""

    def inert(self, override: Override) -> str:  # noqa: ARG002 - families know
        """Why this override can never match or change a message of this channel; "" when it can."""
        return ""

    def is_in_force(self, intervention_id: str) -> bool:  # noqa: ARG002 - families know
        """Whether anything is left of what a command switched."""
        return True

    def catch_up(self, moment: Moment) -> None:
        """Before every decision: end what is over by now, so that it does not go on because its timer is late."""

    def deadlines(self) -> Iterator[Deadline]:
        """When `settle` has something to do."""
        if self.overrides.active:
            yield Clock.TARGET, self.overrides.next_deadline() or 0
        if self.expectations.waiting:
            yield from self.expectations.next_deadline().items()

    def settle(self, moment: Moment) -> None:
        """End overrides whose time is over, and give expectations their verdicts whose deadline has come."""
        self.overrides.expire(moment.target)
        self.expectations.expire(moment)

    def saved(self, events: Sequence[Event], first_version: int) -> None:
        """These events of the aggregate are in the log now; the first of them has this version."""
