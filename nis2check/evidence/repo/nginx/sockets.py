# SPDX-License-Identifier: EUPL-1.2
"""The server blocks that share one listen address and port, and which of them settles TLS for all.

nginx accepts a connection with the settings of the default server of its address and port. OpenSSL chooses the version
before it hands over the name that the client asks for, so that nginx before 1.29.2 applies the ssl_protocols of the default
server to every name; from 1.29.2 on, those of the named one (ssl_ciphers and ssl_prefer_server_ciphers: always). A file does
not say which nginx will read it: the value of the default is told, and where the two differ a gap says so, with which no
rule can pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.nginx.server import Server, is_opaque
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Why

_NAME = "ssl_protocols"


@dataclass(slots=True)
class Socket:
    """``first`` is the first server block of the file that listens here, ``saying`` the first with each ssl_protocols.

    ``default`` is None when another file may hold it.
    """

    first: Server
    saying: dict[object, Server] = field(default_factory=dict)
    default: Server | None = None
    tls: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What ssl_protocols is, or why that is not known; its line; ``doubt``: why another nginx may take another value."""

    setting: Directive | Unseen
    line: int
    doubt: str = ""


def share(servers: Sequence[Server]) -> dict[str, Socket]:
    """The sockets by address:port. One ``listen … ssl`` makes its socket TLS for every server block that listens there."""
    sockets: dict[str, Socket] = {}
    for server in servers:
        for listen in server.listens:
            socket = sockets.setdefault(listen.place, Socket(server))
            socket.saying.setdefault(_value(server.setting(_NAME)), server)
            socket.tls = socket.tls or listen.tls
            if listen.default:
                socket.default = socket.default or server
    all_here = all(server.outer is not None and not is_opaque(server.outer) for server in servers)
    for socket in sockets.values():
        if socket.default is None and all_here and not any(server.templated for server in servers):
            socket.default = socket.first
    for server in servers:
        server.listens = tuple(replace(one, tls=sockets[one.place].tls) for one in server.listens)
    return sockets


def protocols(sockets: dict[str, Socket], server: Server, port: int) -> Iterator[InForce]:
    """What ssl_protocols comes to for a server block at a port: once for each value that its sockets of that port give it."""
    told: set[object] = set()
    for listen in server.listens:
        if listen.port == port and listen.tls:
            answer = _at(listen.place, sockets[listen.place], server)
            if (value := _value(answer.setting)) not in told:
                told.add(value)
                yield answer


def _at(place: str, socket: Socket, server: Server) -> InForce:
    own = server.setting(_NAME)
    line = _line(own, server, place)
    other = next((one for value, one in socket.saying.items() if value != _value(own)), None)
    if other is None or socket.default is server:
        return InForce(own, line)
    if socket.default is None:
        there = _line(other.setting(_NAME), other, place)
        detail = (
            f"{_NAME} differs between the servers of one port (lines {line} and {there}), "
            "and the default server, whose value counts, may be in another file"
        )
        return InForce(Unseen(Why.UNREADABLE, detail), line)
    default = socket.default.setting(_NAME)
    if _value(default) == _value(own):
        return InForce(own, line)
    at = _line(default, socket.default, place)
    return InForce(default, at, f"line {at} is of the default server; nginx 1.29.2 and later apply line {line}")


def _line(setting: Directive | Unseen, server: Server, place: str) -> int:
    """Of the directive, or of the listen that it is missing for."""
    if isinstance(setting, Directive):
        return setting.line
    return next((one.line for one in server.listens if one.place == place), server.block.line)


def _value(setting: Directive | Unseen) -> object:
    if isinstance(setting, Unseen):
        return setting.why, setting.detail
    return frozenset(word.lower() for word in setting.words)
