"""The two partner profiles that come with the simulator; a third is a document, not code."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from depot_sim.domain.kernel.credentials import Authorization
from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.profile import PartnerProfile, Presence, SessionKey
from depot_sim.domain.oscp.vocabulary import MessageType

STANDARD_TOLERANCE = frozenset(
    {
        "unknown-field",
        "fraction-digits",
        "flat-behaviour",
        "camel-case",
        "measurement-configuration-missing",
        "group-id-as-correlation",
        "fractional-interval",
        "space-for-t",
    }
)

_VECTOR_STATUSES = {
    Kind.CREDENTIALS: 403,
    Kind.SESSION: 403,
    Kind.HEADERS: 422,
    Kind.SIZE: 422,
    Kind.CONTENT_TYPE: 422,
    Kind.MALFORMED: 422,
    Kind.LIFECYCLE: 403,
    Kind.BINDING: 403,
    Kind.CORRELATION: 403,
    Kind.SCHEMA: 422,
    Kind.SEMANTICS: 422,
    Kind.VERSION: 501,
    Kind.STALE: 503,
}

_MESSAGE_PATHS = {
    "handshake": MessageType.HANDSHAKE,
    "handshake_acknowledge": MessageType.HANDSHAKE_ACKNOWLEDGE,
    "heartbeat": MessageType.HEARTBEAT,
    "update_group_measurements": MessageType.UPDATE_GROUP_MEASUREMENTS,
    "update_asset_measurements": MessageType.UPDATE_ASSET_MEASUREMENTS,
    "adjust_group_capacity_forecast": MessageType.ADJUST_GROUP_CAPACITY_FORECAST,
    "group_capacity_compliance_error": MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR,
}

_PARTNER_PATHS = {
    MessageType.HANDSHAKE: "/fp/2.0/handshake",
    MessageType.HANDSHAKE_ACKNOWLEDGE: "/fp/2.0/handshake_acknowledge",
    MessageType.HEARTBEAT: "/fp/2.0/heartbeat",
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: "/fp/2.0/update_group_capacity_forecast",
}

BETTERFLEET_VECTOR = PartnerProfile(
    name="betterfleet-vector",
    description="The contract of BetterFleet with Vector: handshakes both ways, the configuration header, no Register.",
    statuses=_VECTOR_STATUSES,
    tolerated=STANDARD_TOLERANCE,
    inbound_paths=_MESSAGE_PATHS,
    outbound_paths=_PARTNER_PATHS,
)

OCA_2_0 = PartnerProfile(
    name="oca-2.0",
    description="OSCP 2.0 by the OCA's schemas: Register, tokens, no configuration header, segmented messages.",
    session_key=SessionKey.TOKEN,
    authorization=Authorization.TOKEN,
    acknowledge_correlation=Presence.OPTIONAL,
    statuses={**_VECTOR_STATUSES, Kind.HEADERS: 400, Kind.MALFORMED: 400, Kind.SCHEMA: 400, Kind.SEMANTICS: 400},
    tolerated=STANDARD_TOLERANCE,
    inbound_paths={
        "register": MessageType.REGISTER,
        **{path: type for path, type in _MESSAGE_PATHS.items() if path != "update_asset_measurements"},
    },
    outbound_paths={
        MessageType.REGISTER: "/register",
        **{type: path.removeprefix("/fp/2.0") for type, path in _PARTNER_PATHS.items()},
    },
    same_interval=False,
    registration=True,
    segments=True,
)

BUILT_IN = {profile.name: profile for profile in (BETTERFLEET_VECTOR, OCA_2_0)}


def derived(base: PartnerProfile, changes: Mapping[str, object]) -> PartnerProfile:
    """`base` with the fields of a document laid over it. Raises msgspec.ValidationError for what is no profile.

    A map is changed entry by entry; null takes an entry out.
    """
    fields = msgspec.to_builtins(base)
    for name, value in changes.items():
        before = fields.get(name)
        fields[name] = _laid_over(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return msgspec.convert(fields, PartnerProfile)


def _laid_over(before: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in {**before, **changes}.items() if value is not None}
