# SPDX-License-Identifier: EUPL-1.2
"""The web probe: per address one GET on port 80 and one over TLS, then one for security.txt; at most 10 GETs a site.

Rules for this room: only the declared host is asked, a redirect elsewhere is reported and never followed; what a firewall or
an error page answers gives no negative; trust in the certificate is the tls probe's question.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from nis2check.evidence import names
from nis2check.evidence.net.http import security_txt
from nis2check.evidence.net.http.exchange import LONGEST_LOCATION, Page, PortClosed, get
from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.net.http.page import not_the_site, to_a_challenge
from nis2check.evidence.net.http.reading import PAGE_FACTS, Walk, read_page
from nis2check.evidence.observe import Missed, Observation, Seen, Unseen
from nis2check.evidence.wire import Deadline, Endpoint, Wire
from nis2check.model import FactSpec, Json, Kind, Target, Why

NAME = "http"
KIND = Kind.HTTP

MOST_GETS = 10  # a site, all addresses together
MOST_ADDRESSES = 4
MOST_HOPS = 3
SECURITY_TXT = "/.well-known/security.txt"

FACTS = (
    FactSpec("http.https", "boolean", "", "The address answers HTTP over TLS; false when the port is proved closed."),
    FactSpec("http.status", "integer", "", "Status of the https page, after redirects on the same host."),
    FactSpec("http.moved_to", "string", "", "Where the https page sends visitors when that is elsewhere, else empty."),
    FactSpec("http.plain_answers", "boolean", "", "Port 80 answers HTTP; false when it is proved closed."),
    FactSpec("http.redirects_to_https", "boolean", "", "The first hop from port 80 is https on the same host."),
    FactSpec("http.plain_location", "string", "", "Where the page of port 80 sends visitors, empty when nowhere."),
    FactSpec("http.hsts.present", "boolean", "", "A Strict-Transport-Security header came over https."),
    FactSpec("http.hsts.valid", "boolean", "", "The first such header follows RFC 6797."),
    FactSpec("http.hsts.max_age", "integer", "seconds", "Its max-age."),
    FactSpec("http.hsts.include_subdomains", "boolean", "", "It has includeSubDomains."),
    FactSpec("http.csp_present", "boolean", "", "An enforced Content-Security-Policy, by header or meta element."),
    FactSpec("http.csp", "string", "", "Its text."),
    FactSpec("http.csp_weaknesses", "array", "", "What lets injected scripts run in spite of it."),
    FactSpec("http.framing_protected", "boolean", "", "Strangers cannot frame the page."),
    FactSpec("http.nosniff", "boolean", "", "X-Content-Type-Options is nosniff."),
    FactSpec("http.referrer_policy_present", "boolean", "", "A known Referrer-Policy, by header or meta element."),
    FactSpec("http.permissions_policy_present", "boolean", "", "A Permissions-Policy header."),
    FactSpec("http.cookies_insecure", "array", "", "Names of cookies set without Secure or HttpOnly."),
    FactSpec("http.cookies_without_samesite", "array", "", "Names of cookies that other sites' requests carry too."),
    FactSpec("http.server", "string", "", "The Server header."),
    FactSpec("http.discloses_version", "boolean", "", "A banner holds a version number."),
    FactSpec("http.page_found", "boolean", "", "The page is there: status 2xx, or a redirect; false for 404 and 410."),
    FactSpec("http.moved_host", "string", "", "The other name that visitors are sent to, www. aside, else empty."),
    FactSpec("http.name_extension", "string", "", "The last label of the site's name, empty for an address."),
    FactSpec("http.mixed_content", "array", "", "Origins of scripts, frames, styles, forms used over http."),
    FactSpec("http.mixed_content_passive", "array", "", "Origins of images, sounds and videos used over http."),
    FactSpec("http.scripts_without_integrity", "array", "", "Other hosts whose scripts no hash binds (SRI)."),
    FactSpec("http.portal", "string", "", "The entry point that the page is recognised as, empty when none is."),
    FactSpec("http.portal_use", "string", "", "Its use: remote_access, mail, administration, or empty."),
    FactSpec("http.default_page", "string", "", "The product whose installation left the page, empty when none."),
    FactSpec("http.directory_listing", "boolean", "", "The page is a server's own listing of files."),
    FactSpec("http.security_txt.present", "boolean", "", "A security.txt is served at its well-known path."),
    FactSpec("http.security_txt.valid", "boolean", "", "It follows RFC 9116 and has not expired."),
    FactSpec("http.security_txt.signed", "boolean", "", "It carries an OpenPGP signature; not verified."),
    FactSpec("http.security_txt.expires", "string", "RFC 3339", "Its Expires field."),
    FactSpec("http.security_txt.days_left", "integer", "days", "Whole days until then, negative once expired."),
)

_PLAIN = ("http.plain_answers", "http.redirects_to_https")


@dataclass(slots=True)
class _Visit:
    """One look: what is asked, by when, and how many GETs are left."""

    wire: Wire
    site: Page
    deadline: Deadline
    gets: int = MOST_GETS

    async def get(self, endpoint: Endpoint, page: Page) -> Answer:
        if self.gets <= 0:
            raise Unseen(Why.LIMIT, f"our own limit: {MOST_GETS} requests to a site")
        self.gets -= 1
        answer = await get(self.wire, endpoint, page, self.deadline)
        refusal = not_the_site(answer)
        if refusal is not None and refusal.why is Why.RATE_LIMITED:
            self.wire.refused_us(endpoint.address)
        else:
            self.wire.answered_us(endpoint.address)
        return answer


def cost(target: Target) -> list[str]:
    """What would be asked, at most."""
    site = _site(target)
    return [
        f"GET http://{site.host}/ (port 80, per address)",
        f"GET https://{site.authority}{site.path} (per address, redirects on the same host followed)",
        f"GET https://{site.authority}{SECURITY_TXT}",
        f"{MOST_GETS} requests at most",
    ]


async def look(target: Target, wire: Wire) -> AsyncIterator[Observation]:
    """Facts and gaps of one site."""
    deadline = Deadline.after(wire.seconds())
    try:
        site = _site(target)
        secure = await names.endpoints(wire, site.host, site.port, deadline)
    except Unseen as error:
        yield Missed("http.*", error.why, error.detail)
        return
    visit = _Visit(wire, site, deadline)
    spoken: Endpoint | None = None
    count = min(MOST_ADDRESSES, len(secure))
    hops = min(MOST_HOPS, (MOST_GETS - 2 * count - 1) // count)
    async for observation in _plain_side(visit):
        yield observation
    for endpoint in secure[:MOST_ADDRESSES]:
        async for observation in _secure(visit, endpoint, hops):
            if isinstance(observation, Seen) and observation.name == "http.https" and observation.value:
                spoken = spoken or endpoint
            yield observation
    for endpoint in secure[MOST_ADDRESSES:]:
        yield Missed("http.*", Why.LIMIT, f"only {MOST_ADDRESSES} addresses are looked at", endpoint.address)
    if spoken is not None:
        async for observation in _security_txt(visit, spoken):
            yield observation


def _site(target: Target) -> Page:
    path = target.options.get("path")
    page = Page("https", target.host, target.port, path if isinstance(path, str) and path.startswith("/") else "/")
    _checked = page.authority  # raises Unseen(malformed) for what is no host name
    return page


async def _plain_side(visit: _Visit) -> AsyncIterator[Observation]:
    """Port 80 of every address; it may be mapped elsewhere than https (--resolve, --connect-to), or may not be asked."""
    try:
        endpoints = await names.endpoints(visit.wire, visit.site.host, 80, visit.deadline)
    except Unseen as error:
        for name in _PLAIN:
            yield Missed(name, error.why, f"port 80: {error.detail}")
        return
    for endpoint in endpoints[:MOST_ADDRESSES]:
        async for observation in _plain(visit, endpoint):
            yield observation


async def _plain(visit: _Visit, endpoint: Endpoint) -> AsyncIterator[Observation]:
    """Port 80: does it answer, and is its first hop https on the same host?"""
    page = Page("http", visit.site.host, 80)
    at = endpoint.address
    where = "GET http:/"
    try:
        answer = await visit.get(endpoint, page)
    except PortClosed:
        yield Seen("http.plain_answers", False, at, "connect port 80: refused")
        return
    except Unseen as error:
        for name in _PLAIN:
            yield Missed(name, error.why, f"port 80: {error.detail}", at)
        return
    yield Seen("http.plain_answers", True, at, where)
    location = answer.first("location") if answer.redirects else ""
    if (refusal := not_the_site(answer) or to_a_challenge(location)) is not None:
        yield Missed("http.redirects_to_https", refusal.why, f"port 80: {refusal.detail}", at)
        return
    to = page.to(location) if location else None
    yield Seen("http.redirects_to_https", bool(to and to.scheme == "https" and to.same_host(page)), at, where)
    yield Seen("http.plain_location", location[:LONGEST_LOCATION], at, where)


async def _walk(visit: _Visit, endpoint: Endpoint, page: Page, hops: int) -> Walk:
    """GET a page and follow its redirects on the same host and port. Raises Unseen when the first answer fails."""
    answers = [await visit.get(endpoint, page)]
    paths = [page.path]
    while answers[-1].redirects:
        done = Walk(tuple(answers), tuple(paths))
        location = answers[-1].first("location")
        to = page.to(location)
        if (challenge := to_a_challenge(location)) is not None:
            return replace(done, problem=challenge)
        if to is None or not to.same_place(page):
            return replace(done, moved_to=location[:LONGEST_LOCATION])
        if to.path in paths:
            wants_cookie = bool(answers[-1].every("set-cookie"))
            why = Why.BLOCKED if wants_cookie else Why.MALFORMED
            return replace(done, problem=Unseen(why, "redirect loop" + (", wants a cookie" if wants_cookie else "")))
        if len(paths) > hops:
            return replace(done, problem=Unseen(Why.LIMIT, f"more than {hops} redirects, not followed further"))
        page = replace(page, path=to.path)
        try:
            answers.append(await visit.get(endpoint, page))
        except Unseen as error:
            return replace(done, problem=error)
        paths.append(to.path)
    return Walk(tuple(answers), tuple(paths), problem=not_the_site(answers[-1]))


async def _secure(visit: _Visit, endpoint: Endpoint, hops: int) -> AsyncIterator[Observation]:
    at = endpoint.address
    where = f"GET https:{visit.site.path}"
    try:
        walk = await _walk(visit, endpoint, visit.site, hops)
    except PortClosed:
        yield Seen("http.https", False, at, f"connect port {visit.site.port}: refused")
        return
    except Unseen as error:
        for name in ("http.https", *PAGE_FACTS):
            yield Missed(name, error.why, error.detail, at)
        return
    yield Seen("http.https", True, at, where)
    yield Seen("http.status", walk.last.status, at, where)
    if walk.problem is None:
        yield Seen("http.moved_to", walk.moved_to, at, where)
    said = read_page(walk, visit.site)
    for name, value in said.facts.items():
        yield Seen(name, value, at, where)
    for name, why in said.gaps.items():
        yield Missed(name, why.why, why.detail, at)


async def _security_txt(visit: _Visit, endpoint: Endpoint) -> AsyncIterator[Observation]:
    where = f"GET {SECURITY_TXT}"
    try:
        walk = await _walk(visit, endpoint, replace(visit.site, path=SECURITY_TXT), hops=min(2, visit.gets - 1))
        facts = _read_security_txt(walk)
    except Unseen as error:
        yield Missed("http.security_txt.present", error.why, error.detail)
        yield Missed("http.security_txt.valid", error.why, error.detail)
        return
    for name, value in facts.items():
        yield Seen(name, value, None, where)


def _read_security_txt(walk: Walk) -> dict[str, Json]:
    answer = walk.last
    if walk.problem is not None:
        raise walk.problem
    if walk.moved_to:
        raise Unseen(Why.OUT_OF_SCOPE, f"redirects elsewhere, not followed: {walk.moved_to[:200]}")
    if answer.status in {404, 410}:
        return {"http.security_txt.present": False}
    if answer.status != 200:
        raise Unseen(Why.BLOCKED, f"status {answer.status}")
    if answer.cut is not None:
        raise answer.cut
    text = answer.body.decode("utf-8", "replace")
    if not security_txt.is_one(text):
        return {"http.security_txt.present": False}  # what many sites serve for any path that they do not have
    facts = security_txt.facts(text, answer.first("content-type"), datetime.now(UTC))
    return facts | ({"http.security_txt.valid": False} if "\ufffd" in text else {})  # UTF-8 by RFC 9116 section 3
