"""Overrides on what a channel exchanges, and expectations of it, as people and scripted steps ask for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any, Protocol, TypeVar

from depot_sim.application.channels.channel import Channel
from depot_sim.application.channels.deliveries import Deliveries, Due
from depot_sim.application.channels.store import ChannelStore
from depot_sim.application.channels.views import (
    ChannelReset,
    ExpectationView,
    OverridesChanged,
    OverrideView,
    expectation_view,
    override_view,
)
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import CommittedRuns
from depot_sim.application.subscription import Tail
from depot_sim.domain.interaction.expectation_events import Moment, NearMiss, Verdict
from depot_sim.domain.interaction.expectation_requests import read_expectation_request, read_step_request
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.override_requests import Clear, read_override_request
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound, ServiceStopping

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 60


class Decide(Protocol):
    """Lets a decision change a channel, and saves that, as `ChannelStore.decide` does."""

    async def __call__(self, key: Any, decision: Callable[[Any, Moment], T], *, origin: Origin | None = None) -> T: ...


Act = Callable[[Any, Any, Origin], Awaitable[object]]
"""Carries out an action, one of the Structs in `Family.actions`, on the channel with a key."""


class ChannelControl:
    """Of one family's channels, by the names that they have in their runs. `act` carries out the family's own actions.

    Every method raises NotFound for a channel that the run does not have.
    """

    def __init__(
        self,
        family: Family,
        channels: ChannelStore[Any, Any],
        decide: Decide,
        runs: CommittedRuns,
        tail: Tail,
        act: Act | None = None,
        deliveries: Deliveries | None = None,
    ) -> None:
        self.family = family
        self.channels = channels
        self._decide = decide
        self._runs = runs
        self._tail = tail
        self._act = act
        self.deliveries = deliveries
        self._waits: set[asyncio.Timeout] = set()
        self._is_stopping = False

    async def names(self, run_id: str) -> Sequence[str]:
        """Of the run's channels, in a fixed order."""
        return await self.channels.names(run_id)

    async def change_overrides(self, run_id: str, name: str, request: Any, origin: Origin) -> OverridesChanged:
        """Apply an override, or clear some. Raises InvalidInput with every fault of the request."""
        channel = await self.channels.find(run_id, name)
        seed = (await self._runs.get(run_id)).started.seed

        def change(channel: Channel[Any], moment: Moment) -> OverridesChanged:
            asked = read_override_request(request, self.family, moment.target, seed)
            if isinstance(asked, Clear):
                return OverridesChanged(name, "cleared", channel.overrides.clear(asked.which, moment.target))
            applied, inert = channel.overrides.apply(asked, moment.target), channel.inert(asked)
            return OverridesChanged(name, "active", (applied,), (inert,) if inert else ())

        return await self._decide(channel.key, change, origin=origin)

    async def reset(self, run_id: str, origin: Origin) -> list[ChannelReset]:
        """End all interventions in the run's channels, and call off all that is expected of them."""
        found = []
        for name in await self.names(run_id):
            channel = await self.channels.find(run_id, name)
            if not channel.is_quiet:
                reset = await self._decide(channel.key, type(channel).reset, origin=origin)
                found.append(ChannelReset(self.family.target_kind, name, *reset))
        return found

    async def act(self, run_id: str, name: str, action: Any, origin: Origin) -> None:
        """Carry out one of the family's own actions on a channel. Raises what the action raises."""
        assert self._act is not None, "a family with actions carries them out"
        channel = await self.channels.find(run_id, name)
        await self._act(channel.key, action, origin)

    async def overrides(self, run_id: str, name: str) -> list[OverrideView]:
        """The active ones, oldest first."""
        channel = await self.channels.find(run_id, name)
        return [override_view(id, active) for id, active in channel.overrides.active.items()]

    async def raise_expectation(self, run_id: str, name: str, request: Any, origin: Origin) -> ExpectationView:
        """Begin to wait; an expectation that cannot be met is closed at once. Raises InvalidInput with every fault."""

        def raise_(channel: Channel[Any], moment: Moment) -> ExpectationView:
            asked = read_expectation_request(request, self.family, moment)
            expectation_id = channel.expect(asked, moment)
            return expectation_view(expectation_id, _standing(channel, expectation_id))

        return await self._decide((await self.channels.find(run_id, name)).key, raise_, origin=origin)

    async def nearest(self, run_id: str, name: str, request: Any) -> tuple[NearMiss, ...]:
        """The messages that came nearest to the one asked for. Raises InvalidInput with every fault of the request."""
        step = read_step_request(request, self.family)
        channel: Channel[Any] = await self.channels.find(run_id, name)
        return channel.expectations.nearest_to(step)

    async def expectations(self, run_id: str, name: str) -> list[ExpectationView]:
        """Those waiting, then those settled last."""
        state = (await self.channels.find(run_id, name)).expectations.state
        return [expectation_view(id, standing) for id, standing in [*state.waiting.items(), *state.settled.items()]]

    async def expectation(self, run_id: str, name: str, expectation_id: str, wait_seconds: int = 0) -> ExpectationView:
        """How it stands; with a wait, the moment its verdict is known, or when the wait is over.

        Raises ServiceStopping when `stop_waiting` ends the wait.
        """
        if not 0 <= wait_seconds <= LONGEST_WAIT_SECONDS:
            raise InvalidInput([Fault("/wait", str(wait_seconds), f"0 to {LONGEST_WAIT_SECONDS} seconds")])
        channel = await self.channels.find(run_id, name)
        standing = _standing(channel, expectation_id)
        if wait_seconds and standing.verdict is Verdict.WAITING:
            standing = await self._verdict(channel.id, expectation_id, wait_seconds) or standing
        return expectation_view(expectation_id, standing)

    async def _verdict(self, target: str, expectation_id: str, seconds: int) -> Standing | None:
        """How it stands as soon as the log has its verdict, whichever process gave it, or when the wait is over."""
        timeout = asyncio.timeout(0 if self._is_stopping else seconds)
        expectations = Expectations(target)
        try:
            async with timeout, aclosing(self._tail.follow(expectations)) as changes:
                self._waits.add(timeout)
                async for _ in changes:
                    standing = expectations.find(expectation_id)
                    if standing is not None and standing.verdict is not Verdict.WAITING:
                        return standing
        except TimeoutError:
            if self._is_stopping:
                raise ServiceStopping("the service stopped before the verdict was known", "read it again") from None
        finally:
            self._waits.discard(timeout)
        return expectations.find(expectation_id)

    def stop_waiting(self) -> None:
        """End every wait for a verdict, now and from now on."""
        self._is_stopping = True
        for timeout in self._waits:
            timeout.reschedule(0)  # of the loop's clock, so in the past

    async def retire_expectation(self, run_id: str, name: str, expectation_id: str, origin: Origin) -> ExpectationView:
        """Call it off. Raises Conflict when it has its verdict already."""

        def retire(channel: Channel[Any], moment: Moment) -> ExpectationView:
            channel.expectations.retire(expectation_id, "called off", moment)
            return expectation_view(expectation_id, _standing(channel, expectation_id))

        return await self._decide((await self.channels.find(run_id, name)).key, retire, origin=origin)


