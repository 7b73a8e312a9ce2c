"""From a binding of the configuration, or a request, to what a feed is opened with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from depot_sim.application.credentials import secret_faults
from depot_sim.application.http import SecretStore
from depot_sim.application.packets.profiles import ProfileLibrary
from depot_sim.application.packets.requests import OpenPacketFeed
from depot_sim.domain.configuration.document import ID_PATTERN, PacketsBinding, SimulationConfigurationDocument
from depot_sim.domain.kernel.address import address_fault
from depot_sim.domain.kernel.credential_problems import outbound_faults
from depot_sim.domain.kernel.credentials import Authorization, Credentials
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import one_of, quoted
from depot_sim.domain.packets.binding import read_binding
from depot_sim.domain.packets.contract.profile import PacketProfile, read_profile
from depot_sim.domain.packets.device import Device
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.events import FeedPolicy, PacketFeedOpened, PacketFeedRefused
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.run.aggregate import SimulationRun

_DAY_MS = 24 * 3_600_000
_BOUNDS = {
    "connect_timeout_ms": (1, _DAY_MS),
    "request_timeout_ms": (1, _DAY_MS),
    "backlog_limit": (1, 1_000_000),
    "retry_base_ms": (1, _DAY_MS),
    "retry_cap_ms": (1, _DAY_MS),
    "connections": (1, 1_000),
}


class _Asked(NamedTuple):
    """A request with what the configuration says where it is silent."""

    binding_id: str
    managed_scope_id: str
    endpoint: str
    profile: str
    profile_files: Mapping[str, str] | None
    devices: Mapping[str, Any] | None
    site_model_name: str | None
    authorization: Authorization
    credentials: Credentials
    policy: FeedPolicy


def bindings_with_endpoint(document: SimulationConfigurationDocument) -> Iterator[PacketsBinding]:
    """Those whose feeds open by themselves."""
    for binding in document.projection_bindings:
        if isinstance(binding, PacketsBinding) and binding.endpoint:
            yield binding


def opening_of(
    request: OpenPacketFeed, run: SimulationRun, run_version: int, library: ProfileLibrary, secrets: SecretStore
) -> PacketFeedOpened:
    """What the feed is opened with; `secrets` are those that credentials may name.

    Raises InvalidInput with every fault, NotFound for an unknown profile or scope.
    """
    document = run.depot.document
    asked = _asked(request, _binding(document, request.binding_id))
    faults = list(_faults(asked, document, secrets))
    if faults:
        raise InvalidInput(faults)
    files = dict(asked.profile_files or library.files(asked.profile))
    profile = read_profile(files)
    if profile.header_faults:
        raise InvalidInput(profile.header_faults)
    devices, site_model_name, unmapped = _devices(asked, document, profile)
    if not devices:
        found = f"rows that cannot be mapped: {len(unmapped)}" if asked.devices is not None else "nothing to measure"
        raise InvalidInput([Fault("/devices", found, "at least one device that can be"), *unmapped])
    return PacketFeedOpened(
        at=run.now,
        feed_id=stream_of(run.run_id, asked.binding_id),
        run_id=run.run_id,
        binding_id=asked.binding_id,
        managed_scope_id=asked.managed_scope_id,
        site_id=asked.site_model_name or site_model_name or asked.managed_scope_id,
        started_at=run.started_at,
        seed=run.started.seed,
        run_version=run_version,
        endpoint=asked.endpoint,
        profile=profile.name,
        profile_files=files,
        devices=devices,
        unmapped=unmapped,
        site_model_name=asked.site_model_name or site_model_name,
        authorization=asked.authorization,
        credentials=asked.credentials,
        policy=asked.policy,
    )


def refusal(
    run: SimulationRun, document: SimulationConfigurationDocument, binding_id: str, reason: str
) -> PacketFeedRefused:
    """That the feed of a configured binding cannot be opened."""
    binding = _binding(document, binding_id)
    scope = "" if binding is None else binding.managed_scope
    return PacketFeedRefused(run.now, stream_of(run.run_id, binding_id), run.run_id, binding_id, scope, reason)


def _binding(document: SimulationConfigurationDocument, binding_id: str) -> PacketsBinding | None:
    for binding in document.projection_bindings:
        if isinstance(binding, PacketsBinding) and binding.id == binding_id:
            return binding
    return None


def _asked(request: OpenPacketFeed, binding: PacketsBinding | None) -> _Asked:
    configured = binding if binding is not None else PacketsBinding(id=request.binding_id, managed_scope="")
    return _Asked(
        binding_id=request.binding_id,
        managed_scope_id=_first(request.managed_scope_id, configured.managed_scope),
        endpoint=_first(request.endpoint, configured.endpoint),
        profile=_first(request.profile, configured.profile),
        profile_files=request.profile_files,
        devices=_first(request.devices, configured.devices),
        site_model_name=_first(request.site_model_name, configured.site_model_name),
        authorization=_first(request.authorization, configured.authorization),
        credentials=_first(request.credentials, configured.credentials),
        policy=request.policy,
    )


def _first(asked: Any, configured: Any) -> Any:
    return configured if asked is None else asked


def _faults(asked: _Asked, document: SimulationConfigurationDocument, secrets: SecretStore) -> Iterator[Fault]:
    if re.fullmatch(ID_PATTERN, asked.binding_id) is None:
        yield Fault("/binding_id", quoted(asked.binding_id), "an id: letters, digits, '.', '_', ':' and '-'")
    scopes = tuple(scope.id for scope in document.managed_scopes)
    if asked.managed_scope_id not in scopes:
        expected = one_of(scopes) if scopes else "a run whose configuration has managed scopes"
        yield Fault("/managed_scope_id", quoted(asked.managed_scope_id), expected)
    fault = address_fault(asked.endpoint, "/endpoint")
    if fault is not None:
        yield fault
    yield from outbound_faults(asked.authorization, asked.credentials)
    yield from secret_faults(asked.credentials, secrets)
    for field, (least, most) in _BOUNDS.items():
        value = getattr(asked.policy, field)
        if not least <= value <= most:
            yield Fault(f"/policy/{field}", str(value), f"{least} to {most}")
    if asked.policy.retry_cap_ms < asked.policy.retry_base_ms:
        yield Fault("/policy/retry_cap_ms", str(asked.policy.retry_cap_ms), "at least retry_base_ms")


def _devices(
    asked: _Asked, document: SimulationConfigurationDocument, profile: PacketProfile
) -> tuple[tuple[Device, ...], str | None, tuple[Fault, ...]]:
    """The devices, what the binding document calls the site, and its rows that could not be mapped."""
    if asked.devices is None:
        return derived_devices(document, asked.managed_scope_id, profile), None, ()
    report = read_binding(asked.devices, document, asked.managed_scope_id, profile)
    return report.devices, report.site_model_name, report.unmapped
