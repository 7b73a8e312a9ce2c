"""Random commands on anything a depot has."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.kernel.quantities import PPM, Duration, Energy, Power, Share, SignedPower, SinceStart
from depot_sim.domain.run import commands as c
from depot_sim.domain.run.world.site.forecast import ForecastType
from depot_sim.domain.run.world.state import Control, ControllerMode, Dispatch, PowerState, SensorMode
from tests.domain.run.world.depots import HOUR, KW, KWH, MINUTE, SECOND


class Orders:
    """What may be asked of this depot; every method makes one command."""

    def __init__(self, random: Random, site: SimulationConfigurationDocument) -> None:
        self.random = random
        self.site = site
        self.plugs = [f"{charger.id}/{plug.id}" for charger in site.chargers for plug in charger.connectors]

    def makers(self) -> list[Callable[[], c.Command]]:
        makers = [self.unplug, self.arrive, self.depart, self.soc, self.target, self.plug_in, self.node, self.node]
        if self.site.chargers:
            makers += [
                self.charging,
                self.charging,
                self.limit,
                self.limit,
                self.availability,
                self.fault,
                self.network,
            ]
        if self.site.sensors:
            makers += [self.sensor]
        if self.site.bess:
            makers += [self.bess, self.bess, self.bess_soc]
        if self.site.pv:
            makers += [self.pv]
        if self.site.microgrid_controllers:
            makers += [self.controller, self.controller]
        if self.site.managed_scopes:
            makers += [self.forecast, self.forecast, self.no_forecast]
        return makers

    def unplug(self) -> c.Command:
        return c.Unplug(vehicle=self._vehicle())

    def arrive(self) -> c.Command:
        return c.Arrive(vehicle=self._vehicle(), soc=self.random.choice((None, self._soc())))

    def depart(self) -> c.Command:
        energy = Energy(self.random.randint(0, 300 * KWH))
        return c.Depart(vehicle=self._vehicle(), returns_after=self._duration(), energy=energy)

    def soc(self) -> c.Command:
        return c.SetStateOfCharge(vehicle=self._vehicle(), soc=self._soc())

    def target(self) -> c.Command:
        return c.SetTarget(vehicle=self._vehicle(), soc=self._soc())

    def plug_in(self) -> c.Command:
        return c.PlugIn(vehicle=self._vehicle(), connector=self.random.choice((None, *self.plugs)))

    def node(self) -> c.Command:
        node = self.random.choice(self.site.topology.nodes).id
        limit = self.random.choice((None, Power(self.random.randint(0, 300 * KW))))
        return self.random.choice(
            (
                c.SetNodeLimit(node=node, limit=limit),
                c.SetExportLimit(node=node, limit=limit),
                c.SetFailSafeLimit(node=node, limit=limit),
                c.StartNodeOutage(node=node),
                c.EndNodeOutage(node=node),
            )
        )

    def charging(self) -> c.Command:
        return self.random.choice((c.StartCharging, c.StopCharging))(connector=self.random.choice(self.plugs))

    def limit(self) -> c.Command:
        limit = self.random.choice((None, Power(0), Power(self.random.randint(0, 150 * KW))))
        return c.SetChargingLimit(connector=self.random.choice(self.plugs), limit=limit)

    def availability(self) -> c.Command:
        target = self.random.choice([*self.plugs, *(charger.id for charger in self.site.chargers)])
        return c.SetAvailability(target=target, available=self._coin())

    def fault(self) -> c.Command:
        charger = self.random.choice(self.site.chargers).id
        if self._coin():
            return c.ClearChargerFault(charger=charger)
        return c.FaultCharger(charger=charger, duration=self._duration())

    def network(self) -> c.Command:
        return c.SetConnectorNetwork(connector=self.random.choice(self.plugs), online=self._coin())

    def delay(self) -> c.Command:
        return c.SetControlDelay(delay=Duration(self.random.choice((0, 0, 15 * MINUTE))))

    def sensor(self) -> c.Command:
        sensor = self.random.choice(self.site.sensors).id
        mode = self.random.choice((SensorMode.STUCK, SensorMode.OFFLINE))
        return self.random.choice(
            (
                c.ForceSensorValue(sensor=sensor, value=None),
                c.FaultSensor(sensor=sensor, mode=mode, duration=self._duration()),
                c.ClearSensorFault(sensor=sensor),
                c.SetSensorAvailability(sensor=sensor, available=self._coin()),
            )
        )

    def bess(self) -> c.Command:
        return c.SetBess(
            bess=self.random.choice(self.site.bess).id,
            power_state=self.random.choice((None, PowerState.ON, PowerState.ON, PowerState.OFF)),
            control=self.random.choice((None, *Control)),
            dispatch=self.random.choice((None, *Dispatch)),
            setpoint=SignedPower(self.random.randint(-200 * KW, 200 * KW)),
        )

    def bess_soc(self) -> c.Command:
        return c.SetBessStateOfCharge(bess=self.random.choice(self.site.bess).id, soc=self._soc())

    def pv(self) -> c.Command:
        state = self.random.choice((None, PowerState.ON, PowerState.OFF))
        return c.SetPv(pv=self.random.choice(self.site.pv).id, power_state=state, let_through=self._soc())

    def controller(self) -> c.Command:
        controller = self.random.choice(self.site.microgrid_controllers).id
        if self._coin():
            return c.SetControllerHeartbeats(controller=controller, beating=self._coin())
        if self._coin():
            every = Duration(self.random.choice((SECOND, 70 * SECOND, 130 * SECOND, HOUR)))
            return c.SetControllerHeartbeats(controller=controller, beating=True, every=every)
        if self._coin():
            return c.RestartController(controller=controller)
        return c.SetControllerMode(controller=controller, mode=self.random.choice(list(ControllerMode)))

    def forecast(self) -> c.Command:
        starts = [self.random.randint(-HOUR, 48 * HOUR) for _ in range(self.random.randint(1, 6))]
        return c.ApplyForecast(
            managed_scope=self.random.choice(self.site.managed_scopes).id,
            forecast_id=f"f{self.random.randint(1, 9)}",
            type=self.random.choice(list(ForecastType)),
            blocks=tuple(
                c.CapacityBlock(
                    SinceStart(start),
                    SinceStart(start + self.random.randint(1, 24 * HOUR)),
                    Power(self.random.choice((0, self.random.randint(0, 200 * KW)))),
                )
                for start in starts
            ),
        )

    def no_forecast(self) -> c.Command:
        scope = self.random.choice(self.site.managed_scopes).id
        return c.WithdrawForecast(managed_scope=scope, type=self.random.choice(list(ForecastType)))

    def _vehicle(self) -> str:
        return self.random.choice(self.site.vehicles).id

    def _soc(self) -> Share:
        return Share(self.random.randint(0, 100) * PPM // 100)

    def _duration(self) -> Duration | None:
        return self.random.choice((None, Duration(MINUTE), Duration(2 * HOUR)))

    def _coin(self) -> bool:
        return self.random.random() < 0.5


def random_command(random: Random, site: SimulationConfigurationDocument) -> c.Command:
    return random.choice(Orders(random, site).makers())()
