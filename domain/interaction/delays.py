"""Seeded delays: a draw is a function of (seed, override, hit), so a repeated run waits the same."""

from __future__ import annotations

from depot_sim.domain.interaction.effects import Delay
from depot_sim.domain.kernel.noise import Noise

LONGEST_MS = 24 * 3_600_000
"""No delay is longer; the far tail of a lognormal one is cut here."""


def drawn_ms(delay: Delay, seed: int, override: int, hit: int) -> int:
    """How long to wait on this hit; `override` is its number among all that the target ever had."""
    if delay.uniform is not None:
        low, high = delay.uniform.min_ms, delay.uniform.max_ms
        return low + Noise(seed).uniform(f"delay/{override}", hit, high - low + 1)
    if delay.lognormal is not None:
        median, p95 = delay.lognormal.median_ms, delay.lognormal.p95_ms
        return min(LONGEST_MS, Noise(seed).lognormal(f"delay/{override}", hit, median, p95))
    return delay.fixed_ms or 0
