"""Lists come from read models, which follow the log: a request waits until its read model shows what was committed."""

from __future__ import annotations

import time

from depot_sim.adapters.control_api.backend import Backend
from depot_sim.read_models.schema import ReadModel

LONGEST_WAIT_SECONDS = 0.5
"""A read model that is rebuilt or failing answers with what it has."""


def fresh(backend: Backend, *models: ReadModel) -> None:
    """Block until these read models show everything committed before this call, or for half a second in all.

    Name those that the request reads and no others: one that is failing delays only what reads it.
    """
    head, deadline = backend.log.head(), time.monotonic() + LONGEST_WAIT_SECONDS
    for model in models:
        backend.projections.wait_for(model, head, deadline - time.monotonic())
