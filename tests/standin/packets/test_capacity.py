"""Circuit capacity and its fail-safe: the rules, and the five traps in which real products were caught."""

from __future__ import annotations

from datetime import timedelta

import pytest

from depot_sim.standin.packets.capacity import CapacityLink, Report, Standing
from tests.standin.packets.stage import Sender, at, capacity, measurement, packet, played

FAIL_SAFE = measurement("FAIL_SAFE_CAPACITY", 40, "kW")
SOC = measurement("SOC", 50, "%")


def link(watchdog: float = 120) -> CapacityLink:
    return CapacityLink(timedelta(seconds=watchdog), safe_default_kw=0)


def take(one: CapacityLink, seconds: float, kw: float | None = None, status: str | None = None, **more: float) -> None:
    """A packet of this moment, by the device's own clock."""
    report = Report(at=at(seconds), said_at=at(seconds), reference=None, available_kw=kw, status=status, **more)
    one.take(report, at(seconds))


def holds(one: CapacityLink) -> tuple[Standing, float | None]:
    return one.standing, one.kw


@pytest.fixture
def alive() -> CapacityLink:
    """Heard of at 0 s, with 300 kW and a fail-safe of 40 kW."""
    one = link()
    take(one, 0, 300, "OK", fail_safe_kw=40)
    assert holds(one) == (Standing.AVAILABLE, 300)
    return one


def test_capacity_follows_what_is_available(alive: CapacityLink) -> None:
    take(alive, 30, 250, "OK")
    take(alive, 60, 410.5, "LATE")
    assert holds(alive) == (Standing.AVAILABLE, 410.5)
    assert [change.kw for change in alive.changes] == [300, 250, 410.5]


def test_trap_1_fail_safe_ends_at_once_and_not_after_a_minimum_duration(alive: CapacityLink) -> None:
    take(alive, 60, 300, "LOST")
    assert holds(alive) == (Standing.FAIL_SAFE, 40)
    take(alive, 61, 280, "OK")
    assert holds(alive) == (Standing.AVAILABLE, 280)


def test_trap_2_fail_safe_never_ends_in_no_limit(alive: CapacityLink) -> None:
    """However long it lasts without a heartbeat, it stays capped."""
    take(alive, 60, None, "LOST")
    alive.advance(at(86_400))
    assert holds(alive) == (Standing.FAIL_SAFE, 40)


def test_trap_3_the_watchdog_runs_from_when_it_was_armed_and_fires_no_sooner() -> None:
    """Before the first heartbeat there is nothing to count from but that."""
    one = link()
    one.arm(at(0))
    one.advance(at(119.9))
    assert holds(one) == (Standing.WAITING, None)
    one.advance(at(120))
    assert holds(one) == (Standing.FAIL_SAFE, 0)


def test_trap_4_the_watchdog_fires_when_its_time_is_up_and_not_a_third_later() -> None:
    one = link(watchdog=60)
    take(one, 0, 300, "OK")
    one.advance(at(80))
    assert (one.standing, one.changes[-1].at) == (Standing.FAIL_SAFE, at(60))


def test_a_heartbeat_at_the_last_moment_is_in_time(alive: CapacityLink) -> None:
    take(alive, 120, 300, "OK")
    assert holds(alive) == (Standing.AVAILABLE, 300)
    assert len(alive.changes) == 1


def test_trap_5_only_heartbeats_wind_the_watchdog(alive: CapacityLink) -> None:
    """Neither capacity alone nor a status that is not OK, nor a counter that stands still."""
    take(alive, 30, 300, "OK", counter=7)
    take(alive, 60, 300)
    take(alive, 90, 300, "LATE")
    take(alive, 120, 300, "OK", counter=7)
    take(alive, 149, 300, "NEVER")
    assert alive.standing is Standing.AVAILABLE
    take(alive, 150, 300)
    assert holds(alive) == (Standing.FAIL_SAFE, 40)


def test_a_heartbeat_without_a_valid_capacity_leaves_it_capped_until_one_comes(alive: CapacityLink) -> None:
    take(alive, 60, None, "LOST")
    take(alive, 70, 300)
    take(alive, 80, None, "OK")
    assert holds(alive) == (Standing.FAIL_SAFE, 40)
    take(alive, 90, 310)
    assert holds(alive) == (Standing.AVAILABLE, 310)


def test_a_heartbeat_that_is_old_by_now_lets_nothing_out(alive: CapacityLink) -> None:
    take(alive, 60, None, "LOST")
    take(alive, 80, None, "OK")
    take(alive, 80 + 120, 310)
    assert holds(alive) == (Standing.FAIL_SAFE, 40)


def test_a_late_packet_changes_nothing_newer(alive: CapacityLink) -> None:
    take(alive, 60, 200, "LOST")
    report = Report(at=at(30), said_at=at(30), reference=None, available_kw=999, status="OK")
    alive.take(report, at(60))
    assert holds(alive) == (Standing.FAIL_SAFE, 40)


def test_fail_safe_without_a_fail_safe_capacity_is_the_safe_default() -> None:
    one = link()
    take(one, 0, 300, "LOST")
    assert holds(one) == (Standing.FAIL_SAFE, 0)
    take(one, 10, fail_safe_kw=25)
    assert holds(one) == (Standing.FAIL_SAFE, 25)
    assert one.changes[-1].reason == "another fail-safe capacity"


