"""The page about secrets: its JSON is what a packet feed and an OSCP session take."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from depot_sim.application.oscp.requests import CreateSession
from depot_sim.application.packets.requests import OpenPacketFeed
from depot_sim.domain.kernel.credential_problems import credential_faults, outbound_faults
from depot_sim.domain.kernel.credentials import Authorization, Credentials
from depot_sim.domain.kernel.headers import name_fault
from depot_sim.domain.oscp.profiles import BUILT_IN, derived

PAGE = (Path(__file__).parents[2] / "docs" / "secrets.md").read_text(encoding="utf-8")
FEED, SESSION = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))


def test_the_json_of_a_packet_feed_is_one() -> None:
    asked = msgspec.convert({"binding_id": "b", **FEED}, OpenPacketFeed)
    assert asked.authorization is not None
    assert asked.credentials is not None
    assert list(outbound_faults(asked.authorization, asked.credentials)) == []


def test_the_json_of_an_oscp_session_is_one() -> None:
    fields = {"managed_scope_id": "s", "betterfleet_base_url": "http://a", "remote_configuration_id": "c", **SESSION}
    asked = msgspec.convert(fields, CreateSession)
    profile = derived(BUILT_IN[asked.partner_profile], asked.profile_changes)
    assert profile.authorization is Authorization.BEARER
    assert list(credential_faults(profile.authorization, asked.credentials)) == []
    assert asked.credentials != Credentials()


def test_the_page_names_every_scheme() -> None:
    assert re.search("`authorization` is (.*)", PAGE)[1] == "`none`, `token`, `bearer` or `oauth2`."  # type: ignore[index]
    assert {"none", "token", "bearer", "oauth2"} == set(Authorization)


@pytest.mark.parametrize("asked", [FEED, SESSION], ids=["packet-feed", "oscp-session"])
def test_the_error_for_an_authorization_header_tells_what_to_set_instead(asked: Any) -> None:
    fault = name_fault("Authorization", "/credentials/headers/Authorization")
    assert fault is not None
    scheme = {name: value for name, value in asked.items() if name != "credentials"}
    assert json.dumps(scheme).strip("{}") in fault.expected
