"""Verdicts on packets and their answers follow how far the feed has seen its run, wherever the run is meanwhile."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from depot_sim.application.packets.hosted import FeedKey, HostedFeed
from depot_sim.application.packets.time import FeedTime
from depot_sim.domain.interaction.expectation_events import Clock, Each, Expectation, Moment, Step, Verdict
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.events import PacketFeedOpened, SensorPacketPublished
from depot_sim.domain.packets.observed import ANSWER
from tests.application.packets.processes import PacketProcess
from tests.application.run.processes import ALICE, MINUTE, FakeClock
from tests.full_set import examples

pytestmark = pytest.mark.anyio

TICKS = 20
KINDS = ("Birth", "Telemetry", "Event", ANSWER)
ACCEPTED, REFUSED = "accepted", "rejected"
STATUS = {ACCEPTED: 202, REFUSED: 422}
FAR = 10**15
Act = tuple[Any, ...]
"""A method of the stage, and what it takes."""


class Seen(NamedTuple):
    """A message: `at` on each clock, and the packet that it is or answers."""

    kind: str
    outcome: str
    at: Moment
    packet: str


class Stage:
    """A feed that sees what was published one by one, while its run is at the end already."""

    def __init__(self, process: PacketProcess, log: list[Event]) -> None:
        opened = log[0]
        assert isinstance(opened, PacketFeedOpened)
        self.clock = FakeClock()
        self.hosted = HostedFeed(FeedKey("r", "model"), FeedTime(process.host, self.clock))
        self.hosted.feed.fold((opened,))
        self.hosted.watched_to = lambda: self.position
        self.site, self.started_at, self.position = opened.site_id, opened.started_at, 0
        self.to_come = [event for event in log if isinstance(event, SensorPacketPublished)]
        self.published: list[SensorPacketPublished] = []
        self.seen: list[Seen] = []

    def publish(self, count: int = 1) -> None:
        """So many more, as far as there are any."""
        for packet in self.to_come[len(self.published) :][:count]:
            self.published.append(packet)
            self.position = packet.at - self.started_at
            self.hosted.treat(packet.told(self.site), packet.bytes_sent, ())
            self._see(packet.type.value.capitalize(), "sent", packet)

    def answer(self, which: int, outcome: str) -> None:
        """To one of the packets published so far, counted from the newest; nothing before the first."""
        if self.published:
            packet = self.published[-1 - which % len(self.published)]
            number = 1 + sum(seen.packet == packet.packet_id and seen.kind == ANSWER for seen in self.seen)
            self.hosted.answered(packet, number, Attempt(STATUS[outcome]))
            self._see(ANSWER, outcome, packet)

    def wait(self, seconds: int) -> None:
        """Of wall time."""
        self.clock.advance(seconds * 1_000_000)
        self.hosted.settle(self.hosted.moment())

    def _see(self, kind: str, outcome: str, packet: SensorPacketPublished) -> None:
        self.seen.append(Seen(kind, outcome, self.hosted.moment(), packet.packet_id))


def fits(step: Step | Each, seen: Seen) -> bool:
    return seen.kind in step.message_types and (not step.outcomes or seen.outcome in step.outcomes)


def verdict_of(expectation: Expectation, everything: list[Seen]) -> Verdict:
    """By its words: what came before the deadline on its clock, whenever anybody looked."""
    clock, steps = expectation.clock, expectation.steps
    seen = [one for one in everything if one.at.on(clock) < expectation.deadline]
    if expectation.to_each is not None:
        return Verdict.MET if all_answered(expectation, expectation.to_each, seen) else Verdict.MISSED
    if expectation.ordered:
        wanted = [step for step in steps for _ in range(step.count)]
        rest = iter(seen)
        is_complete = all(any(fits(step, one) for one in rest) for step in wanted)
    else:
        enough = [sum(fits(step, one) for one in seen) >= step.count for step in steps]
        is_complete = any(enough) if expectation.never else all(enough)
    return Verdict.MET if is_complete is not expectation.never else Verdict.MISSED


def all_answered(expectation: Expectation, each: Each, seen: list[Seen]) -> bool:
    """Every message with time for an answer got one in time, and there was at least one."""
    clock, answers = expectation.clock, 0
    for place, one in enumerate(seen):
        due = one.at.on(clock) + each.within_ms
        if fits(each, one) and due <= expectation.deadline:
            later = (other for other in seen[place + 1 :] if other.packet == one.packet and other.at.on(clock) < due)
            if not any(fits(expectation.steps[0], other) for other in later):
                return False
            answers += 1
    return answers > 0


outcomes = st.sampled_from([(), (ACCEPTED,), (REFUSED,)])
kinds = st.sampled_from(KINDS)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    kind = draw(kinds)
    return Step(message_types=(kind,), count=draw(st.integers(1, 3)), outcomes=draw(outcomes) if kind == ANSWER else ())


@st.composite
def expectations(draw: st.DrawFn) -> Expectation:
    clock = draw(st.sampled_from(Clock))
    within = draw(st.integers(1, 30)) * (1_000 if clock is Clock.WALL else MINUTE)
    if draw(st.booleans()):
        each = Each(message_types=(draw(st.sampled_from(KINDS[:3])),), within_ms=draw(st.integers(1, within)))
        answer = Step(message_types=(ANSWER,), outcomes=draw(outcomes))
        return Expectation((answer,), within, clock, to_each=each)
    never = draw(st.booleans())
    wanted = tuple(draw(st.lists(steps(), min_size=1, max_size=3)))
    return Expectation(wanted, within, clock, ordered=draw(st.booleans()), never=never)


publish = st.tuples(st.just("publish"), st.integers(1, 15))
answer = st.tuples(st.just("answer"), st.integers(0, 20), st.sampled_from([ACCEPTED, REFUSED]))
wait = st.tuples(st.just("wait"), st.integers(1, 10))
turns = st.tuples(publish, st.lists(st.one_of(answer, answer, wait), max_size=4))
stories = st.lists(turns, min_size=3, max_size=20)


@pytest.fixture
async def ahead(process: PacketProcess) -> PacketProcess:
    """A run that is at its end; its packets are in the log."""
    await process.start()
    await process.runs.tick("r", TICKS, ALICE)
    await process.until(process.is_delivered)
    return process


async def test_verdicts_are_those_of_a_small_model_however_answers_come(ahead: PacketProcess) -> None:
    """Early, late, twice or never; on each clock, of each form."""
    log = ahead.feed_events()

    @settings(max_examples=examples(1_000))
    @given(st.lists(expectations(), min_size=1, max_size=4), stories)
    def check(wanted: list[Expectation], story: list[tuple[Act, list[Act]]]) -> None:
        stage = Stage(ahead, log)
        begin = stage.hosted.moment()
        asked = [
            Expectation(
                one.steps,
                begin.on(one.clock) + one.deadline,
                one.clock,
                ordered=one.ordered,
                never=one.never,
                to_each=one.to_each,
            )
            for one in wanted
        ]
        ids = [stage.hosted.expectations.raise_(one, begin) for one in asked]
        for published, then in story:
            for act, *details in (published, *then):
                getattr(stage, act)(*details)
        stage.hosted.expectations.expire(Moment(FAR, FAR, FAR))
        for one, id in zip(asked, ids, strict=True):
            standing = stage.hosted.expectations.find(id)
            assert standing is not None
            assert standing.verdict is verdict_of(one, stage.seen), one

    check()


async def test_an_answer_to_an_early_packet_closes_no_window_that_the_feed_has_yet_to_see(ahead: PacketProcess) -> None:
    stage = Stage(ahead, ahead.feed_events())
    last = stage.to_come[-1]
    begin = stage.hosted.moment()
    telemetry = Step(message_types=(last.type.value.capitalize(),), count=len(stage.to_come) // 4)
    id = stage.hosted.expectations.raise_(Expectation((telemetry,), last.at), begin)
    stage.publish()
    stage.answer(0, ACCEPTED)
    assert id in stage.hosted.expectations.waiting
    while stage.to_come[len(stage.published)].at < last.at:
        stage.publish()
    standing = stage.hosted.expectations.find(id)
    assert standing is not None
    assert standing.verdict is Verdict.MET
