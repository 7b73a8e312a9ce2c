"""A session as a process holds it: with its overrides, its expectations, and the answers it gave last."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.overrides import ALL, Overrides
from depot_sim.domain.oscp.session import OscpCapacityProviderSession

Versions = tuple[int, int, int]
"""Of a session's own stream, its overrides and its expectations."""

_KEPT_ANSWERS = 64


class Given(NamedTuple):
    """The reply to the message of this digest; a future while the message is being processed."""

    digest: str
    reply: Reply | asyncio.Future[Reply]


class HostedSession:
    """A session and what surrounds it, as this process has it. Not to be used any more once `dropped`."""

    __slots__ = ("answers", "dropped", "expectations", "overrides", "saves_under_way", "session")

    def __init__(self, session: OscpCapacityProviderSession, overrides: Overrides, expectations: Expectations) -> None:
        self.session = session
        self.overrides = overrides
        self.expectations = expectations
        self.answers: OrderedDict[str, Given] = OrderedDict()
        self.dropped = False
        self.saves_under_way = 0

    @property
    def id(self) -> str:
        return self.session.attached.session_id

    def end(self, moment: Moment, reason: str) -> None:
        """End the session and all that was forced on it or expected of it. Does nothing when it has ended."""
        if self.session.is_active:
            self.session.detach(moment.target)
            self.overrides.clear(ALL, moment.target)
            self.expectations.retire_all(reason, moment)

    @property
    def versions(self) -> Versions:
        return self.session.version, self.overrides.version, self.expectations.version

    def remember(self, stream: str, answer: Given) -> None:
        """Keep an answer for those who send the same message again; the oldest ones are in the log only."""
        self.answers[stream] = answer
        if len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)
