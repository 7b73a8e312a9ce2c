"""Projector of `oscp_sessions`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.kernel.projection import ProjectionStateChanged
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.ledger import (
    UNRESOLVED,
    OscpMessageFinalised,
    OscpMessageHandled,
    OscpMessageRecorded,
    entry_id_of,
    session_id_in,
)
from depot_sim.domain.oscp.session import FAMILY
from depot_sim.domain.oscp.vocabulary import Outcome
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models.database import Database
from depot_sim.read_models.oscp import sessions as oscp_sessions
from depot_sim.read_models.oscp.sessions import Session

_TROUBLE = frozenset({Outcome.REJECTED, Outcome.FAILED, Outcome.INDETERMINATE})


class OscpSessionsProjector:
    """Folds every session's lifecycle and the ledger's newest entries into its row."""

    model = oscp_sessions.MODEL
    where = Filter(
        stream_prefixes=("oscp-",),
        topics=topics_of(
            e.OscpProviderSessionAttached,
            e.OscpProviderSessionDetached,
            e.OscpLifecycleChanged,
            ProjectionStateChanged,
            OscpMessageRecorded,
            OscpMessageFinalised,
            OscpMessageHandled,
        ),
    )

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        return [Change(oscp_sessions.SESSIONS, [session.row() for session in fold.sessions.values()], replace=True)]


class _Entry(NamedTuple):
    id: str
    session_id: str


class _Fold:
    """`sessions` are those the page touches, by id."""

    def __init__(self, before: Database) -> None:
        self.sessions: dict[str, Session] = {}
        self._ids: dict[str, str] = {}
        self._entries: dict[str, _Entry] = {}
        self._before = before

    def take(self, row: Row) -> None:
        match decode(row.topic, row.state):
            case e.OscpProviderSessionAttached() as event:
                self._keep(_attached(row, event))
            case OscpMessageRecorded() as event if event.session_id != UNRESOLVED:
                self._entries[row.stream] = _Entry(event.entry_id, event.session_id)
                _record(self._session(event.session_id), event)
            case OscpMessageFinalised() as event if (entry := self._entry(row.stream)).session_id != UNRESOLVED:
                _finalise(self._session(entry.session_id), entry.id, event)
            case OscpMessageHandled() as event if event.recorded.session_id != UNRESOLVED:
                session = self._session(event.recorded.session_id)
                _record(session, event.recorded)
                _finalise(session, event.recorded.entry_id, event.finalised)
            case event if type(event) in _HANDLERS:
                _HANDLERS[type(event)](self._of_stream(row.stream), event)

    def _entry(self, stream: str) -> _Entry:
        return self._entries.get(stream) or _Entry(entry_id_of(stream), session_id_in(stream))

    def _session(self, session_id: str) -> Session:
        known = self.sessions.get(session_id)
        return known or self._found(oscp_sessions.get_session(self._before, session_id), session_id)

    def _of_stream(self, stream: str) -> Session:
        session_id = self._ids.get(stream)
        if session_id is not None:
            return self.sessions[session_id]
        return self._found(oscp_sessions.session_of_stream(self._before, stream), stream)

    def _found(self, session: Session | None, name: str) -> Session:
        if session is None:
            raise LookupError(f"{name} does not begin with {e.OscpProviderSessionAttached.TOPIC}")
        return self._keep(session)

    def _keep(self, session: Session) -> Session:
        """A session that was found by its id may be touched by its stream next, and the other way round."""
        self.sessions[session.session_id] = session
        self._ids[session.stream] = session.session_id
        return session


def _attached(row: Row, event: e.OscpProviderSessionAttached) -> Session:
    return Session(
        session_id=event.session_id,
        position=row.position,
        stream=row.stream,
        run_id=event.run_id,
        managed_scope_id=event.managed_scope_id,
        remote_configuration_id=event.remote_configuration_id,
        betterfleet_base_url=event.betterfleet_base_url,
        group_id=event.group_id,
        asset_id=event.asset_id,
        partner_profile=event.profile.name,
        clock=event.clock.value,
        attached_at=event.at,
    )


def _detached(session: Session, _: e.OscpProviderSessionDetached) -> None:
    session.active = False


def _changed(session: Session, event: e.OscpLifecycleChanged) -> None:
    session.state, session.changed_at = event.after.value, event.at
    session.cause, session.reason = event.cause.value, _storable(event.reason)


def _health(session: Session, event: ProjectionStateChanged) -> None:
    if event.family == FAMILY:
        session.health = event.health.value


def _record(session: Session, event: OscpMessageRecorded) -> None:
    session.messages += 1
    session.last_entry_id, session.last_message_at = event.entry_id, event.at
    session.last_direction, session.last_message_type = event.direction.value, event.message_type.value
    session.last_outcome = Outcome.PENDING.value


def _finalise(session: Session, entry_id: str, event: OscpMessageFinalised) -> None:
    if session.last_entry_id == entry_id:
        session.last_outcome = event.outcome.value
    if event.outcome in _TROUBLE:
        session.error_entry_id, session.error_at = entry_id, event.at
        session.error = _storable(event.error) or event.rule or _answered(event)
        session.error_deliberate = bool(event.overrides)


def _answered(event: OscpMessageFinalised) -> str:
    return f"answered {event.answer.status}" if event.answer.status else event.outcome.value


def _storable(text: str) -> str:
    """Without what PostgreSQL does not take."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


_HANDLERS: Mapping[type[Event], Callable[[Session, Any], None]] = {
    e.OscpProviderSessionDetached: _detached,
    e.OscpLifecycleChanged: _changed,
    ProjectionStateChanged: _health,
}
