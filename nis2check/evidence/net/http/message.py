# SPDX-License-Identifier: EUPL-1.2
"""Reads one HTTP/1.x answer from a hostile peer: every part capped, headers kept even when the body fails.

RFC 9112 is followed where it protects us (lengths, chunks) and read leniently where servers err without harm (bare LF,
folded headers, junk lines between headers).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Protocol

from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_HEADER_BYTES = 128 << 10  # of all lines; browsers stop at 256 KiB
MOST_HEADER_LINES = 100
MOST_INTERIM = 8  # 1xx answers before the real one
MOST_BODY_BYTES = 256 << 10  # on the wire
MOST_DECODED_BYTES = 1 << 20

_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: .*)?\Z", re.DOTALL)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")  # RFC 9110 section 5.6.2
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?\Z", re.DOTALL)


class Stream(Protocol):
    """Where an answer is read from: a `wire.Connection`, or TLS over one."""

    async def read(self, seconds: float = ...) -> bytes:
        """At least one byte; b"" when the peer closed. Raises Unseen."""

    def write(self, data: bytes) -> None:
        """Send."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with all its headers. ``cut`` says why the body is not whole, or is None."""

    status: int
    headers: tuple[tuple[str, str], ...]  # names in lower case, in the order sent
    body: bytes = b""
    cut: Unseen | None = None

    def every(self, name: str) -> tuple[str, ...]:
        """All values of a header, in the order sent."""
        return tuple(value for key, value in self.headers if key == name)

    def first(self, name: str) -> str:
        """The first value of a header, or ""."""
        return next(iter(self.every(name)), "")

    @property
    def redirects(self) -> bool:
        return self.status in {301, 302, 303, 307, 308}


