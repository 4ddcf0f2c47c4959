# SPDX-License-Identifier: EUPL-1.2
"""SSL 2: no library speaks it any more, so its answers are made here; a real modern server refuses it."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from nis2check.evidence.net import tls
from nis2check.evidence.net.tls import ssl2
from nis2check.evidence.observe import Seen, Unseen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Json, Kind, Target


def server_hello(suites: bytes = bytes.fromhex("010080")) -> bytes:
    certificate, connection = bytes(300), bytes(16)
    body = struct.pack("!BBBHHHH", 4, 0, 1, 2, len(certificate), len(suites), len(connection))
    body += certificate + suites + connection
    return struct.pack("!H", 0x8000 | len(body)) + body


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (server_hello(), True),
        (server_hello(b""), True),
        (bytes.fromhex("8003000001"), False),
        (bytes.fromhex("15030100020246"), False),
    ],
    ids=["hello", "hello without suites", "error", "alert"],
)
def test_answers(data: bytes, expected: bool) -> None:
    assert ssl2.whole(data)
    assert ssl2.accepted(data) is expected


@given(st.binary(max_size=64))
def test_any_bytes_are_an_answer_or_malformed(data: bytes) -> None:
    try:
        assert ssl2.accepted(data) in {True, False}
    except Unseen as error:
        assert error.why == "malformed"


def test_a_hello_that_does_not_add_up_proves_nothing() -> None:
    with pytest.raises(Unseen):
        ssl2.accepted(server_hello()[:-1])
    with pytest.raises(Unseen):
        ssl2.accepted(b"HTTP/1.1 400 Bad Request")


Answer = Callable[[socket.socket, bytes], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], int]]:
    """A TLS server that gives hellos of SSL 2 to ``answer(socket, bytes)``."""
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("ville.test").configure_cert(context)
    listeners: list[socket.socket] = []

    def one(peer: socket.socket, answer: Answer) -> None:
        with peer:
            peer.settimeout(3)
            try:
                if peer.recv(1, socket.MSG_PEEK) == b"\x80":
                    answer(peer, peer.recv(4096))
                else:
                    context.wrap_socket(peer, server_side=True).close()
            except OSError:
                pass

    def start(answer: Answer) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def accept() -> None:
            while True:
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(peer, answer), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda peer, _hello: peer.sendall(server_hello()), True),
        (lambda peer, _hello: peer.sendall(bytes.fromhex("15030100020228")), False),
        (lambda peer, _hello: peer.close(), False),
        (lambda peer, _hello: peer.sendall(b"\x80\xff garbage"), "closed"),
    ],
    ids=["spoken", "alert", "closed while other hellos are answered", "garbage"],
)
def test_a_server(serve: Callable[[Answer], int], answer: Answer, expected: bool | str) -> None:
    found: dict[str, Json] = {}
    target = Target(Kind.TLS, f"127.0.0.1:{serve(answer)}")

    async def run() -> None:
        async for one in tls.look(target, Wire(Settings(pace=PACES["lab"], internal=True, full=True))):
            found[one.name] = one.value if isinstance(one, Seen) else one.why

    asyncio.run(run())
    if isinstance(expected, bool):
        assert found["tls.ssl2"] is expected
        assert ("SSLv2" in found["tls.versions"]) is expected
    else:
        assert found["tls.ssl2"] in {"malformed", "closed"}
        assert "SSLv2" not in found["tls.versions"]
