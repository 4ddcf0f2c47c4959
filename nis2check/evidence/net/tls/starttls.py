# SPDX-License-Identifier: EUPL-1.2
"""What is said in clear before a TLS hello: the banner is read first, every reply is waited for, nothing is guessed.

Each opening ends with the peer's consent to start TLS, or raises: `NotOffered` when the peer positively says that it has no
TLS here, `Unseen` for everything else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from struct import pack

from nis2check.evidence.observe import Unseen
from nis2check.evidence.wire import Connection
from nis2check.model import Why

GREETING_SECONDS = 20.0  # postscreen and its like make a client wait
LONGEST_LINE = 2048
MOST_LINES = 128


class NotOffered(Unseen):
    """The peer speaks its protocol and says that it does not offer TLS on this port."""

    def __init__(self, detail: str) -> None:
        super().__init__(Why.NOT_TLS, detail)


async def _line(conn: Connection, seconds: float = 5.0) -> str:
    line = await conn.read_until(b"\n", LONGEST_LINE, seconds)
    return line.rstrip(b"\r\n").decode("utf-8", "backslashreplace")


async def _reply(conn: Connection, seconds: float = 5.0) -> tuple[int, list[str]]:
    """A reply of SMTP or FTP: code and lines. Raises Unseen when it is none."""
    lines: list[str] = []
    for _count in range(MOST_LINES):
        line = await _line(conn, seconds)
        lines.append(line)
        if not line[:3].isdigit() and not (lines[0][:3].isdigit() and len(lines) > 1):
            raise Unseen(Why.NOT_TLS, f"no reply code: {line[:40]!r}")
        if line[:3] == lines[0][:3] and line[3:4] != "-":
            return int(line[:3]), lines
    raise Unseen(Why.LIMIT, f"a reply of more than {MOST_LINES} lines")


def _greeted(code: int, line: str) -> None:
    if code in {421, 450, 451, 452}:
        raise Unseen(Why.RATE_LIMITED, f"the server asks to come later: {line[:80]!r}")
    if code != 220:
        raise Unseen(Why.BLOCKED, f"the server does not greet: {line[:80]!r}")


def _literal(conn: Connection) -> str:
    """The name of a client without one (RFC 5321 4.1.3)."""
    address = conn.local_address
    return f"[IPv6:{address}]" if ":" in address else f"[{address or '127.0.0.1'}]"


async def _smtp(conn: Connection) -> None:
    """RFC 3207."""
    code, lines = await _reply(conn, GREETING_SECONDS)
    _greeted(code, lines[-1])
    conn.write(f"EHLO {_literal(conn)}\r\n".encode("ascii"))
    code, lines = await _reply(conn)
    if code != 250:
        raise Unseen(Why.REFUSED, f"EHLO refused: {lines[-1][:80]!r}")
    if not any(line[4:].strip().upper().split(" ")[0] == "STARTTLS" for line in lines[1:]):
        conn.write(b"QUIT\r\n")
        raise NotOffered("EHLO does not list STARTTLS")
    conn.write(b"STARTTLS\r\n")
    code, lines = await _reply(conn)
    if code != 220:
        raise Unseen(Why.REFUSED, f"STARTTLS refused: {lines[-1][:80]!r}")


async def _ftp(conn: Connection) -> None:
    """RFC 4217."""
    code, lines = await _reply(conn, GREETING_SECONDS)
    _greeted(code, lines[-1])
    conn.write(b"AUTH TLS\r\n")
    code, lines = await _reply(conn)
    if code in {500, 502, 504}:
        raise NotOffered(f"AUTH TLS: {lines[-1][:80]!r}")
    if code not in {234, 334}:
        raise Unseen(Why.REFUSED, f"AUTH TLS refused: {lines[-1][:80]!r}")


async def _tagged(conn: Connection, tag: str) -> tuple[str, list[str]]:
    """The lines of an IMAP answer up to the tagged one."""
    lines: list[str] = []
    for _count in range(MOST_LINES):
        line = await _line(conn)
        if line.startswith(tag + " "):
            return line, lines
        lines.append(line)
    raise Unseen(Why.LIMIT, f"an answer of more than {MOST_LINES} lines")


async def _imap(conn: Connection) -> None:
    """RFC 3501 6.2.1."""
    banner = await _line(conn, GREETING_SECONDS)
    if not banner.startswith("* "):
        raise Unseen(Why.NOT_TLS, f"no IMAP banner: {banner[:40]!r}")
    if banner.upper().startswith("* BYE"):
        raise Unseen(Why.RATE_LIMITED, f"the server says good-bye: {banner[:80]!r}")
    conn.write(b"a1 CAPABILITY\r\n")
    done, lines = await _tagged(conn, "a1")
    listed = any("STARTTLS" in line.upper().split() for line in lines if line.upper().startswith("* CAPABILITY"))
    if done.upper().startswith("A1 OK") and not listed:
        raise NotOffered("CAPABILITY does not list STARTTLS")
    conn.write(b"a2 STARTTLS\r\n")
    done, _lines = await _tagged(conn, "a2")
    if not done.upper().startswith("A2 OK"):
        raise Unseen(Why.REFUSED, f"STARTTLS refused: {done[:80]!r}")


async def _pop3(conn: Connection) -> None:
    """RFC 2595 4."""
    banner = await _line(conn, GREETING_SECONDS)
    if not banner.startswith("+OK"):
        raise Unseen(Why.NOT_TLS, f"no POP3 banner: {banner[:40]!r}")
    conn.write(b"CAPA\r\n")
    answer = await _line(conn)
    lines: list[str] = []
    while answer.startswith("+OK") and (line := await _line(conn)) != ".":
        lines.append(line.strip().upper())
        if len(lines) > MOST_LINES:
            raise Unseen(Why.LIMIT, f"CAPA of more than {MOST_LINES} lines")
    if answer.startswith("+OK") and "STLS" not in lines:
        raise NotOffered("CAPA does not list STLS")
    conn.write(b"STLS\r\n")
    answer = await _line(conn)
    if not answer.startswith("+OK"):
        raise Unseen(Why.REFUSED, f"STLS refused: {answer[:80]!r}")


_LDAP_START_TLS = bytes.fromhex("301d02010177188016") + b"1.3.6.1.4.1.1466.20037"


async def _ldap(conn: Connection) -> None:
    """RFC 4511 4.14: an ExtendedRequest; the answer's result code stands after its message id."""
    conn.write(_LDAP_START_TLS)
    head = await conn.read_exactly(2)
    if head[0] != 0x30:
        raise Unseen(Why.NOT_TLS, "no LDAP answer")
    length = head[1]
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 2:
            raise Unseen(Why.MALFORMED, "LDAP answer: length")
        length = int.from_bytes(await conn.read_exactly(size), "big")
    body = await conn.read_exactly(length)
    if len(body) < 4 or body[0] != 0x02 or body[1] != 1 or body[3] != 0x78:
        raise Unseen(Why.MALFORMED, "LDAP answer: not an ExtendedResponse")
    skip = 5 + (body[4] & 0x7F if len(body) > 4 and body[4] & 0x80 else 0)
    if body[skip : skip + 2] != b"\x0a\x01" or len(body) <= skip + 2:
        raise Unseen(Why.MALFORMED, "LDAP answer: no result code")
    result = body[skip + 2]
    if result in {2, 53}:  # protocolError: StartTLS is not supported (RFC 4511 4.14.2); unwillingToPerform
        raise NotOffered(f"StartTLS: LDAP result {result}")
    if result != 0:
        raise Unseen(Why.REFUSED, f"StartTLS refused: LDAP result {result}")


