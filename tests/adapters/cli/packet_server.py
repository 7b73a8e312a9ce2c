"""A server that answers about the packet feeds of one run, for the tests of the commands on them."""

from __future__ import annotations

from typing import Any

import httpx

RUN = "/simulation-runs/tuesday"
FEED = f"{RUN}/packet-feeds/meters"
OPEN = {
    "feed_id": "packets-tuesday-meters",
    "binding_id": "meters",
    "status": "OPEN",
    "health": "IMPAIRED",
    "checkpoint": {"run_version": 7, "at": None},
    "managed_scope_id": "site",
    "endpoint": "http://platform.example/packets",
    "profile": "default/1",
    "devices": 2,
    "published": 1_234,
    "delivered": 1_200,
    "undelivered": 34,
    "last_error": "answered 503",
}
REFUSED = {
    "binding_id": "others",
    "status": "REFUSED",
    "health": "DOWN",
    "checkpoint": {"run_version": 0, "at": None},
    "reason": "no packet profile 'x'",
}
DEVICE = {
    "device_id": "bess-1",
    "device_type": "BESS",
    "scope_id": "storage",
    "keys": ["SOC", "ACTIVE_POWER"],
    "next_seq": 1_001,
    "born": True,
}
TROUBLED = DEVICE | {"device_id": "pv-1", "undelivered": 34, "troubled": True}
PACKET = {
    "packet_id": "p-2",
    "position": 9,
    "at": "2026-03-02T12:02:00.000Z",
    "device": "bess-1",
    "seq": 1,
    "type": "TELEMETRY",
    "sent_at": "2026-03-02T12:02:00.000Z",
    "delivery": "rejected",
    "attempts": 2,
    "status": 422,
    "latency_us": 1_500,
    "error": "",
    "deliberate": True,
    "changed_by": [{"id": "o-1", "name": "wrong_unit"}],
    "matched_by": [{"id": "o-2", "name": "frozen_soc"}],
    "held_by": [],
}
WAITING = (
    PACKET
    | {"packet_id": "p-3", "seq": 2, "delivery": "pending", "status": None, "error": "refused"}
    | {"deliberate": False, "changed_by": [], "matched_by": []}
)
READING = {
    "packet_id": "p-2",
    "type": "TELEMETRY",
    "device": "bess-1",
    "seq": 1,
    "key": "SOC",
    "value": 50.2,
    "unit": "%",
    "quality": "OK",
    "at": "2026-03-02T12:02:00.000Z",
    "truth": {"key": "SOC", "value": 49, "unit": "%", "quality": "OK", "at": "2026-03-02T12:02:00.000Z"},
}
WORD = READING | {"key": "DISPATCH_STATE", "value": "NONE", "unit": "", "quality": "MISSING", "truth": None}
WHOLE = PACKET | {
    "told_seq": 1_001,
    "left_out": [{"key": "POWER", "value": 1, "unit": "W", "quality": "OK", "at": "2026-03-02T12:02:00.000Z"}],
    "readings": [READING, WORD],
    "body": '{"seq":1}',
    "base64": False,
    "delivery_attempts": [
        {
            "attempt": 1,
            "outcome": "pending",
            "recorded_at": "2026-11-21T10:00:00.000000Z",
            "status": None,
            "latency_us": 0,
            "headers": [],
            "answer": "",
            "error": "connection refused",
            "retry_ms": 512,
        },
        {
            "attempt": 2,
            "outcome": "rejected",
            "recorded_at": "2026-11-21T10:00:01.000000Z",
            "status": 422,
            "latency_us": 1_500,
            "headers": [{"name": "Content-Type", "value": "text/plain"}],
            "answer": "no such key",
            "error": "",
            "retry_ms": None,
        },
    ],
}


class Server:
    """Answers by method and path, the last one for good, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: dict[str, list[Any]] = {
            f"GET {RUN}": [{"configuration_id": "c 1", "configuration_version": 3}],
            "GET /simulation-configurations/c 1/versions/3": [
                {
                    "document": {
                        "projection_bindings": [{"family": "packets", "id": "meters"}, {"family": "x", "id": "y"}]
                    }
                }
            ],
            f"GET {RUN}/packet-feeds": [{"packet_feeds": [OPEN]}],
            f"POST {RUN}/packet-feeds": [OPEN],
            f"GET {FEED}/devices": [{"devices": [DEVICE, TROUBLED]}],
            f"DELETE {FEED}": [OPEN | {"status": "CLOSING"}],
            f"GET {FEED}/packets": [{"packets": [WAITING, PACKET], "next": None}],
            f"GET {FEED}/packets/p-2": [WHOLE],
            f"GET {FEED}/readings": [{"readings": [READING, WORD], "next": None}],
            f"POST {FEED}/resend": [OPEN],
        }

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answers = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(200, json=answers.pop(0) if len(answers) > 1 else answers[0])

    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.path}" for request in self.asked]

    def query(self) -> dict[str, str]:
        """Of the last request."""
        return dict(self.asked[-1].url.params)
