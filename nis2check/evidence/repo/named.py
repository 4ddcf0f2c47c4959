# SPDX-License-Identifier: EUPL-1.2
"""Reads BIND's named.conf and what it includes: who may ask, transfer, update and steer the name server.

A view or a zone may say otherwise than the options: each that speaks is judged. Lists of addresses are read as BIND reads
them, first match first, with the acl statements of the same file; an acl of another file is a gap.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo.concerns import Concerns, Found, NotRead, array_fact
from nis2check.model import FactSpec, Kind, Why

NAME = "named"
FACTS = (
    FactSpec("dns.dnssec.signed", "boolean", "", "The server signs the zone (dnssec-policy, auto-dnssec)."),
    array_fact("named.open_recursion", "Options and views that resolve foreign names for anybody."),
    array_fact("named.open_transfer", "Options and zones that hand the whole zone to anybody."),
    array_fact("named.open_update", "Zones that anybody may change."),
    array_fact("named.open_control", "Control or statistics channels open to anybody."),
    array_fact("named.version_disclosed", "Options that let the server tell its version."),
    array_fact("named.validation_off", "Options that switch DNSSEC validation off."),
    array_fact("named.weak_keys", "Keys of transactions on MD5 or SHA-1."),
    array_fact("named.key_secrets", "Keys whose secret is written in the file; never the value."),
)

DEEPEST = 30
MOST_WORDS = 300_000  # of one file, marks and comments included
MOST_ACLS = 20  # one within another

_BY_NAME = re.compile(
    r"(?:^|/)(?:[^/]*named[^/]*\.conf(?:\.[\w-]+)*|rndc\.(?:key|conf))\Z|(?:^|/)(?:bind9?|named)/(?:[^/]+/)*[^/]+\.(?:conf|key)(?:\.[\w-]+)*\Z"
)
_OWN_NAME = re.compile(r"(?:^|/)named\.conf(?:\.[\w-]+)*\Z")
_LOOKS = re.compile(
    rb"^\s*(?:options|zone\s+\S+|acl\s+\S+|key\s+\S+|view\s+\S+|logging|controls)\s*(?:IN\s*)?\{", re.MULTILINE
)
_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\n]*|//[^\n]*|/\*.*?(?:\*/|\Z))
      | (?P<template>\{%|\{\{|<%)
      | (?P<quoted>"(?:[^"\\]|\\.)*+")
      | (?P<mark>[;{}])
      | (?P<word>(?:(?!//|/\*|\{\{)[^\s;{}"\#])++)
      | (?P<stray>.)""",
    re.VERBOSE | re.DOTALL,
)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_EVERYONE = {"any", "0.0.0.0/0", "::/0", "0/0"}


@dataclass(slots=True)
class Statement:
    """Words, and the block that follows them, if any. ``line`` counts from 1."""

    words: list[str]
    line: int
    block: list[Statement] | None = None

    @property
    def name(self) -> str:
        return self.words[0].lower() if self.words else ""

    def get(self, name: str) -> Statement | None:
        """The first statement of the block with that name."""
        return next((one for one in self.block or () if one.name == name), None)

    @property
    def first(self) -> str:
        """The first word after the name, in lower case."""
        return self.words[1].lower() if len(self.words) > 1 else ""


def matches(path: str, head: bytes) -> bool:
    """named.conf, its parts, and what lies below a folder bind whose first lines look like them."""
    if _BY_NAME.search(path) is None:
        return False
    return not head or _LOOKS.search(head) is not None or _OWN_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        statements = parse(text)
    except NotRead as error:
        yield Unread("named.*", error.why, error.detail, error.line)
        return
    acls = {one.first: one for one in statements if one.name == "acl"}
    concerns = Concerns()
    for holder in _holders(statements):
        for judge in _BY_HOLDER.get(holder.name, ()):
            judge(concerns, holder, acls)
    yield from _signed(statements)
    yield from concerns.found()


# ------------------------------------------------------------------------------------------------------------- syntax


