"""All rules over one message: every one that fails tells, the first kind among them decides the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from depot_sim.domain.oscp.findings import Finding
from depot_sim.domain.oscp.rules import (
    adjustments,
    bindings,
    compliance,
    figures,
    handshakes,
    lifecycle,
    registrations,
    windows,
)
from depot_sim.domain.oscp.rules.context import Case, Context
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import Message

MOST_OF_A_RULE = 20
"""Places listed for one rule: a hostile body shall not make a ledger entry larger than itself."""

Rule = Callable[[Case], Iterator[Finding]]

_MEASUREMENTS: tuple[Rule, ...] = (
    lifecycle.allowed_in_state,
    bindings.publication_mode,
    bindings.group,
    *windows.RULES,
    *figures.RULES,
)

RULES: dict[MessageType, tuple[Rule, ...]] = {
    MessageType.REGISTER: (lifecycle.allowed_in_state, *registrations.RULES),
    MessageType.HANDSHAKE: (lifecycle.allowed_in_state, handshakes.measurement_configuration),
    MessageType.HANDSHAKE_ACKNOWLEDGE: (
        lifecycle.allowed_in_state,
        handshakes.answers_the_handshake,
        handshakes.measurement_configuration,
    ),
    MessageType.HEARTBEAT: (lifecycle.allowed_in_state, lifecycle.ahead_of_now),
    MessageType.UPDATE_GROUP_MEASUREMENTS: _MEASUREMENTS,
    MessageType.UPDATE_ASSET_MEASUREMENTS: (*_MEASUREMENTS, bindings.asset, *windows.ASSET_RULES),
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: (lifecycle.allowed_in_state, bindings.group, *adjustments.RULES),
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: (lifecycle.allowed_in_state, *compliance.RULES),
}


def judge(
    state: SessionState, type: MessageType, message: Message | None, correlation_id: str, context: Context
) -> tuple[Finding, ...]:
    """Every failed rule of a message to an attached session.

    `message` is None when its body could not be read: then the rules that need no body are judged. A type without
    rules (what only a Capacity Provider sends) has no findings while the session is active.
    """
    case = Case(state, type, message, correlation_id, context)
    findings = list(lifecycle.not_ended(case))
    for rule in RULES.get(type, ()):
        findings.extend(islice(rule(case), MOST_OF_A_RULE))
    return tuple(findings)
