"""The partner's side without a partner: any bytes to a session that was put online by hand, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from tests.e2e.oscp_sides import CapacityProvider
from tests.e2e.oscp_stage import GROUP, SCOPE
from tests.patience import patient

NOWHERE = "http://127.0.0.1:9/oscp"
PREFIX = "/oscp/cp/2.0"
JSON = ("Content-Type", "application/json")
_PATIENCE_SECONDS = patient(60)

Header = tuple[str, str]


class Raw(NamedTuple):
    """A session, and the sender of its messages."""

    cp: CapacityProvider
    http: httpx.Client
    configuration_id: str

    def headers(self, request_id: str = "") -> list[Header]:
        """Those of a correct message."""
        return [("X-OSCP-Configuration-ID", self.configuration_id), ("X-Request-ID", request_id or str(uuid4())), JSON]

    def send(self, path: str, body: bytes, headers: Sequence[Header] | None = None) -> httpx.Response:
        given = self.headers() if headers is None else list(headers)
        return self.http.post(f"{PREFIX}/{path}", content=body, headers=given)

    def entry(self, request_id: str) -> Any:
        """The one message of that id, whole."""
        [listed] = self.listed(request_id)
        return self.cp.call("GET", f"/messages/{listed['ledger_entry_id']}").json()

    def listed(self, request_id: str) -> list[Any]:
        """Messages of that id as the ledger lists them, the oldest first."""
        answer = self.http.get(f"{self.cp.path}/messages", params={"request_id": request_id, "order": "oldest"})
        assert answer.status_code == 200, answer.text
        messages: list[Any] = answer.json()["messages"]
        return messages


def online_by_hand(http: httpx.Client, run_id: str, **changes: Any) -> Raw:
    """A session without a partner; `changes` are fields laid over the usual request for one."""
    configuration_id = str(uuid4())
    asked = {
        "managed_scope_id": SCOPE,
        "betterfleet_base_url": NOWHERE,
        "remote_configuration_id": configuration_id,
        "group_id": GROUP,
        **changes,
    }
    created = http.post(f"/simulation-runs/{run_id}/oscp-sessions", json=asked)
    assert created.status_code == 201, created.text
    cp = CapacityProvider(http, run_id, created.json()["session_id"])
    cp.order("force-state", state="online")
    return Raw(cp, http, configuration_id)


class Pipeline:
    """One connection, on which all requests are sent before any answer is read."""

    def __init__(self, http: httpx.Client) -> None:
        address = (http.base_url.host, http.base_url.port or 80)
        self._socket = socket.create_connection(address, timeout=_PATIENCE_SECONDS)

    def send(self, path: str, body: bytes, headers: Sequence[Header], times: int) -> None:
        lines = [f"POST {PREFIX}/{path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        head = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""])
        self._socket.sendall((head.encode("latin-1") + body) * times)

    def answers(self, count: int) -> list[bytes]:
        """Each as it came, but for its date."""
        file = self._socket.makefile("rb")
        return [_answer(file) for _ in range(count)]

    def close(self) -> None:
        self._socket.close()


def _answer(file: Any) -> bytes:
    head, length = b"", 0
    while line := file.readline().strip():
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
        if name.lower() != b"date":
            head += line + b"\n"
    assert head, "the connection was closed without an answer"
    return head + bytes(file.read(length))
