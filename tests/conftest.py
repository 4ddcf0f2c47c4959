# SPDX-License-Identifier: EUPL-1.2
"""What every test may use: real tools (skipped when missing, unless CI says that all are there) and the real command."""

from __future__ import annotations

import io
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def tool() -> Callable[..., str]:
    """The path of a program of the system or of this virtual environment: ``tool("nginx")``. Missing: the test skips, or
    fails with NIS2CHECK_ALL_TOOLS=1."""
    beside = Path(sys.executable).parent  # pytest may be called by its path, the environment not activated

    def find(name: str) -> str:
        path = shutil.which(name, path=f"{beside}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
        if path:
            return path
        if os.environ.get("NIS2CHECK_ALL_TOOLS") == "1":
            pytest.fail(f"{name} is missing, and NIS2CHECK_ALL_TOOLS=1 says that every tool is there")
        pytest.skip(f"{name} is not installed")

    return find


Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def nis2check(tmp_path: Path) -> Command:
    """Run the real command in an empty folder with a clean environment: ``nis2check("scope", "243400819", "--json")``."""

    def run(
        *arguments: str, cwd: Path | None = None, stdin: bytes = b"", timeout: float = 60, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        clean = {key: os.environ[key] for key in ("PATH", "LANG", "TMPDIR") if key in os.environ}
        clean |= {
            "HOME": str(tmp_path),
            "PYTHONUTF8": "1",
            "NIS2CHECK_LANG": "fr",
            "PYTHONPATH": str(ROOT),
        } | environment
        return subprocess.run(
            [sys.executable, "-m", "nis2check", *arguments],
            cwd=cwd or tmp_path,
            env=clean,
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    return run


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Command:
    """The same command line in this process, in the same folder and without a terminal: half a second faster each."""
    from nis2check.cli.main import run

    def call(*arguments: str) -> subprocess.CompletedProcess[bytes]:
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "stdin", io.StringIO())
        monkeypatch.setenv("NIS2CHECK_LANG", "fr")
        code = run(list(arguments))
        said = capfdbinary.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


Answers = dns.message.Message | list[bytes] | None  # a message, raw datagrams, or silence
Handler = Callable[[dns.message.Message, bool], Answers]


class NameServer:
    """A DNS server on 127.0.0.1, UDP and TCP on one port, that answers what ``handler(query, tcp)`` says."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.asked: list[tuple[str, str, str]] = []  # name, type, udp or tcp
        self._tcp, self._udp, self.port = self._bound()
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    @staticmethod
    def _bound() -> tuple[socket.socket, socket.socket, int]:
        """Sockets for TCP and UDP on one free port: one that is free for the first may be taken for the second."""
        while True:
            tcp, udp = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                udp.bind(tcp.getsockname())
                return tcp, udp, int(tcp.getsockname()[1])
            except OSError:
                tcp.close()
                udp.close()

    def close(self) -> None:
        self._udp.close()
        self._tcp.close()

    def _answer(self, wire: bytes, tcp: bool) -> list[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((question.name.to_text(omit_final_dot=True), kind, "tcp" if tcp else "udp"))
        answers = self.handler(query, tcp)
        if isinstance(answers, dns.message.Message):
            try:
                return [answers.to_wire(max_size=65535 if tcp else 1232)]
            except dns.exception.TooBig:
                short = dns.message.make_response(query)
                short.flags |= dns.flags.TC
                return [short.to_wire()]
        return answers or []

    def _serve_udp(self) -> None:
        while True:
            try:
                wire, peer = self._udp.recvfrom(4096)
                for data in self._answer(wire, False):
                    self._udp.sendto(data, peer)
            except OSError:
                return

    def _serve_tcp(self) -> None:
        while True:
            try:
                peer, _address = self._tcp.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(5)
                head = peer.recv(2)
                answers = self._answer(peer.recv(struct.unpack("!H", head)[0]), True) if len(head) == 2 else []
                for data in answers:
                    peer.sendall(struct.pack("!H", len(data)) + data)


def zone_handler(text: str) -> Handler:
    """Answers from lines of ``NAME TYPE RDATA`` with absolute names, as a server of all these zones gives them."""
    zone: dict[tuple[dns.name.Name, dns.rdatatype.RdataType], dns.rrset.RRset] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        owner, word, rdata = line.split(" ", 2)
        rrset = dns.rrset.from_text(owner, 60, "IN", word, rdata)
        zone.setdefault((rrset.name, rrset.rdtype), rrset).add(rrset[0])

    def answer(query: dns.message.Message, _tcp: bool) -> dns.message.Message:
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        name, kind = query.question[0].name, query.question[0].rdtype
        found = zone.get((name, kind))
        for _hop in range(20):
            alias = zone.get((name, dns.rdatatype.CNAME))
            if found or not alias:
                break
            response.answer.append(alias)
            name = alias[0].target
            found = zone.get((name, kind))
        if found:
            response.answer.append(found)
        elif not any(owner.is_subdomain(name) for owner, _kind in zone):
            response.set_rcode(dns.rcode.NXDOMAIN)
        return response

    return answer


@pytest.fixture
def name_server() -> Iterator[Callable[[str | Handler], NameServer]]:
    """Start DNS servers: ``name_server("a.test. A 192.0.2.1")`` or ``name_server(handler)``; closed after the test."""
    servers: list[NameServer] = []

    def start(served: str | Handler) -> NameServer:
        servers.append(NameServer(zone_handler(served) if isinstance(served, str) else served))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
