# SPDX-License-Identifier: EUPL-1.2
"""What mod_ssl is told for a virtual host: versions, whose order of suites, suites and groups.

SSLProtocol is read as ssl_cmd_protocol_parse does: a word without sign throws away those before it. OpenSSL then gets a lowest
and a highest version without holes between them (ssl_engine_init.c). ``all`` means whatever the OpenSSL that is there still
has: of SSLv3, TLSv1 and TLSv1.1 a file cannot tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo import openssl_words
from nis2check.evidence.repo.apache.server import Place, Server
from nis2check.evidence.repo.apache.syntax import Directive
from nis2check.model import Kind, Why

_ORDER = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_KNOWN = {word.lower(): word for word in _ORDER}
_MAY_BE_GONE = {"SSLv3", "TLSv1", "TLSv1.1"}

Found = Iterator[Read | Unread]


@dataclass(frozen=True, slots=True)
class Versions:
    """``offered`` by the setting; ``doubtful`` of them: those that ``all`` stands for and that OpenSSL may have dropped."""

    offered: tuple[str, ...]
    doubtful: tuple[str, ...]


def versions(words: Sequence[str]) -> Versions:
    """What SSLProtocol comes to. Raises Unseen(malformed) for a word that httpd refuses."""
    held: dict[str, bool] = {}  # version → whether ``all`` brought it
    for word in words:
        sign, name = (word[0], word[1:]) if word[:1] in {"+", "-"} else ("", word)
        if word.lower() == "-sslv2":
            continue  # which httpd 2.4 has no more, and lets be taken away
        if name.lower() != "all" and name.lower() not in _KNOWN:
            raise Unseen(Why.MALFORMED, f"{word[:40]!r} is no protocol that httpd knows")
        by_all = name.lower() == "all"
        these = dict.fromkeys(_ORDER, True) if by_all else {_KNOWN[name.lower()]: False}
        if sign == "-":
            held = {version: how for version, how in held.items() if version not in these}
        elif sign == "+":
            held |= these
        else:
            held = these
    joined: list[str] = []
    for version in reversed(_ORDER):
        if version in held:
            joined.insert(0, version)
        elif joined:
            break
    return Versions(tuple(joined), tuple(one for one in joined if held[one] and one in _MAY_BE_GONE))


def tls(server: Server, first: Server, place: Place, subject: str, kind: Kind) -> Found:
    """Facts of one subject. ``first``: the virtual host that this file has first at the same place."""
    yield Read("tls.accepted", True, server.block.line, subject, kind)
    yield from _versions(server, first, place, subject, kind)
    order = server.setting("sslhonorcipherorder")
    if isinstance(order, Directive) and order.first.lower() in {"on", "off"}:
        yield Read("tls.server_preference", order.first.lower() == "on", order.line, subject, kind)
    suites = server.setting("sslciphersuite")
    if isinstance(suites, Directive) and not suites.templated and suites.first.upper() != "TLSV1.3":
        yield from openssl_words.suites(suites.words[-1] if suites.words else "", suites.line, subject, kind)
    for one in server.block.every("sslopensslconfcmd"):
        if one.first.lower() in {"curves", "groups"} and len(one.words) == 2 and not (one.templated or one.guard):
            yield from openssl_words.groups(one.words[1], one.line, subject, kind)


def _versions(server: Server, first: Server, place: Place, subject: str, kind: Kind) -> Found:
    name, setting = "tls.versions", server.setting("sslprotocol")
    line = setting.line if isinstance(setting, Directive) else server.block.line
    answer = _answer(setting)
    if isinstance(answer, Unseen):
        yield Unread(name, answer.why, answer.detail, line, subject, kind)
        return
    if answer.doubtful:
        detail = (
            f"`all` also allows {', '.join(answer.doubtful)}; whether the OpenSSL that is there does is not in the file"
        )
        yield Unread(name, Why.UNREADABLE, detail, line, subject, kind)
        return
    yield Read(name, list(answer.offered), line, subject, kind)
    other = _answer(first.setting("sslprotocol"))
    if first is not server and other != answer:
        # Documentation of SSLProtocol: before 2.4.42, or OpenSSL 1.1.1, the first virtual host of the address decides for all.
        detail = (
            f"line {first.block.line} has the first virtual host of {place}: httpd before 2.4.42 applies its versions"
        )
        yield Unread(name, Why.UNREADABLE, detail, first.block.line, subject, kind)


def _answer(setting: Directive | Unseen) -> Versions | Unseen:
    if isinstance(setting, Unseen):
        if setting.why is Why.NOT_ASKED:
            return Unseen(
                Why.UNREADABLE, "SSLProtocol is not set: its default allows what the OpenSSL that is there has"
            )
        return Unseen(setting.why, setting.detail)
    if setting.templated:
        return Unseen(Why.TEMPLATED, "SSLProtocol comes from a variable")
    try:
        found = versions(setting.words)
    except Unseen as error:
        return error
    return found if found.offered else Unseen(Why.MALFORMED, "SSLProtocol leaves no version")
