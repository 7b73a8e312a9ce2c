"""Which texts may name a secret."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.secret_references import Source, parse_reference, reference_fault, variable_of


@pytest.mark.parametrize(
    ("text", "source", "name"),
    [
        ("platform-token", Source.HANDLE, "platform-token"),
        ("a.b_c", Source.HANDLE, "a.b_c"),
        ("env:DEPOT_SIM_SECRET_A1", Source.ENVIRONMENT, "DEPOT_SIM_SECRET_A1"),
        ("file:a/b.txt", Source.FILE, "a/b.txt"),
        ("file:/run/secrets/a", Source.FILE, "/run/secrets/a"),
        ("kept:oscp-partner-1", Source.KEPT, "oscp-partner-1"),
    ],
)
def test_forms_of_references(text: str, source: Source, name: str) -> None:
    assert parse_reference(text) == (source, name)
    assert reference_fault(text, "/s") is None


@pytest.mark.parametrize(
    "text",
    [
        *("", "a b", ".hidden", "-a", "a/b", "a" * 101, "é"),
        *("env:", "env:DEPOT_SIM_TOKENS", "env:DEPOT_SIM_SECRETS", "env:PATH", "env:DEPOT_SIM_SECRET_", "env:A B"),
        *("file:", "file:..", "file:../a", "file:a/..", "file:a/../b", "file:a//b", "file:/", "file:a\0b", "file:./a"),
        *("kept:", "kept:../a", "kept:.a", "kept:a/b", "vault:a", "ENV:DEPOT_SIM_SECRET_A"),
    ],
)
def test_other_texts_name_nothing(text: str) -> None:
    assert parse_reference(text) is None
    fault = reference_fault(text, "/s")
    assert fault is not None
    assert (fault.pointer, bool(fault.found), bool(fault.expected)) == ("/s", True, True)


def test_a_handle_becomes_a_variable() -> None:
    assert variable_of("platform-token.v2") == "DEPOT_SIM_SECRET_PLATFORM_TOKEN_V2"
