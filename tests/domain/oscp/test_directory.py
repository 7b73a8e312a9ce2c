"""The directory: a configuration belongs to one active session at a time."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.oscp.directory import OscpDirectory, OscpSessionListed, session_id_of


def listed(run_id: str = "run-1", configuration: str = "c-1", *tokens: str) -> OscpSessionListed:
    return OscpSessionListed(session_id_of(run_id, configuration), run_id, configuration, *tokens)


def test_a_session_is_found_by_its_configuration_and_its_token() -> None:
    directory = OscpDirectory()
    one = listed("run-1", "c-1", "hash")
    directory.register(one)
    assert directory.state.by_configuration == {"c-1": one.session_id}
    assert directory.state.by_token == {"hash": one.session_id}
    assert directory.of_run("run-1") == [one.session_id]


def test_a_session_without_a_token_is_not_found_by_an_empty_one() -> None:
    directory = OscpDirectory()
    directory.register(listed())
    assert directory.state.by_token == {}


def test_a_configuration_in_use_elsewhere_is_refused_with_the_run_that_has_it() -> None:
    directory = OscpDirectory()
    directory.register(listed("run-1"))
    with pytest.raises(Conflict, match="run-1"):
        directory.register(listed("run-2"))
    assert directory.of_run("run-2") == []


def test_a_session_that_is_struck_frees_its_configuration_and_stays_known() -> None:
    directory = OscpDirectory()
    one = listed("run-1", "c-1", "hash")
    directory.register(one)
    directory.unregister(one.session_id)
    assert (directory.state.by_configuration, directory.state.by_token, directory.of_run("run-1")) == ({}, {}, [])
    assert one.session_id in directory.state.known
    directory.register(listed("run-2"))
    assert directory.of_run("run-2") == [listed("run-2").session_id]


def test_a_new_token_takes_the_place_of_the_old_one() -> None:
    directory = OscpDirectory()
    directory.register(listed("run-1", "c-1", "old"))
    directory.register(listed("run-1", "c-1", "new"))
    assert "old" not in directory.state.by_token
    assert directory.state.by_token["new"] == listed().session_id


def test_striking_a_stranger_does_nothing() -> None:
    directory = OscpDirectory()
    directory.unregister("nobody")
    assert directory.pending == []


def test_several_sessions_of_one_run_stand_beside_each_other() -> None:
    directory = OscpDirectory()
    for configuration in ("c-1", "c-2", "c-3"):
        directory.register(listed("run-1", configuration))
    directory.unregister(listed("run-1", "c-2").session_id)
    assert directory.of_run("run-1") == [listed("run-1", name).session_id for name in ("c-1", "c-3")]


def test_the_directory_folds_to_the_same() -> None:
    directory, again = OscpDirectory(), OscpDirectory()
    directory.register(listed("run-1", "c-1", "hash"))
    directory.register(listed("run-2", "c-2"))
    directory.unregister(listed("run-2", "c-2").session_id)
    again.fold(directory.pending)
    assert again.state == directory.state
