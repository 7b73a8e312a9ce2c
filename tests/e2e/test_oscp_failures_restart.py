"""Design §10, service restart: kill -9 in the middle of a handshake, of an online session and of a send.

What was under way is finalised as indeterminate and never sent again; sessions go on where their timers allow it. On
PostgreSQL it is another process that goes on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.oscp_connections import MortalSimulator, connect, mortal_simulator
from tests.e2e.oscp_messages import by_hand, instant, publish
from tests.e2e.oscp_sides import CapacityProvider, eventually, received, sent
from tests.e2e.oscp_stage import Stage, start_run
from tests.full_set import only_full

INTERVAL_SECONDS = 2
PATIENT = {"handshake_timeout_ms": 60_000, "request_timeout_ms": 60_000}
OUTLASTS = 600
"""Seconds for which heartbeats are good, where the session must stay online over a restart of any length."""
FORECAST = "UpdateGroupCapacityForecast"
INTERRUPTED = "the simulator stopped while this message was under way"


@pytest.fixture(scope="module")
def partner(shared_stand_in: httpx.Client) -> httpx.Client:
    return shared_stand_in


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalSimulator]:
    folder = tmp_path_factory.mktemp("simulator")
    with mortal_simulator(f"sqlite:///{folder / 'store.db'}", folder) as started:
        start_run(started.http, run_id="r")
        yield started


@pytest.fixture
def stage(simulator: MortalSimulator, partner: httpx.Client) -> Iterator[Stage]:
    """A connection with timers that outlast a restart, unless a test shortens them."""
    profile = {"heartbeat_interval": INTERVAL_SECONDS}
    opened = connect(
        simulator.http, partner, "r", policy=PATIENT, profile=profile, heartbeat_factor=OUTLASTS // INTERVAL_SECONDS
    )
    yield opened
    opened.close()


def go_online(stage: Stage, every_seconds: int = INTERVAL_SECONDS) -> None:
    stage.cp.order("send-handshake", heartbeat_interval_seconds=every_seconds)
    stage.comes_to(cp="online", fp="ONLINE")


def pause_partner(stage: Stage) -> None:
    """The partner sends a last heartbeat, which outlasts a restart of the simulator."""
    stage.fp.order("heartbeats", enabled=False)
    assert by_hand(stage, "Heartbeat", {"offline_mode_at": instant(OUTLASTS)})["status"] == 204


def delay(cp: CapacityProvider, direction: str, message: str) -> str:
    """The next such message waits for longer than the test takes; the name of what delays it."""
    match = {"direction": direction, "message_types": [message]}
    effect = {"type": "delay", "fixed_ms": 600_000}
    answer = cp.call("PATCH", "/overrides", {"match": match, "effect": effect, "times": 1})
    assert answer.status_code == 200, answer.text
    return "delay"


def arrived(partner: httpx.Client, stage: Stage, message: str, direction: str = "inbound") -> list[Any]:
    """Messages of the simulator's, as the stand-in has them."""
    messages = partner.get(f"{stage.fp.path}/messages").json()["messages"]
    return [one for one in messages if (one["message"], one["direction"]) == (message, direction)]


@contextmanager
def sending_forecast(stage: Stage, partner: httpx.Client) -> Iterator[None]:
    """While one is under way that the partner has and does not answer."""
    stage.fp.misbehave("update_group_capacity_forecast", "ignore", "inbound")
    with ThreadPoolExecutor(1) as elsewhere:
        asked = {"type": "CONSUMPTION", "pattern": "50 for 1h"}
        order = elsewhere.submit(stage.cp.call, "POST", "/commands/send-forecast", asked)
        eventually(lambda: arrived(partner, stage, "update_group_capacity_forecast"), bool)
        yield
        assert isinstance(order.exception(), httpx.TransportError)


# In the middle of a handshake


