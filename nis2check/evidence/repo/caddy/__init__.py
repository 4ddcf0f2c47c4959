# SPDX-License-Identifier: EUPL-1.2
"""Reads Caddyfiles: what automatic HTTPS and the words of each site come to, and what only the file shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.caddy.site import (
    Automatic,
    addresses,
    automatic,
    gives_way,
    in_clear,
    page,
    redirect,
    subjects,
    tls,
)
from nis2check.evidence.repo.caddy.syntax import Directive, parse
from nis2check.evidence.repo.concerns import Concerns, NotRead, array_fact
from nis2check.model import FactSpec, Kind, Why

NAME = "caddy"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "The site has a name and is not set to http."),
    FactSpec("tls.versions", "array", "", "protocols, else the documented default."),
    FactSpec("tls.weak_suites", "array", "", "Weak classes of ciphers; none by default."),
    FactSpec("tls.groups", "array", "", "curves."),
    FactSpec("http.https", "boolean", "", "The site has a name and is not set to http."),
    FactSpec("http.plain_answers", "boolean", "", "Caddy answers for the name on port 80 too."),
    FactSpec("http.redirects_to_https", "boolean", "", "Automatic HTTPS redirects, or the site of port 80 does."),
    *page_headers.FACTS,
    array_fact("caddy.admin_open", "Administration interface beyond the machine itself: address, line."),
    array_fact("caddy.sites_in_clear", "Public names served over http alone: name, line."),
    array_fact("caddy.backend_unverified", "Backends whose certificate is not verified: directive, line."),
    array_fact("caddy.directory_listing", "file_server that lists folders: site, line."),
    array_fact("caddy.sites_without_log", "Sites whose requests are logged nowhere: site, line."),
    array_fact("caddy.log_retention_short", "Logs kept for less than three months: setting, value, line."),
    array_fact("caddy.basic_auth_clear", "Passwords asked for over http: site, line."),
)

_BY_NAME = re.compile(r"(?:^|/)(?:[^/]*\.)?Caddyfile(?:\.[^/]*)?\Z|\.caddyfile\Z|\.caddy\Z", re.IGNORECASE)
_CADDY_1 = {
    "proxy", "gzip", "fastcgi", "errors", "ext", "minify", "markdown", "internal", "index", "pprof", "startup", "shutdown",
    "browse", "expvar", "websocket", "mailout", "limits", "timeouts",
}  # fmt: skip
# What a file begins with that is imported into a site.
_DIRECTIVES = {
    "header", "tls", "log", "encode", "reverse_proxy", "redir", "respond", "file_server", "root", "handle", "route", "rewrite",
    "basic_auth", "basicauth", "php_fastcgi", "handle_path", "handle_errors", "request_header", "bind", "try_files",
}  # fmt: skip
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|m|s|d)")
_HOURS = {"d": 24.0, "h": 1.0, "m": 1 / 60, "s": 1 / 3600}
_THREE_MONTHS = 89 * 24.0
_DEVELOPMENT = re.compile(r"(?:https?://)?(?:localhost|127\.[0-9.]+|\[::1\]|[\w.-]+\.localhost)(?::\d+)?,?\Z")
_LOCAL = re.compile(r"(?:tcp/)?(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])(?::\d+)?\Z|unix/|off\Z")

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """By name: nothing else is called so."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        file = parse(text)
    except NotRead as error:
        yield Unread("caddy.*", error.why, error.detail, error.line)
        return
    if (old := _of_caddy_1(file.sites)) is not None:
        detail = f"{old.name[:40]} is a directive of Caddy 1, whose defaults are not those of today"
        yield Unread("caddy.*", Why.UNREADABLE, detail, old.line)
        return
    file.sites, fragments = [one for one in file.sites if not _is_fragment(one)], [*filter(_is_fragment, file.sites)]
    for one in fragments[:1]:
        yield Unread("caddy.*", Why.UNREADABLE, "directives without a site: another file imports them", one.line)
    how = automatic(file.options)
    clear = in_clear([site for site in file.sites if site.block is not None], how)
    for site in file.sites:
        if site.block is None:
            yield Unread("caddy.*", Why.UNREADABLE, "sites of an imported file are not read here", site.line)
        elif any("{$" in word or "{{" in word for word in site.words):
            yield Unread("caddy.site", Why.TEMPLATED, "the address comes from a variable", site.line)
        elif how.words & {"off", "disable_certs"} and not any(site.every("tls")):
            yield from _unmanaged(site, how)
        else:
            yield from _site(site, clear, how)
    yield from _findings(file.options, [site for site in file.sites if site.block is not None], how)


