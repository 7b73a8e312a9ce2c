"""The control API's client: answers as bytes, problem documents as errors of our own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self

import httpx
import msgspec

from depot_sim.adapters.cli.failures import ServerFailed, ServerRefused, Unreachable, UsageError
from depot_sim.adapters.cli.os_errors import network_reason
from depot_sim.domain.kernel.errors import DepotSimError, Fault, InvalidInput

_CONNECT_SECONDS = 5
_TIMEOUT = httpx.Timeout(30, connect=_CONNECT_SECONDS)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""A proxy named in the environment does not lead there."""
_UNAUTHORISED = 401
_AWAY = (502, 503, 504)


class _Problem(msgspec.Struct):
    """RFC 9457, as far as it is needed."""

    title: str = ""
    detail: str = ""
    hint: str = ""
    faults: list[Fault] = []


class Client:
    """Raises Unreachable, ServerFailed, ServerRefused, or InvalidInput with the faults the server found."""

    def __init__(self, url: str, token: str | None = None, transport: httpx.BaseTransport | None = None) -> None:
        headers = {"User-Agent": "depot-sim"} | ({"Authorization": f"Bearer {token}"} if token else {})
        proxied = _host(url) not in _LOOPBACK
        self._url = url
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=_TIMEOUT, transport=transport, trust_env=proxied
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> bytes:
        with self._translating():
            return _checked(self._http.get(path, params=None if query is None else dict(query))).content

    def post(self, path: str, body: bytes) -> bytes:
        return self._sent("POST", path, body)

    def post_and_wait(self, path: str, query: Mapping[str, str] | None = None, body: bytes | None = None) -> bytes:
        """For a request that the server may work on for minutes: only connecting has a time-out."""
        timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
        headers = {} if body is None else {"Content-Type": "application/json"}
        with self._translating():
            return _checked(
                self._http.post(path, params=query or {}, content=body, headers=headers, timeout=timeout)
            ).content

    def patch(self, path: str, body: bytes) -> bytes:
        return self._sent("PATCH", path, body)

    def delete(self, path: str) -> bytes:
        with self._translating():
            return _checked(self._http.delete(path)).content

    def lines(
        self, path: str, query: Sequence[tuple[str, str | int]], headers: Mapping[str, str], patience: float
    ) -> Iterator[str]:
        """A body that comes line by line; `patience` is how many seconds may pass without one."""
        timeout = httpx.Timeout(patience, connect=_CONNECT_SECONDS)
        with (
            self._translating(),
            self._http.stream("GET", path, params=list(query), headers=headers, timeout=timeout) as response,
        ):
            if response.is_error:
                response.read()
            yield from _checked(response).iter_lines()

    def _sent(self, method: str, path: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        with self._translating():
            return _checked(self._http.request(method, path, content=body, headers=headers)).content

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except httpx.TransportError as error:
            hint = "start it with depot-sim serve, or name another with --url"
            raise Unreachable(f"no answer from {self._url}: {_reason(error)}", hint) from None


def _reason(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {_CONNECT_SECONDS} s"
    if isinstance(error, httpx.TimeoutException):
        return "it took too long"
    return network_reason(error) or str(error) or type(error).__name__


def _host(url: str) -> str:
    """Raises UsageError when there is none."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL("")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise UsageError(f"{url!r} is not the URL of a server", "name the server like http://127.0.0.1:8420")
    return parsed.host


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_error:
        raise _error(response)
    return response


def _error(response: httpx.Response) -> DepotSimError:
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except msgspec.DecodeError:
        problem = _Problem(title=f"status {response.status_code} without an explanation")
    said = problem.detail or problem.title
    if problem.faults:
        return InvalidInput(problem.faults, said)
    if response.status_code in _AWAY:
        return Unreachable(f"the server cannot answer now: {said}", problem.hint)
    if response.is_server_error:
        return ServerFailed(f"the server failed: {said}", problem.hint)
    if response.status_code == _UNAUTHORISED:
        return ServerRefused(said, "give a token of the service by --token TOKEN or DEPOT_SIM_TOKEN")
    return ServerRefused(said, problem.hint)
