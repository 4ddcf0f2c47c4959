# SPDX-License-Identifier: EUPL-1.2
"""What is said before TLS. Each small server is first held against ``openssl s_client -starttls``, so that it is no invention."""

from __future__ import annotations

import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from struct import pack

import pytest
import trustme

from nis2check.evidence.net import tls
from nis2check.evidence.net.tls import conversation
from nis2check.evidence.net.tls.starttls import OPENINGS
from nis2check.evidence.observe import Seen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Fact, Json, Kind, Source, Target, Verdict
from nis2check.rules.judge import judge
from nis2check.rules.load import shipped_rules

Talk = Callable[[socket.socket], bool]  # True: go on with TLS


def line(peer: socket.socket) -> str:
    got = b""
    while not got.endswith(b"\n"):
        byte = peer.recv(1)
        if not byte:
            raise OSError("closed")
        got += byte
    return got.decode().strip()


def smtp(
    peer: socket.socket, extra: bytes = b"", listed: bytes = b"250-STARTTLS\r\n", reply: bytes = b"220 go\r\n"
) -> bool:
    peer.sendall(b"220-mail.test ESMTP\r\n220 please wait\r\n")
    assert line(peer).startswith("EHLO ")
    peer.sendall(b"250-mail.test\r\n" + listed + b"250 SIZE 1000\r\n")
    if line(peer) != "STARTTLS":
        return False
    peer.sendall(reply + extra)
    return reply.startswith(b"220")


def imap(peer: socket.socket) -> bool:
    peer.sendall(b"* OK ready\r\n")
    while True:
        tag, command = line(peer).split()[:2]  # the tag comes back as it was sent
        if command == "STARTTLS":
            peer.sendall(f"{tag} OK begin\r\n".encode())
            return True
        peer.sendall(f"* CAPABILITY IMAP4rev1 STARTTLS\r\n{tag} OK done\r\n".encode())


def pop3(peer: socket.socket) -> bool:
    peer.sendall(b"+OK ready\r\n")
    while line(peer) == "CAPA":
        peer.sendall(b"+OK\r\nTOP\r\nSTLS\r\n.\r\n")
    peer.sendall(b"+OK begin\r\n")
    return True


def ftp(peer: socket.socket) -> bool:
    peer.sendall(b"220 ready\r\n")
    while (said := line(peer)) != "AUTH TLS":
        peer.sendall(b"211-Features\r\n AUTH TLS\r\n211 End\r\n" if said == "FEAT" else b"502 no\r\n")
    peer.sendall(b"234 begin\r\n")
    return True


def ldap(peer: socket.socket, result: int = 0) -> bool:
    request = peer.recv(100)
    assert b"1.3.6.1.4.1.1466.20037" in request
    peer.sendall(bytes([0x30, 12, 2, 1, request[4], 0x78, 7, 0x0A, 1, result, 4, 0, 4, 0]))
    return result == 0


def postgresql(peer: socket.socket, answer: bytes = b"S") -> bool:
    assert peer.recv(8) == pack("!II", 8, 80877103)
    peer.sendall(answer)
    return answer == b"S"


def mysql(peer: socket.socket, capabilities: int = 0xFFFF) -> bool:
    body = b"\x0a8.0.36\x00" + pack("<I", 7) + b"saltsalt\x00" + pack("<H", capabilities) + b"\x21" + pack("<H", 2)
    body += pack("<H", 0xFFFF) + b"\x15" + bytes(10) + b"saltsaltsalt\x00" + b"mysql_native_password\x00"
    peer.sendall(pack("<I", len(body))[:3] + b"\x00" + body)
    request = peer.recv(36)
    return len(request) == 36 and bool(request[5] & 0x08)


def rdp(peer: socket.socket, kind: int = 2, chosen: int = 1) -> bool:
    assert peer.recv(100)[:2] == b"\x03\x00"
    peer.sendall(bytes.fromhex("030000130ed000001234") + b"\x00" + pack("<BBHI", kind, 0, 8, chosen))
    return kind == 2 and chosen != 0


SERVERS: dict[str, Talk] = {
    "smtp": smtp, "imap": imap, "pop3": pop3, "ftp": ftp, "ldap": ldap, "postgresql": postgresql, "mysql": mysql, "rdp": rdp,
}  # fmt: skip


@pytest.fixture(scope="module")
def context() -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("ville.test").configure_cert(made)
    return made


@pytest.fixture
def serve(context: ssl.SSLContext) -> Iterator[Callable[[Talk], int]]:
    """The port of a server that talks, then speaks TLS when the talk says so."""
    listeners: list[socket.socket] = []

    def one(peer: socket.socket, talk: Talk) -> None:
        with peer:
            peer.settimeout(3)
            try:
                if talk(peer):
                    with context.wrap_socket(peer, server_side=True) as inside:
                        inside.recv(1)
                else:
                    peer.recv(100)
            except (OSError, AssertionError):
                pass

    def start(talk: Talk) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(peer, talk), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


