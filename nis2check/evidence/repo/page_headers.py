# SPDX-License-Identifier: EUPL-1.2
"""What the headers that a web server's file sends with a page come to: shared by the readers of web servers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from nis2check.evidence import web_headers as headers
from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.model import FactSpec, Json, Kind, Why

OTHERS = {
    "http.csp_present": "content-security-policy",
    "http.framing_protected": "x-frame-options",
    "http.nosniff": "x-content-type-options",
    "http.referrer_policy_present": "referrer-policy",
    "http.permissions_policy_present": "permissions-policy",
}
FACTS = (
    FactSpec("http.hsts.present", "boolean", "", "The file sends Strict-Transport-Security with the page /."),
    FactSpec("http.hsts.valid", "boolean", "", "Its value follows RFC 6797."),
    FactSpec("http.hsts.max_age", "integer", "seconds", "Its max-age."),
    FactSpec("http.hsts.include_subdomains", "boolean", "", "It has includeSubDomains."),
    FactSpec("http.moved_to", "string", "", "Empty: the file serves the page / itself."),
    *(FactSpec(fact, "boolean", "", f"The file settles {name} of the page /.") for fact, name in OTHERS.items()),
)

Settled = Mapping[str, tuple[Json | Unseen, int]]  # fact → value or why it is not known, line


@dataclass(frozen=True, slots=True)
class Header:
    """One header as the file sends it, its name in lower case. ``unsettled``: why its value is not known from the file."""

    name: str
    value: str
    line: int
    unsettled: str = ""
    why: Why = Why.TEMPLATED


@dataclass(frozen=True, slots=True)
class Page:
    """The headers of one page, or of one place that may serve it. ``open``: why others may be sent too, empty when these are
    all; ``line``: where the place begins."""

    sent: Sequence[Header]
    open: str
    line: int


def facts_of(page: Page) -> dict[str, tuple[Json | Unseen, int]]:
    """HSTS is said to be missing, or not known; other headers are as often the application's business: said when set, or
    when nothing else can set them."""
    lines: dict[str, int] = {}
    unsettled: dict[str, Header] = {}
    for header in page.sent:
        lines.setdefault(header.name, header.line)
        if header.unsettled:
            unsettled.setdefault(header.name, header)
    plain = [(header.name, header.value) for header in page.sent]
    found = dict(_hsts(page, plain, lines, unsettled))
    for fact, value in headers.page_facts(plain).items():
        if fact not in OTHERS:
            continue
        if (doubt := unsettled.get(OTHERS[fact])) is not None and doubt.why is not Why.TEMPLATED:
            found[fact] = Unseen(doubt.why, doubt.unsettled), doubt.line
        elif value or not page.open:
            found[fact] = value, lines.get(OTHERS[fact], page.line)
    return found


def _hsts(
    page: Page, plain: list[tuple[str, str]], lines: Mapping[str, int], unsettled: Mapping[str, Header]
) -> Iterator[tuple[str, tuple[Json | Unseen, int]]]:
    name = "strict-transport-security"
    if (doubt := unsettled.get(name)) is not None:
        yield "http.hsts.present", (Unseen(doubt.why, doubt.unsettled), doubt.line)
    elif name not in lines and page.open:
        yield (
            "http.hsts.present",
            (Unseen(Why.UNREADABLE, f"not in this place of the file, and {page.open}"), page.line),
        )
    else:
        for fact, value in headers.hsts_facts(plain).items():
            yield fact, (value, lines.get(name, page.line))


def told(answers: Sequence[Settled], line: int, subject: str) -> Iterator[Read | Unread]:
    """The facts of every place that may serve the page: they must agree, else the file does not settle the question."""
    if any(name in OTHERS for answer in answers for name in answer):
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
