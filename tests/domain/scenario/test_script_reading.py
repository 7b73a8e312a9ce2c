"""Reading scenarios: sound ones as they are meant, and every fault of the others at its place."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.scenario.script import EntityKind
from depot_sim.domain.scenario.script_reading import expectation_request, override_request
from tests.domain.scenario.scripts import READER, Raw, script

SESSION = {"session": "oscp-session", "feed": "packet-feed", "battery": "bess"}


def faults(raw: object) -> dict[str, tuple[str, str]]:
    with pytest.raises(InvalidInput) as error:
        READER.read(raw)
    return {fault.pointer: (fault.found, fault.expected) for fault in error.value.faults}


def one_step(action: str, body: Any, **needs: str) -> Raw:
    return script(needs=SESSION | needs, steps=[{"at": "1 s", action: body}])


def test_a_scenario_is_read_as_it_is_written() -> None:
    read = READER.read(script())

    assert (read.name, read.ends) == ("quiet-controller", 900_000)
    assert read.needs == {"controller": EntityKind.CONTROLLER, "node": EntityKind.NODE, "battery": EntityKind.BESS}
    assert [(step.at, step.action) for step in read.steps] == [
        (0, "set-bess-soc"),
        (90_000, "set-controller-heartbeats"),
        (90_000, "set-node-limit"),
        (600_000, "set-controller-heartbeats"),
    ]
    assert (read.steps[0].body, read.steps[0].note) == ({"bess": "$battery", "soc": "40 %"}, "to begin with")


def test_without_lasts_it_is_over_with_its_last_step() -> None:
    raw = script()
    del raw["lasts"]
    assert READER.read(raw).ends == 600_000


def test_every_fault_is_told_at_once() -> None:
    raw = script(
        nmae="x",
        needs={"controller": "controler"},
        lasts="1 s",
        steps=[
            {"at": "10 s", "set-bess-sco": {}},
            {"at": "5 s", "set-pv": {"pv": "roof", "power_state": "SLEEPING"}},
            {"set-node-outage": {}, "unplug": {}},
            {"at": 5, "note": 7},
            {"at": "20 s", "set-bess": {"bess": "$battery", "setpoint": 5}},
        ],
    )
    assert set(faults(raw)) == {
        "/nmae",
        "/needs/controller",
        "/lasts",
        "/steps/0/set-bess-sco",
        "/steps/1/at",
        "/steps/1/set-pv/power_state",
        "/steps/2",
        "/steps/2/at",
        "/steps/3",
        "/steps/3/at",
        "/steps/3/note",
        "/steps/4/set-bess/bess",
        "/steps/4/set-bess/setpoint",
    }


@pytest.mark.parametrize(
    ("action", "near"),
    [("set-bess-sco", '"set-bess-soc"'), ("overide", '"override"'), ("restart-controler", "restart-")],
)
def test_an_unknown_action_is_answered_with_the_nearest_name(action: str, near: str) -> None:
    assert near in faults(one_step(action, {}))[f"/steps/0/{action}"][1]


def test_a_command_is_checked_by_the_types_of_the_command_itself() -> None:
    found = faults(one_step("set-bess", {"bess": "$battery", "power_state": "ASLEEP", "setpont": "1 kW"}))
    assert found["/steps/0/set-bess/power_state"][1].startswith("one of OFF, STARTING, ON")
    assert found["/steps/0/set-bess/setpont"][1] == '"setpoint"?'


def test_a_name_that_is_not_declared_is_answered_with_the_nearest_one() -> None:
    found = faults(one_step("set-bess-soc", {"bess": "$batery", "soc": "1 %"}))
    assert found == {"/steps/0/set-bess-soc/bess": ('the undeclared name "$batery"', '"$battery"')}


def test_a_name_of_another_kind_does_not_do() -> None:
    found = faults(one_step("set-pv", {"pv": "$battery"}))
    assert found == {"/steps/0/set-pv/pv": ('"$battery", a bess', "a pv")}


def test_a_target_is_always_a_declared_name() -> None:
    assert set(faults(one_step("clear-overrides", {"on": "some-session"}))) == {"/steps/0/clear-overrides/on"}
    assert set(faults(one_step("clear-overrides", {"on": "$battery"}))) == {"/steps/0/clear-overrides/on"}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"on": "$session", "mode": "no_such_mode"}, "/mode"),
        ({"on": "$session"}, ""),
        ({"on": "$session", "effect": {"type": "reject", "status": 17}}, "/effect/status"),
        ({"on": "$feed", "effect": {"type": "accept"}}, "/effect"),
    ],
)
def test_an_override_is_checked_by_the_words_of_its_targets_family(body: Raw, pointer: str) -> None:
    assert any(place.startswith(f"/steps/0/override{pointer}") for place in faults(one_step("override", body)))


def test_an_expectation_is_checked_by_the_words_of_its_targets_family() -> None:
    body = {"on": "$session", "within": "30 s", "messages": [{"message_types": ["Hartbeat"]}]}
    assert set(faults(one_step("expect", body))) == {"/steps/0/expect/messages/0/message_types/0"}


def test_what_scenario_control_is_asked_for_leaves_out_who_is_asked() -> None:
    body = {"on": "$session", "within": "30 s", "messages": [{"message_types": ["Heartbeat"]}], "never": True}
    assert expectation_request(body) == {
        "messages": [{"message_types": ["Heartbeat"]}],
        "never": True,
        "within_ms": 30_000,
    }
    assert override_request({"on": "$feed", "mode": "m", "times": 2}) == {"mode": "m", "times": 2}


@pytest.mark.parametrize("raw", [None, [], "text", 7])
def test_what_is_no_object_is_no_scenario(raw: object) -> None:
    assert set(faults(raw)) == {""}


def test_a_scenario_without_steps_is_none() -> None:
    assert set(faults(script(steps=[], lasts=None))) == {"/steps"}
