"""A limit and an audit of refused requests for tests of what uses them."""

from __future__ import annotations

from depot_sim.application.access.refusals import RefusedRequest
from depot_sim.application.event_log import Journal
from depot_sim.application.http import Mask
from depot_sim.application.ids import IdSource
from depot_sim.application.oscp.inbound.refusing import RefusedMessages
from depot_sim.application.oscp.session.time import SessionTime


class NoLimit:
    """Lets every sender send as many as it likes, unless `wait` is set."""

    def __init__(self) -> None:
        self.wait = 0
        self.asked: list[str] = []

    def take(self, sender: str) -> int:
        self.asked.append(sender)
        return self.wait


class CountedRefusals:
    """Keeps what was noted."""

    def __init__(self) -> None:
        self.noted: list[RefusedRequest] = []

    def note(self, refused: RefusedRequest) -> None:
        self.noted.append(refused)


def unlimited(time: SessionTime, ids: IdSource, journal: Journal, mask: Mask) -> RefusedMessages:
    return RefusedMessages(time, ids, journal, mask, NoLimit(), CountedRefusals())
