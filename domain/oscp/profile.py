"""A partner profile: how one kind of partner speaks OSCP, as one data value. Sessions know nothing else of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from depot_sim.domain.kernel.credentials import Authorization
from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.vocabulary import MessageType


class Presence(StrEnum):
    REQUIRED = "required"
    OPTIONAL = "optional"


class SessionKey(StrEnum):
    """What of a request finds the session: the configuration header, or the token in Authorization."""

    CONFIGURATION_ID = "configuration_id"
    TOKEN = "token"  # noqa: S105 - a word of the profile, no secret


class TimestampStyle(StrEnum):
    """How instants are written: `2026-04-02T10:00:00.000Z`, the same without milliseconds, or a naive local form."""

    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    NAIVE = "naive"


class PartnerProfile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`statuses` maps each kind of finding to the HTTP status answered; NUMBERS may be left out: recorded, not refused.

    `tolerated` names deviations that are read and noted; all others are refused as SCHEMA findings.
    `inbound_paths` maps a path below the service's prefix, `outbound_paths` one below the partner's base URL.
    `heartbeat_factor` times the interval is how far ahead `offline_mode_at` lies. A partner that does not say how often
    it wants heartbeats gets none, or with `same_interval` as many as it was asked for. With `segments`, messages may
    come in segments, and those with a body beyond `largest_body_bytes` are sent in segments.
    """

    name: str
    description: str = ""
    session_key: SessionKey = SessionKey.CONFIGURATION_ID
    authorization: Authorization = Authorization.NONE
    request_id: Presence = Presence.REQUIRED
    acknowledge_correlation: Presence = Presence.REQUIRED
    compliance_correlation: Presence = Presence.REQUIRED
    statuses: Mapping[Kind, int] = {}
    tolerated: frozenset[str] = frozenset()
    inbound_paths: Mapping[str, MessageType] = {}
    outbound_paths: Mapping[MessageType, str] = {}
    timestamps: TimestampStyle = TimestampStyle.MILLISECONDS
    nested_behaviour: bool = True
    heartbeat_factor: int = 3
    same_interval: bool = True
    registration: bool = False
    segments: bool = False
    largest_body_bytes: Annotated[int, msgspec.Meta(ge=64)] | None = None

    def status(self, kind: Kind) -> int | None:
        """The status for a kind of finding; None when it is only recorded."""
        return self.statuses.get(kind)
