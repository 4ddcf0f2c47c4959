# SPDX-License-Identifier: EUPL-1.2
"""What port 80 of a virtual host of Apache httpd does, said of its https side.

mod_rewrite works before mod_proxy, and that one before mod_alias; within each, the first directive that meets the request
decides (`Redirect`: documentation of mod_alias, "Order of Processing").
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.apache.page import gives_way, may_override
from nis2check.evidence.repo.apache.server import Server, includes
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.model import Kind, Why

LONGEST = 500  # characters of a regular expression

_TARGET = re.compile(r"https://(?:([^/?:%]+)|%\{(SERVER_NAME|HTTP_HOST)\})(?::443)?(?=[/?%$]|\Z)", re.IGNORECASE)
_REPEAT = re.compile(r"[*+{]")
_NESTED = re.compile(r"\)[*+{]")
_STATUS = {"permanent", "temp", "seeother", "301", "302", "303", "307", "308"}
_NO_REDIRECT = {"gone", "404", "410", "403"}
# What mod_rewrite knows of such a GET, the name aside.
_PLAIN = {
    "%{https}": "off",
    "%{server_port}": "80",
    "%{request_scheme}": "http",
    "%{request_uri}": "/",
    "%{request_method}": "GET",
}
_DEPENDS = Directive("", (), 0)  # on what the file does not tell

Found = Iterator[Read | Unread]


def redirects(servers: Sequence[Server]) -> Found:
    """Facts of every name that has a virtual host on port 80. A name without one here may have it in another file."""
    secure = {
        name for one in servers if one.tls is True for name in one.names if any(at.port == 443 for at in one.places)
    }
    taken: set[str] = set()
    for server in servers:
        if server.tls is not False or server.templated is not None or not any(at.port == 80 for at in server.places):
            continue
        for name in server.names:
            if name in taken:
                continue  # httpd takes the first
            taken.add(name)
            yield from _of_name(server, name, speaks_tls=name in secure)


def leads_away(server: Server, name: str) -> bool:
    """Whether a redirect of the virtual host meets /, or may."""
    return (_rewritten(server.block, name) or _aliased(server.block)) is not None


def _of_name(server: Server, name: str, *, speaks_tls: bool) -> Found:
    met = _rewritten(server.block, name) or _aliased(server.block)
    target = _target(met, server, name) if met is not None else None
    if target is None and not speaks_tls:
        return
    subject, line = f"{name}:443", server.block.line
    yield Read("http.plain_answers", True, line, subject, Kind.HTTP)
    if met is not None and target is not None:
        yield Read("http.redirects_to_https", target, met.line, subject, Kind.HTTP)
    elif why := _may_redirect(server, met):
        yield Unread("http.redirects_to_https", Why.UNREADABLE, why, line, subject, Kind.HTTP)
    else:
        yield Read("http.redirects_to_https", False, line, subject, Kind.HTTP)


def _target(met: Directive, server: Server, name: str) -> bool | None:
    """Whether a redirect leads to https on the same host. None: it is no redirect to https."""
    words = met.words[1:2] if met.name == "rewriterule" else met.words[-1:]
    found = _TARGET.match(words[0]) if words else None
    if found is None:
        return None
    if found[1]:
        return found[1].lower() == name
    canonical = server.setting("usecanonicalname")
    keeps = not isinstance(canonical, Directive) or canonical.first.lower() == "off"
    return found[2].upper() == "HTTP_HOST" or keeps or server.first_name == name


def _aliased(block: Directive) -> Directive | None:
    """The Redirect or RedirectMatch that meets a request for /; mod_proxy comes before them."""
    for one in block.every("proxypass", "proxypassmatch"):
        taken = one.first == "/" if one.name == "proxypass" else _takes_root(one.first) is not False
        if taken and one.words[1:2] != ("!",):
            return None
    sections = [one for one in block.every("location") if one.first == "/"]
    for holder in (block, *sections):
        for one in holder.every("redirect", "redirectpermanent", "redirecttemp", "redirectmatch"):
            words = list(one.words)
            status = words.pop(0).lower() if words and words[0].lower() in _STATUS | _NO_REDIRECT else ""
            meets = len(words) == 1 or (words[:1] == ["/"] if one.name != "redirectmatch" else _takes_root(words[0]))
            if one.guard and meets:
                return _DEPENDS
            if meets:
                return one if status not in _NO_REDIRECT else Directive("redirect", (), one.line)
            if meets is None:
                return _DEPENDS
    return None


def _rewritten(block: Directive, name: str) -> Directive | None:
    """The RewriteRule that ends a request for / of that name; `_DEPENDS` when the file does not tell."""
    engine = block.last("rewriteengine")
    if engine is None or engine.first.lower() != "on":
        return None
    conditions: list[Directive] = []
    for one in block.every("rewritecond", "rewriterule"):
        if one.name == "rewritecond":
            conditions.append(one)
            continue
        holds, conditions = _hold(conditions, name), []
        if one.guard or len(one.words) < 2:
            return _DEPENDS
        meets = _takes_root(one.words[0])
        if holds is False or meets is False or one.words[1] == "-":
            continue
        if holds is None or meets is None or not one.words[1].lower().startswith(("http://", "https://", "%{")):
            return _DEPENDS
        return one
    return None


def _hold(conditions: Sequence[Directive], name: str) -> bool | None:
    """Whether the conditions of a rule are true of a GET of / at port 80 by an ordinary client. None: not told."""
    if any("or" in one.words[-1].lower() for one in conditions if len(one.words) > 2):
        said = [_holds(one, name) for one in conditions]
        return True if all(said) else None  # RewriteCond … [OR]: sure only when each is true
    result: bool | None = True
    for one in conditions:
        holds = _holds(one, name)
        if holds is False:
            return False
        result = result if holds else None
    return result


def _holds(condition: Directive, name: str) -> bool | None:
    subject, pattern = (*condition.words, "", "")[:2]
    nocase = len(condition.words) > 2 and "nc" in condition.words[2].lower()
    value = (_PLAIN | dict.fromkeys(("%{http_host}", "%{server_name}"), name)).get(subject.lower())
    if value is None:
        return None
    negated = pattern.startswith("!")
    pattern = pattern[negated:]
    if pattern.startswith("="):
        found: bool | None = (
            value.lower() == pattern[1:].strip('"').lower() if nocase else value == pattern[1:].strip('"')
        )
    else:
        found = _matches(("(?i)" if nocase else "") + pattern, value)
    return None if found is None else found is not negated


def _takes_root(pattern: str) -> bool | None:
    negated = pattern.startswith("!")
    found = _matches(pattern[negated:], "/")
    return None if found is None else found is not negated


def _matches(pattern: str, value: str) -> bool | None:
    """None when Python does not read the expression as PCRE would, or might take long over it."""
    repeats = len(_REPEAT.findall(pattern))
    if len(pattern) > LONGEST or "{{" in pattern or _NESTED.search(pattern) or repeats > (20 if len(value) < 8 else 2):
        return None
    try:
        with warnings.catch_warnings(action="ignore"):
            return re.search(pattern, value) is not None
    except (re.error, OverflowError, RecursionError):
        return None


def _may_redirect(server: Server, met: Directive | None) -> str:
    """Why a redirect that the file does not show may still happen, empty when it cannot."""
    if met is _DEPENDS:
        return "it depends on a condition or on a rewrite"
    if met is not None:
        return "the redirect comes from a variable" if met.templated or any("%{" in word for word in met.words) else ""
    if includes(server.block):
        return "a redirect may be in an included file"
    if not server.whole:
        return "a redirect may be in the main configuration or in an .htaccess file"
    if gives_way(server):
        return "the application behind it may redirect"
    if may_override(server):
        return "an .htaccess file may redirect"
    if any(server.block.every("if", "location", "locationmatch", "directory", "proxy", "rewriteoptions")):
        return "a section of the virtual host may redirect"
    return ""
