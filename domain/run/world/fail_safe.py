"""The heartbeat link between a microgrid controller and its node.

Armed when the link is created, refreshed only by heartbeats, LATE after 1.5 intervals, LOST after `lost_after`;
fail-safe begins at LOST + grace and ends with the next heartbeat at once. Without a heartbeat it never ends by itself:
a minimum duration after which the node goes unlimited is where real products broke, so there is none.
"""

from __future__ import annotations

from enum import Enum

from domain.configuration.document import MicrogridController
from domain.run.world.state import NEVER, NOBODY, ControllerState


class HeartbeatStatus(Enum):
    OK = "OK"
    LATE = "LATE"
    LOST = "LOST"
    NEVER = "NEVER"


HEARTBEAT_COUNTER_WRAP = 65_536


def last_heartbeat(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """Logical time of the newest heartbeat not after `at`; -1 when there was none."""
    if not state.beating:
        return state.last_beat
    return at - (at - state.beats_from) % spec.heartbeat_interval


def heartbeat_counter(spec: MicrogridController, state: ControllerState, at: int) -> int:
    """Heartbeats sent so far, as the 16-bit counter that wraps to 0."""
    beats = state.beats_before
    if state.beating:
        beats += (at - state.beats_from) // spec.heartbeat_interval + 1
    return beats % HEARTBEAT_COUNTER_WRAP


def heartbeat_status(spec: MicrogridController, state: ControllerState, at: int) -> HeartbeatStatus:
    last = last_heartbeat(spec, state, at)
    age = at - max(last, 0)
    if age >= spec.lost_after:
        return HeartbeatStatus.LOST
    if last == NOBODY:
        return HeartbeatStatus.NEVER
    return HeartbeatStatus.LATE if 2 * age > 3 * spec.heartbeat_interval else HeartbeatStatus.OK


def fail_safe_from(spec: MicrogridController, state: ControllerState) -> int:
    """When the node has to be held at its fail-safe limit unless another heartbeat comes; NEVER while they come."""
    return NEVER if state.beating else max(state.last_beat, 0) + spec.lost_after + spec.grace
