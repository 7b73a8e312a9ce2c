"""Two hashes of a run.

raw        a chain over every recorded event of the run's stream, bytes as stored
canonical  the same over what happened in the world and why: no operational events (leases, resumes, snapshots), no
           generated ids, no wall time; equal for equal seed, configuration and commands
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from depot_sim.domain.kernel.events import EncodedEvent, event_class

_GENESIS = bytes(32)


class RunDigest(msgspec.Struct):
    """Heads of both chains; feed it every event of the run's stream once, in order."""

    raw: bytes = _GENESIS
    canonical: bytes = _GENESIS

    def add(self, event: EncodedEvent) -> None:
        topic = event.topic.encode()
        self.raw = _link(self.raw, topic, event.state)
        cls = event_class(event.topic)
        if not cls.OPERATIONAL:
            state = _without(event.state, cls.INCIDENTAL) if cls.INCIDENTAL else event.state
            self.canonical = _link(self.canonical, topic, state)

    @property
    def raw_sha256(self) -> str:
        return self.raw.hex()

    @property
    def canonical_sha256(self) -> str:
        return self.canonical.hex()


def _link(head: bytes, topic: bytes, state: bytes) -> bytes:
    return sha256(b"%b%d:%b%b" % (head, len(topic), topic, state)).digest()


def _without(state: bytes, incidental: tuple[str, ...]) -> bytes:
    kept = {key: value for key, value in msgspec.json.decode(state).items() if key not in incidental}
    return msgspec.json.encode(kept)
