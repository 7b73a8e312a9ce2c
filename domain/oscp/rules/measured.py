"""The parts of measurement messages, each with its place in the body, whatever the message's shape."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.forecast import QUARTER_MS
from depot_sim.domain.oscp.vocabulary import Unit
from depot_sim.domain.oscp.wire.messages import (
    AssetMeasurements,
    EnergyMeasurement,
    GroupMeasurements,
    InstantaneousMeasurement,
    Message,
)

POWER_UNITS = frozenset({Unit.W, Unit.KW})

LIST = "/measurements"

Energy = tuple[str, str, EnergyMeasurement]
"""(pointer, asset id or "", energy)"""
Maximum = tuple[str, str, InstantaneousMeasurement]
"""(pointer, asset id, highest load of the window)"""


def energies(message: Message | None) -> Iterator[Energy]:
    if isinstance(message, GroupMeasurements):
        for place, measurement in enumerate(message.measurements):
            yield f"{LIST}/{place}", "", measurement
    elif isinstance(message, AssetMeasurements):
        for place, asset in enumerate(message.measurements):
            if asset.energy is not None:
                yield f"{LIST}/{place}/energy_measurement", asset.asset_id, asset.energy


def maxima(message: Message | None) -> Iterator[Maximum]:
    if isinstance(message, AssetMeasurements):
        for place, asset in enumerate(message.measurements):
            if asset.instantaneous is not None:
                yield f"{LIST}/{place}/instantaneous_measurement", asset.asset_id, asset.instantaneous


def window_of(message: Message | None) -> tuple[int, int] | None:
    """The stretch of time a measurement message accounts for: its one window, or from the first to the last reading.

    None for other messages, and when windows differ.
    """
    windows = {(energy.initial_measure_time, energy.measure_time) for _, _, energy in energies(message)}
    if not windows:
        return None
    if any(begin is None for begin, _ in windows):
        return min(end for _, end in windows), max(end for _, end in windows)
    if len(windows) > 1:
        return None
    ((begin, end),) = windows
    return (end if begin is None else begin), end


def metered_window(message: Message | None) -> tuple[int, int] | None:
    """The quarter of an hour the world's meters can be asked about; None when the message has no such window."""
    window = window_of(message)
    if window is None or any(energy.initial_measure_time is None for _, _, energy in energies(message)):
        return None
    return window if window[1] - window[0] == QUARTER_MS and window[1] % QUARTER_MS == 0 else None