def look(port: int, starttls: str, declared: int = 0) -> tuple[dict[str, Json], dict[str, str]]:
    facts: dict[str, Json] = {}
    gaps: dict[str, str] = {}
    places = {("127.0.0.1", declared): ("127.0.0.1", port)} if declared else {}
    wire = Wire(Settings(pace=PACES["lab"], internal=True, seconds_per_target=10, connect_to=places))
    target = Target(Kind.TLS, f"127.0.0.1:{declared or port}", options={"starttls": starttls})

    async def run() -> None:
        async for one in tls.look(target, wire):
            if isinstance(one, Seen):
                facts[one.name] = one.value
            else:
                gaps[one.name] = f"{one.why}: {one.detail}"

    asyncio.run(run())
    return facts, gaps


def test_every_opening_has_a_server() -> None:
    assert SERVERS.keys() == OPENINGS.keys()


@pytest.mark.parametrize("starttls", OPENINGS)
def test_versions_and_certificate_behind_starttls(serve: Callable[[Talk], int], starttls: str) -> None:
    facts, gaps = look(serve(SERVERS[starttls]), starttls)
    assert facts.get("tls.versions") == ["TLSv1.2", "TLSv1.3"], gaps
    assert facts["certificate.subject_alt_names"] == ["ville.test"]
    assert facts["tls.plaintext_before_tls"] is False
    assert not [name for name in gaps if name == "tls.alpn"]


@pytest.mark.parametrize(
    ("starttls", "port", "opportunistic"), [("smtp", 25, True), ("smtp", 587, False), ("imap", 143, False)]
)
def test_servers_relay_without_demanding_tls_on_port_25_alone(
    serve: Callable[[Talk], int], starttls: str, port: int, opportunistic: bool
) -> None:
    facts, gaps = look(serve(SERVERS[starttls]), starttls, port)
    assert facts["tls.accepted"] is True
    assert facts.get("tls.opportunistic") is opportunistic
    assert "tls.opportunistic" not in gaps


def test_a_self_signed_relay_of_tls_1_0_raises_no_alarm(serve: Callable[[Talk], int]) -> None:
    """What an untouched Postfix shows on port 25 is what ANSSI tolerates there (R42); on port 587 it is a gap."""
    rules = [rule for rule in shipped_rules() if rule.targets is Kind.TLS]
    seen = {"tls.accepted": True, "tls.versions": ["TLSv1", "TLSv1.3"], "tls.weak_suites": ["ANON"]}
    seen |= {"certificate.self_signed": True, "certificate.trusted": False, "certificate.hostname_matches": False}

    def failing(opportunistic: bool) -> set[str]:
        facts = [
            Fact(name, "mx.ville.test:25", value, Source.PROBE, "", "")
            for name, value in (seen | {"tls.opportunistic": opportunistic}).items()
        ]
        found = judge(rules, [Target(Kind.TLS, "mx.ville.test:25")], facts, [])
        return {one.rule for one in found if one.verdict is Verdict.FAIL}

    assert failing(True) == {"tls/mail-relay-versions", "certificate/mail-relay"}
    assert failing(False) == {"tls/versions", "tls/no-encryption", "certificate/self-signed", "certificate/hostname"}


@pytest.mark.parametrize("starttls", sorted(set(OPENINGS) - {"rdp"}))
def test_the_small_servers_are_what_openssl_expects(
    serve: Callable[[Talk], int], starttls: str, tool: Callable[..., str]
) -> None:
    port = serve(SERVERS[starttls])
    word = {"postgresql": "postgres"}.get(starttls, starttls)
    done = subprocess.run(
        [tool("openssl"), "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", word],
        input=b"", capture_output=True, timeout=20, check=False,
    )  # fmt: skip
    assert b"BEGIN CERTIFICATE" in done.stdout, done.stderr


