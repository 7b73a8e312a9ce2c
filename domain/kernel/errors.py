"""The errors that depot-sim shows to people and programs, as one tree. Those of other modules are listed here, too.

DepotSimError                    type, detail, hint; what a person reads
├── InvalidInput                 one or many Faults, each with a JSON pointer
│   ├── MalformedBody            a request's body is no JSON or YAML
│   └── SecretWritten            the value of a secret in place of a reference
├── NotFound                     no such configuration, run, vehicle, connector …
├── Conflict                     the request clashes with the present state
│   ├── CommandRefused           the world or the run says no to a command
│   ├── VersionConflict          somebody else wrote to the stream first
│   ├── LeaseLost                another runner owns the run now
│   └── RunHeldElsewhere         the run is active in another process
├── PreconditionFailed           If-Match names another version
├── ServiceStopping              the service stops before the response is known
├── MemoryShort                  the work does not fit into the memory that is left
│   └── MemoryReserveGone        so little is left that the service stops
├── StoreError                   the event store cannot be used
│   ├── StoreInUse               another process writes to the SQLite file
│   ├── StoreUnreadable          truncated, corrupt, or not a depot-sim store
│   ├── StoreTooNew              written by a newer depot-sim
│   └── UnknownTopic             an event this version has no class for
├── UndefinedTransition          the table of an OSCP session's lifecycle has no such row
├── PoisonEvent                  a projector cannot take an event
├── NoToken                      a partner's token endpoint gave no token
├── RequestError                 what only HTTP can get wrong
│   ├── UnsupportedMediaType
│   ├── PreconditionRequired     If-Match is missing
│   ├── Unauthorised
│   ├── Forbidden
│   ├── ClientDisconnected       before the end of its request
│   ├── TooBusy                  as many requests of this kind are under way as are taken in
│   └── TooManyRequests          refused ones, from one address
├── UsageError                   the command line cannot be understood
├── AddressUnavailable           the service cannot listen there
├── Unreachable                  the command line gets no answer from the server
├── ServerRefused                the server's answer to the command line: 4xx
└── ServerFailed                 the server's answer to the command line: 5xx

Other exceptions never reach people: their callers catch them. tests/test_error_tree.py lists them and holds the tree.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong in an input: where (JSON pointer, RFC 6901), what was found, and what would do."""

    pointer: str
    found: str
    expected: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        place = self.pointer or "(document)"
        at = f" (line {self.line})" if self.line else ""
        return f"{place}{at}: found {self.found}; expected {self.expected}"


class DepotSimError(Exception):
    """`type` is a stable slug for programs, `detail` says what happened, `hint` what to do."""

    type: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str, hint: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = hint


class InvalidInput(DepotSimError):
    type = "invalid-input"
    title = "The input is not valid"

    def __init__(self, faults: Sequence[Fault], detail: str = "", hint: str = "") -> None:
        self.faults = tuple(faults)
        counted = "1 fault" if len(self.faults) == 1 else f"{len(self.faults)} faults"
        super().__init__(
            detail or f"{counted} found", hint or "mend each fault at its pointer and send the input again"
        )


class NotFound(DepotSimError):
    type = "not-found"
    title = "There is no such thing"


class Conflict(DepotSimError):
    type = "conflict"
    title = "The request clashes with the present state"


class CommandRefused(Conflict):
    type = "command-refused"
    title = "The command cannot be carried out now"


class VersionConflict(Conflict):
    type = "version-conflict"
    title = "Somebody else wrote first"

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(f"stream {stream} is no longer at version {expected}", "read it again and repeat the request")
        self.stream = stream
        self.expected = expected


class LeaseLost(Conflict):
    type = "lease-lost"
    title = "Another runner owns the run now"

    def __init__(self, run_id: str, token: int) -> None:
        detail = f"token {token} for run {run_id} is no longer valid"
        super().__init__(detail, "send the request to the run's new holder")
        self.run_id = run_id
        self.token = token


class RunHeldElsewhere(Conflict):
    type = "run-held-elsewhere"
    title = "The run is active in another process"

    def __init__(self, run_id: str, holder: str, asked: str = "") -> None:
        """`holder` is the owner name in the lease, "" when nobody is known; `asked` that of the process that was asked.

        The owner name of a service is its URL, with `#MACHINE` where other machines have the same URL.
        """
        super().__init__(f"run {run_id} is held by {holder or 'another process, or nobody'}", _way_to(holder, asked))
        self.holder = holder


def _way_to(holder: str, asked: str) -> str:
    url, _, machine = holder.partition("#")
    if not url:
        return "send the command again in a few seconds"
    if holder == asked:
        return "another process has the same URL and host name as this one: start one of the two with another --port"
    if not url.startswith("http"):
        return f"send the command again when the process {holder} has ended"
    return f"send the command to {url}" + (f" on the machine {machine}" if machine else "")


class PreconditionFailed(DepotSimError):
    type = "precondition-failed"
    title = "If-Match names another version"


class ServiceStopping(DepotSimError):
    type = "service-stopping"
    title = "The service is stopping"


class MemoryShort(DepotSimError):
    type = "memory-short"
    title = "There is not enough memory"


class MemoryReserveGone(MemoryShort):
    type = "memory-reserve-gone"
    title = "The memory is used up"


class StoreError(DepotSimError):
    type = "store-error"
    title = "The event store cannot be used"


class StoreInUse(StoreError):
    type = "store-in-use"
    title = "Another process writes to the event store"


class StoreUnreadable(StoreError):
    type = "store-unreadable"
    title = "The event store cannot be read"


class StoreTooNew(StoreError):
    type = "store-too-new"
    title = "The event store was written by a newer depot-sim"


class UnknownTopic(StoreError):
    type = "unknown-topic"
    title = "The log holds an event this version does not know"

    def __init__(self, topic: str) -> None:
        super().__init__(f"no event class for topic {topic!r}", "open the log with the newer depot-sim that wrote it")
        self.topic = topic
