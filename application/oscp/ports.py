"""What the OSCP service needs of the outside."""

from __future__ import annotations

from typing import Protocol

from depot_sim.domain.oscp.rules import WindowMeters


class ScopeMeter(Protocol):
    """What the world's own meters measured at a managed scope."""

    async def window(self, run_id: str, managed_scope_id: str, begin_ms: int, end_ms: int) -> WindowMeters | None:
        """Between two moments of the run (ms since its start); None when the run has not come so far."""
