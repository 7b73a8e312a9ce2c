"""Noise that is kept is the noise that would be drawn."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.kernel.noise import Noise
from depot_sim.domain.packets.measure.recent_noise import RecentNoise

draws = st.lists(st.tuples(st.sampled_from(["voltage/L1/c1", "voltage/L1/c2"]), st.integers(0, 3)), max_size=30)


@given(st.integers(-(2**40), 2**40), draws)
def test_it_is_the_same_noise(seed: int, asked: list[tuple[str, int]]) -> None:
    noise, recent = Noise(seed), RecentNoise(seed)
    for stream, index in asked:
        assert recent.normal(stream, index) == noise.normal(stream, index)
        assert recent.uniform(stream, index, 1_000) == noise.uniform(stream, index, 1_000)
