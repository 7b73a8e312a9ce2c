"""The depot definition as a typed document; one revision of a SimulationConfiguration holds one whole document.

Quantities are integers in base units once decoded (see quantities.py); defaults come from public fleet and product
figures and are listed, with their sources, in docs/defaults.md. Ids are unique within their list.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

import msgspec

from depot_sim.domain.kernel.credentials import Authorization, Credentials
from depot_sim.domain.kernel.quantities import (
    ClockTime,
    Consumption,
    Distance,
    Duration,
    Energy,
    Power,
    RampRate,
    Share,
    ShareRate,
    SignedShare,
    Temperature,
)

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
Id = Annotated[str, msgspec.Meta(pattern=ID_PATTERN)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of everything in a document: immutable, no unknown fields."""


class NodeKind(Enum):
    GRID_CONNECTION = "GRID_CONNECTION"
    SWITCHBOARD = "SWITCHBOARD"
    FEEDER = "FEEDER"
    CIRCUIT = "CIRCUIT"


class AllocationPolicy(Enum):
    """How a node shares what it may draw: greedily in order of arrival or of priority, or in proportion to demand."""

    FIRST_COME = "FIRST_COME"
    PRIORITY = "PRIORITY"
    PROPORTIONAL = "PROPORTIONAL"


class CurrentKind(Enum):
    DC = "DC"
    AC = "AC"


class Authorisation(Enum):
    """AUTOMATIC: plugging in starts charging. REMOTE: a start command is needed."""

    AUTOMATIC = "AUTOMATIC"
    REMOTE = "REMOTE"


class Weekday(Enum):
    MON = "MON"
    TUE = "TUE"
    WED = "WED"
    THU = "THU"
    FRI = "FRI"
    SAT = "SAT"
    SUN = "SUN"


class LoadStep(Part, frozen=True):
    """From this time of day on, until the next step."""

    at: ClockTime
    power: Power


class Node(Part, frozen=True):
    """One node of the electrical tree; `parent` None is the root. `other_load` is everything that is not charging."""

    id: Id
    parent: Id | None = None
    kind: NodeKind = NodeKind.CIRCUIT
    name: str = ""
    limit: Power | None = None
    fail_safe_limit: Power | None = None
    export_limit: Power | None = None
    allocation: AllocationPolicy | None = None
    other_load: tuple[LoadStep, ...] = ()


class ElectricalTopology(Part, frozen=True):
    """Rooted and acyclic."""

    nodes: tuple[Node, ...]


class ManagedScope(Part, frozen=True):
    """A named electrical boundary: the routing target of protocol projections."""

    id: Id
    node: Id
    name: str = ""


class CurvePoint(Part, frozen=True):
    """At this state of charge the battery takes at most this power (charger output); straight lines between points."""

    soc: Share
    power: Power


class VehicleType(Part, frozen=True):
    id: Id
    name: str = ""
    battery: Energy = Energy.parse("400 kWh")
    consumption: Consumption = Consumption.parse("1.2 kWh/km")
    charge_curve: tuple[CurvePoint, ...] = (
        CurvePoint(soc=Share.parse("0 %"), power=Power.parse("150 kW")),
        CurvePoint(soc=Share.parse("80 %"), power=Power.parse("150 kW")),
        CurvePoint(soc=Share.parse("100 %"), power=Power.parse("15 kW")),
    )
    reserve_soc: Share = Share.parse("10 %")
    precondition_power: Power = Power.parse("20 kW")
    climate_control: bool = True


class Duty(Part, frozen=True):
    """A block of work away from the depot. `energy`, when given, replaces distance x consumption and the climate."""

    id: Id
    departs: ClockTime
    returns: ClockTime
    distance: Distance = Distance(0)
    energy: Energy | None = None
    days: tuple[Weekday, ...] = tuple(Weekday)


class Vehicle(Part, frozen=True):
    """`connector` is the bus's own, "charger/connector"; without one it takes a free one when it comes in."""

    id: Id
    type: Id
    label: str = ""
    vin: str = ""
    initial_soc: Share = Share.parse("80 %")
    target_soc: Share = Share.parse("95 %")
    connector: str | None = None
    priority: int = 0
    plug_in_delay: Duration | None = None
    duties: tuple[Duty, ...] = ()


class Connector(Part, frozen=True):
    id: Id
    cable_limit: Power | None = None


class Charger(Part, frozen=True):
    """`rating` is shared by its connectors. `efficiency` is from the grid side to the battery."""

    id: Id
    node: Id
    name: str = ""
    kind: CurrentKind = CurrentKind.DC
    rating: Power = Power.parse("150 kW")
    efficiency: Share = Share.parse("95 %")
    standby: Power = Power.parse("100 W")
    dead_time: Duration = Duration.parse("10 s")
    ramp_up: RampRate = RampRate.parse("20 kW/s")
    authorisation: Authorisation = Authorisation.AUTOMATIC
    connectors: tuple[Connector, ...] = (Connector(id="1"),)


class SensorQuantity(Enum):
    """What a sensor reads. Powers: import is positive. ENERGY_IMPORT is a register that never falls."""

    ACTIVE_POWER = "ACTIVE_POWER"
    ENERGY_IMPORT = "ENERGY_IMPORT"
    SOC = "SOC"
    AMBIENT_TEMPERATURE = "AMBIENT_TEMPERATURE"