def test_kill_in_the_middle_of_a_handshake_of_ours(simulator: MortalSimulator, stage: Stage) -> None:
    """Its acknowledgement was being answered: nobody knows whether it counts, but another one may still come."""
    delaying = delay(stage.cp, "inbound", "HandshakeAcknowledge")
    stage.cp.order("send-handshake", heartbeat_interval_seconds=INTERVAL_SECONDS)
    eventually(lambda: stage.cp.messages("HandshakeAcknowledge"), bool)

    simulator.kill()
    simulator.start()
    interrupted = stage.cp.notes("HandshakeAcknowledge", received("indeterminate", by=delaying))
    assert interrupted["error"] == INTERRUPTED
    assert stage.cp.lifecycle == "awaiting_handshake_acknowledge"

    headers = {"X-Request-ID": interrupted["request_id"], "X-Correlation-ID": interrupted["correlation_id"]}
    again = {"message": "handshake_acknowledge", "body_text": interrupted["body"]}
    assert stage.fp.order("raw", **again, headers=headers)["status"] == 503
    assert stage.fp.order("raw", **again, headers=headers | {"X-Request-ID": "another"})["status"] == 204
    assert stage.cp.ledger("HandshakeAcknowledge") == [
        received("indeterminate", by=delaying),
        received("accepted", 204),
    ]


@pytest.mark.full
def test_kill_in_the_middle_of_a_handshake_of_ours_whose_time_runs_out_meanwhile(
    simulator: MortalSimulator, partner: httpx.Client
) -> None:
    stage = connect(simulator.http, partner, "r", policy={"handshake_timeout_ms": 1_000})
    delay(stage.cp, "inbound", "HandshakeAcknowledge")
    over = time.monotonic() + 1
    stage.cp.order("send-handshake")
    eventually(lambda: stage.cp.messages("HandshakeAcknowledge"), bool)
    simulator.kill()
    eventually(time.monotonic, lambda now: now > over)

    simulator.start()
    stage.cp.waits("offline")
    assert stage.cp.cause() == "handshake_timed_out"
    stage.fp.waits(lifecycle="OFFLINE")
    stage.go_online()
    stage.close()


def test_kill_in_the_middle_of_a_handshake_of_theirs(
    simulator: MortalSimulator, partner: httpx.Client, stage: Stage
) -> None:
    """Our acknowledgement is in doubt, and not sent again: the session is offline until a new handshake."""
    delaying = delay(stage.cp, "outbound", "HandshakeAcknowledge")
    assert stage.fp.order("handshake")["status"] == 204
    eventually(lambda: stage.cp.messages("HandshakeAcknowledge"), bool)

    simulator.kill()
    simulator.start()
    stage.cp.waits("offline")
    assert stage.cp.cause() == "restarted"
    assert stage.cp.ledger("HandshakeAcknowledge") == [sent("indeterminate", by=delaying)]
    stage.comes_to(cp="offline", fp="OFFLINE")
    assert arrived(partner, stage, "handshake_acknowledge") == []
    go_online(stage)


# In the middle of an online session


def test_kill_in_the_middle_of_an_online_session(
    simulator: MortalSimulator, partner: httpx.Client, stage: Stage
) -> None:
    """It goes on as if nothing had been: heartbeats both ways, the forecast in force, history."""
    go_online(stage)
    publish(stage.cp)
    before = stage.cp.state()

    pause_partner(stage)
    simulator.kill()
    simulator.start()
    after = stage.cp.state()
    assert after["state"] == "online"
    stage.fp.order("heartbeats", enabled=True)
    assert (after["forecasts"], after["negotiated"]) == (before["forecasts"], before["negotiated"])
    known = [
        len(stage.cp.messages("Heartbeat", direction=side, outcome="accepted")) for side in ("inbound", "outbound")
    ]
    for side, count in zip(("inbound", "outbound"), known, strict=True):
        eventually(
            lambda: stage.cp.messages("Heartbeat", direction=side, outcome="accepted"),  # noqa: B023 - called at once
            lambda found: len(found) > count + 1,  # noqa: B023
        )
    stage.stands(cp="online", fp="ONLINE")
    assert stage.cp.ledger("Handshake") == [sent("accepted", 204)]
    assert len(arrived(partner, stage, "handshake")) == 1


def test_kill_in_the_middle_of_an_online_session_whose_time_runs_out_meanwhile(
    simulator: MortalSimulator, stage: Stage
) -> None:
    """The last heartbeat was good for less than the restart took: offline until a new handshake."""
    go_online(stage)
    stage.fp.order("heartbeats", enabled=False)
    assert by_hand(stage, "Heartbeat", {"offline_mode_at": instant(0.3)})["status"] == 204
    simulator.kill()
    over = time.monotonic() + 0.3
    eventually(time.monotonic, lambda now: now > over)

    simulator.start()
    stage.cp.waits("offline")
    assert stage.cp.cause() == "heartbeat_expired"
    stage.cp.refused("send-forecast", type="CONSUMPTION", pattern="50 for 1h")


