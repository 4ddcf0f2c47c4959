# SPDX-License-Identifier: EUPL-1.2
"""What port 80 of a virtual host of nginx does, said of its https side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.nginx.server import GIVES_WAY, Server, is_opaque
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Kind, Why

_TO_HTTPS = re.compile(r"https://([^/$?:]*)(\$\{?(?:host|http_host|server_name)\}?)?")
_EVERYTHING = {"^", "^(.*)$", "^/(.*)$", "^(.*)", "^/(.*)", ".*"}
_REDIRECTS = {"301", "302", "303", "307", "308"}


def redirects(servers: Sequence[Server]) -> Iterator[Read | Unread]:
    """Facts of every name with a port 80. A name without one here may have it in another file."""
    secure = {name for server in servers for name in server.names if any(one.port == 443 for one in server.tls)}
    for server in servers:
        plain = next((one for one in server.listens if one.port == 80 and not one.tls), None)
        if plain is None or server.templated is not None:
            continue
        for name in server.names:
            target = _redirect(server, name)
            if target is None and name not in secure:
                continue
            subject = f"{name}:443"
            yield Read("http.plain_answers", True, plain.line, subject, Kind.HTTP)
            if target is not None:
                same, line = target
                yield Read("http.redirects_to_https", same, line, subject, Kind.HTTP)
            elif why := _may_redirect(server.block):
                yield Unread("http.redirects_to_https", Why.UNREADABLE, why, plain.line, subject, Kind.HTTP)
            else:
                yield Read("http.redirects_to_https", False, plain.line, subject, Kind.HTTP)


def _redirect(server: Server, name: str) -> tuple[bool, int] | None:
    """Whether the redirect to https in force for / stays on the host, and its line. None without such a redirect."""
    for directive in _unconditional(server.block, name):
        words = directive.words
        returns = directive.name == "return" and len(words) == 2 and words[0] in _REDIRECTS
        rewrites = directive.name == "rewrite" and len(words) == 3 and words[0] in _EVERYTHING
        found = _TO_HTTPS.match(words[1]) if returns or rewrites else None
        if found:
            return (found[1].lower() == name or (not found[1] and bool(found[2]))), directive.line
    return None


def _unconditional(block: Directive, name: str) -> Iterator[Directive]:
    """Directives that every request for / of that name meets: those of the server, of its ``if`` on scheme or host, of /."""
    for directive in block.block or ():
        words = [bare for word in directive.words if (bare := word.strip("()\"'"))]
        on_scheme = words in (["$scheme", "=", "http"], ["$scheme", "!=", "https"], ["$https", "="])
        met = directive.name == "if" and (on_scheme or words == ["$host", "=", name])
        if met or (directive.name == "location" and directive.words in {("/",), ("^~", "/"), ("=", "/")}):
            yield from directive.block or ()
        else:
            yield directive


def _may_redirect(block: Directive) -> str:
    """Why a redirect that this block does not show may still happen, empty when it cannot."""
    if is_opaque(block):
        return "a redirect may be in an included file"
    if any(one.templated or any("$" in word for word in one.words[:2]) for one in block.every("return", "rewrite")):
        return "the redirect comes from a variable"
    if any(any(location.every(*GIVES_WAY)) for location in block.every("location")):
        return "the application behind it may redirect"
    return "a conditional redirect" if any(block.every("if")) else ""
