"""`depot-sim serve`: what the service is told."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from depot_sim.adapters.cli.toolbox import ServeRequest
from depot_sim.adapters.front_door.tokens import Tokens, listed
from depot_sim.bootstrap.front_door import check_reach
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from tests.adapters.cli.command_line import depot_sim


def served(*arguments: str) -> ServeRequest:
    requests: list[ServeRequest] = []
    assert depot_sim("serve", *arguments, serve=requests.append).code == 0
    (request,) = requests
    return request


def test_without_arguments_it_is_for_this_machine_alone() -> None:
    expected = ServeRequest("sqlite:///depot-sim.db", "127.0.0.1", 8420, (), None, json_logs=True)

    assert served("--log-format", "json") == expected


def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPOT_SIM_DB", "sqlite:///env.db")
    monkeypatch.setenv("DEPOT_SIM_KEPT_SECRETS", "env.secrets")
    monkeypatch.setenv("DEPOT_SIM_TOKENS", "ann:operator:0123456789abcdef, bob:viewer:fedcba9876543210,")

    assert (served().db, served().kept_secrets) == ("sqlite:///env.db", Path("env.secrets"))
    assert served("--kept-secrets", "arg.secrets").kept_secrets == Path("arg.secrets")
    monkeypatch.delenv("DEPOT_SIM_KEPT_SECRETS")
    request = served(
        "--db", "sqlite:///arg.db", "--host", "::1", "--port", "0", "--ready-file", "r", "--log-format", "text"
    )
    tokens = ("ann:operator:0123456789abcdef", "bob:viewer:fedcba9876543210")
    assert request == ServeRequest("sqlite:///arg.db", "::1", 0, tokens, Path("r"), json_logs=False)


def test_an_address_in_use_exits_3(tmp_path: Path) -> None:
    def refuse(_: ServeRequest) -> None:
        raise OSError(98, "Address already in use")

    code, _, err = depot_sim("serve", serve=refuse)

    assert code == 3
    assert "another program uses it" in err
    assert "Errno" not in err


def test_limits_may_be_given_one_by_one() -> None:
    assert served().limits == ()
    assert served("--limit", "head-bytes=1000", "--limit", "idle-seconds=5").limits == (
        "head-bytes=1000",
        "idle-seconds=5",
    )


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        (Fault("/tokens/0", "x", "y"), "DEPOT_SIM_TOKENS, token 1"),
        (Fault("/tokens_file", "x", "y", line=2), "--tokens-file t line 2"),
        (Fault("/tokens_file", "x", "y"), "--tokens-file t"),
        (Fault("/host", "x", "y"), "--host"),
        (Fault("/ready_file", "x", "y"), "--ready-file"),
        (Fault("/secrets", "x", "y"), "--secrets"),
        (Fault("/secret", "x", "y"), "/secret"),
    ],
)
def test_a_fault_of_a_setting_names_what_was_typed(fault: Fault, place: str) -> None:
    def refuse(_: ServeRequest) -> None:
        raise InvalidInput([fault])

    code, _, err = depot_sim("serve", "--tokens-file", "t", serve=refuse)

    assert code == 2
    assert f"where    {place}\n" in err


def test_the_example_of_tokens_for_other_addresses_is_accepted() -> None:
    with pytest.raises(InvalidInput) as error:
        check_reach(Settings(host="0.0.0.0"), ())
    (fault,) = error.value.faults
    assert "--tokens-file" in fault.expected
    (example,) = re.findall("DEPOT_SIM_TOKENS=([^ ,]+)", fault.expected)
    assert Tokens(listed([example]))
