"""What a guarded connection passes on, what it refuses, and when it ends."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.connection_guard import current_connection
from depot_sim.connection_guard.responses import MEDIA_TYPE
from tests.connection_guard.doubles import LIMITS, Opened, Timers, a_guard
from tests.connection_guard.test_framing import GET, REQUESTS, of_length, pieces, post

SLACK = 1.0
"""Time is checked once a second."""


@pytest.fixture
def opened() -> Opened:
    return Opened(a_guard()[0])


def timed() -> tuple[Opened, Timers]:
    guard, timers = a_guard()
    return Opened(guard), timers


class TestForwarding:
    @given(st.lists(REQUESTS, min_size=1, max_size=4), st.lists(st.integers(min_value=0), max_size=30))
    def test_sound_requests_are_forwarded_unchanged_however_they_are_cut(
        self, requests: list[bytes], cuts: list[int]
    ) -> None:
        opened, stream = Opened(a_guard()[0]), b"".join(requests)
        for piece in pieces(stream, cuts):
            opened.send(piece)
        for _ in requests:
            assert not opened.connection.incomplete_request()
            opened.connection.response_ended()
        assert opened.inner.received == stream
        assert (opened.transport.written, opened.transport.closed) == (b"", False)

    def test_every_callback_reaches_the_protocol(self, opened: Opened) -> None:
        opened.connection.pause_writing()
        opened.connection.resume_writing()
        opened.end_input()
        assert opened.inner.calls == ["made", "pause", "resume", "eof", "lost"]

    def test_the_protocol_and_its_tasks_know_their_connection(self, opened: Opened) -> None:
        opened.send(GET)
        assert opened.inner.connections == [opened.connection]
        assert current_connection() is None

    def test_a_failing_protocol_ends_its_connection_without_a_traceback(
        self, opened: Opened, caplog: pytest.LogCaptureFixture
    ) -> None:
        opened.inner.fails = True
        opened.send(GET)
        assert opened.transport.aborted
        assert [(record.levelname, record.exc_info) for record in caplog.records] == [("WARNING", None)]
        assert len(vars(caplog.records[0])["error"]) <= 200


class TestSize:
    def test_a_head_beyond_the_limit_is_answered_431(self, opened: Opened) -> None:
        opened.send(b"GET / HTTP/1.1\r\nX: ")
        opened.send(b"x" * LIMITS.head_bytes)
        head, _, body = opened.transport.written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
        assert f"content-type: {MEDIA_TYPE}\r\ncontent-length: {len(body)}\r\nconnection: close".encode() in head
        assert json.loads(body)["status"] == 431
        assert str(LIMITS.head_bytes) in json.loads(body)["detail"]

    def test_nothing_of_what_exceeds_the_limit_reaches_the_protocol(self, opened: Opened) -> None:
        opened.send(GET + b"GET / HTTP/1.1\r\nX: " + b"x" * LIMITS.head_bytes)
        opened.send(b"x" * LIMITS.head_bytes)
        assert opened.inner.received == GET

    def test_the_refusal_comes_after_the_responses_to_earlier_requests(self, opened: Opened) -> None:
        opened.send(GET + GET + post("Content-Length: 1, 2"))
        opened.connection.response_ended()
        assert opened.transport.written == b""
        opened.connection.response_ended()
        assert opened.transport.status == 400

    def test_a_fault_in_a_body_is_left_to_the_protocol(self, opened: Opened) -> None:
        """Which knows how far the response is; the guard only sees to it that the connection ends."""
        stream = post("Transfer-Encoding: chunked", body=b"no size\r\n")
        opened.send(stream)
        assert (opened.inner.received, opened.transport.written) == (stream, b"")
        opened.connection.response_ended()
        assert (opened.transport.written, opened.transport.closed) == (b"", True)


class TestAfterARefusal:
    """The client may still be sending: a connection that is closed at once is reset, and the response is lost."""

    def test_the_own_side_is_closed_and_input_is_discarded(self) -> None:
        opened, timers = timed()
        opened.send(b"x" * 2 * LIMITS.head_bytes)
        assert (opened.transport.ended, opened.transport.closed) == (True, False)
        opened.transport.reads = False
        opened.send(b"x" * 10**6)
        timers.pass_seconds(1.0)
        assert (opened.inner.received, opened.transport.closed) == (b"", False)
        timers.pass_seconds(1.0 + SLACK)
        assert opened.transport.aborted

    def test_it_ends_when_the_client_does(self, opened: Opened) -> None:
        opened.send(b"x" * 2 * LIMITS.head_bytes)
        opened.end_input()
        assert (opened.transport.closed, opened.transport.aborted) == (True, False)

    def test_input_that_was_not_read_is_read_again(self, opened: Opened) -> None:
        opened.send(GET + b"x" * 2 * LIMITS.head_bytes)
        opened.transport.pause_reading()  # as a server does while it processes the first request
        opened.connection.response_ended()
        assert opened.transport.reads


class TestTimeOfAHead:
    def test_it_must_be_complete_in_time(self) -> None:
        opened, timers = timed()
        timers.pass_seconds(50.0)
        opened.send(b"G")
        timers.pass_seconds(LIMITS.head_seconds - SLACK)
        opened.send(b"ET / HTTP/1.1\r\n")  # another byte does not begin the time anew
        assert opened.transport.status is None
        timers.pass_seconds(2 * SLACK)
        assert opened.transport.status == 408

    def test_each_head_has_its_own_time(self) -> None:
        opened, timers = timed()
        for cut in range(1, 20):
            opened.send(GET[cut:] + GET[: cut + 1] if cut > 1 else GET[: cut + 1])
            if cut > 1:
                opened.connection.response_ended()
            timers.pass_seconds(LIMITS.head_seconds - SLACK)
        assert opened.transport.status is None

    def test_a_request_that_is_processed_delays_the_next_head(self) -> None:
        """Servers stop reading until they have responded."""
        opened, timers = timed()
        opened.send(GET + GET[:5])
        timers.pass_seconds(500.0)
        assert opened.transport.status is None
        opened.connection.response_ended()
        timers.pass_seconds(LIMITS.head_seconds - SLACK)
        assert opened.transport.status is None
        timers.pass_seconds(2 * SLACK)
        assert opened.transport.status == 408

    def test_time_in_which_the_server_does_not_read_does_not_count(self) -> None:
        opened, timers = timed()
        opened.send(GET + GET[:5])
        opened.connection.response_ended()
        opened.transport.pause_reading()
        timers.pass_seconds(500.0)
        opened.transport.resume_reading()
        timers.pass_seconds(LIMITS.head_seconds - SLACK)
        assert opened.transport.status is None


class TestIdleTime:
    def test_a_connection_that_never_sends_is_closed(self) -> None:
        opened, timers = timed()
        timers.pass_seconds(LIMITS.idle_seconds - SLACK)
        assert not opened.transport.closed
        timers.pass_seconds(2 * SLACK)
        assert (opened.transport.written, opened.transport.closed) == (b"", True)

    def test_it_runs_from_the_last_response(self) -> None:
        opened, timers = timed()
        for _ in range(3):
            timers.pass_seconds(LIMITS.idle_seconds - SLACK)
            opened.send(GET)
            opened.connection.response_ended()
        timers.pass_seconds(LIMITS.idle_seconds - SLACK)
        assert not opened.transport.closed
        timers.pass_seconds(2 * SLACK)
        assert opened.transport.closed

    @pytest.mark.parametrize("request_", [GET, of_length(b"{}"), post("Content-Length: 5", body=b"ab")])
    def test_a_request_without_a_response_yet_is_not_idle(self, request_: bytes) -> None:
        """Such as an event stream, a waiting read, a message left unanswered on purpose."""
        opened, timers = timed()
        opened.send(request_)
        timers.pass_seconds(10_000.0)
        assert not opened.transport.closed


class TestABodyThatComesAfterItsResponse:
    """Only the rest of it is between this and the next request."""

    def test_a_short_rest_in_time_keeps_the_connection(self) -> None:
        opened, timers = timed()
        opened.send(post("Content-Length: 40000"))
        opened.connection.response_ended()
        opened.send(bytes(39_999))
        timers.pass_seconds(LIMITS.body_seconds - SLACK)
        opened.send(b"x" + GET[:-4])
        timers.pass_seconds(LIMITS.head_seconds - SLACK)
        assert not opened.transport.closed
        opened.send(GET[-4:])
        opened.connection.response_ended()
        assert opened.inner.received.endswith(GET)

    def test_more_bytes_of_it_do_not_begin_its_time_anew(self) -> None:
        opened, timers = timed()
        opened.send(post("Content-Length: 100"))
        opened.connection.response_ended()
        for _ in range(3):
            timers.pass_seconds(LIMITS.body_seconds / 3)
            opened.send(b"x")
        timers.pass_seconds(SLACK)
        assert (opened.transport.written, opened.transport.closed) == (b"", True)

    @pytest.mark.parametrize(
        ("request_", "is_long"),
        [
            (post("Content-Length: 65537"), True),
            (post("Content-Length: 65537", body=b"x"), False),
            (post("Transfer-Encoding: chunked"), True),
            (post("Transfer-Encoding: chunked", body=b"0\r\n\r\n"), False),
            (of_length(b"{}"), False),
        ],
    )
    def test_its_rest_is_long_when_it_is_not_known_to_be_short(
        self, opened: Opened, request_: bytes, is_long: bool
    ) -> None:
        opened.send(request_)
        assert opened.connection.has_long_rest(1) == is_long

    @pytest.mark.parametrize("head", [post("Content-Length: 99999999"), post("Transfer-Encoding: chunked")])
    def test_a_long_rest_closes_the_connection(self, head: bytes) -> None:
        """In order: the client still gets the response."""
        opened, timers = timed()
        opened.send(head)
        opened.connection.response_ended()
        for _ in range(20):
            opened.send(b"1000\r\n" + bytes(4_096) + b"\r\n")
        assert (opened.transport.ended, opened.transport.closed) == (True, False)
        received = len(opened.inner.received)
        opened.send(bytes(4_096))
        timers.pass_seconds(4 * SLACK)
        assert opened.transport.aborted
        assert len(opened.inner.received) == received


class TestResponsesThatAreNotTaken:
    def test_the_connection_is_aborted(self) -> None:
        """Whether the response is still being written or not, and also when the transport is closing."""
        for answers in (0, 1):
            opened, timers = timed()
            opened.send(GET)
            opened.transport.unsent = 10_000
            for _ in range(answers):
                opened.connection.response_ended()
            timers.pass_seconds(LIMITS.response_seconds - SLACK)
            assert not opened.transport.aborted
            timers.pass_seconds(3 * SLACK)
            assert opened.transport.aborted

    def test_slow_clients_keep_it(self) -> None:
        opened, timers = timed()
        opened.send(GET)
        for unsent in range(10_000, 0, -1_000):
            opened.transport.unsent = unsent
            timers.pass_seconds(LIMITS.response_seconds - 2 * SLACK)
        assert not opened.transport.aborted

    def test_also_when_as_much_is_written_again_at_once(self) -> None:
        opened, timers = timed()
        opened.send(GET)
        opened.transport.unsent = 10_000
        for _ in range(5):
            timers.pass_seconds(LIMITS.response_seconds - 2 * SLACK)
            opened.connection.resume_writing()
        assert not opened.transport.aborted
        timers.pass_seconds(LIMITS.response_seconds + 2 * SLACK)
        assert opened.transport.aborted


class TestEndOfInput:
    """A client that closes its side may still wait for responses."""

    def test_responses_to_complete_requests_are_waited_for(self, opened: Opened) -> None:
        opened.send(GET + GET)
        opened.end_input()
        opened.connection.response_ended()
        assert not opened.transport.closed
        opened.connection.response_ended()
        assert opened.transport.closed

    @pytest.mark.parametrize("stream", [b"", GET[:10], post("Content-Length: 5", body=b"ab")])
    def test_without_a_complete_request_the_connection_ends(self, opened: Opened, stream: bytes) -> None:
        opened.send(stream)
        opened.end_input()
        assert opened.transport.closed

    def test_half_a_request_after_a_whole_one_is_not_waited_for(self, opened: Opened) -> None:
        opened.send(GET + post("Content-Length: 5", body=b"ab"))
        opened.end_input()
        assert not opened.transport.closed
        opened.connection.response_ended()
        assert opened.transport.closed

    def test_a_response_without_an_end_is_not_waited_for(self, opened: Opened) -> None:
        opened.send(GET)
        opened.connection.close_with_input()
        opened.end_input()
        assert opened.transport.closed

    def test_that_is_known_also_when_the_end_came_before(self, opened: Opened) -> None:
        opened.send(GET)
        opened.end_input()
        opened.connection.close_with_input()
        assert opened.transport.closed

    def test_a_refusal_that_waits_is_dropped(self, opened: Opened) -> None:
        opened.send(GET + post("Content-Length: 1, 2"))
        opened.end_input()
        opened.connection.response_ended()
        assert opened.transport.closed


def test_aborting_gives_no_response(opened: Opened, caplog: pytest.LogCaptureFixture) -> None:
    opened.send(GET)
    opened.connection.abort()
    assert (opened.transport.written, opened.transport.aborted) == (b"", True)
    opened.connection.abort()
    opened.connection.response_ended()
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []
