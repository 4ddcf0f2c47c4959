# SPDX-License-Identifier: EUPL-1.2
"""A virtual host of nginx: its names and ports, and which setting is in force for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Why

MOST_NAMES = 20  # of one server block

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
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


@dataclass(frozen=True, slots=True)
class Listen:
    port: int
    tls: bool
    line: int


class Server:
    """A server block, and the http block around it when the file holds it."""

    def __init__(self, block: Directive, outer: Directive | None) -> None:
        self.block = block
        self.outer = outer
        words = [word.lower() for directive in block.every("server_name") for word in directive.words]
        self.names = tuple(dict.fromkeys(word for word in words if _HOST.match(word)))[:MOST_NAMES]
        always = any(directive.words[:1] == ("on",) for directive in block.every("ssl"))  # before nginx 1.25
        self.listens = tuple(_listens(block, always=always))
        self.tls = tuple(listen for listen in self.listens if listen.tls)

    @property
    def templated(self) -> Directive | None:
        return next((one for one in self.block.every("listen", "server_name") if one.templated), None)

    def subjects(self) -> list[tuple[str, Listen]]:
        """``name:port`` of each name and TLS port, with the line that opens the port."""
        ports = {listen.port: listen for listen in reversed(self.tls)}  # the first line of each
        return [(f"{name}:{port}", listen) for name in self.names for port, listen in sorted(ports.items())]

    def setting(self, name: str) -> Directive | Unseen:
        """The directive in force, from this block or the http block around it, or why the file does not tell."""
        if found := self.block.last(name):
            return found
        if is_opaque(self.block):
            return Unseen(Why.UNREADABLE, f"{name} may be in an included file")
        if self.outer is None:
            return Unseen(Why.UNREADABLE, f"{name} is not in this file; the http block is in another")
        if found := self.outer.last(name):
            return found
        if is_opaque(self.outer):
            return Unseen(Why.UNREADABLE, f"{name} may be in an included file")
        return Unseen(Why.NOT_ASKED, f"{name} is not set: the default of nginx depends on its version")


def _listens(block: Directive, *, always: bool) -> Iterator[Listen]:
    for directive in block.every("listen"):
        place = directive.words[0] if directive.words else ""
        if place.startswith("unix:") or directive.templated:
            continue
        tail = place.rpartition("]")[2] if place.startswith("[") else place
        digits = tail.rpartition(":")[2]
        port = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 80
        yield Listen(port, always or "ssl" in directive.words[1:], directive.line)
    if block.last("listen") is None:
        yield Listen(80, always, block.line)


def is_opaque(block: Directive) -> bool:
    """Whether the block includes files that may hold any of the settings read here."""
    return any(not one.words or not _HARMLESS.search(one.words[0]) for one in block.every("include"))
