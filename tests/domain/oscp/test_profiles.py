"""A partner of another kind is a document laid over a profile, not code."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, derived
from depot_sim.domain.oscp.vocabulary import MessageType


def test_a_status_that_is_changed_leaves_the_others_as_they_were() -> None:
    profile = derived(BETTERFLEET_VECTOR, {"statuses": {"schema": 400}})
    assert profile.status(Kind.SCHEMA) == 400
    assert profile.status(Kind.LIFECYCLE) == 403


def test_an_entry_is_taken_out_by_null() -> None:
    profile = derived(
        BETTERFLEET_VECTOR,
        {
            "statuses": {"stale": None},
            "inbound_paths": {"handshake_acknowledge": None, "handshake_acknowledgment": "HandshakeAcknowledge"},
        },
    )
    assert profile.status(Kind.STALE) is None
    assert "handshake_acknowledge" not in profile.inbound_paths
    assert profile.inbound_paths["handshake_acknowledgment"] is MessageType.HANDSHAKE_ACKNOWLEDGE


def test_what_is_no_list_of_entries_is_replaced() -> None:
    assert derived(BETTERFLEET_VECTOR, {"tolerated": []}).tolerated == frozenset()


@pytest.mark.parametrize("changes", [{"statuses": {"unheard-of": 400}}, {"nonsense": 1}, {"statuses": 400}])
def test_what_is_no_profile_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        derived(BETTERFLEET_VECTOR, changes)
