# SPDX-License-Identifier: EUPL-1.2
"""SSL 2: one hello of its own format, and an answer that is its SERVER-HELLO or proves nothing until another hello is answered.

The protocol is the draft of 1995 (draft-hickman-netscape-ssl-00), forbidden by RFC 6176. A server that answers without any
suite still speaks it: the suites that it hides could be used all the same (CVE-2015-3197).
"""

from __future__ import annotations

import os
from struct import pack

from nis2check.evidence.net.tls.conversation import Conversation
from nis2check.evidence.net.tls.records import malformed
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

VERSION = 0x0002
_SUITES = (0x010080, 0x020080, 0x030080, 0x040080, 0x050080, 0x060040, 0x0700C0)
_SERVER_HELLO, _ERROR = 4, 0


def client_hello() -> bytes:
    """A record with a two-byte header and the CLIENT-HELLO of every SSL 2 suite."""
    specs = b"".join(code.to_bytes(3, "big") for code in _SUITES)
    body = pack("!BHHHH", 1, VERSION, len(specs), 0, 16) + specs + os.urandom(16)
    return pack("!H", 0x8000 | len(body)) + body


def _length(data: bytes) -> int:
    return int.from_bytes(data[:2], "big") & 0x7FFF


def whole(data: bytes) -> bool:
    """The first record of either format is there, or what came can be neither."""
    if len(data) < 5:
        return False
    if data[0] & 0x80:
        return len(data) >= 2 + _length(data)
    return data[0] != 21 or len(data) >= 7


def accepted(data: bytes) -> bool:
    """True for a SERVER-HELLO, False for an error of SSL 2 or an alert of TLS. Raises Unseen(malformed) for anything else."""
    if data[:2] in {b"\x15\x03", b"\x15\x02"} and len(data) >= 7:
        return False
    if len(data) >= 5 and data[0] & 0x80 and whole(data):
        if data[2] == _ERROR:
            return False
        if data[2] == _SERVER_HELLO and _sound(data):
            return True
    raise malformed(f"no answer to SSL 2: {data[:16].hex()}")


def _sound(data: bytes) -> bool:
    """The lengths inside a SERVER-HELLO fill its record, and the version is 2."""
    length = _length(data)
    if length < 11 or len(data) < 13:
        return False
    version, certificate, specs, connection = (int.from_bytes(data[at : at + 2], "big") for at in (5, 7, 9, 11))
    return version == VERSION and specs % 3 == 0 and 11 + certificate + specs + connection == length


async def find(talk: Conversation) -> bool | Unseen:
    """Ask with ``full`` only. A connection that just ends is a refusal when a usual hello is answered afterwards."""
    if not talk.wire.settings.full:
        return Unseen(Why.NOT_ASKED, "SSL 2 is asked with --full")
    if talk.stopped:
        return talk.stopped
    try:
        data = await talk.raw(client_hello(), whole)
        if data:
            return accepted(data)
        ended = Unseen(Why.CLOSED, "closed after an SSL 2 hello")
    except Unseen as error:
        if error.why is not Why.RESET:
            return error
        ended = error
    control = talk.control
    return False if control and (await talk.once(control)).speaks_tls else ended
