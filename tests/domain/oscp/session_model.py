"""A session in as few words as possible, independent of the code: what the machines hold the real one against."""

from __future__ import annotations

from dataclasses import dataclass, field

from depot_sim.domain.oscp.vocabulary import MessageType, Outcome

OFFLINE, ACCEPTING, AWAITING = "offline", "accepting_handshake", "awaiting_handshake_acknowledge"
ONLINE, DEGRADED = "online", "degraded"
LIVE = {ONLINE, DEGRADED}
STATES = (OFFLINE, ACCEPTING, AWAITING, ONLINE, DEGRADED)
HANDSHAKE_TAKES, OWN_RATE, FACTOR = 30_000, 5_000, 3


@dataclass(frozen=True)
class UnderWay:
    """A message under way, as the model sees it."""

    entry: str
    type: MessageType
    sent_at: int
    id: str


@dataclass
class Model:
    """What a session has to be, told in as few words as possible."""

    state: str = OFFLINE
    receive_every: int | None = None
    send_every: int | None = None
    we_asked: int | None = None
    they_asked: int | None = None
    handshake: str = ""
    deadline: int = 0
    acknowledges: str = ""
    tried: bool = False
    alive_until: int | None = None
    live_since: int = 0
    under_way: dict[str, UnderWay] = field(default_factory=dict)

    def answers_handshake(self) -> int:
        return 204 if self.state == OFFLINE else 403

    def answers_acknowledge(self, correlation: str) -> int:
        return 204 if self.state == AWAITING and (not self.handshake or correlation == self.handshake) else 403

    def answers_heartbeat(self, good_for: int) -> int:
        if self.state not in LIVE:
            return 403
        return 204 if good_for > 0 else 422

    def take_handshake(self, now: int, id: str, every: int | None) -> None:
        self.state, self.handshake, self.they_asked = ACCEPTING, id, every
        self.deadline, self.tried, self.acknowledges = now + HANDSHAKE_TAKES, False, ""

    def take_acknowledge(self, now: int, every: int | None) -> None:
        self.they_asked = every
        self.complete(now)

    def send(self, message: UnderWay, asks: int | None) -> None:
        self.under_way[message.entry] = message
        if message.type is MessageType.HANDSHAKE:
            self.state, self.handshake, self.we_asked = AWAITING, message.id, asks
            self.deadline = message.sent_at + HANDSHAKE_TAKES
        elif message.type is MessageType.HANDSHAKE_ACKNOWLEDGE:
            self.tried, self.acknowledges, self.we_asked = True, message.entry, asks

    def force(self, now: int, state: str) -> None:
        before = self.state
        if state == OFFLINE:
            self.go_offline()
        elif state in LIVE and before not in LIVE:
            if self.send_every is None and self.receive_every is None:
                self.send_every = self.receive_every = OWN_RATE
            self.go_live(now)
        elif state not in LIVE:
            self.deadline = now + HANDSHAKE_TAKES
            if before != state:
                self.handshake, self.acknowledges, self.tried = "", "", True
        self.state = state

    def complete(self, now: int) -> None:
        wants = self.they_asked if self.they_asked is not None else self.we_asked
        self.receive_every, self.send_every = self.we_asked, wants
        self.go_live(now)

    def go_live(self, now: int) -> None:
        self.state, self.live_since = ONLINE, now
        self.alive_until = now + FACTOR * self.receive_every if self.receive_every else None

    def go_offline(self) -> None:
        self.state, self.handshake, self.acknowledges, self.alive_until = OFFLINE, "", "", None

    def pass_time(self, now: int) -> None:
        expired = self.state in LIVE and self.alive_until is not None and self.alive_until <= now
        if expired or (self.state in {ACCEPTING, AWAITING} and self.deadline <= now):
            self.go_offline()

    def finish(self, message: UnderWay, outcome: Outcome, status: int, now: int) -> None:
        del self.under_way[message.entry]
        lost = outcome is Outcome.FAILED or outcome is Outcome.REJECTED
        match message.type:
            case MessageType.HANDSHAKE if self.state == AWAITING and message.id == self.handshake and lost:
                self.go_offline()
            case MessageType.HANDSHAKE_ACKNOWLEDGE if self.state == ACCEPTING and message.entry == self.acknowledges:
                if outcome is Outcome.ACCEPTED:
                    self.complete(now)
                elif lost:
                    self.go_offline()
            case MessageType.HEARTBEAT | MessageType.UPDATE_GROUP_CAPACITY_FORECAST:
                self.mind(message, outcome, status)

    def mind(self, message: UnderWay, outcome: Outcome, status: int) -> None:
        if self.state not in LIVE or message.sent_at < self.live_since:
            return
        if outcome is Outcome.ACCEPTED:
            self.state = ONLINE
        elif outcome is Outcome.FAILED or status == 503:
            self.state = DEGRADED
        elif status == 403 and message.type is MessageType.HEARTBEAT:
            self.go_offline()
