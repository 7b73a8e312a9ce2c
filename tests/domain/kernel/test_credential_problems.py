"""Credentials that cannot authenticate a request are refused before one is sent."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.credential_problems import credential_faults, outbound_faults
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference

SECRET = SecretReference("env:DEPOT_SIM_SECRET_TOKEN")


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [
        (Authorization.NONE, Credentials()),
        (Authorization.BEARER, Credentials(outbound=SECRET)),
        (Authorization.BEARER, Credentials(outbound=SecretReference("platform-token"))),
        (Authorization.TOKEN, Credentials(outbound=SecretReference("file:/run/secrets/token"))),
        (Authorization.TOKEN, Credentials(outbound=SecretReference("file:partners/token"))),
        (Authorization.OAUTH2, Credentials(outbound=SECRET, token_url="https://id.example/token", client_id="us")),
        (Authorization.NONE, Credentials(headers={"X-Api-Key": SecretReference("kept:platform"), "X-Site": "1"})),
        (Authorization.NONE, Credentials(certificate="a.pem", key="b.pem", authority="c.pem")),
    ],
)
def test_sound_credentials_are_accepted(authorization: Authorization, credentials: Credentials) -> None:
    assert list(outbound_faults(authorization, credentials)) == []


def _referring(reference: str) -> Credentials:
    return Credentials(outbound=SecretReference(reference))


def _with_header(name: str, value: str | SecretReference) -> Credentials:
    return Credentials(headers={name: value})


@pytest.mark.parametrize(
    ("authorization", "credentials", "pointers"),
    [
        (Authorization.BEARER, Credentials(), ["/b/credentials/outbound"]),
        (Authorization.NONE, Credentials(outbound=SECRET), ["/b/authorization"]),
        (
            Authorization.OAUTH2,
            Credentials(outbound=SECRET, token_url="id.example"),
            ["/b/credentials/client_id", "/b/credentials/token_url"],
        ),
        (Authorization.BEARER, _referring("hunter2!"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("env:DEPOT_SIM_TOKENS"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("env:DEPOT_SIM_DB"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("env:DEPOT_SIM_SECRET_"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("file:../other"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("file:a/../../other"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("file:a\nb"), ["/b/credentials/outbound/secret"]),
        (Authorization.BEARER, _referring("vault:a"), ["/b/credentials/outbound/secret"]),
        (Authorization.NONE, Credentials(key="b.pem"), ["/b/credentials/certificate"]),
        (Authorization.NONE, Credentials(authority="../b.pem"), ["/b/credentials/authority"]),
        (Authorization.NONE, _with_header("X Y", "1"), ["/b/credentials/headers/X Y"]),
        (Authorization.NONE, _with_header("X-Key", "hunter2!"), ["/b/credentials/headers/X-Key"]),
        (Authorization.NONE, _with_header("X-Odd", "hunter2!"), ["/b/credentials/headers/X-Odd"]),
        (Authorization.NONE, _with_header("X-Site", "hunter2!\r\nX: y"), ["/b/credentials/headers/X-Site"]),
        (Authorization.NONE, _with_header("X-Key", SecretReference("env:")), ["/b/credentials/headers/X-Key/secret"]),
        *(
            (Authorization.NONE, _with_header(name, SECRET), [f"/b/credentials/headers/{name}"])
            for name in ("Host", "authorization", "Content-Length", "Transfer-Encoding", "Connection", "TE", "Upgrade")
        ),
        *(
            (Authorization.NONE, _with_header(name, SECRET), [f"/b/credentials/headers/{name}"])
            for name in ("Trailer", "Expect", "Keep-Alive", "Proxy-Authorization", "proxy-connection")
        ),
    ],
)
def test_unusable_credentials_are_refused_with_pointer(
    authorization: Authorization, credentials: Credentials, pointers: list[str]
) -> None:
    faults = list(outbound_faults(authorization, credentials, "/b"))
    assert [fault.pointer for fault in faults] == pointers
    assert all(fault.expected for fault in faults)
    assert not any("hunter2!" in str(fault) for fault in faults)


def test_a_token_url_without_oauth2_is_an_address_as_well() -> None:
    asked = Credentials(token_url="http://bob:hunter2!@id.example/?client_secret=hunter2!")
    (fault,) = credential_faults(Authorization.NONE, asked)
    assert fault.pointer == "/credentials/token_url"
    assert "hunter2!" not in str(fault)
    assert "credentials.headers" in fault.expected
