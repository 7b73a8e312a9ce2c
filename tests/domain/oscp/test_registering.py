"""What registering changes of a session, and whether the partner waits for our Register."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.oscp.due import Act, Due, agenda
from depot_sim.domain.oscp.events import OscpMessageOpened
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.registering import correspondent, resolved
from depot_sim.domain.oscp.session import Delivery, OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation
from depot_sim.domain.oscp.wire.messages import OfferedVersion, Register
from tests.domain.oscp.sessions import ATTACHED, TEN, rules
from tests.domain.oscp.sessions import session as state_of

GIVEN, THEIRS, OURS = map(SecretReference, ("env:DEPOT_SIM_SECRET_GIVEN", "kept:theirs", "kept:ours"))
REGISTER = Register("t", (OfferedVersion("2.0", "http://fp.example/new"),))


@pytest.fixture
def session() -> OscpCapacityProviderSession:
    """Its partner was handed a token."""
    session = OscpCapacityProviderSession("run-1", "configuration-1")
    session.attach(msgspec.structs.replace(ATTACHED, profile=OCA_2_0, credentials=Credentials(inbound=GIVEN)))
    return session


def receive(session: OscpCapacityProviderSession, at: int = TEN, method: str = "POST", correlation: str = "") -> None:
    accepted = (Outcome.ACCEPTED, Validation.ACCEPTED)
    receipt = Receipt(MessageType.REGISTER, REGISTER, "e", "theirs-1", correlation, *accepted)
    session.receive(receipt._replace(method=method, token=THEIRS), at)


def send(session: OscpCapacityProviderSession, outcome: Outcome | None, at: int = TEN) -> None:
    """Our Register; without an outcome it is under way."""
    session.begin_registration(OURS, at)
    request_id = session.next_request_id()
    session.open(OscpMessageOpened(at, "ours", "stream", Direction.OUTBOUND, MessageType.REGISTER, request_id))
    if outcome is not None:
        session.finish(Delivery("ours", MessageType.REGISTER, outcome), at)


def is_owed(session: OscpCapacityProviderSession) -> bool:
    return Due(0, Act.REGISTER) in agenda(session.state)


def test_what_the_partner_registered_is_where_it_is_reached(session: OscpCapacityProviderSession) -> None:
    receive(session)
    reached = correspondent(session.state)
    assert (reached.betterfleet_base_url, reached.credentials.outbound) == ("http://fp.example/new", THEIRS)
    assert session.attached.betterfleet_base_url == ATTACHED.betterfleet_base_url


@pytest.mark.parametrize(
    ("outcome", "accepted"),
    [
        (None, (GIVEN, OURS)),
        (Outcome.ACCEPTED, (OURS,)),
        (Outcome.REJECTED, (GIVEN,)),
        (Outcome.WITHHELD, (GIVEN,)),
        (Outcome.FAILED, (GIVEN, OURS)),
    ],
)
def test_which_tokens_the_partner_may_show(
    session: OscpCapacityProviderSession, outcome: Outcome | None, accepted: tuple[SecretReference, ...]
) -> None:
    send(session, outcome)
    assert session.state.inbound_tokens == accepted


def test_after_its_end_no_token_is_good_until_we_register_anew(session: OscpCapacityProviderSession) -> None:
    send(session, Outcome.ACCEPTED)
    receive(session, method="DELETE")
    assert not session.state.inbound_tokens
    assert correspondent(session.state) == session.attached
    send(session, Outcome.ACCEPTED)
    assert session.state.inbound_tokens == (OURS,)


def test_a_partner_that_begins_is_owed_one_register(session: OscpCapacityProviderSession) -> None:
    receive(session)
    assert is_owed(session)
    send(session, None)
    assert not is_owed(session)


@pytest.mark.parametrize(("method", "correlation"), [("PUT", ""), ("POST", "ours-1")])
def test_what_replaces_or_answers_is_owed_nothing(
    session: OscpCapacityProviderSession, method: str, correlation: str
) -> None:
    receive(session, method=method, correlation=correlation)
    assert not is_owed(session)


@pytest.mark.parametrize("outcome", [None, Outcome.ACCEPTED, Outcome.FAILED])
def test_the_first_register_after_ours_is_its_reply(
    session: OscpCapacityProviderSession, outcome: Outcome | None
) -> None:
    send(session, outcome)
    receive(session, TEN + 3_600_000)
    assert not is_owed(session)
    receive(session, TEN + 3_600_001)
    assert is_owed(session)


@pytest.mark.parametrize(("later_ms", "owed"), [(4_999, False), (5_000, True)])
def test_an_answer_to_our_answer_is_not_answered(
    session: OscpCapacityProviderSession, later_ms: int, owed: bool
) -> None:
    receive(session)
    send(session, Outcome.ACCEPTED)
    receive(session, TEN + later_ms)
    assert is_owed(session) is owed


def test_a_partner_known_by_its_configuration_needs_no_token() -> None:
    assert state_of(profile=BETTERFLEET_VECTOR).inbound_tokens is None
    assert state_of(profile=OCA_2_0).inbound_tokens == ()


@pytest.mark.parametrize(
    ("base_url", "address"),
    [
        ("http://other.example/fp/", "http://other.example/fp"),
        ("/oscp/fp/2.0", "http://fp.example/oscp/fp/2.0"),
    ],
)
def test_an_address_without_a_host_is_on_the_one_that_is_known(base_url: str, address: str) -> None:
    assert resolved(base_url, "http://fp.example/old") == address


@pytest.mark.parametrize(
    ("register", "failed"),
    [
        (REGISTER, []),
        (Register("t", (OfferedVersion("1.0", ""), *REGISTER.versions)), []),
        (Register("t", (OfferedVersion("1.0", "http://fp.example"),)), ["register.version"]),
        (Register("two words", (OfferedVersion("2.0", "mailto:x"),)), ["register.base-url", "register.token"]),
    ],
)
def test_what_a_register_has_to_offer(register: Register, failed: list[str]) -> None:
    assert rules(state_of(profile=OCA_2_0), MessageType.REGISTER, register) == failed
