"""Where requests begin and end, against what h11 makes of the same bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.connection_guard.framing import Refusal, RequestFraming

HEAD_BYTES = 4_096
GET = b"GET / HTTP/1.1\r\nHost: depot.example\r\n\r\n"


def post(*headers: str, body: bytes = b"") -> bytes:
    return "\r\n".join(("POST / HTTP/1.1", "Host: depot.example", *headers, "", "")).encode() + body


def of_length(body: bytes) -> bytes:
    return post(f"Content-Length: {len(body)}", body=body)


def in_chunks(chunks: list[bytes], extension: str, trailer: str) -> bytes:
    parts = [f"{len(chunk):x}{extension}\r\n".encode() + chunk + b"\r\n" for chunk in chunks]
    return post("Transfer-Encoding: chunked", body=b"".join(parts) + b"0\r\n" + trailer.encode() + b"\r\n")


REQUESTS = st.one_of(
    st.just(GET),
    st.binary(max_size=300).map(of_length),
    st.builds(
        in_chunks,
        st.lists(st.binary(min_size=1, max_size=100), max_size=4),
        st.sampled_from(["", ";last", ' ; name="a b"']),
        st.sampled_from(["", "Digest: x\r\n", "A: 1\r\nB: 2\r\n"]),
    ),
)


def pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def after(stream: bytes) -> RequestFraming:
    framing = RequestFraming(HEAD_BYTES)
    assert framing.feed(stream) is None
    return framing


def state(framing: RequestFraming) -> tuple[int, int, bool, bool]:
    return (framing.heads, framing.requests, bool(framing.partial_head), framing.is_in_body)


@given(
    st.lists(st.tuples(REQUESTS, st.booleans()), min_size=1, max_size=5),
    st.lists(st.integers(min_value=0), max_size=40),
)
def test_requests_are_counted_however_their_bytes_are_cut(requests: list[tuple[bytes, bool]], cuts: list[int]) -> None:
    """And one empty line before each of them is ignored."""
    framing, passed_on = RequestFraming(HEAD_BYTES), b""
    stream = b"".join(b"\r\n" * follows_empty_line + request for request, follows_empty_line in requests)
    for piece in pieces(stream, cuts):
        if piece and framing.is_one_request(piece):
            passed_on += piece
            continue
        assert framing.feed(piece) is None
        passed_on += framing.without_ignored(piece, len(piece))
    assert state(framing) == (len(requests), len(requests), False, False)
    assert passed_on == b"".join(request for request, _ in requests)


@given(REQUESTS, st.integers(min_value=0))
def test_part_of_a_request_is_not_complete(request: bytes, cut: int) -> None:
    part = request[: cut % len(request)]
    framing = after(GET + part)
    assert framing.requests == 1
    head_is_complete = b"\r\n\r\n" in part
    assert framing.heads == 1 + head_is_complete
    assert bool(framing.partial_head) == (bool(part) and not head_is_complete)
    assert framing.is_in_body == head_is_complete


def mutated(stream: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    for at, inserted in changes:
        place = at % len(stream)
        stream = stream[:place] + inserted + stream[place + len(inserted) :]
    return stream


FRAGMENTS = st.sampled_from(
    [
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n",
        b" ",
        b"\t",
        b":",
        b";",
        b"0",
        b"5",
        b"-1",
        b"+1",
        b"0x1",
        b",",
        b"\x00",
        b"\x0b",
        b"\r\nContent-Length: 3",
        b"\r\nTransfer-Encoding: chunked",
        b"\r\n ",
        b"Content-Length",
        b"chunked, gzip",
    ]
)


@given(
    st.lists(REQUESTS, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(min_value=0), FRAGMENTS), min_size=1, max_size=4),
    st.lists(st.integers(min_value=0), max_size=10),
)
def test_the_parser_behind_never_finds_other_requests(
    requests: list[bytes], changes: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    """Whatever the bytes: both find the same complete requests, until one of them refuses."""
    framing, parser = RequestFraming(HEAD_BYTES), Parser()
    for piece in pieces(mutated(b"".join(requests), changes), cuts):
        refusal = framing.feed(piece)
        parser.feed(framing.without_ignored(piece, len(piece) if refusal is None else refusal.offset))
        if refusal is not None or parser.has_refused:
            break
    assert parser.requests <= framing.requests
    if not parser.has_refused:
        assert (parser.heads, parser.requests) == (framing.heads, framing.requests)


class Parser:
    """A server's side in h11 that answers each request at once."""

    def __init__(self) -> None:
        self.connection = h11.Connection(h11.SERVER)
        self.heads = self.requests = 0
        self.has_refused = False

    def feed(self, data: bytes) -> None:
        if data:
            self.connection.receive_data(data)
        try:
            while self._next():
                pass
        except h11.RemoteProtocolError:
            self.has_refused = True

    def _next(self) -> bool:
        event = self.connection.next_event()
        if isinstance(event, h11.Request):
            self.heads += 1
        elif isinstance(event, h11.EndOfMessage):
            self.requests += 1
            self.connection.send(h11.Response(status_code=204, headers=[]))
            self.connection.send(h11.EndOfMessage())
            if self.connection.our_state is h11.MUST_CLOSE:
                self.has_refused = True
            else:
                self.connection.start_next_cycle()
        return event is not h11.NEED_DATA and not self.has_refused


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(["Content-Length: 3", "Transfer-Encoding: chunked"], 400, id="length and coding"),
        pytest.param(["Transfer-Encoding: chunked", "content-length: 3"], 400, id="coding and length"),
        pytest.param(["Content-Length: 3", "Content-Length: 4"], 400, id="two lengths"),
        pytest.param(["Content-Length: 3, 4"], 400, id="two lengths in one"),
        pytest.param(["Content-Length: -3"], 400, id="sign"),
        pytest.param(["Content-Length: 0x3"], 400, id="hex"),
        pytest.param(["Content-Length:"], 400, id="no length"),
        pytest.param(["Content-Length: " + "9" * 19], 400, id="huge"),
        pytest.param(["Transfer-Encoding: gzip, chunked"], 501, id="gzip, chunked"),
        pytest.param(["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"], 501, id="chunked twice"),
        pytest.param(["Transfer-Encoding: xchunked"], 501, id="unknown coding"),
        pytest.param(["Transfer-Encoding:\r\n chunked"], 400, id="folded"),
        pytest.param(["X: a\r\n\tb"], 400, id="folded by a tab"),
        pytest.param(["X: a\nY: b"], 400, id="line end without CR"),
    ],
)
def test_what_two_parsers_may_read_differently_is_refused(headers: list[str], status: int) -> None:
    framing = RequestFraming(HEAD_BYTES)
    assert framing.feed(GET + post(*headers, body=b"abc")) == Refusal(status, len(GET))
    assert framing.requests == 1


