"""From a request for a session, a run and its configuration document to what the session is attached with."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from depot_sim.application.credentials import secret_faults
from depot_sim.application.http import SecretStore
from depot_sim.application.oscp.inbound.access import ON_LOOPBACK, OscpReach, access_fault
from depot_sim.application.oscp.requests import CreateSession
from depot_sim.application.oscp.session.limits import policy_faults
from depot_sim.application.oscp.session.limits import profile_faults as faults_of_profile
from depot_sim.domain.configuration.document import OscpCapacityProviderBinding, SimulationConfigurationDocument
from depot_sim.domain.interaction.family import nearest_names
from depot_sim.domain.kernel.address import address_fault
from depot_sim.domain.kernel.credential_problems import credential_faults
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import one_of, quoted
from depot_sim.domain.oscp.directory import session_id_of
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.profiles import BUILT_IN, derived
from depot_sim.domain.oscp.vocabulary import MeasurementConfiguration, PublicationMode, SessionClock
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import ClockMode

BASELINE = "connected_baseline"
"""The preset without any override."""
_TEXT = re.compile(r"[\x21-\x7e]{1,100}")


def attachment(
    request: CreateSession, run: SimulationRun, at: int, secrets: SecretStore, reach: OscpReach = ON_LOOPBACK
) -> OscpProviderSessionAttached:
    """Raises InvalidInput with every fault. `secrets` are those that credentials may name."""
    document = run.depot.document
    binding = _binding(document, request.managed_scope_id)
    profile, profile_faults = _profile(request)
    group_id = request.group_id if request.group_id is not None else binding.group_id if binding else ""
    preset = request.scenario_preset or (binding.scenario_preset if binding else None) or BASELINE
    faults = [
        *_faults(request, document, group_id, preset),
        *profile_faults,
        *credential_faults(profile.authorization, request.credentials),
        *secret_faults(request.credentials, secrets),
        *policy_faults(request.policy),
    ]
    closed = access_fault(request, profile, reach)
    if closed is not None:
        raise InvalidInput([*faults, closed], hint=f"give the session {closed.expected}")
    if faults:
        raise InvalidInput(faults)
    return OscpProviderSessionAttached(
        at=at,
        session_id=session_id_of(run.run_id, request.remote_configuration_id),
        run_id=run.run_id,
        managed_scope_id=request.managed_scope_id,
        betterfleet_base_url=request.betterfleet_base_url,
        remote_configuration_id=request.remote_configuration_id,
        group_id=group_id,
        measurement_publication_mode=_mode(request, binding),
        measurement_configuration=_configuration(request, binding),
        profile=profile,
        clock=request.clock or _clock_of(run),
        scenario_preset=preset,
        asset_id=request.asset_id or "",
        credentials=request.credentials,
        policy=request.policy,
        own_base_url=request.own_base_url or "",
    )


def preset_overrides(document: SimulationConfigurationDocument, preset: str) -> Sequence[object]:
    """The override requests a preset stands for: `settings.overrides` of one in the document; names are modes."""
    for defined in document.scenario_presets:
        if defined.id == preset:
            asked = defined.settings.get("overrides", [])
            return [{"mode": one} if isinstance(one, str) else one for one in asked]
    return ()


def _faults(
    request: CreateSession, document: SimulationConfigurationDocument, group_id: str, preset: str
) -> list[Fault]:
    faults: list[Fault] = []
    scopes = tuple(scope.id for scope in document.managed_scopes)
    if request.managed_scope_id not in scopes:
        expected = one_of(scopes) if scopes else "a run whose configuration has managed scopes"
        faults.append(Fault("/managed_scope_id", quoted(request.managed_scope_id), expected))
    addresses = (
        address_fault(request.betterfleet_base_url, "/betterfleet_base_url", query=False),
        None if request.own_base_url is None else address_fault(request.own_base_url, "/own_base_url", query=False),
    )
    faults += [fault for fault in addresses if fault is not None]
    for pointer, value in (("/remote_configuration_id", request.remote_configuration_id), ("/group_id", group_id)):
        if not _TEXT.fullmatch(value):
            faults.append(Fault(pointer, quoted(value), "1 to 100 visible ASCII characters"))
    presets = (BASELINE, *(defined.id for defined in document.scenario_presets))
    if preset not in presets:
        faults.append(Fault("/scenario_preset", quoted(preset), nearest_names(preset, presets)))
    return faults


def _profile(request: CreateSession) -> tuple[PartnerProfile, list[Fault]]:
    base = BUILT_IN.get(request.partner_profile)
    if base is None:
        expected = nearest_names(request.partner_profile, tuple(BUILT_IN))
        fault = Fault("/partner_profile", quoted(request.partner_profile), expected)
        return next(iter(BUILT_IN.values())), [fault]
    try:
        changed = derived(base, request.profile_changes)
    except msgspec.ValidationError as error:
        return base, [Fault("/profile_changes", str(error), "fields of a partner profile")]
    return changed, list(faults_of_profile(changed))


def _binding(document: SimulationConfigurationDocument, scope_id: str) -> OscpCapacityProviderBinding | None:
    for binding in document.projection_bindings:
        if isinstance(binding, OscpCapacityProviderBinding) and binding.managed_scope == scope_id:
            return binding
    return None


def _mode(request: CreateSession, binding: OscpCapacityProviderBinding | None) -> PublicationMode:
    if request.measurement_publication_mode is not None:
        return request.measurement_publication_mode
    return PublicationMode(binding.measurement_publication_mode) if binding else PublicationMode.GROUP


def _configuration(request: CreateSession, binding: OscpCapacityProviderBinding | None) -> MeasurementConfiguration:
    if request.measurement_configuration is not None:
        return request.measurement_configuration
    configured = binding.measurement_configuration if binding else MeasurementConfiguration.INTERMITTENT
    return MeasurementConfiguration(configured)


def _clock_of(run: SimulationRun) -> SessionClock:
    return SessionClock.WALL if run.started.clock.mode is ClockMode.REALTIME else SessionClock.RUN
