# SPDX-License-Identifier: EUPL-1.2
"""What only nginx files show: listings, status pages, proxies, logs, paths that leave their folder."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.concerns import Concerns, array_fact
from nis2check.evidence.repo.nginx.server import Server, is_opaque, says
from nis2check.evidence.repo.nginx.syntax import Directive
from nis2check.model import Why

FACTS = (
    array_fact("nginx.directory_listing", "autoindex on: block, line."),
    array_fact("nginx.status_open", "stub_status pages open to all: block, line."),
    array_fact("nginx.backend_unverified", "https backends whose certificate is not verified: backend, line."),
    array_fact("nginx.basic_auth_clear", "Passwords asked for over http: name, line."),
    array_fact("nginx.logs_off", "Logs turned off for a server or for all: directive, line."),
    array_fact("nginx.runs_as_root", "Workers that run as root: line."),
    array_fact("nginx.broken_ciphers", "Words of ssl_ciphers that ask for broken suites: word, line."),
    array_fact("nginx.alias_traversal", "Locations whose alias lets requests out of its folder: location, line."),
    array_fact("nginx.open_proxy", "proxy_pass to a host that the request names: backend, line."),
)

_BY_REQUEST = re.compile(r"(?:https?://|\$scheme://)?\$\{?(?:arg_\w+|http_\w+)\b|(?:https?://)\$\{?request_uri\b")
_NARROW = ("deny", "auth_basic", "auth_request", "internal", "allow")
_DEEPEST = 10

Found = Iterator[Read | Unread]


def findings(root: Directive, servers: Sequence[Server]) -> Found:
    """File facts. A concern that the file does not touch yields nothing."""
    said = Concerns()
    for one in root.every("user"):
        _user(one, said)
    if (outer := root.last("http")) is not None:
        _block(outer, said)
    elif not servers:
        _block(root, said)
    for server in servers:
        _block(server.block, said)
        _auth(server, said)
        for chain in _locations(server.block, (server.block,)):
            _status(chain, server, said)
            _backend(chain, server, said)
    yield from said.found()


def _locations(block: Directive, chain: tuple[Directive, ...]) -> Iterator[tuple[Directive, ...]]:
    """Each place that may answer with the blocks around it, outermost first."""
    yield chain
    for one in block.every("location", "if", "limit_except"):
        if one.block is not None and len(chain) < _DEEPEST:
            yield from _locations(one, (*chain, one))


def _shown(one: Directive) -> str:
    return " ".join((one.name, *one.words))


def _user(one: Directive, said: Concerns) -> None:
    if one.templated or "$" in "".join(one.words):
        said.open("nginx.runs_as_root", Why.TEMPLATED, "user comes from a template", one.line)
    elif one.words[:1] == ("root",):
        said.wrong("nginx.runs_as_root", "user root", one.line)
    else:
        said.right("nginx.runs_as_root", one.line)


def _block(block: Directive, said: Concerns) -> None:
    """What a block and its locations say by themselves."""
    for chain in _locations(block, (block,)):
        for one in chain[-1].block or ():
            if one.templated and one.name in {"autoindex", "ssl_ciphers", "alias"}:
                continue
            if one.name == "autoindex":
                _sort(says(one, "on"), "nginx.directory_listing", _shown(chain[-1]), one, said)
            elif one.name in {"access_log", "error_log"} and one.words:
                off = one.words[0] in {"off", "/dev/null"} if one.name == "access_log" else one.words[0] == "/dev/null"
                if len(chain) == 1 or not off:  # a location without a log is most often that of images
                    _sort(off, "nginx.logs_off", one.name, one, said)
            elif one.name == "ssl_ciphers" and one.words and "$" not in one.words[0]:
                said.right("nginx.broken_ciphers", one.line)
                for word in openssl_words.broken(one.words[0]):
                    said.wrong("nginx.broken_ciphers", word, one.line)
            elif one.name == "alias" and chain[-1].name == "location" and one.words:
                _alias(chain[-1], one, said)


def _sort(offends: bool, fact: str, name: str, one: Directive, said: Concerns) -> None:
    if offends:
        said.wrong(fact, name, one.line)
    else:
        said.right(fact, one.line)


def _alias(location: Directive, one: Directive, said: Concerns) -> None:
    """``location /a { alias /srv/a/; }`` serves /srv/a/../x for /a../x: the prefix does not end where the folder does."""
    words = [word for word in location.words if word != "^~"]
    plain = len(words) == 1 and words[0].startswith("/")
    _sort(
        plain and one.words[0].endswith("/") and not words[0].endswith("/"),
        "nginx.alias_traversal",
        " ".join(words),
        one,
        said,
    )


def _auth(server: Server, said: Concerns) -> None:
    asked = [
        one
        for chain in _locations(server.block, (server.block,))
        for one in chain[-1].every("auth_basic")
        if not says(one, "off")
    ]
    for one in asked[:1]:
        clear = bool(server.listens) and not server.tls and not is_opaque(server.block)
        behind = any(listen.place.startswith(("127.", "::1", "localhost")) for listen in server.listens)
        elsewhere = any(server.block.every("return"))
        if server.templated is not None:
            said.open("nginx.basic_auth_clear", Why.TEMPLATED, "listen comes from a template", one.line)
        else:
            _sort(clear and not behind and not elsewhere, "nginx.basic_auth_clear", server.first_name, one, said)


def _status(chain: tuple[Directive, ...], server: Server, said: Concerns) -> None:
    fact, one = "nginx.status_open", chain[-1].last("stub_status")
    if one is None:
        return
    local = server.listens and all(listen.place.startswith(("127.", "::1", "localhost")) for listen in server.listens)
    if local or any(any(block.every(*_NARROW)) for block in chain):
        said.right(fact, one.line)
    elif any(one.templated for one in server.block.every("listen")):
        said.open(fact, Why.TEMPLATED, "listen comes from a template", one.line)
    elif any(is_opaque(block) for block in chain):
        said.open(fact, Why.UNREADABLE, "who may see it may be said in an included file", one.line)
    else:
        said.wrong(fact, _shown(chain[-1]), one.line)


def _backend(chain: tuple[Directive, ...], server: Server, said: Concerns) -> None:
    """proxy_ssl_verify is off unless it is said (documentation of ngx_http_proxy_module)."""
    one = chain[-1].last("proxy_pass")
    if one is None or not one.words:
        return
    _sort(_BY_REQUEST.match(one.words[0]) is not None, "nginx.open_proxy", one.words[0], one, said)
    fact, host = "nginx.backend_unverified", _secure_host(one.words[0])
    if not host or all(_is_loopback(place) for place in _upstream(server, host)):
        return
    if "$" in host or "{{" in host:
        said.open(fact, Why.TEMPLATED, "the backend comes from a variable", one.line)
        return
    verify = next((found for block in reversed(chain) if (found := block.last("proxy_ssl_verify")) is not None), None)
    setting: Directive | Unseen = verify or server.setting("proxy_ssl_verify")
    if isinstance(setting, Unseen) and setting.why is not Why.NOT_ASKED:
        said.open(fact, setting.why, setting.detail, one.line)
    elif isinstance(setting, Directive) and setting.templated:
        said.open(fact, Why.TEMPLATED, "proxy_ssl_verify comes from a template", setting.line)
    else:
        _sort(isinstance(setting, Unseen) or not says(setting, "on"), fact, one.words[0], one, said)


def _secure_host(url: str) -> str:
    """The host of an https backend, empty for others."""
    found = re.match(r"https://(unix:|\[[^\]]*\]|[^/:]*)", url, re.IGNORECASE)
    return "" if found is None or found[1] == "unix:" else found[1].lower()


def _upstream(server: Server, host: str) -> list[str]:
    """The addresses of the upstream of that name, else the host itself."""
    groups = server.outer.every("upstream") if server.outer is not None else ()
    group = next((one for one in groups if one.words[:1] == (host,)), None)
    places = [one.words[0] for one in group.every("server") if one.words] if group is not None else []
    return places or [host]


def _is_loopback(place: str) -> bool:
    bare = place.rpartition(":")[0] if re.search(r"(?:[^:]|\]):\d+\Z", place) else place
    if bare == "localhost" or bare.startswith("unix"):
        return True
    try:
        return ipaddress.ip_address(bare.strip("[]")).is_loopback
    except ValueError:
        return False
