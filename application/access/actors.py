"""Who sends a request to the control API, and what the front door found out about a request."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

ADMISSION = "depot_sim.admission"
"""Where a surface finds the Admission of a request: a key of its ASGI scope."""


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"


class Actor(NamedTuple):
    """The name is recorded with every event the request makes."""

    name: str
    role: Role


LOCAL = Actor("local", Role.OPERATOR)
"""Whoever sends requests to a service without tokens, which listens on loopback only."""


class Admission(NamedTuple):
    """What the front door found out about a request that it lets in.

    `sender` is the client's address. `actor` is None on surfaces that need no token of the service. With
    `requires_credentials`, a session or a charge point has to prove itself by credentials of its own.
    """

    sender: str
    actor: Actor | None
    requires_credentials: bool


NOT_ADMITTED = Admission("", None, requires_credentials=True)
"""Of a request that did not pass the front door."""
