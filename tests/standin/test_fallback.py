"""Forecasts over the wire, and yellow fallback mode: entry, gap policy, recovery, disconnect."""

from __future__ import annotations

from typing import Any

from tests.standin.stage import Stage, block, on_stage


def events(state: Any) -> list[str]:
    return [entry["event"] for entry in state["notifications"]]


def limit(state: Any) -> tuple[str, str, float | None]:
    constraint = state["effective_constraint"]
    return constraint["mode"], constraint["source"], constraint["kw"]


async def go_online_with_forecasts(stage: Stage, good_for: float = 60) -> None:
    await stage.go_online(good_for=good_for)
    assert (await stage.forecast("CONSUMPTION", block(500))).status == 204
    assert (await stage.forecast("FALLBACK_CONSUMPTION", block(200_000, unit="W"))).status == 204


@on_stage()
async def test_the_primary_forecast_limits_the_scope(stage: Stage) -> None:
    assert limit(await stage.state()) == ("LOCAL", "none", None)
    await go_online_with_forecasts(stage)
    assert limit(await stage.state()) == ("NORMAL", "primary", 500)


@on_stage(scope_name="Depot North")
async def test_offline_with_a_matching_fallback_forecast_is_yellow(stage: Stage) -> None:
    await go_online_with_forecasts(stage, good_for=0.4)
    state = await stage.wait(mode="FALLBACK")
    assert limit(state) == ("FALLBACK", "fallback", 200)
    assert events(state) == ["fallback-entered"]
    [incident] = state["incidents"]
    assert incident["scope_name"] == "Depot North"
    assert incident["reason"] == "the capacity provider is offline"


@on_stage()
async def test_a_gap_with_a_matching_fallback_block_is_yellow(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("FALLBACK_CONSUMPTION", block(200))
    await stage.forecast("CONSUMPTION", block(500, start=60))
    assert limit(await stage.state()) == ("FALLBACK", "fallback", 200)


@on_stage(safe_default_kw=80)
async def test_a_gap_without_a_fallback_block_is_for_the_gap_policy(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500, start=60))
    state = await stage.state()
    assert limit(state) == ("FALLBACK", "gap_policy", 80)
    assert events(state) == ["fallback-entered", "gap-policy-applied"]
    assert len(state["incidents"]) == 1


@on_stage()
async def test_a_block_that_ends_leaves_a_gap_without_any_message(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500, end=0.3))
    assert limit(await stage.wait(source="gap_policy")) == ("FALLBACK", "gap_policy", None)


@on_stage()
async def test_fallback_ends_when_online_with_primary_coverage_again(stage: Stage) -> None:
    await go_online_with_forecasts(stage, good_for=0.4)
    await stage.wait(mode="FALLBACK")
    await stage.post("handshake", {})
    state = await stage.wait(lifecycle="HANDSHAKEN")
    assert limit(state)[0] == "FALLBACK", "a handshake alone restores nothing"
    await stage.heartbeat()
    await stage.forecast("CONSUMPTION", block(450))
    state = await stage.state()
    assert limit(state) == ("NORMAL", "primary", 450)
    assert events(state) == ["fallback-entered", "fallback-exited"]
    assert state["incidents"][0]["closed_at"]


@on_stage()
async def test_disconnecting_hands_an_active_forecast_back_at_once(stage: Stage) -> None:
    await go_online_with_forecasts(stage)
    state = await stage.control("/disconnect")
    assert (state["lifecycle"], state["forecasts"]) == ("CONFIGURED", {})
    assert limit(state) == ("LOCAL", "none", None)
    assert events(state) == ["handover"]
    assert (await stage.heartbeat()).status == 403


@on_stage()
async def test_disconnecting_in_fallback_mode_leaves_it(stage: Stage) -> None:
    await go_online_with_forecasts(stage, good_for=0.4)
    await stage.wait(mode="FALLBACK")
    state = await stage.control("/disconnect")
    assert limit(state) == ("LOCAL", "none", None)
    assert events(state) == ["fallback-entered", "fallback-exited", "handover"]
    assert state["incidents"][0]["resolution"] == "disconnected by the operator"


@on_stage(now_offset_seconds=86_400)
async def test_forecasts_are_judged_by_the_shifted_time(stage: Stage) -> None:
    await stage.go_online()
    await stage.forecast("CONSUMPTION", block(500, start=86_000, end=90_000))
    assert limit(await stage.state()) == ("NORMAL", "primary", 500)


@on_stage()
async def test_a_forecast_for_another_group_is_refused_and_changes_nothing(stage: Stage) -> None:
    await go_online_with_forecasts(stage)
    body = {"group_id": "group-2", "type": "CONSUMPTION", "forecasted_blocks": [block(1)]}
    assert (await stage.post("update_group_capacity_forecast", body)).status == 403
    state = await stage.state()
    assert limit(state) == ("NORMAL", "primary", 500)
    assert state["audit"][-1]["detail"] == "group group-2 is not bound to this connection"


@on_stage()
async def test_a_forecast_before_the_handshake_is_refused(stage: Stage) -> None:
    assert (await stage.forecast("CONSUMPTION", block(500))).status == 403


@on_stage()
async def test_forecasts_that_mean_nothing_are_malformed(stage: Stage) -> None:
    await stage.go_online()
    backwards, naive = block(1, start=10, end=5), {**block(1), "start_time": "2026-04-02T10:00:00"}
    bad = [[], [block(-1)], [block(1, unit="A")], [backwards], [naive], [{**block(1), "phase": "FOUR"}]]
    assert [(await stage.forecast("CONSUMPTION", *blocks)).status for blocks in bad] == [422] * len(bad)
    assert (await stage.forecast("OPTIMUM", block(1))).status == 422
    assert (await stage.state())["forecasts"] == {}
