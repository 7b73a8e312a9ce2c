"""Which devices a row of the measurand table is for: the contract names scopes, packets come from device types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from depot_sim.domain.packets.vocabulary import DeviceType

SCOPES: Mapping[str, frozenset[DeviceType]] = {
    "site": frozenset({DeviceType.SITE_METER, DeviceType.MICROGRID_CONTROLLER, DeviceType.WEATHER}),
    "scope": frozenset({DeviceType.SITE_METER, DeviceType.FEEDER_METER, DeviceType.MICROGRID_CONTROLLER}),
    "feeder": frozenset({DeviceType.FEEDER_METER}),
    "charger": frozenset({DeviceType.CHARGER_METER}),
    "bess": frozenset({DeviceType.BESS, DeviceType.MICROGRID_CONTROLLER}),
    "der": frozenset({DeviceType.DER, DeviceType.MICROGRID_CONTROLLER}),
    "vehicle": frozenset(),
    "any": frozenset(DeviceType),
}
"""Vehicles send no packets of their own: telematics reports them."""

_OF_CONTROLLER = frozenset(
    {
        "AVAILABLE_CHARGING_CAPACITY",
        "FAIL_SAFE_CAPACITY",
        "HEARTBEAT_STATUS",
        "HEARTBEAT_COUNTER",
        "DISPATCH_STATE",
        "DISPATCH_SETPOINT",
        "LIMIT_DER_EXPORT",
        "SOC",
        "DEVICE_POWER_STATE",
        "BESS_OPERATIONAL_MODE",
        "CONTROLLER_MODE",
        "ALARM_CODES",
    }
)
_OF_WEATHER = frozenset({"AMBIENT_TEMPERATURE"})
_ONLY = {DeviceType.MICROGRID_CONTROLLER: _OF_CONTROLLER, DeviceType.WEATHER: _OF_WEATHER}
"""What these report, by source; meters do not repeat the weather, nor controllers the meters."""


def device_types_of(scopes: Iterable[str], source: str) -> frozenset[DeviceType]:
    """Who sends a measurand of these scopes."""
    named = frozenset[DeviceType]().union(*(SCOPES[scope] for scope in scopes))
    reporting = frozenset(type for type in named if source in _ONLY.get(type, (source,)))
    return reporting - {DeviceType.SITE_METER} if source in _OF_WEATHER else reporting
