# SPDX-License-Identifier: EUPL-1.2
"""Reads NSD's nsd.conf: the same concerns as BIND's, under the same names, so that the same rules judge both.

nsd.conf(5): clauses (``server:``, ``zone:``) that hold ``name: value``; the last value of the server clause wins, each
``provide-xfr`` counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    conditional_lines,
    is_filled_in,
    long_line,
    numbered,
)
from nis2check.evidence.repo.named import FACTS as OF_NAME_SERVERS
from nis2check.evidence.repo.named import is_secret
from nis2check.model import Why

NAME = "nsd"
_MADE = ("named.open_transfer", "named.version_disclosed", "named.weak_keys", "named.key_secrets")
FACTS = tuple(spec for spec in OF_NAME_SERVERS if spec.name in _MADE)

_BY_NAME = re.compile(
    r"(?:^|[/_])nsd\.conf(?:\.(?:j2|jinja2?|erb|template|tmpl))?\Z|(?:^|/)nsd(?:\.conf\.d|/conf\.d)/[^/]+\.conf\Z"
)
_LINE = re.compile(r"([a-z][a-z0-9-]*):\s*(.*)\Z")
_EVERYONE = re.compile(r"(?:0(?:\.0){0,3}|::0?)/0\Z")


@dataclass(frozen=True, slots=True)
class Attribute:
    """``name: value`` under a clause; ``owner`` is the clause's number, so that two zones stay apart."""

    clause: str
    owner: int
    name: str
    value: str
    line: int
    settled: bool


def matches(path: str, head: bytes) -> bool:
    """nsd.conf, what lies in nsd.conf.d, and templates of them."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    listed = list(attributes(text))
    titles = {one.owner: f"{one.clause} {one.value}" for one in listed if one.name == "name"}
    concerns = Concerns()
    for one in listed:
        judge = _JUDGES.get((one.clause, one.name))
        if judge is not None:
            fact, offends = judge
            if not one.settled:
                concerns.open(fact, Why.TEMPLATED, f"{one.name} comes from a template", one.line)
            elif offends(one.value):
                concerns.wrong(
                    fact, titles.get(one.owner, one.clause), one.line, "" if one.name == "secret" else one.name
                )
            elif one.name != "secret":
                concerns.right(fact, one.line)
    _version(concerns, listed)
    yield from concerns.found()


def attributes(text: str) -> Iterator[Attribute]:
    """The attributes in order; a clause itself is one, with its own name and no value."""
    unsettled = conditional_lines(text)
    clause, owner = "", 0
    for number, raw in numbered(text):
        found = _LINE.match(re.sub(r"(?:^|\s)#.*", "", raw).strip())
        if found is None:
            continue
        value = found[2].strip().strip("\"'")
        if not value:
            clause, owner = found[1], owner + 1
        settled = number not in unsettled and not is_filled_in(raw)
        yield Attribute(clause, owner, found[1], value, number, settled)


def _hands_to_all(value: str) -> bool:
    address, _blank, key = value.partition(" ")
    return _EVERYONE.match(address) is not None and key.strip() == "NOKEY"


def _is_weak(value: str) -> bool:
    return value.lower().rstrip(".").startswith(("hmac-md5", "hmac-sha1"))


_JUDGES = {
    ("zone", "provide-xfr"): ("named.open_transfer", _hands_to_all),
    ("pattern", "provide-xfr"): ("named.open_transfer", _hands_to_all),
    ("key", "algorithm"): ("named.weak_keys", _is_weak),
    ("key", "secret"): ("named.key_secrets", is_secret),
}


def _version(concerns: Concerns, listed: list[Attribute]) -> None:
    """hide-version is off unless set; several server clauses add up, and an included file may hold another."""
    fact = "named.version_disclosed"
    server = next((one for one in listed if one.clause == one.name == "server"), None)
    said = [one for one in listed if one.clause == "server" and one.name == "hide-version"]
    if said and not said[-1].settled:
        concerns.open(fact, Why.TEMPLATED, "hide-version comes from a template", said[-1].line)
    elif said and said[-1].value == "yes":
        concerns.right(fact, said[-1].line)
    elif include := next((one for one in listed if one.name == "include"), None):
        concerns.open(fact, Why.UNREADABLE, "may be in an included file", include.line)
    elif server is not None:
        concerns.wrong(fact, "server", said[-1].line if said else server.line)
