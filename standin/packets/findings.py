"""What is odd about a packet. A finding refuses nothing: it is said in the answer, kept, and counted."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What sort of oddity; the words are those of the answer and of the control API."""

    SCHEMA = "schema"  # a field is missing, unknown or of another type, a value too
    GAP = "gap"  # numbers were skipped
    OUT_OF_ORDER = "out-of-order"  # a number that was skipped comes late
    REPEATED = "repeated"  # this packet was here before
    CONFLICT = "conflict"  # this packet id was here before, with other content
    NUMBER_AGAIN = "number-again"  # two packets have the same number
    RESTARTED = "restarted"  # numbers begin again: so did the device
    NO_BIRTH = "no-birth"  # a device speaks that was not declared
    AFTER_DEATH = "after-death"  # a device speaks that has said its last
    CLOCK_SKEW = "clock-skew"  # the device's clock went back, leapt, or disagrees with ours
    STALE = "stale"  # a value called good is old
    UNKNOWN_DEVICE = "unknown-device"
    UNKNOWN_KEY = "unknown-key"
    UNKNOWN_UNIT = "unknown-unit"  # not the unit this key comes in
    UNKNOWN_WORD = "unknown-word"
    OUT_OF_RANGE = "out-of-range"
    NOT_APPLIED = "not-applied"  # an action has no target, or no value that it can use


class Finding(Struct, frozen=True, omit_defaults=True):
    """One oddity; `key` names the measurand it is about, if it is about one."""

    kind: Kind
    text: str
    key: str | None = None
