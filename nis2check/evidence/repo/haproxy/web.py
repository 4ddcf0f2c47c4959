# SPDX-License-Identifier: EUPL-1.2
"""What a frontend of HAProxy answers itself: redirects of its clear port, headers that it adds to every page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.haproxy.conditions import Visit, holds
from nis2check.evidence.repo.haproxy.syntax import Line, Section
from nis2check.evidence.repo.page_headers import Header, Page
from nis2check.model import Kind, Why

_TO_HTTPS = re.compile(r"https://(?:([^/?:%]+)|%\[(?:req\.)?hdr\(host\)[^\]]*\])(?::443)?(?=[/?%]|\Z)", re.IGNORECASE)
_ENDS = {"deny", "reject", "return", "tarpit", "silent-drop", "auth"}
_HEADERS = ("http-response", "http-after-response")

Found = Iterator[Read | Unread]


def redirect(section: Section, name: str, line: int, *, speaks_tls: bool) -> Found:
    """What the clear port 80 does for a name, said of its https side."""
    subject = f"{name}:443"
    met, sure = _met(section, Visit(secure=False, port=80, name=name))
    target = _target(met.words, name) if met is not None and sure else None
    if not speaks_tls and not target:
        return
    yield Read("http.plain_answers", True, line, subject, Kind.HTTP)
    if met is not None and not (sure and met.settled):
        detail = "the redirect depends on a condition that the file does not settle"
        yield Unread("http.redirects_to_https", Why.UNREADABLE, detail, met.number, subject, Kind.HTTP)
    elif met is not None and target is not None:
        yield Read("http.redirects_to_https", target, met.number, subject, Kind.HTTP)
    else:
        detail = "the application behind it may redirect"
        yield Unread("http.redirects_to_https", Why.UNREADABLE, detail, line, subject, Kind.HTTP)


def _met(section: Section, visit: Visit) -> tuple[Line | None, bool]:
    """The first redirect that may meet the visit and whether it surely does. http-request comes before redirect."""
    rules = [*section.rules("http-request"), *section.rules("redirect")]
    doubtful: Line | None = None
    for one in rules:
        said = holds(one.words, section, visit)
        if "redirect" not in one.words[:2]:
            if said and one.settled and one.words[1:2] and one.words[1] in _ENDS:
                break  # answered before any redirect
            continue
        if said and one.settled:
            return (one, True) if doubtful is None or _target(doubtful.words, visit.name) else (doubtful, False)
        if said is None or (said and not one.settled):
            doubtful = doubtful or one
    return doubtful, False


def _target(words: Sequence[str], name: str) -> bool | None:
    """Whether a redirect stays on the host over https. None: it does not go to https."""
    options = list(words)
    for kind in ("scheme", "location", "prefix"):
        if kind in options[:-1]:
            value = options[options.index(kind) + 1]
            break
    else:
        return None
    if kind == "scheme":
        return True if value == "https" else None
    found = _TO_HTTPS.match(value)
    if found is None:
        return None
    return found[1] is None or found[1].lower() == name


def _answers(section: Section, visit: Visit) -> bool:
    """Whether HAProxy answers itself: http-response is for what comes from servers (Configuration Manual 4.2)."""
    return any(
        one.words[1:2] and one.words[1] in _ENDS and holds(one.words, section, visit)
        for one in section.rules("http-request")
    )


def page(section: Section, line: int, subject: str, port: int, name: str) -> Found:
    """Headers that the frontend sets on every answer; what it does not set is the application's."""
    sent: list[Header] = []
    visit = Visit(secure=True, port=port, name=name)
    moved, _sure = _met(section, visit)
    own = moved is not None or _answers(section, visit)
    for one in section.rules(_HEADERS[1]) if own else section.rules(*_HEADERS):
        if len(one.words) < 4 or one.words[1] not in {"set-header", "add-header"}:
            continue
        said = holds(one.words[4:], section, visit)
        if said is False:
            continue
        header, value = one.words[2].lower(), one.words[3]
        if one.words[1] == "set-header":
            sent = [other for other in sent if other.name != header]
        if said is None or one.guard:
            sent.append(Header(header, value, one.number, "it depends on a condition", Why.UNREADABLE))
        else:
            filled_in = one.templated or "%[" in value
            sent.append(Header(header, value, one.number, "its value comes from a variable" if filled_in else ""))
    answer = page_headers.facts_of(Page(sent, "the application behind it may send it", line))
    if moved is not None:  # a redirect carries HSTS (RFC 6797 7.2); the other headers are for pages
        answer = {fact: said for fact, said in answer.items() if fact.startswith("http.hsts.")}
    yield from page_headers.told([answer], line, subject)
