"""Faults of the platform's endpoint on request: so that whoever delivers packets can prove how it copes with them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct


class Action(StrEnum):
    """What is done to a post."""

    STATUS = "status"  # answered with this status
    HANG = "hang"  # no answer until the peer gives up
    SLOW = "slow"  # taken at once, and answered this many seconds later
    HANG_UP = "hang-up"  # the connection is closed without an answer
    REDIRECT = "redirect"  # sent elsewhere: 307 with this location
    GARBAGE = "garbage"  # answered 200 with what is no JSON
    LOSE = "lose"  # accepted as ever, and lost: the endpoint lies


_NEEDS = {Action.STATUS: "status", Action.SLOW: "seconds", Action.REDIRECT: "location"}


class Rule(Struct, forbid_unknown_fields=True, kw_only=True):
    """One fault, of all posts or those of one device.

    `times` is how many posts it hits, for ever without it. With `spares` it flaps: after each `times` hits as many
    posts are spared, and so on. `taken` says that the post has its effect all the same: only its answer is spoilt.
    """

    action: Action
    device: str | None = None
    status: Annotated[int, Meta(ge=200, le=599)] | None = None
    seconds: Annotated[float, Meta(ge=0, le=3600)] | None = None
    location: str | None = None
    retry_after: str | None = None
    times: Annotated[int, Meta(ge=1)] | None = None
    spares: Annotated[int, Meta(ge=1)] | None = None
    taken: bool = False

    def __post_init__(self) -> None:
        for action, needed in _NEEDS.items():
            if (self.action is action) != (getattr(self, needed) is not None):
                raise ValueError(f"action {action}, and no other, names its {needed}")
        if self.spares and not self.times:
            raise ValueError("spares needs times: how many posts are hit before so many are spared")
        if self.taken and self.action in (Action.SLOW, Action.LOSE):
            raise ValueError("a slow post is always taken, and a lost one never")


class MisbehaviourOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """What a tester asks for; it replaces what was asked for before."""

    rules: list[Rule] = []


@dataclass
class _Standing:
    """A rule, and how many posts have matched it."""

    rule: Rule
    matched: int = 0

    def hits(self) -> bool:
        """Whether the rule hits the next post that matches."""
        rule, place = self.rule, self.matched
        self.matched += 1
        if rule.times is None:
            return True
        return place % (rule.times + rule.spares) < rule.times if rule.spares else place < rule.times


class Misbehaviour:
    """The faults in force."""

    def __init__(self) -> None:
        self._standing: list[_Standing] = []

    @property
    def order(self) -> MisbehaviourOrder:
        return MisbehaviourOrder([standing.rule for standing in self._standing])

    def obey(self, order: MisbehaviourOrder) -> None:
        self._standing = [_Standing(rule) for rule in order.rules]

    def take(self, devices: set[str]) -> Rule | None:
        """The first rule that hits a post of these devices."""
        for standing in self._standing:
            if standing.rule.device in (None, *devices) and standing.hits():
                return standing.rule
        return None
