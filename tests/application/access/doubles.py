"""A limit and an audit of refused requests for tests of what uses them."""

from __future__ import annotations

from application.access.refusals import RefusedRequest
from application.event_log import Journal
from application.http import Mask
from application.ids import IdSource
from application.oscp.refusing import RefusedMessages
from application.oscp.time import SessionTime


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
