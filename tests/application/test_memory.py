"""Large work is admitted by its estimated cost; small work always; a used-up reserve is told with the limit's name."""

from __future__ import annotations

import pytest

from depot_sim.application.memory import KEPT_FREE_BYTES, STOP_BELOW_BYTES, MemoryBudget, Room
from depot_sim.domain.kernel.errors import MemoryReserveGone, MemoryShort

MB = 10**6
LIMIT = 512 * MB


class _Memory:
    def __init__(self, left: int) -> None:
        self.left = left

    def room(self) -> Room:
        return Room("memory.max of the cgroup", LIMIT, self.left)


def test_work_that_fits_is_admitted() -> None:
    with MemoryBudget(_Memory(KEPT_FREE_BYTES + 100 * MB)).reserved("the document", 100 * MB):
        pass


def test_work_that_does_not_fit_is_refused_with_the_limit_its_value_and_the_estimate() -> None:
    budget = MemoryBudget(_Memory(KEPT_FREE_BYTES + 99 * MB))

    with pytest.raises(MemoryShort) as refused, budget.reserved("the document", 100 * MB):
        pytest.fail("the work has begun")

    for part in ("the document", "about 100 MB", "149 MB are left", "512 MB", "memory.max of the cgroup"):
        assert part in refused.value.detail
    assert "docs/operation.md" in refused.value.hint


def test_work_under_way_keeps_its_memory_until_it_ends() -> None:
    budget = MemoryBudget(_Memory(KEPT_FREE_BYTES + 150 * MB))

    with (
        budget.reserved("the first document", 100 * MB),
        pytest.raises(MemoryShort, match="100 MB are for work under way"),
        budget.reserved("the second document", 100 * MB),
    ):
        pytest.fail("the work has begun")
    with budget.reserved("the second document", 100 * MB):
        pass


def test_work_that_fails_gives_its_memory_back() -> None:
    budget = MemoryBudget(_Memory(KEPT_FREE_BYTES + 150 * MB))

    with pytest.raises(ValueError, match="faulty"), budget.reserved("the document", 100 * MB):
        raise ValueError("faulty")
    with budget.reserved("the document", 100 * MB):
        pass


def test_bodies_of_requests_are_put_together_from_what_work_under_way_leaves() -> None:
    budget = MemoryBudget(_Memory(KEPT_FREE_BYTES + 150 * MB))

    assert budget.shortage_for_bodies(150 * MB) == ""
    with budget.reserved("the document", 100 * MB):
        assert budget.shortage_for_bodies(50 * MB) == ""
        shortage = budget.shortage_for_bodies(51 * MB)

    for part in ("the bodies of requests", "about 51 MB", "100 MB are for work under way", "memory.max of the cgroup"):
        assert part in shortage
    assert MemoryBudget().shortage_for_bodies(10**12) == ""


def test_small_work_is_admitted_from_what_is_kept_free() -> None:
    with MemoryBudget(_Memory(STOP_BELOW_BYTES)).reserved("the command", MB):
        pass


def test_without_a_limit_everything_is_admitted() -> None:
    budget = MemoryBudget()

    budget.require_reserve()
    with budget.reserved("the document", 10**12):
        pass


def test_a_reserve_that_is_gone_is_told() -> None:
    MemoryBudget(_Memory(STOP_BELOW_BYTES)).require_reserve()

    with pytest.raises(MemoryReserveGone, match=r"used up: 25 MB are left below the limit of 512 MB \(memory.max"):
        MemoryBudget(_Memory(STOP_BELOW_BYTES - 1)).require_reserve()
