"""Packet feeds and their history as a server tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.interventions import NamedIntervention
from depot_sim.domain.kernel.errors import Fault

_LARGEST_PAGE = 1_000


class FeedLine(msgspec.Struct):
    """What people see of a feed. `undelivered` packets wait; `reason` says why it was refused."""

    binding_id: str
    status: str
    health: str
    managed_scope_id: str = ""
    endpoint: str = ""
    profile: str = ""
    devices: int = 0
    published: int = 0
    delivered: int = 0
    undelivered: int = 0
    last_error: str = ""
    reason: str = ""
    unmapped: list[Fault] = []


class DeviceLine(msgspec.Struct):
    device_id: str
    device_type: str
    scope_id: str
    keys: list[str]
    next_seq: int
    born: bool
    undelivered: int = 0
    troubled: bool = False


class PacketLine(msgspec.Struct):
    """What people see of a packet; `at` is by the run's clock. `held_by` is what keeps it from being sent."""

    packet_id: str
    at: str
    device: str
    seq: int
    type: str
    delivery: str
    attempts: int
    status: int | None
    error: str
    deliberate: bool
    changed_by: list[NamedIntervention]
    matched_by: list[NamedIntervention]
    held_by: list[NamedIntervention]


class Truth(msgspec.Struct):
    """What a packet would say without interventions."""

    key: str
    value: msgspec.Raw
    unit: str
    quality: str


class ReadingLine(msgspec.Struct):
    """A measurand that was sent, without what differs between two runs that say the same. `truth` if it is false."""

    at: str
    type: str
    device: str
    seq: int
    key: str
    value: msgspec.Raw
    unit: str
    quality: str
    truth: Truth | None


class Header(msgspec.Struct):
    name: str
    value: str


class Attempt(msgspec.Struct):
    """`status` is null and `error` says why when there was no answer."""

    attempt: int
    recorded_at: str
    status: int | None
    latency_us: int
    headers: list[Header]
    answer: str
    error: str
    retry_ms: int | None


class WholePacket(PacketLine):
    base64: bool
    body: str
    readings: list[ReadingLine]
    left_out: list[Truth]
    told_seq: int
    delivery_attempts: list[Attempt]


class _Feeds(msgspec.Struct):
    packet_feeds: list[msgspec.Raw]


class _Devices(msgspec.Struct):
    devices: list[msgspec.Raw]


class _Page(msgspec.Struct):
    next: int | None
    packets: list[msgspec.Raw] = []
    readings: list[msgspec.Raw] = []


class _Run(msgspec.Struct):
    configuration_id: str
    configuration_version: int


class _Binding(msgspec.Struct):
    family: str
    id: str


class _Document(msgspec.Struct):
    projection_bindings: list[_Binding] = []


class _Configuration(msgspec.Struct):
    document: _Document


class PacketSource:
    """The feeds of one run. Answers are the server's JSON, for programs; people get them read as the lines above."""

    def __init__(self, client: Client, run_id: str) -> None:
        self._client = client
        self._run_id = run_id
        self._run = f"/simulation-runs/{quote(run_id, safe='')}"

    def feeds(self) -> list[msgspec.Raw]:
        """Every one that it has or had."""
        return msgspec.json.decode(self._client.get(f"{self._run}/packet-feeds"), type=_Feeds).packet_feeds

    def feed(self, binding_id: str | None) -> FeedSource:
        """This one, or the only one there is. Raises UsageError."""
        return FeedSource(self._client, f"{self._run}/packet-feeds/{quote(binding_id or self._only(), safe='')}")

    def open(self, request: Mapping[str, Any]) -> msgspec.Raw:
        return msgspec.Raw(self._client.post(f"{self._run}/packet-feeds", msgspec.json.encode(request)))

    def bindings(self) -> list[str]:
        """The packets bindings of the run's configuration."""
        run = msgspec.json.decode(self._client.get(self._run), type=_Run)
        path = f"/simulation-configurations/{quote(run.configuration_id, safe='')}"
        answer = self._client.get(f"{path}/versions/{run.configuration_version}")
        bindings = msgspec.json.decode(answer, type=_Configuration).document.projection_bindings
        return [binding.id for binding in bindings if binding.family == "packets"]

    def _only(self) -> str:
        names = [msgspec.json.decode(line, type=FeedLine).binding_id for line in self.feeds()]
        if not names:
            raise UsageError(f"run {self._run_id} has no packet feed", "open one with depot-sim packets open")
        if len(names) > 1:
            raise UsageError(f"run {self._run_id} has {len(names)} packet feeds", f"--feed one of {', '.join(names)}")
        return names[0]


class FeedSource:
    """One feed."""

    def __init__(self, client: Client, path: str) -> None:
        self._client = client
        self._path = path

    def devices(self) -> list[msgspec.Raw]:
        return msgspec.json.decode(self._client.get(f"{self._path}/devices"), type=_Devices).devices

    def close(self) -> msgspec.Raw:
        return msgspec.Raw(self._client.delete(self._path))

    def packets(self, filters: Mapping[str, str], limit: int) -> list[msgspec.Raw]:
        """The newest first."""
        return list(islice(self._pages("packets", "before", filters, limit), limit))

    def readings(self, filters: Mapping[str, str], limit: int | None) -> Iterator[msgspec.Raw]:
        """The oldest first; all of them without a limit."""
        return islice(self._pages("readings", "after", {**filters, "order": "oldest"}, limit), limit)

    def packet(self, packet_id: str) -> msgspec.Raw:
        return msgspec.Raw(self._client.get(f"{self._path}/packets/{quote(packet_id, safe='')}"))

    def resend(self, packet_id: str) -> msgspec.Raw:
        return msgspec.Raw(self._client.post(f"{self._path}/resend", msgspec.json.encode({"packet_id": packet_id})))

    def _pages(self, what: str, bound: str, filters: Mapping[str, str], limit: int | None) -> Iterator[msgspec.Raw]:
        size = _LARGEST_PAGE if limit is None else min(limit, _LARGEST_PAGE)
        query: dict[str, str | int] = {**filters, "limit": size}
        while True:
            page = msgspec.json.decode(self._client.get(f"{self._path}/{what}", query), type=_Page)
            yield from getattr(page, what)
            if page.next is None:
                return
            query[bound] = page.next
