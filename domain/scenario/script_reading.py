"""Reading a scenario: untyped in, a sound script out, or every fault at once with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, cast

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
from depot_sim.domain.run.commands import COMMANDS
from depot_sim.domain.scenario.script import (
    CLEAR_OVERRIDES,
    EXPECT,
    OVERRIDE,
    ClearAction,
    EntityKind,
    ExpectAction,
    OverrideAction,
    Script,
    ScriptDocument,
    Step,
    is_reference,
)

MOST_STEPS = 10_000

_OWN_FIELDS = ("at", "note")
_SHAPES: Mapping[str, type[msgspec.Struct]] = {
    **COMMANDS,
    OVERRIDE: OverrideAction,
    CLEAR_OVERRIDES: ClearAction,
    EXPECT: ExpectAction,
}
_ENTITY_KINDS: Mapping[str, tuple[EntityKind, ...]] = {
    "node": (EntityKind.NODE,),
    "managed_scope": (EntityKind.SCOPE,),
    "controller": (EntityKind.CONTROLLER,),
    "bess": (EntityKind.BESS,),
    "pv": (EntityKind.PV,),
    "charger": (EntityKind.CHARGER,),
    "connector": (EntityKind.CONNECTOR,),
    "vehicle": (EntityKind.VEHICLE,),
    "sensor": (EntityKind.SENSOR,),
    "target": (EntityKind.CHARGER, EntityKind.CONNECTOR),
}
"""Of fields that name an entity of the depot: what kinds it may be of."""


class ScriptReader:
    """Reads scenarios whose targets are those of the given protocol families.

    `families` are by the kind of their targets, `actions` are the shapes of what steps do, by their names in files.
    `document` is the shape of a scenario file.
    """

    def __init__(self, families: Iterable[Family] = ()) -> None:
        self.families: Mapping[str, Family] = {family.target_kind: family for family in families}
        own = [action for family in self.families.values() for action in family.actions.items()]
        self.actions: Mapping[str, type[msgspec.Struct]] = {**_SHAPES, **dict(own)}
        assert len(self.actions) == len(_SHAPES) + len(own), "no two families have an action of the same name"

    @cached_property
    def document(self) -> type[ScriptDocument]:
        return _document_shape((*EntityKind, *self.families))

    def read(self, raw: object) -> Script:
        """Read dicts, lists and scalars as a scenario. Raises InvalidInput with every fault."""
        reading = read(raw, self.document)
        if reading.document is None:
            reading.faults.raise_if_any()
        assert reading.document is not None, "no document means a fault"
        script = _Reading(reading.document, reading.faults, self).read(set(reading.mended))
        reading.faults.raise_if_any()
        return script

    def target_kinds(self, action: str) -> tuple[str, ...]:
        """The kinds of targets that an action may be about: those of its own family, or all."""
        own = tuple(kind for kind, family in self.families.items() if action in family.actions)
        return own or tuple(self.families)


def _document_shape(kinds: tuple[str, ...]) -> type[ScriptDocument]:
    """ScriptDocument with an enum of the kinds of need, so that reader and API description know them."""
    need_kind = cast(Any, StrEnum)("NeedKind", [(kind.upper().replace("-", "_"), kind) for kind in kinds])
    need_kind.__doc__ = "What a name of a scenario may stand for."
    shape = msgspec.defstruct(
        "ScriptDocument",
        [("needs", dict[str, need_kind], {})],  # type: ignore[valid-type]
        bases=(ScriptDocument,),
        namespace={"__doc__": ScriptDocument.__doc__},
    )
    return cast("type[ScriptDocument]", shape)


def entity_fields(step: Step) -> Iterator[tuple[str, tuple[EntityKind, ...]]]:
    """The fields of a step that name an entity of the depot, with the kinds it may be of."""
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


class _Reading:
    """Of one document."""

    def __init__(self, document: ScriptDocument, faults: Faults, reader: ScriptReader) -> None:
        self._document = document
        self._faults = faults
        self._reader = reader

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
        needs = {name: str(kind) for name, kind in document.needs.items()}
        return Script(document.name, document.description, document.depot, needs, tuple(steps), ends)

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
        if action not in self._reader.actions:
            expected = nearest_names(action, tuple(self._reader.actions))
            self._faults.add(child(at, action), f"the unknown action {quoted(action)}", expected)
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
        reading = read(written, self._reader.actions[action])
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
            self._check_kind(step.body[field], kinds, child(at, field))
        target, kinds_of_target = step.body.get("on"), self._reader.target_kinds(step.action)
        if isinstance(target, str):
            self._check_kind(target, kinds_of_target, child(at, "on"))
            if not is_reference(target):
                expected = f'a "$name" that needs declares, {_a(kinds_of_target)}'
                self._faults.add(child(at, "on"), quoted(target), expected)

    def _check_kind(self, written: str, kinds: tuple[str, ...], at: str) -> None:
        """That a name stands for something of these kinds. Ids can be checked on a depot only."""
        kind = self._document.needs.get(written[1:]) if is_reference(written) else None
        if kind is not None and kind not in kinds:
            self._faults.add(at, f"{quoted(written)}, a {kind}", _a(kinds))

    def _check_request(self, action: str, body: dict[str, Any], at: str) -> None:
        """By the words of the target's own family."""
        family = self._reader.families.get(self._document.needs.get(body["on"][1:], ""))
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


def _a(kinds: tuple[str, ...]) -> str:
    return f"a {kinds[0]}" if len(kinds) == 1 else f"a need of kind {one_of(kinds)}"
