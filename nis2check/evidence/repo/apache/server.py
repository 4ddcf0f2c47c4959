# SPDX-License-Identifier: EUPL-1.2
"""A virtual host of Apache httpd: its names and ports, and which setting is in force for it.

A virtual host takes its own word, else that of the main server; the last word wins (httpd, "Configuration Sections"). Whether a
file holds all of the configuration is known from its ServerRoot and from the lack of any Include.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Unseen
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.evidence.repo.host_names import is_host_name
from nis2check.model import Why

MOST_NAMES = 20  # of one virtual host

INCLUDES = ("include", "includeoptional", "use")
_PLACE = re.compile(r"(?P<address>\[[0-9A-Fa-f:.]+\]|[^\s:]*)(?::(?P<port>\d{1,5}|\*))?\Z")
_HARMLESS = re.compile(
    r"(?:mods-(?:enabled|available)|conf\.modules\.d)/[^/]*(?:\.load)?\Z|(?:^|/)(?:mime\.types|ports\.conf)\Z"
)
_ANY = {"*", "_default_", "0.0.0.0", "[::]"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True)
class Place:
    """One address:port of a virtual host, in one spelling."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


class Server:
    """A VirtualHost section and the file around it."""

    def __init__(self, block: Directive, root: Directive) -> None:
        self.block = block
        self.root = root
        self.whole = is_whole(root)
        named = [_bare(one.first) for one in block.every("servername")][-1:]
        aliases = [word.lower() for one in block.every("serveralias") for word in one.words]
        self.first_name = named[0] if named else ""
        self.names = tuple(dict.fromkeys(name for name in [*named, *aliases] if is_host_name(name)))[:MOST_NAMES]
        self.places = tuple(_places(block))
        own = block.last("sslengine")  # no file included after it would turn it off again
        engine = own if own is not None and not own.guard else self.setting("sslengine")
        self.tls: bool | Unseen
        if isinstance(engine, Unseen):
            self.tls = False if engine.why is Why.NOT_ASKED or not self._may_speak_tls() else engine
        else:
            self.tls = engine.first.lower() == "on"

    def _may_speak_tls(self) -> bool:
        """Whether the host looks like one of TLS, so that an engine that is not in the file is worth a word."""
        says = any(one.name.startswith("ssl") for one in self.block.block or ())
        return says or any(place.port in {443, 8443} for place in self.places)

    @property
    def templated(self) -> Directive | None:
        if self.block.templated:
            return self.block
        return next((one for one in self.block.every("servername", "serveralias") if one.templated), None)

    def subjects(self) -> Iterator[tuple[str, Place]]:
        for name in self.names:
            for place in {place.port: place for place in reversed(self.places)}.values():
                yield f"{name}:{place.port}", place

    def setting(self, name: str) -> Directive | Unseen:
        """The directive in force (its name in lower case), or why the file does not tell."""
        for block in (self.block, self.root):
            found = block.last(name)
            if found is not None and found.guard:
                return Unseen(Why.UNREADABLE, f"{name} depends on {found.guard}")
            after = [one for one in includes(block) if found is None or one.line > found.line]
            if after:
                return Unseen(Why.UNREADABLE, f"{name} may be in an included file (line {after[0].line})")
            if found is not None:
                return found
        if not self.whole:
            return Unseen(Why.UNREADABLE, f"{name} is not in this file; the main configuration is in another")
        return Unseen(Why.NOT_ASKED, f"{name} is not set")


def is_whole(root: Directive) -> bool:
    """Whether the file holds all of the configuration."""
    starts = root.last("serverroot") is not None or root.last("loadmodule") is not None
    return starts and root.last("listen") is not None and not list(includes(root))


def includes(block: Directive) -> list[Directive]:
    """The directives that bring in what this file does not show."""
    return [one for one in block.every(*INCLUDES) if not _HARMLESS.search(one.first)]


def servers(root: Directive) -> list[Server]:
    """The virtual hosts that every server reading the file has."""
    return [Server(one, root) for one in root.every("virtualhost") if not one.guard]


def _bare(name: str) -> str:
    """ServerName may hold a scheme and a port."""
    return name.lower().rpartition("://")[2].partition(":")[0]


def _places(block: Directive) -> Iterator[Place]:
    for word in block.words:
        found = _PLACE.match(word)
        if found is not None and found["port"] and found["port"] != "*":
            address = "*" if found["address"].lower() in _ANY else found["address"].lower()
            yield Place(address, int(found["port"]))
