"""GTFS feeds become depots: blocks to duties, frequencies to repetitions, calendars to days."""

from __future__ import annotations

import zipfile
from datetime import date
from pathlib import Path

import pytest

from depot_sim.adapters.configuration_import.gtfs import GtfsImport, import_gtfs
from depot_sim.domain.configuration.document import Duty, Weekday
from depot_sim.domain.kernel.errors import Fault, InvalidInput

SAMPLE = Path(__file__).parents[3] / "examples" / "data" / "gtfs-sample-feed.zip"
PLAN = GtfsImport("Test")
FEED = {
    "trips": "route_id,service_id,trip_id,block_id,shape_id\nr,week,t1,7,\nr,week,t2,7,\nr,sat,t3,8,curved\n",
    "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
    "t1,,8:00:00,a,1\nt1,,,b,2\nt1,8:59:30,,c,3\n"
    "t2,,23:30:00,c,5\nt2,25:10:00,,a,9\n"
    "t3,,10:00:00,a,1\nt3,11:00:00,,c,2\n",
    "stops": "stop_id,stop_lat,stop_lon\na,0,0\nb,0,1\nc,0,2\n",
    "shapes": "shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\ncurved,0,2,20\ncurved,0,0,10\ncurved,0,3,15\n",
    "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "week,1,1,1,1,1,0,0,20260225,20261231\nsat,0,0,0,0,0,1,0,20260225,20261231\n",
}
DEGREE = 111_195_080  # mm along the equator


def folder(tmp_path: Path, **changes: str) -> Path:
    tmp_path.mkdir(exist_ok=True)
    for name, text in (FEED | changes).items():
        if text:
            (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    return tmp_path


def duties_of(source: Path, plan: GtfsImport = PLAN) -> dict[str, Duty]:
    return {duty.id: duty for vehicle in import_gtfs(source, plan).document.vehicles for duty in vehicle.duties}


def faults_of(source: Path, plan: GtfsImport = PLAN) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as refused:
        import_gtfs(source, plan)
    return refused.value.faults


def test_the_trips_of_a_block_are_one_duty(tmp_path: Path) -> None:
    duty = duties_of(folder(tmp_path))["7-week"]

    assert (str(duty.departs), str(duty.returns)) == ("08:00", "25:10")
    assert duty.days == (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
    assert abs(duty.distance - 4 * DEGREE) < 10_000
    assert duty.energy is None


def test_a_shape_gives_the_distance(tmp_path: Path) -> None:
    assert abs(duties_of(folder(tmp_path))["8-sat"].distance - 4 * DEGREE) < 10_000


def test_a_zip_file_reads_as_its_folder(tmp_path: Path) -> None:
    source = folder(tmp_path)
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for file in source.glob("*.txt"):
            archive.write(file, file.name)

    assert import_gtfs(tmp_path / "feed.zip", PLAN) == import_gtfs(source, PLAN)


def test_exceptions_of_the_week_count(tmp_path: Path) -> None:
    """Of the first whole week, Monday 2 March 2026, Tuesday is off and Sunday is on."""
    dates = "service_id,date,exception_type\nweek,20260303,2\nweek,20260308,1\nweek,20260312,2\n"
    duty = duties_of(folder(tmp_path, calendar_dates=dates))["7-week"]

    assert duty.days == (Weekday.MON, Weekday.WED, Weekday.THU, Weekday.FRI, Weekday.SUN)


def test_a_feed_with_nothing_but_dates_is_read(tmp_path: Path) -> None:
    dates = "service_id,date,exception_type\nweek,20260304,1\n"
    (duty,) = duties_of(
        folder(tmp_path, calendar="", calendar_dates=dates), PLAN._replace(week=date(2026, 3, 2))
    ).values()

    assert duty.days == (Weekday.WED,)


def test_routes_can_be_chosen(tmp_path: Path) -> None:
    trips = FEED["trips"].replace("r,sat", "other,sat")

    assert set(duties_of(folder(tmp_path, trips=trips), PLAN._replace(routes=("r",)))) == {"7-week"}


def test_a_trip_of_frequencies_runs_once_per_headway(tmp_path: Path) -> None:
    frequencies = "trip_id,start_time,end_time,headway_secs\nt3,6:00:00,7:30:00,1800\n"
    found = duties_of(folder(tmp_path, frequencies=frequencies))

    assert {id: str(duty.departs) for id, duty in found.items() if id.startswith("8")} == {
        "8-060000-sat": "06:00",
        "8-063000-sat": "06:30",
        "8-070000-sat": "07:00",
    }
    assert str(found["8-070000-sat"].returns) == "08:00"


def test_the_sample_feed_has_trips_without_blocks() -> None:
    faults = faults_of(SAMPLE)

    assert {fault.pointer.rpartition("/")[2] for fault in faults} == {"block_id"}
    assert [fault.line for fault in faults] == [4, 5, 6, 9, 10, 11, 12]


def test_the_sample_feed_runs_with_a_block_per_trip() -> None:
    found = duties_of(SAMPLE, PLAN._replace(block_per_trip=True))

    assert len([id for id in found if id.startswith("STBA-")]) == 32
    assert found["AAMV1-WE"].days == (Weekday.SAT, Weekday.SUN)
    assert (str(found["1-FULLW"].departs), str(found["1-FULLW"].returns)) == ("08:00", "09:20")


@pytest.mark.parametrize(
    ("table", "old", "new", "pointer"),
    [
        ("trips", "t1,7", "t1,", "/trips/0/block_id"),
        ("trips", "t3,8", "t4,8", "/trips/2"),
        ("stop_times", "8:59:30", "8:60:00", "/stop_times/2/arrival_time"),
        ("stop_times", "8:59:30", "7:59:30", "/stop_times/2/arrival_time"),
        ("stop_times", "23:30:00", "8:30:00", "/trips/1"),
        ("stop_times", "b,2", "x,2", "/stop_times/1/stop_id"),
        ("stop_times", "b,2", "b,two", "/stop_times/1/stop_sequence"),
        ("stops", "b,0,1", "b,north,1", "/stops/1/stop_lat"),
        ("stops", "b,0,1", "b,91,1", "/stops/1/stop_lat"),
        ("calendar", "20260225", "2026022", "/calendar/0/start_date"),
        ("shapes", "0,3,15", "0,3,x", "/shapes/2/shape_pt_sequence"),
        (
            "frequencies",
            "",
            "trip_id,start_time,end_time,headway_secs\nt3,6:00:00,7:00:00,0\n",
            "/frequencies/0/headway_secs",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_a_fault(tmp_path: Path, table: str, old: str, new: str, pointer: str) -> None:
    text = FEED.get(table, "")
    changed = text.replace(old, new, 1) if old else new

    assert pointer in {fault.pointer for fault in faults_of(folder(tmp_path, **{table: changed}))}


def test_missing_files_and_columns_are_told(tmp_path: Path) -> None:
    assert [fault.pointer for fault in faults_of(folder(tmp_path / "a", stops="", calendar=""))] == [
        "/stops",
        "/calendar",
    ]
    assert faults_of(folder(tmp_path / "b", stops="stop_id\na\n"))[0].found == 'no column "stop_lat"'


def test_what_is_no_feed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "feed.zip").write_bytes(b"not a zip")

    assert faults_of(tmp_path / "feed.zip")[0].expected == "a GTFS feed: a zip file or a folder"


def test_a_week_without_service_is_refused(tmp_path: Path) -> None:
    assert "no trip" in faults_of(folder(tmp_path), PLAN._replace(week=date(2030, 1, 7)))[0].found
