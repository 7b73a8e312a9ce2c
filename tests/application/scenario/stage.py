"""Scenarios on runs of a process that has toys in place of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from depot_sim.application.channels.control import ChannelControl
from depot_sim.application.channels.deliveries import Due
from depot_sim.application.scenario.service import ScenarioService, StartScenario
from depot_sim.domain.interaction.expectation_events import Expectation, Moment, Step
from depot_sim.domain.interaction.expectations import MOST_SETTLED
from depot_sim.domain.kernel.events import EncodedEvent, Event, decode
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.scenario.execution import stream_of
from tests.application.channels.toy import ToyChannel, ToyStore
from tests.application.run.processes import ALICE, Process
from tests.domain.scenario.samples import message
from tests.domain.scenario.scripts import READER, Raw, script

SECOND, MINUTE = 1_000, 60_000


class Shelf:
    """A library of one scenario."""

    def names(self) -> tuple[str, ...]:
        return ("quiet-controller",)

    def text(self, name: str) -> str:
        return f"name: {name}\n"

    def document(self, name: str) -> Any:
        return {"quiet-controller": script()}[name]


class Post:
    """Deliveries of the toys, as a test says."""

    def __init__(self) -> None:
        self.remaining = 0
        self.looks = 0

    async def wait_until_open(self, run_id: str) -> None:
        """They are."""

    def concern(self, run_id: str) -> bool:  # noqa: ARG002 - the port's
        return True

    async def left(self, due: Due) -> int:  # noqa: ARG002 - the port's
        self.looks += 1
        return self.remaining

    async def undelivered(self, due: Due) -> Sequence[str]:
        return [f"{self.remaining} letters from {due.since} to {due.until}"] if self.remaining else []


class Scenarios:
    """What a process plays. Its run's session is a toy, with the messages and modes of OSCP sessions."""

    def __init__(self, process: Process, *, delivers: bool = False) -> None:
        self.process = process
        self.toys = ToyStore(process.store.log, process.journal, process.host, process.clock)
        self.post = Post()
        self.control = ChannelControl(
            OSCP, self.toys, self.toys.decide, process.live, process.tail, deliveries=self.post if delivers else None
        )
        process.controls.add(OSCP.target_kind, self.control)
        self.service = ScenarioService(
            process.store.log, process.host, process.live, process.player, process.controls, Shelf(), READER
        )

    async def begin_session(self) -> ToyChannel:
        """The session "s-1" of run "r"."""
        return await self.toys.get(await self.toys.begin("r", "s-1"))

    async def receive_message(self) -> None:
        """Any message at the session."""

        def observe(channel: ToyChannel, moment: Moment) -> None:
            channel.expectations.observe(message(), "accepted", moment)

        await self.toys.decide("r/s-1", observe)

    async def pass_deadlines(self) -> None:
        """Let whatever the session waits for be missed."""

        def expire(channel: ToyChannel, moment: Moment) -> None:
            channel.expectations.expire(Moment(*(at + 10 * MINUTE for at in moment)))

        await self.toys.decide("r/s-1", expire)

    async def forget_verdicts(self) -> None:
        """Let the session settle so many expectations that it forgets all of before."""

        def settle(channel: ToyChannel, moment: Moment) -> None:
            for _ in range(MOST_SETTLED):
                expected = Expectation((Step(),), moment.target + MINUTE)
                channel.expectations.retire(channel.expectations.raise_(expected, moment), "called off", moment)

        await self.toys.decide("r/s-1", settle)

    async def start(self, raw: Raw | None = None, *, key: str | None = None, **request: Any) -> str:
        """The execution's id."""
        asked = StartScenario(document=script() if raw is None else raw, **request)
        return (await self.service.start("r", asked, ALICE, key)).execution_id

    def events(self, execution_id: str = "1") -> list[Event]:
        rows = self.process.store.log.read_stream(stream_of("r", execution_id))
        return [decode(row.topic, row.state) for row in rows]

    def topics(self, execution_id: str = "1") -> list[str]:
        return [event.TOPIC.split(".")[1] for event in self.events(execution_id)]

    def canonical_sha256(self) -> str:
        """Of the run's events as the log has them."""
        digest = RunDigest()
        for row in self.process.store.log.read_stream("run-r"):
            digest.add(EncodedEvent(row.topic, row.state))
        return digest.canonical_sha256
