"""The heartbeat link between a microgrid controller and its node.

Armed when the link is created, refreshed only by heartbeats, LATE after 1.5 intervals, LOST after `lost_after`;
fail-safe begins at LOST + grace and ends with the next heartbeat at once. Without a heartbeat it never ends by itself:
a minimum duration after which the node goes unlimited is where real products broke, so there is none.
"""

from __future__ import annotations

from enum import Enum

from msgspec import UNSET

from depot_sim.domain.configuration.document import MicrogridController
from depot_sim.domain.run.world.state import NEVER, NOBODY, ControllerState


class HeartbeatStatus(Enum):
    OK = "OK"
    LATE = "LATE"
    LOST = "LOST"
    NEVER = "NEVER"


HEARTBEAT_COUNTER_WRAP = 65_536


def spacing(spec: MicrogridController, state: ControllerState) -> int:
    """From one heartbeat to the next (ms); a controller may be told to be slower than it is configured."""
    return int(spec.heartbeat_interval) if state.every_ms is UNSET else state.every_ms


def heartbeats(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """How many came on this link, up to and including `at`."""
    if not state.beating or at < state.beats_from:
        return state.beats_before
    return state.beats_before + (at - state.beats_from) // spacing(spec, state) + 1


def heartbeat_counter(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """Heartbeats sent so far, as the 16-bit counter that wraps to 0."""
    return heartbeats(spec, state, at) % HEARTBEAT_COUNTER_WRAP


def last_heartbeat(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """Logical time of the newest heartbeat not after `at`; -1 when there was none."""
    if not state.beating or at < state.beats_from:
        return state.last_beat
    return at - (at - state.beats_from) % spacing(spec, state)


def next_heartbeat(spec: MicrogridController, state: ControllerState, after: int) -> int:
    """Logical time of the first heartbeat after `after`; NEVER while they are kept back."""
    if not state.beating:
        return NEVER
    if after < state.beats_from:
        return state.beats_from
    return last_heartbeat(spec, state, after) + spacing(spec, state)


def heartbeat_status(spec: MicrogridController, state: ControllerState, at: int) -> HeartbeatStatus:
    age = at - silent_since(spec, state, at)
    if age >= spec.lost_after:
        return HeartbeatStatus.LOST
    if last_heartbeat(spec, state, at) == NOBODY:
        return HeartbeatStatus.NEVER
    return HeartbeatStatus.LATE if 2 * age > 3 * spec.heartbeat_interval else HeartbeatStatus.OK


def fail_safe_changes_at(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """When fail-safe is entered or left next, not before `at`; NEVER while everything stays as it is."""
    patience = spec.lost_after + spec.grace
    if state.fail_safe:
        last = last_heartbeat(spec, state, at)
        return at if last != NOBODY and at < last + patience else next_heartbeat(spec, state, at)
    silent_until = silent_since(spec, state, at) + patience
    coming = next_heartbeat(spec, state, at)
    if at < silent_until and coming <= silent_until:
        return NEVER if spacing(spec, state) <= patience else coming + patience
    return max(at, silent_until)


def silent_since(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """From when the silence counts: the last heartbeat, else the creation of the link."""
    last = last_heartbeat(spec, state, at)
    if last != NOBODY:
        return last
    return 0 if state.linked_at is UNSET else state.linked_at
