"""Projection bindings and disturbance profiles: modes, versions and addresses that the protocols know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from depot_sim.domain.configuration.document import (
    LateReturns,
    OcppBinding,
    OscpCapacityProviderBinding,
    PacketsBinding,
    ProjectionBinding,
    SimulationConfigurationDocument,
    TelematicsBinding,
)
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.address import HTTP, WEBSOCKET, address_fault
from depot_sim.domain.kernel.credential_problems import outbound_faults
from depot_sim.domain.kernel.problems import one_of, quoted
from depot_sim.domain.kernel.quantities import MS_PER_SECOND

OCPP_VERSIONS = ("1.6", "2.0.1", "2.1")
_CHOICES: Mapping[type, Mapping[str, tuple[str, ...]]] = {
    OcppBinding: {"version": OCPP_VERSIONS},
    OscpCapacityProviderBinding: {
        "measurement_publication_mode": ("GROUP", "ASSET"),
        "measurement_configuration": ("INTERMITTENT", "CONTINUOUS"),
    },
}
_SCHEMES: Mapping[type, tuple[str, ...]] = {OcppBinding: WEBSOCKET, PacketsBinding: HTTP}
_PROFILES: Mapping[type, str] = {PacketsBinding: "profile", TelematicsBinding: "provider"}
_PROFILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}/[0-9]{1,4}")


def check_projections(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    if not document.name.strip():
        yield finding("/name", quoted(document.name), "a name for the depot")
    for index, binding in enumerate(document.projection_bindings):
        yield from _binding(f"/projection_bindings/{index}", binding)
    for index, profile in enumerate(document.disturbance_profiles):
        if profile.late_returns is not None:
            yield from _late_returns(f"/disturbance_profiles/{index}/late_returns", profile.late_returns)


def _binding(pointer: str, binding: ProjectionBinding) -> Iterator[Finding]:
    for field, choices in _CHOICES.get(type(binding), {}).items():
        if getattr(binding, field) not in choices:
            yield finding(f"{pointer}/{field}", quoted(getattr(binding, field)), one_of(choices))
    if isinstance(binding, OcppBinding | PacketsBinding) and binding.endpoint:
        fault = address_fault(binding.endpoint, f"{pointer}/endpoint", _SCHEMES[type(binding)])
        if fault is not None:
            yield Finding(fault)
    if isinstance(binding, PacketsBinding):
        yield from (Finding(fault) for fault in outbound_faults(binding.authorization, binding.credentials, pointer))
    profile_field = _PROFILES.get(type(binding))
    if profile_field is not None and _PROFILE.fullmatch(getattr(binding, profile_field)) is None:
        named = quoted(getattr(binding, profile_field))
        yield finding(f"{pointer}/{profile_field}", named, 'a name and a version, such as "default/1"')
    if isinstance(binding, OscpCapacityProviderBinding) and not binding.group_id.strip():
        yield finding(f"{pointer}/group_id", quoted(binding.group_id), "the id of the capacity group")


def _late_returns(pointer: str, late: LateReturns) -> Iterator[Finding]:
    if late.p95 < late.median:
        found = f"{late.p95 / MS_PER_SECOND:g} s"
        yield finding(f"{pointer}/p95", found, f"at least the median, {late.median / MS_PER_SECOND:g} s")