def test_a_link_that_never_names_a_heartbeat_is_not_watched_unless_it_is_configured() -> None:
    """A feeder without a controller reports its capacity, and nobody's heartbeat."""
    feeder = link()
    take(feeder, 0, 300)
    take(feeder, 86_400, 310)
    assert holds(feeder) == (Standing.AVAILABLE, 310)
    configured = link()
    configured.watched = True
    take(configured, 0, 300)
    take(configured, 120, 310)
    assert configured.standing is Standing.FAIL_SAFE


@played()
async def test_capacity_and_fail_safe_follow_the_packets(sender: Sender) -> None:
    await sender.send(packet(0, 0, type="BIRTH"), packet(1, 0, *capacity(300), FAIL_SAFE))
    assert await sender.standing() == ("AVAILABLE", 300)
    await sender.send(packet(2, 30, *capacity(300, "LOST")))
    assert await sender.standing() == ("FAIL_SAFE", 40)
    await sender.send(packet(3, 60, *capacity(280)))
    assert await sender.standing() == ("AVAILABLE", 280)
    reasons = [change["reason"] for change in (await sender.circuit())["changes"]]
    assert reasons == ["available capacity", "HEARTBEAT_STATUS is LOST", "heartbeat and capacity are back"]


@played()
async def test_other_telemetry_moves_the_clock_and_winds_nothing(sender: Sender) -> None:
    """Looking at the state does not wind it either."""
    await sender.send(packet(0, 0, type="BIRTH"), packet(1, 0, *capacity(300), FAIL_SAFE))
    for seq in range(2, 8):
        await sender.send(packet(seq, 20 * (seq - 1), SOC))
        assert await sender.standing() == (("AVAILABLE", 300) if seq < 7 else ("FAIL_SAFE", 40))


@played()
async def test_by_its_own_clock_a_device_is_not_hurried_by_others_and_by_the_sites_it_is(sender: Sender) -> None:
    async def hurry() -> tuple[str, float | None]:
        await sender.send(packet(0, 0, *capacity(300), FAIL_SAFE), packet(0, 500, SOC, device="b", deviceType="BESS"))
        return await sender.standing()

    assert await hurry() == ("AVAILABLE", 300)
    await sender.told("PUT", "packet-settings", {"clock": "site"})
    assert await hurry() == ("FAIL_SAFE", 40)


@played()
async def test_by_our_own_clock_silence_counts_from_the_configuration(sender: Sender) -> None:
    await sender.told("PUT", "packet-settings", {"clock": "arrival", "watchdog_seconds": 0.1, "safe_default_kw": 15})
    action = {"sensor_action": "UPDATE_CIRCUIT_CAPACITY", "target": "grid"}
    await sender.told("PUT", "packet-devices", {"devices": [{"device_id": "mgc-1", "sensor_actions": [action]}]})
    await sender.told("GET", "packets/wait?circuit=grid&standing=FAIL_SAFE&kw=15")
    await sender.send(packet(0, 0, *capacity(300)))
    assert await sender.standing() == ("AVAILABLE", 300)
    await sender.told("GET", "packets/wait?circuit=grid&standing=FAIL_SAFE&kw=15")


@pytest.mark.parametrize(
    "spoilt",
    [
        {"quality": "BAD"},
        {"value": None},
        {"value": "300"},
        {"value": -1},
        {"unit": "A"},
        {"at": "2026-03-02T05:00:00Z"},
    ],
)
def test_fail_safe_ends_with_a_valid_capacity_only(spoilt: dict[str, object]) -> None:
    """Not with one that is bad, null, text, out of range, in another quantity's unit, or stale."""

    @played()
    async def test(sender: Sender) -> None:
        await sender.send(packet(0, 0, *capacity(300), FAIL_SAFE), packet(1, 30, *capacity(300, "LOST")))
        available, heartbeat = capacity(300)
        await sender.send(packet(2, 60, {**available, **spoilt}, heartbeat))
        assert await sender.standing() == ("FAIL_SAFE", 40)
        await sender.send(packet(3, 90, *capacity(300)))
        assert await sender.standing() == ("AVAILABLE", 300)

    test()


@played()
async def test_the_controller_speaks_for_a_circuit_that_others_report_too(sender: Sender) -> None:
    meter = {"device": "a-meter", "deviceType": "SITE_METER"}
    await sender.send(packet(0, 0, *capacity(999), **meter), packet(0, 0, *capacity(300)))
    await sender.send(packet(1, 10, *capacity(888), **meter))
    circuit = await sender.circuit()
    assert (circuit["kw"], circuit["device"], circuit["other_devices"]) == (300, "mgc-1", ["a-meter"])
    await sender.send(packet(1, 10, type="DEATH"))
    assert (await sender.circuit())["device"] == "a-meter"


@played()
async def test_the_same_run_again_ends_as_it_did_before(sender: Sender) -> None:
    """Its packets have the times of the run before, and count all the same."""

    async def run(name: str) -> object:
        steps = [capacity(300), capacity(300, "LOST"), capacity(280), capacity(120)]
        for seq, step in enumerate(steps):
            await sender.send(packet(seq, 30 * seq, *step, FAIL_SAFE, run=name, type="TELEMETRY" if seq else "BIRTH"))
        circuit = await sender.circuit()
        return circuit["standing"], circuit["kw"], circuit["changes"][-3:]

    first, again = await run("run-1"), await run("run-2")
    assert isinstance(first, tuple)
    assert isinstance(again, tuple)
    assert first[:2] == again[:2] == ("AVAILABLE", 120)
    assert [change["kw"] for change in first[2]] == [change["kw"] for change in again[2]] == [40, 280, 120]
