"""A well-formed document must also make sense; every fault is told, each at its pointer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.decoding import decode_document
from depot_sim.domain.kernel.errors import InvalidInput
from tests.domain.configuration.samples import REMOVED, depot, faults_of, only_fault

BUS = "/vehicles/0"
DUTY = "/vehicles/0/duties/1"
Change = tuple[str, Any]


def duty(departs: str, returns: str, **more: Any) -> dict[str, Any]:
    return {"id": more.pop("id", "duty"), "departs": departs, "returns": returns, "energy": "1 kWh", **more}


@pytest.mark.parametrize(
    ("pointer", "changes", "expected"),
    [
        # the topology is rooted and acyclic
        ("/topology/nodes/1/parent", [("/topology/nodes/1/parent", REMOVED)], '"grid" is the root already'),
        ("/topology/nodes/1/parent", [("/topology/nodes/1/parent", "gird")], "the id of a node"),
        ("/topology/nodes/1/parent", [("/topology/nodes/1/parent", "yard")], "parents that lead to the root"),
        ("/topology/nodes/1/parent", [("/topology/nodes/1/parent", "feeder")], "parents that lead to the root"),
        ("/topology/nodes", [("/topology/nodes", []), ("/managed_scopes", [])], "one root"),
        # ids
        ("/vehicles/1/id", [("/vehicles/1/id", "bus-1")], "another id: /vehicles/0/id has this one"),
        ("/topology/nodes/2/id", [("/topology/nodes/2/id", "feeder"), ("/chargers/0/node", "grid")], "another id"),
        (f"{DUTY}/id", [(f"{DUTY}/id", "early")], "another id"),
        ("/chargers/0/connectors/1/id", [("/chargers/0/connectors/1/id", "a")], "another id"),
        ("/projection_bindings/1/id", [("/projection_bindings/1/id", "ocpp")], "another id"),
        ("/vehicles/1/vin", [("/vehicles/1/vin", "WDB9066331S123456")], "another vin"),
        # references
        ("/managed_scopes/0/node", [("/managed_scopes/0/node", "girds")], 'the id of a node, such as "grid"'),
        ("/chargers/0/node", [("/chargers/0/node", "nowhere")], "the id of a node"),
        ("/bess/0/node", [("/bess/0/node", "nowhere")], "the id of a node"),
        ("/pv/0/node", [("/pv/0/node", "nowhere")], "the id of a node"),
        ("/microgrid_controllers/0/node", [("/microgrid_controllers/0/node", "nowhere")], "the id of a node"),
        ("/vehicles/0/type", [("/vehicles/0/type", "double-decker")], "the id of a vehicle type"),
        ("/vehicles/0/connector", [("/vehicles/0/connector", "charger-1")], '"charger/connector"'),
        ("/vehicles/0/connector", [("/vehicles/0/connector", "charger-1/c")], '"charger-1/'),
        ("/sensors/0/node", [("/sensors/0/node", "nowhere")], "the id of a node"),
        ("/sensors/1/bess", [("/sensors/1/bess", "nowhere")], "the id of a BESS"),
        ("/projection_bindings/0/managed_scope", [("/projection_bindings/0/managed_scope", "x")], "a managed scope"),
        (
            "/projection_bindings/3/scenario_preset",
            [("/projection_bindings/3/scenario_preset", "x")],
            "a scenario preset",
        ),
        # bounds
        ("/topology/nodes/0/limit", [("/topology/nodes/0/limit", "0 kW")], "more than zero"),
        ("/chargers/0/rating", [("/chargers/0/rating", "0 W")], "more than zero"),
        ("/chargers/0/connectors/1/cable_limit", [("/chargers/0/connectors/1/cable_limit", "0 W")], "more than zero"),
        ("/chargers/0/efficiency", [("/chargers/0/efficiency", "0 %")], "more than zero"),
        ("/chargers/0/efficiency", [("/chargers/0/efficiency", "101 %")], "at most 100 %"),
        ("/vehicle_types/0/battery", [("/vehicle_types/0/battery", "0 kWh")], "more than zero"),
        ("/vehicle_types/0/reserve_soc", [("/vehicle_types/0/reserve_soc", "100.1 %")], "at most 100 %"),
        ("/vehicles/0/initial_soc", [("/vehicles/0/initial_soc", "250 %")], "at most 100 %"),
        ("/sensors/0/cadence", [("/sensors/0/cadence", "0 s")], "more than zero"),
        ("/sensors/0/gain_error", [("/sensors/0/gain_error", "-100 %")], "between -100 % and 100 %"),
        ("/bess/0/ramp", [("/bess/0/ramp", "0 %/s")], "more than zero"),
        ("/pv/0/peak", [("/pv/0/peak", "0 kW")], "more than zero"),
        ("/pv/0/profile/1/share", [("/pv/0/profile/1/share", "110 %")], "at most 100 %"),
        # charge curve
        (
            "/vehicle_types/0/charge_curve",
            [("/vehicle_types/0/charge_curve", [{"soc": "0 %", "power": "1 kW"}])],
            "points from 0 % to 100 %",
        ),
        (
            "/vehicle_types/0/charge_curve",
            [("/vehicle_types/0/charge_curve", [{"soc": "5 %", "power": "1 kW"}, {"soc": "100 %", "power": "1 kW"}])],
            "points from 0 % to 100 %",
        ),
        (
            "/vehicle_types/0/charge_curve/2/soc",
            [
                (
                    "/vehicle_types/0/charge_curve",
                    [{"soc": soc, "power": "1 kW"} for soc in ("0 %", "60 %", "60 %", "100 %")],
                )
            ],
            "more than 60 %",
        ),
        (
            "/vehicle_types/0/charge_curve/1/power",
            [
                (
                    "/vehicle_types/0/charge_curve",
                    [{"soc": "0 %", "power": "1 kW"}, {"soc": "100 %", "power": "0 kW"}],
                )
            ],
            "more than zero",
        ),
        # vehicles and duties
        (f"{BUS}/vin", [(f"{BUS}/vin", "WDB9066331S12345O")], "17 capital letters and digits"),
        (f"{DUTY}/returns", [(f"{DUTY}/returns", "01:10")], 'write "25:10"'),
        (f"{DUTY}/returns", [(f"{DUTY}/returns", "+25:10")], "both since the run's start"),
        (f"{DUTY}/departs", [(f"{DUTY}/departs", "48:00"), (f"{DUTY}/returns", "49:00")], 'before "48:00"'),
        (f"{DUTY}/returns", [(f"{DUTY}/returns", "63:01")], "at most 48 hours"),
        (f"{DUTY}", [(f"{DUTY}/energy", REMOVED)], "a distance, or an energy"),
        (f"{DUTY}/days", [(f"{DUTY}/days", [])], "at least one day"),
        (f"{DUTY}/days/1", [(f"{DUTY}/days", ["MON", "MON"])], "each day once"),
        (f"{DUTY}", [(f"{DUTY}/departs", "08:00")], "duties that do not overlap"),
        (f"{DUTY}", [(f"{DUTY}/returns", "29:30")], "duties that do not overlap"),
        (f"{BUS}/duties/0", [(f"{BUS}/duties", [duty("05:00", "29:30")])], "duties that do not overlap"),
        (
            f"{DUTY}/departs",
            [(f"{BUS}/duties", [duty("15:00", "16:00"), duty("05:00", "09:00", id="other")])],
            "duties in order of departure",
        ),
        (
            f"{DUTY}/departs",
            [(f"{BUS}/duties", [duty("+15:00", "+16:00"), duty("+15:30", "+17:00", id="other")])],
            'a time from "+16:00" on',
        ),
        (
            "/vehicles/1/connector",
            [("/vehicles/1/connector", "charger-1/a")],
            'vehicle "bus-1" is on it at the same time',
        ),
        # site
        (
            "/topology/nodes/1/other_load/0/at",
            [("/topology/nodes/1/other_load/0/at", "24:00")],
            "a time within the day",
        ),
        ("/pv/0/profile/1/at", [("/pv/0/profile/1/at", "06:00")], 'a time after "06:00"'),
        ("/weather/ambient/1/at", [("/weather/ambient/1/at", "+12:00")], "a time within the day"),
        ("/weather/ambient/1/temperature", [("/weather/ambient/1/temperature", "80 °C")], "between -60 °C and 60 °C"),
        (
            "/chargers/0/connectors",
            [("/chargers/0/connectors", []), (f"{BUS}/connector", None)],
            "at least one connector",
        ),
        ("/sensors/0", [("/sensors/0/node", REMOVED)], "exactly one of node, charger, bess, pv"),
        ("/sensors/0", [("/sensors/0/bess", "battery")], "exactly one of"),
        ("/sensors/0/node", [("/sensors/0/quantity", "SOC")], "a bess"),
        ("/sensors/0/node", [("/sensors/0/quantity", "AMBIENT_TEMPERATURE")], "none, because"),
        ("/bess/0/min_soc", [("/bess/0/min_soc", "95 %")], "less than max_soc, 95 %"),
        ("/bess/0/initial_soc", [("/bess/0/initial_soc", "5 %")], "from min_soc to max_soc"),
        (
            "/topology/nodes/0/fail_safe_limit",
            [("/topology/nodes/0/fail_safe_limit", REMOVED)],
            "a limit to fall back to",
        ),
        (
            "/microgrid_controllers/1/node",
            [("/microgrid_controllers/-", {"id": "second", "node": "grid"})],
            "one controller per node",
        ),
        (
            "/microgrid_controllers/0/lost_after",
            [("/microgrid_controllers/0/lost_after", "10 s")],
            "at least heartbeat_interval, 30 s",
        ),
        # projections, presets, disturbances
        ("/name", [("/name", "  ")], "a name for the depot"),
        ("/projection_bindings/0/version", [("/projection_bindings/0/version", "1.5")], "one of 1.6, 2.0.1, 2.1"),
        ("/projection_bindings/1/profile", [("/projection_bindings/1/profile", "default")], "a name and a version"),
        ("/projection_bindings/2/provider", [("/projection_bindings/2/provider", "")], "a name and a version"),
        ("/projection_bindings/3/group_id", [("/projection_bindings/3/group_id", " ")], "the id of the capacity group"),
        (
            "/projection_bindings/3/measurement_publication_mode",
            [("/projection_bindings/3/measurement_publication_mode", "BOTH")],
            "one of GROUP, ASSET",
        ),
        (
            "/projection_bindings/3/measurement_configuration",
            [("/projection_bindings/3/measurement_configuration", "SOMETIMES")],
            "one of INTERMITTENT, CONTINUOUS",
        ),
        (
            "/disturbance_profiles/0/late_returns/probability",
            [("/disturbance_profiles/0/late_returns/probability", "120 %")],
            "at most 100 %",
        ),
        (
            "/disturbance_profiles/0/late_returns/p95",
            [("/disturbance_profiles/0/late_returns/p95", "1 min")],
            "at least the median, 180 s",
        ),
        (
            "/disturbance_profiles/0/sensor_dropouts/per_day",
            [("/disturbance_profiles/0/sensor_dropouts/per_day", "2500 %")],
            "at most 2,400 %",
        ),
    ],
)
def test_a_semantic_fault_names_its_place_and_what_would_do(pointer: str, changes: list[Change], expected: str) -> None:
    faults = {fault.pointer: fault for fault in faults_of(depot(*changes))}

    assert pointer in faults, [str(fault) for fault in faults.values()]
    assert expected in faults[pointer].expected


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://host/ocpp",
        "host:9000",
        "ws://",
        "ws:///path",
        "ws://host:0",
        "ws://host:99999",
        "ws://a b/",
        "ws://[::1",
        "ws://user:secret@host/",
        "ws://user@host/",
        "ws://host/?apikey=secret",
    ],
)
def test_an_endpoint_is_an_address_with_the_familys_scheme(endpoint: str) -> None:
    fault = only_fault(depot(("/projection_bindings/0/endpoint", endpoint)))

    assert (fault.pointer, fault.expected[:36]) == (
        "/projection_bindings/0/endpoint",
        "an address that begins with ws:// or",
    )


@pytest.mark.parametrize(
    "endpoint", ["", "ws://host", "wss://host:9000/a/b?c", "ws://[::1]:80/x", "ws://10.0.0.1/?depot=1"]
)
def test_sound_endpoints_are_accepted(endpoint: str) -> None:
    decode_document(depot(("/projection_bindings/0/endpoint", endpoint)))


def test_every_cycle_is_told_once_with_its_way_round() -> None:
    rings = [{"id": name, "parent": parent} for name, parent in ("ab", "bc", "ca", "xy", "yx", "ta")]
    faults = faults_of(depot(("/topology/nodes", [*depot()["topology"]["nodes"], *rings])))

    assert [(fault.pointer, fault.found) for fault in faults] == [
        ("/topology/nodes/3/parent", "the cycle a → b → c → a"),
        ("/topology/nodes/6/parent", "the cycle x → y → x"),
    ]


def test_a_tree_too_deep_is_told_once() -> None:
    chain = [{"id": f"n{i}", "parent": f"n{i - 1}" if i else "yard"} for i in range(5_000)]

    assert (
        only_fault(depot(("/topology/nodes", [*depot()["topology"]["nodes"], *chain]))).expected == "at most 64 levels"
    )


def test_all_faults_are_told_at_once() -> None:
    faults = faults_of(
        depot(
            ("/topology/nodes/2/parent", "nowhere"),
            ("/managed_scopes/0/node", "nowhere"),
            ("/chargers/0/rating", "0 kW"),
            ("/bess/0/min_soc", "99 %"),
            (f"{DUTY}/returns", "03:00"),
        )
    )

    assert len(faults) == 5


def test_buses_may_share_a_connector_when_they_are_never_there_together() -> None:
    day, night = [duty("05:00", "18:00")], [duty("18:00", "29:00")]
    shared = ("/vehicles/1/connector", "charger-1/a")

    decode_document(depot((f"{BUS}/duties", day), shared, ("/vehicles/1/duties", night)))
    overlapping = depot((f"{BUS}/duties", day), shared, ("/vehicles/1/duties", [duty("18:01", "29:00")]))
    assert only_fault(overlapping).pointer == "/vehicles/1/connector"


def test_duties_of_different_days_and_of_adjacent_hours_do_not_overlap() -> None:
    decode_document(
        depot(
            (
                f"{BUS}/duties",
                [
                    duty("05:00", "09:00", days=["MON"]),
                    duty("09:00", "29:00", id="touching", days=["MON"]),
                    duty("04:00", "12:00", id="weekend", days=["SAT", "SUN"]),
                ],
            )
        )
    )


def test_a_duty_of_sunday_night_overlaps_one_of_monday_morning() -> None:
    duties = [duty("05:00", "09:00", days=["MON"]), duty("20:00", "30:00", id="sunday", days=["SUN"])]

    assert only_fault(depot((f"{BUS}/duties", duties))).pointer == "/vehicles/0/duties/1"


@given(st.lists(st.integers(0, 11), min_size=1, max_size=12))
def test_parents_are_accepted_exactly_when_they_form_one_tree(parents: list[int]) -> None:
    """Node i hangs on node parents[i] (taken modulo the count); node 0 is the root."""
    count = len(parents) + 1
    above = {i + 1: parent % count for i, parent in enumerate(parents)}
    nodes = [{"id": "n0"}, *({"id": f"n{i}", "parent": f"n{parent}"} for i, parent in above.items())]
    raw = {"name": "tree", "topology": {"nodes": nodes}}

    if all(_leads_to_root(node, above) for node in above):
        assert len(decode_document(raw).topology.nodes) == count
    else:
        with pytest.raises(InvalidInput, match="found"):
            decode_document(raw)


def _leads_to_root(node: int, above: dict[int, int]) -> bool:
    for _ in range(len(above) + 1):
        if node == 0:
            return True
        node = above[node]
    return False
