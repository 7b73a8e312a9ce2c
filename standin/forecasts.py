"""Capacity forecasts in kW: what a connection keeps of the series it was sent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from depot_sim.standin.wire import ForecastedBlock, ForecastType, GroupCapacityForecast, Unit

_KW_PER_UNIT = {Unit.KW: 1.0, Unit.W: 0.001}


class Untranslatable(ValueError):
    """The forecast is well-formed OSCP, but means no limit in kW."""


class Block(Struct, frozen=True):
    """A limit in kW from one instant up to another."""

    start_time: datetime
    end_time: datetime
    kw: float

    def covers(self, now: datetime) -> bool:
        return self.start_time <= now < self.end_time


class Forecast(Struct, frozen=True):
    """One accepted series; the request id it came with is its identity."""

    request_id: str
    received_at: datetime
    type: ForecastType
    blocks: tuple[Block, ...]

    def block_at(self, now: datetime) -> Block | None:
        """The block that holds now. Where blocks overlap the tightest holds: the grid is never asked for more."""
        return min((block for block in self.blocks if block.covers(now)), key=lambda block: block.kw, default=None)

    def is_active(self, now: datetime) -> bool:
        """Whether any of it still holds or lies ahead."""
        return any(now < block.end_time for block in self.blocks)


def translate(body: GroupCapacityForecast, request_id: str, now: datetime) -> Forecast:
    """The forecast in this provider's own terms. Raises Untranslatable."""
    blocks = tuple(_translate_block(block) for block in body.forecasted_blocks)
    return Forecast(request_id, now, body.type, blocks)


def next_boundary(forecasts: Iterable[Forecast], now: datetime) -> datetime | None:
    """The next instant at which some block begins or ends."""
    edges = (edge for series in forecasts for block in series.blocks for edge in (block.start_time, block.end_time))
    return min((edge for edge in edges if edge > now), default=None)


def _translate_block(block: ForecastedBlock) -> Block:
    if block.end_time <= block.start_time:
        raise Untranslatable("a block ends before it starts")
    if block.unit not in _KW_PER_UNIT:
        raise Untranslatable(f"a capacity in {block.unit} cannot be applied; KW and W can")
    return Block(block.start_time, block.end_time, block.capacity * _KW_PER_UNIT[block.unit])
