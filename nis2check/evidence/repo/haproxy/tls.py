# SPDX-License-Identifier: EUPL-1.2
"""What a ``bind … ssl`` line comes to: its own options over those of ssl-default-bind-options.

ssl-min-ver and ssl-max-ver make no-sslv3, no-tlsv1x be ignored (ssl_sock.c warns so). Without a lowest version HAProxy takes
TLSv1.2 from 2.2 on and whatever OpenSSL has before; the file does not tell which it is.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.haproxy.syntax import Line, Section
from nis2check.model import Kind, Why

_ORDER = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_KNOWN = {"SSLv3": "SSLv3", "TLSv1.0": "TLSv1", "TLSv1.1": "TLSv1.1", "TLSv1.2": "TLSv1.2", "TLSv1.3": "TLSv1.3"}
_SHORT = {"sslv3": "SSLv3", "tlsv10": "TLSv1", "tlsv11": "TLSv1.1", "tlsv12": "TLSv1.2", "tlsv13": "TLSv1.3"}
_PORT = re.compile(r":(\d{1,5})(?:-\d{1,5})?\Z")

Found = Iterator[Read | Unread]


@dataclass(frozen=True, slots=True)
class Bind:
    """One address and port of a bind line."""

    address: str
    port: int
    secure: bool
    line: Line

    @property
    def local(self) -> bool:
        """Whether only the machine itself reaches it."""
        return is_local(self.address)


def is_local(address: str) -> bool:
    bare = address.strip("[]").rpartition("@")[2]
    if bare.startswith("/") or address.startswith(("unix@", "abns@", "fd@", "sockpair@")) or bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def binds(section: Section) -> list[Bind]:
    """The settled addresses of a frontend or listen section."""
    found = []
    for line in section.every("bind"):
        for place in line.words[1].split(",") if len(line.words) > 1 and line.settled else ():
            port = _PORT.search(place)
            if port is not None or is_local(place):
                address = place[: port.start()] if port is not None else place
                found.append(Bind(address or "*", int(port[1]) if port else 0, "ssl" in line.words[2:], line))
    return found


def tls(bind: Bind, settings: Section | None, subject: str, kind: Kind) -> Found:
    """Facts of one bind line. ``settings``: the global section, when it stands before the line: HAProxy copies it there."""
    line = bind.line
    yield Read("tls.accepted", True, line.number, subject, kind)
    options = _options(settings)
    versions = _versions(line.words, options.words if options is not None else ())
    at = line.number if options is None or _says_versions(line.words) else options.number
    if options is not None and not options.settled:
        versions = Unseen(Why.TEMPLATED, "ssl-default-bind-options depends on a condition or on a variable")
    if isinstance(versions, Unseen):
        yield Unread("tls.versions", versions.why, versions.detail, at, subject, kind)
    else:
        yield Read("tls.versions", list(versions), at, subject, kind)
        if "crt-list" in line.words:
            detail = "a crt-list may set other versions for a name"
            yield Unread("tls.versions", Why.UNREADABLE, detail, line.number, subject, kind)
    client = "prefer-client-ciphers" in line.words or (options is not None and "prefer-client-ciphers" in options.words)
    yield Read("tls.server_preference", not client, line.number, subject, kind)
    for word, default, say in (
        ("ciphers", "ssl-default-bind-ciphers", openssl_words.suites),
        ("curves", "ssl-default-bind-curves", openssl_words.groups),
    ):
        value, where = _of(line, settings, word, default)
        if value:
            yield from say(value, where, subject, kind)


def _options(settings: Section | None) -> Line | None:
    return next(iter(list(settings.every("ssl-default-bind-options"))[-1:]), None) if settings is not None else None


def _of(line: Line, settings: Section | None, word: str, default: str) -> tuple[str, int]:
    if word in line.words:
        return line.after(word), line.number
    said = [one for one in settings.every(default) if one.settled] if settings is not None else []
    return (said[-1].after(default), said[-1].number) if said else ("", 0)


def _says_versions(words: tuple[str, ...]) -> bool:
    return any(
        word in {"ssl-min-ver", "ssl-max-ver"} or word.startswith(("no-tlsv", "no-sslv", "force-")) for word in words
    )


def _versions(own: tuple[str, ...], common: tuple[str, ...]) -> tuple[str, ...] | Unseen:
    """The versions offered, oldest first, or why the file does not tell."""
    try:
        lowest = _bound(own, "ssl-min-ver") or _bound(common, "ssl-min-ver")
        highest = _bound(own, "ssl-max-ver") or _bound(common, "ssl-max-ver")
    except Unseen as error:
        return error
    if not lowest and not highest:
        refused = {_SHORT[word[3:]] for word in (*own, *common) if word.startswith("no-") and word[3:] in _SHORT}
        if not {"TLSv1", "TLSv1.1"} <= refused:
            return Unseen(Why.UNREADABLE, "no lowest version is set: TLSv1.2 from HAProxy 2.2 on, older ones before")
        return tuple(one for one in _ORDER[3:] if one not in refused) or Unseen(Why.MALFORMED, "no version is left")
    if not lowest:
        return Unseen(Why.UNREADABLE, "no lowest version is set: its default depends on the version of HAProxy")
    first, last = _ORDER.index(lowest), _ORDER.index(highest or _ORDER[-1])
    return _ORDER[first : last + 1] or Unseen(Why.MALFORMED, "the lowest version is above the highest")


def _bound(words: tuple[str, ...], option: str) -> str:
    """The last word wins, force-… included. Raises Unseen(malformed)."""
    value = ""
    for index, word in enumerate(words):
        if word == option:
            given = words[index + 1] if index + 1 < len(words) else ""
            if given not in _KNOWN:
                raise Unseen(Why.MALFORMED, f"{given[:40]!r} is no version that HAProxy knows")
            value = _KNOWN[given]
        elif word.startswith("force-") and word[6:] in _SHORT:
            value = _SHORT[word[6:]]
    return value
