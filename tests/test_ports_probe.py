# SPDX-License-Identifier: EUPL-1.2
"""The exposure probe against hosts of loopback that answer, stay silent, refuse, lie or change their mind."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from nis2check.evidence import nmap
from nis2check.evidence.net import ports
from nis2check.evidence.net.ports.sweep import Outcome, Sweep
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.port_numbers import CLASSES, DEFAULT_PORTS, class_of, service
from nis2check.evidence.wire import PACES, Deadline, Endpoint, Settings, Wire
from nis2check.model import Kind, Target, Why

HOST = "intranet.ville.example"
Greet = Callable[[int], bytes | None]  # the number of the connection → first bytes, None for a reset


@contextlib.asynccontextmanager
async def listening(count: int, greet: Greet, address: str = "127.0.0.1") -> AsyncIterator[list[int]]:
    """``count`` listening ports that share one counter of connections."""
    seen = 0

    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        first = greet(seen)
        if first is None:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            writer.write(first)
        writer.close()

    async with contextlib.AsyncExitStack() as stack:
        found = []
        for _server in range(count):
            server = await asyncio.start_server(serve, address, 0)
            await stack.enter_async_context(server)
            found.append(server.sockets[0].getsockname()[1])
        yield found


@contextlib.contextmanager
def silent_port() -> Iterator[int]:
    """A port whose queue is full: the kernel drops our SYN, as a filter does."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _filler in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        yield server.getsockname()[1]


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _port in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


async def look(asked: list[int], *, engine: str = "connect", wire: Wire | None = None) -> dict[int, tuple[str, ...]]:
    """Port → (state, service, where), or (why, detail)."""
    wire = wire or Wire(Settings(pace=PACES["normal"], internal=True))
    target = Target(Kind.PORTS, "127.0.0.1", options={"ports": asked, "engine": engine})
    return _by_port([observation async for observation in ports.look(target, wire)])


def _by_port(observations: list[Observation]) -> dict[int, tuple[str, ...]]:
    found: dict[int, tuple[str, ...]] = {}
    services = {
        seen.subject: seen.value for seen in observations if seen.name == "ports.service" and isinstance(seen, Seen)
    }
    for observation in observations:
        assert observation.address == "127.0.0.1"
        if observation.name == "ports.state":
            port = int(observation.subject.rpartition(":")[2])
            if isinstance(observation, Missed):
                found[port] = (observation.why, observation.detail)
            else:
                found[port] = (observation.value, services.get(observation.subject, ""), observation.where)
    return found


def test_open_closed_and_filtered() -> None:
    async def run() -> tuple[int, int, int, dict[int, tuple[str, ...]]]:
        async with listening(1, lambda _number: b"SSH-2.0-OpenSSH_9.6\r\n") as opened:
            with silent_port() as silent:
                (closed,) = free_ports(1)
                return opened[0], closed, silent, await look([opened[0], closed, silent])

    opened, closed, silent, found = asyncio.run(run())
    assert found[opened] == ("open", "ssh", "connect")
    assert found[closed] == ("closed", "", "connect")
    assert found[silent][0] == "filtered"
    assert "2 silences" in found[silent][2]


def test_silence_of_a_host_that_answers_nowhere_is_no_state() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        with silent_port() as silent:
            return await look([silent])

    assert [values[0] for values in asyncio.run(run()).values()] == [Why.TIMEOUT]


@pytest.mark.parametrize("first", [b"", b"220 mail ESMTP\r\n"], ids=["says nothing", "a banner each"])
def test_a_host_that_accepts_everywhere_is_not_believed(first: bytes) -> None:
    async def run() -> tuple[int, dict[int, tuple[str, ...]]]:
        wire = Wire(Settings(pace=PACES["normal"], internal=True))
        async with listening(60, lambda _number: first) as opened:
            found = await look(opened, wire=wire)
            return wire.connections("127.0.0.1"), found

    connections, found = asyncio.run(run())
    assert {values[0] for values in found.values()} == {Why.BLOCKED}
    assert len(found) == 60
    assert connections < 30  # it is not asked 60 times


def test_a_host_that_begins_to_refuse_keeps_what_was_learnt() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        async with listening(50, lambda number: b"" if number <= 20 else None) as opened:
            return await look(opened)

    states = [values[0] for values in asyncio.run(run()).values()]
    assert states.count("open") == 20
    assert states.count(Why.RATE_LIMITED) == 30


