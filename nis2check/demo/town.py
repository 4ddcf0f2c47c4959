# SPDX-License-Identifier: EUPL-1.2
"""The small town hall of the demo: real servers on loopback, in this process, on ports that the system chooses.

Nothing here knows nis2check's probes. The town is scanned through the public command, with ``--connect-to`` from the
standard ports of its names to these ports.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
import threading
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from nis2check.demo.certificates import Authority, Leaf
from nis2check.demo.folder import ADDRESS, DOMAIN, zone_text

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

_PAGE = b"<!doctype html><html lang=fr><title>Saint-Exemple</title><h1>Ville de Saint-Exemple</h1></html>"
_HARDENED = (
    "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
    "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'\r\n"
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\nServer: nginx\r\n"
)
_OLD = "Server: Apache/2.4.29 (Ubuntu)\r\nSet-Cookie: JSESSIONID=demo; Path=/\r\n"
_BARE = "Server: nginx/1.18.0\r\n"
# What MariaDB says first: protocol 10, version, thread id, salt, capabilities (MySQL client/server protocol, Handshake v10).
_MARIADB = (
    bytes.fromhex("4a0000000a") + b"5.5.5-10.11.6-MariaDB\0" + b"\x2a\0\0\0" + b"demo1234\0" + b"\xfe\xf7\x2d\x02\0"
)


class Town:
    """All the servers of the town, in one thread with its own loop. ``with Town() as town: town.connect_to``."""

    def __init__(self) -> None:
        self.authority = Authority("Autorité de la démonstration nis2check")
        self.committed_key = self.authority.leaf(f"agents.{DOMAIN}").key
        self.ports: dict[tuple[str, int], int] = {}  # (host, port as declared) → port on loopback
        self.dns_port = 0
        self._closed: list[socket.socket] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nis2check-demo", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._datagrams: asyncio.DatagramTransport | None = None

    def __enter__(self) -> Town:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(timeout=20)
        return self

    def __exit__(self, *_exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(timeout=20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=20)
        self._loop.close()
        for held in self._closed:
            held.close()

    async def _open(self) -> None:
        good = _context(self.authority.leaf(f"www.{DOMAIN}", f"portail.{DOMAIN}"))
        old = _context(self.authority.leaf(f"agents.{DOMAIN}", days=9, self_signed=True), legacy=True)
        mail = _context(self.authority.leaf(f"mail.{DOMAIN}"))
        await self._serve(f"www.{DOMAIN}", 443, _site(200, _HARDENED), good)
        await self._serve(f"www.{DOMAIN}", 80, _site(301, f"Location: https://www.{DOMAIN}/\r\n"))
        await self._serve(f"agents.{DOMAIN}", 443, _site(200, _OLD), old)
        await self._serve(f"agents.{DOMAIN}", 80, _site(200, _OLD))
        await self._serve(f"portail.{DOMAIN}", 443, _site(200, _BARE), good)
        await self._serve(f"portail.{DOMAIN}", 80, _site(301, f"Location: https://portail.{DOMAIN}/\r\n"))
        await self._serve(f"mail.{DOMAIN}", 25, _mail(mail))
        await self._serve(f"www.{DOMAIN}", 3306, _database)
        for port in (22, 3389, 5432):
            self._shut(f"www.{DOMAIN}", port)
        await self._open_dns()

    async def _serve(self, host: str, port: int, serve: Serve, context: ssl.SSLContext | None = None) -> None:
        server = await asyncio.start_server(_quiet(serve), ADDRESS, 0, ssl=context)
        self._servers.append(server)
        self.ports[host, port] = server.sockets[0].getsockname()[1]

    def _shut(self, host: str, port: int) -> None:
        """A port that is really closed: bound, so that no other program takes it, but not listening."""
        held = socket.socket()
        held.bind((ADDRESS, 0))
        self._closed.append(held)
        self.ports[host, port] = held.getsockname()[1]

    async def _open_dns(self) -> None:
        answers = _Answers()
        server = await asyncio.start_server(_quiet(answers.over_tcp), ADDRESS, 0)
        self._servers.append(server)
        self.dns_port = server.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        self._datagrams, _protocol = await loop.create_datagram_endpoint(
            lambda: answers, local_addr=(ADDRESS, self.dns_port)
        )
        self.ports[f"ns1.{DOMAIN}", 53] = self.dns_port

    async def _close(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        for server in self._servers:
            server.close()
        current = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not current]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @property
    def connect_to(self) -> list[str]:
        """The town as curl's --connect-to has it: HOST:PORT:HOST2:PORT2."""
        return [f"{host}:{port}:{ADDRESS}:{real}" for (host, port), real in self.ports.items()]


