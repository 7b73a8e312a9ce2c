"""What an override does to a message it hits: a tagged union, the same in requests, events and answers."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from depot_sim.domain.interaction.message import Direction

BOTH = frozenset(Direction)
INBOUND = frozenset({Direction.INBOUND})
OUTBOUND = frozenset({Direction.OUTBOUND})


class Slot(StrEnum):
    """Of the effects in one slot a message takes the newest only; those in different slots compose.

    OUTCOME effects decide what becomes of a message. Delays and distortions are the exception: a message takes all.
    """

    OUTCOME = "outcome"
    DELAY = "delay"
    VALUES = "values"
    CONTENT = "content"
    COPIES = "copies"
    ORDER = "order"
    ALSO = "also"


STACKING = frozenset({Slot.DELAY, Slot.VALUES})
"""Slots in which a newer effect does not push out an older one."""


class Effect(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="type"):
    SLOT: ClassVar[Slot] = Slot.OUTCOME
    DIRECTIONS: ClassVar[frozenset[Direction]] = BOTH


class Accept(Effect, frozen=True, tag="accept"):
    """Take the message as sound, whatever the rules say of it."""

    DIRECTIONS = INBOUND


class Reject(Effect, frozen=True, tag="reject"):
    """Answer with this status and body; the message has no other effect."""

    DIRECTIONS = INBOUND
    status: int = 403
    body: str = ""


class Ignore(Effect, frozen=True, tag="ignore"):
    """Give no answer until the peer has given up. With `processed` the message still takes effect."""

    DIRECTIONS = INBOUND
    processed: bool = False


class Unavailable(Effect, frozen=True, tag="unavailable"):
    """Answer that the service cannot be used now (503), and when to come back."""

    DIRECTIONS = INBOUND
    retry_after_s: int | None = None


class Mismatched(StrEnum):
    LIFECYCLE = "lifecycle"
    GROUP = "group"
    CORRELATION = "correlation"


class Mismatch(Effect, frozen=True, tag="mismatch"):
    """Inbound: answer as if the two sides disagreed about this. Outbound: send with this wrong."""

    what: Mismatched


class Withhold(Effect, frozen=True, tag="withhold"):
    """Do not send the message."""

    DIRECTIONS = OUTBOUND


class Outage(Effect, frozen=True, tag="outage"):
    """The network is down: inbound connections end without an answer, outbound ones cannot be made."""


class Range(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    min_ms: int
    max_ms: int


class Spread(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    median_ms: int
    p95_ms: int


class Delay(Effect, frozen=True, tag="delay"):
    """Wait before answering or sending: a fixed time, or one drawn anew for every hit from the seed."""

    SLOT = Slot.DELAY
    fixed_ms: int | None = None
    uniform: Range | None = None
    lognormal: Spread | None = None


class How(StrEnum):
    """Ways to spoil a body. Those from REMOVED on work at `pointer`, the others on the whole."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    TRUNCATED = "truncated"
    CORRUPTED = "corrupted"
    DEEP = "deep"
    REMOVED = "removed"
    ADDED = "added"
    RETYPED = "retyped"
    REPLACED = "replaced"
    REVERSED = "reversed"
    NAN = "nan"
    NAIVE_TIMESTAMPS = "naive_timestamps"
    MICROSECOND_TIMESTAMPS = "microsecond_timestamps"
    SHIFTED_TIMESTAMPS = "shifted_timestamps"


class Malform(Effect, frozen=True, tag="malform"):
    """Spoil the body before it is sent.

    In `pointer` a token `*` means every element of a list. `value` is JSON text, for REPLACED. `by_ms` shifts
    timestamps, which are looked for everywhere below the pointer.
    """

    SLOT = Slot.CONTENT
    DIRECTIONS = OUTBOUND
    how: How
    pointer: str = ""
    value: str = ""
    by_ms: int = 0


class Distortion(StrEnum):
    """Ways for a device to say something untrue in a packet that is sound.

    Those up to BAD_QUALITY work on single measurements, the others on the packet.
    """

    FROZEN = "frozen"
    STALE = "stale"
    WRONG_UNIT = "wrong_unit"
    OTHER_UNIT = "other_unit"
    WRONG_CASING = "wrong_casing"
    WORD_CASING = "word_casing"
    UNKNOWN_WORDS = "unknown_words"
    QUANTISED = "quantised"
    TEXT = "text"
    NULL = "null"
    REPLACED = "replaced"
    MISSING = "missing"
    BAD_QUALITY = "bad_quality"
    EXTRA = "extra"
    CLOCK_SKEW = "clock_skew"
    SEQUENCE_JUMP = "sequence_jump"
    SEQUENCE_STUCK = "sequence_stuck"


class Distort(Effect, frozen=True, tag="distort"):
    """Falsify a packet before it is encoded, so that every profile's envelope carries it.

    `keys` are measurands, by the profile's name or as sent (empty: all of them). `by_ms` is how far the device's clock
    is fast, `by` how far its counter jumps, `value` is JSON text for REPLACED.
    """

    SLOT = Slot.VALUES
    DIRECTIONS = OUTBOUND
    how: Distortion
    keys: tuple[str, ...] = ()
    by_ms: int = 0
    by: int = 0
    value: str = ""


class Duplicate(Effect, frozen=True, tag="duplicate"):
    """Send the message this many times more, under the same request id unless told otherwise."""

    SLOT = Slot.COPIES
    DIRECTIONS = OUTBOUND
    times: int = 1
    new_request_ids: bool = False


class Reorder(Effect, frozen=True, tag="reorder"):
    """Send the message behind the next one(s), at the latest after `at_most_ms` of wall time."""

    SLOT = Slot.ORDER
    DIRECTIONS = OUTBOUND
    behind: int = 1
    at_most_ms: int = 10_000


class Provoke(Effect, frozen=True, tag="provoke"):
    """Carry out a command of the target's own control as well, at once; the message itself goes its usual way."""

    SLOT = Slot.ALSO
    DIRECTIONS = INBOUND
    command: str


AnyEffect = (
    Accept
    | Reject
    | Ignore
    | Unavailable
    | Mismatch
    | Withhold
    | Outage
    | Delay
    | Malform
    | Distort
    | Duplicate
    | Reorder
    | Provoke
)
Outcome = Accept | Reject | Ignore | Unavailable | Mismatch | Withhold | Outage
