# SPDX-License-Identifier: EUPL-1.2
"""The HTTP/1.1 reader against bytes: caps, lengths, chunks, and whatever a fuzzer finds."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nis2check.evidence.net.http.message import MOST_BODY_BYTES, Answer, read_answer
from nis2check.evidence.observe import Unseen
from nis2check.model import Why


class Bytes:
    """A stream of given pieces, then the end."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]
        self.given = 0

    async def read(self, seconds: float = 0) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        self.given += len(piece)
        return piece

    def write(self, data: bytes) -> None:
        raise AssertionError("a reader writes nothing")


class Endless(Bytes):
    """A stream that repeats its last piece for ever."""

    async def read(self, seconds: float = 0) -> bytes:
        if len(self._pieces) == 1:
            self.given += len(self._pieces[0])
            return self._pieces[0]
        return await super().read(seconds)


def read(*pieces: bytes) -> Answer:
    return asyncio.run(read_answer(Bytes(*pieces)))


OK = b"HTTP/1.1 200 OK\r\n"


def test_headers_and_body_whatever_the_pieces() -> None:
    whole = OK + b"Server: x\r\nX-A:  b \r\nContent-Length: 2\r\n\r\nokMORE"
    for cut in range(len(whole)):
        answer = read(whole[:cut], whole[cut:])
        assert answer == Answer(200, (("server", "x"), ("x-a", "b"), ("content-length", "2")), b"ok")


def test_chunks() -> None:
    answer = read(OK + b"Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    assert (answer.body, answer.cut) == (b"hello!", None)


def test_folded_headers_and_junk_lines() -> None:
    answer = read(OK + b"X-A: b\r\n continued\r\nno colon\r\nbad name: x\r\nContent-Length: 0\n\n")
    assert answer.headers == (("x-a", "b continued"), ("content-length", "0"))


def test_a_body_without_length_ends_with_the_connection() -> None:
    assert read(OK + b"\r\n", b"a", b"b") == Answer(200, (), b"ab")


def test_an_interim_answer_is_passed_over() -> None:
    assert read(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n").status == 200


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", Why.CLOSED),
        (b"HTTP/1.1 200 OK\r\nServer: x\r\n", Why.CLOSED),
        (b"HTTP/9.9 200 OK\r\n\r\n", Why.MALFORMED),
        (b"HTTP/1.1 2000 OK\r\n\r\n", Why.MALFORMED),
        (b"<html>no status line</html>", Why.MALFORMED),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Why.MALFORMED),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 9, Why.MALFORMED),
        (OK + b"A: b\r\n" * 101 + b"\r\n", Why.LIMIT),
        (OK + b"A: " + b"b" * 200_000, Why.LIMIT),
    ],
)
def test_no_answer_without_whole_headers(sent: bytes, why: Why) -> None:
    with pytest.raises(Unseen) as raised:
        read(sent)
    assert raised.value.why == why


@pytest.mark.parametrize(
    ("sent", "why", "body"),
    [
        (b"Content-Length: -1\r\n\r\nabc", Why.MALFORMED, b""),
        (b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc", Why.MALFORMED, b""),
        (b"Content-Length: 10\r\n\r\nabc", Why.CLOSED, b"abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nffffffffffffffff\r\n", Why.MALFORMED, b"abc"),
        (b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nffffffff\r\n", Why.LIMIT, b"abc"),
        (b"Transfer-Encoding: gzip, chunked\r\n\r\n", Why.MALFORMED, b""),
        (b"Content-Encoding: br\r\nContent-Length: 3\r\n\r\nabc", Why.MALFORMED, b""),
        (b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", Why.MALFORMED, b""),
        (b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(2 << 20)), Why.LIMIT, b""),
    ],
)
def test_headers_are_kept_when_the_body_fails(sent: bytes, why: Why, body: bytes) -> None:
    answer = read(OK + sent)
    assert answer.status == 200
    assert answer.cut is not None
    assert (answer.cut.why, answer.body) == (why, body)


def test_a_compressed_body_that_was_not_asked_for_is_read() -> None:
    packed = gzip.compress(b"<html>")
    answer = read(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert (answer.body, answer.cut) == (b"<html>", None)


@pytest.mark.parametrize(
    "piece", [b"A" * 65536, b"1\r\nA\r\n" * 10_000], ids=["body without end", "chunks without end"]
)
def test_a_flood_is_cut_at_the_cap(piece: bytes) -> None:
    chunked = b"Transfer-Encoding: chunked\r\n" if piece[:1] == b"1" else b""
    stream = Endless(OK + chunked + b"\r\n", piece)
    answer = asyncio.run(read_answer(stream))
    assert answer.cut is not None
    assert answer.cut.why == Why.LIMIT
    assert stream.given <= MOST_BODY_BYTES + 2 * len(piece)


_PIECE = st.sampled_from([
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 \r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"\r\n",
    b"Content-Encoding: gzip\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"\n", b"\x00", gzip.compress(b"x"), b": \r\n", b" a\r\n",
]) | st.binary(max_size=40)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_PIECE, max_size=12))
def test_no_bytes_break_the_reader(pieces: list[bytes]) -> None:
    try:
        answer = read(*pieces)
    except Unseen:
        return
    assert 200 <= answer.status < 600
