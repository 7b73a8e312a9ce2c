"""BESS_OPERATIONAL_MODE: a truth table over the battery's state, of which the first row that matches tells the mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import product
from typing import NamedTuple

import msgspec

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.problems import Faults, one_of, quoted
from depot_sim.domain.packets.contract.tables import Row, read_table
from depot_sim.domain.run.world.site.fail_safe import HeartbeatStatus
from depot_sim.domain.run.world.state import Control, Dispatch, PowerState

FILE = "bess_modes.csv"
_ANY = "*"
_DEADBAND = 200
"""1 / 0.5 %: power up to this part of the rating counts as none."""


class Flow(StrEnum):
    """Which way power goes through the battery."""

    CHARGING = "CHARGING"
    DISCHARGING = "DISCHARGING"
    IDLE = "IDLE"


class SocBand(StrEnum):
    EMPTY = "EMPTY"
    NORMAL = "NORMAL"
    FULL = "FULL"


class ModeInputs(NamedTuple):
    """What the mode is a function of. `dispatch` COMPLETED counts as NONE."""

    power_state: PowerState
    heartbeat: HeartbeatStatus
    fail_safe: bool
    control: Control
    dispatch: Dispatch
    direction: Flow
    soc_band: SocBand


class ModeRow(msgspec.Struct, frozen=True):
    """One row: its rule, the mode, and what the row says in other standards' words, by column."""

    rule: str
    mode: str
    outputs: Mapping[str, str]
    line: int = 0


_Words = tuple[str, ...]
INPUTS: Mapping[str, _Words] = {
    "power_state": tuple(state.value for state in PowerState),
    "heartbeat": tuple(status.value for status in HeartbeatStatus),
    "fail_safe": ("0", "1"),
    "control": tuple(control.value for control in Control),
    "dispatch": tuple(dispatch.value for dispatch in Dispatch if dispatch is not Dispatch.COMPLETED),
    "direction": tuple(Flow),
    "soc_band": tuple(SocBand),
}
"""The columns of the table and the words of each, in the order of ModeInputs."""
COLUMNS = ("rule", *INPUTS, "mode")


class ModeTable:
    """A complete table, looked up in one step."""

    def __init__(self, rows: Sequence[ModeRow], matching: Mapping[_Words, int]) -> None:
        self.rows = tuple(rows)
        self._row_of = {inputs: self.rows[matching[_words(inputs)]] for inputs in _all_inputs()}

    @property
    def modes(self) -> tuple[str, ...]:
        """Every mode once, in the table's order."""
        return tuple(dict.fromkeys(row.mode for row in self.rows))

    def mode(self, inputs: ModeInputs) -> ModeRow:
        """The first row that matches; there always is one."""
        return self._row_of[inputs]


def flow_of(power_w: int, rating_w: int) -> Flow:
    """IDLE within 0.5 % of the rating; `power_w` is positive while charging."""
    if abs(power_w) * _DEADBAND <= rating_w:
        return Flow.IDLE
    return Flow.CHARGING if power_w > 0 else Flow.DISCHARGING


def soc_band_of(stored_mj: int, empty_mj: int, full_mj: int) -> SocBand:
    """EMPTY at the lower bound of use and below, FULL at the upper one and above."""
    if stored_mj <= empty_mj:
        return SocBand.EMPTY
    return SocBand.FULL if stored_mj >= full_mj else SocBand.NORMAL


def modes_in(text: str, faults: Faults) -> ModeTable | None:
    """The table in `text`. None, and faults, unless every combination is covered and every row is reached."""
    own = Faults()
    rows = read_table(FILE, text, COLUMNS, own)
    patterns = [_pattern(row, own) for row in rows]
    if not own:
        matching = _first_matches(patterns)
        own.extend(_uncovered(matching))
        own.extend(_dead(rows, patterns, matching))
    if own:
        faults.extend(own.listed())
        return None
    return ModeTable([_mode_row(row) for row in rows], matching)


def _pattern(row: Row, faults: Faults) -> list[_Words]:
    """The words each input may have in this row."""
    if not row.text("mode"):
        faults.append(row.fault("mode", "no mode", "the mode this row gives"))
    return [_alternatives(row, name, words, faults) for name, words in INPUTS.items()]


def _alternatives(row: Row, name: str, words: _Words, faults: Faults) -> _Words:
    if row.text(name) == _ANY:
        return words
    alternatives = tuple(part.strip() for part in row.text(name).split("|"))
    for word in alternatives:
        if word not in words:
            faults.append(row.fault(name, quoted(word), f"{_ANY}, or {one_of(words)}, several with | between them"))
    return alternatives


def _first_matches(patterns: Sequence[Sequence[_Words]]) -> dict[_Words, int]:
    """Which row, by its place, is the first to match each combination that is covered."""
    first: dict[_Words, int] = {}
    for place, pattern in enumerate(patterns):
        for combination in product(*pattern):
            first.setdefault(combination, place)
    return first


def _uncovered(matching: Mapping[_Words, int]) -> Iterator[Fault]:
    missing = [combination for combination in product(*INPUTS.values()) if combination not in matching]
    if missing:
        found = f"{len(missing)} combinations that no row matches, such as {_listed(missing[0])}"
        yield Fault(FILE, found, "a row for every combination; * stands for any word")


def _dead(rows: Sequence[Row], patterns: Sequence[Sequence[_Words]], matching: Mapping[_Words, int]) -> Iterator[Fault]:
    alive = set(matching.values())
    for place, row in enumerate(rows):
        if place not in alive:
            example = next(product(*patterns[place]))
            before = rows[matching[example]]
            found = (
                f"rule {row.text('rule')}, which is never reached: {_listed(example)} meets rule {before.text('rule')}"
            )
            expected = f"a row that some combination reaches first; rule {before.text('rule')} is in line {before.line}"
            yield row.fault("rule", found, expected)


def _listed(combination: _Words) -> str:
    return ", ".join(f"{name} {word}" for name, word in zip(INPUTS, combination, strict=True))


def _mode_row(row: Row) -> ModeRow:
    others = {name: cell.text for name, cell in row.cells.items() if name not in COLUMNS}
    return ModeRow(row.text("rule"), row.text("mode"), others, row.line)


def _all_inputs() -> Iterator[ModeInputs]:
    for combination in product(PowerState, HeartbeatStatus, (False, True), Control, Dispatch, Flow, SocBand):
        yield ModeInputs(*combination)


def _words(inputs: ModeInputs) -> _Words:
    """As the table writes them."""
    dispatch = Dispatch.NONE if inputs.dispatch is Dispatch.COMPLETED else inputs.dispatch
    named = inputs._replace(dispatch=dispatch)
    return tuple(str(int(value)) if isinstance(value, bool) else value.value for value in named)
