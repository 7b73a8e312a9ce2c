"""Memory of this process that is free, but not given back to the system."""

from __future__ import annotations

import ctypes
import logging

_log = logging.getLogger("depot_sim.service")


def give_back() -> None:
    """Give free memory back to the system, where the C library can: glibc. Elsewhere, nothing. Takes milliseconds.

    Without it, glibc keeps what many connections had in buffers: after 1,000 event streams that nobody read, 80 of
    100 MB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
        _log.info("free memory was given back to the system")