# In the middle of a send


def test_kill_in_the_middle_of_a_send(simulator: MortalSimulator, partner: httpx.Client, stage: Stage) -> None:
    """The partner has it once, and the ledger does not claim to know."""
    go_online(stage)
    pause_partner(stage)
    with sending_forecast(stage, partner):
        simulator.kill()

    simulator.start()
    entry = stage.cp.notes(FORECAST, sent("indeterminate"))
    assert (entry["error"], entry["answer"]) == (INTERRUPTED, None)
    partner.delete(f"{stage.fp.path}/misbehaviour")
    assert publish(stage.cp) != entry["request_id"]
    assert len(arrived(partner, stage, "update_group_capacity_forecast")) == 2
    assert stage.cp.ledger(FORECAST) == [sent("indeterminate"), sent("accepted", 204)]


@pytest.mark.full
def test_kill_in_the_middle_of_a_planned_send(simulator: MortalSimulator, partner: httpx.Client, stage: Stage) -> None:
    """A plan for once is over then: what may have arrived is not sent again."""
    go_online(stage)
    pause_partner(stage)
    stage.fp.misbehave("update_group_capacity_forecast", "ignore", "inbound")
    forecast = {"type": "CONSUMPTION", "pattern": "50 for 1h"}
    planned = stage.cp.call("POST", "/forecast-plans", {"forecast": forecast, "at": instant(0.5)})
    assert planned.status_code == 201, planned.text
    eventually(lambda: arrived(partner, stage, "update_group_capacity_forecast"), bool)

    simulator.kill()
    simulator.start()
    stage.cp.notes(FORECAST, sent("indeterminate"))
    beats = len(stage.cp.messages("Heartbeat", direction="outbound"))
    eventually(lambda: stage.cp.messages("Heartbeat", direction="outbound"), lambda found: len(found) > beats)
    assert stage.cp.ledger(FORECAST) == [sent("indeterminate")]
    assert stage.cp.state()["plans"] == []


# With another process


@pytest.mark.parametrize("how", [signal.SIGKILL, only_full(signal.SIGSTOP)])
def test_another_process_takes_the_sessions_over_with_their_run(
    postgres_url: str, partner: httpx.Client, tmp_path: Path, how: signal.Signals
) -> None:
    """The partner, which sends to the other process from the start, notices nothing but a forecast cut off."""
    with mortal_simulator(postgres_url, tmp_path, "one") as one, mortal_simulator(postgres_url, tmp_path, "two") as two:
        start_run(one.http, run_id="r")
        profile = {"heartbeat_interval": 4}
        stage = connect(
            one.http, partner, "r", policy=PATIENT, profile=profile, heartbeat_factor=OUTLASTS // 4, reached_at=two.http
        )
        go_online(stage, every_seconds=4)
        there = CapacityProvider(two.http, "r", stage.cp.session_id)
        stage.fp.misbehave("update_group_capacity_forecast", "ignore", "inbound")
        one.http.timeout = httpx.Timeout(0.5)
        with pytest.raises(httpx.ReadTimeout):
            publish(stage.cp)

        os.kill(one.pid, how)
        there.notes(FORECAST, sent("indeterminate"))
        partner.delete(f"{stage.fp.path}/misbehaviour")
        assert there.order("send-forecast", type="CONSUMPTION", pattern="50 for 1h")["delivery_status"] == "accepted"
        beats = len(there.messages("Heartbeat", direction="outbound", outcome="accepted"))
        if how is signal.SIGSTOP:
            os.kill(one.pid, signal.SIGCONT)
            beats += 1  # so that the first process has time to do what it must not
        eventually(
            lambda: there.messages("Heartbeat", direction="outbound", outcome="accepted"),
            lambda found: len(found) > beats,
        )

        assert (there.lifecycle, stage.fp.lifecycle) == ("online", "ONLINE")
        assert stage.fp.passed_through().count("offline") == 0
        assert there.ledger(FORECAST) == [sent("indeterminate"), sent("accepted", 204)]
        assert len(arrived(partner, stage, "update_group_capacity_forecast")) == 2
        heard = [one["request_id"] for one in arrived(partner, stage, "heartbeat")]
        assert len(heard) == len(set(heard))
        stage.fp.close()
