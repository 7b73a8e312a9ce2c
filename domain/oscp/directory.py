"""The directory of sessions: how any process finds the session a request belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar
from uuid import UUID, uuid5

import msgspec

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.kernel.events import Event

STREAM = "oscp-directory"
_NAMES = UUID("c2a0e7a4-0c3e-5b4b-8a5a-7a4f0a4be6b1")


class OscpSessionListed(Event, frozen=True):
    TOPIC: ClassVar[str] = "oscp.session-listed.1"
    session_id: str
    run_id: str
    remote_configuration_id: str
    token_sha256: str = ""
    """Of the token the partner shows, where the session is found by it."""


class OscpSessionTokenListed(Event, frozen=True):
    """One more token finds the session. Whether it is good any more is for the session to say."""

    TOPIC: ClassVar[str] = "oscp.session-token-listed.1"
    session_id: str
    token_sha256: str


class OscpSessionUnlisted(Event, frozen=True):
    TOPIC: ClassVar[str] = "oscp.session-unlisted.1"
    session_id: str


class DirectoryState(msgspec.Struct):
    """Active sessions by id, and the ids by what a request shows; every session ever, by its id, in `known`."""

    known: dict[str, OscpSessionListed] = {}
    by_configuration: dict[str, str] = {}
    by_token: dict[str, str] = {}


def _listed(state: DirectoryState, event: OscpSessionListed) -> None:
    _forget(state, event.session_id)
    state.known[event.session_id] = event
    state.by_configuration[event.remote_configuration_id] = event.session_id
    if event.token_sha256:
        state.by_token[event.token_sha256] = event.session_id


def _token_listed(state: DirectoryState, event: OscpSessionTokenListed) -> None:
    state.by_token[event.token_sha256] = event.session_id


def _unlisted(state: DirectoryState, event: OscpSessionUnlisted) -> None:
    _forget(state, event.session_id)


def _forget(state: DirectoryState, session_id: str) -> None:
    for index in (state.by_configuration, state.by_token):
        for key in [key for key, id in index.items() if id == session_id]:
            del index[key]


class OscpDirectory(Aggregate[DirectoryState]):
    """A configuration of the partner belongs to one active session at a time, in whatever run."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        OscpSessionListed: _listed,
        OscpSessionTokenListed: _token_listed,
        OscpSessionUnlisted: _unlisted,
    }
    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(STREAM, DirectoryState())

    def register(self, listed: OscpSessionListed) -> None:
        """List a session, or list it anew with another token. Raises Conflict for a configuration in use elsewhere."""
        holder = self.state.by_configuration.get(listed.remote_configuration_id)
        if holder is not None and holder != listed.session_id:
            run_id = self.state.known[holder].run_id
            raise Conflict(
                f"configuration {listed.remote_configuration_id} is in use by run {run_id}",
                "delete that session, stop that run, or use another configuration",
            )
        self.emit(listed)

    def list_token(self, session_id: str, token_sha256: str) -> None:
        self.emit(OscpSessionTokenListed(session_id, token_sha256))

    def unregister(self, session_id: str) -> None:
        if session_id in self.state.known:
            self.emit(OscpSessionUnlisted(session_id))

    def of_run(self, run_id: str) -> list[str]:
        """Active sessions of a run."""
        active = set(self.state.by_configuration.values())
        return [id for id, listed in self.state.known.items() if listed.run_id == run_id and id in active]


def session_id_of(run_id: str, remote_configuration_id: str) -> str:
    return str(uuid5(_NAMES, f"{run_id}/{remote_configuration_id}"))
