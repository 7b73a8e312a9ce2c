"""What a handshake and its acknowledgement have to say."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.lifecycle import PARTNER_MAY_SEND
from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge
from depot_sim.domain.oscp.wire.shown import quoted

_CONFIGURATION = "/required_behaviour/measurement_configuration"


def answers_the_handshake(case: Case) -> Iterator[Finding]:
    """An acknowledgement names the handshake under way; the profile says whether it may name none.

    A session put into this state by hand has no handshake under way, and takes any.
    """
    awaited, named = case.state.handshake_id, case.correlation_id
    awaiting = PARTNER_MAY_SEND[MessageType.HANDSHAKE_ACKNOWLEDGE].states
    if case.state.lifecycle not in awaiting or named == awaited or not awaited:
        return
    if named:
        yield Finding("acknowledge.other-handshake", Kind.CORRELATION, quoted(named), quoted(awaited))
    elif case.attached.profile.acknowledge_correlation is Presence.REQUIRED:
        yield Finding("acknowledge.correlation-missing", Kind.CORRELATION, "no X-Correlation-ID", quoted(awaited))


def measurement_configuration(case: Case) -> Iterator[Finding]:
    """Both sides have to mean the same registers; who asks for nothing takes what there is."""
    message, bound = case.message, case.attached.measurement_configuration
    if not isinstance(message, Handshake | HandshakeAcknowledge):
        return
    asked = message.required_behaviour.measurement_configuration
    if asked and bound not in asked:
        found = ", ".join(configuration.value for configuration in asked)
        yield Finding("handshake.measurement-configuration", Kind.SEMANTICS, found, bound.value, _CONFIGURATION)
