"""/simulation-configurations."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.adapters.control_api.client import Api, pointers, problem
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio

EXAMPLES = Path(__file__).parents[3] / "examples"
JSON = {"Content-Type": "application/json"}


async def test_a_configuration_is_created_and_read_back(api: Api) -> None:
    created = await api.post("/simulation-configurations", depot())
    assert created.status_code == 201
    assert created.json()["document"] == depot()

    read = await api.get(created.headers["location"])
    assert read.json() == created.json()
    assert read.headers["etag"] == created.headers["etag"]


async def test_yaml_and_json_of_one_depot_are_one_definition(api: Api) -> None:
    text = (EXAMPLES / "three-bus-depot.yaml").read_bytes()
    from_yaml = await api.post("/simulation-configurations", text, Content_Type="application/yaml")
    from_json = await api.post("/simulation-configurations", from_yaml.json()["document"])
    assert from_yaml.json()["sha256"] == from_json.json()["sha256"]


async def test_what_has_not_changed_is_not_sent_again(api: Api) -> None:
    created = await api.post("/simulation-configurations", depot())
    again = await api.get(created.headers["location"], headers={"If-None-Match": f'"x", W/{created.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == created.headers["etag"]


async def test_a_replacement_needs_the_etag_of_the_newest_version(api: Api) -> None:
    created = await api.post("/simulation-configurations", depot())
    path, etag = created.headers["location"], created.headers["etag"]
    changed = depot(("/name", "Changed"))

    problem(await api.http.put(path, json=changed), 428, "precondition-required")
    foreign = (f'"2-{etag[3:]}', '"1-0000000000000000"', f"W/{etag}", '"', "")
    for tag in foreign:
        problem(await api.http.put(path, json=changed, headers={"If-Match": tag}), 412, "precondition-failed")
    assert (await api.get(path)).json() == created.json()

    replaced = await api.http.put(path, json=changed, headers={"If-Match": f'"other", {etag}'})
    assert (replaced.status_code, replaced.json()["version"]) == (200, 2)
    problem(await api.http.put(path, json=depot(), headers={"If-Match": etag}), 412, "precondition-failed")


async def test_a_star_replaces_whatever_there_is(api: Api) -> None:
    path = f"/simulation-configurations/{await api.create()}"
    replaced = await api.http.put(path, json=depot(("/name", "New")), headers={"If-Match": "*"})
    assert replaced.json()["version"] == 2


async def test_an_equal_document_makes_no_version(api: Api) -> None:
    created = await api.post("/simulation-configurations", depot())
    same = await api.http.put(created.headers["location"], json=depot(), headers={"If-Match": created.headers["etag"]})
    assert (same.status_code, same.json()["version"]) == (200, 1)


async def test_versions_are_listed_and_read_one_by_one(api: Api) -> None:
    path = f"/simulation-configurations/{await api.create()}"
    await api.http.put(path, json=depot(("/name", "Second")), headers={"If-Match": "*"})

    versions = (await api.get(f"{path}/versions")).json()["versions"]
    assert [(each["version"], each["name"]) for each in versions] == [(1, "Sample"), (2, "Second")]
    first = (await api.get(f"{path}/versions/1")).json()
    assert (first["version"], first["newest"], first["name"]) == (1, 2, "Sample")
    problem(await api.get(f"{path}/versions/3"), 404, "not-found")
    problem(await api.get(f"{path}/versions/one"), 404, "no-such-route")


async def test_an_archived_configuration_takes_no_version(api: Api) -> None:
    created = await api.post("/simulation-configurations", depot())
    path, etag = created.headers["location"], created.headers["etag"]
    problem(await api.http.delete(path, headers={"If-Match": '"9-beef"'}), 412, "precondition-failed")
    assert (await api.http.delete(path, headers={"If-Match": etag})).status_code == 204

    assert (await api.get(path)).json()["archived"] is True
    problem(await api.http.put(path, json=depot(("/name", "Late")), headers={"If-Match": "*"}), 409, "conflict")
    problem(await api.http.delete(path), 409, "conflict")


async def test_lists_show_what_was_just_created_newest_first_page_by_page(api: Api) -> None:
    ids = [await api.create() for _ in range(3)]
    first = (await api.get("/simulation-configurations", params={"limit": 2})).json()
    assert [each["id"] for each in first["configurations"]] == [ids[2], ids[1]]
    rest = (await api.get("/simulation-configurations", params={"before": first["next_before"]})).json()
    assert [each["id"] for each in rest["configurations"]] == [ids[0]]
    assert rest["next_before"] is None


async def test_lists_are_filtered(api: Api) -> None:
    kept, archived = await api.create(), await api.create()
    await api.http.delete(f"/simulation-configurations/{archived}")
    for wanted, expected in ((True, archived), (False, kept)):
        listed = (await api.get("/simulation-configurations", params={"archived": wanted})).json()
        assert [each["id"] for each in listed["configurations"]] == [expected]


@pytest.mark.parametrize(
    ("query", "pointer"), [("limit=0", "/limit"), ("limit=x", "/limit"), ("archived=maybe", "/archived"), ("a=1", "/a")]
)
async def test_a_list_asked_for_wrongly_says_where(api: Api, query: str, pointer: str) -> None:
    body = problem(await api.get(f"/simulation-configurations?{query}"), 422, "invalid-input")
    assert pointers(body) == [pointer]


async def test_validation_tells_every_fault_with_its_line_and_saves_nothing(api: Api) -> None:
    text = yaml.safe_dump(depot(("/chargers/0/node", "nowhere"), ("/managed_scopes/0/node", "gone"), ("/colour", 1)))
    verdict = await api.post("/simulation-configurations/validate", text.encode(), Content_Type="text/yaml")
    assert verdict.status_code == 200
    body = verdict.json()
    assert body["valid"] is False
    assert sorted(pointers(body)) == ["/chargers/0/node", "/colour", "/managed_scopes/0/node"]
    assert all(fault["line"] > 0 for fault in body["faults"])
    assert (await api.get("/simulation-configurations")).json()["configurations"] == []


async def test_a_sound_definition_is_valid(api: Api) -> None:
    verdict = await api.post("/simulation-configurations/validate", depot())
    assert verdict.json() == {"valid": True, "faults": []}


async def test_a_table_of_blocks_is_imported(api: Api) -> None:
    table = (
        "block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\n"
        "b1,X,STD,300,600,80,100\nb2,X,STD,700,900,60,70\nb3,Y,STD,300,600,80,100\n"
    )
    path = "/simulation-configurations/import/block-csv?name=Imported&depots=X&charger_rating=80%20kW"
    imported = await api.post(path, table.encode(), Content_Type="text/csv")
    assert imported.status_code == 201, imported.text
    document = imported.json()["document"]
    assert document["name"] == "Imported"
    assert {charger["rating"] for charger in document["chargers"]} == {"80 kW"}
    assert (await api.get(imported.headers["location"])).json() == imported.json()


async def test_a_bad_table_tells_row_and_column(api: Api) -> None:
    table = "block,depot,bus_type,pull_out_min,pull_in_min,km,kwh_avg_gen3\nb1,X,STD,late,600,80,100\n"
    response = await api.post(
        "/simulation-configurations/import/block-csv?name=N&depots=X", table.encode(), Content_Type="text/csv"
    )
    assert pointers(problem(response, 422, "invalid-input")) == ["/blocks/0/pull_out_min"]


async def test_an_older_definition_is_imported(api: Api) -> None:
    legacy = {
        "name": "Old",
        "circuits": [{"name": "Main", "rating_kw": 500, "chargers": [{"name": "C1", "rating_kw": 150}]}],
    }
    imported = await api.post("/simulation-configurations/import/legacy-circuits", legacy)
    assert imported.status_code == 201, imported.text
    assert imported.json()["document"]["chargers"][0]["id"] == "C1"


async def test_a_timetable_is_imported_and_a_spoiled_archive_is_refused(api: Api) -> None:
    feed = (EXAMPLES / "data" / "gtfs-sample-feed.zip").read_bytes()
    path = "/simulation-configurations/import/gtfs?name=GTFS&block_per_trip=true"
    imported = await api.post(path, feed, Content_Type="application/zip")
    assert imported.status_code == 201, imported.text
    problem(await api.post(path, feed[:200], Content_Type="application/zip"), 422, "invalid-input")
    problem(await api.post(path, feed, Content_Type="text/csv"), 415, "unsupported-media-type")


@pytest.mark.parametrize("query", ["", "?name=N&depots=X&layover_min=soon", "?name=N&week=1"])
async def test_import_options_are_checked(api: Api, query: str) -> None:
    response = await api.post(f"/simulation-configurations/import/block-csv{query}", b"x", Content_Type="text/csv")
    problem(response, 422, "invalid-input")


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for response in (
        await api.get("/simulation-configurations/nothing"),
        await api.get("/simulation-configurations/nothing/versions"),
        await api.http.put("/simulation-configurations/nothing", json=depot(), headers={"If-Match": "*"}),
        await api.http.delete("/simulation-configurations/nothing"),
    ):
        problem(response, 404, "not-found")
