# SPDX-License-Identifier: EUPL-1.2
"""What port 80 of a virtual host of nginx does, said of its https side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.nginx.locations import serving, takes_root
from nis2check.evidence.repo.nginx.server import GIVES_WAY, Server, is_opaque
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Kind, Why

_TO_HTTPS = re.compile(r"https://([^/$?:]*)(?:\$\{?(host|http_host|server_name)\}?)?")
_REDIRECTS = {"301", "302", "303", "307", "308"}
_ENDS = {"redirect", "permanent"}
_DEPENDS = Directive("", (), 0)  # on what the file does not tell


def redirects(servers: Sequence[Server]) -> Iterator[Read | Unread]:
    """Facts of every name with a port 80. A name without one here may have it in another file."""
    secure = {name for server in servers for name in server.names if any(one.port == 443 for one in server.tls)}
    for server in servers:
        plain = next((one for one in server.listens if one.port == 80 and not one.tls), None)
        if plain is None or server.templated is not None:
            continue
        for name in server.names:
            met = _first(server.block, name) or _first(serving(server.block), name)
            target = _target(met, server, name) if met else None
            if target is None and name not in secure:
                continue
            subject = f"{name}:443"
            yield Read("http.plain_answers", True, plain.line, subject, Kind.HTTP)
            if met is not None and target is not None:
                yield Read("http.redirects_to_https", target, met.line, subject, Kind.HTTP)
            elif why := _may_redirect(server.block, met):
                yield Unread("http.redirects_to_https", Why.UNREADABLE, why, plain.line, subject, Kind.HTTP)
            else:
                yield Read("http.redirects_to_https", False, plain.line, subject, Kind.HTTP)


def _target(met: Directive, server: Server, name: str) -> bool | None:
    """Whether what answers is a redirect to https that stays on the host. None when it is no redirect to https."""
    words = met.words
    if met.name == "return":
        goes = len(words) == 1 or words[0] in _REDIRECTS
        found = _TO_HTTPS.match(words[-1]) if words and goes else None
    else:
        found = _TO_HTTPS.match(words[1]) if len(words) > 1 else None
    if found is None:
        return None
    if found[1] or not found[2]:
        return not found[2] and found[1].lower() == name
    return found[2] != "server_name" or server.first_name == name  # $server_name is the first of the names


def _first(block: Directive | None, name: str) -> Directive | None:
    """The first return or rewrite that ends a request for / of that name in this block, in the order of the file.

    None when none does; `_DEPENDS` when that depends on what the file does not tell.
    """
    for directive in (block.block if block else None) or ():
        met: Directive | None = None
        if directive.name == "return":
            met = directive
        elif directive.name == "rewrite":
            met = _rewritten(directive)
        elif directive.name == "if" and (holds := _holds(directive, name)) is not False:
            met = _first(directive, name)
            met = met if holds or met is None else _DEPENDS
        if met is not None:
            return met
    return None


def _rewritten(directive: Directive) -> Directive | None:
    words = directive.words
    if len(words) < 2 or takes_root(words[0]) is False:
        return None
    leaves = words[1].startswith(("http://", "https://", "$scheme")) or words[-1] in _ENDS
    return directive if leaves and takes_root(words[0]) else _DEPENDS


def _holds(directive: Directive, name: str) -> bool | None:
    """Whether the condition is true of a GET of / at port 80 by an ordinary client. None: the file does not tell."""
    words = [bare for word in directive.words if (bare := word.strip("()\"'"))]
    if words in (["$scheme", "=", "http"], ["$scheme", "!=", "https"], ["$https", "="], ["$https", "!=", "on"]):
        return True
    if words[:1] in (["$request_method"], ["$http_user_agent"]):
        return False  # refuses odd methods or robots
    if len(words) == 3 and words[0] in {"$host", "$http_host"} and words[1] in {"=", "!="} and "$" not in words[2]:
        return (words[2].lower() == name) is (words[1] == "=")
    return None


def _may_redirect(block: Directive, met: Directive | None) -> str:
    """Why a redirect that this block does not show may still happen, empty when it cannot."""
    if met is _DEPENDS:
        return "it depends on a condition or on a rewrite"
    if is_opaque(block):
        return "a redirect may be in an included file"
    if met is not None:
        filled_in = met.templated or any("$" in word for word in met.words[:2])
        return "the redirect comes from a variable" if filled_in else ""
    if any(any(location.every(*GIVES_WAY)) for location in block.every("location")):
        return "the application behind it may redirect"
    return ""
