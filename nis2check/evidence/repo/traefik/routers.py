# SPDX-License-Identifier: EUPL-1.2
"""The routers of Traefik as the sites that a visitor meets: names, ports, TLS options, redirects and headers.

The port of a router is that of its entry points, which are static settings: without them the site has no subject.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.host_names import is_host_name
from nis2check.evidence.repo.openssl_words import in_order
from nis2check.evidence.repo.page_headers import Header, Page
from nis2check.evidence.repo.traefik.settings import Entry, Settings
from nis2check.model import Kind, Why

MOST_NAMES = 20  # of one rule
MOST_ROUTERS = 500
DEEPEST_CHAIN = 5

_HOSTS = re.compile(r"\bHost\(([^()]*)\)")
_NAME = re.compile(r"[`\"']([^`\"']+)[`\"']")
_ADDRESS = re.compile(r"(?:[^:]*|\[[^\]]*\]):(\d{1,5})(?:/tcp)?\Z")
_ORDER = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_VERSIONS = {"versiontls10": 0, "versiontls11": 1, "versiontls12": 2, "versiontls13": 3}
_CURVES = {
    "curvep256": "secp256r1",
    "curvep384": "secp384r1",
    "curvep521": "secp521r1",
    "x25519": "x25519",
    "x25519mlkem768": "X25519MLKEM768",
}

Found = Iterator[Read | Unread]


@dataclass(frozen=True, slots=True)
class Router:
    """One router: its host names and the numbers of the ports it answers at; None when these are in another file."""

    name: str
    hosts: tuple[str, ...]
    entries: tuple[str, ...]
    ports: tuple[int, ...] | None
    tls: bool
    middlewares: tuple[str, ...]
    line: int


def entry_points(settings: Settings) -> dict[str, int | None]:
    """Entry points of the static settings with their port, None when it is filled in."""
    found: dict[str, int | None] = {}
    for name in settings.named("entrypoints"):
        address = settings.get(f"entrypoints.{name}.address")
        port = _ADDRESS.match(address.value) if address is not None else None
        found[name] = int(port[1]) if port is not None else None
    return found


def routers(settings: Settings) -> list[Router]:
    points = entry_points(settings)
    found = []
    for name, line in list(settings.named("http.routers").items())[:MOST_ROUTERS]:
        prefix = f"http.routers.{name}"
        rule = settings.get(f"{prefix}.rule")
        used = settings.get(f"{prefix}.entrypoints")
        entries = tuple(word.lower() for word in used.words) if used is not None else tuple(points)
        ports = tuple(port for word in entries if (port := points.get(word)) is not None)
        complete = bool(entries) and len(ports) == len(entries)
        said = [entry for below, entry in settings.under(f"{prefix}.tls") if below or entry.on]
        by_entry = bool(entries) and all(any(settings.under(f"entrypoints.{word}.http.tls")) for word in entries)
        wares = settings.get(f"{prefix}.middlewares")
        common = [
            word
            for entry in entries
            if (more := settings.get(f"entrypoints.{entry}.http.middlewares"))
            for word in more.words
        ]
        found.append(
            Router(
                name,
                _hosts(rule),
                entries,
                ports if complete else None,
                bool(said) or by_entry,
                (*common, *(wares.words if wares is not None else ())),
                rule.line if rule is not None else line,
            )
        )
    return found


def _hosts(rule: Entry | None) -> tuple[str, ...]:
    if rule is None or rule.templated or "!" in rule.value[:4096]:
        return ()
    names = [name.lower() for group in _HOSTS.findall(rule.value[:4096]) for name in _NAME.findall(group)]
    return tuple(dict.fromkeys(name for name in names if is_host_name(name)))[:MOST_NAMES]


def is_partial(settings: Settings, router: Router) -> bool:
    """Whether the router answers for some paths of its hosts alone."""
    rule = settings.get(f"http.routers.{router.name}.rule")
    return rule is not None and re.search(r"Path|Query|Header|Method|ClientIP", rule.value) is not None


# ------------------------------------------------------------------------------------------------------------------ tls


def tls(settings: Settings, router: Router, subject: str) -> Found:
    yield Read("tls.accepted", True, router.line, subject, Kind.TLS)
    asked = settings.get(f"http.routers.{router.name}.tls.options")
    if asked is None and len(router.entries) == 1:
        asked = settings.get(f"entrypoints.{router.entries[0]}.http.tls.options")
    name = asked.value.partition("@")[0].lower() if asked is not None else "default"
    known = any(settings.under(f"tls.options.{name}"))
    if known:
        yield from options(settings, name, subject, Kind.TLS)
    elif name == "default" and _is_third(settings.version) and not _more_files(settings):
        yield Read("tls.versions", ["TLSv1.2", "TLSv1.3"], router.line, subject, Kind.TLS)
    else:
        detail = (
            f"the TLS options {name[:60]!r} are in another file, or their default depends on the version of Traefik"
        )
        yield Unread("tls.versions", Why.UNREADABLE, detail, router.line, subject, Kind.TLS)


def _is_third(version: str) -> bool:
    """Traefik 3 takes TLS 1.2 as its lowest version (its migration guide)."""
    return re.match(r"v?3(?:\.|\Z)", version) is not None


def _more_files(settings: Settings) -> bool:
    """Whether the static settings name a provider that may hold other TLS options."""
    return any(name not in {"docker", "swarm"} for name in settings.named("providers"))


def options(settings: Settings, name: str, subject: str, kind: Kind) -> Found:
    """Facts of one set of TLS options."""
    prefix = f"tls.options.{name}"
    line = min(entry.line for _name, entry in settings.under(prefix))
    lowest, highest = settings.get(f"{prefix}.minversion"), settings.get(f"{prefix}.maxversion")
    said = lowest or highest
    if said is not None:
        answer = _versions(lowest, highest)
        if isinstance(answer, Unseen):
            yield Unread("tls.versions", answer.why, answer.detail, said.line, subject, kind)
        else:
            yield Read("tls.versions", answer, said.line, subject, kind)
    elif kind is Kind.TLS:
        detail = "minVersion is not set: its default depends on the version of Traefik"
        yield Unread("tls.versions", Why.UNREADABLE, detail, line, subject, kind)
    suites, curves = settings.get(f"{prefix}.ciphersuites"), settings.get(f"{prefix}.curvepreferences")
    if suites is not None and not suites.templated:
        yield Read("tls.weak_suites", in_order(_weak(suites.words)), suites.line, subject, kind)
    if curves is not None and curves.words and all(word.lower() in _CURVES for word in curves.words):
        yield Read("tls.groups", [_CURVES[word.lower()] for word in curves.words], curves.line, subject, kind)


def _versions(lowest: Entry | None, highest: Entry | None) -> list[str] | Unseen:
    if lowest is None:
        return Unseen(Why.UNREADABLE, "minVersion is not set: its default depends on the version of Traefik")
    ends = [_VERSIONS.get(entry.value.lower()) for entry in (lowest, highest) if entry is not None]
    if any(entry.templated for entry in (lowest, highest) if entry is not None):
        return Unseen(Why.TEMPLATED, "the version comes from a variable")
    if None in ends:
        return Unseen(Why.MALFORMED, "a version is none that Traefik knows")
    first, last = ends[0] or 0, ends[1] if len(ends) > 1 else 3
    return list(_ORDER[first : (last or 0) + 1]) or Unseen(Why.MALFORMED, "minVersion is above maxVersion")


def _weak(suites: list[str]) -> set[str]:
    """Classes of suites by their names in Go; those that Go knows have no other weakness."""
    found = set()
    for suite in suites:
        for mark, word in (("_RC4_", "RC4"), ("_3DES_", "3DES"), ("_CBC_", "CBC")):
            if mark in suite:
                found.add(word)
        if suite.startswith("TLS_RSA_"):
            found.add("RSA-KEX")
    return found


# ------------------------------------------------------------------------------------------------- redirects and headers


def redirect(settings: Settings, host: str, line: int) -> Found:
    """What an entry point on port 80 does by itself, said of the https side."""
    for name, port in entry_points(settings).items():
        target = settings.get(f"entrypoints.{name}.http.redirections.entrypoint.to")
        scheme = settings.get(f"entrypoints.{name}.http.redirections.entrypoint.scheme")
        if port == 80 and target is not None and (scheme is None or scheme.value == "https"):
            yield Read("http.plain_answers", True, line, f"{host}:443", Kind.HTTP)
            yield Read("http.redirects_to_https", True, target.line, f"{host}:443", Kind.HTTP)
            return


def resolved(settings: Settings, names: tuple[str, ...], depth: int = 0) -> dict[str, bool]:
    """The middlewares of these names, chains followed: name → whether this file holds it."""
    found: dict[str, bool] = {}
    for given in names:
        name = given.partition("@")[0].lower()
        chain = settings.get(f"http.middlewares.{name}.chain.middlewares")
        if chain is not None and depth < DEEPEST_CHAIN:
            found |= resolved(settings, tuple(chain.words), depth + 1)
        else:
            found[name] = any(settings.under(f"http.middlewares.{name}"))
    return found


_HEADERS = {
    "contenttypenosniff": ("x-content-type-options", "nosniff"),
    "framedeny": ("x-frame-options", "DENY"),
    "customframeoptionsvalue": ("x-frame-options", ""),
    "referrerpolicy": ("referrer-policy", ""),
    "contentsecuritypolicy": ("content-security-policy", ""),
    "permissionspolicy": ("permissions-policy", ""),
}


def page(settings: Settings, router: Router, subject: str) -> Found:
    """The headers that the middlewares of a router add; what they do not is the application's."""
    sent: list[Header] = []
    for name, here in resolved(settings, router.middlewares).items():
        if here:
            sent += _sent(settings, f"http.middlewares.{name}.headers")
    answer = page_headers.facts_of(Page(sent, "the application behind it may send it", router.line))
    yield from page_headers.told([answer], router.line, subject)


def _sent(settings: Settings, prefix: str) -> Iterator[Header]:
    age = settings.get(f"{prefix}.stsseconds")
    if age is not None and age.value.strip() not in {"", "0"}:
        below = settings.get(f"{prefix}.stsincludesubdomains")
        more = "; includeSubDomains" if below is not None and below.on else ""
        yield _header("strict-transport-security", f"max-age={age.value.strip()}{more}", age)
    for name, entry in settings.under(prefix):
        if name in _HEADERS:
            header, fixed = _HEADERS[name]
            if not fixed or entry.on:
                yield _header(header, fixed or entry.value, entry)
        elif name.startswith("customresponseheaders.") and entry.value:
            yield _header(name.partition(".")[2], entry.value, entry)


def _header(name: str, value: str, entry: Entry) -> Header:
    return Header(name, value, entry.line, "its value comes from a variable" if entry.templated else "")
