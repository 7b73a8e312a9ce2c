"""A request that lists something waits for the read models that it reads, and for no other."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from depot_sim.bootstrap.service import Service
from depot_sim.domain.packets.events import PacketDelivered
from depot_sim.read_models.schema import ReadModel
from tests.adapters.control_api.client import Api
from tests.adapters.control_api.oscp import Partner, create_session
from tests.adapters.control_api.packets import FEED, open_feed
from tests.patience import patient
from tests.projections.samples import append

pytestmark = pytest.mark.anyio

LONGEST_WAIT = "depot_sim.adapters.control_api.freshness.LONGEST_WAIT_SECONDS"
LISTS = {
    "/simulation-runs": ["runs"],
    "/simulation-configurations": ["configurations"],
    "/simulation-runs/r/power?scope=scope-grid-1": ["power"],
    "/oscp-sessions": ["oscp_sessions"],
    "{session}/messages": ["oscp_sessions", "oscp_messages"],
    "/oscp-messages/unresolved": ["oscp_messages"],
}
"""The read models that are waited for, by the path of the list."""


class Failing(NamedTuple):
    """A service whose read model `packets` cannot take an event; `waits` tells what was waited for, and if it came."""

    api: Api
    session: str
    waits: list[tuple[str, bool]]

    async def list(self, path: str) -> Any:
        response = await self.api.get(path.format(session=self.session))
        assert response.status_code == 200, response.text
        return response.json()


@pytest.fixture
async def failing(partner: Partner, api: Api, service: Service, monkeypatch: pytest.MonkeyPatch) -> Failing:
    await open_feed(api, partner)
    session = await create_session(api, partner.url)
    with monkeypatch.context() as patched:
        patched.setattr(LONGEST_WAIT, patient(60))
        assert (await api.get(f"{FEED}/packets")).json()["packets"]
    never_sent = PacketDelivered(at=0, device_id="bess-battery", seq=1, attempt=1, status=204)
    append(service.backend.log, "packets-never-opened", never_sent)
    await _until_packets_fail(service)
    waits: list[tuple[str, bool]] = []
    wait_for = service.backend.projections.wait_for

    def recorded(model: ReadModel, position: int, timeout: float) -> bool:
        shown = wait_for(model, position, timeout)
        waits.append((model.name, shown))
        return shown

    monkeypatch.setattr(service.backend.projections, "wait_for", recorded)
    return Failing(api, session.path, waits)


async def _until_packets_fail(service: Service) -> None:
    async with asyncio.timeout(patient(60)):
        while True:
            (packets,) = (s for s in service.backend.projections.statuses() if s.read_model == "packets")
            if packets.error:
                return
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("path", "models"), LISTS.items())
async def test_a_list_does_not_wait_for_a_failing_read_model_that_it_does_not_read(
    failing: Failing, path: str, models: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LONGEST_WAIT, patient(60))
    await failing.list(path)
    assert failing.waits == [(model, True) for model in models]


async def test_a_list_of_a_failing_read_model_shows_what_it_has(failing: Failing) -> None:
    shown = await failing.list(f"{FEED}/packets")
    assert shown["packets"]
    assert failing.waits == [("packets", False)]
