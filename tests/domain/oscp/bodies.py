"""Any message, and bodies in the standard's form."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from depot_sim.domain.oscp.vocabulary import (
    AssetCategory,
    EnergyFlow,
    EnergyType,
    ForecastType,
    MeasurementConfiguration,
    MessageType,
    Phase,
    Unit,
)
from depot_sim.domain.oscp.wire.messages import (
    AssetMeasurement,
    AssetMeasurements,
    Block,
    CapacityForecast,
    ComplianceError,
    EnergyMeasurement,
    GroupMeasurements,
    Handshake,
    HandshakeAcknowledge,
    Heartbeat,
    InstantaneousMeasurement,
    Message,
    OfferedVersion,
    Register,
    RequiredBehaviour,
)
from depot_sim.domain.oscp.wire.quantities import LARGEST

HEARTBEAT = b'{"offline_mode_at":"2026-04-02T10:15:00.000Z"}'
HANDSHAKE = b'{"required_behaviour":{"heartbeat_interval":5,"measurement_configuration":["INTERMITTENT"]}}'
FORECAST = (
    b'{"group_id":"group-1","type":"CONSUMPTION","forecasted_blocks":[{"capacity":500.0,"phase":"ALL","unit":"KW",'
    b'"start_time":"2026-04-02T10:00:00Z","end_time":"2026-04-02T10:15:00Z"}]}'
)
COMPLIANCE_ERROR = b'{"message":"a charger does not listen"}'
GROUP_MEASUREMENTS = (
    b'{"group_id":"group-1","measurements":[{"value":125.25,"phase":"ALL","unit":"KWH","direction":"NET",'
    b'"energy_type":"TOTAL","measure_time":"2026-04-02T10:15:00Z","initial_measure_time":"2026-04-02T10:00:00Z"}]}'
)
ASSET_MEASUREMENTS = (
    b'{"group_id":"group-1","measurements":[{"asset_id":"depot","asset_category":"CHARGING","energy_measurement":'
    b'{"value":125.25,"phase":"ALL","unit":"KWH","direction":"NET","measure_time":"2026-04-02T10:15:00Z",'
    b'"initial_measure_time":"2026-04-02T10:00:00Z"},"instantaneous_measurement":{"value":612.5,"phase":"ALL",'
    b'"unit":"KW","measure_time":"2026-04-02T10:07:00Z"}}]}'
)
REGISTER = b'{"token":"a-secret","version_url":[{"version":"2.0","base_url":"https://fp.example/oscp/fp/2.0"}]}'

CLEAN: Mapping[MessageType, bytes] = {
    MessageType.REGISTER: REGISTER,
    MessageType.HANDSHAKE: HANDSHAKE,
    MessageType.HANDSHAKE_ACKNOWLEDGE: HANDSHAKE,
    MessageType.HEARTBEAT: HEARTBEAT,
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: FORECAST,
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: FORECAST,
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: COMPLIANCE_ERROR,
    MessageType.UPDATE_GROUP_MEASUREMENTS: GROUP_MEASUREMENTS,
    MessageType.UPDATE_ASSET_MEASUREMENTS: ASSET_MEASUREMENTS,
}

instants = st.integers(-62_135_596_800_000, 253_402_300_799_999)
values = st.integers(-LARGEST * 1_000, LARGEST * 1_000)
configurations = st.lists(st.sampled_from(MeasurementConfiguration), unique=True).map(tuple)
seconds = st.integers(1, 10**9).map(lambda seconds: seconds * 1_000)
behaviours = st.builds(RequiredBehaviour, st.none() | seconds, configurations)
blocks = st.builds(Block, instants, instants, values.map(abs), st.sampled_from(Unit), st.sampled_from(Phase))
block_lists = st.lists(blocks, min_size=1, max_size=4).map(tuple)
energies = st.builds(
    EnergyMeasurement,
    values,
    st.sampled_from([Unit.WH, Unit.KWH]),
    st.sampled_from(Phase),
    st.sampled_from(EnergyFlow),
    instants,
    st.sampled_from(EnergyType),
    st.none() | instants,
)
maxima = st.builds(InstantaneousMeasurement, values, st.sampled_from(Unit), st.sampled_from(Phase), instants)
assets = st.builds(
    AssetMeasurement, st.text(), st.sampled_from(AssetCategory), st.none() | energies, st.none() | maxima
)
versions = st.builds(OfferedVersion, st.text(), st.text())
forecasts = st.builds(CapacityForecast, st.text(), st.sampled_from(ForecastType), block_lists)

MESSAGES: Mapping[MessageType, SearchStrategy[Message]] = {
    MessageType.REGISTER: st.builds(Register, st.text(), st.lists(versions, min_size=1, max_size=3).map(tuple)),
    MessageType.HANDSHAKE: st.builds(Handshake, behaviours),
    MessageType.HANDSHAKE_ACKNOWLEDGE: st.builds(HandshakeAcknowledge, behaviours),
    MessageType.HEARTBEAT: st.builds(Heartbeat, instants),
    MessageType.UPDATE_GROUP_CAPACITY_FORECAST: forecasts,
    MessageType.ADJUST_GROUP_CAPACITY_FORECAST: forecasts,
    MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: st.builds(ComplianceError, st.text(), st.just(()) | block_lists),
    MessageType.UPDATE_GROUP_MEASUREMENTS: st.builds(
        GroupMeasurements, st.text(), st.lists(energies, min_size=1, max_size=4).map(tuple)
    ),
    MessageType.UPDATE_ASSET_MEASUREMENTS: st.builds(
        AssetMeasurements, st.text(), st.lists(assets, min_size=1, max_size=3).map(tuple)
    ),
}
typed_messages = st.sampled_from(MessageType).flatmap(lambda type: st.tuples(st.just(type), MESSAGES[type]))
