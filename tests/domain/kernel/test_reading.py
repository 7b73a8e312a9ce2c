"""Untyped values become a typed document, or every structural fault is told at its pointer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.configuration.document import (
    AllocationPolicy,
    OscpCapacityProviderBinding,
    SimulationConfigurationDocument,
    Weekday,
)
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import LISTED
from depot_sim.domain.kernel.reading import read
from tests.domain.configuration.samples import REMOVED, depot, faults_of, only_fault

DEEPEST = 32
MOST_VALUES = 100_000
MOST_ITEMS = 100_000

ID = "an id: at most 64 letters"
POWER = 'a power in W, kW, MW, such as "150 kW"'
NODE = "/topology/nodes/1"


class Pace(msgspec.Struct):
    speed: str | int = "1"


class Kept(msgspec.Struct):
    secret: str


class Letter(msgspec.Struct):
    body: Any = None
    capacity: int | float | str = 0
    profile: str | dict[str, Any] = ""
    headers: dict[str, str | Kept | None] = {}


def test_a_sound_depot_decodes_into_base_units() -> None:
    document = decode_document(depot())

    assert document.topology.nodes[0].limit == 200_000
    assert document.vehicles[0].duties[0].distance == 80_000_000
    assert document.vehicles[0].duties[1].returns.ms == 25 * 3_600_000 + 600_000
    assert document.weather.ambient[0].temperature == -5_000


def test_what_is_left_out_gets_its_default() -> None:
    vehicle = decode_document(depot()).vehicles[1]

    assert (vehicle.initial_soc, vehicle.target_soc, vehicle.duties) == (800_000, 950_000, ())


def test_enums_unions_and_lists_are_typed() -> None:
    document = decode_document(depot((f"{NODE}/allocation", "PRIORITY"), ("/vehicles/0/duties/0/days", ["SAT", "SUN"])))

    assert document.topology.nodes[1].allocation is AllocationPolicy.PRIORITY
    assert document.vehicles[0].duties[0].days == (Weekday.SAT, Weekday.SUN)
    assert isinstance(document.projection_bindings[3], OscpCapacityProviderBinding)


def test_null_stands_for_what_may_be_missing() -> None:
    assert decode_document(depot((f"{NODE}/limit", None))).topology.nodes[1].limit is None


@pytest.mark.parametrize(
    ("pointer", "value", "found", "expected"),
    [
        ("/name", 7, "the number 7", "text, in quotes"),
        ("/name", None, "null", "text"),
        ("/name", "half a \ud800 pair", '"half a', "text without control characters"),
        ("/name", "a\x00b", '"a', "text without control characters"),
        ("/description", "x" * 10_001, '"xxx', "at most 10,000 characters"),
        (f"{NODE}/id", "no spaces", '"no spaces"', ID),
        (f"{NODE}/id", "line\n", '"line', ID),
        (f"{NODE}/limit", 150, "the number 150 without a unit", POWER),
        (f"{NODE}/limit", 1.5, "the number 1.5 without a unit", POWER),
        (f"{NODE}/limit", "150", '"150"', POWER),
        (f"{NODE}/limit", "150 kWh", '"150 kWh"', POWER),
        (f"{NODE}/limit", "-1 kW", '"-1 kW"', "not below zero"),
        (f"{NODE}/limit", "999999999999999999 MW", '"999999999999999999 MW"', "of a size that exists"),
        (f"{NODE}/limit", "1" * 500 + " kW", '"111', POWER),
        (f"{NODE}/limit", True, "true", POWER),
        (f"{NODE}/limit", [], "an empty list", POWER),
        (f"{NODE}/kind", "TRANSFORMER", '"TRANSFORMER"', "one of GRID_CONNECTION, SWITCHBOARD, FEEDER, CIRCUIT"),
        (f"{NODE}/kind", 1, "the number 1", "one of GRID_CONNECTION"),
        (f"{NODE}/other_load", {}, "an object", "a list"),
        (f"{NODE}/other_load/0", 5, "the number 5", "an object with at, power"),
        ("/vehicles/1/priority", "high", '"high"', "a whole number"),
        ("/vehicles/1/priority", True, "true", "a whole number"),
        ("/vehicles/1/priority", 1.0, "the number 1.0", "a whole number"),
        ("/vehicles/1/priority", 2**60, "the number 1152921504606846976", "a whole number within"),
        ("/vehicles/1/priority", 10**70, "the number of more than 60 digits", "a whole number within"),
        ("/vehicle_types/0/climate_control", "yes", '"yes"', "true or false"),
        ("/vehicles/0/duties/0/departs", 330, "the number 330", "a time of day"),
        ("/vehicles/0/duties/0/departs", "5 am", '"5 am"', "a time of day"),
        ("/vehicles/0/duties/0/days/0", "MONDAY", "", "one of MON, TUE, WED, THU, FRI, SAT, SUN"),
        ("/weather", "warm", '"warm"', "an object with ambient"),
        ("/vehicles", {"bus-1": {}}, "an object", "a list"),
        ("/vehicles", [None] * (MOST_ITEMS + 1), "a list of", "at most 100,000 entries"),
        ("/projection_bindings/0/family", "modbus", '"modbus"', "one of ocpp, packets, telematics, oscp"),
        ("/projection_bindings/0/family", REMOVED, "nothing", "one of ocpp, packets, telematics, oscp"),
        ("/projection_bindings/0", "ocpp", '"ocpp"', "an object with family and more"),
        ("/scenario_presets/0/settings", [], "an empty list", "an object"),
        ("/scenario_presets/0/settings/x", float("nan"), "the number nan", "a finite number"),
        ("/scenario_presets/0/settings/x", 2**70, "the number", "a whole number within"),
        ("/scenario_presets/0/settings/x", b"bytes", "a value of type bytes", "null, true, false, a number"),
        ("/scenario_presets/0/settings/x", "\udfff", "", "text without control characters"),
    ],
)
def test_a_structural_fault_names_its_place_what_was_found_and_what_would_do(
    pointer: str, value: Any, found: str, expected: str
) -> None:
    spoiled = depot(("/vehicles/0/duties/0/days", ["MON"]), (pointer, value))
    fault = only_fault(spoiled)

    assert fault.pointer == pointer
    assert fault.found.startswith(found)
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("pointer", "expected"),
    [
        ("/name", "text"),
        ("/topology", "an object with nodes"),
        ("/topology/nodes", "a list"),
        ("/topology/nodes/1/id", ID),
        ("/managed_scopes/0/node", ID),
        ("/vehicles/0/duties/0/departs", "a time of day"),
        ("/projection_bindings/3/group_id", "text"),
        ("/disturbance_profiles/0/late_returns/probability", 'a share in %, such as "80 %"'),
    ],
)
def test_a_missing_field_is_told_with_what_belongs_there(pointer: str, expected: str) -> None:
    fault = only_fault(depot((pointer, REMOVED)))

    assert (fault.pointer, fault.found) == (pointer, "nothing")
    assert expected in fault.expected


def test_an_unknown_field_is_told_with_the_nearest_known_one() -> None:
    fault = only_fault(depot(("/vehicle_types/0/capacty", "400 kWh"), ("/vehicle_types/0/capacty", "1 kWh")))
    near = only_fault(depot(("/vehicle_types/0/batery", "400 kWh")))

    assert fault.expected.startswith("only id, name, battery")
    assert (near.pointer, near.expected) == ("/vehicle_types/0/batery", '"battery"?')


def test_a_field_of_another_binding_family_is_unknown() -> None:
    assert only_fault(depot(("/projection_bindings/2/endpoint", "x"))).pointer == "/projection_bindings/2/endpoint"


def test_pointers_are_escaped_by_rfc_6901() -> None:
    assert only_fault(depot(("/topology/nodes/0/a~1b~0c", 1))).pointer == "/topology/nodes/0/a~01b~00c"


def test_a_field_name_that_is_no_text_is_unknown() -> None:
    numbered: dict[Any, Any] = dict(depot())
    numbered[7] = 1

    assert "the number 7" in only_fault(numbered).found
    assert only_fault(depot(("/scenario_presets/0/settings", {1: 2}))).expected == "a text"


@pytest.mark.parametrize("value", [None, [], "depot", 3, True, 2.5])
def test_a_document_is_an_object(value: object) -> None:
    assert only_fault(value).pointer == ""


def test_structural_and_semantic_faults_come_together() -> None:
    pointers = {
        fault.pointer
        for fault in faults_of(
            depot(("/chargers/0/rating", 150), ("/managed_scopes/0/node", "nowhere"), ("/sensors/0/cadence", "0 s"))
        )
    }

    assert pointers == {"/chargers/0/rating", "/managed_scopes/0/node", "/sensors/0/cadence"}


def test_what_follows_from_a_structural_fault_is_not_told_as_well() -> None:
    """A node without a sound id is not also missing from the scopes, chargers and parents that name it."""
    assert only_fault(depot(("/topology/nodes/0/id", 7))).pointer == "/topology/nodes/0/id"
    assert only_fault(depot(("/chargers", 7))).pointer == "/chargers"
    assert only_fault(depot(("/chargers/0/connectors/0/id", REMOVED))).pointer == "/chargers/0/connectors/0/id"
    assert only_fault(depot(("/vehicles/0/duties/0/returns", "9"))).pointer == "/vehicles/0/duties/0/returns"


def test_only_the_first_faults_are_listed_the_rest_are_counted() -> None:
    with pytest.raises(InvalidInput, match="1001 faults found") as refused:
        decode_document(depot(("/vehicles", [7] * 1001)))

    assert len(refused.value.faults) == LISTED + 1
    assert refused.value.faults[-1].found == "801 more faults"


def test_deep_nesting_is_a_fault_wherever_it_is() -> None:
    deep: Any = "x"
    for _ in range(100_000):
        deep = [deep]

    assert only_fault(depot(("/name", deep))).pointer == "/name"
    settings = only_fault(depot(("/scenario_presets/0/settings/x", deep)))
    assert settings.expected == f"at most {DEEPEST} levels"


def test_free_form_settings_have_a_budget() -> None:
    assert only_fault(depot(("/scenario_presets/0/settings/x", [0] * MOST_VALUES))).found == "one value too many"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | st.integers(), inner, max_size=4),
    max_leaves=12,
)


@given(json_like)
def test_any_value_decodes_or_is_refused_and_nothing_else(value: object) -> None:
    _decodes_or_refuses(value)


@given(st.data())
def test_any_value_anywhere_in_a_sound_depot_decodes_or_is_refused(data: st.DataObject) -> None:
    raw = depot()
    holder: Any = raw
    while True:
        token = data.draw(st.sampled_from(list(holder) if isinstance(holder, dict) else range(len(holder))))
        inner = holder[token]
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            holder[token] = data.draw(json_like | st.sampled_from(["0 kW", "25:10", "+01:00", "site", "grid", "0 %"]))
            break
        holder = inner

    _decodes_or_refuses(raw)


@pytest.mark.parametrize("speed", ["fast", 2])
def test_a_text_or_a_whole_number_is_taken_as_it_is(speed: str | int) -> None:
    reading = read({"speed": speed}, Pace)
    assert (reading.document, reading.mended) == (Pace(speed), ())


@pytest.mark.parametrize(("speed", "mend"), [(True, ""), (None, ""), ([], ""), ({}, ""), (1.5, "; write it in quotes")])
def test_what_is_neither_text_nor_a_whole_number_is_told(speed: object, mend: str) -> None:
    reading = read({"speed": speed}, Pace)
    assert reading.document == Pace()
    with pytest.raises(InvalidInput) as refused:
        reading.faults.raise_if_any()
    (fault,) = refused.value.faults
    assert (fault.pointer, fault.expected) == ("/speed", f"text or a whole number{mend}")


@pytest.mark.parametrize("body", [None, True, 7, 0.5, "text", [1, {"a": None}], {"a": [[]]}])
def test_anything_is_taken_where_anything_may_stand(body: object) -> None:
    assert read({"body": body}, Letter).document == Letter(body)


@pytest.mark.parametrize("capacity", [500, 500.0, "500"])
def test_a_number_or_its_text_is_taken_as_it_is_written(capacity: object) -> None:
    document = read({"capacity": capacity}, Letter).document
    assert document is not None
    assert (document.capacity, type(document.capacity)) == (capacity, type(capacity))


@pytest.mark.parametrize("profile", ["vector", {"base": "vector", "statuses": {"size": 413}}])
def test_a_name_or_an_object_is_taken_as_it_is_written(profile: object) -> None:
    assert read({"profile": profile}, Letter).document == Letter(profile=profile)  # type: ignore[arg-type]


def test_the_values_of_a_mapping_are_typed() -> None:
    document = read({"headers": {"A": "x", "B": {"secret": "env:B"}, "C": None}}, Letter).document
    assert document == Letter(headers={"A": "x", "B": Kept("env:B"), "C": None})


def test_every_faulty_value_and_name_of_a_mapping_is_told() -> None:
    reading = read({"headers": {"A": 1, "B": {}, "\0": "x", 7: "y"}}, Letter)
    with pytest.raises(InvalidInput) as refused:
        reading.faults.raise_if_any()
    assert [fault.pointer for fault in refused.value.faults] == [
        "/headers/A",
        "/headers/B/secret",
        "/headers",
        "/headers",
    ]


@pytest.mark.parametrize(("field", "value"), [("capacity", True), ("capacity", []), ("profile", 7), ("headers", [])])
def test_what_no_member_of_a_union_is_written_like_is_told(field: str, value: object) -> None:
    reading = read({field: value}, Letter)
    assert reading.document == Letter()
    assert reading.mended == (f"/{field}",)


def _decodes_or_refuses(raw: object) -> None:
    faults: tuple[Fault, ...] = ()
    try:
        decoded = decode_document(raw)
    except InvalidInput as refused:
        faults = refused.faults
    else:
        assert isinstance(decoded, SimulationConfigurationDocument)
        return
    assert faults
    assert all(fault.found and fault.expected for fault in faults)
