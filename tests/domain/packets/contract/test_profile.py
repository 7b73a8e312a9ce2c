"""Profiles: the contract's own tables, replacing them, and every fault at once where it is."""

from __future__ import annotations

from hashlib import sha256

import pytest

from depot_sim.domain.packets.contract.profile import read_profile
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure.sources import SOURCES
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType
from tests.domain.packets.profiles import changed, default_files, faults_of, profile_with

_CONTRACT = {
    "measurands.csv": "14ad24e619148041536353a03d60c1c3e89630b3ad5eb1d9179e1729bd72f58e",
    "packet.schema.json": "a23a3b37885245acf943449711ec7a22acab54c6be5d85380e1003e7187f4735",
}
_ADDED = (
    "ACTIVE_POWER_L2",
    "ACTIVE_POWER_L3",
    "VOLTAGE_L2N",
    "VOLTAGE_L3N",
    "VOLTAGE_L1L2",
    "CURRENT_L2",
    "CURRENT_L3",
)
_EIGHT = {
    "AVAILABLE_CHARGING_CAPACITY": "kW",
    "FAIL_SAFE_CAPACITY": "kW",
    "HEARTBEAT_STATUS": "",
    "DISPATCH_STATE": "",
    "LIMIT_DER_EXPORT": "kW",
    "SOC": "%",
    "DEVICE_POWER_STATE": "",
    "BESS_OPERATIONAL_MODE": "",
}
_HEADER = "key,scope,type,unit_ucum,min,max,resolution,cadence_s,on_change,source\n"


@pytest.mark.parametrize("file", _CONTRACT)
def test_the_default_profile_has_the_contracts_lines_to_the_byte(file: str) -> None:
    added = tuple(f"{key}," for key in _ADDED)
    lines = [line for line in default_files()[file].splitlines(keepends=True) if not line.startswith(added)]
    assert sha256("".join(lines).encode()).hexdigest() == _CONTRACT[file]


def test_the_eight_keys_are_exact_and_a_controller_sends_them() -> None:
    measurands = read_profile(default_files()).measurands
    assert {key: measurands[key].unit for key in _EIGHT} == _EIGHT
    assert all(DeviceType.MICROGRID_CONTROLLER in measurands[key].device_types for key in _EIGHT)


def test_every_source_can_be_sent_by_some_device_of_the_default_profile() -> None:
    for measurand in read_profile(default_files()).measurands.values():
        assert measurand.device_types
        assert SOURCES[measurand.source].kinds <= set(EntityKind)


def test_a_profile_is_named_by_name_and_version_and_told_apart_by_content() -> None:
    profile, other = read_profile(default_files()), read_profile(changed("envelope.json", '"unit?"', '"unit"'))
    assert profile.name == other.name == "default/1"
    assert profile.sha256 != other.sha256
    assert profile.sha256 == read_profile(dict(reversed(default_files().items()))).sha256


def test_keys_may_be_other_keys_of_the_same_sources() -> None:
    rows = "batteryCharge,bess,number,[ppth],0,1000,1,60,,SOC\nok?,site,enum,,,,,0,yes,HEARTBEAT_STATUS\n"
    measurands = profile_with(measurands=_HEADER + rows).measurands
    assert {key: measurand.source for key, measurand in measurands.items()} == {
        "batteryCharge": "SOC",
        "ok?": "HEARTBEAT_STATUS",
    }
    assert bytes(measurands["batteryCharge"].measurement("batteryCharge", 555_500).value) == b"556"
    assert measurands["ok?"].cadence_ms is None


@pytest.mark.parametrize(
    ("casing", "key"),
    [
        ("as_written", "LIMIT_DER_EXPORT"),
        ("lower_snake", "limit_der_export"),
        ("camelCase", "limitDerExport"),
        ("PascalCase", "LimitDerExport"),
        ("kebab-case", "limit-der-export"),
        ("UPPER_SNAKE", "LIMIT_DER_EXPORT"),
    ],
)
def test_keys_are_spelt_as_the_profile_says(casing: str, key: str) -> None:
    profile = read_profile(changed("profile.json", '"encoder"', f'"key_casing": "{casing}", "encoder"'))
    assert profile.measurands[key].key == key
    assert profile.measurands[key].source == "LIMIT_DER_EXPORT"


