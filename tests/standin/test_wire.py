"""What travels."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import msgspec
import pytest

from depot_sim.standin.wire import Heartbeat, RequiredBehaviour, timestamp


def test_times_are_sent_in_utc_with_three_fraction_digits() -> None:
    instant = datetime(2026, 4, 2, 12, 15, 0, 123456, timezone(timedelta(hours=2)))
    assert timestamp(instant) == "2026-04-02T10:15:00.123Z"


@pytest.mark.parametrize(
    "time", ["2026-04-02T10:15:00Z", "2026-04-02T10:15:00.123456789Z", "2026-04-02T12:15:00+02:00"]
)
def test_times_are_read_with_any_offset_and_fraction(time: str) -> None:
    heartbeat = msgspec.json.decode(msgspec.json.encode({"offline_mode_at": time}), type=Heartbeat)
    assert timestamp(heartbeat.offline_mode_at).startswith("2026-04-02T10:15:00.")


@pytest.mark.parametrize("interval", ["0", "-1", "1e300", '"5"', "NaN"])
def test_an_interval_that_is_none_is_malformed(interval: str) -> None:
    body = f'{{"measurement_configuration": [], "heartbeat_interval": {interval}}}'
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body, type=RequiredBehaviour)
