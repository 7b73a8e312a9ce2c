"""The control routes' own answers, who may call the protocol routes, and the state page."""

from __future__ import annotations

import aiohttp

from depot_sim.standin.tokens import Client, Gatekeeper
from tests.standin.stage import CONFIGURATION, Stage, block, on_stage

ONE = f"/control/connections/{CONFIGURATION}"


@on_stage()
async def test_connections_are_listed_and_forgotten(stage: Stage) -> None:
    listed = (await stage.call("GET", "/control/connections")).body
    assert [one["configuration_id"] for one in listed] == [CONFIGURATION]
    assert (await stage.call("DELETE", ONE)).status == 204
    assert (await stage.call("GET", "/control/connections")).body == []
    assert (await stage.call("GET", ONE)).status == 404
    assert (await stage.heartbeat()).status == 403


@on_stage()
async def test_orders_that_make_no_sense_say_why(stage: Stage) -> None:
    asset_without_id = {"cp_base_url": "http://x/oscp", "group_id": "g", "measurement_mode": "ASSET"}
    answers = [
        await stage.refused(body=asset_without_id, method="PUT"),
        await stage.refused(body={"cp_base_url": "ftp://x", "group_id": "g"}, method="PUT"),
        await stage.refused("/state", {"lifecycle": "UP"}),
        await stage.refused("/heartbeats", {}),
        await stage.refused("/wait?lifecycle=ONLIN", method="GET"),
        await stage.refused("/raw", {"message": "gossip"}),
    ]
    assert [answer.status for answer in answers] == [422] * len(answers)
    assert all(answer.body["message"] for answer in answers)


@on_stage()
async def test_a_wait_in_vain_says_how_the_connection_stands(stage: Stage) -> None:
    answer = await stage.refused("/wait?lifecycle=ONLINE&timeout=0.05", method="GET")
    assert answer == (408, {"message": "not within 0.05 s: the connection is CONFIGURED, LOCAL"})


@on_stage()
async def test_messages_for_no_connection_are_turned_away_and_kept(stage: Stage) -> None:
    headers = {"X-OSCP-Configuration-ID": "nobody", "X-Request-ID": "r1"}
    assert (await stage.call("POST", "/oscp/fp/2.0/heartbeat", {}, **headers)).status == 403
    [stray] = (await stage.call("GET", "/control/strays")).body
    assert (stray["configuration_id"], stray["message"], stray["status"]) == ("nobody", "heartbeat", 403)


@on_stage()
async def test_a_message_without_a_request_id_is_malformed(stage: Stage) -> None:
    answer = await stage.call("POST", "/oscp/fp/2.0/handshake", {}, **{"X-OSCP-Configuration-ID": CONFIGURATION})
    assert answer == (422, {"message": "the header X-Request-ID is missing"})


@on_stage(lambda: Gatekeeper(Client("me", "secret"), ["Token fixed"]))
async def test_protocol_messages_need_a_token_that_has_not_been_revoked(stage: Stage) -> None:
    grant, basic = {"grant_type": "client_credentials"}, {"Authorization": aiohttp.encode_basic_auth("me", "secret")}
    async with stage.session.post(f"{stage.url}/oauth/token", data=grant, headers=basic) as answer:
        token = (await answer.json())["access_token"]
    passes = {"Authorization": f"Bearer {token}"}
    assert (await stage.post("handshake", {})).status == 401
    assert (await stage.post("handshake", {}, **passes)).status == 204
    assert (await stage.call("POST", "/control/tokens/revoke")).body == {"revoked": 1}
    assert (await stage.post("heartbeat", {}, **passes)).status == 401
    assert (await stage.post("heartbeat", {}, Authorization="Token fixed")).status == 422


@on_stage(lambda: Gatekeeper(Client("me", "secret")))
async def test_tokens_are_for_the_client_only(stage: Stage) -> None:
    async def ask(**form: str) -> int:
        async with stage.session.post(f"{stage.url}/oauth/token", data=form) as answer:
            return answer.status

    assert await ask(grant_type="client_credentials", client_id="me", client_secret="guess") == 401
    assert await ask(grant_type="client_credentials") == 401
    assert await ask(grant_type="client_credentials", client_id="me", client_secret="secret") == 200
    assert await ask(grant_type="password", client_id="me", client_secret="secret") == 400


@on_stage(scope_name="Depot <North>", safe_default_kw=80)
async def test_the_state_page_shows_the_mode_and_escapes_names(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500, start=60))
    page = str((await stage.call("GET", "/")).body)
    assert "Depot &lt;North&gt;" in page
    assert '<span class="pill FALLBACK">FALLBACK</span>' in page
    assert "80.0 kW" in page
    assert str((await stage.call("GET", "/connections.html")).body) in page
