"""Ending a connection without an answer: an ASGI extension, and the uvicorn protocol that offers it.

ASGI knows no such thing, and uvicorn answers 500 for an application that returns without an answer.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.oscp.asgi import Scope

_EXTENSION = "depot_sim.hang_up"


class HangUpProtocol(HttpToolsProtocol):
    """uvicorn's own, for `uvicorn.Config(http=HangUpProtocol)`."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"abort": self.transport.abort}}


def hang_up(scope: Scope) -> bool:
    """Cut the request's connection; the application still has to wait for http.disconnect. False: it can't be done."""
    extension = scope.get("extensions", {}).get(_EXTENSION)
    if extension is None:
        return False
    extension["abort"]()
    return True
