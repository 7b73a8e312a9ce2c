"""A feed against a small model: the world moves, packets are answered or not, and the process dies at any point."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets.delivery import Attempt
from depot_sim.domain.packets.events import FeedPolicy, PacketDropped, SensorPacketPublished
from depot_sim.domain.packets.feed import PacketFeed
from depot_sim.domain.packets.measure.observation import Observation
from depot_sim.domain.packets.vocabulary import PacketType
from tests.domain.packets.toy import BESS, CONTROLLER, DEVICES, METER, WATCHED, Eyes, Toy, folded, opened_feed, sight
from tests.full_set import examples

EYES = Eyes()
LIMIT = 12
STATES = st.sampled_from(["NONE", "SCHEDULED", "ACTIVE"])
ANSWERS = st.sampled_from([204, 204, 204, 0, 500, 429, 400])
PUBLISHED = (PacketType.BIRTH, PacketType.TELEMETRY, PacketType.EVENT, PacketType.HEARTBEAT, PacketType.DEATH)

Said = tuple[str, int, PacketType, tuple[bytes, ...]]


class FeedMachine(RuleBasedStateMachine):
    """`log` is what is durable; whatever the feed has beyond it is lost with the process."""

    def __init__(self) -> None:
        super().__init__()
        self.toy = Toy()
        self.at, self.ticked_at, self.version = 0, 0, 1
        self.sights: list[Observation] = []
        self.feed = opened_feed(policy=FeedPolicy(backlog_limit=LIMIT))
        self.log: list[Event] = self.feed.take_pending()
        self.expected: list[Said] = []
        self.arrived: defaultdict[str, list[int]] = defaultdict(list)
        self.under_way: dict[str, int] = {}
        self.unfailing = opened_feed()

    # The world

    @rule(value=st.integers(0, 90))
    def measure(self, value: int) -> None:
        self.toy.values[METER, 0] = self.toy.values[BESS, 0] = value * 1_000

    @rule(state=STATES, setpoint=st.sampled_from([None, 5_000, -5_000]))
    def dispatch(self, state: str, setpoint: int | None) -> None:
        self.toy.values[BESS, 2], self.toy.values[BESS, 1] = state, setpoint

    @rule(watts=st.sampled_from([0, 40_000, 40_001, 90_000]))
    def limit(self, watts: int) -> None:
        self.toy.values[CONTROLLER, 0] = watts

    @rule(device=st.sampled_from([METER, BESS, CONTROLLER]), present=st.booleans())
    def serve(self, device: int, present: bool) -> None:
        (self.toy.absent.discard if present else self.toy.absent.add)(device)

    @rule(ms=st.sampled_from([1_000, 3_000, 10_000, 25_000]), beats=st.integers(0, 1))
    def tick(self, ms: int, beats: int) -> None:
        self.toy.beats += beats
        self.at += ms
        self._look(after=self.ticked_at)
        self.ticked_at = self.at

    @rule()
    def change(self) -> None:
        self._look(after=None)

    def _look(self, after: int | None) -> None:
        self.version += 1
        self.sights.append(sight(self.toy, self.at, self.version, after))
        self.feed.observe(EYES, self.sights[-1])
        self.unfailing.observe(EYES, self.sights[-1])
        self.expected += [_said(event) for event in self.unfailing.take_pending() if is_packet(event)]

    # The process

    @rule()
    def save(self) -> None:
        self.log += self.feed.take_pending()

    @rule()
    def look_again(self) -> None:
        pending = len(self.feed.pending)
        for seen in self.sights[-3:]:
            self.feed.observe(EYES, seen)
        assert len(self.feed.pending) == pending

    @rule()
    def die(self) -> None:
        """Whoever comes next sees again what came after the checkpoint."""
        self.feed = folded(self.log)
        self.under_way.clear()
        for seen in self.sights:
            self.feed.observe(EYES, seen)

    @rule(device=st.sampled_from([device.id for device in DEVICES]), status=ANSWERS)
    def deliver(self, device: str, status: int) -> None:
        """The device's first packet, if it is durable."""
        backlog = self.feed.backlog(device)
        if backlog and backlog[0].version <= len(self.log):
            seq = backlog[0].seq
            if status:
                self.arrived[device].append(seq)
            retry = self.feed.attempted(device, seq, Attempt(status))
            assert (retry is None) == (status in {204, 400})

    # What holds

    @invariant()
    def counters_have_no_gaps_and_nothing_is_published_twice(self) -> None:
        for events in (self.log, [*self.log, *self.feed.pending]):
            seqs: defaultdict[str, list[int]] = defaultdict(list)
            for event in events:
                if isinstance(event, SensorPacketPublished):
                    seqs[event.device_id].append(event.seq)
            assert all(numbers == list(range(len(numbers))) for numbers in seqs.values())

    @invariant()
    def restarts_change_no_packet(self) -> None:
        said = [_said(event) for event in [*self.log, *self.feed.pending] if is_packet(event)]
        assert said == self.expected

    @invariant()
    def packets_of_a_device_arrive_in_order(self) -> None:
        """Whatever comes again after a restart: the first arrivals are in order."""
        for seqs in self.arrived.values():
            first = list(dict.fromkeys(seqs))
            assert first == sorted(first)

    @invariant()
    def nothing_is_lost_without_a_word(self) -> None:
        gone: defaultdict[str, set[int]] = defaultdict(set)
        for event in [*self.log, *self.feed.pending]:
            if isinstance(event, PacketDropped):
                gone[event.device_id].add(event.seq)
        for device, state in self.feed.state.devices.items():
            kept = {*self.arrived[device], *gone[device], *(waiting.seq for waiting in state.backlog)}
            assert kept == set(range(state.next_seq))

    @invariant()
    def the_backlog_is_bounded_and_counted(self) -> None:
        backlogs = [self.feed.backlog(device.id) for device in DEVICES]
        assert self.feed.state.waiting == sum(map(len, backlogs)) <= LIMIT
        assert all([waiting.seq for waiting in backlog] == sorted(w.seq for w in backlog) for backlog in backlogs)

    @invariant()
    def what_was_told_on_change_is_what_there_is(self) -> None:
        """After any look: a device in service has told its present values, to the resolution it tells them in."""
        if self.sights and self.sights[-1].version == self.version:
            for device, keys in WATCHED.items():
                state = self.feed.state.devices.get(DEVICES[device].id)
                if state is not None and state.born and state.next_seq:
                    assert set(state.watched) == set(keys)

    @invariant()
    def the_fold_is_the_state(self) -> None:
        feed: PacketFeed = folded([*self.log, *self.feed.pending])
        assert feed.state == self.feed.state


def is_packet(event: Event) -> bool:
    return isinstance(event, SensorPacketPublished)


def _said(event: Event) -> Said:
    assert isinstance(event, SensorPacketPublished)
    return event.device_id, event.seq, event.type, tuple(bytes(one.value) for one in event.measurements)


FeedMachine.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=40)
test_a_feed_holds_against_its_model = FeedMachine.TestCase