def test_a_head_that_ends_without_cr_is_refused() -> None:
    assert RequestFraming(HEAD_BYTES).feed(b"GET / HTTP/1.1\nHost: x\n\n") == Refusal(400, 0)


@pytest.mark.parametrize("method", [b"X" * 20, b"GET"])
@pytest.mark.parametrize("follow", [RequestFraming.feed, RequestFraming.is_one_request])
def test_methods_of_up_to_20_characters_are_read(
    follow: Callable[[RequestFraming, bytes], object], method: bytes
) -> None:
    framing = RequestFraming(HEAD_BYTES)
    follow(framing, method + b" / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert framing.requests == 1


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
@pytest.mark.parametrize("follow", [RequestFraming.feed, RequestFraming.is_one_request])
def test_all_minor_versions_of_http_1_are_read(follow: Callable[[RequestFraming, bytes], object], version: str) -> None:
    framing = RequestFraming(HEAD_BYTES)
    follow(framing, GET.replace(b"1.1", version.encode()))
    assert framing.requests == 1


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", id="preface of HTTP/2"),
        *(
            pytest.param(GET.replace(b"1.1", version), id=version.decode())
            for version in (b"0.9", b"2", b"2.0", b"3.0")
        ),
    ],
)
def test_other_major_versions_are_refused(request_: bytes) -> None:
    assert not RequestFraming(HEAD_BYTES).is_one_request(request_)
    assert RequestFraming(HEAD_BYTES).feed(GET + request_) == Refusal(505, len(GET))


@pytest.mark.parametrize("begin", [b"\r\n", b"G\r\n", b"GET /\r\n"])
def test_a_version_at_the_end_of_the_body_is_not_that_of_the_request(begin: bytes) -> None:
    """Whatever the length of the first line is."""
    for padding in range(12):
        body = b"x" * padding + b" HTTP/1.1"
        head = begin + b"Content-Length: %d\r\n\r\n" % len(body)
        assert not RequestFraming(HEAD_BYTES).is_one_request(head + body)


