"""What is wrong with a received message: findings, each of a kind that a partner profile maps to a status."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """The kinds in the order in which they decide the answer: the first kind found gives the status."""

    CREDENTIALS = "credentials"
    SESSION = "session"
    HEADERS = "headers"
    SIZE = "size"
    CONTENT_TYPE = "content_type"
    MALFORMED = "malformed"
    LIFECYCLE = "lifecycle"
    BINDING = "binding"
    CORRELATION = "correlation"
    SCHEMA = "schema"
    SEMANTICS = "semantics"
    VERSION = "version"
    STALE = "stale"
    NUMBERS = "numbers"


_ORDER = {kind: place for place, kind in enumerate(Kind)}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One failed rule. `rule` is a stable name ("heartbeat.in-the-past"), `pointer` a place in the body (RFC 6901)."""

    rule: str
    kind: Kind
    found: str
    expected: str
    pointer: str = ""


class Deviation(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something the wire standard does not allow, read all the same. `name` is what a profile tolerates or not."""

    name: str
    found: str
    pointer: str = ""


def decisive(findings: Sequence[Finding]) -> Finding | None:
    """The finding that decides the answer: the first of the first kind."""
    return min(findings, key=lambda finding: _ORDER[finding.kind], default=None)
