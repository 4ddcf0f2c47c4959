# SPDX-License-Identifier: EUPL-1.2
"""The headers that an Apache httpd file sends with the page / of a virtual host (mod_headers).

The directives of the main server come first, then those of the virtual host, then those of <Location />; ``always`` and
``onsuccess`` are two tables, both sent with a page that is found. A directive of a section that may or may not hold for the
page leaves its header open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import page_headers
from nis2check.evidence.repo.apache.server import Server, includes
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.evidence.repo.page_headers import Header, Page
from nis2check.model import Why

_TABLES = {"always", "onsuccess"}
_ADDS = {"add", "append", "merge"}
_DOUBTFUL = {"edit", "edit*"}
_TRUE = {"env=https", "expr=%{https} == 'on'", 'expr=%{https} == "on"', "expr=%{https} == on"}
_ROOT = {"/", "^/"}
_SECTIONS = (
    "location", "locationmatch", "directory", "directorymatch", "files", "filesmatch", "if", "elseif", "else", "limit",
    "proxy",
)  # fmt: skip
_HANDS_ON = (
    "proxypass", "proxypassmatch", "wsgiscriptalias", "jkmount", "sethandler", "addhandler", "scriptalias",
    "passengerenabled",
)  # fmt: skip
_PROXIES = re.compile(r"(?:^|[,\[])P(?:[,\]]|$)", re.IGNORECASE)


def page(server: Server, line: int, subject: str, *, elsewhere: bool) -> Iterator[Read | Unread]:
    """Headers of the page /, as far as the file settles them. ``elsewhere``: / is a redirect, which takes the table ``always``
    alone; of its headers HSTS counts (RFC 6797 7.2), the others are for pages."""
    answer = page_headers.facts_of(Page([*_sent(server, elsewhere=elsewhere)], _open(server), line))
    if elsewhere:
        answer = {fact: said for fact, said in answer.items() if fact.startswith("http.hsts.")}
    yield from page_headers.told([answer], line, subject)


def _open(server: Server) -> str:
    """Why other headers may be sent, empty when none can."""
    if not server.whole:
        return "the main configuration is in another file"
    if includes(server.block):
        return "it may be in an included file"
    if gives_way(server):
        return "the application behind it may send it"
    if may_override(server):
        return "an .htaccess file may send it"
    return ""


def gives_way(server: Server) -> bool:
    """Whether an application may answer for the virtual host."""
    for block in (server.block, server.root):
        for one in block.all() if block is server.block else block.block or ():
            if one.name in _HANDS_ON and one.first.lower() not in {
                "none",
                "server-status",
                "server-info",
                "default-handler",
            }:
                return True
            if one.name == "rewriterule" and len(one.words) > 2 and _PROXIES.search(one.words[2]):
                return True
    return False


def may_override(server: Server) -> bool:
    """Whether .htaccess files are read: AllowOverride is None unless it is said (2.3.9 and later)."""
    said = [one for block in (server.block, server.root) for one in block.all() if one.name == "allowoverride"]
    return any(one.first.lower() != "none" for one in said)


def _sent(server: Server, *, elsewhere: bool) -> Iterator[Header]:
    tables: dict[str, dict[str, list[Header]]] = {"always": {}, "onsuccess": {}}
    for block, doubt in _layers(server):
        for one in block.every("header"):
            _apply(tables, one, doubt)
    for name, table in tables.items():
        for held in table.values() if name == "always" or not elsewhere else ():
            yield from held


def _layers(server: Server) -> Iterator[tuple[Directive, str]]:
    """The blocks whose Header directives may hold for the page, each with why that is not sure."""
    yield server.root, ""
    yield server.block, ""
    for section in server.block.every(*_SECTIONS):
        sure = section.name == "location" and section.first in _ROOT and not section.guard
        apart = section.name == "location" and section.first.startswith("/") and not sure and not section.guard
        if not apart or section.first in {"/index.html", "/index.php"}:
            yield section, "" if sure else f"it stands in <{section.name}>, which may not hold for the page"


def _apply(tables: dict[str, dict[str, list[Header]]], one: Directive, doubt: str) -> None:
    words = list(one.words)
    condition = words[0].lower() if words else ""
    table = tables[words.pop(0).lower() if condition in _TABLES else "onsuccess"]
    if len(words) < 2:
        return
    action, name = words[0].lower(), words[1].lower().rstrip(":")
    value = words[2] if len(words) > 2 else ""
    held = table.setdefault(name, [])
    last = words[-1].lower()
    if one.guard:
        doubt = f"it depends on {one.guard}"
    elif len(words) > 2 and last.startswith(("env=", "expr=")) and last not in _TRUE:
        doubt = "it depends on a condition"
    if doubt or action in _DOUBTFUL:
        held.append(Header(name, "", one.line, doubt or "its value is edited", Why.UNREADABLE))
    elif action == "unset":
        held.clear()
    elif action in _ADDS or action == "set" or (action == "setifempty" and not held):
        if action == "set":
            held.clear()
        filled_in = one.templated or "%{" in value
        held.append(Header(name, value, one.line, "its value comes from a variable" if filled_in else ""))
