"""Registration, whoever begins it: tokens change hands beside the log, and no Register is answered for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.http import Outgoing
from depot_sim.application.oscp.requests import Register, SendHandshake
from depot_sim.application.oscp.views import RegistrationState
from depot_sim.domain.kernel.errors import CommandRefused
from depot_sim.domain.oscp.events import OscpPartnerRegistered, OscpRegistrationSent
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType, Outcome
from depot_sim.domain.run.events import ResumeReason
from tests.application.oscp.registering_side import (
    ADDRESS,
    FIRST,
    OURS,
    RUN,
    Side,
    header,
    register,
    side,
    token_in,
)
from tests.application.run.processes import ALICE, until

pytestmark = pytest.mark.anyio

THEIRS = "token-of-theirs-7f3a"
HANDSHAKE = {"required_behaviour": {"heartbeat_interval": 60, "measurement_configuration": []}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def answered(our: Side) -> Outgoing:
    """Our Register, once its token is in force."""
    await until(lambda: any(isinstance(event, OscpRegistrationSent) for event in our.events()))
    return our.partner.registers()[-1]


async def test_a_partners_register_is_answered_by_ours_with_a_fresh_token() -> None:
    async with side() as our:
        reply = await our.send("register", register(THEIRS), x_request_id="reg-1")
        assert reply.status == 204
        assert our.partner.received == []  # the 204 goes out first
        ours = await answered(our)
        assert ours.url == "http://fp.example/new/register"
        assert header(ours, "X-Correlation-ID") == "reg-1"
        assert msgspec.json.decode(ours.body)["version_url"] == [{"version": "2.0", "base_url": OURS}]
        assert our.secrets.get(ours.credentials.outbound or pytest.fail("no token shown")) == THEIRS


async def test_the_old_token_dies_when_the_new_one_is_in_force() -> None:
    async with side() as our:
        await our.send("register", register(THEIRS))
        ours = await answered(our)
        refused = await our.send("handshake", HANDSHAKE, token=FIRST)
        taken = await our.send("handshake", HANDSHAKE, token=token_in(ours))
        assert (refused.status, taken.status) == (403, 204)


async def test_the_new_token_is_good_before_the_answer_to_our_register_is_written() -> None:
    """Partners call back at once."""
    async with side() as our:
        statuses: list[int] = []

        async def call_back(outgoing: Outgoing) -> None:
            if outgoing.url.endswith("/register"):
                statuses.append((await our.send("handshake", HANDSHAKE, token=token_in(outgoing))).status)

        our.partner.on_post = call_back
        await our.send("register", register(THEIRS))
        await answered(our)
        assert statuses == [204]


@pytest.mark.parametrize(("answer", "accepted"), [(500, False), (0, True)])
async def test_a_token_that_was_refused_is_no_good_and_one_without_an_answer_may_be(
    answer: int, accepted: bool
) -> None:
    async with side() as our:
        our.partner.answers = [answer]
        await our.send("register", register(THEIRS))
        ours = await answered(our)
        old = await our.send("handshake", {}, token=FIRST, raw=b"[")
        new = await our.send("handshake", {}, token=token_in(ours), raw=b"[")
        assert old.status == 400  # it came in
        assert new.status == (400 if accepted else 403)


async def test_messages_go_to_the_address_and_with_the_token_of_the_register() -> None:
    async with side() as our:
        await our.send("register", register(THEIRS, "/moved/fp/2.0"))
        await answered(our)
        await our.service.send_handshake(RUN, our.session_id, SendHandshake(), ALICE)
        sent = our.partner.received[-1]
        assert sent.url == "http://fp.example/moved/fp/2.0/handshake"
        assert our.secrets.get(sent.credentials.outbound or pytest.fail("no token shown")) == THEIRS
        view = (await our.service.get(RUN, our.session_id)).registration
        assert (view.state, view.base_url) == (RegistrationState.REGISTERED, "http://fp.example/moved/fp/2.0")


async def test_no_token_is_ever_in_the_log() -> None:
    async with side() as our:
        await our.send("register", register(THEIRS))
        await our.send("register", raw=b'{"token": "token-in-half')
        await our.send("register", raw=b'"token-all-by-itself"')
        await our.send("register", register(THEIRS), token="token-of-nobody")
        ours = await answered(our)
        log = our.log_text()
        for token in (FIRST, THEIRS, token_in(ours), "token-in-half", "token-all-by-itself", "token-of-nobody"):
            assert token not in log
        bodies = [one.body for one in our.recorded() if one.message_type is MessageType.REGISTER]
        assert '"token":"***"' in bodies[0]
        assert our.recorded()[0].headers[0] == ("authorization", "Token ***")


async def test_a_missing_version_is_refused_with_the_profiles_status() -> None:
    async with side() as our:
        reply = await our.send("register", register(THEIRS, ADDRESS, "1.0", "3.0"), x_request_id="old")
        assert reply.status == 501
        assert our.ends()["old"].rule == "register.version"
        await asyncio.sleep(0)
        assert our.partner.received == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (register("", ADDRESS), "register.token"),
        (register("two words", ADDRESS), "register.token"),
        (register("t", "ftp://fp.example"), "register.base-url"),
        (register("t", "http://[::1/broken"), "register.base-url"),
        ({"token": "t"}, "schema.missing"),
    ],
)
async def test_a_register_that_is_of_no_use_is_refused(body: dict[str, Any], rule: str) -> None:
    async with side() as our:
        assert (await our.send("register", body, x_request_id="bad")).status == 400
        assert our.ends()["bad"].rule == rule


async def test_when_we_begin_the_partners_register_is_the_reply_and_is_not_answered() -> None:
    """Partners send no X-Correlation-ID with it: answered, the two would go on for ever."""
    async with side(inbound="") as our:
        sent = await our.service.register(RUN, our.session_id, Register(), ALICE)
        assert sent.status == 204
        assert (await our.service.get(RUN, our.session_id)).registration.state is RegistrationState.AWAITED
        ours = our.partner.registers()[0]
        assert (ours.url, header(ours, "X-Correlation-ID")) == (f"{ADDRESS}/register", "")
        assert (await our.send("register", register(THEIRS), token=token_in(ours))).status == 204
        event = next(event for event in our.events() if isinstance(event, OscpPartnerRegistered))
        assert not event.reply_owed
        await our.service.send_handshake(RUN, our.session_id, SendHandshake(), ALICE)
        assert len(our.partner.registers()) == 1


async def test_a_reply_that_comes_before_the_answer_to_our_register_is_one() -> None:
    async with side(inbound="") as our:

        async def call_back(outgoing: Outgoing) -> None:
            await our.send("register", register(THEIRS), token=token_in(outgoing))

        our.partner.on_post = call_back
        await our.service.register(RUN, our.session_id, Register(), ALICE)
        assert (await our.service.get(RUN, our.session_id)).registration.state is RegistrationState.REGISTERED
        assert not (await our.registration()).owed


@pytest.mark.parametrize("correlated", [True, False])
async def test_a_partner_that_answers_our_answer_gets_no_third_one(correlated: bool) -> None:
    async with side() as our:
        await our.send("register", register(THEIRS))
        ours = await answered(our)
        correlation = header(ours, "X-Request-ID") if correlated else ""
        reply = await our.send("register", register("another"), token=token_in(ours), x_correlation_id=correlation)
        assert reply.status == 204
        assert not (await our.registration()).owed


async def test_put_replaces_address_and_token_and_is_not_answered() -> None:
    async with side() as our:
        reply = await our.send("register", register("newer", "http://fp.example/put"), method="PUT")
        assert reply.status == 204
        registration = await our.registration()
        assert (registration.base_url, registration.owed) == ("http://fp.example/put", "")
        assert our.recorded()[-1].method == "PUT"


@pytest.mark.parametrize("body", [None, {"token": "t", "version_url": []}])
async def test_delete_ends_the_registration(body: object) -> None:
    """With a body or without; the session is offline and later calls are 403, in its own ledger."""
    async with side() as our:
        await our.send("handshake", HANDSHAKE)
        assert (await our.send("register", body, method="DELETE")).status == 204
        view = await our.service.get(RUN, our.session_id)
        assert (view.state, view.registration.state) == (Lifecycle.OFFLINE, RegistrationState.ENDED)
        assert (await our.send("handshake", HANDSHAKE, x_request_id="late")).status == 403
        assert our.ends()["late"].rule == "credentials.unregistered"
        assert our.recorded()[-1].session_id == our.session_id


async def test_after_its_end_we_may_register_anew() -> None:
    async with side() as our:
        await our.send("register", method="DELETE")
        await our.service.register(RUN, our.session_id, Register(), ALICE)
        ours = our.partner.registers()[0]
        assert our.secrets.get(ours.credentials.outbound or pytest.fail("no token")) == "token-of-the-partner"
        assert (await our.send("handshake", HANDSHAKE, token=token_in(ours))).status == 204


async def test_a_profile_without_registration_has_no_register() -> None:
    async with side(profile="betterfleet-vector") as our:
        reply = await our.send("register", register(THEIRS), x_oscp_configuration_id="c1")
        assert reply.status == 404
        with pytest.raises(CommandRefused):
            await our.service.register(RUN, our.session_id, Register(), ALICE)


async def test_a_register_that_a_restart_left_unanswered_is_answered_by_the_next_process(tmp_path: Path) -> None:
    with open_event_store("memory:") as store:
        before, after = Side(store, folder=tmp_path), Side(store, "there", tmp_path)
        await before.process.start()
        await before.create()
        await before.send("register", register(THEIRS), x_request_id="reg-1")
        await before.kill()
        await after.process.host.adopt(RUN, ResumeReason.RESTART)
        after.tend()
        ours = await answered(after)
        assert header(ours, "X-Correlation-ID") == "reg-1"
        assert after.secrets.get(ours.credentials.outbound or pytest.fail("no token shown")) == THEIRS
        await after.close()
        await before.close()


async def test_what_became_of_our_register_is_in_the_ledger() -> None:
    async with side() as our:
        our.partner.answers = [501]
        sent = await our.service.register(RUN, our.session_id, Register(), ALICE)
        assert (sent.status, sent.delivery_status) == (501, Outcome.REJECTED.value)
        view = (await our.service.get(RUN, our.session_id)).registration
        assert view.state is RegistrationState.NONE