@dataclass(slots=True)
class _Parser:
    """Statements as they are completed: ``open`` holds the blocks not closed yet, ``waiting`` the statements that own them."""

    current: Statement
    open: list[list[Statement]] = field(default_factory=lambda: [[]])
    waiting: list[Statement] = field(default_factory=list)

    def mark(self, mark: str, line: int) -> None:
        if mark == "{":
            inner: list[Statement] = []
            if self.current.block is None:
                self.current.block = inner  # a second block (``keys { … }``) is read and left aside
            self.open.append(inner)
            self.waiting.append(self.current)
            self.current = Statement([], line)
        elif mark == ";":
            if self.current.words or self.current.block is not None:
                self.open[-1].append(self.current)
            self.current = Statement([], line)
        elif self.waiting and not self.current.words:
            self.open.pop()
            self.current = self.waiting.pop()
        else:
            raise NotRead(Why.MALFORMED, f"a brace that closes nothing, at line {line}", line)


def parse(text: str) -> list[Statement]:
    """The statements of a file. Raises NotRead."""
    parser = _Parser(Statement([], 1))
    line, position, count = 1, 0, 0
    while position < len(text):
        token = _TOKEN.match(text, position)
        assert token is not None  # the last alternative takes any character
        kind, raw, position = token.lastgroup, token[0], token.end()
        if kind == "template":
            raise NotRead(Why.TEMPLATED, f"a template, at line {line}", line)
        count += 1
        if count > MOST_WORDS or len(parser.open) > DEEPEST:
            raise NotRead(Why.LIMIT, f"more than {MOST_WORDS} words or {DEEPEST} levels, at line {line}", line)
        if kind == "mark":
            parser.mark(raw, line)
        elif kind in {"word", "quoted", "stray"}:
            if not parser.current.words and parser.current.block is None:
                parser.current.line = line
            parser.current.words.append(raw[1:-1] if kind == "quoted" else raw)
        line += raw.count("\n")
    if parser.waiting or parser.current.words:
        raise NotRead(Why.MALFORMED, f"a statement is not finished, at line {parser.current.line}", parser.current.line)
    return parser.open[0]


def _holders(statements: list[Statement]) -> Iterator[Statement]:
    """The statements that hold settings: at the top, and the zones and keys of views."""
    for one in statements:
        yield one
        if one.name == "view":
            yield from (inner for inner in one.block or () if inner.name in {"zone", "key"})


# ------------------------------------------------------------------------------------------------- lists of addresses

Acls = Mapping[str, Statement]


def is_open(block: list[Statement] | None, acls: Acls) -> bool:
    """Whether a list lets everybody in: the first element that takes everybody decides. Raises Unseen for an unknown acl."""
    return _Lists(acls).is_open(block or [], 0)


@dataclass(slots=True)
class _Lists:
    """Lists within lists; each is judged once, however often it is named."""

    acls: Acls
    judged: dict[int, bool] = field(default_factory=dict)

    def is_open(self, block: list[Statement], depth: int) -> bool:
        if depth > MOST_ACLS:
            raise Unseen(Why.LIMIT, "lists of addresses within one another")
        if id(block) not in self.judged:
            self.judged[id(block)] = self._takes_everybody(block, depth)
        return self.judged[id(block)]

    def _takes_everybody(self, block: list[Statement], depth: int) -> bool:
        unknown = ""
        for one in block:
            word = "".join(one.words).lower()
            barred, word = word.startswith("!"), word.lstrip("!")
            inner = one.block if one.block is not None else self.acls[word].block if word in self.acls else None
            if word in _EVERYONE or (inner is not None and self.is_open(inner, depth + 1)):
                return not barred
            if word == "none":
                break
            if inner is None and not barred and _is_name(one):
                unknown = word
        if unknown:
            raise Unseen(Why.UNREADABLE, f"the acl {unknown[:60]} is in another file")
        return False


def _is_name(one: Statement) -> bool:
    """Not an address, a network, a key or a list that BIND itself knows."""
    word = one.words[-1].lower().lstrip("!") if one.words else ""
    known = {"localhost", "localnets", "any", "none", "geoip"}
    return (
        bool(word) and one.name not in {"key", "geoip"} and word not in known and not re.match(r"[\d.:/a-f]+\Z", word)
    )


def _open(concerns: Concerns, fact: str, holder: Statement, setting: Statement, acls: Acls) -> None:
    try:
        if is_open(setting.block, acls):
            concerns.wrong(fact, _title(holder), setting.line, setting.name)
        else:
            concerns.right(fact, setting.line)
    except Unseen as error:
        concerns.open(fact, error.why, error.detail, setting.line)