def _of_caddy_1(sites: Sequence[Directive]) -> Directive | None:
    """A directive that Caddy 2 refuses and that Caddy 1 had."""
    return next((one for site in sites for one in site.block or () if one.name in _CADDY_1), None)


def _is_fragment(site: Directive) -> bool:
    return site.name in _DIRECTIVES or site.name.startswith("@")


def _unmanaged(site: Directive, how: Automatic) -> Found:
    for subject, _address in subjects(site, how):
        detail = "auto_https takes no certificate, and the site names none"
        yield Unread("tls.*", Why.UNREADABLE, detail, site.line, subject, Kind.TLS)


def _site(site: Directive, clear: dict[str, Directive], how: Automatic) -> Found:
    for subject, address in subjects(site, how):
        yield from tls(site, site.line, subject)
        yield Read("http.https", True, site.line, subject, Kind.HTTP)
        yield from page(site, site.line, subject)
        if address.port == 443:
            yield from redirect(address.host, clear, how, site.line)


# ------------------------------------------------------------------------------------------------------------ file facts


def _findings(options: Directive, sites: Sequence[Directive], how: Automatic) -> Found:
    said = Concerns()
    for one in options.every("admin"):
        _admin(one, said)
    for log in [one for one in options.every("log") if one.block is not None]:
        _retention(log, said)
    secure = {one.host for site in sites for one in addresses(site, how) if one.secure}
    for site in sites:
        _clear(site, secure, how, said)
        _logs(site, said)
        _inside(site, said)
    yield from said.found()


def _admin(one: Directive, said: Concerns) -> None:
    fact, address = "caddy.admin_open", one.words[1] if len(one.words) > 1 else ""
    if one.templated:
        said.open(fact, Why.TEMPLATED, "admin comes from a variable", one.line)
    elif not address or _LOCAL.match(address):
        said.right(fact, one.line)
    else:
        said.wrong(fact, address, one.line)


def _clear(site: Directive, secure: set[str], how: Automatic, said: Concerns) -> None:
    places = addresses(site, how)
    public = [one for one in places if one.public]
    redirected = any(site.every("redir")) or (gives_way(site) and any(one.name == "redir" for one in site.all()))
    for one in public:
        if one.secure or one.host in secure or redirected:
            said.right("caddy.sites_in_clear", site.line)
        else:
            said.wrong("caddy.sites_in_clear", one.host, site.line)
    asks = [one for one in site.all() if one.name in {"basicauth", "basic_auth"}]
    for ask in asks[:1]:
        if places and not any(place.secure for place in places):
            said.wrong("caddy.basic_auth_clear", ", ".join(site.words), ask.line)
        else:
            said.right("caddy.basic_auth_clear", ask.line)


def _logs(site: Directive, said: Concerns) -> None:
    """Caddy logs no request unless the site says so (documentation of the log directive)."""
    fact, logs = "caddy.sites_without_log", list(site.every("log"))
    if not logs and site.words and all(_DEVELOPMENT.match(word) for word in site.words):
        return  # a site that only its own machine sees
    if any(one.name == "output" and one.words[1:2] == ("discard",) for log in logs for one in log.all()) or not logs:
        if not logs and any(site.every("import")):
            said.open(fact, Why.UNREADABLE, "the site imports a file", site.line)
        else:
            said.wrong(fact, ", ".join(site.words), site.line)
    else:
        said.right(fact, logs[0].line)
    for log in logs:
        _retention(log, said)


def _retention(log: Directive, said: Concerns) -> None:
    fact = "caddy.log_retention_short"
    for one in (child for child in log.all() if child.name == "roll_keep_for"):
        value = one.words[1] if len(one.words) > 1 else ""
        hours = sum(float(number[:12]) * _HOURS[unit] for number, unit in _DURATION.findall(value[:40]))
        if one.templated or not hours:
            said.open(fact, Why.TEMPLATED, "roll_keep_for comes from a variable", one.line)
        elif hours < _THREE_MONTHS:
            said.wrong(fact, "roll_keep_for", one.line, value)
        else:
            said.right(fact, one.line)


def _inside(site: Directive, said: Concerns) -> None:
    for one in site.all():
        if one.name == "reverse_proxy":
            skips = [child for child in one.all() if child.name == "tls_insecure_skip_verify"]
            speaks = any(word.startswith("https://") for word in one.words) or any(
                child.name == "tls" for child in one.all()
            )
            if skips:
                said.wrong("caddy.backend_unverified", " ".join(one.words[1:3]), skips[0].line)
            elif speaks:
                said.right("caddy.backend_unverified", one.line)
        elif one.name == "file_server":
            if "browse" in one.words or any(one.every("browse")):
                said.wrong("caddy.directory_listing", ", ".join(site.words), one.line)
            else:
                said.right("caddy.directory_listing", one.line)
