"""Where the value of a secret stands in a document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from depot_sim.domain.kernel.written_secrets import GivenSecret, SecretWritten, refuse_secrets

KEY, TOKEN = GivenSecret("api-key"), GivenSecret(None)


def secret_in(text: str) -> GivenSecret | None:
    return KEY if "4711-4711" in text else TOKEN if "own-token" in text else None


def refused(value: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(SecretWritten) as error:
        refuse_secrets(value, json.dumps(value), secret_in)
    assert "4711-4711" not in str(error.value.faults)
    return [(fault.pointer, fault.found, fault.expected) for fault in error.value.faults]


def test_every_place_is_told_with_the_reference_to_write_instead() -> None:
    found = refused({"name": "is 4711-4711", "list": ["fine", {"a/b": "4711-4711"}]})
    assert [pointer for pointer, _, _ in found] == ["/name", "/list/1/a~1b"]
    assert {what for _, what, _ in found} == {"a text with the value of the secret api-key"}
    assert all('{"secret": "api-key"}' in expected for _, _, expected in found)


def test_a_name_with_a_secret_is_told_by_the_pointer_of_what_holds_it() -> None:
    assert refused({"a": {"x 4711-4711": {"b": "4711-4711"}}})[0][:2] == (
        "/a",
        "the name of a field with the value of the secret api-key",
    )


def test_a_token_of_the_service_has_no_reference() -> None:
    ((pointer, found, expected),) = refused(["own-token"])
    assert (pointer, found) == ("/0", "a text with a token of the service")
    assert "Authorization" in expected


def test_a_number_can_be_a_secret() -> None:
    def is_number(text: str) -> GivenSecret | None:
        return KEY if "12345678" in text else None

    with pytest.raises(SecretWritten) as error:
        refuse_secrets({"a": [True, 12345678]}, '{"a": [true, 12345678]}', is_number)
    assert [fault.pointer for fault in error.value.faults] == ["/a/1"]


def test_a_document_nested_very_deep_is_refused_as_a_whole() -> None:
    value: Any = "4711-4711"
    for _ in range(5_000):
        value = [value]
    with pytest.raises(SecretWritten) as error:
        refuse_secrets(value, "4711-4711", secret_in)
    assert [fault.pointer for fault in error.value.faults] == [""]


def test_what_stands_in_no_value_is_no_secret() -> None:
    refuse_secrets({"name": "depot"}, '{"name": "depot"} 4711-4711', secret_in)
