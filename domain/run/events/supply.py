"""Storage, generation, microgrid controllers."""

from __future__ import annotations

from typing import ClassVar

from depot_sim.domain.run.events.base import RunEvent
from depot_sim.domain.run.world.state import Control, ControllerMode, Dispatch, PowerState


class BessStateChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "bess.state-changed.1"
    bess: str
    power_state: PowerState
    control: Control
    dispatch: Dispatch
    setpoint_w: int


class BessStateOfChargeSet(RunEvent, frozen=True):
    """`adjusted_mj` is how much more is stored than before."""

    TOPIC: ClassVar[str] = "bess.state-of-charge-set.1"
    bess: str
    stored_mj: int
    adjusted_mj: int = 0


class PvStateChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "pv.state-changed.1"
    pv: str
    power_state: PowerState
    curtailment_ppm: int


class ControllerHeartbeatsChanged(RunEvent, frozen=True):
    """The controller sends its heartbeats from now on, `every_ms` (0: as often as configured), or ceases to."""

    TOPIC: ClassVar[str] = "controller.heartbeats-changed.1"
    controller: str
    beating: bool
    every_ms: int = 0


class ControllerRestarted(RunEvent, frozen=True):
    """Its link is created anew: no heartbeat was heard on it yet, and the time until it is lost begins."""

    TOPIC: ClassVar[str] = "controller.restarted.1"
    controller: str


class ControllerModeChanged(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "controller.mode-changed.1"
    controller: str
    mode: ControllerMode


class FailSafeEntered(RunEvent, frozen=True):
    """The heartbeat is lost: the node is held at its fail-safe limit."""

    TOPIC: ClassVar[str] = "controller.fail-safe-entered.1"
    controller: str


class FailSafeLeft(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "controller.fail-safe-left.1"
    controller: str
