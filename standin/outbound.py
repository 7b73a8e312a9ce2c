"""Messages to the capacity provider: headers, sending, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import aiohttp
from msgspec import Struct

from depot_sim.standin.journal import Entry, Journal
from depot_sim.standin.misbehaviour import Action, Direction, Misbehaviour
from depot_sim.standin.profile import Profile
from depot_sim.standin.wire import CONFIGURATION_ID, CORRELATION_ID, REQUEST_ID, Message

_BODY_SHOWN = 2_000


class Letter(Struct, frozen=True):
    """A message on its way out, whole."""

    message: Message
    headers: dict[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        return self.headers.get(REQUEST_ID)

    @property
    def correlation_id(self) -> str | None:
        return self.headers.get(CORRELATION_ID)


class Delivery(Struct, frozen=True):
    """What came of a letter: the peer's answer, or the error that kept it from answering."""

    message: Message
    request_id: str | None
    correlation_id: str | None
    status: int | None = None
    body: str = ""
    error: str | None = None

    @property
    def accepted(self) -> bool:
        """OSCP knows one success."""
        return self.status == 204

    @property
    def outcome(self) -> str:
        return self.error or f"answered {self.status}"


def new_request_id() -> str:
    return str(uuid4())


def headers_for(
    configuration_id: str, profile: Profile, *, request_id: str, correlation_id: str | None = None
) -> dict[str, str]:
    """The headers a correct message has."""
    headers = {"Content-Type": "application/json", **profile.headers}
    headers |= {CONFIGURATION_ID: configuration_id, REQUEST_ID: request_id}
    if correlation_id is not None:
        headers[CORRELATION_ID] = correlation_id
    if profile.authorization is not None:
        headers["Authorization"] = profile.authorization
    return headers


def changed(headers: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    """With a tester's changes, whatever their case; None takes a header away."""
    names = {name.lower() for name in changes}
    kept = {name: value for name, value in headers.items() if name.lower() not in names}
    return kept | {name: value for name, value in changes.items() if value is not None}


@dataclass(frozen=True)
class Sender:
    """Sends one connection's letters, as well or as badly as it is told."""

    session: aiohttp.ClientSession
    profile: Profile
    journal: Journal
    misbehaviour: Misbehaviour
    clock: Callable[[], datetime]

    async def send(self, letter: Letter) -> Delivery:
        """Never raises for what the network or the peer does."""
        rule = self.misbehaviour.take(Direction.OUTBOUND, letter.message)
        if rule and rule.seconds:
            await asyncio.sleep(rule.seconds)
        action = rule.action if rule else None
        if action is Action.DUPLICATE:
            await self._send_once(letter, action)
        return await self._send_once(letter, action)

    async def _send_once(self, letter: Letter, action: Action | None) -> Delivery:
        entry = self.journal.note(
            Entry(
                self.clock(),
                Direction.OUTBOUND,
                letter.message,
                letter.request_id,
                letter.correlation_id,
                letter.body.decode(errors="replace"),
                misbehaviour=action,
            )
        )
        delivery = await self._attempt(letter, action)
        entry.conclude(delivery.status, delivery.error)
        return delivery

    async def _attempt(self, letter: Letter, action: Action | None) -> Delivery:
        sent = letter.message, letter.request_id, letter.correlation_id
        if self.misbehaviour.outage or action is Action.DROP:
            return Delivery(*sent, error="network outage" if self.misbehaviour.outage else "dropped")
        try:
            status, body = await self._post(letter)
        except TimeoutError:
            return Delivery(*sent, error=f"no answer within {self.profile.request_timeout:g} s")
        except (aiohttp.ClientError, ValueError) as problem:
            return Delivery(*sent, error=f"{type(problem).__name__}: {problem}")
        return Delivery(*sent, status, body)

    async def _post(self, letter: Letter) -> tuple[int, str]:
        url = f"{self.profile.cp_base_url}/{letter.message}"
        timeout = aiohttp.ClientTimeout(total=self.profile.request_timeout)
        async with self.session.post(
            url, data=letter.body, headers=letter.headers, timeout=timeout, allow_redirects=False
        ) as answer:
            content = await answer.content.read(_BODY_SHOWN)
            return answer.status, content.decode(errors="replace")
