"""What a session's policy and profile may say: figures that would make a timer run wild are refused."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle, Validation

_DAY_MS = 24 * 3_600_000
_BOUNDS = {
    "handshake_timeout_ms": (1, _DAY_MS),
    "heartbeat_interval_ms": (100, _DAY_MS),
    "connect_timeout_ms": (1, _DAY_MS),
    "request_timeout_ms": (1, _DAY_MS),
    "stale_after_ms": (1, _DAY_MS),
    "tolerance_ppm": (0, 1_000_000),
    "energy_floor_wh": (0, 10**9),
    "power_floor_w": (0, 10**9),
    "compliance_within_ms": (1, _DAY_MS),
    "adjustment_within_ms": (0, _DAY_MS),
    "segments_within_ms": (1, _DAY_MS),
}
_UNREACHABLE = (*sorted(LIVE), Lifecycle.OFFLINE)
_STALE = (Validation.REJECTED, Validation.INDETERMINATE)
_LARGEST_FACTOR = 1_000
_STATUSES = range(200, 600)


def policy_faults(policy: Policy) -> Iterator[Fault]:
    for field, (least, most) in _BOUNDS.items():
        value = getattr(policy, field)
        if not least <= value <= most:
            yield Fault(f"/policy/{field}", str(value), f"{least} to {most}")
    if policy.unreachable not in _UNREACHABLE:
        yield Fault("/policy/unreachable", policy.unreachable, " or ".join(_UNREACHABLE))
    if policy.stale not in _STALE:
        yield Fault("/policy/stale", policy.stale, " or ".join(_STALE))


def profile_faults(profile: PartnerProfile) -> Iterator[Fault]:
    if not 1 <= profile.heartbeat_factor <= _LARGEST_FACTOR:
        pointer = "/profile_changes/heartbeat_factor"
        yield Fault(pointer, str(profile.heartbeat_factor), f"1 to {_LARGEST_FACTOR}")
    for kind, status in profile.statuses.items():
        if status not in _STATUSES:
            yield Fault(f"/profile_changes/statuses/{kind}", str(status), "an HTTP status from 200 to 599")
