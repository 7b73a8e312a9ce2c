"""What a message is judged against beside the session: the moment, and what the world measured."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.rules import measured
from depot_sim.domain.oscp.rules.measured import Energy, Maximum
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import Message


class WindowMeters(msgspec.Struct, frozen=True):
    """What the world's own meters of the scope say of one window: energies in mWh, the highest load in W.

    Not `complete`: the run did not cover the whole window, so that nothing reported can be held against it.
    """

    energy_import_wh_milli: int
    energy_export_wh_milli: int
    max_w: int
    complete: bool = True


class Context(msgspec.Struct, frozen=True):
    """`now` is on the session's clock. `meters` are those of `window_of(message)`, None when there are none.

    `world_age_ms` tells how long (wall time) a run that should be moving has not moved. `breached` tells for each
    forecast, by its request id, when the scope was last found above it; None when that is not known.
    """

    now: int
    meters: WindowMeters | None = None
    world_age_ms: int = 0
    breached: Mapping[str, int] | None = None


class Case(msgspec.Struct, frozen=True, dict=True):
    """One message before its rules. Without `message` the body could not be read, and only the rest is judged.

    What several rules look at is taken out of the message once.
    """

    state: SessionState
    type: MessageType
    message: Message | None
    correlation_id: str
    context: Context

    @property
    def attached(self) -> OscpProviderSessionAttached:
        """What the session was attached with; messages resolve to attached sessions only."""
        assert self.state.attached is not None
        return self.state.attached

    @cached_property
    def energies(self) -> tuple[Energy, ...]:
        return tuple(measured.energies(self.message))

    @cached_property
    def maxima(self) -> tuple[Maximum, ...]:
        return tuple(measured.maxima(self.message))

    @cached_property
    def window(self) -> tuple[int, int] | None:
        return measured.window_of(self.message)

    @cached_property
    def metered_window(self) -> tuple[int, int] | None:
        return measured.metered_window(self.message)
