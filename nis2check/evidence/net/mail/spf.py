# SPDX-License-Identifier: EUPL-1.2
"""SPF records: their syntax and the tree of look-ups they cost (RFC 7208). No message is evaluated.

Rules for this file: any text ends in a `Record`, whose ``errors`` are what RFC 7208 calls a permanent error; a name server that
stays silent leaves the tree open, which is not an error of the domain.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why

MOST_LOOKUPS = 10  # RFC 7208 section 4.6.4
MOST_VOID = 2  # the same section
MOST_QUERIES = 12  # ours, for one tree
MOST_ERRORS = 10
MOST_TERMS = 5000

_VERSION = re.compile(r"v=spf1( |$)", re.IGNORECASE)
_MECHANISM = re.compile(r"([+\-~?]?)([a-z0-9_.\-]+)(?::(.*))?", re.IGNORECASE | re.DOTALL)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.\-]*)=(.*)", re.IGNORECASE | re.DOTALL)
_CIDR = re.compile(r"(.*?)(?:/(\d{1,2}))?(?://(\d{1,3}))?", re.DOTALL)
_MACRO_STRING = re.compile(r"(?:%\{[slodiphcrtv]\d*r?[.\-+,/_=]*\}|%[%_\-]|[\x21-\x24\x26-\x7e])+", re.IGNORECASE)
_TOP_LABEL = re.compile(r"(?!\d+$)[a-z0-9](?:[a-z0-9\-]*[a-z0-9])?", re.IGNORECASE)
_ASKS_DNS = frozenset({"include", "a", "mx", "ptr", "exists"})


@dataclass(frozen=True, slots=True)
class Term:
    """A mechanism that asks DNS, or the redirect modifier. ``domain`` is empty for the record's own domain."""

    name: str
    domain: str

    @property
    def has_macro(self) -> bool:
        """Whether the name depends on the message, so that nobody can ask it without one."""
        return "%" in self.domain


