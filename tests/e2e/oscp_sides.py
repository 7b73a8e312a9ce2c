"""The two sides of an OSCP connection as a test sees them: each over the control API of its own process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import httpx

from tests.patience import looks, patient

T = TypeVar("T")

PATIENCE_SECONDS = patient(60)
_NEXT_TO_NOTHING = timedelta(milliseconds=200)


class Entry(NamedTuple):
    """One message as the simulator's ledger has it; `changed_by` are the interventions that changed it, by name."""

    direction: str
    outcome: str
    status: int | None
    changed_by: tuple[str, ...]


BY_HAND, FORCED = "send-message", "force-state"
"""Commands that are interventions."""


def received(outcome: str, status: int | None = None, by: str = "") -> Entry:
    return Entry("inbound", outcome, status, (by,) if by else ())


def sent(outcome: str, status: int | None = None, by: str = "") -> Entry:
    return Entry("outbound", outcome, status, (by,) if by else ())


def eventually(read: Callable[[], T], holds: Callable[[T], bool]) -> T:
    """What is read once it is as it should be."""
    for _ in looks():
        if holds(found := read()):
            return found
    raise AssertionError(f"it does not come; the last that was read is {found}")


class CapacityProvider:
    """One session of the simulator."""

    def __init__(self, http: httpx.Client, run_id: str, session_id: str) -> None:
        self._http = http
        self.url = str(http.base_url).rstrip("/")
        self.run_id = run_id
        self.session_id = session_id
        self.path = f"/simulation-runs/{run_id}/oscp-sessions/{session_id}"

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self._http.request(method, self.path + path, json=body)

    def order(self, command: str, **body: Any) -> Any:
        """A command that is carried out."""
        return _done(self.call("POST", f"/commands/{command}", body))

    def refused(self, command: str, **body: Any) -> str:
        """Why a command that does not fit the session's state was not carried out."""
        answer = self.call("POST", f"/commands/{command}", body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["detail"])

    # How it stands

    def close(self) -> None:
        assert self.call("DELETE", "").status_code == 204

    def state(self) -> Any:
        return _done(self.call("GET", ""))

    @property
    def lifecycle(self) -> str:
        return str(self.state()["state"])

    def waits(self, lifecycle: str) -> None:
        """Until it is in this state, and the log says so as well."""
        eventually(lambda: (self.lifecycle, self._listed()["state"]), lambda found: found == (lifecycle, lifecycle))

    def cause(self) -> str:
        """Why the lifecycle changed last."""
        return str(self._listed()["cause"])

    def _listed(self) -> Any:
        listed = _done(self._http.get("/oscp-sessions", params={"run": self.run_id, "limit": 1000}))["sessions"]
        return next(session for session in listed if session["session_id"] == self.session_id)

    # What it does on purpose

    def override(self, mode: str, **bounds: Any) -> str:
        """Put a named failure into force; its name."""
        changed = _done(self.call("PATCH", "/overrides", {"mode": mode, **bounds}))
        assert changed["override_state"] == "active"
        return mode

    def clear(self) -> None:
        assert _done(self.call("PATCH", "/overrides", {"clear": "all"}))["override_state"] == "cleared"

    def falls_silent(self) -> None:
        """One more heartbeat, which is good for next to nothing, and none after it: the partner need not wait long."""
        self.order("switch-heartbeats", sending=False)
        ends = datetime.now(UTC) + _NEXT_TO_NOTHING
        assert self.order("send-heartbeat", offline_mode_at=ends.isoformat(timespec="milliseconds"))["status"] == 204

    def hears_nothing(self, message_type: str, within_ms: int) -> None:
        """No such message comes for so long, not even one that is refused."""
        asked = {"messages": [{"message_types": [message_type]}], "never": True, "within_ms": within_ms}
        raised = self.call("POST", "/expectations", asked)
        assert raised.status_code == 201, raised.text
        settled = _done(self.call("GET", f"/expectations/{raised.json()['expectation_id']}?wait=30"))
        assert settled["verdict"] == "met", settled

    # Its ledger

    def messages(self, message_type: str, **wanted: Any) -> list[Any]:
        """The oldest first."""
        wanted = {"message_type": message_type, "order": "oldest", "limit": 1000, **wanted}
        answer = self._http.get(f"{self.path}/messages", params=wanted)
        messages: list[Any] = _done(answer)["messages"]
        assert all(message["deliberate"] == bool(message["changed_by"]) for message in messages)
        return messages

    def ledger(self, message_type: str, **wanted: Any) -> list[Entry]:
        """The oldest first, once none of them is under way any more."""

        def entries() -> list[Entry]:
            return [_entry(message) for message in self.messages(message_type, **wanted)]

        return eventually(entries, lambda found: all(entry.outcome != "pending" for entry in found))

    def notes(self, message_type: str, entry: Entry) -> Any:
        """The first message with such an entry, whole, once there is one."""
        found = eventually(
            lambda: [one for one in self.messages(message_type) if _entry(one) == entry],
            bool,
        )
        return _done(self.call("GET", f"/messages/{found[0]['ledger_entry_id']}"))


