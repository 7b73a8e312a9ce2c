"""Faults on request, so that the other side can prove how it copes with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct
from msgspec import field as struct_field

from depot_sim.standin.wire import Message


class Direction(StrEnum):
    """Seen from here: inbound comes from the capacity provider."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Action(StrEnum):
    """What is done to a message."""

    IGNORE = "ignore"  # inbound: it has no effect, and no answer until the peer gives up
    STATUS = "status"  # inbound: it has no effect, and is answered with this status
    DROP = "drop"  # outbound: it is not sent, which counts as a failure of the network
    DUPLICATE = "duplicate"  # outbound: it is sent twice with the same request id
    DELAY = "delay"  # either way: it is dealt with this many seconds later


_POSSIBLE = {
    Direction.INBOUND: {Action.IGNORE, Action.STATUS, Action.DELAY},
    Direction.OUTBOUND: {Action.DROP, Action.DUPLICATE, Action.DELAY},
}


class Rule(Struct, forbid_unknown_fields=True):
    """One fault; `times` counts down with each message it hits, and without it the rule stays until it is cleared."""

    direction: Direction
    message: Message
    action: Action
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=3600)] | None = None
    times: Annotated[int, Meta(ge=0)] | None = None

    def __post_init__(self) -> None:
        if self.action not in _POSSIBLE[self.direction]:
            raise ValueError(f"an {self.direction} message can be told to {', '.join(_POSSIBLE[self.direction])}")
        if (self.action is Action.STATUS) != (self.status is not None):
            raise ValueError("action status, and no other, names a status")
        if (self.action is Action.DELAY) != (self.seconds is not None):
            raise ValueError("action delay, and no other, names its seconds")


class MisbehaviourOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tester asks for; it replaces what was asked for before. An outage stops every message both ways."""

    rules: list[Rule] = struct_field(default_factory=list)
    outage: bool = False


@dataclass
class Misbehaviour:
    """The faults of one connection that are in force."""

    rules: list[Rule] = field(default_factory=list)
    outage: bool = False

    def obey(self, order: MisbehaviourOrder) -> None:
        self.rules, self.outage = list(order.rules), order.outage

    def take(self, direction: Direction, message: Message) -> Rule | None:
        """The first rule in force that hits this message; it counts as used."""
        for rule in self.rules:
            if (rule.direction, rule.message) == (direction, message) and rule.times != 0:
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None
