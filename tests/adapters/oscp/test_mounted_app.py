"""Which application a path belongs to."""

from __future__ import annotations

import pytest

from adapters.oscp import MountedApp
from adapters.oscp.asgi import App, Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/oscp/cp/2.0/handshake", "oscp"),
        ("/oscp/cp/2.0/", "oscp"),
        ("/oscp/cp/2.0", "oscp"),
        ("/oscp/cp/2.01", "rest"),
        ("/oscp/cp", "rest"),
        ("/packets", "packets"),
        ("/runs/oscp/cp/2.0/handshake", "rest"),
    ],
)
async def test_a_path_goes_to_the_application_it_lies_below(path: str, expected: str) -> None:
    assert await _chosen({"type": "http", "path": path}) == expected


async def test_what_has_no_path_is_none_of_the_mounted_ones() -> None:
    assert await _chosen({"type": "lifespan"}) == "rest"


async def _chosen(scope: Scope) -> str:
    called: list[str] = []

    def app(name: str) -> App:
        async def call(passed: Scope, receive: Receive, send: Send) -> None:
            assert passed is scope
            called.append(name)

        return call

    mounted = MountedApp({"/oscp/cp/2.0": app("oscp"), "/packets": app("packets")}, app("rest"))
    await mounted(scope, _nothing_received, _nothing_sent)
    (name,) = called
    return name


async def _nothing_received() -> Message:
    raise AssertionError("nobody reads")


async def _nothing_sent(_: Message) -> None:
    raise AssertionError("nobody answers")
