"""What a session is told of a message it received."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.oscp.findings import Finding
from depot_sim.domain.oscp.vocabulary import MessageType, Outcome, Validation
from depot_sim.domain.oscp.wire.messages import Message


class Receipt(NamedTuple):
    """A received message and what was decided about it. `message` is None when it could not be read.

    `token` is where the one of a Register is kept.
    """

    type: MessageType
    message: Message | None
    entry_id: str
    request_id: str
    correlation_id: str
    outcome: Outcome
    validation: Validation
    findings: tuple[Finding, ...] = ()
    rule: str = ""
    window: tuple[int, int] | None = None
    method: str = "POST"
    token: SecretReference | None = None