class FlexibilityProvider:
    """One connection of the stand-in."""

    def __init__(self, http: httpx.Client, configuration_id: str, profile: dict[str, Any]) -> None:
        self._http = http
        self._profile = profile
        self.path = f"/control/connections/{configuration_id}"
        self.configure()

    def configure(self, **changes: Any) -> None:
        """Begin anew, with this profile."""
        _done(self._http.put(self.path, json={**self._profile, **changes}))

    def close(self) -> None:
        assert self._http.delete(self.path).status_code == 204

    def order(self, name: str, **body: Any) -> Any:
        """An order that is carried out. Of a message: how it was answered."""
        return _done(self._http.post(f"{self.path}/{name}", json=body))

    def refused(self, name: str, **body: Any) -> str:
        """Why an order that does not fit the connection's state was not carried out."""
        answer = self._http.post(f"{self.path}/{name}", json=body)
        assert answer.status_code == 409, answer.text
        return str(answer.json()["message"])

    def misbehave(self, message: str, action: str, direction: str, **more: Any) -> None:
        rule = {"direction": direction, "message": message, "action": action, **more}
        _done(self._http.put(f"{self.path}/misbehaviour", json={"rules": [rule]}))

    def suffer_outage(self) -> None:
        """From now on nothing gets through to it or from it."""
        _done(self._http.put(f"{self.path}/misbehaviour", json={"outage": True}))

    def state(self) -> Any:
        return _done(self._http.get(self.path))

    @property
    def lifecycle(self) -> str:
        return str(self.state()["lifecycle"])

    def waits(self, **wanted: Any) -> Any:
        """Its state once its lifecycle, mode and source are these."""
        return _done(self._http.get(f"{self.path}/wait", params={**wanted, "timeout": PATIENCE_SECONDS}))

    def last_heartbeat(self, accepted: bool) -> Any:
        """The latest one sent, once it was answered so."""
        state = eventually(
            self.state, lambda state: bool(beat := state["last_heartbeat_sent"]) and beat["accepted"] is accepted
        )
        return state["last_heartbeat_sent"]

    def messages(self) -> list[Any]:
        """Everything it has sent and received, the oldest first."""
        messages: list[Any] = _done(self._http.get(f"{self.path}/messages"))["messages"]
        return messages

    def passed_through(self) -> list[str]:
        """The lifecycles it has been in, in order; whether the state was forced is left out."""
        lifecycles = {"configured", "awaiting-acknowledge", "handshaken", "online", "offline"}
        return [entry["event"] for entry in self.state()["audit"] if entry["event"] in lifecycles]

    def told(self) -> list[str]:
        """What its operators were notified of, in order."""
        return [notification["event"] for notification in self.state()["notifications"]]


def _entry(message: Any) -> Entry:
    return Entry(message["direction"], message["outcome"], message["status"], changed_by(message))


def changed_by(message: Any) -> tuple[str, ...]:
    """The names of the interventions that changed a message."""
    return tuple(one["name"] for one in message["changed_by"])


def _done(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, (
        f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    )
    return answer.json()
