"""Small sources that ask for much work are refused before the work is done; real ones are far below the limits."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from depot_sim.adapters.configuration_import.block_csv import BlockImport, import_blocks
from depot_sim.adapters.configuration_import.blocks import Block, ChainRules, chain
from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.gtfs import GtfsImport, import_gtfs
from depot_sim.adapters.configuration_import.json_text import parse_json
from depot_sim.adapters.configuration_import.legacy_circuits import import_circuits
from depot_sim.adapters.configuration_import.limits import LIMITS, MOST_VALUES, ImportLimits
from depot_sim.adapters.configuration_import.tables import TableReader
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.quantities import Energy

EXAMPLES = Path(__file__).parents[3] / "examples" / "data"
TINY = ImportLimits(bytes=3_000, lines=60, values=300, columns=12, trips=4, blocks=3, comparisons=3)
TRIPS = "route_id,service_id,trip_id,block_id,shape_id\nr,week,t,7,\n"
FEED = {
    "trips": TRIPS,
    "stop_times": "trip_id,arrival_time,departure_time,stop_id,stop_sequence\nt,,8:00:00,a,1\nt,9:00:00,,b,2\n",
    "stops": "stop_id,stop_lat,stop_lon\na,0,0\nb,0,1\n",
    "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "week,1,1,1,1,1,0,0,20260225,20261231\n",
}
REPEATED = "t,8:30:00,8:30:00,a,1\n"
FREQUENCIES = "trip_id,start_time,end_time,headway_secs\n"


def archive(tmp_path: Path, **changes: str) -> Path:
    with zipfile.ZipFile(tmp_path / "feed.zip", "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in (FEED | changes).items():
            made.writestr(f"{name}.txt", text)
    return tmp_path / "feed.zip"


def refusal(source: Path, limits: ImportLimits = LIMITS) -> Fault:
    with pytest.raises(InvalidInput) as refused:
        import_gtfs(source, GtfsImport("Test"), limits)
    return refused.value.faults[0]


def test_an_archive_of_two_million_repeated_rows_is_refused_before_a_row_is_parsed(tmp_path: Path) -> None:
    source = archive(tmp_path, stop_times=FEED["stop_times"] + REPEATED * 2_000_000)

    fault = refusal(source)

    assert source.stat().st_size < 200_000
    assert fault.pointer == "/stop_times"
    assert fault.found == "2,000,005 lines of tables"
    assert fault.expected == "at most 500,000 lines of tables: keep only the rows of your depot"


def test_an_archive_that_unpacks_to_more_than_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    fault = refusal(archive(tmp_path, shapes="x" * (64 * 2**20)))

    assert fault.pointer == "/shapes"
    assert fault.found.endswith("bytes of tables, unpacked")
    assert "at most 67,108,864" in fault.expected


def test_a_folder_is_bound_by_the_same_limits_as_an_archive(tmp_path: Path) -> None:
    for name, text in FEED.items():
        (tmp_path / f"{name}.txt").write_text(text + ("\n" * 3_000 if name == "stops" else ""), encoding="utf-8")

    assert refusal(tmp_path, TINY).found.endswith("bytes of tables, unpacked")


@pytest.mark.parametrize(
    ("changes", "pointer", "found"),
    [
        ({"stop_times": FEED["stop_times"] + REPEATED * 60}, "/stop_times", "65 lines of tables"),
        ({"stop_times": FEED["stop_times"] + "\r" * 60}, "/stop_times", "65 lines of tables"),
        ({"stops": FEED["stops"] + "," * 300}, "/stops", "values in tables"),
        ({"trips": "route_id,service_id,trip_id,block_id" + ",x" * 9 + "\n"}, "/trips", "13 columns"),
        ({"frequencies": f"{FREQUENCIES}t,0:00:00,99:59:59,1\n"}, "/trips/0", "5 runs of trips"),
        ({"frequencies": f"{FREQUENCIES}t,6:00:00,6:04:00,60\n"}, "/blocks", "4 vehicle blocks"),
    ],
)
def test_a_feed_that_asks_for_more_than_a_limit_is_refused_naming_the_file(
    tmp_path: Path, changes: dict[str, str], pointer: str, found: str
) -> None:
    fault = refusal(archive(tmp_path, **changes), TINY)

    assert fault.pointer == pointer
    assert found in fault.found
    assert fault.expected.startswith("at most ")


def test_a_trip_given_twice_is_a_fault_so_that_its_stop_times_are_read_once(tmp_path: Path) -> None:
    fault = refusal(archive(tmp_path, trips=TRIPS + "r,week,t,8,\n"))

    assert (fault.pointer, fault.line) == ("/trips/1/trip_id", 3)
    assert fault.expected == "a trip_id that no other row has"


def test_an_encrypted_or_strangely_packed_member_is_refused_as_input(tmp_path: Path) -> None:
    source = archive(tmp_path)
    content = bytearray(source.read_bytes())
    directory = content.index(b"PK\x01\x02")
    for place in (6, directory + 8):  # the flags of the first member, in its header and in the directory
        content[place] |= 1
    source.write_bytes(content)

    assert "encrypted" in refusal(source).found


def test_no_column_is_filled_in_for_rows_that_are_shorter_than_the_header() -> None:
    rows = TableReader().read("t", "a,b,c\n1\n2,3\n\n4,5,6,7\n", ("a",), ("c",))

    assert [(row["a"], row["b"], row["c"]) for row in rows] == [("1", "", ""), ("2", "", ""), ("4", "", "6")]
    assert [row.line for row in rows] == [2, 3, 5]


def test_a_quoted_field_may_hold_line_ends_and_separators_of_other_kinds() -> None:
    (row,) = TableReader().read("t", '\ufeffa,b\r\n"x\r\ny\u2028z","1"\r\n', ("a", "b"))

    assert (row["a"], row["b"]) == ("x\r\ny\u2028z", "1")


def test_a_table_of_millions_of_empty_blocks_is_refused() -> None:
    header = "block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\n"
    with pytest.raises(InvalidInput) as refused:
        import_blocks(header + ",,,,,,\n" * 1_000_000, BlockImport("Test", ("X",)))

    assert refused.value.faults[0].found == "1,000,001 lines of tables"


def test_an_error_names_a_hundred_depots_at_most() -> None:
    header = "block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\n"
    rows = "".join(f"b,D{number:04},STD,1,2,3,4\n" for number in range(2_000))
    with pytest.raises(InvalidInput) as refused:
        import_blocks(header + rows, BlockImport("Test", ("X",)))

    assert refused.value.faults[0].expected.count(",") == 99


def test_blocks_that_would_need_too_many_comparisons_are_refused() -> None:
    blocks = [Block(str(number), "bus", (0,), 60, 120, 1_000, 1_000) for number in range(3)]
    rules = ChainRules({"bus": Energy.parse("400 kWh")})
    assert len(chain(blocks, rules, TINY)) == 3

    with pytest.raises(InvalidInput) as refused:
        chain(blocks, rules, TINY._replace(comparisons=2))

    assert refused.value.faults[0].found == "3 comparisons of blocks with buses"


def test_circuits_with_more_connectors_than_a_definition_may_have_are_refused_before_they_are_made() -> None:
    chargers = [{"name": f"c{number}", "rating_kw": 5, "connectors": 64} for number in range(800)]
    body = json.dumps({"name": "Old", "circuits": [{"name": "Main", "rating_kw": 500, "chargers": chargers}]})
    with pytest.raises(InvalidInput) as refused:
        import_circuits(body.encode(), Format.JSON)

    assert refused.value.faults[0].found == "51,200 connectors"


@pytest.mark.parametrize("text", ["[" + "[]," * MOST_VALUES + "[]]", "[" + "{}," * MOST_VALUES + "{}]"])
def test_json_of_too_many_values_is_refused_before_memory_is_taken_for_them(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_json(text)

    assert refused.value.faults[0].expected == f"at most {MOST_VALUES:,} values"


def test_the_real_feed_and_the_real_blocks_are_far_below_the_limits() -> None:
    tenth = ImportLimits(*(limit // 10 for limit in LIMITS))

    import_gtfs(EXAMPLES / "gtfs-sample-feed.zip", GtfsImport("Sample", block_per_trip=True), tenth)
    table = (EXAMPLES / "mta_weekday_blocks_28_depots.csv").read_text(encoding="utf-8")
    assert TableReader(tenth).read("blocks", table, ("block", "depot"))
