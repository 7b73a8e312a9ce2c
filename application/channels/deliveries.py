"""What the channels of a run have to deliver, and what of it has not been delivered: part of a scenario's verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Due(NamedTuple):
    """What became due on a run from `since` to `until`, in ms since the run's start, both included.

    It leaves out what one of these `overrides` keeps back or has changed.
    """

    run_id: str
    since: int
    until: int
    overrides: frozenset[str] = frozenset()


class Deliveries(Protocol):
    """Of one family's channels. A family that delivers nothing by itself has none."""

    async def wait_until_open(self, run_id: str) -> None:
        """Return when the channels that open with their run are open, if this process opens them.

        Not to be awaited by who has the run's lock.
        """

    def concern(self, run_id: str) -> bool:
        """Whether the run has channels here that deliver something."""

    async def left(self, due: Due) -> int:
        """How much of it is still to be delivered, once the channels have seen all of the run.

        Not to be awaited by who has the run's lock. Raises Conflict, RunHeldElsewhere.
        """

    async def undelivered(self, due: Due) -> Sequence[str]:
        """What was not delivered and why, in sentences."""
