# SPDX-License-Identifier: EUPL-1.2
"""What only the files of Apache httpd show: internal pages, listings, proxies and logs. One fact a concern and file."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.apache.server import Server, includes, is_whole
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.model import FactSpec, Json, Why

MOST = 200  # offenders of one concern

FACTS = (
    FactSpec("apache.internal_pages_open", "array", "", "Status and balancer pages open to all: path, handler, line."),
    FactSpec("apache.directory_listing", "array", "", "Sections whose Options list the files of a folder: path, line."),
    FactSpec("apache.open_proxy", "array", "", "ProxyRequests On without restriction: line."),
    FactSpec("apache.backend_unverified", "array", "", "https backends whose certificate is not verified: backend, line."),
    FactSpec("apache.basic_auth_clear", "array", "", "Basic authentication in a virtual host without TLS: name, line."),
    FactSpec("apache.server_tokens", "array", "", "ServerTokens that give a version, in a file without TLS hosts: value, line."),
    FactSpec("apache.trace", "array", "", "TraceEnable that answers TRACE: value, line."),
    FactSpec("apache.root_folder_open", "array", "", "<Directory /> granted to all, or left to .htaccess: setting, line."),
    FactSpec("apache.logs_discarded", "array", "", "Logs sent to /dev/null: directive, line."),
    FactSpec("apache.runs_as_root", "array", "", "User root: line."),
    FactSpec("apache.broken_ciphers", "array", "", "Words of SSLCipherSuite that ask for broken suites: word, line."),
)  # fmt: skip

_HANDLERS = {"server-status", "server-info", "balancer-manager", "ldap-status"}
_LISTING_SECTIONS = {"directory", "directorymatch", "location", "virtualhost"}
_ACCESS = {"require", "allow", "authtype"}

Found = Iterator[Read | Unread]
Offenders = list[dict[str, Json]]


def findings(root: Directive, servers: Sequence[Server]) -> Found:
    """File facts and their gaps. A concern that the file does not touch yields nothing."""
    directives = [one for one in root.all() if not one.guard]
    yield from _internal_pages(directives)
    yield from _listings(directives)
    yield from _open_proxy(root, directives)
    yield from _backends(servers)
    yield from _basic_auth(servers)
    if not any(server.tls for server in servers):
        tokens = [one for one in directives if one.name == "servertokens"][-1:]
        yield from _listed("apache.server_tokens", tokens, lambda one: one.first.lower() not in {"prod", "productonly"})
    trace = [one for one in directives if one.name == "traceenable"]
    yield from _listed("apache.trace", trace, lambda one: one.first.lower() != "off")
    yield from _root_folder(directives)
    logs = [one for one in directives if one.name in {"customlog", "transferlog", "errorlog"}]
    yield from _listed("apache.logs_discarded", logs, lambda one: one.first == "/dev/null", key="directive")
    users = [one for one in directives if one.name == "user"]
    yield from _listed("apache.runs_as_root", users, lambda one: one.first in {"root", "#0"})
    yield from _broken(directives)


def _listed(
    fact: str, said: Sequence[Directive], is_wrong: Callable[[Directive], bool], *, key: str = "value"
) -> Found:
    """The directives at fault among those said; what a variable fills in is a gap."""
    if not said:
        return
    for one in said:
        if one.templated:
            yield Unread(fact, Why.TEMPLATED, f"{one.name} comes from a variable", one.line)
    wrong = [one for one in said if not one.templated and is_wrong(one)]
    yield _fact(fact, [{key: one.name if key == "directive" else one.first[:100], "line": one.line} for one in wrong])


def _fact(name: str, offenders: Offenders) -> Read:
    lines = [int(str(one["line"])) for one in offenders]
    return Read(name, list(offenders[:MOST]), min(lines, default=1))


def _internal_pages(directives: Sequence[Directive]) -> Found:
    fact, offenders, met = "apache.internal_pages_open", Offenders(), False
    for section in directives:
        handler = section.last("sethandler") if section.block is not None else None
        if handler is None or handler.first.lower() not in _HANDLERS:
            continue
        met = True
        access = _access(section)
        if access is None:
            yield Unread(fact, Why.UNREADABLE, f"who may see {section.first[:60]} is said elsewhere", section.line)
        elif access:
            offenders.append({"path": section.first[:200], "handler": handler.first.lower(), "line": section.line})
    if met:
        yield _fact(fact, offenders)


def _access(section: Directive) -> bool | None:
    """Whether everybody is let in. None when the section does not say, or says it with what the file does not show."""
    said = [one for one in section.all() if one.name in _ACCESS]
    if not said or any(one.guard or one.templated for one in said) or includes(section):
        return None
    rules = [[word.lower() for word in one.words] for one in said if one.name in {"require", "allow"}]
    if not rules:
        return None
    narrow = [rule for rule in rules if rule not in (["all", "granted"], ["from", "all"])]
    return not narrow


def _listings(directives: Sequence[Directive]) -> Found:
    offenders, met = Offenders(), False
    for section in directives:
        options = section.last("options") if section.name in _LISTING_SECTIONS else None
        if options is None or options.guard:
            continue
        met = True
        listed = False
        for one in section.every("options"):
            for word in one.words:
                if word.lower() in {"indexes", "+indexes", "all", "+all"}:
                    listed = True
                elif word.lower() in {"-indexes", "-all", "none"}:
                    listed = False
            if (
                one.words
                and one.words[0][0] not in "+-"
                and not {"indexes", "all"} & {word.lower() for word in one.words}
            ):
                listed = False  # a list without signs replaces what was said before
        if listed:
            offenders.append({"path": section.first[:200], "line": options.line})
    if met:
        yield _fact("apache.directory_listing", offenders)


def _open_proxy(root: Directive, directives: Sequence[Directive]) -> Found:
    fact = "apache.open_proxy"
    on = [one for one in directives if one.name == "proxyrequests"]
    if not on:
        return
    asked = [one for one in on if one.first.lower() == "on"]
    sections = [one for one in directives if one.name in {"proxy", "proxymatch"} and one.first in {"*", ".*", "^"}]
    access = [_access(one) for one in sections]
    if asked and (None in access or (not access and not is_whole(root))):
        yield Unread(fact, Why.UNREADABLE, "who may use the proxy is not said in this file", asked[0].line)
    else:
        is_open = bool(asked) and (not access or any(access))
        yield _fact(fact, [{"line": one.line} for one in asked] if is_open else [])


def _backends(servers: Sequence[Server]) -> Found:
    """SSLProxyVerify is none unless it is said (documentation of mod_ssl)."""
    fact, offenders, met = "apache.backend_unverified", Offenders(), False
    for server in servers:
        remote = [one for one in server.block.all() if one.name in {"proxypass", "proxypassmatch"} and _is_remote(one)]
        if not remote:
            continue
        met = True
        verify = server.setting("sslproxyverify")
        sections = any(
            one.name == "sslproxyverify" for section in server.block.every("proxy", "location") for one in section.all()
        )
        unknown = verify.templated if isinstance(verify, Directive) else not server.whole
        if unknown or sections:
            yield Unread(fact, Why.UNREADABLE, "sslproxyverify may be said elsewhere", remote[0].line)
        elif not isinstance(verify, Directive) or verify.first.lower() not in {"require"}:
            offenders += [{"backend": _backend(one)[:200], "line": one.line} for one in remote]
    if met:
        yield _fact(fact, offenders)


def _backend(one: Directive) -> str:
    return next((word for word in one.words if word.lower().startswith("https://")), "")


def _is_remote(one: Directive) -> bool:
    host = re.match(r"https://(\[[^\]]*\]|[^/:]*)", _backend(one), re.IGNORECASE)
    if host is None or not host[1] or host[1].lower() == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host[1].strip("[]")).is_loopback
    except ValueError:
        return True


def _basic_auth(servers: Sequence[Server]) -> Found:
    offenders, met = Offenders(), False
    for server in servers:
        for holder in [server.block, *server.block.all()]:
            basic = holder.last("authtype")
            if basic is None or basic.first.lower() != "basic" or basic.guard:
                continue
            met = True
            forced = holder.last("sslrequiressl") is not None
            if server.tls is False and any(at.port in {80, 8080} for at in server.places) and not forced:
                offenders.append({"name": (server.names or ("",))[0], "line": basic.line})
    if met:
        yield _fact("apache.basic_auth_clear", offenders)


def _root_folder(directives: Sequence[Directive]) -> Found:
    """CIS Apache HTTP Server 2.4 Benchmark 4.1 and 4.3: nothing outside what is served is reachable."""
    sections = [one for one in directives if one.name == "directory" and one.first == "/"]
    offenders = Offenders()
    for section in sections:
        if _access(section):
            offenders.append({"setting": "Require all granted", "line": section.line})
        override = section.last("allowoverride")
        if override is not None and override.first.lower() != "none":
            offenders.append({"setting": f"AllowOverride {override.first[:40]}", "line": override.line})
    if sections:
        yield _fact("apache.root_folder_open", offenders)


def _broken(directives: Sequence[Directive]) -> Found:
    said = [one for one in directives if one.name == "sslciphersuite" and one.words]
    if said:
        found: Offenders = [
            {"word": word[:60], "line": one.line}
            for one in said
            if not one.templated
            for word in openssl_words.broken(one.words[-1])
        ]
        yield _fact("apache.broken_ciphers", found)
