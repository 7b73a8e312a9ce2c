"""Lists come from read models, which follow the log: a reader waits for them, so that it sees what it has just done."""

from __future__ import annotations

from adapters.control_api.backend import Backend

LONGEST_WAIT_SECONDS = 0.5
"""A read model that is rebuilt or failing answers with what it has."""


def fresh(backend: Backend) -> None:
    """Block until the read models show everything committed before this call, or for half a second."""
    backend.projections.wait_for(backend.log.head(), LONGEST_WAIT_SECONDS)