class _Lines:
    """Lines and blocks out of a stream, with what is left over kept for the next."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()

    async def more(self) -> bool:
        data = await self._stream.read()
        self._buffer += data
        return bool(data)

    async def line(self, most: int) -> bytes:
        """One line without its end. Raises Unseen: closed before it, longer than ``most``…"""
        while (end := self._buffer.find(b"\n")) < 0:
            if len(self._buffer) > most:
                raise Unseen(Why.LIMIT, f"a line of more than {most} bytes")
            if not await self.more():
                raise Unseen(Why.CLOSED, f"closed after {len(self._buffer)} bytes of a line")
        if end > most:
            raise Unseen(Why.LIMIT, f"a line of more than {most} bytes")
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        return line.removesuffix(b"\r")

    async def opening(self, most: int) -> bytes:
        """The first line, or the bytes that show that no HTTP comes. b"" when the peer closed without a byte."""
        while b"\n" not in self._buffer and len(self._buffer) < most:
            if not await self.more():
                return bytes(self._buffer)
            if not b"HTTP/".startswith(bytes(self._buffer[:5])):
                return bytes(self._buffer[:most])
        return await self.line(most)

    def take(self, most: int) -> bytes:
        data = bytes(self._buffer[:most])
        del self._buffer[:most]
        return data

    def __len__(self) -> int:
        return len(self._buffer)


async def read_answer(stream: Stream) -> Answer:
    """The answer to a GET. Raises Unseen when there are no whole headers: malformed, closed, limit, timeout, reset…"""
    lines = _Lines(stream)
    for _interim in range(MOST_INTERIM):
        status = await _status(lines)
        headers = await _headers(lines)
        if status >= 200:
            body, cut = await _body(lines, Answer(status, headers))
            return Answer(status, headers, body, cut)
    raise Unseen(Why.MALFORMED, f"{MOST_INTERIM} interim answers and no final one")


async def _status(lines: _Lines) -> int:
    line = await lines.opening(8192)
    if not line:
        raise Unseen(Why.CLOSED, "closed without an answer")
    match = _STATUS.match(line)
    if match is None:
        raise Unseen(Why.MALFORMED, f"not an HTTP status line: {line[:40]!r}")
    return int(match[1])


async def _headers(lines: _Lines) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    left = MOST_HEADER_BYTES
    for _number in range(MOST_HEADER_LINES + 1):
        line = (await lines.line(left)).decode("latin-1")
        left -= len(line) + 2
        if not line:
            return tuple(headers)
        if line[0] in " \t" and headers:  # obsolete folding, RFC 9112 section 5.2
            headers[-1] = (headers[-1][0], f"{headers[-1][1]} {line.strip()}")
            continue
        name, colon, value = line.partition(":")
        if colon and _TOKEN.match(name):
            headers.append((name.lower(), value.strip(" \t\r")))
        if left <= 0:
            break
    raise Unseen(
        Why.LIMIT, f"headers without an end (more than {MOST_HEADER_LINES} lines or {MOST_HEADER_BYTES} bytes)"
    )


async def _body(lines: _Lines, answer: Answer) -> tuple[bytes, Unseen | None]:
    """The decoded body as far as it could be read, and why no further."""
    raw = bytearray()
    cut: Unseen | None = None
    try:
        if answer.status not in {204, 304}:
            await _transfer(lines, answer, raw)
    except Unseen as error:
        cut = error
    try:
        return _decoded(bytes(raw), answer, whole=cut is None), cut
    except Unseen as error:
        return b"", error


async def _transfer(lines: _Lines, answer: Answer, raw: bytearray) -> None:
    codings = [coding.strip().lower() for value in answer.every("transfer-encoding") for coding in value.split(",")]
    if codings == ["chunked"]:
        await _chunks(lines, raw)
    elif codings:
        raise Unseen(Why.MALFORMED, f"transfer coding {','.join(codings)[:60]!r}")
    else:
        await _plain(lines, raw, _length(answer))


def _length(answer: Answer) -> int | None:
    """Content-Length, or None when the body ends with the connection."""
    values = {value.strip() for line in answer.every("content-length") for value in line.split(",")}
    if not values:
        return None
    value = values.pop()
    if values or not (value.isascii() and value.isdigit() and len(value) < 19):
        raise Unseen(Why.MALFORMED, "Content-Length is no length")
    return int(value)


async def _plain(lines: _Lines, raw: bytearray, length: int | None) -> None:
    while length is None or len(raw) < length:
        room = MOST_BODY_BYTES - len(raw)
        if room <= 0:
            raise Unseen(Why.LIMIT, f"a body of more than {MOST_BODY_BYTES} bytes")
        if not len(lines) and not await lines.more():
            if length is None:
                return
            raise Unseen(Why.CLOSED, f"body cut short: {len(raw)} bytes of {length}")
        raw += lines.take(room if length is None else min(room, length - len(raw)))


async def _chunks(lines: _Lines, raw: bytearray) -> None:
    overhead = 0
    while True:
        head = await lines.line(1024)
        match = _CHUNK.match(head)
        if match is None:
            raise Unseen(Why.MALFORMED, "not a chunk size")
        size = int(match[1], 16)
        overhead += len(head) + 4
        if size == 0:
            return
        if len(raw) + size > MOST_BODY_BYTES or overhead > MOST_BODY_BYTES:
            raise Unseen(Why.LIMIT, f"a body of more than {MOST_BODY_BYTES} bytes, chunk headers included")
        await _plain(lines, raw, len(raw) + size)
        if await lines.line(2):
            raise Unseen(Why.MALFORMED, "a chunk longer than its size")


def _decoded(raw: bytes, answer: Answer, *, whole: bool) -> bytes:
    """The body without its content coding: identity was asked for, but some servers compress all the same."""
    codings = [
        name for value in answer.every("content-encoding") for name in value.lower().replace(" ", "").split(",") if name
    ]
    if not raw or codings in ([], ["identity"]):
        return raw
    if codings not in (["gzip"], ["x-gzip"], ["deflate"]):
        raise Unseen(Why.MALFORMED, f"content coding {','.join(codings)[:60]!r} was not asked for")
    unpacker = zlib.decompressobj(47 if codings != ["deflate"] else 15)
    try:
        data = unpacker.decompress(raw, MOST_DECODED_BYTES)
    except zlib.error:
        raise Unseen(Why.MALFORMED, "broken compressed body") from None
    if unpacker.unconsumed_tail:
        raise Unseen(Why.LIMIT, f"a body of more than {MOST_DECODED_BYTES} bytes once decompressed")
    if whole and not unpacker.eof:
        raise Unseen(Why.MALFORMED, "compressed body without an end")
    return data
