"""Our own Registers: each brings the partner a fresh token, kept beside the log and known before it is sent."""

from __future__ import annotations

import asyncio
from hashlib import sha256

from depot_sim.application.http import SecretStore
from depot_sim.application.oscp.outbound import drafts
from depot_sim.application.oscp.outbound.messages import MessageDraft, OutboundMessage
from depot_sim.application.oscp.outbound.service import OutboundService
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.repository import Origin
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import MessageType

_NAMED_BY = 16


class Registrar:
    """Begins registrations, and answers those that partners begin."""

    def __init__(self, sessions: OscpSessions, outbound: OutboundService, secrets: SecretStore) -> None:
        self._sessions = sessions
        self._outbound = outbound
        self._secrets = secrets

    async def begin(self, session_id: str, origin: Origin) -> OutboundMessage:
        """Open a Register. Raises CommandRefused for a partner that does not register, RunHeldElsewhere, NotFound."""
        session = (await self._sessions.get(session_id)).session
        session.check_may_send(MessageType.REGISTER)
        self._sessions.fence(session.attached.run_id)
        token, kept = await self._new_token(session_id)
        letter = await self._outbound.open(
            session_id, lambda session, moment: drafts.register(session, token, kept, moment.target), origin
        )
        assert letter is not None, "it is always drafted"
        return letter

    async def answer(self, session_id: str) -> OutboundMessage | None:
        """Open the Register that the partner waits for; None when it does not wait any more."""
        session = (await self._sessions.get(session_id)).session
        if not session.state.registration.owed:
            return None
        self._sessions.fence(session.attached.run_id)
        token, kept = await self._new_token(session_id)

        def owed(session: OscpCapacityProviderSession, moment: Moment) -> MessageDraft | None:
            is_owed = session.is_active and session.state.registration.owed
            return drafts.register(session, token, kept, moment.target) if is_owed else None

        return await self._outbound.open(session_id, owed)

    async def _new_token(self, session_id: str) -> tuple[str, SecretReference]:
        """A token by which requests find the session from now on, and where it is kept."""
        token = self._secrets.new_token()
        digest = sha256(token.encode()).hexdigest()
        kept = await asyncio.to_thread(self._secrets.keep, f"oscp-issued-{digest[:_NAMED_BY]}", token)
        await self._sessions.list_token(session_id, digest)
        return token, kept
