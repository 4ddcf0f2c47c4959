# SPDX-License-Identifier: EUPL-1.2
"""Servers that keep silent, drip, lie, flood or tire of us: every look ends, keeps what it learnt and claims nothing more."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from nis2check.evidence.net import tls
from nis2check.evidence.net.tls import conversation, records
from nis2check.evidence.observe import Seen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Json, Kind, Target

Handler = Callable[[socket.socket, int], None]


class Server:
    """Gives each connection to ``handler(socket, number)`` in a thread of its own."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                peer, _address = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(peer, self.connections), daemon=True).start()

    def _serve(self, peer: socket.socket, number: int) -> None:
        with peer:
            peer.settimeout(3)
            try:
                self._handler(peer, number)
            except (OSError, ssl.SSLError):
                pass

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Server]]:
    servers: list[Server] = []

    def start(handler: Handler) -> Server:
        servers.append(Server(handler))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same logic with waits that a test can afford."""
    monkeypatch.setattr(conversation, "FLIGHT_SECONDS", 0.6)
    monkeypatch.setattr(conversation, "OPENING_SECONDS", 0.6)
    monkeypatch.setattr(conversation, "PAUSE_SECONDS", 0.01)


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """A sound TLS 1.2 and 1.3 server."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("ville.test").configure_cert(made)
    return made


class Look:
    """What one look told: facts by name, gaps by name, seconds."""

    def __init__(self, port: int, **options: str) -> None:
        wire = Wire(Settings(pace=replace(PACES["normal"], apart=0), internal=True, seconds_per_target=6))
        target = Target(Kind.TLS, f"127.0.0.1:{port}", options=options)
        self.facts: dict[str, Json] = {}
        self.gaps: dict[str, tuple[str, str]] = {}
        started = time.monotonic()

        async def run() -> None:
            async for one in tls.look(target, wire):
                if isinstance(one, Seen):
                    assert one.name not in self.facts
                    self.facts[one.name] = one.value
                else:
                    self.gaps[one.name] = (one.why.value, one.detail)

        asyncio.run(run())
        self.seconds = time.monotonic() - started
        self.connections = wire.connections("127.0.0.1")

    def why(self, name: str) -> str:
        prefix = name.partition(".")[0] + ".*"
        return self.gaps.get(name, self.gaps.get(prefix, ("", "")))[0]


