"""A session as this process has it: a channel that remembers the answers it gave last."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import NamedTuple

from depot_sim.application.channels.channel import RESET, Channel
from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.override_events import Override
from depot_sim.domain.oscp.directory import OscpSessionListed
from depot_sim.domain.oscp.segments import SEGMENT_COUNT, SEGMENT_INDEX
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle, SessionClock

_KEPT_ANSWERS = 64
_OF_SEGMENTS = frozenset({SEGMENT_INDEX.lower(), SEGMENT_COUNT.lower()})


class Given(NamedTuple):
    """The reply to the message of this digest; a future while the message is being processed."""

    digest: str
    reply: Reply | asyncio.Future[Reply]


class HostedSession(Channel[str]):
    """Found by the session's id."""

    def __init__(self, listed: OscpSessionListed) -> None:
        self.session = OscpCapacityProviderSession(listed.run_id, listed.remote_configuration_id)
        super().__init__(listed.session_id, listed.run_id, listed.session_id, self.session)
        self.answers: OrderedDict[str, Given] = OrderedDict()

    @property
    def is_on_run_time(self) -> bool:
        return self.session.attached.clock is SessionClock.RUN

    @property
    def is_online(self) -> bool:
        return self.session.lifecycle in LIVE

    def undo(self, moment: Moment) -> None:
        """Heartbeats go again. A session in a forced state goes offline, from where a handshake begins anew."""
        forced = self.session.state.forced
        self.session.switch_heartbeats(True, moment.target)
        if forced is not None and self.session.lifecycle is not Lifecycle.OFFLINE:
            self.session.force(Lifecycle.OFFLINE, moment.target, RESET, forced.intervention)

    def inert(self, override: Override) -> str:
        on_segments = any(one.header is not None and one.header.lower() in _OF_SEGMENTS for one in override.match.where)
        if on_segments and not self.session.attached.profile.segments:
            return f"no message matches: profile {self.session.attached.profile.name} has no segments"
        return ""

    def is_in_force(self, intervention_id: str) -> bool:
        state = self.session.state
        is_forced = state.forced is not None and state.forced.intervention == intervention_id
        return is_forced or state.heartbeats_held_by == intervention_id

    def force(self, lifecycle: Lifecycle, moment: Moment, reason: str) -> None:
        by = self.overrides.begin("force-state", reason, moment.target)
        self.session.force(lifecycle, moment.target, reason, by)

    def disconnect(self, moment: Moment, reason: str) -> None:
        by = self.overrides.begin("disconnect", reason, moment.target)
        self.session.disconnect(moment.target, reason, by)

    def switch_heartbeats(self, sending: bool, moment: Moment, reason: str) -> None:
        """Held back again, they are held back by the later intervention."""
        self.session.switch_heartbeats(True, moment.target)
        if not sending:
            by = self.overrides.begin("switch-heartbeats", reason, moment.target)
            self.session.switch_heartbeats(False, moment.target, by)

    def catch_up(self, moment: Moment) -> None:
        self.session.time_out(moment.target)

    def end(self, moment: Moment, reason: str) -> None:
        """End the session and all that was forced on it or expected of it. Does nothing when it has ended."""
        if self.session.is_active:
            self.session.detach(moment.target)
            self.overrides.clear_all(moment.target)
            self.expectations.retire_all(reason, moment)

    def remember(self, stream: str, answer: Given) -> None:
        """Keep an answer for those who send the same message again; the oldest ones are in the log only."""
        self.answers[stream] = answer
        if len(self.answers) > _KEPT_ANSWERS:
            self.answers.popitem(last=False)