def _title(holder: Statement) -> str:
    return " ".join(holder.words[:2])


# ----------------------------------------------------------------------------------------------------------- concerns


def _recursion(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    """BIND 9 reference, allow-recursion: without it allow-query-cache counts, then allow-query, then the own networks."""
    switch = holder.get("recursion")
    if switch is not None and switch.first in {"no", "false", "0"}:
        concerns.right("named.open_recursion", switch.line)
        return
    for name in ("allow-recursion", "allow-query-cache", "allow-query"):
        if (setting := holder.get(name)) is not None:
            if name != "allow-query" or (switch is not None and holder.get("include") is None):
                _open(concerns, "named.open_recursion", holder, setting, acls)
            return


def _transfer(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    if (setting := holder.get("allow-transfer")) is not None:
        _open(concerns, "named.open_transfer", holder, setting, acls)


def _update(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    if (setting := holder.get("allow-update")) is not None:
        _open(concerns, "named.open_update", holder, setting, acls)


def _version(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    """named tells its version unless told what to say; a second options block is refused, so that this one is whole."""
    setting = holder.get("version")
    if setting is not None:
        concerns.right("named.version_disclosed", setting.line)
    elif (include := holder.get("include")) is not None:
        concerns.open("named.version_disclosed", Why.UNREADABLE, "may be in an included file", include.line)
    else:
        concerns.wrong("named.version_disclosed", "options", holder.line)


def _validation(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    for name in ("dnssec-validation", "dnssec-enable"):
        if (setting := holder.get(name)) is not None:
            if setting.first in {"no", "false", "0"}:
                concerns.wrong("named.validation_off", _title(holder), setting.line, name)
            else:
                concerns.right("named.validation_off", setting.line)


def _key(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    if (algorithm := holder.get("algorithm")) is not None:
        if algorithm.first.rstrip(".").startswith(("hmac-md5", "hmac-sha1")):
            concerns.wrong("named.weak_keys", _title(holder), algorithm.line, algorithm.first)
        else:
            concerns.right("named.weak_keys", algorithm.line)
    secret = holder.get("secret")
    if secret is not None and len(secret.words) > 1 and is_secret(secret.words[1]):
        concerns.wrong("named.key_secrets", _title(holder), secret.line)


def is_secret(text: str) -> bool:
    """Base64 of at least 64 bits that is not one byte again and again: a sample to be filled in is none."""
    try:
        secret = b64decode(text, validate=True)
    except (Error, ValueError):
        return False
    return len(secret) >= 8 and len(set(secret)) > 3


def _control(concerns: Concerns, holder: Statement, acls: Acls) -> None:
    """``inet ADDRESS allow { … }``: a channel on loopback is out of reach whatever it allows."""
    for channel in holder.block or ():
        if channel.name == "inet" and channel.block is not None:
            if channel.first.startswith("127.") or channel.first == "::1":
                concerns.right("named.open_control", channel.line)
            else:
                shown = Statement(["allow"], channel.line, channel.block)
                _open(concerns, "named.open_control", holder, shown, acls)


_BY_HOLDER = {
    "options": (_recursion, _transfer, _update, _version, _validation),
    "view": (_recursion, _transfer, _update, _validation),
    "zone": (_transfer, _update),
    "key": (_key,),
    "controls": (_control,),
    "statistics-channels": (_control,),
}


def _signed(statements: list[Statement]) -> Found:
    """A zone that named signs by itself. One that does not say so may be signed elsewhere."""
    for zone in _holders(statements):
        name = zone.first.rstrip(".")
        if zone.name != "zone" or not _DOMAIN.match(name) or name.endswith((".arpa", ".local", ".localhost")):
            continue
        policy, older = zone.get("dnssec-policy"), zone.get("auto-dnssec")
        if policy is not None and policy.first not in {"none", "insecure", ""}:
            yield Read("dns.dnssec.signed", True, policy.line, name, Kind.DNS)
        elif older is not None and older.first == "maintain":
            yield Read("dns.dnssec.signed", True, older.line, name, Kind.DNS)
