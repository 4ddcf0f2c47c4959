# SPDX-License-Identifier: EUPL-1.2
"""A virtual host of nginx: its names and ports, and which setting is in force for it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.host_names import is_host_name
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Why

MOST_NAMES = 20  # of one server block
MOST_PORTS = 20  # of one range

_PORTS = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z", re.ASCII)

# Included files that set none of what is read here.
_HARMLESS = re.compile(
    r"(?:^|/)(?:mime\.types|(?:fastcgi|uwsgi|scgi|proxy)[_.]params|fastcgi\.conf|fastcgi-php\.conf|modules-enabled/.*)\Z"
)
# Directives that leave the answer to an application.
GIVES_WAY = (
    "proxy_pass",
    "fastcgi_pass",
    "uwsgi_pass",
    "scgi_pass",
    "grpc_pass",
    "content_by_lua_block",
    "js_content",
)


# Settings that add up when a block says them twice; the others nginx refuses to read twice.
_ADDS_UP = {"ssl_protocols"}
_SAYS_TLS = re.compile(r"ssl|tls|letsencrypt|certbot", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listen:
    """``place`` is address:port, in one spelling. ``tls`` and ``default`` as this directive says them."""

    place: str
    port: int
    tls: bool
    default: bool
    line: int


class Server:
    """A server block, and the http block around it when the file holds it."""

    def __init__(self, block: Directive, outer: Directive | None) -> None:
        self.block = block
        self.outer = outer
        words = [word.lower() for directive in block.every("server_name") for word in directive.words]
        named = [word.removeprefix(".") for word in words]  # .x.fr is x.fr and *.x.fr
        self.first_name = named[0] if named else ""
        self.names = tuple(dict.fromkeys(word for word in named if is_host_name(word)))[:MOST_NAMES]
        switch = block.last("ssl") or (outer.last("ssl") if outer else None)  # before nginx 1.25
        self.listens = tuple(_listens(block, always=switch is not None and says(switch, "on")))

    @property
    def tls(self) -> tuple[Listen, ...]:
        return tuple(listen for listen in self.listens if listen.tls)

    @property
    def templated(self) -> Directive | None:
        return next((one for one in self.block.every("listen", "server_name") if _is_filled_in(one)), None)

    def subjects(self) -> list[tuple[str, Listen]]:
        """``name:port`` of each name and TLS port, with the line that opens the port."""
        ports = {listen.port: listen for listen in reversed(self.tls)}  # the first line of each
        return [(f"{name}:{port}", listen) for name in self.names for port, listen in sorted(ports.items())]

    def setting(self, name: str) -> Directive | Unseen:
        """The directive of this block or of the http block around it, or why the file does not tell."""
        if found := setting_of(self.block, name):
            return found
        if is_opaque(self.block):
            return Unseen(Why.UNREADABLE, f"{name} may be in an included file")
        if self.outer is None:
            return Unseen(Why.UNREADABLE, f"{name} is not in this file; the http block is in another")
        if found := setting_of(self.outer, name):
            return found
        if is_opaque(self.outer):
            return Unseen(Why.UNREADABLE, f"{name} may be in an included file")
        return Unseen(Why.NOT_ASKED, f"{name} is not set: the default of nginx depends on its version")


def setting_of(block: Directive, name: str) -> Directive | None:
    """The directive of a block; one that adds up has the words of all, and the line of the first."""
    found = list(block.every(name))
    if name in _ADDS_UP and len(found) > 1:
        return Directive(name, tuple(word for one in found for word in one.words), found[0].line)
    return found[-1] if found else None


def may_add(block: Directive, name: str) -> Directive | None:
    """The include beside such a setting whose name says that it may hold more of it."""
    if name not in _ADDS_UP or block.last(name) is None:
        return None
    return next((one for one in block.every("include") if _SAYS_TLS.search("".join(one.words[:1]))), None)


def says(directive: Directive, *values: str) -> bool:
    """Whether the value is one of these, in any case, as nginx reads its own words."""
    return bool(directive.words) and directive.words[0].lower() in values


def _is_filled_in(directive: Directive) -> bool:
    """By a template or the environment (envsubst). A regular expression has its own ``$``."""
    return directive.templated or any("$" in word and not word.startswith("~") for word in directive.words)


def _listens(block: Directive, *, always: bool) -> Iterator[Listen]:
    for directive in block.every("listen"):
        place, *options = directive.words or ("",)
        if place.startswith("unix:") or "quic" in options or _is_filled_in(directive):
            continue  # no TCP port, or not known which
        tls = always or "ssl" in options
        default = "default_server" in options or "default" in options
        address, ports = _place(place)
        for port in ports:
            yield Listen(f"{address}:{port}", port, tls, default, directive.line)
    if block.last("listen") is None and not is_opaque(block):
        yield Listen("*:80", 80, always, False, block.line)


def _place(place: str) -> tuple[str, range]:
    """The address in one spelling and the ports of the first word of listen: ``443``, ``*:443``, ``[::]:443``, ``1.2.3.4``."""
    host, bracket, tail = place.lower().rpartition("]")
    if not bracket:
        host, colon, tail = place.lower().rpartition(":")
        tail = tail if colon or _PORTS.match(tail) else f"{tail}:"
        host = host or tail.rpartition(":")[0]
    ports = _PORTS.match(tail.rpartition(":")[2])
    first = int(ports[1]) if ports else 80
    last = int(ports[2] or first) if ports else 80
    try:
        address = str(ipaddress.ip_address(host.strip("[")))
    except ValueError:
        address = host
    return ("*" if address in {"", "0.0.0.0"} else address), range(first, min(last, first + MOST_PORTS) + 1)  # noqa: S104 - read


def is_opaque(block: Directive) -> bool:
    """Whether the block includes files that may hold any of the settings read here."""
    return any(not one.words or not _HARMLESS.search(one.words[0]) for one in block.every("include"))
