"""Scenario control: overrides on what a target exchanges, and expectations of it.

A target is an OSCP session, a packet feed, whatever holds overrides and expectations; a run has it under a name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from depot_sim.application.repository import Origin
from depot_sim.application.run.live import LiveRuns
from depot_sim.application.scenario.views import (
    ExpectationView,
    OverridesChanged,
    OverrideView,
    expectation_view,
    override_view,
)
from depot_sim.domain.interaction.expectation_events import Moment, Verdict
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.override_requests import Clear, read_override_request
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound, ServiceStopping

T = TypeVar("T")

LONGEST_WAIT_SECONDS = 60


class Target(Protocol):
    """What can be forced, and what is expected of it."""

    @property
    def overrides(self) -> Overrides: ...

    @property
    def expectations(self) -> Expectations: ...


class Targets(Protocol):
    """The targets of one protocol family. `find` and `decide` raise NotFound for one the run does not have."""

    @property
    def family(self) -> Family: ...

    async def find(self, run_id: str, name: str) -> Target:
        """As it is at present; not to be changed, nor used after anything else was awaited."""

    async def decide(self, run_id: str, name: str, decision: Callable[[Target, Moment], T], origin: Origin) -> T:
        """Let `decision` change the target at its present moment, and save that; its result.

        It may be called again, on a target loaded anew, when somebody else wrote first. Raises RunHeldElsewhere.
        """

    def changed(self, run_id: str, name: str) -> asyncio.Event:
        """Is set at the target's next change."""


class ScenarioControl:
    """Of one family. Every method raises NotFound for a target the run does not have."""

    def __init__(self, targets: Targets, live: LiveRuns) -> None:
        self._targets = targets
        self._live = live
        self._waits: set[asyncio.Timeout] = set()
        self._is_stopping = False

    @property
    def family(self) -> Family:
        return self._targets.family

    async def change_overrides(self, run_id: str, name: str, request: Any, origin: Origin) -> OverridesChanged:
        """Apply an override, or clear some. Raises InvalidInput with every fault of the request."""
        await self._targets.find(run_id, name)
        seed = (await self._live.get(run_id)).started.seed

        def change(target: Target, moment: Moment) -> OverridesChanged:
            asked = read_override_request(request, self.family, moment.target, seed)
            if isinstance(asked, Clear):
                return OverridesChanged(name, "cleared", target.overrides.clear(asked.which, moment.target))
            return OverridesChanged(name, "active", (target.overrides.apply(asked, moment.target),))

        return await self._targets.decide(run_id, name, change, origin)

    async def overrides(self, run_id: str, name: str) -> list[OverrideView]:
        """The active ones, oldest first."""
        target = await self._targets.find(run_id, name)
        return [override_view(id, active) for id, active in target.overrides.active.items()]

    async def raise_expectation(self, run_id: str, name: str, request: Any, origin: Origin) -> ExpectationView:
        """Begin to wait. Raises InvalidInput with every fault of the request."""

        def raise_(target: Target, moment: Moment) -> ExpectationView:
            asked = read_expectation_request(request, self.family, moment)
            expectation_id = target.expectations.raise_(asked, moment)
            return expectation_view(expectation_id, _standing(target, expectation_id))

        return await self._targets.decide(run_id, name, raise_, origin)

    async def expectations(self, run_id: str, name: str) -> list[ExpectationView]:
        """Those waiting, then those settled last."""
        state = (await self._targets.find(run_id, name)).expectations.state
        return [expectation_view(id, standing) for id, standing in [*state.waiting.items(), *state.settled.items()]]

    async def expectation(self, run_id: str, name: str, expectation_id: str, wait_seconds: int = 0) -> ExpectationView:
        """How it stands; with a wait, the moment its verdict is known, or when the wait is over.

        Raises ServiceStopping when `stop_waiting` ends the wait.
        """
        if not 0 <= wait_seconds <= LONGEST_WAIT_SECONDS:
            raise InvalidInput([Fault("/wait", str(wait_seconds), f"0 to {LONGEST_WAIT_SECONDS} seconds")])
        _standing(await self._targets.find(run_id, name), expectation_id)
        if wait_seconds:
            await self._wait_for_verdict(run_id, name, expectation_id, wait_seconds)
        return expectation_view(expectation_id, _standing(await self._targets.find(run_id, name), expectation_id))

    async def _wait_for_verdict(self, run_id: str, name: str, expectation_id: str, seconds: int) -> None:
        timeout = asyncio.timeout(0 if self._is_stopping else seconds)
        try:
            async with timeout:
                self._waits.add(timeout)
                while True:
                    changed = self._targets.changed(run_id, name)
                    target = await self._targets.find(run_id, name)
                    if _standing(target, expectation_id).verdict is not Verdict.WAITING:
                        return
                    await changed.wait()
        except TimeoutError:
            if self._is_stopping:
                raise ServiceStopping("the service stopped before the verdict was known", "read it again") from None
        finally:
            self._waits.discard(timeout)

    def stop_waiting(self) -> None:
        """End every wait for a verdict, now and from now on."""
        self._is_stopping = True
        for timeout in self._waits:
            timeout.reschedule(0)  # of the loop's clock, so in the past

    async def retire_expectation(self, run_id: str, name: str, expectation_id: str, origin: Origin) -> ExpectationView:
        """Call it off. Raises Conflict when it has its verdict already."""

        def retire(target: Target, moment: Moment) -> ExpectationView:
            target.expectations.retire(expectation_id, "called off", moment)
            return expectation_view(expectation_id, _standing(target, expectation_id))

        return await self._targets.decide(run_id, name, retire, origin)


def _standing(target: Target, expectation_id: str) -> Standing:
    standing = target.expectations.find(expectation_id)
    if standing is None:
        raise NotFound(f"there is no expectation {expectation_id} here", "list the expectations to see their ids")
    return standing
