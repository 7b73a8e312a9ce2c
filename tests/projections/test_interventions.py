"""The read model `interventions` finds what was done on purpose by its id, for ever."""

from __future__ import annotations

from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.interaction.effects import Withhold
from depot_sim.domain.interaction.override_events import Match, Override, OverrideApplied
from depot_sim.domain.interaction.overrides import ALL, Overrides, stream_of
from depot_sim.domain.kernel.events import EncodedEvent
from depot_sim.projections.interventions import InterventionsProjector
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.interventions import MODEL, Intervention, get_intervention, list_interventions
from tests.domain.scenario.samples import message
from tests.projections.samples import Stores, append


def withhold(until: int, mode: str = "", times: int | None = None, reason: str = "") -> Override:
    return Override(Match(), Withhold(), until, times, mode, reason=reason)


def tell(stores: Stores, overrides: Overrides) -> None:
    append(stores.log, overrides.stream, *overrides.take_pending())
    stores.catch_up()


def found(stores: Stores, id: str) -> Intervention:
    intervention = get_intervention(stores.database(MODEL), id)
    assert intervention is not None
    return intervention


def test_an_override_is_found_by_its_id_while_it_is_in_force_and_when_it_is_over(stores: Stores) -> None:
    overrides = Overrides("s-1", "r")
    once = overrides.apply(withhold(100, "drop_packets", times=1, reason="a test"), 1)
    timed, cleared = overrides.apply(withhold(50), 2), overrides.apply(withhold(100), 3)
    tell(stores, overrides)
    position = found(stores, once).position
    assert found(stores, once) == Intervention(once, position, "r", "s-1", "drop_packets", "a test", 1)

    overrides.clear(cleared, 4)
    overrides.clear(timed, 5)
    overrides.hit(message(), 6)
    tell(stores, overrides)
    ends = [(one.ended_at, one.ended_by) for one in (found(stores, id) for id in (once, timed, cleared))]
    assert ends == [(6, "count"), (5, "cleared"), (4, "cleared")]
    assert found(stores, timed).name == "withhold", "without a mode it is called by what it does"


def test_those_of_a_run_are_listed_page_by_page_and_told_apart_by_whether_they_are_over(stores: Stores) -> None:
    one, other = Overrides("s-1", "r"), Overrides("s-2", "another")
    ids = [one.apply(withhold(100), at) for at in range(3)]
    other.apply(withhold(100), 1)
    one.clear(ids[1], 4)
    tell(stores, one)
    tell(stores, other)
    database = stores.database(MODEL)

    first = list_interventions(database, "r", limit=2)
    rest = list_interventions(database, "r", before=first.next_before or 0, limit=2)
    assert [one.intervention_id for one in (*first.interventions, *rest.interventions)] == ids[::-1]
    assert [one.intervention_id for one in list_interventions(database, "r", in_force=False).interventions] == [ids[1]]
    assert len(list_interventions(database, "r", in_force=True).interventions) == 2


def test_an_override_of_an_older_version_is_found_by_its_id(stores: Stores) -> None:
    old = b'{"at":1,"override_id":"o-1","override":{"match":{},"effect":{"type":"withhold"},"until":9,"mode":"drop"}}'
    stores.log.append(Append([StreamWrite(stream_of("s-1"), 0, [EncodedEvent(OverrideApplied.TOPIC, old)])]))
    stores.catch_up()
    assert (found(stores, "o-1").name, found(stores, "o-1").run_id) == ("drop", "")


def test_a_rebuild_comes_to_the_same_rows(stores: Stores) -> None:
    overrides = Overrides("s-1", "r")
    overrides.apply(withhold(100), 1)
    tell(stores, overrides)
    overrides.clear(ALL, 2)
    tell(stores, overrides)
    before = stores.rows()["interventions"]
    rebuild(InterventionsProjector(), stores.log, stores.read[MODEL])
    assert stores.rows()["interventions"] == before != []