def _context(leaf: Leaf, *, legacy: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if legacy:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TLS 1.0 is the fault that this server shows
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.TemporaryDirectory() as folder:  # ssl takes files only
        chain = Path(folder) / "chain.pem"
        chain.write_bytes(leaf.chain + leaf.key)
        context.load_cert_chain(chain)
    return context


def _quiet(serve: Serve) -> Serve:
    """A client that aborts is the ordinary case here: half handshakes end with a reset."""

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(30):
                await serve(reader, writer)
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return served


def _site(status: int, headers: str) -> Serve:
    """A web site of one page; other paths answer 404, a redirecting one answers its redirect everywhere."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        found = status != 200 or request.split(b" ", 2)[1] == b"/"
        code = f"{status} OK" if found and status == 200 else "301 Moved Permanently" if found else "404 Not Found"
        page = _PAGE if found else b"<!doctype html><title>404</title>"
        head = f"HTTP/1.1 {code}\r\n{headers}Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + page)
        await writer.drain()

    return serve


def _mail(context: ssl.SSLContext) -> Serve:
    """A mail server that offers STARTTLS (RFC 3207) and takes no mail."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"220 mail.{DOMAIN} ESMTP\r\n".encode())
        while line := await reader.readline():
            verb = line.strip().upper().split(b" ")[0]
            if verb == b"EHLO":
                writer.write(f"250-mail.{DOMAIN}\r\n250-STARTTLS\r\n250 8BITMIME\r\n".encode())
            elif verb == b"STARTTLS":
                writer.write(b"220 Ready\r\n")
                await writer.drain()
                await writer.start_tls(context)
            elif verb == b"QUIT":
                writer.write(b"221 Bye\r\n")
                await writer.drain()
                return
            else:
                writer.write(b"250 OK\r\n" if verb == b"HELO" else b"502 Not here\r\n")
            await writer.drain()

    return serve


async def _database(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A database that greets whoever comes: the exposed port of the demo."""
    writer.write(_MARIADB)
    await writer.drain()
    await reader.read(256)


class _Answers(asyncio.DatagramProtocol):
    """An authoritative DNS server for the zone of the town, over UDP and TCP."""

    def __init__(self) -> None:
        self._zone = dns.zone.from_text(zone_text(), relativize=False)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)  # noqa: S101 - asyncio's promise for UDP
        self._transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        answer = self.answer(data)
        if answer and self._transport is not None:
            self._transport.sendto(answer, source)

    async def over_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            size = int.from_bytes(await reader.readexactly(2), "big")
            answer = self.answer(await reader.readexactly(size))
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()

    def answer(self, wire: bytes) -> bytes:
        try:
            query = dns.message.from_wire(wire)
            response = dns.message.make_response(query)
        except dns.exception.DNSException:
            return b""
        question = query.question[0] if query.question else None
        if question is None or not question.name.is_subdomain(self._zone.origin or dns.name.root):
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        response.flags |= dns.flags.AA
        node = self._zone.get_node(question.name)
        rdataset = node.get_rdataset(question.rdclass, question.rdtype) if node else None
        if rdataset is not None:
            response.answer.append(dns.rrset.from_rdata_list(question.name, rdataset.ttl, list(rdataset)))
        else:
            soa = self._zone.get_rrset(self._zone.origin or dns.name.root, dns.rdatatype.SOA)
            if soa is not None:
                response.authority.append(soa)
            if node is None:
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()
