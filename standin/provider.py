"""The flexibility provider: its connections, and the messages that belong to none of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime

import aiohttp
from msgspec import Struct

from depot_sim.standin.link import Link
from depot_sim.standin.profile import Profile
from depot_sim.standin.tokens import Gatekeeper

_STRAYS_KEPT = 200


def wall_clock() -> datetime:
    return datetime.now(UTC)


class Stray(Struct, frozen=True):
    """A message that was refused before any connection saw it."""

    at: datetime
    message: str
    configuration_id: str | None
    request_id: str | None
    status: int
    reason: str


class Provider:
    """Everything one process of the stand-in holds; all of it is in memory."""

    def __init__(self, session: aiohttp.ClientSession, gatekeeper: Gatekeeper) -> None:
        self.gatekeeper = gatekeeper
        self.strays: deque[Stray] = deque(maxlen=_STRAYS_KEPT)
        self._session = session
        self._links: dict[str, Link] = {}

    def links(self) -> Iterable[Link]:
        return self._links.values()

    def link(self, configuration_id: str) -> Link | None:
        return self._links.get(configuration_id)

    async def connect(self, configuration_id: str, profile: Profile) -> Link:
        """Configure a connection; one of that id starts anew."""
        await self.forget(configuration_id)
        link = self._links[configuration_id] = Link(configuration_id, profile, self._session, wall_clock)
        link.open()
        return link

    async def forget(self, configuration_id: str) -> bool:
        """Whether there was such a connection."""
        link = self._links.pop(configuration_id, None)
        if link:
            await link.close()
        return link is not None

    async def close(self) -> None:
        for configuration_id in list(self._links):
            await self.forget(configuration_id)
