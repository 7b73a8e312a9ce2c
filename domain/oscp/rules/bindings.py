"""Whether a message speaks of what the session is bound to."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.vocabulary import MessageType, PublicationMode
from depot_sim.domain.oscp.wire.messages import AssetMeasurements, CapacityForecast, GroupMeasurements
from depot_sim.domain.oscp.wire.shown import quoted

_PUBLISHED_BY = {
    PublicationMode.GROUP: MessageType.UPDATE_GROUP_MEASUREMENTS,
    PublicationMode.ASSET: MessageType.UPDATE_ASSET_MEASUREMENTS,
}


def publication_mode(case: Case) -> Iterator[Finding]:
    expected = _PUBLISHED_BY[case.attached.measurement_publication_mode]
    if case.type is not expected:
        yield Finding("binding.publication-mode", Kind.BINDING, case.type.value, expected.value)


def group(case: Case) -> Iterator[Finding]:
    message, bound = case.message, case.attached.group_id
    if isinstance(message, CapacityForecast | GroupMeasurements | AssetMeasurements) and message.group_id != bound:
        yield Finding("binding.group", Kind.BINDING, quoted(message.group_id), quoted(bound), "/group_id")


def asset(case: Case) -> Iterator[Finding]:
    """Only sessions that name the reporting asset care."""
    message, bound = case.message, case.attached.asset_id
    if not bound or not isinstance(message, AssetMeasurements):
        return
    for place, measurement in enumerate(message.measurements):
        if measurement.asset_id != bound:
            pointer = f"/measurements/{place}/asset_id"
            yield Finding("binding.asset", Kind.BINDING, quoted(measurement.asset_id), quoted(bound), pointer)
