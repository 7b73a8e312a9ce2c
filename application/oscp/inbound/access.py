"""Whether a session takes inbound messages, and by which proof."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import msgspec

from depot_sim.application.oscp.requests import CreateSession
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.oscp.profile import PartnerProfile, SessionKey
from depot_sim.domain.oscp.state import SessionState


class OscpReach(NamedTuple):
    """`is_exposed` when the service listens beyond loopback, `is_open` when it was started with `--open oscp`."""

    is_exposed: bool = False
    is_open: bool = False

    @property
    def requires_credentials(self) -> bool:
        return self.is_exposed and not self.is_open


ON_LOOPBACK = OscpReach()


class Access(StrEnum):
    """CREDENTIALS: requests show the session's token. LOCAL: only requests of this machine. OPEN: all. CLOSED: none."""

    CREDENTIALS = "credentials"
    LOCAL = "local"
    OPEN = "open"
    CLOSED = "closed"


class InboundAccess(msgspec.Struct, frozen=True):
    """Which inbound messages a session takes; `detail` says why, and how to change it."""

    access: Access
    detail: str


def inbound_access(state: SessionState, reach: OscpReach) -> InboundAccess:
    if state.inbound_tokens is not None:
        return InboundAccess(Access.CREDENTIALS, "inbound messages have to show the token of the session")
    if reach.is_open:
        return InboundAccess(Access.OPEN, "the service was started with --open oscp, and the session asks for no token")
    if reach.is_exposed:
        detail = (
            "the session has no inbound credentials and the service listens beyond loopback: delete the session and "
            "create it with credentials.inbound, or start the service with --open oscp"
        )
        return InboundAccess(Access.CLOSED, detail)
    return InboundAccess(Access.LOCAL, "the session has no inbound credentials: it takes messages of this machine only")


def access_fault(request: CreateSession, profile: PartnerProfile, reach: OscpReach) -> Fault | None:
    """The fault of a new session that no partner could send to, or anyone could.

    A session whose partner registers, or is found by its token, gets its tokens later and is closed until then.
    """
    gets_tokens_later = profile.registration or profile.session_key is SessionKey.TOKEN
    if not reach.requires_credentials or gets_tokens_later or request.credentials.inbound is not None:
        return None
    expected = (
        'the token that the partner shows, such as {"secret": "NAME"}, where NAME is a file in the folder --secrets or '
        "a variable DEPOT_SIM_SECRET_NAME of the service, because the service listens beyond loopback; or start the "
        "service with --open oscp"
    )
    return Fault("/credentials/inbound", "nothing", expected)
