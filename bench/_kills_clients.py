"""The clients of a service that is killed: each sends a request again, under the same key, until it is answered."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import aiohttp

from tests.e2e.oscp_messages import adjustment, group_measurements, instant
from tests.patience import patient

RUN = "/simulation-runs/kills"
_MOST_PAUSE_S = 0.02
_AGAIN_S = 0.05
_REPEATED = 0.1
"""Share of the answered requests that are sent once more: the answer must be the same."""
_ONLINE_AGAIN = 0.1
"""Share of the heartbeats refused by an offline session after which it is put online."""


class Answer(NamedTuple):
    status: int
    body: bytes


class Records:
    """What the clients were told: `effects` has the event type that each command's key must have caused once.

    `statuses` has the answer to each message, by session id and request id. `differing` describes requests that were
    answered otherwise when they were sent again.
    """

    def __init__(self) -> None:
        self.effects: dict[str, str] = {}
        self.statuses: dict[tuple[str, str], int] = {}
        self.differing: list[str] = []
        self._grown = asyncio.Event()

    @property
    def count(self) -> int:
        return len(self.effects) + len(self.statuses)

    def acknowledge_command(self, key: str, effect: str) -> None:
        self.effects[key] = effect
        self._grown.set()

    def acknowledge_message(self, session_id: str, request_id: str, status: int) -> None:
        self.statuses[session_id, request_id] = status
        self._grown.set()

    async def wait_for_more(self, seconds: float) -> None:
        """Until the next request is acknowledged, or so long."""
        self._grown.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._grown.wait(), seconds)


class Sender:
    """Sends requests to a service that is away now and then. Once `stopping` is set, clients begin no new request."""

    def __init__(self, http: aiohttp.ClientSession, records: Records, chance: random.Random) -> None:
        self._http = http
        self._chance = chance
        self.records = records
        self.stopping = asyncio.Event()

    async def answer(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send the request until there is an answer other than "not now"."""
        async with asyncio.timeout(patient(120)):
            while True:
                try:
                    async with self._http.post(path, data=body, headers=headers) as response:
                        answer = Answer(response.status, await response.read())
                    if not _is_not_now(answer):
                        return answer
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(_AGAIN_S)

    async def answer_in_load(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """The same for a request that has a key of its own: some are sent once more, and the answers are compared."""
        answer = await self.answer(path, body, headers)
        if self.happens(_REPEATED):
            again = await self.answer(path, body, headers)
            if again != answer:
                self.records.differing.append(f"{path} {dict(headers)}: {answer}, then {again}")
        return answer

    async def command(self, path: str, body: Any, key: str) -> Any:
        """What a command under this Idempotency-Key returns. Raises AssertionError when it is refused."""
        headers = {"Idempotency-Key": key, "X-Request-ID": key, "Content-Type": "application/json"}
        return _done(path, await self.answer_in_load(path, json.dumps(body).encode(), headers))

    async def post(self, path: str, body: Any) -> Any:
        """What a request without a key returns. Raises AssertionError when it is refused."""
        return _done(path, await self.answer(path, json.dumps(body).encode(), {"Content-Type": "application/json"}))

    async def read(self, path: str, holds: Callable[[Any], bool] = bool) -> Any:
        """What is at the path, once the service answers and `holds` is true of it."""
        async with asyncio.timeout(patient(300)):
            while True:
                try:
                    async with self._http.get(path) as response:
                        if response.status == 200 and holds(found := await response.json()):
                            return found
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(_AGAIN_S)

    async def lines(self, path: str) -> list[Any]:
        """All JSON lines at the path."""
        async with self._http.get(path, headers={"Accept": "application/jsonl"}) as response:
            return [json.loads(line) async for line in response.content]

    async def pause(self) -> None:
        """Wait for a moment, as clients do before their next request."""
        await asyncio.sleep(self._chance.uniform(0, _MOST_PAUSE_S))

    def happens(self, share: float) -> bool:
        """Draw whether something happens that does so in this share of the cases."""
        return self._chance.random() < share


def _is_not_now(answer: Answer) -> bool:
    """Whether nothing was decided: the store is away, or another process, which was killed, still holds the run."""
    return answer.status == 503 or (answer.status == 409 and "holder" in json.loads(answer.body))


def _done(path: str, answer: Answer) -> Any:
    assert answer.status < 300, f"{path}: {answer}"
    return json.loads(answer.body)


async def command_client(sender: Sender, number: int) -> None:
    """Commands of four kinds, each of which makes one event of its kind whatever the state of the run."""
    for count in itertools.count():
        if sender.stopping.is_set():
            return
        key = f"command-{number}-{count}"
        name, effect, body = _COMMANDS[(number + count) % len(_COMMANDS)]
        await sender.command(f"{RUN}/commands/{name}", body, key)
        sender.records.acknowledge_command(key, effect)
        await sender.pause()


_COMMANDS = (
    ("set-target-soc", "vehicle.target-set.1", {"vehicle": "bus-1", "soc": "80 %"}),
    ("set-node-limit", "node.limit-changed.1", {"node": "yard", "limit": "400 kW"}),
    ("force-sensor-value", "sensor.value-forced.1", {"sensor": "site-meter", "value": "100 kW"}),
    ("set-control-delay", "allocation.control-delay-changed.1", {"delay": "2 s"}),
)


class Session(NamedTuple):
    """An OSCP session. A partner's heartbeat keeps it online for `alive_s` seconds."""

    path: str
    session_id: str
    configuration_id: str
    alive_s: int


async def oscp_client(sender: Sender, session: Session) -> None:
    """The partner's side: heartbeats and other messages, right and wrong ones. It puts the session online at times."""
    for count in itertools.count():
        if sender.stopping.is_set():
            return
        request_id = f"message-{count}"
        path, body = _message(count, session.alive_s)
        headers = {
            "X-OSCP-Configuration-ID": session.configuration_id,
            "X-Request-ID": request_id,
            "Content-Type": "application/json",
        }
        answer = await sender.answer_in_load(f"/oscp/cp/2.0/{path}", body, headers)
        sender.records.acknowledge_message(session.session_id, request_id, answer.status)
        if answer.status == 403 and path == "heartbeat" and sender.happens(_ONLINE_AGAIN):
            await put_online(sender, session)
        await sender.pause()


async def put_online(sender: Sender, session: Session) -> None:
    await sender.post(f"{session.path}/commands/force-state", {"state": "online"})


def _message(count: int, alive_s: int) -> tuple[str, bytes]:
    heartbeat = {"offline_mode_at": instant(alive_s)}
    messages: tuple[tuple[str, Any], ...] = (
        ("heartbeat", heartbeat),
        ("update_group_measurements", group_measurements()),
        ("heartbeat", heartbeat),
        ("update_group_measurements", group_measurements("another-group")),
        ("adjust_group_capacity_forecast", adjustment()),
        ("heartbeat", {}),
    )
    path, body = messages[count % len(messages)]
    return path, json.dumps(body).encode()


async def scenario_client(sender: Sender, name: str) -> None:
    """Plays the scenario, and begins it again when it is over."""
    for count in itertools.count():
        key = f"scenario-{count}"
        execution = await sender.command(f"{RUN}/scenarios", {"name": name}, key)
        sender.records.acknowledge_command(key, "scenario.execution-started.1")
        path = f"{RUN}/scenarios/{execution['execution_id']}"
        while (await sender.read(path))["status"] == "running":
            if sender.stopping.is_set():
                return
            await asyncio.sleep(_AGAIN_S)
