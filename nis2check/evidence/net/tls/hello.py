# SPDX-License-Identifier: EUPL-1.2
"""The encoder: one ClientHello as bytes (RFC 8446 4.1.2, RFC 5246 7.4.1.2).

A `Hello` is data: what is offered, and how much of the answer is wanted. It holds nothing of a target, so that one table of
hellos (``plan``) serves every look.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from struct import pack

from nis2check.evidence.net.tls.suites import RENEGOTIATION_SCSV
from nis2check.evidence.net.tls.tables import CURVES_TLS12, SIGNATURE_SCHEMES, SSL3, TLS10, TLS12, TLS13

# Extension numbers that both the encoder and the parser name.
SERVER_NAME, STATUS_REQUEST, SUPPORTED_GROUPS, POINT_FORMATS, SIGNATURE_ALGORITHMS, ALPN = 0, 5, 10, 11, 13, 16
PADDING, EXTENDED_MASTER_SECRET, SUPPORTED_VERSIONS, COOKIE, KEY_SHARE, RENEGOTIATION_INFO = 21, 23, 43, 44, 51, 0xFF01


class Wanted(IntEnum):
    """How much of the first flight a hello is sent for. Less is cheaper for both sides."""

    SERVER_HELLO = 1
    KEY_EXCHANGE = 2  # TLS 1.2 and older: up to ServerKeyExchange, or ServerHelloDone
    WHOLE = 3  # TLS 1.2 and older: up to ServerHelloDone; TLS 1.3: up to Finished, decrypted


@dataclass(frozen=True, slots=True)
class Hello:
    """What is offered. ``versions`` from newest to oldest; TLS 1.3 goes into the extension, the rest is a maximum."""

    name: str
    versions: tuple[int, ...]
    suites: tuple[int, ...]
    groups: tuple[int, ...] = CURVES_TLS12
    wanted: Wanted = Wanted.SERVER_HELLO
    shares: tuple[int, ...] = ()  # groups whose key share is sent (TLS 1.3); none asks the server to choose
    compression: bytes = b"\x00"
    alpn: tuple[str, ...] = ()
    bare: bool = False  # no extension but server_name: for what is old or broken
    nameless: bool = False  # no server_name
    signatures: tuple[int, ...] = SIGNATURE_SCHEMES
    refuses: tuple[int, ...] = ()  # the versions that a fatal alert to this hello proves not to be offered
    proves: str = ""  # what its answer shows, for the plan of --dry-run

    @property
    def newest(self) -> int:
        return self.versions[0]

    @property
    def oldest(self) -> int:
        return self.versions[-1]


def _extension(number: int, body: bytes) -> bytes:
    return pack("!HH", number, len(body)) + body


def _vector(body: bytes) -> bytes:
    return pack("!H", len(body)) + body


def _words(codes: tuple[int, ...]) -> bytes:
    return pack(f"!{len(codes)}H", *codes)


def _server_name(host: str) -> bytes:
    """RFC 6066 3: never for an address."""
    if not host:
        return b""
    return _extension(SERVER_NAME, _vector(b"\x00" + _vector(host.encode("ascii"))))


@lru_cache(maxsize=256)
def _fixed_extensions(hello: Hello) -> bytes:
    """The extensions that are the same for every target."""
    if hello.bare or hello.newest == SSL3:
        return b""
    parts = [
        _extension(SUPPORTED_GROUPS, _vector(_words(hello.groups))) if hello.groups else b"",
        _extension(EXTENDED_MASTER_SECRET, b""),
    ]
    if hello.oldest <= TLS12:
        parts.append(_extension(POINT_FORMATS, b"\x01\x00"))
        parts.append(_extension(RENEGOTIATION_INFO, b"\x00"))
    if hello.newest >= TLS12:
        parts.append(_extension(SIGNATURE_ALGORITHMS, _vector(_words(hello.signatures))))
        parts.append(_extension(STATUS_REQUEST, b"\x01\x00\x00\x00\x00"))
    if hello.alpn:
        names = b"".join(bytes([len(word)]) + word.encode("ascii") for word in hello.alpn)
        parts.append(_extension(ALPN, _vector(names)))
    if hello.newest >= TLS13:
        versions = _words(hello.versions)
        parts.append(_extension(SUPPORTED_VERSIONS, bytes([len(versions)]) + versions))
    return b"".join(parts)


def _key_shares(hello: Hello, shares: Mapping[int, bytes]) -> bytes:
    """An empty list is legal and asks the server to name a group (RFC 8446 4.2.8): no asymmetric work on either side."""
    if hello.newest < TLS13:
        return b""
    body = b"".join(pack("!H", group) + _vector(shares[group]) for group in hello.shares)
    return _extension(KEY_SHARE, _vector(body))


@lru_cache(maxsize=256)
def _offer(hello: Hello) -> bytes:
    """Suites and compression methods."""
    suites = _words(hello.suites)
    if hello.bare or hello.newest == SSL3:
        suites += pack("!H", RENEGOTIATION_SCSV)
    return _vector(suites) + bytes([len(hello.compression)]) + hello.compression


def _padding(length: int) -> bytes:
    """RFC 7685: some servers hang on a hello of 256 to 511 bytes, so those are made 512 bytes long."""
    if not 256 <= length < 512:
        return b""
    return _extension(PADDING, bytes(max(0, 512 - length - 4)))


def encode(hello: Hello, host: str, shares: Mapping[int, bytes] | None = None, random: bytes = b"") -> bytes:
    """The record that carries a ClientHello. ``host`` is an A-label name, or "" to send no server_name."""
    session = b"\x00"
    if hello.newest >= TLS13:
        session = b"\x20" + os.urandom(32)  # middlebox compatibility, RFC 8446 D.4
    head = pack("!H", min(hello.newest, TLS12)) + (random or os.urandom(32)) + session + _offer(hello)
    extensions = _server_name(host) if hello.newest > SSL3 and not hello.nameless else b""
    extensions += _fixed_extensions(hello) + _key_shares(hello, shares or {})
    if extensions:
        # 4 bytes of handshake header and 2 of the extensions' own length count as well.
        extensions += _padding(4 + len(head) + 2 + len(extensions))
        head += _vector(extensions)
    message = b"\x01" + len(head).to_bytes(3, "big") + head
    record = TLS10 if hello.newest >= TLS10 else SSL3  # RFC 8446 5.1: 0x0301 for the first record
    return pack("!BH", 22, record) + _vector(message)