async def _postgresql(conn: Connection) -> None:
    """SSLRequest; the answer is one byte, S or N (PostgreSQL protocol, SSL Session Encryption)."""
    conn.write(pack("!II", 8, 80877103))
    answer = await conn.read_exactly(1)
    if answer == b"N":
        raise NotOffered("SSLRequest answered N")
    if answer != b"S":
        raise Unseen(Why.NOT_TLS, f"SSLRequest answered {answer!r}")


async def _mysql(conn: Connection) -> None:
    """The greeting's capability CLIENT_SSL, then an SSLRequest packet (MySQL client/server protocol)."""
    head = await conn.read_exactly(4, GREETING_SECONDS)
    length = int.from_bytes(head[:3], "little")
    if length > 4096:
        raise Unseen(Why.NOT_TLS, "no MySQL greeting")
    body = await conn.read_exactly(length)
    if body[:1] == b"\xff":
        raise Unseen(Why.BLOCKED, "the MySQL server refuses this client")
    if body[:1] != b"\x0a" or (end := body.find(b"\x00", 1)) < 0 or len(body) < end + 16:
        raise Unseen(Why.NOT_TLS, "no MySQL greeting")
    capabilities = int.from_bytes(body[end + 14 : end + 16], "little")  # after thread id, 8 bytes of salt, a filler
    if not capabilities & 0x0800:
        raise NotOffered("the MySQL greeting has no CLIENT_SSL")
    wanted = 0x0800 | 0x0200 | 0x8000  # CLIENT_SSL, PROTOCOL_41, SECURE_CONNECTION
    conn.write(pack("<I", 32 | 1 << 24) + pack("<IIB", wanted, 1 << 24, 33) + bytes(23))


async def _rdp(conn: Connection) -> None:
    """X.224 Connection Request with an RDP negotiation request for TLS or CredSSP (MS-RDPBCGR 2.2.1.1)."""
    negotiation = pack("<BBHI", 1, 0, 8, 0x03)
    request = bytes([6 + len(negotiation), 0xE0, 0, 0, 0, 0, 0]) + negotiation
    conn.write(pack("!BBH", 3, 0, 4 + len(request)) + request)
    head = await conn.read_exactly(4)
    length = int.from_bytes(head[2:], "big")
    if head[0] != 3 or not 11 <= length <= 512:
        raise Unseen(Why.NOT_TLS, "no X.224 answer")
    body = await conn.read_exactly(length - 4)
    if body[1] & 0xF0 != 0xD0:
        raise Unseen(Why.NOT_TLS, "no X.224 connection confirm")
    if len(body) < 15 or body[7] != 2:
        raise NotOffered("RDP offers its own security only")
    if not int.from_bytes(body[11:15], "little") & 0x0B:
        raise NotOffered("RDP chose its own security")


OPENINGS: dict[str, Callable[[Connection], Awaitable[None]]] = {
    "smtp": _smtp,
    "imap": _imap,
    "pop3": _pop3,
    "ftp": _ftp,
    "ldap": _ldap,
    "postgresql": _postgresql,
    "mysql": _mysql,
    "rdp": _rdp,
}

ONE_AT_A_TIME = frozenset({"smtp"})  # mail servers count sessions (DESIGN 6)