def test_refusals_after_the_last_acceptance_are_not_closed_ports() -> None:
    """Four ports accept once each, then nothing of the host does: what was refused meanwhile is not known."""

    async def run() -> dict[int, tuple[str, ...]]:
        wire = Wire(Settings(pace=PACES["normal"], internal=True))
        sweep = Sweep(wire, Deadline.after(10), {port: Endpoint("127.0.0.1", port) for port in range(1, 9)})
        said = {1: "open", 2: "open", 3: "closed", 4: "open", 5: "closed", 6: "closed", 7: "silent", 8: "closed"}
        for port, outcome in said.items():
            sweep.tries[port] = [Outcome(outcome)]
            sweep.course.append((port, Outcome(outcome)))
        before = len(sweep.course)
        for port in (1, 2, 4):  # the confirmations
            sweep.tries[port].append(Outcome.CLOSED)
            sweep.course.append((port, Outcome.CLOSED))
        return {
            port: (found.state or str(found.missed and found.missed.why),)
            for port, found in sweep._verdicts(before).items()
        }

    assert asyncio.run(run()) == {
        1: ("open",), 2: ("open",), 3: ("closed",), 4: ("open",), 5: (Why.RATE_LIMITED,), 6: (Why.RATE_LIMITED,),
        7: (Why.RATE_LIMITED,), 8: (Why.RATE_LIMITED,),
    }  # fmt: skip


def test_a_port_that_accepts_now_and_then_is_open_and_unstable() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        async with listening(1, lambda number: b"" if number == 2 else None) as opened:
            (closed,) = free_ports(1)
            return {port: values for port, values in (await look([*opened, closed])).items() if port in opened}

    ((state, _service, where),) = asyncio.run(run()).values()
    assert state == "open"
    assert "unstable" in where


def test_a_port_that_always_resets_is_neither_open_nor_closed() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        async with listening(1, lambda _number: None) as opened:
            return await look(opened)

    assert [values[0] for values in asyncio.run(run()).values()] == [Why.RESET]


def test_the_whole_host_has_one_deadline() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        wire = Wire(Settings(pace=PACES["gentle"], internal=True, seconds_per_target=1.0))
        with contextlib.ExitStack() as stack:
            return await asyncio.wait_for(look([stack.enter_context(silent_port()) for _n in range(12)], wire=wire), 3)

    assert {values[0] for values in asyncio.run(run()).values()} <= {Why.DEADLINE, Why.TIMEOUT}


def test_our_own_limit_is_said() -> None:
    async def run() -> dict[int, tuple[str, ...]]:
        pace = dataclasses.replace(PACES["normal"], in_flight=1, per_address=3)
        return await look(free_ports(6), wire=Wire(Settings(pace=pace, internal=True)))

    whys = [values[0] for values in asyncio.run(run()).values()]
    assert (whys.count("closed"), whys.count(Why.LIMIT)) == (3, 3)


def test_a_mapped_port_is_reported_as_declared() -> None:
    async def run() -> list[Observation]:
        async with listening(1, lambda _number: b"RFB 003.008\n") as opened:
            settings = Settings(
                pace=PACES["lab"],
                internal=True,
                connect_to={(HOST, 5900): ("127.0.0.1", opened[0]), (HOST, 23): ("127.0.0.1", free_ports(1)[0])},
            )
            target = Target(Kind.PORTS, HOST, options={"ports": [23, 5900]})
            return [observation async for observation in ports.look(target, Wire(settings))]

    observations = asyncio.run(run())
    seen = [(one.subject, one.name, one.value) for one in observations if isinstance(one, Seen)]
    assert seen == [
        (f"{HOST}:23", "ports.number", 23),
        (f"{HOST}:23", "ports.class", "cleartext_admin"),
        (f"{HOST}:23", "ports.state", "closed"),
        (f"{HOST}:5900", "ports.number", 5900),
        (f"{HOST}:5900", "ports.class", "remote_admin"),
        (f"{HOST}:5900", "ports.state", "open"),
        (f"{HOST}:5900", "ports.service", "vnc"),
    ]


def test_an_address_out_of_scope_is_never_tried() -> None:
    async def run() -> list[Observation]:
        wire = Wire(Settings())
        return [one async for one in ports.look(Target(Kind.PORTS, "127.0.0.1", options={"ports": [22]}), wire)]

    (gap,) = asyncio.run(run())
    assert isinstance(gap, Missed)
    assert gap.why == Why.OUT_OF_SCOPE


def test_real_nmap_agrees_with_our_own_connect(tool: Callable[..., str]) -> None:
    tool("nmap")

    async def run() -> tuple[list[int], dict[int, tuple[str, ...]], dict[int, tuple[str, ...]]]:
        async with listening(3, lambda _number: b"") as opened:
            asked = [*opened, *free_ports(40)]
            return opened, await look(asked), await look(asked, engine="nmap")

    opened, ours, theirs = asyncio.run(run())
    assert {port: values[0] for port, values in ours.items()} == {port: values[0] for port, values in theirs.items()}
    assert {theirs[port][2] for port in opened} == {"nmap -sT"}
    assert sum(values[0] == "closed" for values in theirs.values()) == 40  # nmap sums these up unless told not to


