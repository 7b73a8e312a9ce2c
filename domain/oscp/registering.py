"""What a Register offers, and what it changes: where the partner is reached, and whether it waits for ours."""

from __future__ import annotations

from urllib.parse import urljoin

from msgspec.structs import replace

from depot_sim.domain.kernel.address import Address
from depot_sim.domain.oscp.events import OscpPartnerRegistered, OscpProviderSessionAttached
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.wire.messages import OfferedVersion, Register

VERSION = "2.0"
_ANSWERED_WITHIN_MS = 5_000


def chosen(register: Register) -> OfferedVersion | None:
    """The first offer of our version; None when there is none."""
    return next((offered for offered in register.versions if offered.version == VERSION), None)


def resolved(base_url: str, known: str) -> str:
    """The address that is meant; one without a host is on that of the address `known` before.

    Raises ValueError for what is no address.
    """
    return Address.parse(urljoin(known, base_url), query=False).text.rstrip("/")


def correspondent(state: SessionState) -> OscpProviderSessionAttached:
    """What the session was attached with, with what registering has changed of it: address and token."""
    assert state.attached is not None, "a session begins by being attached"
    registration = state.registration
    if registration.outbound is None:
        return state.attached
    credentials = replace(state.attached.credentials, outbound=registration.outbound)
    return replace(state.attached, betterfleet_base_url=registration.base_url, credentials=credentials)


def registered(state: SessionState, receipt: Receipt, at: int) -> OscpPartnerRegistered:
    """What an accepted Register of the partner comes to."""
    offered = chosen(receipt.message) if isinstance(receipt.message, Register) else None
    assert offered is not None, "a Register without our version is refused"
    assert receipt.token is not None, "the token of an accepted Register is kept"
    base_url = resolved(offered.base_url, correspondent(state).betterfleet_base_url)
    owed = _is_reply_owed(state, receipt, at)
    return OscpPartnerRegistered(
        at=at,
        entry_id=receipt.entry_id,
        request_id=receipt.request_id,
        base_url=base_url,
        version=offered.version,
        outbound=receipt.token,
        reply_owed=owed,
    )


def _is_reply_owed(state: SessionState, receipt: Receipt, at: int) -> bool:
    """Whether the partner began: not all correlate their answers, and an answer to an answer would go on for ever."""
    registration = state.registration
    if receipt.method != "POST" or receipt.correlation_id or registration.awaited:
        return False
    return registration.answered_at is None or at - registration.answered_at >= _ANSWERED_WITHIN_MS
