"""Which devices are due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.measure.calendar import Calendar

cadences = st.sampled_from([1_000, 7_000, 10_000, 30_000])
entries = st.lists(st.tuples(cadences, st.integers(0, 60_000)), max_size=20)


@given(entries, st.integers(0, 200_000), st.integers(0, 40_000))
def test_those_are_due_whose_rhythm_beats_in_between(rhythms: list[tuple[int, int]], after: int, ms: int) -> None:
    upto = after + ms
    calendar = Calendar((device, cadence, phase) for device, (cadence, phase) in enumerate(rhythms))
    due = {
        device
        for device, (cadence, phase) in enumerate(rhythms)
        if (upto - phase) // cadence != (after - phase) // cadence
    }
    assert set(calendar.due(after, upto)) == due
