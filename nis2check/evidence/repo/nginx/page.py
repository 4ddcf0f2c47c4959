# SPDX-License-Identifier: EUPL-1.2
"""The headers that an nginx file sends with the page / of a virtual host."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.net.http import headers
from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo.nginx.locations import may_serve
from nis2check.evidence.repo.nginx.server import GIVES_WAY, Server, is_opaque
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Json, Kind, Why

_HEADERS = {
    "http.csp_present": "content-security-policy",
    "http.framing_protected": "x-frame-options",
    "http.nosniff": "x-content-type-options",
    "http.referrer_policy_present": "referrer-policy",
    "http.permissions_policy_present": "permissions-policy",
}


@dataclass(frozen=True, slots=True)
class _Headers:
    """The add_header directives in force for one place. ``open``: why more may be sent, empty when these are all."""

    directives: tuple[Directive, ...]
    open: str
    line: int


def page(server: Server, line: int, subject: str) -> Iterator[Read | Unread]:
    """Headers of the page /. The places that may serve it must agree, else the file does not settle the question."""
    places = [_headers(server, inner, line) for inner in _places(server)]
    answers = [_facts_of(place) for place in places]
    if any(name in _HEADERS for answer in answers for name in answer):
        yield Read("http.moved_to", "", line, subject, Kind.HTTP)  # the file serves this page itself
    for name in dict.fromkeys(name for answer in answers for name in answer):
        said = [answer.get(name) for answer in answers]
        first = said[0]
        if first is None or any(other is None or other[0] != first[0] for other in said):
            yield Unread(
                name, Why.UNREADABLE, "not the same in every location that may serve the page", line, subject, Kind.HTTP
            )
        elif isinstance(first[0], Unseen):
            yield Unread(name, first[0].why, first[0].detail, first[1], subject, Kind.HTTP)
        else:
            yield Read(name, first[0], first[1], subject, Kind.HTTP)


def _places(server: Server) -> Iterator[tuple[Directive, ...]]:
    """The blocks inside the server that may serve the page, innermost first: a location, and each ``if`` with headers."""
    for location in may_serve(server.block):
        if location is None:
            yield ()
            continue
        yield (location,)
        for condition in location.every("if"):
            if condition.last("add_header") is not None:
                yield condition, location


def _headers(server: Server, inner: tuple[Directive, ...], line: int) -> _Headers:
    """nginx takes the add_header of the innermost block that has any, and none of those around it."""
    chain = [*inner, server.block] if server.outer is None else [*inner, server.block, server.outer]
    location = inner[-1] if inner else None
    reasons = []
    if location is not None and any(location.every(*GIVES_WAY)):
        reasons.append("the application behind it may send it")
    for block in chain:
        own = tuple(block.every("add_header"))
        if is_opaque(block):
            reasons.append("it may be in an included file")
        if own:
            return _Headers(own, ", ".join(reasons), own[0].line)
    if server.outer is None:
        reasons.append("the http block is in another file")
    return _Headers((), ", ".join(reasons), location.line if location is not None else line)


def _facts_of(place: _Headers) -> dict[str, tuple[Json | Unseen, int]]:
    sent: list[tuple[str, str]] = []
    lines: dict[str, int] = {}
    unsettled: dict[str, int] = {}
    for directive in place.directives:
        if len(directive.words) < 2 or not directive.words[1]:
            continue
        name, value = directive.words[0].lower(), directive.words[1]
        lines.setdefault(name, directive.line)
        if directive.templated or "$" in value:
            unsettled.setdefault(name, directive.line)
        sent.append((name, value))
    return dict(_hsts(place, sent, lines, unsettled)) | dict(_others(place, sent, lines))


def _hsts(
    place: _Headers, sent: list[tuple[str, str]], lines: dict[str, int], unsettled: dict[str, int]
) -> Iterator[tuple[str, tuple[Json | Unseen, int]]]:
    name = "strict-transport-security"
    if name in unsettled:
        yield "http.hsts.present", (Unseen(Why.TEMPLATED, "its value comes from a variable"), unsettled[name])
    elif name not in lines and place.open:
        yield (
            "http.hsts.present",
            (Unseen(Why.UNREADABLE, f"not in this place of the file, and {place.open}"), place.line),
        )
    else:
        for fact, value in headers.hsts_facts(sent).items():
            yield fact, (value, lines.get(name, place.line))


def _others(
    place: _Headers, sent: list[tuple[str, str]], lines: dict[str, int]
) -> Iterator[tuple[str, tuple[Json | Unseen, int]]]:
    """Other headers are as often the application's business: said when set, or when nothing else can set them."""
    for fact, value in headers.page_facts(sent).items():
        if fact in _HEADERS and (value or not place.open):
            yield fact, (value, lines.get(_HEADERS[fact], place.line))
