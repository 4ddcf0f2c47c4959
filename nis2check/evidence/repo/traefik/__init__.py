# SPDX-License-Identifier: EUPL-1.2
"""Reads Traefik's files in YAML and TOML, and its labels and arguments in Compose files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.concerns import Concerns, array_fact
from nis2check.evidence.repo.host_names import is_public_name
from nis2check.evidence.repo.traefik.routers import (
    Router,
    entry_points,
    is_partial,
    options,
    page,
    redirect,
    resolved,
    routers,
    tls,
)
from nis2check.evidence.repo.traefik.settings import Entry, Settings, of_toml, of_yaml
from nis2check.model import FactSpec, Kind, Why

NAME = "traefik"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "A router of the name has tls."),
    FactSpec("tls.versions", "array", "", "minVersion and maxVersion of its TLS options."),
    FactSpec("tls.weak_suites", "array", "", "Weak classes of cipherSuites."),
    FactSpec("tls.groups", "array", "", "curvePreferences."),
    FactSpec("http.https", "boolean", "", "A router of the name has tls."),
    FactSpec("http.plain_answers", "boolean", "", "An entry point on port 80 answers for the name."),
    FactSpec("http.redirects_to_https", "boolean", "", "That entry point redirects to https."),
    *page_headers.FACTS,
    array_fact("traefik.api_insecure", "The interface and its settings are open on their own port: setting, line."),
    array_fact("traefik.dashboard_open", "Routers to the dashboard without authentication: router, line."),
    array_fact("traefik.backend_unverified", "Backends whose certificate is not verified: setting, line."),
    array_fact("traefik.logs_off", "Static settings without an access log: setting, line."),
    array_fact("traefik.exposed_by_default", "Providers that publish every container: provider, line."),
    array_fact(
        "traefik.routers_in_clear", "Routers that serve sites on port 80 without leading to https: names, line."
    ),
)

_COMPOSE = re.compile(r"(?:^|/)(?:docker-)?compose(?:[.-][^/]*)?\.ya?ml\Z", re.IGNORECASE)
_BY_NAME = re.compile(r"(?:^|/)[^/]*traefik[^/]*\.(?:ya?ml|toml)\Z|(?:^|/)traefik/.*\.(?:ya?ml|toml)\Z", re.IGNORECASE)
_LOOKS = re.compile(
    rb"^(?:entryPoints|\[entryPoints)|^[ \t]*(?:routers|middlewares|certificatesResolvers):[ \t]*\r?$"
    rb"|^\[(?:http\.routers|http\.middlewares|tls\.options)",
    re.MULTILINE,
)
_OLD_ENTRY = re.compile(r"entrypoints\.[^.]+\.(?:tls|redirect|auth)\b")
_HEAD = 8192
_GUARDS = ("basicauth", "digestauth", "forwardauth", "ipallowlist", "ipwhitelist", "plugin")
_INTERNAL = {"api@internal", "dashboard@internal"}

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """By name or folder; a Compose file when it speaks of Traefik, or is too long to be sure that it does not."""
    if _COMPOSE.search(path) is not None:
        return b"traefik" in head.lower() or len(head) >= _HEAD
    if _BY_NAME.search(path) is not None:
        return True
    return (
        path.lower().endswith((".yml", ".yaml", ".toml")) and _LOOKS.search(head) is not None and b"entryPoints" in head
    )


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        settings = of_toml(text) if path.lower().endswith(".toml") else of_yaml(text)
    except Unseen as error:
        if _COMPOSE.search(path) is None:  # whose own reader says so
            yield Unread("traefik.*", error.why, error.detail)
        return
    if not settings.entries:
        return
    if (old := _of_traefik_1(settings)) is not None:
        detail = "settings of Traefik 1, which is no longer maintained and whose defaults are others"
        yield Unread("traefik.*", Why.UNREADABLE, detail, old.line)
        return
    found = routers(settings)
    yield from _sites(settings, found)
    if not any(router.tls and router.ports is not None for router in found):
        yield from _of_file(settings)
    yield from _findings(settings, found)


def _of_traefik_1(settings: Settings) -> Entry | None:
    """A setting that Traefik 1 alone had."""
    entries = settings.entries
    if re.match(r"v?1\.", settings.version) and entries:
        return next(iter(entries.values()))
    return next(
        (entry for name, entry in entries.items() if name == "defaultentrypoints" or _OLD_ENTRY.match(name)), None
    )


def _sites(settings: Settings, found: Sequence[Router]) -> Found:
    taken: set[str] = set()
    homeless = [router for router in found if router.tls and router.hosts and router.ports is None]
    if homeless:
        detail = "the ports of the entry points are in another file: the names of the routers are not judged here"
        yield Unread("traefik.*", Why.UNREADABLE, detail, homeless[0].line)
    for router in found:
        if not router.tls or router.ports is None or is_partial(settings, router):
            continue
        for host in router.hosts:
            for port in router.ports:
                subject = f"{host}:{port}"
                if subject in taken or port == 80:
                    continue
                taken.add(subject)
                yield from tls(settings, router, subject)
                yield Read("http.https", True, router.line, subject, Kind.HTTP)
                yield from page(settings, router, subject)
                if port == 443:
                    yield from redirect(settings, host, router.line)


def _of_file(settings: Settings) -> Found:
    """TLS options for the routers of other files: said of the file itself."""
    for name, line in settings.named("tls.options").items():
        found = list(options(settings, name, "", Kind.FILE))
        if found:
            yield Read("tls.accepted", True, line)
            yield from found


# ------------------------------------------------------------------------------------------------------------ file facts


def _findings(settings: Settings, found: Sequence[Router]) -> Found:
    said = Concerns()
    _api(settings, said)
    _dashboard(settings, found, said)
    _clear(settings, found, said)
    for name, entry in settings.entries.items():
        if name.endswith(".insecureskipverify") and name.startswith(("serverstransport", "http.serverstransports.")):
            _sort(entry.on, "traefik.backend_unverified", name, entry.line, said)
    if settings.static:
        _static(settings, said)
    yield from said.found()


def _sort(offends: bool, fact: str, name: str, line: int, said: Concerns) -> None:
    if offends:
        said.wrong(fact, name, line)
    else:
        said.right(fact, line)


def _api(settings: Settings, said: Concerns) -> None:
    insecure = settings.get("api.insecure")
    if insecure is not None and insecure.templated:
        said.open("traefik.api_insecure", Why.TEMPLATED, "api.insecure comes from a variable", insecure.line)
    elif insecure is not None:
        _sort(insecure.on, "traefik.api_insecure", "api.insecure", insecure.line, said)
    elif settings.static and (points := settings.named("entrypoints")):
        said.right("traefik.api_insecure", min(points.values()))  # false unless it is said


def _dashboard(settings: Settings, found: Sequence[Router], said: Concerns) -> None:
    fact = "traefik.dashboard_open"
    for router in found:
        service = settings.get(f"http.routers.{router.name}.service")
        if service is None or service.value.lower() not in _INTERNAL:
            continue
        wares = resolved(settings, router.middlewares)
        guarded = [
            name for name in wares for guard in _GUARDS if any(settings.under(f"http.middlewares.{name}.{guard}"))
        ]
        if guarded:
            said.right(fact, router.line)
        elif not all(wares.values()):
            said.open(fact, Why.UNREADABLE, "its middlewares are in another file", router.line)
        elif not entry_points(settings) and not settings.static:
            said.open(
                fact, Why.UNREADABLE, "its entry points, which may have middlewares, are in another file", router.line
            )
        else:
            said.wrong(fact, router.name, router.line)


def _static(settings: Settings, said: Concerns) -> None:
    points = settings.named("entrypoints")
    if points:
        log = [entry for _name, entry in settings.under("accesslog")]
        alone = settings.get("accesslog")
        off = not log or (alone is not None and alone.value.strip().lower() == "false")
        _sort(off, "traefik.logs_off", "accessLog", alone.line if alone is not None else min(points.values()), said)
    for provider in ("docker", "swarm", "consulcatalog", "nomad", "ecs"):
        below = [entry for _name, entry in settings.under(f"providers.{provider}")]
        if below:
            exposed = settings.get(f"providers.{provider}.exposedbydefault")
            line = exposed.line if exposed is not None else below[0].line
            _sort(exposed is None or exposed.on, "traefik.exposed_by_default", provider, line, said)


def _clear(settings: Settings, found: Sequence[Router], said: Concerns) -> None:
    """Routers that answer whole sites on port 80 without leading to https."""
    fact, points = "traefik.routers_in_clear", entry_points(settings)
    for router in found:
        clear = [name for name in router.entries if points.get(name) == 80]
        public = [name for name in router.hosts if is_public_name(name)]
        if not clear or router.tls or not public or is_partial(settings, router):
            continue
        wares = resolved(settings, router.middlewares)
        moves = [
            name
            for name in wares
            for way in ("redirectscheme", "redirectregex")
            if any(settings.under(f"http.middlewares.{name}.{way}"))
        ]
        if moves or all(any(settings.under(f"entrypoints.{name}.http.redirections")) for name in clear):
            said.right(fact, router.line)
        elif not all(wares.values()):
            said.open(fact, Why.UNREADABLE, "its middlewares are in another file", router.line)
        else:
            said.wrong(fact, ", ".join(public), router.line)