class Sensor(Part, frozen=True):
    """Measures exactly one of node, charger, bess, pv (none for AMBIENT_TEMPERATURE).

    `gain_error` None draws a fixed one per sensor from N(0, 0.5 %), clipped at 2 %; `noise` is per reading.
    """

    id: Id
    quantity: SensorQuantity = SensorQuantity.ACTIVE_POWER
    node: Id | None = None
    charger: Id | None = None
    bess: Id | None = None
    pv: Id | None = None
    cadence: Duration = Duration.parse("60 s")
    gain_error: SignedShare | None = None
    noise: Share = Share.parse("0.2 %")


class Bess(Part, frozen=True):
    """A battery energy storage system. `efficiency` counts each way; `ramp` is of the rating per second."""

    id: Id
    node: Id
    capacity: Energy = Energy.parse("2.5 MWh")
    rating: Power = Power.parse("1.25 MW")
    efficiency: Share = Share.parse("95 %")
    min_soc: Share = Share.parse("10 %")
    max_soc: Share = Share.parse("95 %")
    initial_soc: Share = Share.parse("50 %")
    ramp: ShareRate = ShareRate.parse("5 %/s")


class ProfileStep(Part, frozen=True):
    at: ClockTime
    share: Share


class PvArray(Part, frozen=True):
    """`profile` is the share of `peak` by time of day; empty means the built-in clear-sky day."""

    id: Id
    node: Id
    peak: Power = Power.parse("388 kW")
    profile: tuple[ProfileStep, ...] = ()


class MicrogridController(Part, frozen=True):
    """Sends heartbeats to its node; while they are lost the node is held at its fail_safe_limit, until the next one."""

    id: Id
    node: Id
    heartbeat_interval: Duration = Duration.parse("30 s")
    lost_after: Duration = Duration.parse("120 s")
    grace: Duration = Duration(0)


class TemperatureStep(Part, frozen=True):
    at: ClockTime
    temperature: Temperature


class Weather(Part, frozen=True):
    """Ambient temperature by time of day."""

    ambient: tuple[TemperatureStep, ...] = (TemperatureStep(at=ClockTime("00:00"), temperature=Temperature(20_000)),)


class LateReturns(Part, frozen=True):
    """A return is late with this probability, by a lognormal delay."""

    probability: Share
    median: Duration = Duration.parse("3 min")
    p95: Duration = Duration.parse("15 min")


class RandomOutages(Part, frozen=True):
    """Each unit fails this many times a day on average (a share: 10 % = once in ten days), for about this long."""

    per_day: Share
    duration: Duration = Duration.parse("30 min")


class DisturbanceProfile(Part, frozen=True):
    """Seeded random trouble that a run may switch on."""

    id: Id
    late_returns: LateReturns | None = None
    charger_faults: RandomOutages | None = None
    sensor_dropouts: RandomOutages | None = None


class OcppBinding(Part, frozen=True, tag_field="family", tag="ocpp"):
    """Every charger below the scope becomes a charge point of the central system at `endpoint` (ws:// or wss://)."""

    id: Id
    managed_scope: Id
    endpoint: str = ""
    version: str = "1.6"


class PacketsBinding(Part, frozen=True, tag_field="family", tag="packets"):
    """Sensors below the scope become packets posted to `endpoint`; `profile` names the packet contract.

    `devices` is the platform's device and sensor-action configuration; without one, everything below the scope is one.
    """

    id: Id
    managed_scope: Id
    endpoint: str = ""
    profile: str = "default/1"
    site_model_name: str | None = None
    authorization: Authorization = Authorization.NONE
    credentials: Credentials = Credentials()
    devices: dict[str, Any] | None = None


class TelematicsBinding(Part, frozen=True, tag_field="family", tag="telematics"):
    id: Id
    managed_scope: Id
    provider: str = "default/1"


class OscpCapacityProviderBinding(Part, frozen=True, tag_field="family", tag="oscp"):
    """Defaults for an OSCP 2.0 Capacity Provider session on this scope."""

    id: Id
    managed_scope: Id
    group_id: str
    measurement_publication_mode: str = "GROUP"
    measurement_configuration: str = "INTERMITTENT"
    scenario_preset: Id | None = None


ProjectionBinding = OcppBinding | PacketsBinding | TelematicsBinding | OscpCapacityProviderBinding


class ScenarioPreset(Part, frozen=True):
    """A named starting situation; `settings` are read by the projection it is applied to."""

    id: Id
    description: str = ""
    settings: dict[str, Any] = {}


class SimulationConfigurationDocument(Part, frozen=True, kw_only=True):
    """A whole depot."""

    name: str
    description: str = ""
    attribution: str = ""
    topology: ElectricalTopology
    managed_scopes: tuple[ManagedScope, ...] = ()
    vehicle_types: tuple[VehicleType, ...] = ()
    vehicles: tuple[Vehicle, ...] = ()
    chargers: tuple[Charger, ...] = ()
    sensors: tuple[Sensor, ...] = ()
    bess: tuple[Bess, ...] = ()
    pv: tuple[PvArray, ...] = ()
    microgrid_controllers: tuple[MicrogridController, ...] = ()
    weather: Weather = Weather()
    projection_bindings: tuple[ProjectionBinding, ...] = ()
    scenario_presets: tuple[ScenarioPreset, ...] = ()
    disturbance_profiles: tuple[DisturbanceProfile, ...] = ()
