"""The platform's device and sensor-action configuration, and where power sources are found (COR-9, COR-39)."""

from __future__ import annotations

import pytest

from standin.packets.configuration import Plan
from standin.packets.routing import NoTarget, power_source
from standin.packets.settings import AssetKind, PowerSourceAsset, Settings
from tests.standin.packets.stage import Sender, kinds, measurement, packet, played

ON_FEEDER = PowerSourceAsset("on-feeder", AssetKind.PV, "feeder")
BATTERY = PowerSourceAsset("battery")
SECOND = PowerSourceAsset("second")
LINKED = Plan({}, circuit="feeder")
UNLINKED = Plan({})


def test_a_power_source_on_the_devices_own_circuit_comes_first() -> None:
    settings = Settings(power_sources=(ON_FEEDER, BATTERY), output_translation={"mgc-1": "translated"})
    assert power_source(settings, LINKED, "mgc-1", None) == "on-feeder"


def test_then_comes_the_one_battery_of_the_depot() -> None:
    settings = Settings(power_sources=(ON_FEEDER, BATTERY), output_translation={"mgc-1": "translated"})
    assert power_source(settings, UNLINKED, "mgc-1", None) == "battery"


def test_the_gateways_translation_comes_last() -> None:
    settings = Settings(power_sources=(BATTERY, SECOND), output_translation={"mgc-1": "translated"})
    assert power_source(settings, LINKED, "mgc-1", None) == "translated"


def test_several_candidates_and_no_translation_are_nobodys_and_the_remedy_is_said() -> None:
    with pytest.raises(NoTarget, match="0 power sources on circuit feeder, 2 batteries in all: link the device"):
        power_source(Settings(power_sources=(BATTERY, SECOND)), LINKED, "mgc-1", None)


@played()
async def test_nothing_is_written_to_a_power_source_that_routing_does_not_find(sender: Sender) -> None:
    await sender.told("PUT", "packet-settings", {"power_sources": [{"id": "a"}, {"id": "b"}]})
    [outcome] = await sender.send(packet(0, 0, measurement("SOC", 50, "%"), type="EVENT"))
    assert kinds(outcome) == ["no-birth", "not-applied"]
    assert (await sender.microgrid())["power_sources"] == []
