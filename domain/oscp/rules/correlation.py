"""Which published forecast a message answers."""

from __future__ import annotations

from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.findings import Deviation
from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.state import PublishedForecast, SessionState
from depot_sim.domain.oscp.vocabulary import ForecastType, MessageType
from depot_sim.domain.oscp.wire.messages import CapacityForecast, Message
from depot_sim.domain.oscp.wire.shown import quoted

GROUP_ID_AS_CORRELATION = "group-id-as-correlation"


def forecast_meant(
    state: SessionState, type: MessageType, message: Message | None, correlation_id: str
) -> PublishedForecast | None:
    """The published forecast an adjustment or a compliance error speaks of; None when it names none that is known."""
    if correlation_id in state.forecasts:
        return state.forecasts[correlation_id]
    if isinstance(message, CapacityForecast) and not correlation_id:
        return state.forecast(message.type)
    if type is MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR and _may_leave_it_open(state, correlation_id):
        return next(filter(None, map(state.forecast, ForecastType)), None)
    return None


def deviations_of(state: SessionState, type: MessageType, correlation_id: str) -> tuple[Deviation, ...]:
    """What of the correlation is not the standard's, and is taken all the same."""
    if type is not MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR or correlation_id in state.forecasts:
        return ()
    if not _is_tolerated_group(_attached(state), correlation_id):
        return ()
    return (Deviation(GROUP_ID_AS_CORRELATION, quoted(correlation_id)),)


def _may_leave_it_open(state: SessionState, correlation_id: str) -> bool:
    attached = _attached(state)
    if correlation_id:
        return _is_tolerated_group(attached, correlation_id)
    return attached.profile.compliance_correlation is Presence.OPTIONAL


def _is_tolerated_group(attached: OscpProviderSessionAttached, correlation_id: str) -> bool:
    return correlation_id == attached.group_id and GROUP_ID_AS_CORRELATION in attached.profile.tolerated


def _attached(state: SessionState) -> OscpProviderSessionAttached:
    assert state.attached is not None
    return state.attached
