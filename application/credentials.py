"""Credentials of a request or a document, held against the secrets that the service has."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.application.http import SecretStore
from depot_sim.domain.configuration.document import PacketsBinding, SimulationConfigurationDocument
from depot_sim.domain.kernel.credential_problems import files_of, references_of
from depot_sim.domain.kernel.credentials import Credentials
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.secret_references import is_file_name, parse_reference


def secret_faults(credentials: Credentials, secrets: SecretStore, pointer: str = "") -> Iterator[Fault]:
    """Of references and files that the service does not have, as far as their form is right."""
    for at, reference in references_of(credentials, pointer):
        if parse_reference(reference.secret) is not None:
            fault = secrets.fault(reference, at)
            if fault is not None:
                yield fault
    for at, name in files_of(credentials, pointer):
        fault = secrets.file_fault(name, at) if is_file_name(name) else None
        if fault is not None:
            yield fault


def document_faults(document: SimulationConfigurationDocument, secrets: SecretStore) -> Iterator[Fault]:
    """Of the credentials in a depot document."""
    for index, binding in enumerate(document.projection_bindings):
        if isinstance(binding, PacketsBinding):
            yield from secret_faults(binding.credentials, secrets, f"/projection_bindings/{index}")