@dataclass(frozen=True, slots=True)
class Record:
    """One record: the terms that ask DNS in the order they are evaluated, its ``all``, what is wrong with it."""

    terms: tuple[Term, ...]
    all: str  # -all, ~all, ?all, +all, redirect, none
    errors: tuple[str, ...]


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208 section 4.5): the version, then a space or the end."""
    return _VERSION.match(text) is not None


def parse(text: str) -> Record:
    """Read a record that `is_spf`. Never raises."""
    words = [word for word in text.split(" ")[1:] if word]
    errors = [f"more than {MOST_TERMS} terms"] if len(words) > MOST_TERMS else []
    terms: list[Term] = []
    modifiers: dict[str, str] = {}
    last = ""
    for word in words[:MOST_TERMS]:
        modifier = _MODIFIER.fullmatch(word)
        if modifier:
            errors += _add_modifier(modifiers, modifier[1].lower(), modifier[2])
            continue
        term, qualifier, problem = _mechanism(word)
        if problem:
            errors.append(problem)
        elif term is not None and term.name == "all":
            last = last or f"{qualifier or '+'}all"
        elif term is not None and not last and term.name in _ASKS_DNS:  # what follows "all" is never evaluated
            terms.append(term)
    redirect = modifiers.get("redirect")
    if redirect is not None and not last:
        terms.append(Term("redirect", redirect.lower()))
        last = "redirect"
    return Record(tuple(terms), last or "none", tuple(errors[:MOST_ERRORS]))


def _add_modifier(modifiers: dict[str, str], name: str, value: str) -> list[str]:
    """redirect and exp: once each, with a domain (RFC 7208 section 6); other modifiers are ignored."""
    if name not in {"redirect", "exp"}:
        return []
    if name in modifiers:
        return [f"{name}= twice"]
    modifiers[name] = value
    return [] if _is_domain_spec(value) else [f"{name}={value:.60}: not a domain"]


def _mechanism(word: str) -> tuple[Term | None, str, str]:
    """(term, qualifier, error) of one mechanism."""
    found = _MECHANISM.fullmatch(word.split("/")[0]) if word.lower().startswith(_SHORT) else _MECHANISM.fullmatch(word)
    if not found or found[2].lower() not in _ARGUMENT:
        return None, "", f"unknown mechanism: {word:.60}"
    name = found[2].lower()
    rest = word[len(found[1]) + len(name) :]
    if not _ARGUMENT[name](rest):
        return None, "", f"bad argument: {word:.60}"
    domain = ""
    if name in _ASKS_DNS and rest.startswith(":"):
        domain = _without_cidr(rest[1:]) if name in {"a", "mx"} else rest[1:]
    return Term(name, domain.lower()), found[1], ""


def _without_cidr(text: str) -> str:
    found = _CIDR.fullmatch(text)
    return found[1] if found else text


def _is_domain_spec(text: str) -> bool:
    """RFC 7208 section 7.1, a name of two labels at least unless a macro makes it."""
    if not text or len(text) > 1024 or not _MACRO_STRING.fullmatch(text):
        return False
    if "%" in text:
        return True
    labels = text.rstrip(".").split(".")
    return len(labels) >= 2 and all(0 < len(label) <= 63 for label in labels) and bool(_TOP_LABEL.fullmatch(labels[-1]))


def _is_host(rest: str) -> bool:
    """What may follow ``a`` and ``mx``: an optional domain and optional prefix lengths."""
    found = _CIDR.fullmatch(rest)
    if not found or int(found[2] or 0) > 32 or int(found[3] or 0) > 128:
        return False
    return not found[1] or (found[1].startswith(":") and _is_domain_spec(found[1][1:]))


def _is_network(rest: str, version: int) -> bool:
    if not rest.startswith(":") or rest.endswith("/"):
        return False
    try:
        network = ipaddress.ip_network(rest[1:], strict=False)
    except ValueError:
        return False
    return (
        network.version == version and "." not in rest.rpartition("/")[2] if "/" in rest else network.version == version
    )


_ARGUMENT: dict[str, Callable[[str], bool]] = {
    "all": lambda rest: not rest,
    "include": lambda rest: rest.startswith(":") and _is_domain_spec(rest[1:]),
    "exists": lambda rest: rest.startswith(":") and _is_domain_spec(rest[1:]),
    "a": _is_host,
    "mx": _is_host,
    "ptr": lambda rest: not rest or (rest.startswith(":") and _is_domain_spec(rest[1:])),
    "ip4": lambda rest: _is_network(rest, 4),
    "ip6": lambda rest: _is_network(rest, 6),
}
# "a/24" and "mx/24" have no colon before the slash
_SHORT = tuple(f"{qualifier}{name}/" for qualifier in ("", "+", "-", "~", "?") for name in ("a", "mx"))

# -------------------------------------------------------------------------------------------------------------- tree

Texts = Callable[[str], Awaitable[tuple[str, ...]]]  # the TXT records of a name; raises Unseen
IsVoid = Callable[[str, str], Awaitable[bool]]  # whether a name has none of a kind of record; raises Unseen


@dataclass(slots=True)
class Tree:
    """The look-ups that one record costs, counted as RFC 7208 counts them, kept beyond the limit.

    ``nodes`` are {domain, depth, lookups} in the order of evaluation. ``open`` says why a part could not be followed:
    then ``lookups`` is a lower bound.
    """

    texts: Texts
    is_void: IsVoid
    lookups: int = 0
    void: int = 0
    all: str = "none"  # after redirects
    errors: list[str] = field(default_factory=list)
    nodes: list[Json] = field(default_factory=list)
    open: Unseen | None = None
    queries: int = MOST_QUERIES
    hosts: list[tuple[str, str]] = field(default_factory=list)

    async def grow(self, domain: str, record: Record) -> None:
        """Follow every include and redirect, then look which of the a and mx terms are void."""
        self.queries -= 1  # the record in hand
        await self._visit(domain, record, (domain,), True)
        for name, kind in self.hosts:
            await self._look_up(name, kind)
        if self.lookups > MOST_LOOKUPS:
            self._say(f"more than {MOST_LOOKUPS} DNS look-ups")
        if self.void > MOST_VOID:
            self._say(f"more than {MOST_VOID} void look-ups")

    def _say(self, error: str) -> None:
        if len(self.errors) < MOST_ERRORS and error not in self.errors:
            self.errors.append(error)

    async def _visit(self, domain: str, record: Record, path: tuple[str, ...], top: bool) -> None:
        self.nodes.append({"domain": domain, "depth": len(path) - 1, "lookups": len(record.terms)})
        self.lookups += len(record.terms)
        for error in record.errors:
            self._say(error if top and len(path) == 1 else f"{domain:.60}: {error}")
        if top:
            self.all = record.all
        for term in record.terms:
            if term.has_macro:
                if term.name in {"include", "redirect"}:
                    self.open = self.open or Unseen(Why.TEMPLATED, f"{term.name} with a macro: {term.domain:.60}")
            elif term.name in {"include", "redirect"}:
                await self._follow(term, path, top and term.name == "redirect")
            elif term.name in {"a", "mx"}:
                self.hosts.append((term.domain or domain, "MX" if term.name == "mx" else "A"))

    async def _follow(self, term: Term, path: tuple[str, ...], top: bool) -> None:
        domain = term.domain.rstrip(".")
        if domain in path:
            self._say(f"SPF {term.name} loop at {domain:.60}")
            return
        if self.queries <= 0:
            self.open = self.open or Unseen(Why.LIMIT, f"our own limit of {MOST_QUERIES} queries for one SPF tree")
            return
        self.queries -= 1
        try:
            texts = await self.texts(domain)
        except Unseen as problem:
            self.open = self.open or Unseen(problem.why, f"{term.name} {domain:.60}: {problem.detail}")
            return
        found = [text for text in texts if is_spf(text)]
        if not texts:
            self.void += 1
        if len(found) != 1:
            self._say(f"{term.name} {domain:.60}: {len(found) or 'no'} SPF record{'s' if found else ''}")
            return
        await self._visit(domain, parse(found[0]), (*path, domain), top)

    async def _look_up(self, name: str, kind: str) -> None:
        """Void only when no family has an address: whose family counts depends on the sender."""
        for one in (kind,) if kind == "MX" else ("A", "AAAA"):
            if self.queries <= 0:
                return
            self.queries -= 1
            try:
                if not await self.is_void(name, one):
                    return
            except Unseen:
                return  # not proved
        self.void += 1
