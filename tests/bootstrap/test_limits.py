"""Limits by name, and what the memory that is left leaves of them."""

from __future__ import annotations

import pytest

from depot_sim.application.memory import Room
from depot_sim.bootstrap.limits import LIMITS, ServiceLimits, allow_bodies, read_limits
from depot_sim.domain.kernel.errors import InvalidInput


def test_without_any_the_defaults_hold() -> None:
    assert read_limits(()) == ServiceLimits()


def test_each_limit_can_be_set() -> None:
    texts = [f"{limit.name}={300 + number}" for number, limit in enumerate(LIMITS)]
    limits = read_limits(texts)
    assert [getattr(limits, limit.field) for limit in LIMITS] == [300 + number for number in range(len(LIMITS))]


def test_seconds_may_be_fractions_and_blanks_do_not_matter() -> None:
    assert read_limits([" head-seconds = 0.25 "]) == ServiceLimits(head_seconds=0.25)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("header-bytes=1000", "did you mean head-bytes=VALUE?"),
        ("idle_second=5", "did you mean idle-seconds=VALUE?"),
        ("x=5", "head-bytes, head-seconds"),
        ("", "NAME=VALUE"),
        ("head-bytes", "head-bytes=VALUE, 256 to"),
        ("head-bytes=", "head-bytes=VALUE, 256 to"),
        ("head-bytes=10", "256 to"),
        ("head-bytes=1000.5", "bytes"),
        ("head-seconds=0", "0.01 to 86400 seconds"),
        ("head-seconds=nan", "seconds"),
        ("head-seconds=inf", "seconds"),
        ("connections=-1", "1 to 1000000 connections"),
        ("connections=many", "connections"),
    ],
)
def test_what_is_no_limit_is_refused_with_what_would_be(text: str, expected: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_limits(["body-seconds=3", text])
    (fault,) = error.value.faults
    assert fault.pointer == "/limit"
    assert expected in fault.expected


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as error:
        read_limits(["head-bytes=1", "connection=5", "idle-seconds=5", "idle-seconds=6"])
    assert len(error.value.faults) == 3


@pytest.mark.parametrize(
    ("left", "allowed"),
    [(8 * 2**30, 256 * 2**20), (800 * 2**20, 100 * 2**20), (100 * 2**20, 32 * 2**20)],
    ids=["much", "800 MiB", "little"],
)
def test_bodies_get_an_eighth_of_the_memory_that_is_left(left: int, allowed: int) -> None:
    limits = allow_bodies(ServiceLimits(), Room("a limit", 2 * left, left))
    assert limits.body_bytes_under_way == allowed


def test_a_smaller_limit_of_bodies_stays() -> None:
    limits = ServiceLimits(body_bytes_under_way=1_000)
    assert allow_bodies(limits, Room("a limit", 2**30, 2**29)) is limits
    assert allow_bodies(ServiceLimits(), None) == ServiceLimits()
