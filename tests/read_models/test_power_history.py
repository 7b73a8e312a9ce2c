"""Power history, asked as people ask it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.commands import SetChargingLimit, StopCharging
from depot_sim.read_models import power
from depot_sim.read_models.errors import QueryRefused
from depot_sim.read_models.power_history import MOST_BUCKETS, EntityKind, PowerHistory, power_entities, power_history
from tests.full_set import examples
from tests.projections.samples import MINUTE, Stores, save, started, ticked

HOUR = 60 * MINUTE


def history(
    stores: Stores, kind: EntityKind, id: str, resolution_ms: int, begin: int = 0, end: int | None = None
) -> PowerHistory:
    found = power_history(
        stores.database(power.MODEL), "r1", kind, id, resolution_ms=resolution_ms, begin=begin, end=end
    )
    assert found is not None
    return found


def energies(found: PowerHistory) -> list[int]:
    return [bucket.energy_mj for bucket in found.buckets]


def projected(stores: Stores, run: SimulationRun) -> SimulationRun:
    save(stores.log, run)
    stores.catch_up()
    return run


def test_history_reproduces_the_worlds_registers_at_the_end_of_every_tick(stores: Stores) -> None:
    """Also around a stop by command, a stop inside a tick, and a line that bends in a tick that was cut short."""
    run = started("r1")
    commands = {21: SetChargingLimit("fast/left", Power.parse("50 kW")), 40: StopCharging("fast/left")}
    seen: dict[int, tuple[list[int], list[int]]] = {}
    while run.world.at < 2 * HOUR:
        if len(seen) in commands:
            run.command(commands[len(seen)])
        run.tick(run.world.at + (MINUTE if len(seen) % 7 else 17_000))
        at, world = run.world.at, run.world
        seen[at] = [c.energy_at(at) for c in world.connectors], [n.energy_at(at) for n in world.nodes]
    projected(stores, run)
    for kind, column, ids in (
        (EntityKind.CONNECTOR, 0, ("fast/left", "fast/right", "slow/1")),
        (EntityKind.NODE, 1, ("grid", "yard")),
    ):
        for place, id in enumerate(ids):
            told = {bucket.end: bucket.energy_mj for bucket in history(stores, kind, id, 1_000).buckets}
            assert {at: told[at] for at in seen} == {at: registers[column][place] for at, registers in seen.items()}
    (left, right, _), _ = seen[run.world.at]
    assert right > left > 0


def test_a_charger_is_the_sum_of_its_connectors_and_a_scope_is_its_node(stores: Stores) -> None:
    projected(stores, ticked(started("r1"), 120))
    left, right = (energies(history(stores, EntityKind.CONNECTOR, f"fast/{side}", 7_777)) for side in ("left", "right"))
    charger = energies(history(stores, EntityKind.CHARGER, "fast", 7_777))
    for one, other, both in zip(left, right, charger, strict=True):
        assert one + other - 1 <= both <= one + other + 1  # a sum is rounded down once, its parts each for itself
    assert charger[-1] == left[-1] + right[-1] > 0
    assert (
        history(stores, EntityKind.SCOPE, "site", HOUR).buckets
        == history(stores, EntityKind.NODE, "yard", HOUR).buckets
    )


@given(
    resolution=st.integers(1_300, 4 * HOUR),
    begin=st.integers(0, 3 * HOUR),
    length=st.integers(0, 4 * HOUR),
    entity=st.sampled_from(
        [(EntityKind.NODE, "grid"), (EntityKind.CONNECTOR, "fast/left"), (EntityKind.CHARGER, "fast")]
    ),
)
@settings(max_examples=examples(60))
def test_buckets_conserve_energy_whatever_the_resolution(
    charged: Stores, resolution: int, begin: int, length: int, entity: tuple[EntityKind, str]
) -> None:
    """They begin and end where the coarsest question begins and ends, without a gap, each within its own extremes."""
    found = history(charged, *entity, resolution, begin, begin + length)
    whole = history(charged, *entity, 4 * HOUR, begin, begin + length)
    assert found.opening_mj == whole.opening_mj
    assert energies(found)[-1:] == energies(whole)
    assert [bucket.begin for bucket in found.buckets] == list(range(begin, found.end, resolution))
    assert [bucket.end for bucket in found.buckets] == [*range(begin + resolution, found.end, resolution), found.end][
        : len(found.buckets)
    ]
    for bucket in found.buckets:
        assert bucket.min_w - 2 <= bucket.mean_w <= bucket.max_w + 2


def test_a_history_ends_where_the_run_is(stores: Stores) -> None:
    projected(stores, ticked(started("r1"), 10))
    found = history(stores, EntityKind.NODE, "grid", HOUR, end=5 * HOUR)
    assert (found.end, [bucket.end for bucket in found.buckets]) == (10 * MINUTE, [10 * MINUTE])
    assert history(stores, EntityKind.NODE, "grid", HOUR, begin=HOUR).buckets == []


def test_a_run_that_has_not_ticked_has_an_empty_history(stores: Stores) -> None:
    projected(stores, started("r1"))
    found = history(stores, EntityKind.NODE, "grid", MINUTE)
    assert (found.end, found.opening_mj, found.buckets) == (0, 0, [])


def test_more_rows_than_one_chunk_are_read_to_the_end(charged: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = history(charged, EntityKind.CHARGER, "fast", MINUTE)
    monkeypatch.setattr("depot_sim.read_models.register_rows._CHUNK", 2)
    assert history(charged, EntityKind.CHARGER, "fast", MINUTE) == at_once


def test_what_is_unknown_has_no_history(stores: Stores) -> None:
    projected(stores, started("r1"))
    database = stores.database(power.MODEL)
    assert power_history(database, "r2", EntityKind.NODE, "grid", resolution_ms=1) is None
    assert power_history(database, "r1", EntityKind.NODE, "fast", resolution_ms=1) is None


def test_everything_with_a_history_is_listed(stores: Stores) -> None:
    projected(stores, started("r1"))
    database = stores.database(power.MODEL)
    assert {kind: power_entities(database, "r1", kind) for kind in EntityKind} == {
        EntityKind.NODE: ["grid", "yard"],
        EntityKind.CONNECTOR: ["fast/left", "fast/right", "slow/1"],
        EntityKind.CHARGER: ["fast", "slow"],
        EntityKind.SCOPE: ["site"],
    }
    assert power_entities(database, "r2", EntityKind.NODE) == []


@pytest.mark.parametrize(
    ("parameter", "begin", "end", "resolution_ms"),
    [("begin", -1, None, 1), ("end", 10, 9, 1), ("resolution_ms", 0, None, 0), ("resolution_ms", 0, None, 1)],
)
def test_a_question_that_cannot_be_answered_says_what_would_do(
    memory: Stores, parameter: str, begin: int, end: int | None, resolution_ms: int
) -> None:
    projected(memory, ticked(started("r1"), 60))
    with pytest.raises(QueryRefused) as refused:
        history(memory, EntityKind.NODE, "grid", resolution_ms, begin, end)
    assert refused.value.parameter == parameter
    assert refused.value.hint


def test_the_finest_possible_resolution_is_named_and_works(memory: Stores) -> None:
    projected(memory, ticked(started("r1"), 60))
    with pytest.raises(QueryRefused, match="10,000 buckets") as refused:
        history(memory, EntityKind.NODE, "grid", 359)
    assert "360 ms" in refused.value.hint
    assert len(history(memory, EntityKind.NODE, "grid", 360).buckets) == MOST_BUCKETS
