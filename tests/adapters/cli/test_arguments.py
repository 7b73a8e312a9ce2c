"""Durations, counts and what may be shown of a URL."""

from __future__ import annotations

import argparse

import pytest

from depot_sim.adapters.cli.arguments import count, duration, redacted


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("24h", 86_400_000),
        ("60s", 60_000),
        ("30min", 1_800_000),
        ("90 min", 5_400_000),
        ("1d", 86_400_000),
        ("1.5 h", 5_400_000),
        ("1ms", 1),
    ],
)
def test_a_duration_names_its_unit(text: str, ms: int) -> None:
    assert duration(text) == ms


@pytest.mark.parametrize("text", ["", "24", "3x", "-1h", "0s", "0.1ms", "h", "1e3s", "9999999999999d"])
def test_anything_else_is_no_duration(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a duration"):
        duration(text)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "1000001"])
def test_a_count_is_a_whole_number_within_reason(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number"):
        count(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:s3cret@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann@host/db?password=s3cret&sslmode=off", "postgresql://ann@host/db?password=***&sslmode=off"),
        ("postgresql://ann:p@ss@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann:p:w@host/db", "postgresql://ann:***@host/db"),
        ("postgresql://ann@host/db", "postgresql://ann@host/db"),
        ("sqlite:///depot.db", "sqlite:///depot.db"),
    ],
)
def test_a_password_is_never_shown(url: str, shown: str) -> None:
    assert redacted(url) == shown