@pytest.mark.parametrize(
    ("starttls", "talk", "said"),
    [
        ("smtp", lambda peer: smtp(peer, listed=b""), "does not list STARTTLS"),
        ("smtp", lambda peer: smtp(peer, listed=b"250-XSTARTTLS\r\n"), "does not list STARTTLS"),
        (
            "imap",
            lambda peer: _say(peer, b"* OK ready\r\n", b"* CAPABILITY IMAP4rev1\r\na1 OK done\r\n"),
            "does not list",
        ),
        ("pop3", lambda peer: _say(peer, b"+OK ready\r\n", b"+OK\r\nTOP\r\n.\r\n"), "does not list STLS"),
        ("ftp", lambda peer: _say(peer, b"220 ready\r\n", b"502 no\r\n"), "AUTH TLS"),
        ("ldap", lambda peer: ldap(peer, 2), "LDAP result 2"),
        ("postgresql", lambda peer: postgresql(peer, b"N"), "answered N"),
        ("mysql", lambda peer: mysql(peer, 0xF7FF), "no CLIENT_SSL"),
        ("rdp", lambda peer: rdp(peer, 3, 2), "own security"),
        ("rdp", lambda peer: rdp(peer, 2, 0), "own security"),
        ("smtp", lambda peer: _say(peer, b"SSH-2.0-OpenSSH_9.2p1\r\n"), "no reply code"),
        ("imap", lambda peer: _say(peer, b"+OK POP3\r\n"), "no IMAP banner"),
        ("postgresql", lambda peer: _say(peer, b"", b"HTTP/1.1 400\r\n"), "answered"),
    ],
)
def test_no_tls_here_is_a_fact(serve: Callable[[Talk], int], starttls: str, talk: Talk, said: str) -> None:
    facts, gaps = look(serve(talk), starttls)
    assert facts["tls.accepted"] is False
    assert said in gaps["tls.versions"]
    assert gaps["certificate.*"].startswith("not_tls")


def _say(peer: socket.socket, *parts: bytes) -> bool:
    """Say the first part, and each other one after something was heard."""
    peer.sendall(parts[0])
    for part in parts[1:]:
        peer.recv(1000)
        peer.sendall(part)
    return False


@pytest.mark.parametrize(
    ("starttls", "talk", "why"),
    [
        ("smtp", lambda peer: smtp(peer, reply=b"454 4.7.0 TLS not available\r\n"), "refused"),
        ("smtp", lambda peer: _say(peer, b"421 4.7.0 too many connections\r\n"), "rate_limited"),
        ("smtp", lambda peer: _say(peer, b"554 5.7.1 no service for you\r\n"), "blocked"),
        ("smtp", lambda peer: _say(peer, b"220 " + b"x" * 5000), "limit"),
        ("smtp", lambda peer: _say(peer, b"220-again\r\n" * 200), "limit"),
        ("imap", lambda peer: _say(peer, b"* BYE too many\r\n"), "rate_limited"),
        ("ldap", lambda peer: ldap(peer, 51), "refused"),
        ("ldap", lambda peer: _say(peer, b"", b"\x30\x84\xff\xff\xff\xff"), "malformed"),
        ("mysql", lambda peer: _say(peer, b"\x10\x00\x00\x00\xff" + bytes(15)), "blocked"),
        ("xmpp", smtp, "not_asked"),
    ],
)
def test_other_answers_are_gaps(serve: Callable[[Talk], int], starttls: str, talk: Talk, why: str) -> None:
    facts, gaps = look(serve(talk), starttls)
    assert not facts
    assert gaps["tls.*"].startswith(why)


def test_plaintext_behind_the_consent_is_seen_and_never_read_as_tls(serve: Callable[[Talk], int]) -> None:
    facts, _gaps = look(serve(lambda peer: smtp(peer, extra=b"250 injected <script>\r\n")), "smtp")
    assert facts["tls.plaintext_before_tls"] is True
    assert facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]


def test_mail_sessions_are_few_and_one_at_a_time(serve: Callable[[Talk], int]) -> None:
    running, peak, sessions = 0, 0, 0

    def talk(peer: socket.socket) -> bool:
        nonlocal running, peak, sessions
        sessions += 1
        running += 1
        peak = max(peak, running)
        try:
            return smtp(peer)
        finally:
            running -= 1

    facts, gaps = look(serve(talk), "smtp")
    assert peak == 1
    assert sessions <= 12
    assert facts["tls.post_quantum"] is False
    assert facts["tls.weak_suites"] == ["CBC"]
    assert "tls.groups" not in gaps and "tls.groups" not in facts


def test_a_server_without_starttls_is_asked_once(serve: Callable[[Talk], int]) -> None:
    sessions = []

    def talk(peer: socket.socket) -> bool:
        sessions.append(peer)
        return smtp(peer, listed=b"")

    facts, _gaps = look(serve(talk), "smtp")
    assert facts["tls.accepted"] is False
    assert len(sessions) == 1


def test_a_greeting_without_end_is_left_once(serve: Callable[[Talk], int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "OPENING_SECONDS", 0.5)
    connections = []

    def talk(peer: socket.socket) -> bool:
        connections.append(peer)
        peer.sendall(b"220-wait\r\n")
        return bool(peer.recv(1)) and False

    facts, gaps = look(serve(talk), "smtp")
    assert not facts
    assert gaps["tls.*"].startswith("timeout: smtp: no consent")
    assert len(connections) == 1
