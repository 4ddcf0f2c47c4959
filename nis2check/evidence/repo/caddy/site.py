# SPDX-License-Identifier: EUPL-1.2
"""A site of a Caddyfile: its addresses, and what Caddy's automatic HTTPS makes of them.

Documented defaults ("Automatic HTTPS", "tls directive"): a site with a name that says neither http:// nor port 80 is served
over TLS 1.2 and 1.3 on port 443, with AEAD suites alone, and port 80 redirects to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.caddy.syntax import Directive
from nis2check.evidence.repo.host_names import is_host_name, is_public_name
from nis2check.evidence.repo.openssl_words import in_order
from nis2check.evidence.repo.page_headers import Header, Page
from nis2check.model import Kind, Why

_ADDRESS = re.compile(r"(?:(?P<scheme>https?)://)?(?P<host>\[[^\]]*\]|[^:/\s]*)(?::(?P<port>\d{1,5}))?(?:/.*)?\Z")
_VERSIONS = ("tls1.2", "tls1.3")
_GROUPS = {
    "x25519": "x25519",
    "secp256r1": "secp256r1",
    "secp384r1": "secp384r1",
    "secp521r1": "secp521r1",
    "x25519mlkem768": "X25519MLKEM768",
}
_HANDS_ON = {"reverse_proxy", "php_fastcgi", "fastcgi", "cgi", "import", "invoke", "abort", "error", "templates"}
_TO_HTTPS = re.compile(r"https://(?:\{host\}|([a-z0-9.-]+))(?::443)?(?=[/{]|\Z)", re.IGNORECASE)
MOST_NAMES = 20

Found = Iterator[Read | Unread]


@dataclass(frozen=True, slots=True)
class Address:
    """``host`` is empty when the site takes any name; ``secure``: Caddy serves it over TLS."""

    host: str
    port: int
    secure: bool

    @property
    def public(self) -> bool:
        """A name that others may type, not localhost nor an address."""
        return is_public_name(self.host)


@dataclass(frozen=True, slots=True)
class Automatic:
    """The global options that change automatic HTTPS."""

    words: frozenset[str]
    http_port: int = 80
    https_port: int = 443


def automatic(options: Directive) -> Automatic:
    words = {word for one in options.every("auto_https") for word in one.words[1:]}
    ports = {
        one.name: int(one.words[1])
        for one in options.every("http_port", "https_port")
        if len(one.words) > 1 and one.words[1].isdigit()
    }
    return Automatic(frozenset(words), ports.get("http_port", 80), ports.get("https_port", 443))


def addresses(site: Directive, how: Automatic) -> list[Address]:
    """The addresses of a site, without those that a variable fills in."""
    found = []
    for word in (part for given in site.words for part in given.split(",") if part):
        match = _ADDRESS.match(word.lower())
        if match is None or "{" in word:
            continue
        scheme, host = match["scheme"], match["host"]
        port = (
            int(match["port"])
            if match["port"]
            else how.http_port
            if scheme == "http" or not (host or scheme)
            else how.https_port
        )
        asked = any(site.every("tls"))
        secure = scheme != "http" and port != how.http_port and (bool(host) or scheme == "https" or asked)
        found.append(Address(host, port, secure))
    return found[:MOST_NAMES]


def subjects(site: Directive, how: Automatic) -> list[tuple[str, Address]]:
    return [(f"{one.host}:{one.port}", one) for one in addresses(site, how) if one.secure and is_host_name(one.host)]


def tls(site: Directive, line: int, subject: str) -> Found:
    """The documented defaults, or the words of the ``tls`` block."""
    yield Read("tls.accepted", True, line, subject, Kind.TLS)
    blocks = [one for one in site.every("tls") if one.block is not None]
    if any(any(block.every("import")) for block in blocks):
        yield Unread("tls.*", Why.UNREADABLE, "the tls block imports a file", line, subject, Kind.TLS)
        return
    said = {one.name: one for block in blocks for one in block.block or ()}
    yield from _versions(said.get("protocols"), line, subject)
    ciphers = said.get("ciphers")
    if ciphers is None:
        yield Read("tls.weak_suites", [], line, subject, Kind.TLS)
    elif not ciphers.templated:
        weak = {"CBC" for word in ciphers.words[1:] if "_CBC_" in word} | {
            "RSA-KEX" for word in ciphers.words[1:] if word.startswith("TLS_RSA_")
        }
        yield Read("tls.weak_suites", in_order(weak), ciphers.line, subject, Kind.TLS)
    curves = said.get("curves")
    if curves is not None and all(word in _GROUPS for word in curves.words[1:]):
        yield Read("tls.groups", [_GROUPS[word] for word in curves.words[1:]], curves.line, subject, Kind.TLS)


def _versions(said: Directive | None, line: int, subject: str) -> Found:
    if said is None:
        yield Read("tls.versions", ["TLSv1.2", "TLSv1.3"], line, subject, Kind.TLS)
    elif said.templated:
        yield Unread("tls.versions", Why.TEMPLATED, "protocols comes from a variable", said.line, subject, Kind.TLS)
    elif not all(word in _VERSIONS for word in said.words[1:]) or len(said.words) < 2:
        yield Unread(
            "tls.versions", Why.MALFORMED, "a word of protocols is none that Caddy knows", said.line, subject, Kind.TLS
        )
    else:
        lowest = _VERSIONS.index(said.words[1])
        highest = _VERSIONS.index(said.words[2]) if len(said.words) > 2 else len(_VERSIONS) - 1
        names = [f"TLSv{word.removeprefix('tls')}" for word in _VERSIONS[lowest : highest + 1]]
        yield Read("tls.versions", names, said.line, subject, Kind.TLS)


# ------------------------------------------------------------------------------------------------------------ redirects


def in_clear(sites: Sequence[Directive], how: Automatic) -> dict[str, Directive]:
    """The first site on port 80 of each name; of the empty name, the one that takes any."""
    found: dict[str, Directive] = {}
    for site in sites:
        for one in addresses(site, how):
            if not one.secure and one.port == 80:
                found.setdefault(one.host, site)
    return found


def redirect(name: str, clear: dict[str, Directive], how: Automatic, line: int) -> Found:
    """What port 80 does for a name: a site of the file that takes it there, else the automatic redirect."""
    subject, fact = f"{name}:443", "http.redirects_to_https"
    site = clear.get(name) or clear.get("")
    if site is None:
        if how.http_port != 80 or {"off", "disable_redirects"} & how.words:
            return  # what answers there, if anything, is not in this file
        yield Read("http.plain_answers", True, line, subject, Kind.HTTP)
        yield Read(fact, True, line, subject, Kind.HTTP)
        return
    yield Read("http.plain_answers", True, site.line, subject, Kind.HTTP)
    met = [one for one in site.every("redir") if _meets_all(one)]
    target = _TO_HTTPS.match(met[0].words[2 if met[0].words[1] == "*" else 1]) if met else None
    if target is not None:
        yield Read(fact, target[1] is None or target[1].lower() == name, met[0].line, subject, Kind.HTTP)
    elif met or gives_way(site) or any(site.every("handle", "route", "handle_path", "redir", "@")):
        detail = "the redirect depends on a condition, or the application may send it"
        yield Unread(fact, Why.UNREADABLE, detail, site.line, subject, Kind.HTTP)
    else:
        yield Read(fact, False, site.line, subject, Kind.HTTP)


def _meets_all(one: Directive) -> bool:
    """A redir without a matcher, or with the one that takes all."""
    words = one.words[1:]
    return bool(words) and (words[0] == "*" or not words[0].startswith(("@", "/"))) and len(words) > (words[0] == "*")


def gives_way(site: Directive) -> bool:
    """Whether an application, or what another file holds, may answer."""
    return any(one.name in _HANDS_ON for one in site.all())


# -------------------------------------------------------------------------------------------------------------- headers


def page(site: Directive, line: int, subject: str) -> Found:
    """The headers that the site sends with the page /."""
    if any(_meets_all(one) for one in site.every("redir")):
        return  # the page is elsewhere
    reason = "the application behind it may send it" if gives_way(site) else ""
    answer = page_headers.facts_of(Page([*_sent(site)], reason, line))
    yield from page_headers.told([answer], line, subject)


def _sent(site: Directive) -> Iterator[Header]:
    held: dict[str, list[Header]] = {}
    top = list(site.every("header"))
    for one in (child for child in site.all() if child.name == "header"):
        words, sure = list(one.words[1:]), one in top
        if words and words[0].startswith(("@", "/", "*")):
            sure = sure and words.pop(0) in {"*", "/*"}
        lines = [(words, one.line)] if words else [(list(child.words), child.line) for child in one.block or ()]
        for given, number in lines:
            _apply(held, given, number, sure=sure)
    for headers in held.values():
        yield from headers


def _apply(held: dict[str, list[Header]], words: Sequence[str], line: int, *, sure: bool) -> None:
    field = words[0] if words else ""
    sign, name = (field[0], field[1:].lower()) if field[:1] in {"+", "-", "?", ">"} else ("", field.lower())
    kept = held.setdefault(name, [])
    if not sure or len(words) > 2:
        kept.append(Header(name, "", line, "it holds for some requests, or is replaced in part", Why.UNREADABLE))
    elif sign == "-":
        kept.clear()
    elif len(words) == 2 and not (sign == "?" and kept):
        if sign != "+":
            kept.clear()
        filled_in = "{" in words[1]
        kept.append(Header(name, words[1], line, "its value comes from a variable" if filled_in else ""))
