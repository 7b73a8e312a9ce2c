"""Estimated costs lie above the measured peaks of memory, and for ordinary bodies not far above them."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from depot_sim.adapters.configuration_import.common_job import common_job
from depot_sim.adapters.configuration_import.costs import archive_cost, blocks_cost, circuits_cost, document_cost
from depot_sim.adapters.configuration_import.yaml_writer import to_yaml
from tests.processes import checkout_variables, module_command

ROOT = Path(__file__).parents[3]
JSON, YAML = "application/json", "application/yaml"
BUSES = 400
ENTRIES = 4_000
TEXT_BYTES = 2 * 2**20
HIGHEST_RATIO = 10
FEED = {
    "stops": "stop_id,stop_lat,stop_lon\na,0,0\nb,0,1\n",
    "calendar": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "week,1,1,1,1,1,0,0,20260225,20261231\n",
}


class Case(NamedTuple):
    cost: Callable[[bytes], int]
    kind: str
    media_type: str
    body: bytes
    query: Mapping[str, Any] = {}


def feed(trips: int, calls: int) -> bytes:
    rows = "".join(f"r,week,t{trip},b{trip % 200},\n" for trip in range(trips))
    times = "".join(
        f"t{trip},{5 + trip // 200 % 18}:{call:02}:00,{5 + trip // 200 % 18}:{call:02}:00,{'ab'[call % 2]},{call}\n"
        for trip in range(trips)
        for call in range(calls)
    )
    tables = {
        "trips": f"route_id,service_id,trip_id,block_id,shape_id\n{rows}",
        "stop_times": f"trip_id,arrival_time,departure_time,stop_id,stop_sequence\n{times}",
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in (FEED | tables).items():
            made.writestr(f"{name}.txt", text)
    return archive.getvalue()


@cache
def cases() -> dict[str, Case]:
    depot = common_job(BUSES, 1)
    blocks = (ROOT / "examples" / "data" / "mta_weekday_blocks_28_depots.csv").read_bytes()
    chargers = [{"name": f"x{number}", "rating_kw": 1, "connectors": 64} for number in range(200)]
    circuits = {"name": "n", "circuits": [{"name": "c", "rating_kw": 1, "chargers": chargers}]}
    depots = {"name": "n", "depots": ["CA", "CH"]}
    return {
        "depot, JSON": Case(document_cost, "", JSON, depot.document_json),
        "depot, YAML": Case(document_cost, "", YAML, to_yaml(depot).encode()),
        "blocks": Case(blocks_cost, "block-csv", "text/csv", blocks, depots),
        "feed": Case(archive_cost, "gtfs", "application/zip", feed(1_000, 10), {"name": "n"}),
        "circuits": Case(circuits_cost, "legacy-circuits", JSON, json.dumps(circuits).encode()),
        "empty vehicles, JSON": Case(document_cost, "", JSON, b'{"vehicles":[' + b"{}," * ENTRIES + b"{}]}"),
        "empty vehicles, YAML": Case(document_cost, "", YAML, b"vehicles:\n" + b"- {}\n" * ENTRIES),
        "numbers for vehicles": Case(document_cost, "", JSON, b'{"vehicles":[' + b"0," * ENTRIES + b"0]}"),
        "lists": Case(document_cost, "", JSON, b"[" + b"[]," * (5 * ENTRIES) + b"[]]"),
        "unknown fields": Case(
            document_cost, "", JSON, b"{" + b",".join(b'"%d":1' % number for number in range(5 * ENTRIES)) + b"}"
        ),
        "text of 4 bytes a character": Case(
            document_cost, "", JSON, '{"name":"\N{GRINNING FACE}'.encode() + b"x" * TEXT_BYTES + b'"}'
        ),
    }


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Estimated cost over measured peak, by case."""
    folder, tasks = tmp_path_factory.mktemp("bodies"), {}
    for number, (name, case) in enumerate(cases().items()):
        path = folder / str(number)
        path.write_bytes(case.body)
        tasks[name] = (case.kind, case.media_type, str(path), case.query)
    command = module_command("tests.adapters.configuration_import.peak_memory")
    ended = subprocess.run(
        command, input=json.dumps(tasks), capture_output=True, text=True, env=checkout_variables(), check=False
    )
    assert ended.returncode == 0, ended.stderr
    return {name: case.cost(case.body) / json.loads(ended.stdout)[name] for name, case in cases().items()}


def test_no_body_takes_more_memory_than_estimated(measured: dict[str, float]) -> None:
    assert {name: ratio for name, ratio in measured.items() if ratio < 1} == {}


@pytest.mark.parametrize("name", ["depot, JSON", "depot, YAML", "feed"])
def test_an_ordinary_body_is_not_estimated_far_too_high(measured: dict[str, float], name: str) -> None:
    assert measured[name] < HIGHEST_RATIO


def test_what_is_no_archive_costs_its_own_bytes() -> None:
    assert archive_cost(b"PK no archive") == 13
