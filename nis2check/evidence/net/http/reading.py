# SPDX-License-Identifier: EUPL-1.2
"""Facts of the https page from the answers met on the way to it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from nis2check.evidence import web_headers as headers
from nis2check.evidence.net.http import recognise
from nis2check.evidence.net.http.document import Document, Role, document, insecure_places, unbound_scripts
from nis2check.evidence.net.http.exchange import Page
from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.net.http.page import head
from nis2check.evidence.observe import Unseen
from nis2check.model import Json, Why

# Facts that a page always gives, so that each has its gap when the page does not come.
PAGE_FACTS = (
    "http.hsts.present",
    "http.csp_present",
    "http.framing_protected",
    "http.nosniff",
    "http.referrer_policy_present",
    "http.permissions_policy_present",
    "http.cookies_insecure",
    "http.cookies_without_samesite",
    "http.discloses_version",
    "http.page_found",
    "http.moved_host",
    "http.mixed_content",
    "http.mixed_content_passive",
    "http.scripts_without_integrity",
    "http.portal",
    "http.portal_use",
    "http.default_page",
    "http.directory_listing",
)
# What the page of a firewall still shows of the site: headers that the same front end adds. Its cookies are its own.
_KEPT = {
    "http.csp_present", "http.framing_protected", "http.nosniff", "http.referrer_policy_present",
    "http.permissions_policy_present", "http.discloses_version", "http.csp", "http.server",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Walk:
    """The answers met from a page on, redirects on the same host followed. ``problem``: why the last is not the page."""

    answers: tuple[Answer, ...]
    paths: tuple[str, ...] = ()
    moved_to: str = ""
    problem: Unseen | None = None

    @property
    def last(self) -> Answer:
        return self.answers[-1]


@dataclass(slots=True)
class Said:
    """Facts by name, and why others are missing. A name is never in both."""

    facts: dict[str, Json] = field(default_factory=dict)
    gaps: dict[str, Unseen] = field(default_factory=dict)


def read_page(walk: Walk, site: Page) -> Said:
    """Facts of a page; of one that did not come, only what was positively seen."""
    sent = [header for answer in walk.answers for header in answer.headers]
    cookies_before = [header for answer in walk.answers[:-1] for header in answer.headers if header[0] == "set-cookie"]
    last = Page(site.scheme, site.host, site.port, walk.paths[-1] if walk.paths else site.path)
    page = document(walk.last, f"{last.scheme}://{last.authority}{last.path}")
    said = Said(headers.page_facts([*walk.last.headers, *cookies_before]) | headers.hsts_facts(sent))
    shown = _shown(walk, page, site)
    if walk.problem is None:
        _add_head(said, walk.last)
        _add_body(said, walk, page, site)
        _add_recognised(said, walk.last, page, shown)
        said.facts = {name: value for name, value in said.facts.items() if name not in said.gaps}
    else:
        _keep_what_was_seen(said, walk.problem, shown)
    said.facts["http.name_extension"] = _extension(site.host)
    return said


def _keep_what_was_seen(said: Said, problem: Unseen, shown: recognise.Shown) -> None:
    """Of a page that did not come: what was there is so, what was not may be on the real page."""
    said.facts = {
        name: value
        for name, value in said.facts.items()
        if (name in _KEPT and value) or (name.startswith("http.hsts.") and said.facts["http.hsts.present"])
    }
    if entry := recognise.portal(shown):  # a portal that refuses us is a portal
        said.facts |= {"http.portal": entry.product, "http.portal_use": entry.use}
    said.gaps = {name: problem for name in PAGE_FACTS if name not in said.facts}


def _extension(host: str) -> str:
    """The last label of a name, "" for an address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rstrip(".").rpartition(".")[2].lower()
    return ""


def _shown(walk: Walk, page: Document, site: Page) -> recognise.Shown:
    """What tells a portal; a place on another host tells nothing of this one."""
    places = [(place, site.to(place)) for place in (walk.moved_to, page.refresh) if place]
    led_to = [place for place, to in places if to is not None and to.same_host(site)]
    return recognise.Shown(
        cookies=[cookie.partition("=")[0].strip() for answer in walk.answers for cookie in answer.every("set-cookie")],
        servers=[server for answer in walk.answers for server in answer.every("server")],
        paths=[*walk.paths, *led_to],
        title=page.title,
        body=walk.last.body,
    )


def _add_head(said: Said, answer: Answer) -> None:
    """Policies may stand in the page instead of its headers; a head that was not read whole leaves the question open."""
    found = head(answer)
    in_page = headers.page_facts(
        [("content-security-policy", value) for value in found.policies]
        + [("referrer-policy", value) for value in found.referrers]
    )
    for name in ("http.csp_present", "http.referrer_policy_present"):
        if not said.facts[name] and in_page[name]:
            said.facts[name] = True
            if name == "http.csp_present":
                said.facts |= {"http.csp": in_page["http.csp"], "http.csp_weaknesses": in_page["http.csp_weaknesses"]}
        elif not said.facts[name] and not found.whole and answer.cut is not None:
            said.gaps[name] = Unseen(
                answer.cut.why, f"no such header, and the page was not read whole: {answer.cut.detail}"
            )


def _add_recognised(said: Said, answer: Answer, page: Document, shown: recognise.Shown) -> None:
    """What the page is. Of a page cut short nothing recognised is no fact, unless it is already too long for such a page."""
    entry = recognise.portal(shown)
    facts: dict[str, Json] = {
        "http.portal": entry.product if entry else "",
        "http.portal_use": entry.use if entry else "",
        "http.default_page": recognise.default_page(shown),
        "http.directory_listing": recognise.directory_listing(shown),
    }
    for name, value in facts.items():
        if value or answer.cut is None or len(answer.body) > recognise.SMALL:
            said.facts[name] = value
        else:
            said.gaps[name] = Unseen(
                answer.cut.why, f"not recognised, and the page was not read whole: {answer.cut.detail}"
            )


def _add_body(said: Said, walk: Walk, page: Document, site: Page) -> None:
    """What the page loads. Nothing found in a page that was not read whole is no proof that nothing is there."""
    to = site.to(walk.moved_to) if walk.moved_to else None
    said.facts["http.page_found"] = walk.last.status not in {404, 410}
    said.facts["http.moved_host"] = to.host if to is not None and _bare(to.host) != _bare(site.host) else ""
    policies = walk.last.every("content-security-policy")
    lists: dict[str, Sequence[str]] = {
        "http.mixed_content": insecure_places(page, policies, Role.SCRIPT, Role.ACTIVE, Role.FORM),
        "http.mixed_content_passive": insecure_places(page, policies, Role.PASSIVE),
        "http.scripts_without_integrity": unbound_scripts(page, site.host),
    }
    for name, found in lists.items():
        if found or page.whole:
            said.facts[name] = list(found)
        else:
            cut = walk.last.cut or Unseen(Why.LIMIT, "the page is longer than what is read")
            said.gaps[name] = Unseen(cut.why, f"none found, and the page was not read whole: {cut.detail}")


def _bare(host: str) -> str:
    return host.rstrip(".").lower().removeprefix("www.")
