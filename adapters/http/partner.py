"""Requests to partners over aiohttp: proven, bounded in time and size, and with every failure told in words."""

from __future__ import annotations

import time
from collections.abc import Callable

from depot_sim.adapters.http.authorization import AUTHORIZATION, Authorizer, secret_header_names
from depot_sim.adapters.http.exchange import Answer, exchange
from depot_sim.adapters.http.network_faults import FAULTS, Patience, told
from depot_sim.adapters.http.oauth2 import NoToken
from depot_sim.adapters.http.secrets import Secrets
from depot_sim.adapters.http.sessions import HttpSessions
from depot_sim.application.http import Headers, HttpResult, Outgoing
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.credentials import Authorization
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.masking import masked, masked_by_value, masked_members

_USER_AGENT = ("User-Agent", "depot-sim")
_UNAUTHORISED = 401


class AiohttpPartner:
    """Every partner of this process. `close` ends its connections; what is posted after that fails.

    Of the headers sent, Host and Content-Length are not told. `monotonic` is the clock that tokens expire by.
    """

    def __init__(self, secrets: Secrets, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._secrets = secrets
        self._sessions = HttpSessions(secrets)
        self._authorizer = Authorizer(secrets, self._sessions, monotonic)

    async def post(self, outgoing: Outgoing) -> HttpResult:
        """Status 0 and an error for whatever keeps the partner from answering, its credentials included.

        What is returned may be recorded: secrets are masked.

        The timeouts hold for every request it takes: that for a token, and that with a new token after a 401, as well.
        """
        headers = outgoing.headers
        patience = Patience(outgoing.connect_timeout_ms, outgoing.request_timeout_ms)
        try:
            headers = await self._authorizer.headers(_presented(outgoing))
            answer = await self._exchange(outgoing, headers, patience)
            if answer.status == _UNAUTHORISED and _is_renewable(outgoing):
                headers = await self._authorizer.headers(_presented(outgoing), refused=headers)
                answer = await self._exchange(outgoing, headers, patience)
        except (InvalidInput, NoToken) as problem:
            return self._recordable(HttpResult(0, _shown(outgoing, headers), error=problem.detail))
        except FAULTS as fault:
            return self._recordable(HttpResult(0, _shown(outgoing, headers), error=told(fault, patience)))
        body = masked_members(answer.body).decode("utf-8", "backslashreplace")
        shown, answered = _shown(outgoing, headers), masked(answer.headers)
        return self._recordable(HttpResult(answer.status, shown, answered, body, answer.latency_us, answer.broken))

    def _recordable(self, posted: HttpResult) -> HttpResult:
        """With every known secret masked, wherever a partner or a library repeats one."""
        mask = self._secrets.mask
        return posted._replace(
            headers=masked_by_value(posted.headers, mask),
            answer_headers=masked_by_value(posted.answer_headers, mask),
            body=mask(posted.body),
            error=mask(masked_address(posted.error)),
        )

    async def close(self) -> None:
        await self._authorizer.close()
        await self._sessions.close()

    async def _exchange(self, outgoing: Outgoing, headers: Headers, patience: Patience) -> Answer:
        http = self._sessions.of(outgoing.url, outgoing.credentials)
        return await exchange(http, outgoing.method, outgoing.url, headers, outgoing.body, patience)


def _presented(outgoing: Outgoing) -> Outgoing:
    """With our name, unless the request goes by another."""
    if any(name.lower() == "user-agent" for name, _ in outgoing.headers):
        return outgoing
    return outgoing._replace(headers=(*outgoing.headers, _USER_AGENT))


def _is_renewable(outgoing: Outgoing) -> bool:
    brought = any(name.lower() == AUTHORIZATION.lower() for name, _ in outgoing.headers)
    return outgoing.authorization is Authorization.OAUTH2 and not brought


def _shown(outgoing: Outgoing, headers: Headers) -> Headers:
    return masked(headers, secret_header_names(outgoing.credentials))
