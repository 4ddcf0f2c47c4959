# SPDX-License-Identifier: EUPL-1.2
"""The one door: which addresses it opens to, how often, and that nothing passes for ever or without end."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check.evidence.guard import forbidden
from nis2check.evidence.observe import Unseen
from nis2check.evidence.pace import Manners
from nis2check.evidence.wire import PACES, Connection, Deadline, Endpoint, Settings, Wire
from nis2check.model import Why

LAB = Settings(pace=PACES["lab"], internal=True)


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "100.64.0.1", "127.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "198.18.0.1", "192.0.2.1",
        "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1", "2002:a00:1::1",
        "2002:808:808::1", "2001:db8::1", "2001::1", "fc00::1", "fd12::1", "fe80::1", "fe80::1%1", "fec0::1", "5f00::1",
    ],
)  # fmt: skip
def test_an_address_that_is_not_global_needs_internal(address: str) -> None:
    assert forbidden(address, internal=False)
    assert not forbidden(address, internal=True)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "0.1.2.3", "169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1", "224.0.0.1", "239.1.1.1", "255.255.255.255", "::", "ff02::1", "fd00:ec2::254",
        "www.ville.example", "", "127.1", "0x7f000001", "127.0.0.1 ",
    ],
)  # fmt: skip
def test_an_address_that_is_never_a_target(address: str) -> None:
    assert forbidden(address, internal=True)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2001:4860:4860::8888", "2a01:e0c::1", "172.32.0.1", "11.0.0.1"]
)
def test_a_public_address_is_open(address: str) -> None:
    assert not forbidden(address, internal=False)


@given(number=st.integers(0, 2**32 - 1))
def test_hiding_an_address_in_another_form_changes_nothing(number: int) -> None:
    plain = socket.inet_ntoa(number.to_bytes(4, "big"))
    if forbidden(plain, internal=True):
        assert forbidden(f"::ffff:{plain}", internal=True)
        assert forbidden(f"64:ff9b::{plain}", internal=True)


def test_a_forbidden_address_gets_no_packet() -> None:
    async def run() -> None:
        with pytest.raises(Unseen) as caught:
            async with Wire(Settings()).connect(Endpoint("127.0.0.1", 9), Deadline.after(1)):
                pass
        assert caught.value.why is Why.OUT_OF_SCOPE

    asyncio.run(run())


def test_lab_lifts_limits_for_loopback_only() -> None:
    wire = Wire(LAB)
    assert wire.pace("127.0.0.1") is wire.pace("::1") is PACES["lab"]
    assert wire.pace("192.0.2.1") is wire.pace("10.0.0.1") is PACES["normal"]


Handler = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], Endpoint]]:
    listeners: list[socket.socket] = []

    def start(handler: Handler) -> Endpoint:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def one(peer: socket.socket) -> None:
            with peer:
                peer.settimeout(5)
                try:
                    handler(peer)
                except OSError:
                    pass

        def accept() -> None:
            while True:
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=(peer,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        return Endpoint("127.0.0.1", int(listener.getsockname()[1]))

    yield start
    for listener in listeners:
        listener.close()


def why(endpoint: Endpoint, read: Callable[[Connection], object], *, seconds: float = 5, most: int = 1 << 20) -> Unseen:
    """The reason with which a conversation ends."""

    async def run() -> Unseen:
        with pytest.raises(Unseen) as caught:
            async with Wire(LAB).connect(endpoint, Deadline.after(seconds), most=most) as conn:
                await read(conn)  # type: ignore[misc]
        return caught.value

    return asyncio.run(run())


def silent(peer: socket.socket) -> None:
    peer.recv(1)


def flood(peer: socket.socket) -> None:
    for _count in range(1 << 12):
        peer.sendall(bytes(1 << 16))


def drip(peer: socket.socket) -> None:
    for _count in range(200):
        peer.sendall(b"x")
        time.sleep(0.02)


def test_every_wait_has_an_end(serve: Callable[[Handler], Endpoint]) -> None:
    assert why(serve(silent), lambda conn: conn.read(0.1)).why is Why.TIMEOUT
    assert why(serve(silent), lambda conn: conn.read(30), seconds=0.1).why is Why.DEADLINE
    assert why(serve(silent), lambda conn: conn.read_exactly(4, 0.1)).why is Why.TIMEOUT
    assert why(serve(drip), lambda conn: conn.read_until(b"\n", 10_000, 5), seconds=0.3).why is Why.DEADLINE


def test_every_read_is_capped(serve: Callable[[Handler], Endpoint]) -> None:
    async def all_of_it(conn: Connection) -> None:
        while await conn.read():
            pass

    assert why(serve(flood), all_of_it, most=100_000).why is Why.LIMIT
    assert why(serve(flood), lambda conn: conn.read_until(b"\n", 1000)).why is Why.LIMIT


def test_the_end_of_the_peer_is_told(serve: Callable[[Handler], Endpoint]) -> None:
    assert why(serve(lambda peer: peer.sendall(b"ab")), lambda conn: conn.read_exactly(3)).why is Why.CLOSED
    assert why(serve(lambda peer: peer.sendall(b"ab")), lambda conn: conn.read_until(b"\n", 10)).why is Why.CLOSED


def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = Endpoint("127.0.0.1", listener.getsockname()[1])
    assert why(endpoint, lambda conn: conn.read()).why is Why.REFUSED


def test_what_is_read_is_what_was_sent(serve: Callable[[Handler], Endpoint]) -> None:
    async def run() -> None:
        async with Wire(LAB).connect(serve(lambda peer: peer.sendall(b"line\nabcdef")), Deadline.after(5)) as conn:
            assert await conn.read_until(b"\n", 100) == b"line\n"
            assert await conn.read_exactly(3) == b"abc"
            assert await conn.read() == b"def"
            assert await conn.read() == b""
            assert conn.local_address == "127.0.0.1"

    asyncio.run(run())


def test_leaving_resets_the_connection(serve: Callable[[Handler], Endpoint]) -> None:
    ended: list[BaseException | bytes] = []
    over = threading.Event()

    def handler(peer: socket.socket) -> None:
        try:
            peer.recv(1)
            ended.append(peer.recv(1))
        except OSError as error:
            ended.append(error)
        over.set()

    async def run() -> None:
        async with Wire(LAB).connect(serve(handler), Deadline.after(5)) as conn:
            conn.write(b"x")
            await asyncio.sleep(0.05)

    asyncio.run(run())
    assert over.wait(3)
    assert isinstance(ended[0], ConnectionResetError)


def test_connections_in_flight_and_in_all_are_bounded(serve: Callable[[Handler], Endpoint]) -> None:
    running, peak = 0, 0
    wire = Wire(Settings(pace=replace(PACES["normal"], in_flight=2, per_port=6), internal=True))
    endpoint = serve(silent)
    reasons: list[Why] = []

    async def one() -> None:
        nonlocal running, peak
        try:
            async with wire.connect(endpoint, Deadline.after(10)):
                running += 1
                peak = max(peak, running)
                await asyncio.sleep(0.05)
                running -= 1
        except Unseen as error:
            reasons.append(error.why)

    async def run() -> None:
        await asyncio.gather(*(one() for _count in range(9)))

    asyncio.run(run())
    assert peak == 2
    assert wire.connections("127.0.0.1") == 6
    assert reasons == [Why.LIMIT] * 3


def test_a_wait_for_a_turn_ends_with_the_deadline_and_gives_the_turn_back(
    serve: Callable[[Handler], Endpoint],
) -> None:
    wire = Wire(Settings(pace=replace(PACES["normal"], in_flight=1), internal=True))
    endpoint = serve(silent)

    async def run() -> None:
        async with wire.connect(endpoint, Deadline.after(5)):
            with pytest.raises(Unseen) as caught:
                async with wire.connect(endpoint, Deadline.after(0.05)):
                    pass
            assert caught.value.why is Why.DEADLINE
            waiting = asyncio.create_task(wire.connect(endpoint, Deadline.after(5)).__aenter__())
            await asyncio.sleep(0)
            waiting.cancel()  # as Ctrl-C does
        async with wire.connect(endpoint, Deadline.after(1)):
            pass

    asyncio.run(run())


def test_the_window_widens_with_clean_answers_and_halves_once_a_burst() -> None:
    manners = Manners(PACES["normal"])
    assert manners.window == 2
    manners.clean(443)
    manners.clean(443)
    manners.clean(443)
    assert manners.window == PACES["normal"].in_flight
    for _count in range(4):
        manners.allow(Endpoint("127.0.0.1", 443))
    for number in (1, 2, 3, 4):
        manners.minded(number)
    assert manners.window == 2, "four resets of one burst are one sign"
    manners.clean(443)
    assert 2 < manners.window < 3, "what was too much once is tried again slowly"
    manners.allow(Endpoint("127.0.0.1", 443))
    manners.minded(5)
    manners.allow(Endpoint("127.0.0.1", 443))
    manners.minded(6)
    assert manners.window == 1


def test_three_refusals_after_a_success_stop_the_address(serve: Callable[[Handler], Endpoint]) -> None:
    wire = Wire(LAB)
    endpoint = serve(silent)

    async def reach() -> None:
        async with wire.connect(endpoint, Deadline.after(5)):
            pass

    async def run() -> None:
        for _count in range(3):
            wire.refused_us("127.0.0.1")
        await reach()  # it never answered: that is no rate limit
        wire.answered_us("127.0.0.1")
        for _count in range(3):
            wire.refused_us("127.0.0.1")
        with pytest.raises(Unseen) as caught:
            await reach()
        assert caught.value.why is Why.RATE_LIMITED

    asyncio.run(run())


def test_the_rate_of_a_run_is_kept(serve: Callable[[Handler], Endpoint]) -> None:
    wire = Wire(Settings(pace=replace(PACES["normal"], per_second=50), internal=True))
    endpoint = serve(silent)

    async def one() -> None:
        async with wire.connect(endpoint, Deadline.after(10)):
            pass

    async def run() -> float:
        started = time.monotonic()
        await asyncio.gather(*(one() for _count in range(20)))
        return time.monotonic() - started

    assert asyncio.run(run()) >= 20 / 50 - 0.1