def read_hello(peer: socket.socket) -> bytes:
    head = peer.recv(5, socket.MSG_WAITALL)
    return head + peer.recv(int.from_bytes(head[3:5], "big"), socket.MSG_WAITALL)


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def shake(
    peer: socket.socket, context: ssl.SSLContext, first: bytes = b"", send: Callable[[bytes], None] | None = None
) -> None:
    """A server's handshake over memory, so that a test may look at the hello first and send the answer as it likes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    incoming.write(first)
    while True:
        try:
            server.do_handshake()
            return
        except ssl.SSLWantReadError:
            (send or peer.sendall)(outgoing.read())
            data = peer.recv(65536)
            if not data:
                return
            incoming.write(data)
        except ssl.SSLError:
            (send or peer.sendall)(outgoing.read())
            return


def record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def server_hello(suite: int, extensions: bytes = b"", random: bytes = bytes(32)) -> bytes:
    body = b"\x03\x03" + random + b"\x00" + struct.pack("!HB", suite, 0)
    body += struct.pack("!H", len(extensions)) + extensions if extensions else b""
    return record(22, b"\x02" + len(body).to_bytes(3, "big") + body)


def keep_silent(peer: socket.socket, _number: int) -> None:
    while peer.recv(65536):
        pass


def test_silence_is_no_refusal(serve: Callable[[Handler], Server]) -> None:
    told = Look(serve(keep_silent).port)
    assert not told.facts
    assert (told.why("tls.accepted"), told.why("certificate.key")) == ("timeout", "timeout")
    assert told.seconds < 5


def test_a_dripping_server_is_left(serve: Callable[[Handler], Server], context: ssl.SSLContext) -> None:
    def drip(peer: socket.socket, _number: int) -> None:
        def send(data: bytes) -> None:
            for at in range(len(data)):
                peer.sendall(data[at : at + 1])
                time.sleep(0.2)

        shake(peer, context, send=send)

    told = Look(serve(drip).port)
    assert not told.facts
    assert told.why("tls.accepted") == "timeout"
    assert told.seconds < 5


def test_a_segment_a_byte_is_the_same_server(serve: Callable[[Handler], Server], context: ssl.SSLContext) -> None:
    def bytes_(peer: socket.socket, _number: int) -> None:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def send(data: bytes) -> None:
            for at in range(len(data)):
                peer.sendall(data[at : at + 1])

        shake(peer, context, send=send)

    told = Look(serve(bytes_).port)
    assert told.facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert told.facts["certificate.subject_alt_names"] == ["ville.test"]


@pytest.mark.parametrize(
    ("answer", "accepted", "why"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", False, "not_tls"),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", False, "not_tls"),
        (b"\x00\x01\x02\x03\x04\x05", False, "not_tls"),
        (record(21, b"\x02\x28"), False, "not_tls"),  # every hello refused by alert 40
        (record(21, b"\x02\x70"), None, "refused"),  # unrecognized_name says nothing of TLS
        (record(21, b"\x02\xff"), None, "malformed"),
        (record(21, b"\x01\x70") * 40, None, "malformed"),
        (record(20, b"\x01") * 40, None, "malformed"),
        (b"\x16\x03\x03\xff\xff" + bytes(2000), None, "malformed"),
        (server_hello(0x0A0A), None, "malformed"),
        (server_hello(0x1301, b"\x00\x2b\x00\x02\x7a\x7a"), None, "malformed"),
        (server_hello(0x1301, b"\x00\x2b\x00\x02\x03\x04\x00\x2c\x00\x04\x00\x02ab", records.RETRY_RANDOM), None, "malformed"),
    ],
    ids=["http", "ssh", "bytes", "alert 40", "alert 112", "alert 255", "warnings", "ccs", "long record", "grease suite",
         "grease version", "retry without group"],
)  # fmt: skip
def test_the_same_answer_to_every_hello(
    serve: Callable[[Handler], Server], answer: bytes, accepted: bool | None, why: str
) -> None:
    def one(peer: socket.socket, _number: int) -> None:
        read_hello(peer)
        peer.sendall(answer)
        peer.recv(1)

    told = Look(serve(one).port)
    assert told.facts.get("tls.accepted") is accepted
    assert "tls.versions" not in told.facts
    assert "tls.weak_suites" not in told.facts
    assert told.why("tls.versions") == why
    assert told.why("certificate.key") == why


def test_garbage_at_line_speed_is_bounded(serve: Callable[[Handler], Server]) -> None:
    def flood(peer: socket.socket, _number: int) -> None:
        sent = 0
        while sent < 1 << 26:
            sent += peer.send(b"\xa5" * 65536)

    told = Look(serve(flood).port)
    assert told.facts["tls.accepted"] is False
    assert told.seconds < 2


@pytest.mark.parametrize(("end", "why"), [(reset, "reset"), (socket.socket.close, "closed")], ids=["rst", "fin"])
def test_a_server_that_ends_every_hello_refused_nothing(
    serve: Callable[[Handler], Server], end: Callable[[socket.socket], None], why: str
) -> None:
    def one(peer: socket.socket, _number: int) -> None:
        read_hello(peer)
        end(peer)

    told = Look(serve(one).port)
    assert not told.facts
    assert told.why("tls.versions") == why
    assert told.connections >= 5, "tried again with other hellos before giving up"


def test_a_reset_where_other_hellos_are_answered_is_a_refusal(
    serve: Callable[[Handler], Server], context: ssl.SSLContext
) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("ville.test").configure_cert(old)
    old.maximum_version = ssl.TLSVersion.TLSv1_2

    def intolerant(peer: socket.socket, _number: int) -> None:
        hello = read_hello(peer)
        if b"\x00\x2b\x00" in hello and b"\x03\x04" in hello[hello.index(b"\x00\x2b\x00") :][:10]:
            reset(peer)
        else:
            shake(peer, old, hello)

    told = Look(serve(intolerant).port)
    assert told.facts["tls.versions"] == ["TLSv1.2"]
    assert "TLS 1.3, empty key share" in told.facts["tls.resets"]
    assert told.facts["tls.unstable"] is False


def test_every_second_connection_reset_is_the_same_server(
    serve: Callable[[Handler], Server], context: ssl.SSLContext
) -> None:
    def flaky(peer: socket.socket, number: int) -> None:
        hello = read_hello(peer)
        if number % 2:
            reset(peer)
        else:
            shake(peer, context, hello)

    healthy = Look(serve(lambda peer, _n: shake(peer, context)).port)
    told = Look(serve(flaky).port)
    for name in ("tls.versions", "tls.weak_suites", "tls.groups", "tls.fallback_scsv", "certificate.sha256"):
        assert told.facts[name] == healthy.facts[name], name
    assert told.facts["tls.unstable"] is True
    assert told.facts["tls.resets"] == []


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_server_that_resets_what_is_one_too_many_tells_the_same(
    serve: Callable[[Handler], Server], context: ssl.SSLContext, most: int
) -> None:
    """A limit of connections per address: we narrow down to it, and no reset is taken for an answer."""
    lock = threading.Lock()
    running = resets = 0

    def few(peer: socket.socket, _number: int) -> None:
        nonlocal running, resets
        with lock:
            running += 1
            crowd = running > most
            resets += crowd
        try:
            if crowd:
                read_hello(peer)
                reset(peer)
            else:
                time.sleep(0.01)
                shake(peer, context)
        finally:
            with lock:
                running -= 1

    healthy = Look(serve(lambda peer, _n: shake(peer, context)).port)
    told = Look(serve(few).port)
    same = healthy.facts.keys() - {"tls.hellos", "tls.unstable"}
    assert {name: told.facts.get(name) for name in same} == {name: healthy.facts[name] for name in same}
    assert told.facts["tls.resets"] == []
    assert resets or most > 1, "two at first is one too many for the strictest"


def test_a_server_that_has_had_enough_is_left_and_what_was_learnt_kept(
    serve: Callable[[Handler], Server], context: ssl.SSLContext
) -> None:
    def tired(peer: socket.socket, number: int) -> None:
        if number > 5:
            reset(peer)
        else:
            shake(peer, context)

    server = serve(tired)
    told = Look(server.port)
    assert told.facts["tls.accepted"] is True
    assert told.facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert told.facts["certificate.subject_alt_names"] == ["ville.test"]
    assert told.why("tls.groups") == "rate_limited"
    assert "tls.weak_suites" not in told.facts, "resets of a tired server refuse nothing"
    assert server.connections <= 5 + 8


def test_a_moment_of_refusal_is_not_taken_for_the_servers_word(
    serve: Callable[[Handler], Server], context: ssl.SSLContext
) -> None:
    """Two resets in a row, then answers again: the hello that was reset is asked once more before it counts as refused."""

    def moody(peer: socket.socket, number: int) -> None:
        hello = read_hello(peer)
        if number in {1, 4}:  # the first hello and its second try
            reset(peer)
        else:
            shake(peer, context, hello)

    told = Look(serve(moody).port)
    assert told.facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert told.facts["tls.unstable"] is True


def test_a_long_hello_that_hangs_is_not_sent(serve: Callable[[Handler], Server], context: ssl.SSLContext) -> None:
    def hangs(peer: socket.socket, _number: int) -> None:
        hello = read_hello(peer)
        if 256 <= len(hello) - 5 < 512:
            time.sleep(5)
        shake(peer, context, hello)

    assert Look(serve(hangs).port).facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]


def test_a_legal_hello_before_an_endless_certificate(serve: Callable[[Handler], Server]) -> None:
    def one(peer: socket.socket, _number: int) -> None:
        read_hello(peer)
        peer.sendall(server_hello(0xC02F) + record(22, b"\x0b\xff\xff\xff" + os.urandom(16000)))
        peer.recv(1)

    told = Look(serve(one).port)
    assert told.facts["tls.versions_seen"] == ["TLSv1.2"]
    assert told.why("certificate.key") == "limit"
    assert "tls.versions" not in told.facts


def test_a_forged_share_is_seen_through(serve: Callable[[Handler], Server]) -> None:
    """A ServerHello of TLS 1.3 with a made-up share, then bytes that nobody can open: no certificate, nothing invented."""

    def one(peer: socket.socket, _number: int) -> None:
        hello = read_hello(peer)
        if b"\x00\x33\x00\x02\x00\x00" in hello:  # empty key share: ask for x25519
            extensions = b"\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x02\x00\x1d"
            peer.sendall(server_hello(0x1301, extensions, records.RETRY_RANDOM))
        elif b"\x00\x2b\x00" in hello:
            extensions = b"\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x24\x00\x1d\x00\x20" + os.urandom(32)
            peer.sendall(server_hello(0x1301, extensions) + record(23, os.urandom(200)))
        else:
            peer.sendall(record(21, b"\x02\x46"))
        peer.recv(1)

    told = Look(serve(one).port)
    assert told.why("certificate.key") == "malformed"
    assert "authenticate" in str(told.gaps)


def test_post_quantum_groups_are_seen_without_post_quantum_code(serve: Callable[[Handler], Server]) -> None:
    """A server of X25519MLKEM768 and x25519 that only ever asks for another share."""

    def one(peer: socket.socket, _number: int) -> None:
        hello = read_hello(peer)
        at = hello.find(b"\x00\x0a", 100)
        length = int.from_bytes(hello[at + 4 : at + 6], "big") if b"\x00\x33\x00\x02\x00\x00" in hello else 0
        groups = {hello[at + 6 + step : at + 8 + step] for step in range(0, length, 2)}
        chosen = next((group for group in (b"\x11\xec", b"\x00\x1d") if group in groups), None)
        if chosen:
            extensions = b"\x00\x2b\x00\x02\x03\x04\x00\x33\x00\x02" + chosen
            peer.sendall(server_hello(0x1301, extensions, records.RETRY_RANDOM))
        else:
            peer.sendall(record(21, b"\x02\x28"))
        peer.recv(1)

    told = Look(serve(one).port)
    assert told.facts["tls.groups"] == ["X25519MLKEM768", "x25519"]
    assert told.facts["tls.post_quantum"] is True


def test_a_closed_port_is_refused() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # held, so that nobody listens there meanwhile
        told = Look(int(bound.getsockname()[1]))
    assert told.gaps == {
        "tls.*": ("refused", "connection refused"),
        "certificate.*": ("refused", "connection refused"),
    }


def test_a_certificate_without_end_of_intermediates(serve: Callable[[Handler], Server], tmp_path: Path) -> None:
    authority = trustme.CA()
    leaf = authority.issue_cert("ville.test")
    chain = tmp_path / "chain.pem"
    chain.write_bytes(leaf.private_key_and_cert_chain_pem.bytes() + authority.cert_pem.bytes() * 200)
    long = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    long.load_cert_chain(chain)
    told = Look(serve(lambda peer, _n: shake(peer, long)).port)
    assert told.facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert told.facts["certificate.chain_length"] == 201
    assert told.facts["certificate.key"].startswith(("EC", "RSA"))
    assert told.why("certificate.trusted") == "limit"


def test_leaving_early_ends_every_connection(serve: Callable[[Handler], Server]) -> None:
    server = serve(keep_silent)

    async def run() -> float:
        wire = Wire(Settings(internal=True))
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                async for _one in tls.look(Target(Kind.TLS, f"127.0.0.1:{server.port}"), wire):
                    pass
        return time.monotonic() - started

    assert asyncio.run(run()) < 1
