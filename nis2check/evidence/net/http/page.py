# SPDX-License-Identifier: EUPL-1.2
"""What the body of an answer tells: policies in the head of a static page, and answers that are not the site's own. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

MOST_META = 200

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_HEAD_ENDS = re.compile(r"</head\b|<body\b", re.IGNORECASE)
_META = re.compile(r"<meta\b([^>]{0,8192})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([A-Za-z\-]{1,20})\s{0,8}=\s{0,8}(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""")

# Statuses with which something in front of the site, or the site in distress, answers instead of it.
_NOT_THE_SITE = {
    400: Why.BLOCKED, 403: Why.BLOCKED, 421: Why.RATE_LIMITED, 429: Why.RATE_LIMITED, 500: Why.BLOCKED,
    502: Why.BLOCKED, 503: Why.RATE_LIMITED, 504: Why.BLOCKED, 520: Why.BLOCKED, 521: Why.BLOCKED, 522: Why.BLOCKED,
}  # fmt: skip
# Challenges that come with an innocent status. Header, then what its value holds.
_CHALLENGE_HEADERS = (("cf-mitigated", "challenge"), ("x-amzn-waf-action", ""), ("x-datadome", "protected"))
_CHALLENGE_BODIES = (
    (b"The requested URL was rejected. Please consult with your administrator", "F5 ASM"),
    (b"_Incapsula_Resource", "Imperva"),
    (b"/cdn-cgi/challenge-platform/", "Cloudflare"),
    (b"window._cf_chl_opt", "Cloudflare"),
    (b"captcha-delivery.com", "DataDome"),
    (b"/.within.website/x/cmd/anubis/", "Anubis"),
    (b"/sucuri-firewall-block/", "Sucuri"),
)
_SMALL = 65536  # a challenge page is short: a long page that only embeds such a script is the site


@dataclass(frozen=True, slots=True)
class Head:
    """The http-equiv and name values of the head of a page. ``whole``: all of the head was read."""

    policies: tuple[str, ...] = ()
    referrers: tuple[str, ...] = ()
    whole: bool = True


def head(answer: Answer) -> Head:
    """The policies that a static page gives in meta elements; frame-ancestors does not count there (CSP 3, 3.3)."""
    if "html" not in answer.first("content-type").lower() and answer.body.lstrip()[:1] != b"<":
        return Head(whole=answer.cut is None)
    text = _COMMENT.sub("", answer.body.decode("utf-8", "replace"))
    end = _HEAD_ENDS.search(text)
    found: dict[str, list[str]] = {"content-security-policy": [], "referrer": []}
    for number, meta in enumerate(_META.finditer(text, 0, end.start() if end else len(text))):
        if number >= MOST_META:
            break
        values = {name.lower(): a or b or c for name, a, b, c in _ATTRIBUTE.findall(meta[1])}
        key = (values.get("http-equiv") or values.get("name") or "").lower()
        if key in found:
            found[key].append(values.get("content", ""))
    whole = answer.cut is None or end is not None
    return Head(tuple(found["content-security-policy"]), tuple(found["referrer"]), whole)


def not_the_site(answer: Answer) -> Unseen | None:
    """Why an answer says nothing of the site: a block, an error page, a challenge, a rate limit. None when it does."""
    if answer.status in _NOT_THE_SITE:
        return Unseen(_NOT_THE_SITE[answer.status], f"status {answer.status}")
    for name, content in _CHALLENGE_HEADERS:
        if any(content in value.lower() for value in answer.every(name)):
            return Unseen(Why.BLOCKED, f"an anti-robot answer ({name})")
    if len(answer.body) <= _SMALL:
        for mark, product in _CHALLENGE_BODIES:
            if mark in answer.body:
                return Unseen(Why.BLOCKED, f"an anti-robot page ({product})")
    return None
