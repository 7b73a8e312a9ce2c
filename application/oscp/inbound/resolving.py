"""Resolves the session of an inbound OSCP request and authenticates it.

A request names its session by X-OSCP-Configuration-ID; without that header, the token identifies it. A request that
resolves to no session gets 403 and is recorded within bounds, so that a tester sees what a wrongly configured platform
sends. A session without inbound credentials is closed to requests that do not come from this machine.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

import msgspec

from depot_sim.application.http import Headers, Mask, SecretStore
from depot_sim.application.ids import IdSource
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply
from depot_sim.application.oscp.inbound.refusing import CLOSED_SESSION, RefusedMessages
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.masking import masked, masked_by_value, masked_id
from depot_sim.domain.oscp import ledger
from depot_sim.domain.oscp.envelope import CONFIGURATION_ID, envelope_findings, is_message_id
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.profiles import BUILT_IN
from depot_sim.domain.oscp.segments import SEGMENT_COUNT, SEGMENT_INDEX, Place, Whole, place_of
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import Direction, MessageType
from depot_sim.domain.oscp.wire.masking import masked_body

_KNOWN_PATHS = {path: type for profile in BUILT_IN.values() for path, type in profile.inbound_paths.items()}
_DIGEST = 12
_KEPT_OF_TOO_LARGE = 4_096


class ResolvedRequest(NamedTuple):
    """A request, its session and message type, and the findings that do not depend on the state of the session.

    `stream` is that of its ledger entry; `headers` and `body` are masked for it.

    `digest` is of method, type and body: a request id with another digest is not the same message. `is_part` tells that
    it is a segment, at `place` unless its headers are wrong; with `whole` it is the one that completes a message.
    """

    arrival: Arrival
    hosted: HostedSession
    attached: OscpProviderSessionAttached
    type: MessageType
    request_id: str
    correlation_id: str
    stream: str
    entry_id: str
    headers: Headers
    body: str
    digest: str
    findings: tuple[Finding, ...]
    wall_ms: int
    began_us: int
    is_part: bool = False
    place: Place | None = None
    whole: Whole | None = None
    is_recorded: bool = True
    """False for one without the session's token whose sender has used up its room in this hour."""

    @property
    def content(self) -> bytes:
        """The body of the message."""
        return self.arrival.body if self.whole is None else self.whole.body

    @property
    def message_id(self) -> str:
        """The request id by which others speak of the message: that of its first segment."""
        return self.request_id if self.whole is None else self.whole.request_id

    @property
    def answers(self) -> str:
        """The request id of the message that this one answers."""
        return self.correlation_id if self.whole is None else self.whole.correlation_id

    def as_whole(self, whole: Whole) -> ResolvedRequest:
        """As the one whose segment completes a message."""
        return self._replace(is_part=False, whole=whole)

    def with_finding(self, finding: Finding) -> ResolvedRequest:
        return self._replace(findings=(*self.findings, finding))

    @property
    def is_refused_for_credentials(self) -> bool:
        """Whether the request does not show the session's token, in a profile that refuses such requests."""
        refuses = self.attached.profile.status(Kind.CREDENTIALS) is not None
        return refuses and any(finding.kind is Kind.CREDENTIALS for finding in self.findings)

    def under_a_stream_of_its_own(self, unique: str) -> ResolvedRequest:
        """The same request with a ledger entry that leaves the stream of its request id free; `unique` names it."""
        return self._in_stream(f"{self.stream}~{unique}")

    def under_a_used_id(self) -> ResolvedRequest:
        """The same request as a message of its own, whose request id was used for another one before."""
        found = f"{self.request_id}, used for another message"
        finding = Finding("header.x-request-id.reused", Kind.HEADERS, found, "a new id for every message")
        return self.with_finding(finding)._in_stream(f"{self.stream}~{self.digest[:_DIGEST]}")

    def _in_stream(self, stream: str) -> ResolvedRequest:
        return self._replace(stream=stream, entry_id=ledger.entry_id_of(stream))


