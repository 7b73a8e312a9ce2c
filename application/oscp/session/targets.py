"""OSCP sessions as targets of scenario control."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.repository import Origin
from depot_sim.application.scenario.control import Target
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.oscp.named_faults import OSCP

T = TypeVar("T")


class OscpTargets:
    """By session id."""

    family: Family = OSCP

    def __init__(self, sessions: OscpSessions) -> None:
        self._sessions = sessions

    async def find(self, run_id: str, name: str) -> HostedSession:
        return await self._sessions.find(run_id, name)

    async def decide(self, run_id: str, name: str, decision: Callable[[Target, Moment], T], origin: Origin) -> T:
        await self._sessions.find(run_id, name)
        return await self._sessions.decide(name, decision, origin=origin)

    def changed(self, run_id: str, name: str) -> asyncio.Event:  # noqa: ARG002 - a session's id is enough
        return self._sessions.changed(name)
