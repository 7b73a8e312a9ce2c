"""The mode table against the contract's own text, row by row and combination by combination."""

from __future__ import annotations

import csv
from collections import Counter
from hashlib import sha256
from itertools import product

import pytest

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.packets.measure.battery_mode import (
    INPUTS,
    Flow,
    ModeInputs,
    ModeTable,
    SocBand,
    flow_of,
    soc_band_of,
)
from depot_sim.domain.run.world.site.fail_safe import HeartbeatStatus
from depot_sim.domain.run.world.state import Control, Dispatch, PowerState
from tests.domain.packets.mode_tables import read_modes
from tests.domain.packets.profiles import DEFAULT

_TEXT = (DEFAULT / "bess_modes.csv").read_text(encoding="utf-8")
_CONTRACT_SHA256 = "f3b4a31a72d4f4ec13fcfb9e8e78933412c973f1bb381b171351fd2c78accef1"
_ROWS = list(csv.DictReader(line for line in _TEXT.splitlines() if not line.startswith("#")))
_EVERY = list(product(PowerState, HeartbeatStatus, (False, True), Control, Dispatch, Flow, SocBand))


@pytest.fixture(scope="module")
def table() -> ModeTable:
    return read_modes(_TEXT)


def _written(inputs: ModeInputs) -> dict[str, str]:
    """As the contract's file writes it."""
    words = [str(int(value)) if isinstance(value, bool) else str(value.value) for value in inputs]
    written = dict(zip(INPUTS, words, strict=True))
    return written | {"dispatch": written["dispatch"].replace("COMPLETED", "NONE")}


def _first_match(inputs: ModeInputs) -> dict[str, str]:
    written = _written(inputs)
    return next(
        row for row in _ROWS if all(row[name] == "*" or word in row[name].split("|") for name, word in written.items())
    )


def test_the_default_table_is_the_contracts_own_file() -> None:
    assert sha256(_TEXT.encode()).hexdigest() == _CONTRACT_SHA256


def test_every_combination_gives_what_the_first_matching_row_of_the_file_says(table: ModeTable) -> None:
    for inputs in map(ModeInputs._make, _EVERY):
        row, expected = table.mode(inputs), _first_match(inputs)
        assert (row.rule, row.mode) == (expected["rule"], expected["mode"])
        assert row.outputs["openadr_operating_state"] == expected["openadr_operating_state"]


def test_every_row_decides_some_combination_and_there_are_twenty_one_modes(table: ModeTable) -> None:
    decided = Counter(table.mode(ModeInputs._make(combination)).rule for combination in _EVERY)
    assert set(decided) == {row["rule"] for row in _ROWS}
    assert len(table.modes) == 21
    assert table.modes == tuple(dict.fromkeys(row["mode"] for row in _ROWS))


def test_there_are_as_many_combinations_as_the_contract_counts() -> None:
    count = 1
    for words in INPUTS.values():
        count *= len(words)
    assert count == 3_456


def test_the_deadband_is_half_a_percent_of_the_rating() -> None:
    powers = (-1_001, -1_000, 0, 1_000, 1_001)
    expected = [Flow.DISCHARGING, Flow.IDLE, Flow.IDLE, Flow.IDLE, Flow.CHARGING]
    assert [flow_of(power, 200_000) for power in powers] == expected


def test_the_bands_begin_at_the_bounds_of_use() -> None:
    expected = [SocBand.EMPTY, SocBand.EMPTY, SocBand.NORMAL, SocBand.FULL, SocBand.FULL]
    assert [soc_band_of(stored, 10, 90) for stored in (9, 10, 11, 90, 91)] == expected


def _faults(text: str) -> tuple[Fault, ...]:
    with pytest.raises(InvalidInput) as raised:
        read_modes(text)
    return raised.value.faults


def test_combinations_left_out_are_counted_with_an_example() -> None:
    (fault,) = _faults("\n".join(line for line in _TEXT.splitlines() if not line.startswith("18,")))
    assert fault.found.startswith(
        "2 combinations that no row matches, such as power_state ON, heartbeat OK, fail_safe 0"
    )


def test_a_row_that_is_never_reached_is_named_with_what_comes_before_it() -> None:
    (fault,) = _faults(_TEXT + "24,FAULT,*,*,*,*,*,*,NEVER,,,\n")
    assert (fault.pointer, fault.line) == ("bess_modes.csv/rule", 27)
    assert "rule 24, which is never reached" in fault.found
    assert "meets rule 1" in fault.found


def test_an_unknown_word_is_found_at_its_column() -> None:
    (fault,) = _faults(_TEXT.replace("9,ON,LOST,", "9,ON,GONE,"))
    assert (fault.line, fault.column, fault.found) == (12, 6, '"GONE"')


def test_a_table_without_an_input_is_refused() -> None:
    (fault,) = _faults(_TEXT.replace("soc_band,mode", "band,mode"))
    assert fault.found == "a header without soc_band"


def test_a_row_without_a_mode_is_refused() -> None:
    (fault,) = _faults(_TEXT.replace(",*,FAULT,OFF,", ",*,,OFF,"))
    assert (fault.pointer, fault.found) == ("bess_modes.csv/mode", "no mode")
