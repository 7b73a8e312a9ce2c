"""Profiles that are files only drive the same scenario: every value is the default profile's, in their own words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_stage import url_of
from tests.e2e.packet_endpoint import Inbox, Request, inbox
from tests.e2e.packet_profiles import ACME, PACKS, written
from tests.e2e.packet_stage import BATTERY, CONTROLLER, UNITS, Scene, changes, milliseconds

NAME = "bba-all-fields"
Series = dict[tuple[str, str], list[tuple[int, Any]]]
"""By device and the contract's key: (ms since 1970, value), in the order of its arrival."""


class Told(NamedTuple):
    """One run, and what three feeds of it said by profiles of their own."""

    scene: Scene
    standard: Series
    acme: Inbox
    packs: Inbox


@pytest.fixture(scope="module")
def told(processes: Processes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """All by the command line."""
    folder, (sim, platform) = tmp_path_factory.mktemp("profiles"), processes
    with inbox() as acme, inbox() as packs:
        scene = Scene.opened(sim, platform)
        server = ("--url", url_of(sim))
        for name, files, box in (("acme", ACME, acme), ("packs", PACKS, packs)):
            profile = str(written(files, folder / name))
            checked = depot_sim("packets", "profile", "check", profile)
            assert (checked.code, ": sound. " in checked.out) == (0, True), checked.out
            where = ("--run", scene.run_id, "--binding", name, "--scope", "site", "--endpoint", box.url)
            opened = depot_sim("packets", "open", *where, "--profile", profile, *server)
            assert opened.code == 0, opened.err
        played = depot_sim("scenario", "start", NAME, "--run", scene.run_id, "--advance", "--json", *server)
        assert (played.code, played.json["status"]) == (0, "passed"), played.err
        scene.settle()
        yield Told(scene, standard(scene), acme, packs)


def standard(scene: Scene) -> Series:
    series: Series = {}
    for one in scene.readings():
        if one["type"] != "BIRTH":
            series.setdefault((one["device"], one["key"]), []).append((milliseconds(one["at"]), one["value"]))
    return series


def same(value: Any) -> Any:
    return value


def times(factor: str) -> Callable[[Any], Any]:
    return lambda value: None if value is None else value * Decimal(factor)


def words(**known: Any) -> Callable[[Any], Any]:
    return lambda word: known[word]


LINK = words(OK="alive", LATE="slow", LOST="gone", NEVER="unseen")
DISPATCH = words(NONE="free", SCHEDULED="booked", ACTIVE="running", COMPLETED="done", REJECTED="refused")
POWER = words(OFF=0, STARTING=1, ON=2, SHUTTING_DOWN=3, FAULT=4, UNKNOWN=5)


def few_modes(mode: str) -> str:
    """What the contract's mode is in the vocabulary of six; the scenario leaves control to the controller."""
    if mode in {"OFF", "STARTING", "SHUTTING_DOWN"}:
        return "unavailable"
    if mode.endswith("_CHARGE"):
        return "filling"
    if mode.endswith("_DISCHARGE"):
        return "emptying"
    return {"FAIL_SAFE": "capped", "COMMS_LOST": "unheard"}.get(mode, "resting")


OF_ACME: dict[str, tuple[str, str | None, Callable[[Any], Any]]] = {
    "ACTIVE_POWER": ("activePower", "W", times("1000")),
    "AVAILABLE_CHARGING_CAPACITY": ("importHeadroom", "W", times("1000")),
    "FAIL_SAFE_CAPACITY": ("fallbackImport", "MW", times("0.001")),
    "HEARTBEAT_STATUS": ("linkState", None, LINK),
    "DISPATCH_STATE": ("dispatched", None, DISPATCH),
    "LIMIT_DER_EXPORT": ("exportCap", "W", times("1000")),
    "SOC": ("stateOfCharge", "1", times("0.01")),
    "DEVICE_POWER_STATE": ("deviceState", None, POWER),
    "BESS_OPERATIONAL_MODE": ("batteryMode", None, few_modes),
    "AMBIENT_TEMPERATURE": ("airTemperature", "K", lambda value: value + Decimal("273.15")),
}
"""By the contract's key: the profile's, its unit, and what a value of the default profile is there."""
OF_PACKS: dict[str, tuple[str, str | None, Callable[[Any], Any]]] = {
    "ACTIVE_POWER": ("power", "W", times("1000")),
    "AVAILABLE_CHARGING_CAPACITY": ("capacity", "W", times("1000")),
    "FAIL_SAFE_CAPACITY": ("failsafe", "W", times("1000")),
    "HEARTBEAT_STATUS": ("heartbeat", None, same),
    "DISPATCH_STATE": ("dispatch", None, same),
    "LIMIT_DER_EXPORT": ("der", None, lambda limit: limit is not None),
    "SOC": ("level", "%EL", same),
    "DEVICE_POWER_STATE": ("state", None, same),
    "BESS_OPERATIONAL_MODE": ("mode", None, same),
    "AMBIENT_TEMPERATURE": ("temperature", "Cel", same),
}
ONLY_CHANGES = {"BESS_OPERATIONAL_MODE", "LIMIT_DER_EXPORT"}
"""Of whose changes some are none in the other words, and then not told in between."""


def of_acme(request: Request) -> Iterator[tuple[str, str, str, int, Any, str | None]]:
    """(kind, device, key, ms, value, unit) of each measurement."""
    message = json.loads(request.body, parse_float=Decimal)
    header = message["header"]
    for key, point in message["points"].items():
        yield header["kind"], header["from"]["device"], key, message["t"], point["v"], point.get("u")


def of_packs(request: Request) -> Iterator[tuple[str, str, str, int, Any, str | None]]:
    base, *_ = records = json.loads(request.body, parse_float=Decimal)
    *_, device, _ = base["bn"].split(":")
    for record in records:
        if "n" in record:
            (value,) = [record[field] for field in ("v", "vs", "vb") if field in record]
            at = int((base["bt"] + record.get("t", 0)) * 1_000)
            unit = record.get("u", base.get("bu")) if "v" in record else None
            yield base["kind"], device, record["n"], at, None if value == "null" else value, unit


@pytest.mark.parametrize("key", OF_ACME)
def test_other_keys_units_words_and_an_envelope_of_its_own_say_the_same(told: Told, key: str) -> None:
    messages = [one for request in told.acme.requests for one in of_acme(request)]
    assert_same(told.standard, key, OF_ACME[key], [one for one in messages if one[0] != "hello"])


@pytest.mark.parametrize("key", OF_PACKS)
def test_senml_with_other_keys_units_and_a_flag_says_the_same(told: Told, key: str) -> None:
    messages = [one for request in told.packs.requests for one in of_packs(request)]
    assert_same(told.standard, key, OF_PACKS[key], [one for one in messages if one[0] != "BIRTH"])


def assert_same(
    standard: Series, key: str, other: tuple[str, str | None, Callable[[Any], Any]], messages: list[Any]
) -> None:
    """To the digit, device by device."""
    name, unit, translated = other
    mine = [one for one in messages if one[2] == name]
    assert {one[5] for one in mine if one[4] is not None} == {unit}
    found: dict[str, list[tuple[float, Any]]] = {}
    for _, device, _, at, value, _ in mine:
        found.setdefault(device, []).append((at, value))
    expected = {
        device: [(at, translated(value)) for at, value in series]
        for (device, said), series in standard.items()
        if said == key
    }
    assert found.keys() == expected.keys()
    for device, series in expected.items():
        if key in ONLY_CHANGES:
            assert changes(found[device]) == changes(series)
        else:
            assert found[device] == series


def test_nothing_but_the_profiles_own_keys_is_sent(told: Told) -> None:
    assert {one[2] for request in told.acme.requests for one in of_acme(request)} == {
        one for one, *_ in OF_ACME.values()
    }
    assert {one[2] for request in told.packs.requests for one in of_packs(request)} == {
        one for one, *_ in OF_PACKS.values()
    }
    assert OF_ACME.keys() >= UNITS.keys() <= OF_PACKS.keys()


def test_the_request_is_the_profiles_too(told: Told) -> None:
    mine = [one for one in told.acme.requests if one.path == f"/packets/site/{CONTROLLER}"]
    assert [one.headers["X-Acme-Count"] for one in mine] == [str(count) for count in range(len(mine))]
    assert {one.headers["Content-Type"] for one in told.acme.requests} == {"application/vnd.acme+json"}
    assert {one.headers["Content-Type"] for one in told.packs.requests} == {"application/senml+json"}
    body = json.loads(mine[0].body)
    assert (body["header"]["kind"], body["points"]["importHeadroom"]["q"]) == ("hello", "good")


def test_the_history_tells_what_was_sent_in_the_profiles_words(told: Told) -> None:
    path = f"{told.scene.run}/packet-feeds/acme/readings"
    asked = {"key": "batteryMode", "device": BATTERY, "order": "oldest", "type": "EVENT"}
    answer = told.scene.sim.get(path, params=asked)
    assert {one["value"] for one in answer.json()["readings"]} == {
        *("resting", "filling", "emptying", "unavailable", "unheard", "capped")
    }
