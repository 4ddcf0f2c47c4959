# SPDX-License-Identifier: EUPL-1.2
"""The headers that an nginx file sends with the page / of a virtual host."""

from __future__ import annotations

from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.nginx.locations import may_serve, serving
from nis2check.evidence.repo.nginx.server import GIVES_WAY, Server, is_opaque
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.evidence.repo.page_headers import Header, Page


def page(server: Server, line: int, subject: str) -> Iterator[Read | Unread]:
    """Headers of the page /. The places that may serve it must agree, else the file does not settle the question."""
    places = [_page(server, inner, line) for inner in _places(server)]
    answers = [page_headers.facts_of(place) for place in places]
    if _is_elsewhere(server):
        # A redirect carries HSTS (RFC 6797 7.2); the other headers are for pages, and there is none.
        answers = [{fact: said for fact, said in one.items() if fact.startswith("http.hsts.")} for one in answers]
    yield from page_headers.told(answers, line, subject)


def _is_elsewhere(server: Server) -> bool:
    """Whether / is only a redirect, or nothing at all."""
    place = serving(server.block)
    blocks = (server.block,) if place is None else (server.block, place)
    return any(any(block.every("return")) for block in blocks)


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


def _page(server: Server, inner: tuple[Directive, ...], line: int) -> Page:
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
            return Page([*_sent(own)], ", ".join(reasons), own[0].line)
    if server.outer is None:
        reasons.append("the http block is in another file")
    return Page((), ", ".join(reasons), location.line if location is not None else line)


def _sent(directives: tuple[Directive, ...]) -> Iterator[Header]:
    for one in directives:
        if len(one.words) >= 2 and one.words[1]:
            filled_in = one.templated or "$" in one.words[1]
            yield Header(
                one.words[0].lower(), one.words[1], one.line, "its value comes from a variable" if filled_in else ""
            )
