"""The system's limit of open files: each connection needs one."""

from __future__ import annotations

import logging
import resource
from dataclasses import replace

from depot_sim.connection_guard.limits import Limits

_OTHER_FILES = 256
"""Open files that are no connections from clients: stores, partners, the loop."""

_log = logging.getLogger("depot_sim.http")


def allow_open_files(limits: Limits) -> Limits:
    """Raise this process's limit of open files to what the connections need, as far as the system lets it.

    Where it does not, the limits of connections are lowered instead: a service that cannot open a file any more cannot
    write to its store either.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return limits
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, allowed), hard))
    if allowed >= needed:
        return limits
    connections = max(1, max(soft, allowed) - _OTHER_FILES)
    _log.warning("fewer connections are accepted: the limit of open files is low", extra={"connections": connections})
    return replace(limits, connections=connections)