class Controls:
    """The controls of all families there are in this process, by the kind of their targets in scenarios.

    Everyone in `on_change` is told of every changed channel of every family.
    """

    def __init__(self) -> None:
        self._controls: dict[str, ChannelControl] = {}
        self.on_change: list[Callable[[Channel[Any]], None]] = []

    def add(self, kind: str, control: ChannelControl) -> None:
        self._controls[kind] = control
        control.channels.on_change.append(self._notify_changed)

    def _notify_changed(self, channel: Channel[Any]) -> None:
        for notify in self.on_change:
            notify(channel)

    def of(self, kind: str) -> ChannelControl:
        control = self._controls.get(kind)
        if control is None:
            raise NotFound(f"there is no {kind} here", "play this scenario on a run of a service")
        return control

    async def reset(self, run_id: str, origin: Origin) -> list[ChannelReset]:
        """End all interventions in a run, and call off all expectations; what each target that had any was rid of."""
        return [reset for control in self._controls.values() for reset in await control.reset(run_id, origin)]

    async def wait_until_open(self, run_id: str) -> None:
        """Return when the channels that open with their run are open. As `Deliveries.wait_until_open`."""
        for deliveries in self._deliveries():
            await deliveries.wait_until_open(run_id)

    def deliver(self, run_id: str) -> bool:
        """Whether the run has channels here that deliver something by themselves."""
        return any(deliveries.concern(run_id) for deliveries in self._deliveries())

    async def left_to_deliver(self, due: Due) -> int:
        """How much of it is still to be delivered on all channels. As `Deliveries.left`."""
        return sum([await deliveries.left(due) for deliveries in self._deliveries()])

    async def undelivered(self, due: Due) -> Sequence[str]:
        """What was not delivered on any channel, and why, in sentences."""
        return [sentence for deliveries in self._deliveries() for sentence in await deliveries.undelivered(due)]

    def _deliveries(self) -> Iterator[Deliveries]:
        return (control.deliveries for control in self._controls.values() if control.deliveries is not None)

    async def names(self, run_id: str) -> dict[str, Sequence[str]]:
        """The names of the run's channels by their kind."""
        return {kind: await control.names(run_id) for kind, control in self._controls.items()}


def _standing(channel: Channel[Any], expectation_id: str) -> Standing:
    standing = channel.expectations.find(expectation_id)
    if standing is None:
        raise NotFound(f"there is no expectation {expectation_id} here", "list the expectations to see their ids")
    return standing
