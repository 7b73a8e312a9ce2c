"""What a feed would publish while a scenario plays: read by the default profile from the world, key by key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from depot_sim.domain.packets.contract.profile import read_profile
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.measure.observer import Observer
from tests.adapters.scenario_library.stage import Looked, Play, example
from tests.domain.packets.profiles import default_files

CONTROLLER = {
    "AVAILABLE_CHARGING_CAPACITY",
    "FAIL_SAFE_CAPACITY",
    "HEARTBEAT_STATUS",
    "DISPATCH_STATE",
    "LIMIT_DER_EXPORT",
    "SOC",
    "DEVICE_POWER_STATE",
    "BESS_OPERATIONAL_MODE",
}
"""The eight measurands of the microgrid controller's contract."""
PROFILE = read_profile(default_files())
EVERY_MS = 5_000


def readings(looked: Iterator[Looked], play: Play) -> dict[str, set[object]]:
    """Every value that each key ever had, of all devices of the site."""
    depot = example("bba-microgrid")
    devices = derived_devices(depot.document, "site", PROFILE)
    observer = Observer(play.run.depot, devices, PROFILE, seed=1)
    found: dict[str, set[object]] = defaultdict(set)
    for at, run in looked:
        if at % EVERY_MS:
            continue
        for device, described in enumerate(devices):
            for place, bound in enumerate(described.keys):
                found[bound.key].add(observer.read(run.world, at, device, place).value)
    return found


@pytest.fixture(scope="module")
def all_fields() -> dict[str, set[object]]:
    play = Play("bba-all-fields", example("bba-microgrid"))
    return readings(iter(play), play)


@pytest.mark.parametrize("key", sorted(CONTROLLER))
def test_bba_all_fields_drives_all_eight_measurands(all_fields: dict[str, set[object]], key: str) -> None:
    assert len(all_fields[key]) > 1


def test_every_reading_is_a_plain_value_that_can_be_recorded(all_fields: dict[str, set[object]]) -> None:
    plain = {int, str, bool, type(None), tuple}
    assert {type(value) for values in all_fields.values() for value in values} <= plain


def test_bba_mode_table_publishes_every_mode_of_the_profile() -> None:
    play = Play("bba-mode-table", example("bba-microgrid"))
    assert readings(iter(play), play)["BESS_OPERATIONAL_MODE"] == set(PROFILE.modes.modes)
