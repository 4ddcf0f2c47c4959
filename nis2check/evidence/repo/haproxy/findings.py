# SPDX-License-Identifier: EUPL-1.2
"""What only the files of HAProxy show: its own pages and socket, passwords, certificates of backends, logs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.concerns import Concerns, array_fact
from nis2check.evidence.repo.haproxy.syntax import Line, Section
from nis2check.evidence.repo.haproxy.tls import binds, is_local
from nis2check.model import Why

FACTS = (
    array_fact("haproxy.stats_open", "Statistics pages without a password: section, line."),
    array_fact("haproxy.metrics_open", "Prometheus pages open to all: section, line."),
    array_fact("haproxy.admin_socket_open", "Command sockets on the network or for every account: address, line."),
    array_fact("haproxy.default_passwords", "Passwords that come with examples or equal their user: user, line."),
    array_fact("haproxy.clear_passwords", "Passwords written in clear: user, line."),
    array_fact("haproxy.backend_unverified", "TLS backends whose certificate is not verified: server, line."),
    array_fact("haproxy.logs_off", "Frontends that log nothing: section, line."),
    array_fact("haproxy.runs_as_root", "Global user or uid of root: setting, line."),
    array_fact("haproxy.broken_ciphers", "Words of lists of suites that ask for broken ones: word, line."),
)

_DEFAULTS = {
    "admin", "password", "passwd", "haproxy", "changeme", "stats", "secret", "test", "1234", "12345", "123456", "root",
    "adminpass", "yourpassword", "mypassword", "motdepasse",
}  # fmt: skip
_RESTRICTS = re.compile(r"^(?:http_auth|src|src_|hdr\(x-forwarded-for\))")
_PROXIES = {"frontend", "listen", "backend", "defaults"}

Found = Iterator[Read | Unread]


def findings(sections: Sequence[Section]) -> Found:
    """File facts. A concern that the file does not touch yields nothing."""
    said = Concerns()
    settings = next((one for one in sections if one.kind == "global"), None)
    for section in sections:
        if section.kind in _PROXIES:
            _stats(section, said)
            _metrics(section, said)
            _backends(section, settings, said)
        if section.kind in {"frontend", "listen"} and not _is_own_page(section):
            _logs(section, settings, said)
        if section.kind == "userlist":
            _users(section, said)
        _ciphers(section, said)
    if settings is not None:
        _global(settings, said)
    yield from said.found()


def _stats(section: Section, said: Concerns) -> None:
    on = [one for one in section.lines if one.words[0] == "stats" and one.words[1:2] in (("enable",), ("uri",))]
    for one in section.every("stats", "auth"):
        user, _colon, password = one.words[2].partition(":") if len(one.words) > 2 else ("", "", "")
        _password(user, password, one, said)
    if not on:
        return
    name = f"{section.kind} {section.name}".strip()
    narrow = [
        *section.inherited("stats", "auth"),
        *section.every("http-request", "auth"),
        *section.every("stats", "http-request"),
    ]
    places = binds(section)
    if narrow or (places and all(place.local for place in places)):
        said.right("haproxy.stats_open", on[0].number)
    elif any(one.words[1:2] in (("deny",), ("tarpit",), ("reject",), ("connection",)) for one in section.lines):
        detail = f"{name}: a rule of the section may keep others out"
        said.open("haproxy.stats_open", Why.UNREADABLE, detail, on[0].number)
    else:
        said.wrong("haproxy.stats_open", name, on[0].number)


def _is_own_page(section: Section) -> bool:
    """Whether the section serves nothing but pages of HAProxy itself, whose visits need no log."""
    own = any(section.every("stats")) or any(section.every("http-request", "use-service", "prometheus-exporter"))
    return own and not any(one.words[0] in {"server", "use_backend", "default_backend"} for one in section.lines)


def _metrics(section: Section, said: Concerns) -> None:
    fact = "haproxy.metrics_open"
    for one in section.every("http-request", "use-service", "prometheus-exporter"):
        places = binds(section)
        tested = [
            word
            for other in section.every("acl")
            if other.words[1:2] and other.words[1] in one.words
            for word in other.words[2:3]
        ]
        narrow = any(_RESTRICTS.match(word) for word in (*one.words, *tested)) or list(
            section.every("http-request", "auth")
        )
        if narrow or (places and all(place.local for place in places)):
            said.right(fact, one.number)
        elif list(section.every("http-request", "deny")):
            said.open(fact, Why.UNREADABLE, "a rule of the section may keep others out", one.number)
        else:
            said.wrong(fact, f"{section.kind} {section.name}", one.number)


def _users(section: Section, said: Concerns) -> None:
    for one in section.every("user"):
        if "insecure-password" in one.words:
            _password(one.words[1], one.after("insecure-password"), one, said)
        elif "password" in one.words:
            said.right("haproxy.clear_passwords", one.number)


def _password(user: str, password: str, line: Line, said: Concerns) -> None:
    if line.templated or not password:
        said.right("haproxy.clear_passwords", line.number)  # it comes from elsewhere
        return
    said.wrong("haproxy.clear_passwords", user, line.number)
    if password.lower() in _DEFAULTS or password == user:
        said.wrong("haproxy.default_passwords", user, line.number)
    else:
        said.right("haproxy.default_passwords", line.number)


def _backends(section: Section, settings: Section | None, said: Concerns) -> None:
    """A server with ``ssl`` is verified unless it says ``verify none`` (or ssl-server-verify does)."""
    fact = "haproxy.backend_unverified"
    common = Line(tuple(word for one in section.inherited("default-server") for word in one.words), section.line)
    off = settings is not None and any(
        one.after("ssl-server-verify") == "none" for one in settings.every("ssl-server-verify")
    )
    for one in section.every("server"):
        if len(one.words) < 3 or ("ssl" not in one.words[3:] and ("ssl" not in common.words or "no-ssl" in one.words)):
            continue
        address = one.words[2].rpartition(":")[0] or one.words[2]
        if is_local(address):
            continue
        verify = one.after("verify") or common.after("verify")
        if not one.settled:
            said.open(fact, Why.TEMPLATED, f"server {one.words[1]} comes from a variable", one.number)
        elif verify == "none" or (not verify and off):
            said.wrong(fact, one.words[1], one.number)
        else:
            said.right(fact, one.number)


def _logs(section: Section, settings: Section | None, said: Concerns) -> None:
    lines = section.inherited("log")
    targets = settings is None or bool(list(settings.every("log")))
    if list(section.every("no", "log")) or not lines:
        if section.defaults is None and not list(section.every("no", "log")) and settings is None:
            said.open("haproxy.logs_off", Why.UNREADABLE, "the defaults are in another file", section.line)
            return
        said.wrong("haproxy.logs_off", f"{section.kind} {section.name}", section.line)
    elif all(one.words[1:2] == ("global",) for one in lines) and not targets:
        said.wrong("haproxy.logs_off", f"{section.kind} {section.name}", section.line)
    else:
        said.right("haproxy.logs_off", lines[0].number)


def _global(settings: Section, said: Concerns) -> None:
    for one in (*settings.every("user"), *settings.every("uid")):
        if len(one.words) == 2 and one.settled:
            if one.words[1] in {"root", "0"}:
                said.wrong("haproxy.runs_as_root", one.words[0], one.number, one.words[1])
            else:
                said.right("haproxy.runs_as_root", one.number)
    for one in settings.every("stats", "socket"):
        address = one.words[2] if len(one.words) > 2 else ""
        if not one.settled:
            said.open("haproxy.admin_socket_open", Why.TEMPLATED, "the socket comes from a variable", one.number)
        elif not is_local(address.rpartition(":")[0] or address) or one.after("mode")[-1:] not in {"", "0"}:
            said.wrong("haproxy.admin_socket_open", address, one.number, one.after("mode"))
        else:
            said.right("haproxy.admin_socket_open", one.number)


def _ciphers(section: Section, said: Concerns) -> None:
    fact = "haproxy.broken_ciphers"
    for one in section.lines:
        for option in ("ssl-default-bind-ciphers", "ssl-default-server-ciphers", "ciphers"):
            if option in one.words and one.settled:
                said.right(fact, one.number)
                for word in openssl_words.broken(one.after(option)):
                    said.wrong(fact, word, one.number)
