"""What an operator configures about one connection."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct, field

from depot_sim.standin.wire import Seconds

Text = Annotated[str, Meta(min_length=1)]


class MeasurementMode(StrEnum):
    """Which message carries the meter readings."""

    GROUP = "GROUP"
    ASSET = "ASSET"


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One connection to a capacity provider, bound to one group and one managed scope. Times are seconds.

    `heartbeat_interval` is how often the capacity provider is asked to send; how often we send, it asks of us.
    `authorization` is sent as it is ("Token ..." or "Bearer ..."), `headers` with every message.
    `now_offset_seconds` moves the clock by which forecasts are judged and windows cut, and no other.
    """

    cp_base_url: Annotated[str, Meta(pattern=r"^https?://[^/]+.*[^/]$")]
    group_id: Text
    scope_name: Text = "managed scope"
    asset_id: Text | None = None
    measurement_mode: MeasurementMode = MeasurementMode.GROUP
    measurement_interval: Seconds = 900.0
    heartbeat_interval: Seconds = 5.0
    handshake_timeout: Seconds = 10.0
    request_timeout: Seconds = 5.0
    safe_default_kw: Annotated[float, Meta(ge=0)] | None = None
    authorization: Text | None = None
    headers: dict[str, str] = field(default_factory=dict)
    now_offset_seconds: Annotated[float, Meta(ge=-1e10, le=1e10)] = 0.0

    def __post_init__(self) -> None:
        if self.measurement_mode is MeasurementMode.ASSET and self.asset_id is None:
            raise ValueError("measurement_mode ASSET needs an asset_id to report for")