def test_real_nmap_on_a_host_that_accepts_everywhere(tool: Callable[..., str]) -> None:
    tool("nmap")

    async def run() -> dict[int, tuple[str, ...]]:
        async with listening(15, lambda _number: b"") as opened:
            return await look(opened, engine="nmap")

    assert {values[0] for values in asyncio.run(run()).values()} == {Why.BLOCKED}


def children() -> set[int]:
    """The children of this process, by the kernel's own list."""
    return {int(one) for task in Path("/proc/self/task").glob("*/children") for one in task.read_text().split()}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_scan_that_is_cancelled_leaves_no_nmap(tool: Callable[..., str]) -> None:
    tool("nmap")

    async def run() -> tuple[set[int], set[int]]:
        with silent_port() as silent:
            before = children()
            wire = Wire(Settings(pace=PACES["lab"], internal=True))
            scan = asyncio.ensure_future(nmap.scan(wire, "127.0.0.1", [silent], Deadline.after(30)))
            started: set[int] = set()
            for _wait in range(200):
                await asyncio.sleep(0.02)
                started = started | (children() - before)
                if started:
                    break
            scan.cancel()
            with pytest.raises(asyncio.CancelledError):
                await scan
            return started, children() & started

    started, left = asyncio.run(run())
    assert len(started) == 1
    assert left == set()


def test_a_scan_whose_time_is_over_leaves_no_nmap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nmap").write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    (tmp_path / "nmap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    async def run() -> None:
        await nmap.scan(Wire(Settings(internal=True)), "127.0.0.1", [1], Deadline.after(3.2))

    with pytest.raises(Unseen) as caught:
        asyncio.run(run())
    assert caught.value.why is Why.DEADLINE
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_nmap_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nmap").write_text(
        "#!/bin/sh\n[ \"$1\" = -V ] && echo 'Nmap version 7.93 ( https://nmap.org )' && exit 0\necho 'QUITTING!' >&2\nexit 1\n"
    )
    (tmp_path / "nmap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    async def run() -> None:
        await nmap.scan(Wire(Settings(internal=True)), "127.0.0.1", [1], Deadline.after(10))

    with pytest.raises(Unseen, match="QUITTING") as caught:
        asyncio.run(run())
    assert caught.value.why is Why.UNREADABLE


def test_the_pace_of_the_lab_is_for_loopback_alone() -> None:
    """nmap may not be started faster than our own connections would be."""

    async def run() -> None:
        wire = Wire(Settings(pace=PACES["lab"], internal=True))
        ports_beyond = range(1, PACES["normal"].per_address + 2)
        await nmap.scan(wire, "192.0.2.1", ports_beyond, Deadline.after(10))

    with pytest.raises(Unseen, match="our own limit") as caught:
        asyncio.run(run())
    assert caught.value.why is Why.LIMIT


def test_without_nmap_our_own_connect_serves_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    async def run() -> dict[int, tuple[str, ...]]:
        return await look(free_ports(1), engine="nmap")

    assert not nmap.present()
    assert list(asyncio.run(run()).values()) == [("closed", "", "connect (nmap absent)")]


def test_the_table_of_ports_is_whole() -> None:
    assert 55 <= len(DEFAULT_PORTS) == len(set(DEFAULT_PORTS)) <= 80
    assert {class_of(port) for port in DEFAULT_PORTS} == set(CLASSES)
    assert ports.ports_of(Target(Kind.PORTS, "h")) == DEFAULT_PORTS


@pytest.mark.parametrize(
    ("first", "name"),
    [
        (b"SSH-2.0-x", "ssh"),
        (b"220 mail ESMTP Postfix\r\n", "smtp"),
        (b"220 ftp.example FTP server ready\r\n", "ftp"),
        (b"220 something else\r\n", ""),
        (b"\xff\xfd\x18", "telnet"),
        (b"J\0\0\0\n8.0.35\0", "mysql"),
        (b"\x1b[2J<script>", ""),
        (b"", ""),
    ],
)
def test_services_by_their_first_bytes(first: bytes, name: str) -> None:
    assert service(first) == name


def test_the_plan_counts_the_ports() -> None:
    assert "22" in ports.cost(Target(Kind.PORTS, "h"))[0]
    assert ports.cost(Target(Kind.PORTS, "h", options={"ports": [1], "engine": "nmap"})) == ["nmap -sT -Pn -n -p 1 h"]