def test_a_request_has_the_profiles_path_and_headers() -> None:
    manifest = """{"name": "p", "version": 2, "envelope": "envelope.json", "method": "PUT", "content_type": "text/json",
                   "path": "/v1/{device_id}/{type}", "headers": {"X-No": "n={seq}", "X-Site": "{site_id}"}}"""
    profile = profile_with(profile=manifest)
    packet = Packet(PacketType.EVENT, "a/b ü", DeviceType.BESS, 7, "id", "Sité", "n", 0)
    assert (profile.name, profile.method, profile.content_type) == ("p/2", "PUT", "text/json")
    assert profile.path_of(packet) == "/v1/a%2Fb%20%C3%BC/EVENT"
    assert profile.headers_of(packet) == (("X-No", "n=7"), ("X-Site", "Sit%C3%A9"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("X-Api-Key", "hunter2!"), ("X-Odd", "hunter2!"), ("Authorization", "{device_id}"), ("Host", "{site_id}")),
        *(("Content-Length", "{seq}"), ("Transfer-Encoding", "{seq}"), ("Proxy-Authorization", "{seq}")),
    ],
)
def test_headers_that_a_profile_may_not_set_are_faults_but_the_profile_loads(name: str, value: str) -> None:
    """Logs written by older versions hold such profiles."""
    manifest = f"""{{"name": "p", "version": 2, "envelope": "envelope.json", "headers": {{"{name}": "{value}"}}}}"""
    (fault,) = profile_with(profile=manifest).header_faults
    assert fault.pointer == f"profile.json/headers/{name}"
    assert "hunter2!" not in str(fault)


def test_a_profile_may_set_harmless_headers_and_placeholders() -> None:
    manifest = """{"name": "p", "version": 2, "envelope": "envelope.json",
                   "headers": {"X-Site": "north", "User-Agent": "meter/1", "X-Device-Key": "{device_id}"}}"""
    assert profile_with(profile=manifest).header_faults == ()


def _found(files: dict[str, str]) -> list[tuple[str, int, int, str]]:
    return [(fault.pointer, fault.line, fault.column, fault.found) for fault in faults_of(files)]


@pytest.mark.parametrize(
    ("row", "pointer", "column", "found", "expected"),
    [
        ("A,site,number,V,0,1,1,10,,SOC", "unit_ucum", 15, '"V"', "one of 1, %"),
        ("A,site,number,%,9,1,1,10,,SOC", "min", 17, '"9"', "at most the max, 1"),
        ("A,site,number,%,0,1,0,10,,SOC", "resolution", 21, '"0"', "a number above 0"),
        ("A,site,number,%,0,1,x,10,,SOC", "resolution", 21, '"x"', "a decimal number"),
        ("A,site,number,%,0.1,0.9,1,10,,SOC", "resolution", 25, '"1"', "a step that falls between"),
        ("A,site,integer,%,0,1,0.1,10,,SOC", "resolution", 22, '"0.1"', "a whole number"),
        ("A,site,number,%,0,1,1,-1,,SOC", "cadence_s", 23, '"-1"', "whole milliseconds"),
        ("A,site,number,%,0,1,1,0,,SOC", "cadence_s", 23, '"0"', "more than 0, or yes under on_change"),
        ("A,site,number,%,0,1,1,10,maybe,SOC", "on_change", 26, '"maybe"', "yes, no"),
        ("A,site,number,%,0,1,1,10,,SOCK", "source", 27, '"SOCK"', "SOC"),
        ("A,place,number,%,0,1,1,10,,SOC", "scope", 3, '"place"', "one of site"),
        ("A,site,enum,%,0,1,1,10,,SOC", "type", 8, '"enum"', "number, integer, boolean, as SOC is share"),
        ("A,site,number,,,,,10,,DISPATCH_STATE", "type", 8, '"number"', "enum"),
        ("A,site,enum,kW,,,,10,,DISPATCH_STATE", "unit_ucum", 13, '"kW"', "nothing"),
        ("A B,site,enum,,,,,10,,DISPATCH_STATE", "key", 1, '"A B"', "a key"),
    ],
)
def test_a_wrong_cell_is_found_where_it_is(row: str, pointer: str, column: int, found: str, expected: str) -> None:
    (fault,) = faults_of({**default_files(), "measurands.csv": f"# a remark\n{_HEADER}{row}\n"})
    assert (fault.pointer, fault.line, fault.column, fault.found) == (f"measurands.csv/{pointer}", 3, column, found)
    assert fault.expected.startswith(expected) or expected in fault.expected


def test_a_key_is_there_once() -> None:
    row = "A,site,enum,,,,,10,,DISPATCH_STATE\n"
    assert _found({**default_files(), "measurands.csv": _HEADER + row + row}) == [
        ("measurands.csv/key", 3, 1, '"A" twice')
    ]


