"""The window of recent messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.recent import Recent
from tests.domain.scenario.samples import message

LARGEST_BODY = 65_536
MOST = 50


@given(st.lists(st.sampled_from(["a", "b", "c"]) | st.integers(0, 80).map(str), max_size=200))
def test_the_window_is_bounded_and_keeps_the_newest_of_each_kind_in_order(kinds: list[str]) -> None:
    recent = Recent()
    for kind in kinds:
        recent.add(message(kind), "accepted")

    kept = list(recent)
    assert recent.count == len(kinds)
    assert len(kept) == len(recent) == min(MOST, len(kinds))
    for kind in {one.exchange.message_type for one in kept}:
        places = [one.place for one in kept if one.exchange.message_type == kind]
        assert places == [place for place, name in enumerate(kinds, 1) if name == kind][-len(places) :]


def test_frequent_messages_do_not_sweep_out_rare_ones() -> None:
    recent = Recent()
    for kind in ("rare", *["Heartbeat"] * 500):
        recent.add(message(kind), "accepted")

    assert sum(one.exchange.message_type == "rare" for one in recent) == 1


def test_very_large_bodies_are_not_kept() -> None:
    recent = Recent()
    recent.add(message(raw=b"x" * (LARGEST_BODY + 1), request_id="r"), "accepted")

    [one] = recent
    assert (one.exchange.raw, one.exchange.request_id) == (b"", "r")


def test_of_more_kinds_than_there_is_room_for_the_first_ones_go() -> None:
    recent = Recent()
    for number in range(2 * MOST):
        recent.add(message(f"kind-{number}"), "accepted")

    assert [one.exchange.message_type for one in recent] == [f"kind-{number}" for number in range(MOST, 2 * MOST)]
