"""Sessions and their world: the run knows accepted forecasts; what a breach or a request calls for is expected."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.application.oscp.requests import Disconnect, ForceState, SendForecast, SendHeartbeat
from depot_sim.application.oscp.session.called_for import ADJUSTMENT, BREACH, by_breach
from depot_sim.application.oscp.world_link.breaches import Breaches
from depot_sim.application.oscp.world_link.forecasts_to_run import ForecastsToRun
from depot_sim.application.repository import Origin
from depot_sim.application.runtime import RunCommands
from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.errors import CommandRefused
from depot_sim.domain.kernel.quantities import Share
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.vocabulary import ForecastType, Lifecycle
from depot_sim.domain.oscp.wire.times import format_instant
from depot_sim.domain.run.commands import ApplyForecast, Command, PlugIn, SetStateOfCharge
from depot_sim.domain.run.events import ManagedScopeBreachDetected, ScopeForecastApplied, ScopeForecastWithdrawn
from tests.application.oscp.processes import OscpProcess
from tests.application.run.processes import ALICE, until

pytestmark = pytest.mark.anyio

HOUR = 3_600_000
SILENT = Policy(heartbeat_interval_ms=24 * HOUR)
"""A session that stays online for the whole test."""


class Refusals:
    """Keeps the ids of the forecasts that the run refused."""

    def __init__(self, commands: RunCommands) -> None:
        self._commands = commands
        self.refused: list[str] = []

    async def command(self, run_id: str, command: Command, origin: Origin) -> object:
        try:
            return await self._commands.command(run_id, command, origin)
        except CommandRefused:
            assert isinstance(command, ApplyForecast)
            self.refused.append(command.forecast_id)
            raise

    async def carry_to_present(self, run_id: str) -> None:
        await self._commands.carry_to_present(run_id)


async def live(process: OscpProcess, **changes: Any) -> str:
    """A session on the run's own time that is online; its forecasts are told to the run."""
    await process.start()
    ForecastsToRun(process.sessions, process.runs, process.time, process.under_way)
    Breaches(process.sessions, process.host, process.under_way)
    session = await process.attach(clock=None, **{"policy": SILENT} | changes)
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)
    return session


async def publish(process: OscpProcess, session: str, pattern: str = "10 for 1h", **rest: Any) -> str:
    """Its request id."""
    await process.service.send_forecast("r", session, SendForecast(pattern=pattern, **rest), ALICE)
    return active(process, session, ForecastType(rest.get("type", ForecastType.CONSUMPTION)))


def active(process: OscpProcess, session: str, type: ForecastType = ForecastType.CONSUMPTION) -> str:
    return process.session(session).state.active[type.value]


def told(process: OscpProcess) -> list[str]:
    """Ids of the forecasts that held for the scope, one after the other; "" for none."""
    ids = []
    for event in process.events("r"):
        match event:
            case ScopeForecastApplied():
                ids.append(event.forecast_id)
            case ScopeForecastWithdrawn():
                ids.append("")
    return ids


def causes(process: OscpProcess, session: str) -> list[str]:
    return [standing.expectation.cause for standing in process.hosted(session).expectations.waiting.values()]


async def test_an_accepted_forecast_is_known_to_the_run(process: OscpProcess) -> None:
    session = await live(process)
    first = await publish(process, session)
    await until(lambda: told(process) == [first])
    second = await publish(process, session, "20 for 1h")
    await until(lambda: told(process) == [first, second])


async def test_a_lost_partner_is_held_to_the_fallback_and_one_that_left_to_nothing(process: OscpProcess) -> None:
    session = await live(process)
    primary = await publish(process, session)
    await until(lambda: told(process) == [primary])
    fallback = await publish(process, session, type=ForecastType.FALLBACK_CONSUMPTION)
    await process.service.force_state("r", session, ForceState(Lifecycle.OFFLINE), ALICE)
    await until(lambda: told(process) == [primary, fallback])
    await process.service.disconnect("r", session, Disconnect(), ALICE)
    await until(lambda: told(process) == [primary, fallback, ""])


async def test_a_run_that_knows_a_forecast_from_before_a_restart_is_not_told_twice(process: OscpProcess) -> None:
    session = await live(process)
    first = await publish(process, session)
    await until(lambda: told(process) == [first])
    commands = Refusals(process.runs)
    ForecastsToRun(process.sessions, commands, process.time, process.under_way)
    await process.service.send_heartbeat("r", session, SendHeartbeat(), ALICE)
    await until(lambda: commands.refused == [first])
    assert told(process) == [first]


async def test_a_breach_of_a_forecast_calls_for_a_compliance_error_once(process: OscpProcess) -> None:
    session = await live(process)
    forecast = await publish(process, session, "0 for 12h")
    await until(lambda: told(process) == [forecast])
    await process.runs.command("r", PlugIn("bus-2"), ALICE)
    await process.runs.command("r", SetStateOfCharge("bus-2", Share.parse("20 %")), ALICE)
    await process.runs.tick("r", 10, ALICE)
    (breach,) = [event for event in process.events("r") if isinstance(event, ManagedScopeBreachDetected)]
    assert breach.forecast_id == forecast
    await until(lambda: causes(process, session) == [BREACH])
    await process.sessions.decide(session, lambda hosted, moment: by_breach(hosted, forecast, moment))
    assert causes(process, session) == [BREACH]
    reply = await process.receive("group_capacity_compliance_error", b'{"message":"too much"}', correlation=forecast)
    assert (reply.status, causes(process, session)) == (204, [])


async def test_what_a_breach_calls_for_while_the_partner_is_offline_is_closed_at_once_and_never_missed(
    process: OscpProcess,
) -> None:
    session = await live(process)
    forecast = await publish(process, session, "0 for 12h")
    await process.service.force_state("r", session, ForceState(Lifecycle.OFFLINE), ALICE)
    await process.sessions.decide(session, lambda hosted, moment: by_breach(hosted, forecast, moment))
    assert causes(process, session) == []
    (standing,) = (await process.sessions.get(session)).expectations.state.settled.values()
    assert standing.verdict is Verdict.RETIRED
    assert standing.reason == "it needs a target that is online, and this one is offline"


async def test_a_request_for_an_adjustment_calls_for_a_forecast_where_the_policy_says_so(process: OscpProcess) -> None:
    session = await live(process, policy=msgspec.structs.replace(SILENT, adjustment_within_ms=60_000))
    await publish(process, session, "10 for 12h")
    asked = await adjustment(process, session)
    assert asked.status == 204
    assert causes(process, session) == [ADJUSTMENT]
    await publish(process, session, "20 for 1h", correlation_id="a-1")
    assert causes(process, session) == []


async def test_a_request_for_an_adjustment_calls_for_nothing_by_itself(process: OscpProcess) -> None:
    session = await live(process)
    await publish(process, session, "10 for 12h")
    assert (await adjustment(process, session)).status == 204
    assert causes(process, session) == []


async def adjustment(process: OscpProcess, session: str) -> Reply:
    begin = process.session(session).state.forecasts[active(process, session)].blocks[0].start
    block = {
        "capacity": 15,
        "phase": "ALL",
        "unit": "KW",
        "start_time": format_instant(begin + HOUR),
        "end_time": format_instant(begin + 2 * HOUR),
    }
    group_id = process.session(session).attached.group_id
    body = {"group_id": group_id, "type": "CONSUMPTION", "forecasted_blocks": [block]}
    return await process.receive("adjust_group_capacity_forecast", msgspec.json.encode(body), id="a-1")
