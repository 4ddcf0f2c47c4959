# SPDX-License-Identifier: EUPL-1.2
"""The small town hall of the demo: real servers on loopback, in this process, on ports that the system chooses.

Nothing here knows nis2check's probes. The town is scanned through the public command, with ``--connect-to`` from the
standard ports of its names to these ports.
"""

from __future__ import annotations

import socket
import socketserver
import ssl
import tempfile
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.node
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.zone

from nis2check.demo.certificates import Authority, Leaf
from nis2check.demo.folder import ADDRESS, DOMAIN, zone_text

Serve = Callable[[socket.socket], None]

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
    """All the servers of the town, each connection in its own thread. ``with Town() as town: town.connect_to``."""

    def __init__(self) -> None:
        self.authority = Authority("Autorité de la démonstration nis2check")
        self.committed_key = self.authority.leaf(f"agents.{DOMAIN}").key
        self.ports: dict[tuple[str, int], int] = {}  # (host, port as declared) → port on loopback
        self.dns_port = 0
        self._closed: list[socket.socket] = []
        self._servers: list[_Server | _Datagrams] = []

    def __enter__(self) -> Town:
        good = _context(self.authority.leaf(f"www.{DOMAIN}", f"portail.{DOMAIN}"))
        old = _context(self.authority.leaf(f"agents.{DOMAIN}", days=9, self_signed=True), legacy=True)
        mail = _context(self.authority.leaf(f"mail.{DOMAIN}"))
        self._serve(f"www.{DOMAIN}", 443, _over_tls(good, _site(200, _HARDENED)))
        self._serve(f"www.{DOMAIN}", 80, _site(301, f"Location: https://www.{DOMAIN}/\r\n"))
        self._serve(f"agents.{DOMAIN}", 443, _over_tls(old, _site(200, _OLD)))
        self._serve(f"agents.{DOMAIN}", 80, _site(200, _OLD))
        self._serve(f"portail.{DOMAIN}", 443, _over_tls(good, _site(200, _BARE)))
        self._serve(f"portail.{DOMAIN}", 80, _site(301, f"Location: https://portail.{DOMAIN}/\r\n"))
        self._serve(f"mail.{DOMAIN}", 25, _mail(mail))
        self._serve(f"www.{DOMAIN}", 3306, _database)
        for port in (22, 3389, 5432):
            self._shut(f"www.{DOMAIN}", port)
        self._open_dns()
        return self

    def __exit__(self, *_exception: object) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
        for held in self._closed:
            held.close()

    def _serve(self, host: str, port: int, serve: Serve) -> None:
        self.ports[host, port] = self._start(_Server((ADDRESS, 0), _handler(serve)))

    def _start(self, server: _Server | _Datagrams) -> int:
        threading.Thread(target=server.serve_forever, args=(0.05,), name="nis2check-demo", daemon=True).start()
        self._servers.append(server)
        port: int = server.socket.getsockname()[1]
        return port

    def _shut(self, host: str, port: int) -> None:
        """A port that is really closed: bound, so that no other program takes it, but not listening."""
        held = socket.socket()
        held.bind((ADDRESS, 0))
        self._closed.append(held)
        self.ports[host, port] = held.getsockname()[1]

    def _open_dns(self) -> None:
        zone = Zone()
        self.dns_port = self._start(_Server((ADDRESS, 0), _handler(zone.over_tcp)))
        self._start(_Datagrams((ADDRESS, self.dns_port), _datagram_handler(zone.answer)))
        self.ports[f"ns1.{DOMAIN}", 53] = self.dns_port

    @property
    def connect_to(self) -> list[str]:
        """The town as curl's --connect-to has it: HOST:PORT:HOST2:PORT2."""
        return [f"{host}:{port}:{ADDRESS}:{real}" for (host, port), real in self.ports.items()]


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that aborts is the ordinary case here: half handshakes end with a reset."""


class _Datagrams(socketserver.ThreadingUDPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As above."""


def _handler(serve: Serve) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(30)
            serve(self.request)

    return Handler


def _datagram_handler(answer: Callable[[bytes], bytes]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, server = self.request
            if reply := answer(data):
                server.sendto(reply, self.client_address)

    return Handler


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


def _over_tls(context: ssl.SSLContext, serve: Serve) -> Serve:
    def served(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as secured:
            serve(secured)

    return served


def _line(stream: socket.socket, end: bytes, most: int = 16384) -> bytes:
    """Bytes up to ``end``, read one by one: what follows STARTTLS must stay in the socket. b"" when the peer left."""
    line = b""
    while not line.endswith(end) and len(line) < most:
        byte = stream.recv(1)
        if not byte:
            return b""
        line += byte
    return line


def _site(status: int, headers: str) -> Serve:
    """A web site of one page; other paths answer 404, a redirecting one answers its redirect everywhere."""

    def serve(stream: socket.socket) -> None:
        request = _line(stream, b"\r\n\r\n")
        if not request:
            return
        found = status != 200 or request.split(b" ", 2)[1] == b"/"
        code = "200 OK" if found and status == 200 else "301 Moved Permanently" if found else "404 Not Found"
        page = _PAGE if found else b"<!doctype html><title>404</title>"
        head = f"HTTP/1.1 {code}\r\n{headers}Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(page)}\r\n"
        stream.sendall(head.encode() + b"Connection: close\r\n\r\n" + page)

    return serve


_ANSWERS = {b"HELO": b"250 OK\r\n", b"STARTTLS": b"220 Ready\r\n", b"QUIT": b"221 Bye\r\n"}


def _mail(context: ssl.SSLContext) -> Serve:
    """A mail server that offers STARTTLS (RFC 3207) and takes no mail."""
    hello = f"250-mail.{DOMAIN}\r\n250-STARTTLS\r\n250 8BITMIME\r\n".encode()

    def serve(stream: socket.socket) -> None:
        stream.sendall(f"220 mail.{DOMAIN} ESMTP\r\n".encode())
        while line := _line(stream, b"\n"):
            verb = line.strip().upper().split(b" ")[0]
            stream.sendall(hello if verb == b"EHLO" else _ANSWERS.get(verb, b"502 Not here\r\n"))
            if verb == b"STARTTLS":
                stream = context.wrap_socket(stream, server_side=True)
            elif verb == b"QUIT":
                return

    return serve


def _database(stream: socket.socket) -> None:
    """A database that greets whoever comes: the exposed port of the demo."""
    stream.sendall(_MARIADB)
    stream.recv(256)


_PARENT_SOA = dns.rrset.from_text("test.", 3600, "IN", "SOA", "a.test. hostmaster.test. 1 7200 3600 1209600 3600")


class Zone:
    """An authoritative DNS server for the zone of the town, over UDP and TCP."""

    def __init__(self) -> None:
        self._zone = dns.zone.from_text(zone_text(), relativize=False)

    def over_tcp(self, stream: socket.socket) -> None:
        while size := stream.recv(2, socket.MSG_WAITALL):
            answer = self.answer(stream.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
            stream.sendall(len(answer).to_bytes(2, "big") + answer)

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
        if question.rdtype == dns.rdatatype.DS and question.name == self._zone.origin:
            response.authority.append(_PARENT_SOA)  # the parent's answer, as a resolver would bring it: no DS
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