def test_lines_that_are_no_rows_are_found() -> None:
    text = _HEADER + 'A,site\nAB"C,site,enum,,,,,10,,DISPATCH_STATE\n'
    short, unquoted = _found({**default_files(), "measurands.csv": text})
    assert short == ("measurands.csv", 2, 0, "2 cells")
    assert unquoted[:3] == ("measurands.csv", 3, 1)


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ("HEARTBEAT_STATUS,OK,1\n", "nothing for LATE, LOST, NEVER"),
        (
            "quality,OK,1\nquality,OK,2\nquality,ESTIMATED,3\nquality,MISSING,4\nquality,BAD,5\n",
            '"OK" of quality twice',
        ),
        ("HEARTBEET,OK,1\n", '"HEARTBEET"'),
        ("CONTROLLER_MODE,ISLAND,1\n", '"ISLAND"'),
    ],
)
def test_words_left_out_doubled_or_unknown_are_found(rows: str, found: str) -> None:
    assert found in [fault.found for fault in faults_of({**default_files(), "enums.csv": f"source,word,sent\n{rows}"})]


def test_the_modes_of_the_profiles_own_table_may_be_sent_as_other_words() -> None:
    modes = read_profile(default_files()).modes.modes
    rows = "".join(f"BESS_OPERATIONAL_MODE,{mode},m{number}\n" for number, mode in enumerate(modes))
    files = {**default_files(), "enums.csv": f"source,word,sent\n{rows}"}
    mode = read_profile(files).measurands["BESS_OPERATIONAL_MODE"]
    assert bytes(mode.measurement("K", modes[3]).value) == b'"m3"'
    files["bess_modes.csv"] = files["bess_modes.csv"].replace("1,FAULT,", "1,FAIL,")
    assert {fault.pointer for fault in faults_of(files)} == {"bess_modes.csv/power_state"}


@pytest.mark.parametrize(
    ("template", "found", "line"),
    [
        ('{\n "a": "{device}",\n "m": {"{key}": "{value}"}}', "the placeholder {device}", 2),
        ('{"m": [\n{"k": "{key}"}]}', "no {value}", 0),
        ('{"k": "{key}",\n "m": ["{value}"]}', "{key} where nothing is repeated", 1),
        ('{"m": {"{key}": "is {value}"}}', "the placeholder {value}", 1),
        ('{"m": {"{key}": ["{value}"]}}', "a repetition within another", 0),
        ('{"m": {"{key}": "{value}"},\n "m": 1}', 'the field "m" twice', 1),
        ('{"m": \n oops}', "malformed JSON (Expecting value)", 2),
    ],
)
def test_a_wrong_template_is_found_where_it_is(template: str, found: str, line: int) -> None:
    faults = faults_of({**default_files(), "envelope.json": template})
    assert (found, line) in [(fault.found, fault.line) for fault in faults]
    assert {fault.pointer for fault in faults} == {"envelope.json"}


@pytest.mark.parametrize(
    ("field", "found"),
    [
        ('"encodr": "full"', 'the field "encodr"'),
        ('"encoder": "xml"', '"xml"'),
        ('"timestamps": 5', "the number 5"),
        ('"envelope": "other.json"', 'no file "other.json"'),
        ('"path": "no-slash"', '"no-slash"'),
        ('"path": "/{key}"', "the placeholder {key}"),
        ('"headers": {"X Y": "1"}', "an object"),
        ('"headers": {"X": "a\\r\\nb"}', "an object"),
        ('"method": "GET"', '"GET"'),
        ('"as_flag": ["LIMIT"]', '"LIMIT"'),
        ('"volts_per_phase": 0', "the number 0"),
        ('"content_type": "json"', '"json"'),
    ],
)
def test_a_wrong_setting_is_found(field: str, found: str) -> None:
    extra = "" if "envelope" in field else ', "envelope": "envelope.json"'
    manifest = f'{{"name": "p", "version": 1, {field}{extra}}}'
    (fault,) = faults_of({**default_files(), "profile.json": manifest})
    assert fault.found == found
    assert fault.pointer.startswith("profile.json")


def test_every_fault_of_every_file_is_told_at_once() -> None:
    files = changed("measurands.csv", "SOC,bess|vehicle,number,%", "SOC,bess|vehicle,number,kW")
    files["envelope.json"] = "{"
    files["bess_modes.csv"] = files["bess_modes.csv"].replace("1,FAULT,", "1,FAIL,")
    files["profile.json"] = files["profile.json"].replace('"default"', "7")
    assert {fault.pointer.partition("/")[0] for fault in faults_of(files)} == set(files) - {"packet.schema.json"}


def test_a_manifest_that_is_no_json_is_one_fault_and_not_every_field_missing() -> None:
    (fault,) = faults_of({**default_files(), "profile.json": '{"name": }'})
    assert (fault.pointer, fault.line, fault.column) == ("profile.json", 1, 10)
    assert fault.found == "malformed JSON (Expecting value)"


def test_files_that_are_missing_are_named() -> None:
    assert [fault.pointer for fault in faults_of({})] == ["profile.json", "measurands.csv", "bess_modes.csv"]
