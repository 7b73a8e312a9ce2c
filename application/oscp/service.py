"""The OSCP service: what an operator or a test asks of a session."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import TypeVar

import msgspec

from depot_sim.application.http import SecretStore
from depot_sim.application.oscp.inbound.access import ON_LOOPBACK, OscpReach
from depot_sim.application.oscp.outbound import drafts
from depot_sim.application.oscp.outbound.forecasting import forecast_draft, plan_of
from depot_sim.application.oscp.outbound.messages import MessageDraft, OutboundMessage
from depot_sim.application.oscp.outbound.service import OutboundService, Sent
from depot_sim.application.oscp.requests import (
    CreateSession,
    Disconnect,
    ForceState,
    HandshakeSent,
    MessageSent,
    PlanForecast,
    Register,
    SendForecast,
    SendForecastSet,
    SendHandshake,
    SendHeartbeat,
    SendMessage,
    SessionCreated,
    SwitchHeartbeats,
)
from depot_sim.application.oscp.session.attaching import attachment, preset_overrides
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.oscp.session.registrar import Registrar
from depot_sim.application.oscp.session.sessions import OscpSessions
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.oscp.views import PlanView, SessionView, plan_view, session_view
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import CommittedRuns
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.override_requests import Clear, read_override_request
from depot_sim.domain.kernel.errors import CommandRefused, Fault, InvalidInput
from depot_sim.domain.kernel.headers import framing_fault
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.oscp.directory import OscpSessionListed
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.oscp.profile import SessionKey
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.run.aggregate import RunStatus, SimulationRun

T = TypeVar("T")

_LONGEST_INTERVAL_S = 24 * 3_600
_MOST_BODY = 2**20


class OscpService:
    """Every method is one use case. Raises the errors of domain/kernel/errors.py; a refused request leaves no trace.

    `own_base_url` is where partners reach this service, unless a session's request says otherwise. `reach` says who
    can send to it.
    """

    def __init__(
        self,
        sessions: OscpSessions,
        outbound: OutboundService,
        runs: CommittedRuns,
        time: SessionTime,
        secrets: SecretStore,
        registrar: Registrar,
        own_base_url: str = "http://127.0.0.1:8420/oscp/cp/2.0",
        *,
        reach: OscpReach = ON_LOOPBACK,
    ) -> None:
        self._sessions = sessions
        self._outbound = outbound
        self._runs = runs
        self._time = time
        self._secrets = secrets
        self._registrar = registrar
        self._own_base_url = own_base_url
        self._reach = reach

    # Life

    async def create(self, run_id: str, request: CreateSession, origin: Origin) -> SessionCreated:
        """Bind the run to a configuration of the partner. Raises Conflict when it has a session for it already."""
        run = await self._runs.get(run_id)
        if run.status is RunStatus.STOPPED:
            raise CommandRefused(f"run {run_id} is stopped", "start a new run")
        self._sessions.fence(run_id)
        attached = attachment(request, run, 0, self._secrets, self._reach)
        moment = await self._time.moment(attached)
        own_base_url = attached.own_base_url or self._own_base_url
        attached = msgspec.structs.replace(attached, at=moment.target, own_base_url=own_base_url)

        def attach(hosted: HostedSession, moment: Moment) -> None:
            hosted.session.attach(attached)
            self._apply_preset(hosted, run, moment)

        hosted = await self._sessions.register(self._listed(attached), moment, attach, origin)
        return SessionCreated(attached.session_id, hosted.session.lifecycle)

    async def list_sessions(self, run_id: str) -> list[SessionView]:
        """The run's active sessions."""
        await self._runs.get(run_id)
        return [await self.get(run_id, session_id) for session_id in await self._sessions.names(run_id)]

    async def get(self, run_id: str, session_id: str) -> SessionView:
        hosted = await self._sessions.find(run_id, session_id)
        if self._sessions.fence_if_held(run_id) is None:
            self._sessions.forget(session_id)
            hosted = await self._sessions.find(run_id, session_id)
        moment = await self._time.moment(hosted.session.attached)
        return session_view(hosted.session, moment.target, self._reach)

    async def delete(self, run_id: str, session_id: str, origin: Origin) -> None:
        """End the session; its history stays. A new one for the same configuration may be created."""
        await self._find_active(run_id, session_id)

        def end(hosted: HostedSession, moment: Moment) -> None:
            hosted.end(moment, "its session was deleted")

        is_over = (await self._runs.get(run_id)).status is RunStatus.STOPPED
        await self._sessions.unregister(session_id, end, origin, fenced=not is_over)

    async def force_state(self, run_id: str, session_id: str, request: ForceState, origin: Origin) -> SessionView:
        return await self._change(
            run_id, session_id, origin, lambda hosted, moment: hosted.force(request.state, moment, request.reason)
        )

    async def disconnect(self, run_id: str, session_id: str, request: Disconnect, origin: Origin) -> SessionView:
        return await self._change(
            run_id, session_id, origin, lambda hosted, moment: hosted.disconnect(moment, request.reason)
        )

    async def switch_heartbeats(
        self, run_id: str, session_id: str, request: SwitchHeartbeats, origin: Origin
    ) -> SessionView:
        def switch(hosted: HostedSession, moment: Moment) -> None:
            hosted.switch_heartbeats(request.sending, moment, request.reason)

        return await self._change(run_id, session_id, origin, switch)

    # Messages

    async def send_handshake(
        self, run_id: str, session_id: str, request: SendHandshake, origin: Origin
    ) -> HandshakeSent:
        """Begin a handshake. Raises CommandRefused unless the session is offline."""
        seconds = request.heartbeat_interval_seconds
        if seconds is not None and not 1 <= seconds <= _LONGEST_INTERVAL_S:
            fault = Fault("/heartbeat_interval_seconds", str(seconds), f"1 to {_LONGEST_INTERVAL_S}")
            raise InvalidInput([fault])

        def make(session: OscpCapacityProviderSession, _: Moment) -> MessageDraft:
            every = session.attached.policy.heartbeat_interval_ms if seconds is None else seconds * 1_000
            return drafts.handshake(session, every)

        await self._find_active(run_id, session_id)
        sent = await self._deliver(await self._outbound.open(session_id, make, origin), origin)
        return HandshakeSent(sent.entry_id, sent.state, sent.outcome.value)

    async def register(self, run_id: str, session_id: str, _: Register, origin: Origin) -> MessageSent:
        """Begin a registration. Raises CommandRefused where the profile has none."""
        await self._sessions.find(run_id, session_id)
        letter = await self._registrar.begin(session_id, origin)
        return _answer(await self._outbound.deliver(letter, origin))

    async def send_heartbeat(self, run_id: str, session_id: str, request: SendHeartbeat, origin: Origin) -> MessageSent:
        """One heartbeat now, beside those that are due."""
        offline_mode_at = None
        if request.offline_mode_at is not None:
            try:
                offline_mode_at = int(Instant.parse(request.offline_mode_at))
            except ValueError as wrong:
                fault = Fault("/offline_mode_at", repr(request.offline_mode_at), str(wrong))
                raise InvalidInput([fault]) from None
        await self._find_active(run_id, session_id)
        letter = await self._outbound.open(
            session_id, lambda session, moment: drafts.heartbeat(session, moment.target, offline_mode_at), origin
        )
        return _answer(await self._deliver(letter, origin))

    async def send_forecast(self, run_id: str, session_id: str, request: SendForecast, origin: Origin) -> MessageSent:
        """One forecast now. Raises CommandRefused unless the session is online."""
        await self._find_active(run_id, session_id)
        letter = await self._outbound.open(session_id, partial(forecast_draft, request=request), origin)
        return _answer(await self._deliver(letter, origin))

    async def send_forecast_set(
        self, run_id: str, session_id: str, request: SendForecastSet, origin: Origin
    ) -> list[MessageSent]:
        """Several series, one message each, in order; all are checked before the first is sent."""
        if not request.forecasts:
            raise InvalidInput([Fault("/forecasts", "none", "at least one forecast")])
        hosted = await self._sessions.find(run_id, session_id)
        moment = await self._time.moment(hosted.session.attached)
        made = [
            forecast_draft(hosted.session, moment, forecast, f"/forecasts/{place}")
            for place, forecast in enumerate(request.forecasts)
        ]
        return [await self._send(run_id, session_id, draft, origin) for draft in made]

    async def send_message(self, run_id: str, session_id: str, request: SendMessage, origin: Origin) -> MessageSent:
        """Any message with a hand-made body, in any state."""
        if request.raw_body is not None and request.body is not None:
            raise InvalidInput([Fault("/raw_body", "a value", "nothing beside body")])
        asked = (framing_fault(name, child("/headers", name)) for name in request.headers)
        framing = [fault for fault in asked if fault is not None]
        if framing:
            raise InvalidInput(framing)
        raw = request.raw_body
        body = (msgspec.json.encode(request.body) if request.body is not None else b"") if raw is None else raw.encode()
        if len(body) > _MOST_BODY:
            raise InvalidInput([Fault("/body", f"{len(body)} bytes", f"at most {_MOST_BODY}")])
        draft = MessageDraft(
            request.message_type, body=body, headers=request.headers, unchecked=True, reason=request.reason
        )
        return await self._send(run_id, session_id, draft, origin)

    async def plan_forecast(self, run_id: str, session_id: str, request: PlanForecast, origin: Origin) -> PlanView:
        """Send a forecast later, once or again and again."""

        def plan(hosted: HostedSession, moment: Moment) -> PlanView:
            planned = plan_of(hosted.session, request, moment.target)
            hosted.session.plan(planned)
            return plan_view(planned)

        await self._find_active(run_id, session_id)
        return await self._sessions.decide(session_id, plan, origin=origin)

    async def end_plan(self, run_id: str, session_id: str, plan_id: str, origin: Origin) -> None:
        """Raises NotFound for a plan that is over or never was."""
        await self._sessions.find(run_id, session_id)
        await self._sessions.decide(
            session_id,
            lambda hosted, moment: hosted.session.end_plan(plan_id, moment.target, "called off"),
            origin=origin,
        )

    async def _find_active(self, run_id: str, session_id: str) -> HostedSession:
        """Raises NotFound, or CommandRefused for a session that has ended."""
        hosted = await self._sessions.find(run_id, session_id)
        if not hosted.session.is_active:
            raise CommandRefused("the session has ended", "create a new one")
        return hosted

    async def _send(self, run_id: str, session_id: str, draft: MessageDraft, origin: Origin) -> MessageSent:
        await self._find_active(run_id, session_id)
        letter = await self._outbound.open(session_id, lambda _, __: draft, origin)
        return _answer(await self._deliver(letter, origin))

    async def _deliver(self, letter: OutboundMessage | None, origin: Origin) -> Sent:
        assert letter is not None, "an operator's message is always drafted"
        return await self._outbound.deliver(letter, origin)

    async def _change(
        self,
        run_id: str,
        session_id: str,
        origin: Origin,
        change: Callable[[HostedSession, Moment], None],
    ) -> SessionView:
        def decision(hosted: HostedSession, moment: Moment) -> SessionView:
            change(hosted, moment)
            return session_view(hosted.session, moment.target, self._reach)

        await self._find_active(run_id, session_id)
        return await self._sessions.decide(session_id, decision, origin=origin)

    def _listed(self, attached: OscpProviderSessionAttached) -> OscpSessionListed:
        """With what requests find the session by. A partner that registers may be given its token by that."""
        token, profile = attached.credentials.inbound, attached.profile
        digest = ""
        if profile.session_key is SessionKey.TOKEN and token is not None:
            digest = sha256(self._secrets.get(token).encode()).hexdigest()
        elif profile.session_key is SessionKey.TOKEN and not profile.registration:
            fault = Fault("/credentials/inbound", "nothing", "the token by which the partner's requests are known")
            raise InvalidInput([fault])
        return OscpSessionListed(attached.session_id, attached.run_id, attached.remote_configuration_id, digest)

    def _apply_preset(self, hosted: HostedSession, run: SimulationRun, moment: Moment) -> None:
        """The preset's overrides hold from the first message on."""
        for asked in preset_overrides(run.depot.document, hosted.session.attached.scenario_preset):
            override = read_override_request(asked, OSCP, moment.target, run.started.seed)
            if not isinstance(override, Clear):
                hosted.overrides.apply(override, moment.target)


def _answer(sent: Sent) -> MessageSent:
    return MessageSent(sent.entry_id, sent.outcome.value, sent.status, sent.error)
