"""What packets mean: capability status and its freshness (COR-9, COR-38), power sources, and what is only kept."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.standin.packets.checks import STALE_AFTER
from tests.standin.packets.stage import Sender, at, capacity, kinds, measurement, packet, played, text

DISCHARGING = ["DISPATCH_DISCHARGE", "AUTO_DISCHARGE", "LOCAL_DISCHARGE"]
OTHER_MODES = (
    *("FAULT", "UNKNOWN", "OFF", "STARTING", "SHUTTING_DOWN", "FAIL_SAFE", "COMMS_LOST", "INITIALISING"),
    *("LOCAL_CHARGE", "LOCAL_IDLE", "DISPATCH_CHARGE", "DISPATCH_HOLD", "HOLD_EMPTY", "HOLD_FULL"),
    *("AUTO_CHARGE", "STANDBY_EMPTY", "STANDBY_FULL", "STANDBY"),
)
NO_SUCH = "no status"


def limit(value: object) -> dict[str, Any]:
    return measurement("LIMIT_DER_EXPORT", value, "kW")


def mode(word: str) -> dict[str, Any]:
    return measurement("BESS_OPERATIONAL_MODE", word)


async def status(sender: Sender, capability: str) -> str:
    shown = (await sender.microgrid())["capabilities"].get(capability)
    return str(shown["status"]) if shown else NO_SUCH


@played()
async def test_capabilities_have_no_status_before_one_was_reported(sender: Sender) -> None:
    assert (await status(sender, "DER"), await status(sender, "PEAK_SHAVING")) == (NO_SUCH, NO_SUCH)


@played()
async def test_der_is_on_while_export_is_limited(sender: Sender) -> None:
    """A number, zero included, or a flag where a profile sends one; null is no limit."""
    seen = []
    for seq, value in enumerate([None, 0, 50.5, None, True, False]):
        await sender.send(packet(seq, seq, limit(value)))
        seen.append(await status(sender, "DER"))
    assert seen == ["OFF", "ON", "ON", "OFF", "ON", "OFF"]


@played()
async def test_peak_shaving_is_on_in_the_modes_that_discharge_and_off_in_all_others(sender: Sender) -> None:
    seen = {}
    for seq, word in enumerate([*DISCHARGING, *OTHER_MODES]):
        [outcome] = await sender.send(packet(seq, seq, mode(word)))
        assert "unknown-word" not in kinds(outcome)
        seen[word] = await status(sender, "PEAK_SHAVING")
    assert seen == {**dict.fromkeys(DISCHARGING, "ON"), **dict.fromkeys(OTHER_MODES, "OFF")}


@played()
async def test_a_controller_may_state_a_capability_itself(sender: Sender) -> None:
    """By true and false, and nothing that looks like them."""
    [outcome] = await sender.send(packet(0, 0, measurement("PEAK_SHAVING", True), measurement("DER", "ON")))
    assert (await status(sender, "PEAK_SHAVING"), await status(sender, "DER")) == ("ON", NO_SUCH)
    assert "schema" in kinds(outcome)


@played()
async def test_what_makes_a_capability_on_is_configuration(sender: Sender) -> None:
    rule = {"capability": "PEAK_SHAVING", "measurand": "DISPATCH_STATE", "on": ["ACTIVE"]}
    await sender.told("PUT", "packet-settings", {"capabilities": [rule]})
    await sender.send(packet(0, 0, measurement("DISPATCH_STATE", "ACTIVE"), mode("STANDBY"), limit(1)))
    assert (await status(sender, "PEAK_SHAVING"), await status(sender, "DER")) == ("ON", NO_SUCH)


@played()
async def test_the_history_is_appended_and_the_latest_refers_to_its_packet(sender: Sender) -> None:
    sent = [packet(seq, 30 * seq, limit(value)) for seq, value in enumerate([10, None, 20])]
    await sender.send(*sent)
    view = await sender.microgrid()
    assert [(one["status"], one["at"]) for one in view["capability_history"]] == [
        ("ON", "2026-03-02T06:00:00Z"),
        ("OFF", "2026-03-02T06:00:30Z"),
        ("ON", "2026-03-02T06:01:00Z"),
    ]
    assert view["capabilities"]["DER"]["latest"]["reference"] == sent[2]["packetId"]


@played()
async def test_a_reference_sent_again_never_makes_a_conflicting_latest(sender: Sender) -> None:
    """Neither as it was nor with something else in it."""
    first = packet(0, 0, limit(10))
    await sender.send(first, packet(1, 30, limit(None)))
    again, other = await sender.send(first, {**first, "measurements": [limit(99)], "sentAt": text(at(90))})
    assert ([again["verdict"], *kinds(again)], kinds(other)) == (["repeated", "repeated"], ["conflict"])
    assert await status(sender, "DER") == "OFF"


@played()
async def test_a_packet_that_comes_late_is_history_and_not_the_latest(sender: Sender) -> None:
    await sender.send(packet(0, 0, limit(10)), packet(2, 60, limit(None)))
    [late] = await sender.send(packet(1, 30, limit(20)))
    view = await sender.microgrid()
    assert kinds(late) == ["out-of-order"]
    assert (view["capabilities"]["DER"]["status"], len(view["capability_history"])) == ("OFF", 3)


@played()
async def test_capabilities_show_without_any_local_power_source(sender: Sender) -> None:
    meter = {"device": "meter", "deviceType": "SITE_METER"}
    await sender.send(packet(0, 0, limit(10), measurement("ACTIVE_POWER", 55, "kW"), **meter))
    view = await sender.microgrid()
    assert (view["power_sources"], view["capabilities"]["DER"]["status"]) == ([], "ON")


@played()
async def test_a_status_is_stale_when_the_packets_have_come_far_beyond_it(sender: Sender) -> None:
    """By the canonical timestamp of the very record that is shown."""
    await sender.send(packet(0, 0, limit(10)), packet(1, 180, mode("STANDBY")))
    view = await sender.microgrid()
    assert view["capabilities"]["DER"]["freshness"] == {"fresh": True, "age_seconds": 180}
    await sender.send(packet(2, 181, mode("STANDBY")))
    view = await sender.microgrid()
    assert {name: one["freshness"]["fresh"] for name, one in view["capabilities"].items()} == {
        "DER": False,
        "PEAK_SHAVING": True,
    }


@played()
async def test_a_power_source_has_state_mode_charge_and_load(sender: Sender) -> None:
    values = [
        measurement("DEVICE_POWER_STATE", "ON"),
        measurement("SOC", 71.5, "%"),
        mode("AUTO_CHARGE"),
        measurement("ACTIVE_POWER", 55_500, "W"),
    ]
    await sender.send(packet(0, 0, *values, device="bess-1", deviceType="BESS"))
    [source] = (await sender.microgrid())["power_sources"]
    assert source["id"] == "bess-1"
    assert {name: one["value"] for name, one in source["values"].items()} == {
        "DEVICE_POWER_STATE": "ON",
        "SOC": 71.5,
        "BESS_OPERATIONAL_MODE": "AUTO_CHARGE",
        "ACTIVE_POWER": 55.5,
    }


@played()
async def test_a_charger_is_no_power_source(sender: Sender) -> None:
    charger = {"device": "charger-1", "deviceType": "CHARGER_METER"}
    await sender.send(packet(0, 0, measurement("DEVICE_POWER_STATE", "ON"), **charger))
    assert (await sender.microgrid())["power_sources"] == []


@played()
async def test_a_device_that_does_not_say_its_type_is_a_power_source_by_its_keys(sender: Sender) -> None:
    """A battery has a charge; a charger has a power and a state alone."""
    for device, values in (("bess-1", {"SOC": 5}), ("bess-1", {"ACTIVE_POWER": 7}), ("charger-1", {"ACTIVE_POWER": 9})):
        await sender.post({"ts": 1_772_431_200_000, "values": values}, f"/packets/{device}")
    [source] = (await sender.microgrid())["power_sources"]
    assert (source["id"], {name: one["value"] for name, one in source["values"].items()}) == (
        "bess-1",
        {"SOC": 5, "ACTIVE_POWER": 7},
    )


@played()
async def test_dispatch_state_and_unknown_keys_are_kept_and_drive_nothing(sender: Sender) -> None:
    [outcome] = await sender.send(
        packet(0, 0, measurement("DISPATCH_STATE", "ACTIVE"), measurement("Soc", 5, "%"), type="EVENT")
    )
    assert [(one["kind"], one["text"]) for one in outcome["findings"] if one["kind"] != "no-birth"] == [
        ("unknown-key", "Soc is no key here; SOC is")
    ]
    [kept] = await sender.packets("?key=DISPATCH_STATE")
    assert [one["value"] for one in kept["packet"]["measurements"]] == ["ACTIVE", 5]
    view = await sender.microgrid()
    assert (view["capabilities"], view["circuits"], view["power_sources"]) == ({}, [], [])


@pytest.mark.parametrize(
    ("odd", "finding"),
    [
        (measurement("HEARTBEAT_STATUS", "ok"), "unknown-word"),
        (measurement("HEARTBEAT_STATUS", 1), "unknown-word"),
        (measurement("SOC", 50, "percent"), "unknown-unit"),
        (measurement("SOC", 0.5, "1"), "unknown-unit"),
        (measurement("SOC", 101, "%"), "out-of-range"),
        (measurement("SOC", "50", "%"), "schema"),
        (measurement("SOC", None, "%"), "schema"),
        (measurement("SOC", True, "%"), "schema"),
        (measurement("ALARM_CODES", "E1"), "schema"),
        (measurement("SOC", 50, "%", at=text(at(-61))), "stale"),
        (measurement("SOC", 50, "%", at=text(at(1))), "clock-skew"),
    ],
)
def test_what_is_odd_about_a_value_is_said(odd: dict[str, Any], finding: str) -> None:
    @played()
    async def test(sender: Sender) -> None:
        [outcome] = await sender.send(packet(0, 0, type="BIRTH"))
        [outcome] = await sender.send(packet(1, 0, odd))
        assert kinds(outcome) == [finding]

    test()


@pytest.mark.parametrize(
    "right",
    [
        measurement("SOC", 50, "%EL"),
        measurement("DISPATCH_SETPOINT", None, "kW"),
        measurement("ALARM_CODES", ["E1"]),
        measurement("HEARTBEAT_COUNTER", 65_535, "1"),
        measurement("SOC", 101, "%", quality="BAD"),
        measurement("SOC", 50, "%", at=text(at(0) - STALE_AFTER)),
    ],
)
def test_what_the_contract_allows_is_not_odd(right: dict[str, Any]) -> None:
    @played()
    async def test(sender: Sender) -> None:
        await sender.send(packet(0, 0, type="BIRTH"))
        [outcome] = await sender.send(packet(1, 0, right))
        assert kinds(outcome) == []

    test()


@played()
async def test_a_birth_declares_and_changes_nothing(sender: Sender) -> None:
    declared = measurement("SOC", ["min 0", "max 100", "resolution 0.1", "cadence 30 s"], "%")
    [outcome] = await sender.send(packet(0, 0, declared, *capacity(300), type="BIRTH"))
    view = await sender.microgrid()
    assert (kinds(outcome), view["circuits"], view["power_sources"]) == ([], [], [])


@played()
async def test_senml_and_flat_packets_mean_the_same_as_full_ones(sender: Sender) -> None:
    start = at(0).timestamp()
    senml = [
        {"bn": "grid/", "bt": start, "n": "AVAILABLE_CHARGING_CAPACITY", "u": "kW", "v": 300},
        {"n": "HEARTBEAT_STATUS", "vs": "OK"},
        {"n": "LIMIT_DER_EXPORT", "u": "kW", "v": 10},
        {"n": "ALARM_CODES", "vs": "E1;E2"},
    ]
    flat = {"ts": start * 1000, "values": {"SOC": 40, "BESS_OPERATIONAL_MODE": "LOCAL_DISCHARGE"}}
    outcomes = [*await sender.send(senml), *(await sender.post(flat, "/packets/bess-1")).body["packets"]]
    assert [kinds(one) for one in outcomes] == [[], []]
    view = await sender.microgrid()
    assert {name: one["status"] for name, one in view["capabilities"].items()} == {"DER": "ON", "PEAK_SHAVING": "ON"}
    assert await sender.standing() == ("AVAILABLE", 300)
    assert view["power_sources"][0]["values"]["SOC"]["value"] == 40
