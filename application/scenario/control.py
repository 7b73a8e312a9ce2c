"""Scenario control: overrides on what a session exchanges, and expectations of it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from application.oscp.sessions import HostedSession, OscpSessions
from application.oscp.time import SessionTime
from application.repository import Origin
from application.run.live import LiveRuns
from domain.errors import Fault, InvalidInput, NotFound
from domain.oscp.times import format_instant
from domain.scenario.effects import AnyEffect
from domain.scenario.expectation_events import Expectation, Moment, NearMiss, Verdict
from domain.scenario.expectation_requests import read_expectation_request
from domain.scenario.oscp_modes import OSCP
from domain.scenario.override_events import Match
from domain.scenario.override_requests import Clear, read_override_request
from domain.scenario.overrides import ActiveOverride
from domain.scenario.standing import Standing

LONGEST_WAIT_SECONDS = 60


class OverridesChanged(msgspec.Struct, frozen=True):
    """`override_state` is "active" after an override was applied, "cleared" after some were cleared."""

    session_id: str
    override_state: str
    override_ids: tuple[str, ...]


class OverrideView(msgspec.Struct, frozen=True):
    """`seen` counts messages its match fits, `hits` those it treated."""

    override_id: str
    mode: str
    match: Match
    effect: AnyEffect
    applied_at: str
    until: str
    times: int | None
    seen: int
    hits: int


class ExpectationView(msgspec.Struct, frozen=True):
    """`met_by` are ledger entries; `nearest` tells, of a missed one, what came closest, field by field."""

    expectation_id: str
    verdict: Verdict
    title: str
    cause: str
    expectation: Expectation
    raised_at: str
    deadline: str
    settled_at: str | None
    counts: tuple[int, ...]
    met_by: tuple[str, ...]
    reason: str
    nearest: tuple[NearMiss, ...]


class ScenarioControl:
    """Every method raises NotFound for a session the run does not have."""

    def __init__(self, sessions: OscpSessions, live: LiveRuns, time: SessionTime) -> None:
        self._sessions = sessions
        self._live = live
        self._time = time

    async def change_overrides(self, run_id: str, session_id: str, request: Any, origin: Origin) -> OverridesChanged:
        """Apply an override, or clear some. Raises InvalidInput with every fault of the request."""
        hosted = await self._sessions.find(run_id, session_id)
        seed = (await self._live.get(run_id)).started.seed
        asked = read_override_request(request, OSCP, (await self._time.moment(hosted.session.attached)).session, seed)

        def change(hosted: HostedSession, moment: Moment) -> OverridesChanged:
            if isinstance(asked, Clear):
                return OverridesChanged(session_id, "cleared", hosted.overrides.clear(asked.which, moment.session))
            return OverridesChanged(session_id, "active", (hosted.overrides.apply(asked, moment.session),))

        return await self._sessions.decide(session_id, change, origin=origin)

    async def overrides(self, run_id: str, session_id: str) -> list[OverrideView]:
        """The active ones, oldest first."""
        hosted = await self._sessions.find(run_id, session_id)
        return [_override_view(id, active) for id, active in hosted.overrides.active.items()]

    async def raise_expectation(self, run_id: str, session_id: str, request: Any, origin: Origin) -> ExpectationView:
        """Begin to wait. Raises InvalidInput with every fault of the request."""
        hosted = await self._sessions.find(run_id, session_id)
        asked = read_expectation_request(request, OSCP, await self._time.moment(hosted.session.attached))

        def raise_(hosted: HostedSession, moment: Moment) -> ExpectationView:
            expectation_id = hosted.expectations.raise_(asked, moment)
            return _expectation_view(expectation_id, _standing(hosted, expectation_id))

        return await self._sessions.decide(session_id, raise_, origin=origin)

    async def expectations(self, run_id: str, session_id: str) -> list[ExpectationView]:
        """Those waiting, then those settled last."""
        hosted = await self._sessions.find(run_id, session_id)
        state = hosted.expectations.state
        return [_expectation_view(id, standing) for id, standing in [*state.waiting.items(), *state.settled.items()]]

    async def expectation(
        self, run_id: str, session_id: str, expectation_id: str, wait_seconds: int = 0
    ) -> ExpectationView:
        """How it stands; with a wait, the moment its verdict is known, or when the wait is over."""
        if not 0 <= wait_seconds <= LONGEST_WAIT_SECONDS:
            raise InvalidInput([Fault("/wait", str(wait_seconds), f"0 to {LONGEST_WAIT_SECONDS} seconds")])
        hosted = await self._sessions.find(run_id, session_id)
        _standing(hosted, expectation_id)
        try:
            async with asyncio.timeout(wait_seconds or None):
                while wait_seconds:
                    changed = self._sessions.changed(session_id)
                    hosted = await self._sessions.find(run_id, session_id)
                    if _standing(hosted, expectation_id).verdict is not Verdict.WAITING:
                        break
                    await changed.wait()
        except TimeoutError:
            hosted = await self._sessions.find(run_id, session_id)
        return _expectation_view(expectation_id, _standing(hosted, expectation_id))

    async def retire_expectation(
        self, run_id: str, session_id: str, expectation_id: str, origin: Origin
    ) -> ExpectationView:
        """Call it off. Raises Conflict when it has its verdict already."""

        def retire(hosted: HostedSession, moment: Moment) -> ExpectationView:
            hosted.expectations.retire(expectation_id, "called off", moment)
            return _expectation_view(expectation_id, _standing(hosted, expectation_id))

        await self._sessions.find(run_id, session_id)
        return await self._sessions.decide(session_id, retire, origin=origin)


def _standing(hosted: HostedSession, expectation_id: str) -> Standing:
    standing = hosted.expectations.find(expectation_id)
    if standing is None:
        raise NotFound(f"the session has no expectation {expectation_id}", "list its expectations to see their ids")
    return standing


def _override_view(override_id: str, active: ActiveOverride) -> OverrideView:
    override = active.override
    return OverrideView(
        override_id,
        override.mode,
        override.match,
        override.effect,
        format_instant(active.applied_at),
        format_instant(override.until),
        override.times,
        active.seen,
        active.hits,
    )


def _expectation_view(expectation_id: str, standing: Standing) -> ExpectationView:
    expectation = standing.expectation
    return ExpectationView(
        expectation_id,
        standing.verdict,
        expectation.title,
        expectation.cause,
        expectation,
        format_instant(standing.raised_at),
        format_instant(expectation.deadline),
        None if standing.settled_at is None else format_instant(standing.settled_at),
        standing.counts,
        tuple(standing.met_by),
        standing.reason,
        standing.nearest,
    )
