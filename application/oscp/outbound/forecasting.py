"""From a request for a forecast to the message that carries it."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace

from depot_sim.application.oscp.outbound.messages import MessageDraft
from depot_sim.application.oscp.requests import ForecastBlock, PlanForecast, SendForecast
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.oscp.events import OscpForecastPlanned
from depot_sim.domain.oscp.forecast import next_quarter
from depot_sim.domain.oscp.forecast_pattern import build
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast

NEXT_QUARTER = "next-quarter"
_QUARTER_MS = 15 * 60_000
_MOST_MILLI = 10**15
_MOST_BLOCKS = 10_000
_MOST_TIMES = 100_000
_LEAST_EVERY_MS = 1_000


def forecast_draft(
    session: OscpCapacityProviderSession, moment: Moment, request: SendForecast, at: str = ""
) -> MessageDraft:
    """Raises InvalidInput with every fault; `at` is where the request stands in a larger one."""
    expect = None
    if request.expect is not None:
        expect = read_expectation_request(request.expect, OSCP, moment, "forecast")
    forecast = forecast_of(session, request, moment.target, at)
    return MessageDraft(
        MessageType.UPDATE_GROUP_CAPACITY_FORECAST, forecast, correlation_id=request.correlation_id, expect=expect
    )


def forecast_of(
    session: OscpCapacityProviderSession, request: SendForecast, now: int, at: str = ""
) -> CapacityForecast:
    """Raises as `forecast_draft`."""
    group_id = session.attached.group_id if request.group_id is None else request.group_id
    return CapacityForecast(group_id, request.type, _blocks(request, now, at))


def plan_of(session: OscpCapacityProviderSession, request: PlanForecast, now: int) -> OscpForecastPlanned:
    """Raises InvalidInput with every fault."""
    due = next_quarter(now) if request.at == NEXT_QUARTER else _instant(request.at, "/at")
    every_ms = _every(request)
    if not 0 <= request.times <= _MOST_TIMES:
        raise InvalidInput([Fault("/times", str(request.times), f"0 (for ever) to {_MOST_TIMES}")])
    if request.times != 1 and not every_ms:
        raise InvalidInput([Fault("/every", "nothing", 'how often, such as "15 min"')])
    forecast = forecast_of(session, request.forecast, due, "/forecast")
    return OscpForecastPlanned(
        at=now,
        plan_id=session.next_plan_id(),
        due=due,
        type=forecast.type,
        blocks=forecast.blocks,
        every_ms=every_ms,
        times=request.times,
        relative=request.relative,
    )


def _blocks(request: SendForecast, now: int, at: str) -> tuple[Block, ...]:
    if (request.pattern is None) == (not request.forecasted_blocks):
        found = "both" if request.forecasted_blocks else "neither"
        raise InvalidInput([Fault(at, f"{found} of forecasted_blocks and pattern", "exactly one of them")])
    if request.pattern is not None:
        begin = now - now % _QUARTER_MS if request.begin is None else _instant(request.begin, f"{at}/begin")
        return _built(request.pattern, begin, at)
    if len(request.forecasted_blocks) > _MOST_BLOCKS:
        found = f"{len(request.forecasted_blocks)} blocks"
        raise InvalidInput([Fault(f"{at}/forecasted_blocks", found, f"at most {_MOST_BLOCKS}")])
    faults: list[Fault] = []
    blocks = [_block(block, f"{at}/forecasted_blocks/{i}", faults) for i, block in enumerate(request.forecasted_blocks)]
    if faults:
        raise InvalidInput(faults)
    return tuple(blocks)


def _built(pattern: str, begin: int, at: str) -> tuple[Block, ...]:
    try:
        return build(pattern, begin)
    except InvalidInput as wrong:
        raise InvalidInput([replace(fault, pointer=f"{at}{fault.pointer}") for fault in wrong.faults]) from None


def _block(block: ForecastBlock, at: str, faults: list[Fault]) -> Block:
    start, end = (
        _moment(text, f"{at}/{name}", faults)
        for name, text in (("start_time", block.start_time), ("end_time", block.end_time))
    )
    if start is not None and end is not None and end <= start:
        faults.append(Fault(f"{at}/end_time", repr(block.end_time), f"a time after {block.start_time}"))
    capacity = _milli(block.capacity)
    if capacity is None:
        faults.append(Fault(f"{at}/capacity", repr(block.capacity), "a figure of 0 or more, such as 500.0"))
    return Block(start or 0, end or 0, capacity or 0, block.unit, block.phase)


def _milli(capacity: object) -> int | None:
    """Thousandths; None for what is no figure that a forecast may hold."""
    if isinstance(capacity, bool):
        return None
    try:
        milli = Decimal(str(capacity)) * 1_000
        return int(milli) if 0 <= milli <= _MOST_MILLI else None
    except (ArithmeticError, ValueError):
        return None


def _every(request: PlanForecast) -> int:
    if request.every is None:
        return 0
    try:
        every_ms = int(Duration.parse(request.every))
    except ValueError as wrong:
        raise InvalidInput([Fault("/every", repr(request.every), str(wrong))]) from None
    if every_ms < _LEAST_EVERY_MS:
        raise InvalidInput([Fault("/every", repr(request.every), "1 s or more")])
    return every_ms


def _moment(text: str, pointer: str, faults: list[Fault]) -> int | None:
    try:
        return int(Instant.parse(text))
    except ValueError as wrong:
        faults.append(Fault(pointer, repr(text), str(wrong)))
        return None


def _instant(text: str, pointer: str) -> int:
    faults: list[Fault] = []
    at = _moment(text, pointer, faults)
    if at is None:
        raise InvalidInput(faults)
    return at