class RequestResolver:
    """Finds sessions by the configuration header or by the token shown."""

    def __init__(
        self, sessions: OscpSessions, secrets: SecretStore, time: SessionTime, ids: IdSource, refused: RefusedMessages
    ) -> None:
        self._sessions = sessions
        self._secrets = secrets
        self._time = time
        self._ids = ids
        self._refused = refused

    @property
    def mask(self) -> Mask:
        return self._secrets.mask

    async def resolve(self, arrival: Arrival, began_us: int) -> ResolvedRequest | Reply:
        """The resolved request, or the response to one that no session processes. Raises StoreError."""
        session_id = await self._session_of(arrival)
        if session_id is None:
            return await self._reject_unresolved(arrival)
        hosted = await self._sessions.get(session_id)
        attached = hosted.session.attached
        type = attached.profile.inbound_paths.get(arrival.path)
        if type is None or (type is MessageType.REGISTER and not attached.profile.registration):
            return _no_such_path(self._secrets.mask(arrival.path), attached.profile.inbound_paths)
        if arrival.requires_credentials and hosted.session.state.inbound_tokens is None:
            return await self._refused.refuse(arrival, type, CLOSED_SESSION, attached)
        resolved = self._resolved(arrival, hosted, attached, type, began_us)
        limited = self._limited(resolved)
        if limited is not None or not resolved.is_refused_for_credentials:
            return limited or resolved
        return self._within_room(resolved.under_a_stream_of_its_own(self._ids.new_id()))

    def _within_room(self, resolved: ResolvedRequest) -> ResolvedRequest:
        """The request with as much of its headers and body as may be recorded of a sender that proves nothing."""
        kept = self._refused.keep(resolved.arrival.sender, resolved.headers, resolved.body)
        if kept is None:
            return resolved._replace(is_recorded=False)
        return resolved._replace(headers=kept.headers, body=kept.body)

    def _limited(self, resolved: ResolvedRequest) -> Reply | None:
        """The 429 response to a request without the session's token whose sender has sent too many of them."""
        unproven = next((one for one in resolved.findings if one.kind is Kind.CREDENTIALS), None)
        return None if unproven is None else self._refused.count(resolved.arrival, unproven.rule)

    async def _session_of(self, arrival: Arrival) -> str | None:
        configuration_id = arrival.header("x-oscp-configuration-id")
        if configuration_id:
            return await self._sessions.by_configuration(configuration_id)
        token = _shown_token(arrival)
        return await self._sessions.by_token(sha256(token.encode()).hexdigest()) if token else None

    async def keep_token(self, token: str) -> SecretReference:
        """Keep the token that a partner gave, out of the log."""
        return await asyncio.to_thread(self._secrets.keep, f"oscp-partner-{self._ids.new_id()}", token)

    def _resolved(
        self,
        arrival: Arrival,
        hosted: HostedSession,
        attached: OscpProviderSessionAttached,
        type: MessageType,
        began_us: int,
    ) -> ResolvedRequest:
        request_id = self._message_id(arrival, "x-request-id") or self._ids.new_id()
        stream = ledger.stream_of(attached.session_id, Direction.INBOUND, request_id)
        place = _place(arrival, attached.profile)
        findings = (
            *self._credentials(arrival, hosted.session.state),
            *envelope_findings(arrival.headers, attached.profile, len(arrival.body), arrival.body_bytes),
            *((place,) if isinstance(place, Finding) else ()),
        )
        return ResolvedRequest(
            arrival=arrival,
            hosted=hosted,
            attached=attached,
            type=type,
            request_id=request_id,
            correlation_id=self._message_id(arrival, "x-correlation-id"),
            stream=stream,
            entry_id=ledger.entry_id_of(stream),
            headers=self._headers(arrival),
            body=self._text(arrival, type),
            digest=sha256(b"%b %b\n%b" % (arrival.method.encode(), type.encode(), arrival.body)).hexdigest(),
            findings=findings,
            wall_ms=self._time.wall_ms(),
            began_us=began_us,
            is_part=place is not None,
            place=place if isinstance(place, Place) else None,
        )

    def _headers(self, arrival: Arrival) -> Headers:
        return masked_by_value(masked(arrival.headers), self._secrets.mask)

    def _message_id(self, arrival: Arrival, name: str) -> str:
        """The id in a header, with secrets masked; nothing when it is no id."""
        value = arrival.header(name)
        return masked_id(value, self._secrets.mask) if is_message_id(value) else ""

    def _text(self, arrival: Arrival, type: MessageType) -> str:
        """The body as text; of one that is too large, the beginning. Bytes that are no UTF-8 show as \\xNN."""
        most = _KEPT_OF_TOO_LARGE if arrival.body_bytes > len(arrival.body) else None
        text = masked_body(type, arrival.body).decode("utf-8", "backslashreplace")
        return self._secrets.mask(text)[:most]  # masked before it is cut: a cut secret is not recognised

    def _credentials(self, arrival: Arrival, state: SessionState) -> list[Finding]:
        expected = state.inbound_tokens
        if expected is None:
            return []
        token = _shown_token(arrival)
        if not token:
            return [Finding("credentials.missing", Kind.CREDENTIALS, "no Authorization", "the session's token")]
        if not expected:
            return [Finding("credentials.unregistered", Kind.CREDENTIALS, "a token", "a registration before")]
        try:
            held = [self._secrets.get(one) for one in expected]
        except InvalidInput as error:
            return [Finding("credentials.unknown", Kind.CREDENTIALS, str(error), "a secret that can be read")]
        if not any(hmac.compare_digest(one.encode(), token.encode()) for one in held):
            return [Finding("credentials.refused", Kind.CREDENTIALS, "another token", "the session's token")]
        return []

    async def _reject_unresolved(self, arrival: Arrival) -> Reply:
        """Record the request as unresolved; 403."""
        type = _KNOWN_PATHS.get(arrival.path)
        if type is None:
            return _no_such_path(self._secrets.mask(arrival.path), _KNOWN_PATHS)
        return await self._refused.refuse(arrival, type, _unknown(arrival, self._secrets.mask))


def _unknown(arrival: Arrival, mask: Mask) -> Finding:
    """Why a request resolves to no session."""
    configuration_id = arrival.header("x-oscp-configuration-id")
    if configuration_id:
        rule = "session.unknown-configuration"
        found = f"no active session for configuration {mask(configuration_id)[:100]}"
    elif arrival.header("authorization"):
        rule, found = "session.unknown-token", "the token belongs to no active session"
    else:
        rule, found = "session.not-named", f"neither {CONFIGURATION_ID} nor a token names a session"
    return Finding(rule, Kind.SESSION, found, "an active session")


def _shown_token(arrival: Arrival) -> str:
    """The token in Authorization, whatever its scheme is called."""
    scheme, separator, token = arrival.header("authorization").strip().partition(" ")
    return token.strip() if separator else scheme


def _place(arrival: Arrival, profile: PartnerProfile) -> Place | Finding | None:
    """Which segment of a message it is, what is wrong about that, or None for a message of one piece."""
    if not profile.segments:
        return None
    return place_of(arrival.header(SEGMENT_INDEX.lower()), arrival.header(SEGMENT_COUNT.lower()))


def _no_such_path(path: str, known: Iterable[str]) -> Reply:
    message = f"there is no {path[:100]} here; known: {', '.join(sorted(known))}"
    return Reply(404, (("content-type", "application/json"),), msgspec.json.encode({"message": message}))
