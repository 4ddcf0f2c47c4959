# SPDX-License-Identifier: EUPL-1.2
"""Reads HAProxy files: what its TLS ports, its redirects and its headers come to, and what only the files show.

HAProxy has no virtual hosts: the names are those that the rules of a frontend know. Without one, a port is said of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.concerns import NotRead
from nis2check.evidence.repo.haproxy import findings
from nis2check.evidence.repo.haproxy.conditions import names
from nis2check.evidence.repo.haproxy.syntax import Section, parse
from nis2check.evidence.repo.haproxy.tls import binds, tls
from nis2check.evidence.repo.haproxy.web import page, redirect
from nis2check.model import FactSpec, Kind, Why

NAME = "haproxy"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "A bind line has ssl."),
    FactSpec("tls.versions", "array", "", "ssl-min-ver, ssl-max-ver and their older kin."),
    FactSpec("tls.server_preference", "boolean", "", "prefer-client-ciphers is not set."),
    FactSpec("tls.weak_suites", "array", "", "Weak classes of the suites that ciphers names."),
    FactSpec("tls.groups", "array", "", "curves."),
    FactSpec("http.https", "boolean", "", "A bind line has ssl, in mode http."),
    FactSpec("http.plain_answers", "boolean", "", "The frontend of the name listens on port 80 too."),
    FactSpec("http.redirects_to_https", "boolean", "", "That port redirects to https on the same host."),
    *page_headers.FACTS,
    *findings.FACTS,
)

_BY_NAME = re.compile(r"(?:^|/)[^/]*haproxy[^/]*\.(?:cfg|conf|cfg\.j2|cfg\.template|cfg\.tmpl|tmpl)\Z", re.IGNORECASE)
_MAY_BE = re.compile(r"\.(?:cfg|conf|j2|tmpl|template)\Z", re.IGNORECASE)
_LOOKS = re.compile(rb"^(?:frontend|backend|listen)[ \t]+[\w.:-]+[ \t]*\r?$", re.MULTILINE)
_TOO = re.compile(
    rb"^[ \t]+(?:bind|server|default_backend|balance|stats|option[ \t]+(?:httplog|tcplog))[ \t]", re.MULTILINE
)

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """By name, or a .cfg whose first lines look like HAProxy."""
    if _BY_NAME.search(path) is not None:
        return True
    return _MAY_BE.search(path) is not None and _LOOKS.search(head) is not None and _TOO.search(head) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        sections = parse(text)
    except NotRead as error:
        yield Unread("haproxy.*", error.why, error.detail, error.line)
        return
    frontends = [one for one in sections if one.kind in {"frontend", "listen"}]
    for one in frontends:
        for line in one.every("bind"):
            if not line.settled:
                yield Unread(
                    "haproxy.*", Why.TEMPLATED, "a bind line depends on a variable or a condition", line.number
                )
        yield from _frontend(one, _global_before(sections, one))
    yield from _redirects(frontends)
    yield from findings.findings(sections)


def _global_before(sections: Sequence[Section], frontend: Section) -> Section | None:
    """All global sections before the frontend, as one: HAProxy applies their defaults to the bind lines that follow."""
    before = [one for one in sections if one.kind == "global" and one.line < frontend.line]
    if not before:
        return None
    return Section("global", "", before[0].line, [line for one in before for line in one.lines])


def _frontend(section: Section, settings: Section | None) -> Found:
    known, spoken = names(section), is_http(section)
    told: set[str] = set()
    for bind in binds(section):
        if not bind.secure or bind.port == 0 or bind.local:
            continue
        subjects = [f"{name}:{bind.port}" for name in known] if spoken else []
        for subject, name in zip(subjects, known, strict=False):
            if subject in told:
                continue
            told.add(subject)
            yield from tls(bind, settings, subject, Kind.TLS)
            yield Read("http.https", True, bind.line.number, subject, Kind.HTTP)
            yield from page(section, bind.line.number, subject, bind.port, name)
        if not subjects:
            yield from tls(bind, settings, "", Kind.FILE)


def is_http(section: Section) -> bool:
    """The mode of the section, else of its defaults; tcp without a word."""
    mode = section.inherited("mode")
    return bool(mode) and mode[-1].words[1:2] == ("http",)


def _redirects(frontends: Sequence[Section]) -> Found:
    secure = {
        name for one in frontends if any(at.secure and at.port == 443 for at in binds(one)) for name in names(one)
    }
    told: set[str] = set()
    for section in frontends:  # one without names of its own takes them all
        plain = next((at for at in binds(section) if at.port == 80 and not (at.secure or at.local)), None)
        if plain is None or not is_http(section):
            continue
        for name in dict.fromkeys([*names(section), *sorted(secure)]):
            if name not in told:
                told.add(name)
                yield from redirect(section, name, plain.line.number, speaks_tls=name in secure)
