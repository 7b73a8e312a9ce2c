"""Block tables become depots; a row that cannot be read is a fault with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.adapters.configuration_import.block_csv import BlockImport, import_blocks
from depot_sim.adapters.configuration_import.site import SitePlan
from depot_sim.domain.configuration.document import Weekday
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.quantities import Power

HEADER = "block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\n"
ROWS = "b1,MA,STD,300,600,80.5,120.25\nb2,MA,STD,900,1500,90,130\nb3,XX,STD,300,600,10,20\nb4,MA,ART,-20,400,70,200\n"
DATA = Path(__file__).parents[3] / "examples" / "data" / "mta_weekday_blocks_28_depots.csv"
PLAN = BlockImport("Test", ("MA",))


def faults_of(text: str, plan: BlockImport = PLAN) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as refused:
        import_blocks(text, plan)
    return refused.value.faults


def test_the_depots_blocks_become_duties_of_its_buses() -> None:
    standard, articulated = sorted(
        import_blocks(HEADER + ROWS, PLAN).document.vehicles, key=lambda v: v.type, reverse=True
    )

    assert [duty.id for duty in standard.duties] == ["b1", "b2"]
    duty = standard.duties[1]
    assert (str(duty.departs), str(duty.returns), duty.distance, duty.energy) == (
        "15:00",
        "25:00",
        90_000_000,
        468_000_000_000,
    )
    assert duty.days == tuple(Weekday)[:5]
    assert articulated.type == "ART"


def test_a_pull_out_before_midnight_belongs_to_the_day_before() -> None:
    (night,) = [v for v in import_blocks(HEADER + ROWS, PLAN).document.vehicles if v.type == "ART"]

    assert (str(night.duties[0].departs), str(night.duties[0].returns)) == ("23:40", "30:40")
    assert set(night.duties[0].days) == {Weekday.SUN, Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU}


def test_every_bus_has_its_own_charger_behind_a_feeder_and_the_site_limit() -> None:
    document = import_blocks(HEADER + ROWS, PLAN).document

    assert [v.connector for v in document.vehicles] == [f"{charger.id}/1" for charger in document.chargers]
    assert document.topology.nodes[0].limit == 70_000
    assert {charger.node for charger in document.chargers} == {"feeder-01"}


def test_fewer_chargers_are_shared() -> None:
    plan = PLAN._replace(site=SitePlan(chargers=1, charger_rating=Power.parse("300 kW"), limit_per_bus=None))
    document = import_blocks(HEADER + ROWS, plan).document

    assert [v.connector for v in document.vehicles] == [None, None]
    assert [charger.rating for charger in document.chargers] == [300_000]
    assert document.topology.nodes[0].limit is None


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        ("b9,MA,STD,x,600,80,120", "/blocks/4/pull_out_min"),
        ("b9,MA,STD,300.5,600,80,120", "/blocks/4/pull_out_min"),
        ("b9,MA,STD,600,300,80,120", "/blocks/4/pull_in_min"),
        ("b9,MA,STD,300,6000,80,120", "/blocks/4/pull_in_min"),
        ("b9,MA,TRAM,300,600,80,120", "/blocks/4/bus_type"),
        ("b9,MA,STD,300,600,-1,120", "/blocks/4/km"),
        ("b9,MA,STD,300,600,80,NaN", "/blocks/4/kwh_avg_gen3"),
        ("b9,MA,STD,300,600,80", "/blocks/4/kwh_avg_gen3"),
    ],
)
def test_a_bad_row_is_a_fault_with_its_line(row: str, pointer: str) -> None:
    (fault,) = faults_of(HEADER + ROWS + row + "\n")

    assert (fault.pointer, fault.line) == (pointer, 6)


def test_all_bad_rows_are_told_at_once() -> None:
    assert len(faults_of(HEADER + "a,MA,STD,x,600,y,120\n" * 3)) == 6


def test_a_missing_column_is_told() -> None:
    (fault,) = faults_of(HEADER + ROWS, PLAN._replace(energy_column="kwh_gen4"))

    assert fault.found == 'no column "kwh_gen4"'


def test_an_unknown_depot_is_told_with_the_known_ones() -> None:
    (fault,) = faults_of(HEADER + ROWS, PLAN._replace(depots=("ZZ",)))

    assert (fault.pointer, fault.expected) == ("/depots", "one of MA, XX")
    assert faults_of(HEADER + ROWS, PLAN._replace(depots=()))[0].found == "no depot"


@pytest.mark.parametrize("depot", ["OF", "CS", "GA"])
def test_real_depots_come_out_whole(depot: str) -> None:
    text = DATA.read_text(encoding="utf-8")
    wanted = {line.split(",")[0] for line in text.splitlines() if line.split(",")[1] == depot}
    document = import_blocks(text, PLAN._replace(depots=(depot,))).document

    assert {duty.id for vehicle in document.vehicles for duty in vehicle.duties} == wanted
