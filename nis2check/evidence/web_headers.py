# SPDX-License-Identifier: EUPL-1.2
"""What the headers of a page say, as facts. Pure: the live probe and the readers of web server files share it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nis2check.model import Json

LONGEST_TEXT = 4096  # characters of a header kept as a fact
MOST_COOKIES = 50

Headers = Sequence[tuple[str, str]]  # names in lower case, in the order sent

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_VERSION = re.compile(r"/v?\d+(?![0-9A-Za-z])|\d\.\d")
# Frameworks whose header exists to name themselves; a version in any of them tells an attacker what to try.
_BANNERS = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version", "x-generator", "x-drupal-version")
# Double-submit tokens that a script must read: without HttpOnly by design.
_READ_BY_SCRIPT = {"xsrf-token", "csrftoken", "csrf-token", "_csrf_token"}
_REFERRER = {
    "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
    "strict-origin-when-cross-origin", "unsafe-url",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hsts:
    """A Strict-Transport-Security header. ``max_age`` in seconds, None when ``valid`` is false."""

    valid: bool
    max_age: int | None = None
    include_subdomains: bool = False


def hsts(value: str) -> Hsts:
    """RFC 6797 section 6.1: directives once each, max-age required and a number, unknown ones ignored. Anything that breaks
    the syntax makes browsers ignore the whole header (section 8.1)."""
    directives = _directives(value)
    if directives is None:
        return Hsts(valid=False)
    age = directives.get("max-age") or ""
    if not (age.isascii() and age.isdigit()) or directives.get("includesubdomains") is not None:
        return Hsts(valid=False)
    return Hsts(True, min(int(age[:18]), 10**12), "includesubdomains" in directives)


def _directives(value: str) -> dict[str, str | None] | None:
    """Directive names in lower case with their values (None without ``=``), or None when the syntax is broken."""
    found: dict[str, str | None] = {}
    position = 0
    while position < len(value):
        if value[position] in "; \t":
            position += 1
            continue
        name = _TOKEN.match(value, position)
        if name is None or name[0].lower() in found:
            return None
        position = _skip(value, name.end())
        content: str | None = None
        if position < len(value) and value[position] == "=":
            position = _skip(value, position + 1)
            token = _TOKEN.match(value, position) or _QUOTED.match(value, position)
            if token is None:
                return None
            content = token[1] if token.re is _QUOTED else token[0]
            position = _skip(value, token.end())
        if position < len(value) and value[position] != ";":
            return None
        found[name[0].lower()] = content
    return found if len(value) <= LONGEST_TEXT else None


def _skip(value: str, position: int) -> int:
    while position < len(value) and value[position] in " \t":
        position += 1
    return position


def policy_directives(policy: str) -> dict[str, list[str]]:
    """A Content-Security-Policy as directive → sources, in lower case; the first of a repeated directive counts (CSP 3)."""
    found: dict[str, list[str]] = {}
    for part in policy.split(";"):
        words = part.lower().split()
        if words:
            found.setdefault(words[0], words[1:])
    return found


def policy_weaknesses(policies: Sequence[str]) -> list[str]:
    """What lets injected scripts run in spite of every policy sent: all of them apply, so a weakness must be in each."""
    each = [_weaknesses(policy_directives(policy)) for policy in policies]
    return sorted(set.intersection(*each)) if each else []


def _weaknesses(policy: Mapping[str, Sequence[str]]) -> set[str]:
    scripts = policy.get("script-src", policy.get("default-src"))
    if scripts is None:
        return {"no-script-src"}
    found = set()
    strict = "'strict-dynamic'" in scripts
    by_hash = strict or any(source.startswith(("'nonce-", "'sha256-", "'sha384-", "'sha512-")) for source in scripts)
    if "'unsafe-inline'" in scripts and not by_hash:  # CSP 2 and later ignore it beside a nonce or a hash
        found.add("unsafe-inline")
    if "'unsafe-eval'" in scripts:
        found.add("unsafe-eval")
    if not strict and any(source in {"*", "http:", "https:", "data:", "http://*", "https://*"} for source in scripts):
        found.add("any-source")
    return found


def framing_protected(frame_options: Sequence[str], policies: Sequence[str]) -> bool:
    """Whether strangers cannot frame the page. frame-ancestors wins over X-Frame-Options (CSP 2, 7.7.1)."""
    ancestors = [found["frame-ancestors"] for found in map(policy_directives, policies) if "frame-ancestors" in found]
    if ancestors:
        return any(not {"*", "http:", "https:"} & set(sources) for sources in ancestors)
    words = {word.strip().upper() for value in frame_options for word in value.split(",")}
    return bool(words & {"DENY", "SAMEORIGIN"}) and words <= {"DENY", "SAMEORIGIN"}


def insecure_cookies(cookies: Sequence[str]) -> list[str]:
    """Names of the cookies set without Secure, or without HttpOnly when no script has to read them."""
    names = []
    for cookie in cookies[:MOST_COOKIES]:
        first, *rest = cookie.split(";", 64)
        name = first.partition("=")[0].strip()[:64]
        flags = {part.partition("=")[0].strip().lower() for part in rest}
        if "secure" not in flags or ("httponly" not in flags and name.lower() not in _READ_BY_SCRIPT):
            names.append(name)
    return sorted(set(names))


def cookies_sent_anywhere(cookies: Sequence[str]) -> list[str]:
    """Names of the cookies that browsers attach to requests made by other sites: SameSite is None, or is not said (browsers
    then differ)."""
    names = []
    for cookie in cookies[:MOST_COOKIES]:
        first, *rest = cookie.split(";", 64)
        said = [
            value.strip().lower() for key, _is, value in (part.partition("=") for part in rest) if _is_same_site(key)
        ]
        if said[-1:] not in (["lax"], ["strict"]):  # the last of a repeated attribute counts
            names.append(first.partition("=")[0].strip()[:64])
    return sorted(set(names))


def _is_same_site(key: str) -> bool:
    return key.strip().lower() == "samesite"


def discloses_version(headers: Headers) -> bool:
    """Whether a banner holds a version number: ``Apache/2.4.57``, ``PHP/8.2``."""
    return any(_VERSION.search(value[:LONGEST_TEXT]) for name, value in headers if name in _BANNERS)


def hsts_facts(headers: Headers) -> dict[str, Json]:
    """Facts of the first Strict-Transport-Security header, the only one that browsers read (RFC 6797 section 8.1)."""
    values = [value for name, value in headers if name == "strict-transport-security"]
    if not values:
        return {"http.hsts.present": False}
    read = hsts(values[0])
    facts: dict[str, Json] = {"http.hsts.present": True, "http.hsts.valid": read.valid}
    if read.valid:
        facts |= {"http.hsts.max_age": read.max_age, "http.hsts.include_subdomains": read.include_subdomains}
    return facts


def page_facts(headers: Headers) -> dict[str, Json]:
    """Facts of the headers of a page, HSTS aside."""

    def every(wanted: str) -> list[str]:
        return [value for name, value in headers if name == wanted]

    policies = every("content-security-policy")
    options = [value.split(",")[0].strip().lower() for value in every("x-content-type-options")]
    facts: dict[str, Json] = {
        "http.csp_present": any(policy_directives(policy) for policy in policies),
        "http.framing_protected": framing_protected(every("x-frame-options"), policies),
        "http.nosniff": options[:1] == ["nosniff"],
        "http.referrer_policy_present": any(
            word.strip().lower() in _REFERRER for value in every("referrer-policy") for word in value.split(",")
        ),
        "http.permissions_policy_present": any(value.strip() for value in every("permissions-policy")),
        "http.cookies_insecure": insecure_cookies(every("set-cookie")),
        "http.cookies_without_samesite": cookies_sent_anywhere(every("set-cookie")),
        "http.discloses_version": discloses_version(headers),
    }
    if facts["http.csp_present"]:
        facts["http.csp"] = ", ".join(policies)[:LONGEST_TEXT]
        facts["http.csp_weaknesses"] = policy_weaknesses([policy for policy in policies if policy_directives(policy)])
    if server := every("server"):
        facts["http.server"] = server[0][:LONGEST_TEXT]
    return facts
