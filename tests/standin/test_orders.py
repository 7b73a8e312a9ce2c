"""What an operator can have a connection send: measurements, adjustments, compliance errors, anything by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.standin.stage import CONFIGURATION, Stage, block, now, on_stage


@on_stage()
async def test_a_group_measurement_reports_the_last_closed_quarter_hour(stage: Stage) -> None:
    await stage.go_online()
    assert (await stage.control("/measurements", {"energy_kwh": 12.5, "maximum_kw": 60}))["status"] == 204
    body = (await stage.cp.receives("update_group_measurements")).body
    assert body["group_id"] == "group-1"
    [energy] = body["measurements"]
    start, end = (datetime.fromisoformat(energy[key]) for key in ("initial_measure_time", "measure_time"))
    assert (energy["value"], energy["unit"], energy["direction"], energy["energy_type"]) == (
        12.5,
        "KWH",
        "NET",
        "TOTAL",
    )
    assert end - start == timedelta(minutes=15)
    assert end <= now() < end + timedelta(minutes=15)
    assert (end.minute % 15, end.second) == (0, 0)


@on_stage(measurement_mode="ASSET", asset_id="depot-1")
async def test_an_asset_measurement_carries_energy_and_the_maximum_of_one_window(stage: Stage) -> None:
    await stage.go_online()
    window_end = "2026-04-02T10:15:00.000Z"
    order = {"energy_kwh": 12.5, "maximum_kw": 60, "direction": "IMPORT", "window_end": window_end}
    await stage.control("/measurements", order)
    [asset] = (await stage.cp.receives("update_asset_measurements")).body["measurements"]
    assert asset == {
        "asset_id": "depot-1",
        "asset_category": "CHARGING",
        "energy_measurement": {
            "value": 12.5,
            "phase": "ALL",
            "unit": "KWH",
            "direction": "IMPORT",
            "energy_type": "TOTAL",
            "measure_time": window_end,
            "initial_measure_time": "2026-04-02T10:00:00.000Z",
        },
        "instantaneous_measurement": {"value": 60, "phase": "ALL", "unit": "KW", "measure_time": window_end},
    }


@on_stage(measurement_interval=0.2)
async def test_under_a_load_every_window_is_reported_as_it_closes(stage: Stage) -> None:
    await stage.go_online()
    await stage.control("/load", {"load_kw": 360})
    await stage.cp.receives("update_group_measurements", count=3)
    await stage.control("/load", {"load_kw": None})
    windows = [one.body["measurements"][0] for one in stage.cp.all("update_group_measurements")]
    assert all(abs(window["value"] - 0.02) < 1e-9 for window in windows), "360 kW for 0.2 s"
    assert windows[1]["initial_measure_time"] == windows[0]["measure_time"], "no window is missing"


@on_stage()
async def test_an_adjustment_asks_about_the_active_forecast(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500), request_id="forecast-1")
    assert (await stage.control("/adjustment", {"capacity_kw": 650}))["status"] == 204
    adjustment = await stage.cp.receives("adjust_group_capacity_forecast")
    assert adjustment.headers["x-correlation-id"] == "forecast-1"
    assert adjustment.body["type"] == "CONSUMPTION"
    assert adjustment.body["forecasted_blocks"][0]["capacity"] == 650


@on_stage()
async def test_without_an_active_forecast_there_is_nothing_to_adjust(stage: Stage) -> None:
    assert (await stage.refused("/adjustment", {"capacity_kw": 1})).body == {"message": "the connection is CONFIGURED"}
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500, start=-60, end=-30))
    answer = await stage.refused("/adjustment", {"capacity_kw": 1})
    assert answer == (409, {"message": "there is no active CONSUMPTION forecast"})
    assert (await stage.refused("/compliance-error", {})).status == 409


@on_stage()
async def test_a_breach_is_reported_once_per_forecast(stage: Stage) -> None:
    await stage.go_online()
    for forecast in ("forecast-1", "forecast-2"):
        await stage.forecast("CONSUMPTION", block(500), request_id=forecast)
        for _ in range(3):
            await stage.control("/compliance-error", {"message": "too much load", "breach": "node-7"})
    errors = stage.cp.all("group_capacity_compliance_error")
    assert [error.headers["x-correlation-id"] for error in errors] == ["forecast-1", "forecast-2"]
    assert errors[0].body == {"message": "too much load"}


@on_stage()
async def test_a_report_that_was_not_accepted_is_made_again(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500))
    stage.cp.answers["group_capacity_compliance_error"] = 503
    assert (await stage.control("/compliance-error", {}))["status"] == 503
    del stage.cp.answers["group_capacity_compliance_error"]
    assert (await stage.control("/compliance-error", {}))["status"] == 204


@on_stage()
async def test_a_hand_made_message_is_sent_as_it_is_and_moves_no_state(stage: Stage) -> None:
    stage.cp.answers["heartbeat"] = 403
    order = {"message": "heartbeat", "body": {"when": None}, "headers": {"x-request-id": None, "X-Correlation-ID": "c"}}
    assert (await stage.control("/raw", order))["status"] == 403
    heartbeat = await stage.cp.receives("heartbeat")
    assert heartbeat.body == {"when": None}
    assert "x-request-id" not in heartbeat.headers
    assert (heartbeat.headers["x-correlation-id"], heartbeat.headers["x-oscp-configuration-id"]) == ("c", CONFIGURATION)
    assert (await stage.state())["lifecycle"] == "CONFIGURED"


@on_stage()
async def test_a_hand_made_body_need_not_be_json(stage: Stage) -> None:
    stage.cp.answers["heartbeat"] = 204
    delivery = await stage.control("/raw", {"message": "heartbeat", "body_text": "{"})
    assert delivery["status"] == 500, "the capacity provider of this test reads JSON only"
    [entry] = (await stage.control("/messages", method="GET"))["messages"]
    assert entry["body"] == "{"


@on_stage(authorization="Token abc", headers={"fp-id": "betterfleet"})
async def test_credentials_and_fixed_headers_go_with_every_message(stage: Stage) -> None:
    await stage.control("/handshake")
    handshake = await stage.cp.receives("handshake")
    assert (handshake.headers["authorization"], handshake.headers["fp-id"]) == ("Token abc", "betterfleet")
    assert (await stage.state())["profile"]["authorization"] == "***"


@on_stage()
async def test_a_forced_state_is_known_to_this_side_only(stage: Stage) -> None:
    state = await stage.control("/state", {"lifecycle": "ONLINE"})
    assert state["lifecycle"] == "ONLINE"
    assert (await stage.heartbeat()).status == 204
    assert (await stage.control("/state", {"lifecycle": "OFFLINE"}))["lifecycle"] == "OFFLINE"
    assert (await stage.heartbeat()).status == 403
    assert stage.cp.received == []
