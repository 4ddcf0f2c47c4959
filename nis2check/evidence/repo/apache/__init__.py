# SPDX-License-Identifier: EUPL-1.2
"""Reads Apache httpd files: the facts that the live probes would see of each virtual host, and what only files show.

Only what the file settles is a fact. What an included file, the main configuration, a variable, an .htaccess file or the
application behind a proxy may change is a gap with that reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.apache import findings
from nis2check.evidence.repo.apache.page import page
from nis2check.evidence.repo.apache.redirects import leads_away, redirects
from nis2check.evidence.repo.apache.server import Place, Server, servers
from nis2check.evidence.repo.apache.syntax import Directive, parse
from nis2check.evidence.repo.apache.tls import tls
from nis2check.evidence.repo.concerns import NotRead
from nis2check.model import FactSpec, Kind, Why

NAME = "apache"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "The virtual host has SSLEngine on."),
    FactSpec("tls.versions", "array", "", "SSLProtocol."),
    FactSpec("tls.server_preference", "boolean", "", "SSLHonorCipherOrder."),
    FactSpec("tls.weak_suites", "array", "", "Weak classes of the suites that SSLCipherSuite names."),
    FactSpec("tls.groups", "array", "", "SSLOpenSSLConfCmd Curves or Groups."),
    FactSpec("http.https", "boolean", "", "The virtual host has SSLEngine on."),
    FactSpec("http.plain_answers", "boolean", "", "The host has a virtual host on port 80 too."),
    FactSpec("http.redirects_to_https", "boolean", "", "That port redirects to https on the same host."),
    *page_headers.FACTS,
    FactSpec("http.discloses_version", "boolean", "", "ServerTokens gives more than the product."),
    *findings.FACTS,
)

_BY_NAME = re.compile(
    r"(?:^|/)(?:httpd|apache2?|[^/]*(?:apache|httpd|vhosts?)[^/]*)\.(?:conf|conf\.j2|conf\.template|tmpl)\Z",
    re.IGNORECASE,
)
_MAY_BE = re.compile(
    r"\.(?:conf|vhost|template|tmpl|j2|erb|inc)\Z|(?:^|/)(?:sites|conf|mods)-(?:available|enabled)/", re.IGNORECASE
)
_LOOKS = re.compile(
    rb"^[ \t]*(?:<(?:VirtualHost|Directory|Location|IfModule|Proxy)\b"
    rb"|(?:SSLProtocol|SSLEngine|ServerTokens|TraceEnable|ProxyRequests|SSLCipherSuite)[ \t])",
    re.MULTILINE | re.IGNORECASE,
)

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """A configuration file whose first lines look like httpd; by name alone when it cannot be anything else."""
    if _LOOKS.search(head) is None:
        return _BY_NAME.search(path) is not None and not head
    return _BY_NAME.search(path) is not None or _MAY_BE.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        root = parse(text)
    except NotRead as error:
        yield Unread("apache.*", error.why, error.detail, error.line)
        return
    hosts = servers(root)
    for guarded in root.every("virtualhost"):
        if guarded.guard:
            yield Unread("apache.*", Why.UNREADABLE, f"a virtual host that depends on {guarded.guard}", guarded.line)
    for macro in root.every("macro"):
        yield Unread("apache.*", Why.TEMPLATED, f"what macro {macro.first[:60]} makes is not read", macro.line)
    yield from _hosts(root, hosts)
    yield from redirects(hosts)
    if not any(host.tls for host in hosts):
        yield from _of_file(root)
    yield from findings.findings(root, hosts)


def _hosts(root: Directive, hosts: Sequence[Server]) -> Found:
    first: dict[str, Server] = {}
    taken: set[tuple[str, str]] = set()
    for host in hosts:
        if (templated := host.templated) is not None:
            yield Unread(
                "apache.virtual_host", Why.TEMPLATED, f"{templated.name} comes from a template", templated.line
            )
            continue
        if isinstance(host.tls, Unseen):
            yield Unread("apache.*", host.tls.why, host.tls.detail, host.block.line)
            continue
        if not host.tls:
            continue
        for place in host.places:
            first.setdefault(str(place), host)
        for subject, place in host.subjects():
            mark = (subject, str(place))
            if mark in taken:
                continue  # httpd takes the first of two virtual hosts with one name
            taken.add(mark)
            yield from tls(host, first[str(place)], place, subject, Kind.TLS)
            yield Read("http.https", True, host.block.line, subject, Kind.HTTP)
            yield from _tokens(host, host.block.line, subject)
            elsewhere = leads_away(host, subject.rpartition(":")[0])
            yield from page(host, host.block.line, subject, elsewhere=elsewhere)
        if not host.names:
            for place in host.places:
                yield from tls(host, first[str(place)], place, "", Kind.FILE)


def _tokens(host: Server, line: int, subject: str) -> Found:
    """ServerTokens is a word of the main server alone; httpd tells everything by default."""
    name, found = "http.discloses_version", host.root.last("servertokens")
    if found is None and host.whole:
        yield Read(name, True, line, subject, Kind.HTTP)
    elif found is None or found.guard:
        yield Unread(
            name,
            Why.UNREADABLE,
            "ServerTokens is not in this file, or depends on a condition",
            line,
            subject,
            Kind.HTTP,
        )
    elif found.templated:
        yield Unread(name, Why.TEMPLATED, "ServerTokens comes from a variable", found.line, subject, Kind.HTTP)
    else:
        yield Read(name, found.first.lower() not in {"prod", "productonly"}, found.line, subject, Kind.HTTP)


def _of_file(root: Directive) -> Found:
    """The settings of the main server, for the virtual hosts of other files: said of the file itself."""
    if (said := root.last("sslprotocol")) is not None and not said.guard:
        block = Directive("virtualhost", (), said.line, [])
        host = Server(block, root)
        found = [one for one in tls(host, host, Place("*", 443), "", Kind.FILE) if one.name != "tls.accepted"]
        yield Read("tls.accepted", True, said.line)
        yield from found