@pytest.mark.parametrize(
    ("before", "offset"), [(b"\r\n\r\n", 2), (b"\r", 1), (b"\n", 0), (b"\r\r\n", 1), (b"\r\n\n", 2)]
)
def test_more_than_one_empty_line_before_a_request_is_refused(before: bytes, offset: int) -> None:
    assert not RequestFraming(HEAD_BYTES).is_one_request(before + GET)
    assert RequestFraming(HEAD_BYTES).feed(before + GET) == Refusal(400, offset)


def test_longer_methods_are_refused() -> None:
    request = b"X" * 21 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert not RequestFraming(HEAD_BYTES).is_one_request(request)
    assert RequestFraming(HEAD_BYTES).feed(GET + request) == Refusal(501, len(GET))


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 3", "Content-Length: 3"],
        ["CONTENT-LENGTH: \t3 "],
        ["Content-Length: 3, 3"],
        ["Content-Length-Of-Something: x", "Content-Length: 3"],
        ["X: Transfer-Encoding: chunked", "Content-Length: 3"],
    ],
)
def test_lengths_that_agree_are_one(headers: list[str]) -> None:
    assert state(after(post(*headers, body=b"ab"))) == (1, 0, False, True)
    assert state(after(post(*headers, body=b"abcG"))) == (1, 1, True, False)


@pytest.mark.parametrize("name", ["Transfer-Encoding-Of-Something", "Content-Length-Of-Something"])
def test_headers_with_longer_names_frame_nothing(name: str) -> None:
    assert state(after(post(f"{name}: chunked"))) == (1, 1, False, False)


@pytest.mark.parametrize(
    "line", [b"", b"\r\n", b"-1\r\n", b"0x1\r\n", b"g\r\n", b"1" * 16 + b"\r\n", b"1\n", b"1 2\r\n"]
)
def test_chunks_without_a_size_are_refused(line: bytes) -> None:
    framing = RequestFraming(HEAD_BYTES)
    refusal = framing.feed(post("Transfer-Encoding: chunked", body=line + b"\nabc\r\n0\r\n\r\n"))
    assert refusal is not None
    assert refusal.status == 400
    assert (framing.heads, framing.requests) == (1, 0)


class TestSize:
    """Of a head in all, whatever it consists of and however it comes."""

    @pytest.mark.parametrize("piece_bytes", [1, 7, 1_000, 10_000])
    @pytest.mark.parametrize("excess", [0, 1])
    def test_a_head_may_have_so_many_bytes_and_no_more(self, piece_bytes: int, excess: int) -> None:
        head = post("X: ", "Y: y")
        head = head.replace(b"X: ", b"X: " + b"x" * (HEAD_BYTES - len(head) + excess))
        framing = RequestFraming(HEAD_BYTES)
        refusals = [framing.feed(head[at : at + piece_bytes]) for at in range(0, len(head), piece_bytes)]
        assert [refusal.status for refusal in refusals if refusal] == [431] * excess
        assert framing.heads == 1 - excess

    @pytest.mark.parametrize("beginning", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"x"])
    def test_a_head_without_an_end_is_refused_at_the_limit(self, beginning: bytes) -> None:
        framing, fed, piece = RequestFraming(HEAD_BYTES), 0, beginning
        while (refusal := framing.feed(piece)) is None:
            fed += len(piece)
            assert fed <= HEAD_BYTES
            piece = b"x" * 100
        assert refusal.status == 431

    def test_many_lines_are_limited_like_long_ones(self) -> None:
        refusal = RequestFraming(HEAD_BYTES).feed(post(*(f"X-{number}: x" for number in range(1_000))))
        assert refusal == Refusal(431, 0)

    def test_the_next_head_has_the_whole_limit(self) -> None:
        head = post("X: " + "x" * (HEAD_BYTES - 100))
        assert state(after(head * 5)) == (5, 5, False, False)

    def test_a_body_is_not_counted(self) -> None:
        assert state(after(of_length(bytes(50 * HEAD_BYTES)) + GET)) == (2, 2, False, False)
        assert state(after(in_chunks([bytes(50 * HEAD_BYTES)], "", "") + GET)) == (2, 2, False, False)

    def test_trailers_are_limited_like_a_head(self) -> None:
        framing = RequestFraming(HEAD_BYTES)
        refusal = framing.feed(in_chunks([], "", "X: " + "x" * HEAD_BYTES))
        assert refusal is not None
        assert refusal.status == 431
        assert framing.is_in_body

    def test_the_line_before_a_chunk_is_limited(self) -> None:
        refusal = RequestFraming(HEAD_BYTES).feed(post("Transfer-Encoding: chunked", body=b"1;" + b"x" * HEAD_BYTES))
        assert refusal is not None
        assert refusal.status == 400
