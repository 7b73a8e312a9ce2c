"""The contracts of the design's section 7: its own bodies to a real process, and its statuses back.

The run's clock is moved by hand and begins at the design's 10:00, so the session lives by it. Two things cannot be the
design's: the partner's address, where somebody has to listen, and the second session's measurements by asset.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.e2e import oscp_design as design
from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_stage import PROFILE, Theatre, start_run, url_of

BEGIN = "2026-04-02T10:00:00+00:00"
PRINTED_ADDRESS = "http://bf-manage-core:5001/oscp"
PRINTED_CONFIGURATION = "2b5f4a88-d4b4-41ad-a1c8-889f3ee71111"
JSON = {"Content-Type": "application/json"}
ROUTES = (
    "handshake",
    "handshake_acknowledge",
    "heartbeat",
    "update_group_measurements",
    "update_asset_measurements",
    "adjust_group_capacity_forecast",
    "group_capacity_compliance_error",
)


class Contract:
    """One run with one session, addressed by whatever the design prints."""

    def __init__(self, theatre: Theatre) -> None:
        self.http, self.partner = theatre.simulator, theatre.stand_in
        self.run_id = start_run(self.http, start_time=BEGIN, clock={"mode": "MANUAL"})
        self.configuration_id = PRINTED_CONFIGURATION
        self.path = ""

    def create(self, **changes: str) -> httpx.Response:
        """With these words in place of printed ones."""
        body = design.CREATE_SESSION
        for printed, instead in changes.items():
            assert printed in body
            body = body.replace(printed, instead)
        answer = self.control("POST", f"/simulation-runs/{self.run_id}/oscp-sessions", body)
        self.path = f"/simulation-runs/{self.run_id}/oscp-sessions/{answer.json()['session_id']}"
        self.configuration_id = json.loads(body)["remote_configuration_id"]
        return answer

    def connect(self, **changes: str) -> None:
        """With the stand-in as partner, which has been told the printed configuration id."""
        self.create(**{PRINTED_ADDRESS: f"{url_of(self.partner)}/oscp"}, **changes)
        profile = {**PROFILE, "cp_base_url": f"{url_of(self.http)}/oscp/cp/2.0", "heartbeat_interval": 60}
        assert self.partner.put(f"/control/connections/{PRINTED_CONFIGURATION}", json=profile).status_code == 200
        self.order("switch-heartbeats", '{"sending": false}')  # the partner lives by the wall's clock

    def shake_hands(self) -> None:
        self.order("send-handshake", design.SEND_HANDSHAKE)
        handshaken = f"/control/connections/{PRINTED_CONFIGURATION}/wait?lifecycle=HANDSHAKEN"
        assert self.partner.get(handshaken).status_code == 200

    def control(self, method: str, path: str, body: str = "") -> httpx.Response:
        return self.http.request(method, path, content=body, headers=JSON)

    def protocol(self, message: str, body: str, correlation_id: str = "") -> httpx.Response:
        headers = {**JSON, "X-OSCP-Configuration-ID": self.configuration_id, "X-Request-ID": str(uuid4())}
        if correlation_id:
            headers["X-Correlation-ID"] = correlation_id
        return self.http.post(f"/oscp/cp/2.0/{message}", content=body, headers=headers)

    def order(self, command: str, body: str) -> Any:
        answer = self.control("POST", f"{self.path}/commands/{command}", body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def messages(self) -> list[Any]:
        messages: list[Any] = self.control("GET", f"{self.path}/messages").json()["messages"]
        return messages

    def state(self) -> Any:
        return self.control("GET", self.path).json()["state"]

    def advance(self, to: str) -> None:
        answer = self.control("POST", f"/simulation-runs/{self.run_id}/commands/advance-to", json.dumps({"to": to}))
        assert answer.status_code == 200, answer.text

    def end(self) -> None:
        ended = self.control("DELETE", self.path)
        assert ended.status_code == 204, ended.text
        self.partner.delete(f"/control/connections/{PRINTED_CONFIGURATION}")  # or the next test hears from it


@pytest.fixture
def contract(oscp_theatre: Theatre) -> Iterator[Contract]:
    opened = Contract(oscp_theatre)
    yield opened
    opened.end()


@pytest.fixture
def connected(contract: Contract) -> Contract:
    contract.connect()
    return contract


def online(contract: Contract) -> Contract:
    """Without heartbeats of its own: at the printed address nobody answers, which would degrade it."""
    contract.order("switch-heartbeats", '{"sending": false}')
    contract.order("force-state", '{"state": "online"}')
    return contract


def same_shape(answer: Any, printed: str) -> bool:
    """Every printed key is there with its printed value; an id with any."""
    return all(name in answer and _same(answer[name], value) for name, value in json.loads(printed).items())


def _same(found: Any, printed: Any) -> bool:
    return bool(UUID(found)) if _is_uuid(printed) else bool(found == printed)


def _is_uuid(text: Any) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


# Control API


def test_a_session_is_created(contract: Contract) -> None:
    answer = contract.create()
    assert answer.status_code == 201
    assert same_shape(answer.json(), design.SESSION_CREATED)


def test_a_handshake_is_sent(connected: Contract) -> None:
    # The acknowledgement may come before the answer to the order, which would tell of a session that is online.
    dropped = {"direction": "outbound", "message": "handshake_acknowledge", "action": "drop"}
    told = connected.partner.put(
        f"/control/connections/{PRINTED_CONFIGURATION}/misbehaviour", json={"rules": [dropped]}
    )
    assert told.status_code in (200, 204), told.text
    assert same_shape(connected.order("send-handshake", design.SEND_HANDSHAKE), design.HANDSHAKE_SENT)
    (handshake,) = [one for one in connected.messages() if one["message_type"] == "Handshake"]
    entry = connected.control("GET", f"{connected.path}/messages/{handshake['ledger_entry_id']}").json()
    assert json.loads(entry["body"])["required_behaviour"]["heartbeat_interval"] == 5


def test_a_forecast_is_sent(connected: Contract) -> None:
    connected.shake_hands()

    answer = connected.order("send-forecast", design.SEND_FORECAST)
    assert same_shape(answer, design.FORECAST_SENT)
    entry = connected.control("GET", f"{connected.path}/messages/{answer['ledger_entry_id']}").json()
    (block,) = json.loads(entry["body"])["forecasted_blocks"]
    assert block == {**json.loads(design.SEND_FORECAST)["forecasted_blocks"][0], **milliseconds(block)}


def milliseconds(block: dict[str, str]) -> dict[str, str]:
    """Times as they are sent, for they are the printed ones with three more digits."""
    assert (block["start_time"], block["end_time"]) == ("2026-04-02T10:00:00.000Z", "2026-04-02T10:15:00.000Z")
    return {"start_time": block["start_time"], "end_time": block["end_time"]}


def test_an_override_holds_until_its_time_is_over(contract: Contract) -> None:
    contract.create()
    answer = contract.control("PATCH", f"{contract.path}/overrides", design.APPLY_OVERRIDE)
    assert answer.status_code == 200
    assert same_shape(answer.json(), design.OVERRIDE_APPLIED)
    assert answer.json()["session_id"] == contract.path.rsplit("/", 1)[-1]
    online(contract)
    assert contract.protocol("heartbeat", design.HEARTBEAT).status_code == 403

    contract.advance("2026-04-02T10:20:00Z")
    online(contract)
    assert contract.protocol("heartbeat", design.HEARTBEAT.replace("10:15", "10:35")).status_code == 204
    overrides = f"{contract.path}/overrides"
    eventually(lambda: contract.control("GET", overrides).json(), lambda found: found == {"overrides": []})
    # The accepted one as well: it is accepted because the session was forced online.
    assert [(one["outcome"], one["deliberate"]) for one in contract.messages() if one["direction"] == "inbound"] == [
        ("accepted", True),
        ("rejected", True),
    ]


def test_the_ledger_is_read(contract: Contract) -> None:
    """A measurement by asset, as printed; the session it comes to publishes by asset."""
    contract.create(GROUP="ASSET")
    contract.advance("2026-04-02T10:15:00Z")
    online(contract)
    assert contract.protocol("update_asset_measurements", asset_measurement()).status_code == 204

    answer = contract.control("GET", f"{contract.path}/messages?direction=inbound")
    assert answer.status_code == 200
    (printed,) = json.loads(design.MESSAGES)["messages"]
    (message,) = answer.json()["messages"]
    assert message | printed == message


# Protocol API


def test_a_handshake_is_answered_204_with_nothing(contract: Contract) -> None:
    contract.create()
    answer = contract.protocol("handshake", "{}")
    assert (answer.status_code, answer.content) == (204, b"")


def test_an_acknowledgement_is_answered_204(connected: Contract) -> None:
    """The stand-in's own, which the simulator's handshake asked for."""
    connected.shake_hands()
    (acknowledged,) = [one for one in connected.messages() if one["message_type"] == "HandshakeAcknowledge"]
    assert (acknowledged["direction"], acknowledged["outcome"], acknowledged["status"]) == ("inbound", "accepted", 204)
    assert connected.state() == "online"


def test_a_heartbeat_is_answered_204_and_holds_until_the_time_it_names(contract: Contract) -> None:
    contract.create()
    assert online(contract).protocol("heartbeat", design.HEARTBEAT).status_code == 204
    (heartbeat,) = [one for one in contract.messages() if one["direction"] == "inbound"]
    assert (heartbeat["outcome"], heartbeat["deviations"]) == ("accepted", 1)
    contract.advance("2026-04-02T10:14:59Z")
    assert contract.state() == "online"
    contract.advance("2026-04-02T10:15:00Z")
    assert contract.protocol("heartbeat", design.HEARTBEAT.replace("10:15", "10:30")).status_code == 403
    assert contract.state() == "offline"


def test_a_heartbeat_to_an_offline_session_is_answered_403(contract: Contract) -> None:
    contract.create()
    assert contract.protocol("heartbeat", design.HEARTBEAT).status_code == 403


@pytest.mark.parametrize("message", ROUTES[3:])
def test_business_messages_to_an_offline_session_are_answered_403(contract: Contract, message: str) -> None:
    contract.create()
    assert contract.protocol(message, business(message), correlation_id="nobody-s-forecast").status_code == 403


@pytest.mark.parametrize("message", ROUTES[3:])
def test_business_messages_are_answered_by_what_is_in_them(contract: Contract, message: str) -> None:
    """204 when sound, 422 when the payload is none."""
    contract.connect(**({"GROUP": "ASSET"} if message == "update_asset_measurements" else {}))
    contract.shake_hands()
    forecast = contract.order("send-forecast", design.SEND_FORECAST)["ledger_entry_id"]
    forecast_id = contract.control("GET", f"{contract.path}/messages/{forecast}").json()["request_id"]
    assert contract.protocol("heartbeat", design.HEARTBEAT.replace("10:15", "10:30")).status_code == 204
    if "measurements" in message:
        contract.advance("2026-04-02T10:15:00Z")

    assert contract.protocol(message, '{"unknown": true}', correlation_id=forecast_id).status_code == 422
    assert contract.protocol(message, business(message), correlation_id=forecast_id).status_code == 204


@pytest.mark.parametrize("message", ROUTES)
def test_any_route_may_be_unavailable(contract: Contract, message: str) -> None:
    contract.create()
    contract.control("PATCH", f"{contract.path}/overrides", '{"mode": "unavailable_503"}')
    assert contract.protocol(message, "{}").status_code == 503


def asset_measurement() -> str:
    """Of the quarter of an hour that the run has just been through."""
    end = {"phase": "ALL", "measure_time": "2026-04-02T10:15:00Z"}
    energy = {**end, "value": 0, "unit": "KWH", "direction": "NET", "energy_type": "TOTAL"}
    measurement = {
        "asset_id": "chargers",
        "asset_category": "CHARGING",
        "energy_measurement": {**energy, "initial_measure_time": "2026-04-02T10:00:00Z"},
        "instantaneous_measurement": {**end, "value": 0, "unit": "KW"},
    }
    return json.dumps({"group_id": "group-1", "measurements": [measurement]})


def group_measurement() -> str:
    (measurement,) = json.loads(asset_measurement())["measurements"]
    return json.dumps({"group_id": "group-1", "measurements": [measurement["energy_measurement"]]})


def business(message: str) -> str:
    """A sound body."""
    forecast = json.loads(design.SEND_FORECAST)
    return {
        "update_group_measurements": group_measurement(),
        "update_asset_measurements": asset_measurement(),
        "adjust_group_capacity_forecast": json.dumps({"group_id": "group-1", **forecast}),
        "group_capacity_compliance_error": json.dumps({"message": "too much", **forecast}),
    }[message]
