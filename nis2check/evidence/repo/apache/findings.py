# SPDX-License-Identifier: EUPL-1.2
"""What only the files of Apache httpd show: internal pages, listings, proxies and logs. One fact a concern and file."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.apache.server import Server, includes, is_whole
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.evidence.repo.concerns import Concerns, array_fact
from nis2check.model import Why

FACTS = (
    array_fact(
        "apache.internal_pages_open", "Status, information and balancer pages open to all: path, line, handler."
    ),
    array_fact("apache.directory_listing", "Sections whose Options list the files of a folder: path, line."),
    array_fact("apache.open_proxy", "ProxyRequests On without restriction: line."),
    array_fact("apache.backend_unverified", "https backends whose certificate is not verified: backend, line."),
    array_fact("apache.basic_auth_clear", "Basic authentication in a virtual host without TLS: name, line."),
    array_fact("apache.server_tokens", "ServerTokens that give a version, in a file without TLS hosts: value, line."),
    array_fact("apache.trace", "TraceEnable that answers TRACE: value, line."),
    array_fact("apache.root_folder_open", "<Directory /> granted to all, or left to .htaccess: setting, line."),
    array_fact("apache.logs_discarded", "Logs sent to /dev/null: directive, line."),
    array_fact("apache.runs_as_root", "User root: line."),
    array_fact("apache.broken_ciphers", "Words of SSLCipherSuite that ask for broken suites: word, line."),
)

_HANDLERS = {"server-status", "server-info", "balancer-manager", "ldap-status"}
_LISTING_SECTIONS = {"directory", "directorymatch", "location", "virtualhost"}
_ACCESS = {"require", "allow", "authtype"}
_LOGS = {"customlog", "transferlog", "errorlog"}

Found = Iterator[Read | Unread]


def findings(root: Directive, servers: Sequence[Server]) -> Found:
    """File facts and their gaps. A concern that the file does not touch yields nothing."""
    said = Concerns()
    directives = [one for one in root.all() if not one.guard]
    _single(directives, said, speaks_tls=any(server.tls for server in servers))
    _open_proxy(root, directives, said)
    for section in directives:
        if section.block is not None:
            _internal_page(section, said)
            _listing(section, said)
            _root_folder(section, said)
    for server in servers:
        _backends(server, said)
        _basic_auth(server, said)
    yield from said.found()


def _sort(offends: bool, fact: str, name: str, one: Directive, said: Concerns, value: str = "") -> None:
    if one.templated:
        said.open(fact, Why.TEMPLATED, f"{one.name} comes from a variable", one.line)
    elif offends:
        said.wrong(fact, name, one.line, value)
    else:
        said.right(fact, one.line)


def _single(directives: Sequence[Directive], said: Concerns, *, speaks_tls: bool) -> None:
    """Settings that one directive decides."""
    for one in directives:
        value = one.first.lower()
        if one.name == "servertokens" and not speaks_tls:  # else the names of the file are told of it
            _sort(value not in {"prod", "productonly"}, "apache.server_tokens", "ServerTokens", one, said, one.first)
        elif one.name == "traceenable":
            _sort(value != "off", "apache.trace", "TraceEnable", one, said, one.first)
        elif one.name in _LOGS:
            discarded = value == "/dev/null"
            if discarded or not one.templated:  # the folder of the logs is often a variable; no variable says /dev/null
                _sort(discarded, "apache.logs_discarded", one.name, one, said)
        elif one.name == "user" and not one.templated:  # Debian's APACHE_RUN_USER; httpd itself refuses root as a rule
            _sort(value in {"root", "#0"}, "apache.runs_as_root", "User", one, said, one.first)
        elif one.name == "sslciphersuite" and one.words and not one.templated:
            said.right("apache.broken_ciphers", one.line)
            for word in openssl_words.broken(one.words[-1]):
                said.wrong("apache.broken_ciphers", word, one.line)


def _internal_page(section: Directive, said: Concerns) -> None:
    fact, handler = "apache.internal_pages_open", section.last("sethandler")
    if handler is None or handler.first.lower() not in _HANDLERS:
        return
    access = _access(section)
    if access is None:
        said.open(fact, Why.UNREADABLE, f"who may see {section.first[:60]} is said elsewhere", section.line)
    else:
        _sort(access, fact, section.first, section, said, handler.first.lower())


def _access(section: Directive) -> bool | None:
    """Whether everybody is let in. None when the section does not say, or says it with what the file does not show."""
    said = [one for one in section.all() if one.name in _ACCESS]
    if not said or any(one.guard or one.templated for one in said) or includes(section):
        return None
    rules = [[word.lower() for word in one.words] for one in said if one.name in {"require", "allow"}]
    return all(rule in (["all", "granted"], ["from", "all"]) for rule in rules) if rules else None


def _listing(section: Directive, said: Concerns) -> None:
    options = [one for one in section.every("options") if not one.guard]
    if section.name in _LISTING_SECTIONS and options:
        _sort(_lists(options), "apache.directory_listing", section.first, options[-1], said)


def _lists(options: Sequence[Directive]) -> bool:
    """Words with a sign change what was said before, a list without signs replaces it."""
    listed = False
    for one in options:
        words = [word.lower() for word in one.words]
        if words and words[0][0] not in "+-":
            listed = False
        for word in words:
            if word.lstrip("+-") in {"indexes", "all"}:
                listed = not word.startswith("-")
    return listed


def _open_proxy(root: Directive, directives: Sequence[Directive], said: Concerns) -> None:
    fact = "apache.open_proxy"
    sections = [one for one in directives if one.name in {"proxy", "proxymatch"} and one.first in {"*", ".*", "^"}]
    access = [_access(one) for one in sections]
    for one in (child for child in directives if child.name == "proxyrequests"):
        on = one.first.lower() == "on"
        if on and (None in access or (not access and not is_whole(root))):
            said.open(fact, Why.UNREADABLE, "who may use the proxy is not said in this file", one.line)
        else:
            _sort(on and (not access or any(access)), fact, "ProxyRequests", one, said)


def _backends(server: Server, said: Concerns) -> None:
    """SSLProxyVerify is none unless it is said (documentation of mod_ssl)."""
    fact = "apache.backend_unverified"
    verify = server.setting("sslproxyverify")
    unknown = verify.templated if isinstance(verify, Directive) else not server.whole
    sections = server.block.every("proxy", "location")
    unknown = unknown or any(one.name == "sslproxyverify" for section in sections for one in section.all())
    for one in server.block.all():
        if one.name not in {"proxypass", "proxypassmatch"} or not _is_remote(one):
            continue
        if unknown:
            said.open(fact, Why.UNREADABLE, "sslproxyverify may be said elsewhere", one.line)
        else:
            required = isinstance(verify, Directive) and verify.first.lower() == "require"
            _sort(not required, fact, _backend(one), one, said)


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


def _basic_auth(server: Server, said: Concerns) -> None:
    clear = server.tls is False and any(at.port in {80, 8080} for at in server.places)
    for holder in [server.block, *server.block.all()]:
        basic = holder.last("authtype")
        if basic is not None and basic.first.lower() == "basic" and not basic.guard:
            forced = holder.last("sslrequiressl") is not None
            _sort(clear and not forced, "apache.basic_auth_clear", (server.names or ("",))[0], basic, said)


def _root_folder(section: Directive, said: Concerns) -> None:
    """Documentation of Apache httpd, "Security Tips": nothing outside what is served is reachable."""
    if section.name != "directory" or section.first != "/":
        return
    fact, override = "apache.root_folder_open", section.last("allowoverride")
    _sort(_access(section) is True, fact, "Require all granted", section, said)
    if override is not None:
        _sort(override.first.lower() != "none", fact, "AllowOverride", override, said, override.first)
