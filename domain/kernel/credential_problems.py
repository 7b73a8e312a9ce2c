"""What may be wrong with credentials, before the first request is sent."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.kernel.address import address_fault
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.headers import literal_fault, name_fault
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.secret_references import EXPECTED, EXPECTED_FILE, is_file_name, reference_fault

_BY_SECRET = frozenset({Authorization.TOKEN, Authorization.BEARER, Authorization.OAUTH2})
_FILES = ("certificate", "key", "authority")


def outbound_faults(authorization: Authorization, credentials: Credentials, pointer: str = "") -> Iterator[Fault]:
    """Of credentials whose `outbound` is the only secret that requests can be authenticated with."""
    at = f"{pointer}/credentials"
    if authorization in _BY_SECRET and credentials.outbound is None:
        yield Fault(f"{at}/outbound", "nothing", f"the secret that {authorization.value} needs: {EXPECTED}")
    if authorization is Authorization.NONE and credentials.outbound is not None:
        yield Fault(f"{pointer}/authorization", "none", "the scheme that sends the secret: token, bearer or oauth2")
    yield from credential_faults(authorization, credentials, pointer)


def credential_faults(authorization: Authorization, credentials: Credentials, pointer: str = "") -> Iterator[Fault]:
    """Of any credentials. Whether the service has the secrets is not looked at."""
    at = f"{pointer}/credentials"
    if authorization is Authorization.OAUTH2 and not credentials.client_id:
        yield Fault(f"{at}/client_id", "nothing", "the client id at the token endpoint")
    if authorization is Authorization.OAUTH2 or credentials.token_url:
        fault = address_fault(credentials.token_url, f"{at}/token_url")
        if fault is not None:
            yield fault
    if credentials.key and not credentials.certificate:
        yield Fault(f"{at}/certificate", "nothing", "the certificate that the key belongs to")
    for where, name in files_of(credentials, pointer):
        if not is_file_name(name):
            yield Fault(where, "a file that cannot be named", EXPECTED_FILE)
    for where, reference in references_of(credentials, pointer):
        fault = reference_fault(reference.secret, where)
        if fault is not None:
            yield fault
    for name, value in credentials.headers.items():
        yield from header_faults(name, value, child(f"{at}/headers", name))


def header_faults(name: str, value: str | SecretReference, pointer: str) -> Iterator[Fault]:
    """Of one of the static headers, apart from its reference."""
    fault = name_fault(name, pointer)
    if fault is None and isinstance(value, str):
        fault = literal_fault(name, value, pointer)
    if fault is not None:
        yield fault


def references_of(credentials: Credentials, pointer: str = "") -> Iterator[tuple[str, SecretReference]]:
    """Every reference to a secret, with its JSON pointer."""
    at = f"{pointer}/credentials"
    for field, reference in (("inbound", credentials.inbound), ("outbound", credentials.outbound)):
        if reference is not None:
            yield f"{at}/{field}/secret", reference
    for name, value in credentials.headers.items():
        if isinstance(value, SecretReference):
            yield f"{child(f'{at}/headers', name)}/secret", value


def files_of(credentials: Credentials, pointer: str = "") -> Iterator[tuple[str, str]]:
    """Every file for TLS that is named, with its JSON pointer."""
    for field in _FILES:
        if name := getattr(credentials, field):
            yield f"{pointer}/credentials/{field}", name
