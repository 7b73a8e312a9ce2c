"""Reading a scenario: untyped in, a sound script out, or every fault at once with its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from depot_sim.domain.interaction.expectation_events import Clock, Moment
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.interaction.family import Family, nearest_names
from depot_sim.domain.interaction.override_requests import read_override_request
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, one_of, quoted, shown
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.kernel.reading import read
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.domain.run.commands import COMMANDS
from depot_sim.domain.scenario.script import (
    ACTIONS,
    CLEAR_OVERRIDES,
    EXPECT,
    OVERRIDE,
    TARGETS,
    ClearAction,
    ExpectAction,
    NeedKind,
    OverrideAction,
    Script,
    ScriptDocument,
    Step,
    is_reference,
)

MOST_STEPS = 10_000
FAMILIES: Mapping[NeedKind, Family] = {NeedKind.OSCP_SESSION: OSCP, NeedKind.PACKET_FEED: PACKETS}
"""The words of overrides and expectations, by the kind of target they are about."""

_OWN_FIELDS = ("at", "note")
_SHAPES: Mapping[str, type[msgspec.Struct]] = {
    **COMMANDS,
    OVERRIDE: OverrideAction,
    CLEAR_OVERRIDES: ClearAction,
    EXPECT: ExpectAction,
}
_ENTITY_KINDS: Mapping[str, tuple[NeedKind, ...]] = {
    "node": (NeedKind.NODE,),
    "managed_scope": (NeedKind.SCOPE,),
    "controller": (NeedKind.CONTROLLER,),
    "bess": (NeedKind.BESS,),
    "pv": (NeedKind.PV,),
    "charger": (NeedKind.CHARGER,),
    "connector": (NeedKind.CONNECTOR,),
    "vehicle": (NeedKind.VEHICLE,),
    "sensor": (NeedKind.SENSOR,),
    "target": (NeedKind.CHARGER, NeedKind.CONNECTOR),
    "on": TARGETS,
}
"""Of fields that name an entity: what kinds it may be of."""


def read_script(raw: object) -> Script:
    """Read dicts, lists and scalars as a scenario. Raises InvalidInput with every fault."""
    reading = read(raw, ScriptDocument)
    if reading.document is None:
        reading.faults.raise_if_any()
    assert reading.document is not None, "no document means a fault"
    reader = _Reader(reading.document, reading.faults)
    script = reader.read(set(reading.mended))
    reading.faults.raise_if_any()
    return script


def entity_fields(step: Step) -> Iterator[tuple[str, tuple[NeedKind, ...]]]:
    """The fields of a step that name an entity, with the kinds it may be of."""
    for field, kinds in _ENTITY_KINDS.items():
        if isinstance(step.body.get(field), str):
            yield field, kinds


def expectation_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """What scenario control is asked for, of an `expect` action."""
    request = {name: value for name, value in body.items() if name not in ("on", "within")}
    return request | {"within_ms": int(Duration.parse(body["within"]))}


def override_request(body: Mapping[str, Any]) -> dict[str, Any]:
    """What scenario control is asked for, of an `override` action."""
    return {name: value for name, value in body.items() if name != "on"}


class _Reader:
    def __init__(self, document: ScriptDocument, faults: Faults) -> None:
        self._document = document
        self._faults = faults

    def read(self, mended: set[str]) -> Script:
        document = self._document
        self._check_needs()
        if "/steps" not in mended and not 1 <= len(document.steps) <= MOST_STEPS:
            self._faults.add("/steps", f"{len(document.steps)} steps", f"1 to {MOST_STEPS:,} steps")
        steps: list[Step] = []
        for place, raw in enumerate(document.steps[:MOST_STEPS]):
            at = f"/steps/{place}"
            if at not in mended:
                steps.append(self._step(raw, at, steps[-1].at if steps else 0))
        last = steps[-1].at if steps else 0
        if document.lasts is not None and document.lasts < last:
            self._faults.add("/lasts", f"{document.lasts} ms", f"at least {last} ms, when the last step is due")
        ends = last if document.lasts is None else int(document.lasts)
        return Script(document.name, document.description, document.depot, document.needs, tuple(steps), ends)

    def _check_needs(self) -> None:
        for name in self._document.needs:
            if not name.replace("-", "").replace("_", "").isalnum():
                expected = 'a name of letters, digits, "-" and "_", without the "$"'
                self._faults.add(child("/needs", name), f"the name {quoted(name)}", expected)

    def _step(self, raw: dict[str, Any], at: str, not_before: int) -> Step:
        due, note = self._due(raw, at, not_before), self._note(raw, at)
        actions = [name for name in raw if name not in _OWN_FIELDS]
        if len(actions) != 1:
            found = " and ".join(map(quoted, actions)) or "no action"
            self._faults.add(at, found, "exactly one action beside at and note")
            return Step(due, "", {}, note)
        action = actions[0]
        if action not in ACTIONS:
            self._faults.add(child(at, action), f"the unknown action {quoted(action)}", nearest_names(action, ACTIONS))
            return Step(due, action, {}, note)
        body, asked = self._body(raw[action], action, child(at, action))
        return Step(due, action, body, note, _window(asked))

    def _due(self, raw: dict[str, Any], at: str, not_before: int) -> int:
        pointer, written = child(at, "at"), raw.get("at")
        try:
            due = int(Duration.parse(written)) if isinstance(written, str) else None
        except ValueError:
            due = None
        if due is None:
            self._faults.add(pointer, shown(written) if "at" in raw else "nothing", Duration.expected())
            return not_before
        if due < not_before:
            self._faults.add(pointer, quoted(str(written)), f"not before {not_before} ms, when the step before is due")
        return max(due, not_before)

    def _note(self, raw: dict[str, Any], at: str) -> str:
        note = raw.get("note", "")
        if not isinstance(note, str):
            self._faults.add(child(at, "note"), shown(note), "text")
            return ""
        return note

    def _body(self, raw: object, action: str, at: str) -> tuple[Mapping[str, Any], msgspec.Struct | None]:
        """As written, and as its type."""
        written = {} if raw is None else raw
        reading = read(written, _SHAPES[action])
        self._add(reading.faults.listed(), at)
        if not isinstance(written, dict):
            return {}, None
        self._check_references(written, at)
        self._check_entities(Step(0, action, written), at)
        if not reading.faults and action in (OVERRIDE, EXPECT):
            self._check_request(action, written, at)
        return written, reading.document

    def _check_references(self, value: object, at: str) -> None:
        match value:
            case str() if is_reference(value) and value[1:] not in self._document.needs:
                names = tuple(f"${name}" for name in self._document.needs)
                expected = nearest_names(value, names) if names else "a name that needs declares"
                self._faults.add(at, f"the undeclared name {quoted(value)}", expected)
            case dict():
                for key, held in value.items():
                    self._check_references(held, child(at, key))
            case list():
                for place, held in enumerate(value):
                    self._check_references(held, child(at, place))

    def _check_entities(self, step: Step, at: str) -> None:
        for field, kinds in entity_fields(step):
            written = step.body[field]
            kind = self._document.needs.get(written[1:]) if is_reference(written) else None
            if kind is not None and kind not in kinds:
                self._faults.add(child(at, field), f"{quoted(written)}, a {kind}", _a(kinds))
            if field == "on" and not is_reference(written):
                self._faults.add(child(at, field), quoted(written), f'a "$name" that needs declares, {_a(TARGETS)}')

    def _check_request(self, action: str, body: dict[str, Any], at: str) -> None:
        """By the words of the target's own family."""
        kind = self._document.needs.get(body["on"][1:])
        family = FAMILIES.get(kind) if kind is not None else None
        if family is None:
            return
        try:
            if action == OVERRIDE:
                read_override_request(override_request(body), family, 0)
            else:
                read_expectation_request(expectation_request(body), family, Moment(0, 0, 0))
        except InvalidInput as error:
            self._add([fault for fault in error.faults if fault.pointer != "/within_ms"], at)

    def _add(self, faults: list[Fault], at: str) -> None:
        for fault in faults:
            self._faults.add(f"{at}{fault.pointer}", fault.found, fault.expected)


def _window(asked: msgspec.Struct | None) -> int:
    return int(asked.within) if isinstance(asked, ExpectAction) and asked.clock is not Clock.WALL else 0


def _a(kinds: tuple[NeedKind, ...]) -> str:
    return f"a {kinds[0]}" if len(kinds) == 1 else f"a need of kind {one_of(kinds)}"
