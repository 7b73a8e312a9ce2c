"""Credentials that cannot prove anything are refused before a request is sent."""

from __future__ import annotations

import pytest

from domain.credential_faults import outbound_faults
from domain.credentials import Authorization, Credentials, SecretReference

SECRET = SecretReference("env:TOKEN")


@pytest.mark.parametrize(
    ("authorization", "credentials"),
    [
        (Authorization.NONE, Credentials()),
        (Authorization.BEARER, Credentials(outbound=SECRET)),
        (Authorization.TOKEN, Credentials(outbound=SecretReference("file:/run/secrets/token"))),
        (Authorization.OAUTH2, Credentials(outbound=SECRET, token_url="https://id.example/token", client_id="us")),
        (Authorization.NONE, Credentials(headers={"X-Api-Key": SecretReference("kept:platform"), "X-Site": "1"})),
        (Authorization.NONE, Credentials(certificate="a.pem", key="b.pem", authority="c.pem")),
    ],
)
def test_what_can_be_shown_is_fine(authorization: Authorization, credentials: Credentials) -> None:
    assert list(outbound_faults(authorization, credentials)) == []


@pytest.mark.parametrize(
    ("authorization", "credentials", "pointers"),
    [
        (Authorization.BEARER, Credentials(), ["/b/credentials/outbound"]),
        (Authorization.NONE, Credentials(outbound=SECRET), ["/b/authorization"]),
        (
            Authorization.OAUTH2,
            Credentials(outbound=SECRET, token_url="id.example"),
            ["/b/credentials/token_url", "/b/credentials/client_id"],
        ),
        (Authorization.BEARER, Credentials(outbound=SecretReference("hunter2")), ["/b/credentials/outbound/secret"]),
        (Authorization.NONE, Credentials(key="b.pem"), ["/b/credentials/certificate"]),
        (Authorization.NONE, Credentials(headers={"X Y": "1"}), ["/b/credentials/headers"]),
        (
            Authorization.NONE,
            Credentials(headers={"X-Key": SecretReference("env:")}),
            ["/b/credentials/headers/X-Key/secret"],
        ),
    ],
)
def test_what_cannot_is_told_with_its_place(
    authorization: Authorization, credentials: Credentials, pointers: list[str]
) -> None:
    faults = list(outbound_faults(authorization, credentials, "/b"))
    assert [fault.pointer for fault in faults] == pointers
    assert not any("hunter2" in str(fault) for fault in faults)
