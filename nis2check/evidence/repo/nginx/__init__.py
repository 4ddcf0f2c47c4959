# SPDX-License-Identifier: EUPL-1.2
"""Reads nginx files: the facts that the live probes would see of each virtual host, with their lines.

Only what the file settles is a fact. What an included file, another file of the same configuration, a variable or the
application behind a proxy may change is a gap with that reason, or silence where nobody would look for it in this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.concerns import NotRead
from nis2check.evidence.repo.nginx import findings
from nis2check.evidence.repo.nginx.page import page
from nis2check.evidence.repo.nginx.redirects import redirects
from nis2check.evidence.repo.nginx.server import Listen, Server, may_add, says, setting_of
from nis2check.evidence.repo.nginx.sockets import InForce, Socket, protocols, share
from nis2check.evidence.repo.nginx.syntax import Directive, parse
from nis2check.model import FactSpec, Kind, Why

NAME = "nginx"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "The virtual host listens with TLS."),
    FactSpec("tls.versions", "array", "", "ssl_protocols."),
    FactSpec("tls.server_preference", "boolean", "", "ssl_prefer_server_ciphers."),
    FactSpec("tls.weak_suites", "array", "", "Weak classes of the suites that ssl_ciphers names."),
    FactSpec("tls.groups", "array", "", "ssl_ecdh_curve."),
    FactSpec("http.https", "boolean", "", "The virtual host listens with TLS."),
    FactSpec("http.plain_answers", "boolean", "", "The host listens without TLS on port 80 too."),
    FactSpec("http.redirects_to_https", "boolean", "", "That port redirects to https on the same host."),
    FactSpec("http.hsts.present", "boolean", "", "add_header Strict-Transport-Security is in force for /."),
    FactSpec("http.hsts.valid", "boolean", "", "Its value follows RFC 6797."),
    FactSpec("http.hsts.max_age", "integer", "seconds", "Its max-age."),
    FactSpec("http.hsts.include_subdomains", "boolean", "", "It has includeSubDomains."),
    FactSpec("http.moved_to", "string", "", "Empty: the file serves the page / itself."),
    FactSpec("http.csp_present", "boolean", "", "add_header Content-Security-Policy is in force for /."),
    FactSpec("http.framing_protected", "boolean", "", "Strangers cannot frame the page."),
    FactSpec("http.nosniff", "boolean", "", "add_header X-Content-Type-Options nosniff is in force for /."),
    FactSpec("http.referrer_policy_present", "boolean", "", "add_header Referrer-Policy is in force for /."),
    FactSpec("http.permissions_policy_present", "boolean", "", "add_header Permissions-Policy is in force for /."),
    FactSpec("http.discloses_version", "boolean", "", "server_tokens is on, or not turned off."),
    *findings.FACTS,
)

_BY_NAME = re.compile(r"(?:^|/)[^/]*nginx[^/]*\.(?:conf|conf\.j2|conf\.template|tmpl)\Z", re.IGNORECASE)
_MAY_BE = re.compile(
    r"\.(?:conf|nginx|vhost|template|tmpl|j2|inc)\Z|(?:^|/)sites-(?:available|enabled)/", re.IGNORECASE
)
# No template's {{ after ntp's `server`, and no `=` of Dovecot after ssl_protocols.
_LOOKS = re.compile(
    rb"^[ \t]*(?:server|http)\s*\{(?![{%#])|^[ \t]*(?:ssl_protocols|server_tokens|proxy_pass)[ \t]+[^\s=]", re.MULTILINE
)

_VERSIONS = {word.lower(): word for word in ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")}

Found = Iterator[Read | Unread]


def matches(path: str, head: bytes) -> bool:
    """By name, or a configuration file whose first lines look like nginx."""
    return _BY_NAME.search(path) is not None or (_MAY_BE.search(path) is not None and _LOOKS.search(head) is not None)


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    try:
        root = parse(text)
    except NotRead as error:
        yield Unread("nginx.*", error.why, error.detail, error.line)
        return
    https = root.last("http")
    servers = [Server(block, https) for block in (https or root).every("server")]
    sockets = share(servers)
    taken: set[tuple[str, str]] = set()
    for server in servers:
        yield from _server(server, sockets, taken)
    yield from redirects(servers)
    if not any(server.tls for server in servers):
        yield from _of_file(https or root)
    yield from findings.findings(root, servers)


def _server(server: Server, sockets: dict[str, Socket], taken: set[tuple[str, str]]) -> Found:
    """``taken``: names and sockets that an earlier block has. nginx warns of the second, and never uses it."""
    if (templated := server.templated) is not None:  # what needs no name to be judged is in `findings` all the same
        yield Unread("nginx.server", Why.TEMPLATED, f"{templated.name} comes from a template", templated.line)
        return
    rejects = server.setting("ssl_reject_handshake")
    if isinstance(rejects, Directive) and says(rejects, "on"):
        return  # no client gets in, though its ssl_protocols may still count for others
    for subject, listen in server.subjects():
        name = subject.rpartition(":")[0]
        places = {(name, one.place) for one in server.tls if one.port == listen.port}
        if places <= taken:
            continue
        taken |= places
        yield from _tls(server, sockets, listen, subject, Kind.TLS)
        yield Read("http.https", True, listen.line, subject, Kind.HTTP)
        yield from _tokens(server.setting("server_tokens"), listen.line, subject)
        yield from page(server, listen.line, subject)
    if not server.names:
        for listen in {one.port: one for one in reversed(server.tls)}.values():
            yield from _tls(server, sockets, listen, "", Kind.FILE)  # judged as a setting of the file


def _tls(server: Server, sockets: dict[str, Socket], listen: Listen, subject: str, kind: Kind) -> Found:
    yield Read("tls.accepted", True, listen.line, subject, kind)
    for found in protocols(sockets, server, listen.port):
        yield from _protocols(found, subject, kind)
        if (more := may_add(server.block, "ssl_protocols")) is not None:
            yield Unread(
                "tls.versions", Why.UNREADABLE, "this included file may add to ssl_protocols", more.line, subject, kind
            )
    # nginx does apply this one, and ssl_ciphers, by the name that the client asks for.
    preference = server.setting("ssl_prefer_server_ciphers")
    if isinstance(preference, Directive) and says(preference, "on", "off"):
        yield Read("tls.server_preference", says(preference, "on"), preference.line, subject, kind)
    ciphers, curves = server.setting("ssl_ciphers"), server.setting("ssl_ecdh_curve")
    if isinstance(ciphers, Directive) and ciphers.words and not _is_filled_in(ciphers):
        # Without ssl_dhparam nginx offers no suite with DHE (its documentation, since 1.11.0).
        without = frozenset() if isinstance(server.setting("ssl_dhparam"), Directive) else frozenset({"DHE"})
        yield from openssl_words.suites(ciphers.words[0], ciphers.line, subject, kind, without=without)
    if isinstance(curves, Directive) and curves.words and not _is_filled_in(curves):
        yield from openssl_words.groups(curves.words[0], curves.line, subject, kind)


def _is_filled_in(directive: Directive) -> bool:
    return directive.templated or any("$" in word for word in directive.words)


def _protocols(found: InForce, subject: str, kind: Kind) -> Found:
    name, setting = "tls.versions", found.setting
    if isinstance(setting, Unseen):
        yield Unread(name, setting.why, setting.detail, found.line, subject, kind)
    elif setting.templated or any("$" in word for word in setting.words):
        yield Unread(name, Why.TEMPLATED, "ssl_protocols comes from a template", found.line, subject, kind)
    elif unknown := [word for word in setting.words if word.lower() not in _VERSIONS]:
        yield Unread(
            name, Why.MALFORMED, f"{unknown[0][:40]} is no protocol that nginx knows", found.line, subject, kind
        )
    else:
        yield Read(name, sorted({_VERSIONS[word.lower()] for word in setting.words}), found.line, subject, kind)
        if found.doubt:
            yield Unread(name, Why.UNREADABLE, found.doubt, found.line, subject, kind)


def _tokens(found: Directive | Unseen, line: int, subject: str) -> Found:
    name = "http.discloses_version"
    if (
        isinstance(found, Unseen) and found.why is Why.NOT_ASKED
    ):  # the whole configuration is here: nginx tells by default
        yield Read(name, True, line, subject, Kind.HTTP)
    elif isinstance(found, Unseen):
        yield Unread(name, found.why, found.detail, line, subject, Kind.HTTP)
    elif found.templated or "$" in "".join(found.words):
        yield Unread(name, Why.TEMPLATED, "server_tokens comes from a template", found.line, subject, Kind.HTTP)
    else:
        yield Read(name, not says(found, "off"), found.line, subject, Kind.HTTP)


def _of_file(outer: Directive) -> Found:
    """The protocols of the http block, or of a snippet, for the servers of other files: said of the file itself."""
    if (versions := setting_of(outer, "ssl_protocols")) is not None:
        yield Read("tls.accepted", True, versions.line)
        yield from _protocols(InForce(versions, versions.line), "", Kind.FILE)
