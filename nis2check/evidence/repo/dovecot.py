# SPDX-License-Identifier: EUPL-1.2
"""Reads Dovecot's settings, of 2.3 and of 2.4: whether passwords travel encrypted, and how they are kept and logged.

The last value of a name wins, so that what stands before an ``!include`` may be replaced by the included file: a gap. Settings
inside ``remote`` are of some clients only and are left aside; those inside ``protocol`` and ``local`` are judged on their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    Setting,
    array_fact,
    conditional_lines,
    is_filled_in,
    long_line,
    numbered,
    weak_suites,
)
from nis2check.model import FactSpec, Why

NAME = "dovecot"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "The file sets the versions of TLS, and does not turn TLS off."),
    FactSpec("tls.versions", "array", "", "ssl_min_protocol, or ssl_protocols before 2.3."),
    FactSpec("tls.server_preference", "boolean", "", "ssl_prefer_server_ciphers, or ssl_server_prefer_ciphers of 2.4."),
    array_fact("dovecot.cleartext_authentication", "Settings that take passwords on a connection in the clear."),
    array_fact("dovecot.tls_off", "Settings that turn TLS off."),
    array_fact("dovecot.passwords_logged", "Settings that write passwords to the log."),
    array_fact("dovecot.password_scheme", "Password databases that keep passwords in the clear or weakly hashed."),
    array_fact("dovecot.trusted_networks", "Networks trusted without TLS that hold all the world."),
    array_fact("dovecot.weak_ciphers", "Cipher lists with forbidden algorithms."),
)

DEEPEST = 30

_BY_NAME = re.compile(
    r"(?:^|[/_])dovecot[^/]*\.conf(?:\.(?:j2|jinja2?|erb|template|tmpl))?\Z"
    r"|(?:^|/)dovecot/(?:[^/]+/)*[^/]+\.conf(?:\.(?:j2|jinja2?|erb|template|tmpl))?\Z"
)
_HARMLESS = re.compile(r"\bauth-[\w-]+\.conf\.ext\Z")  # Dovecot's own: they hold passdb and userdb, and nothing else
_COMMENT = re.compile(r"(?:^|\s)#.*")
_BLOCK = re.compile(r"([\w@/.*:-]+)(?:\s+(.*?))?\s*\{\s*\Z")
_SETTING = re.compile(r"([\w./@:-]+)\s*=\s*(.*)\Z", re.DOTALL)
_SCHEME = re.compile(r"\bscheme\s*=\s*([\w.-]+)", re.IGNORECASE)

_VERSIONS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_KEPT_CLEAR = {"PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC"}
_WEAK_HASH = {"PLAIN-MD5", "LDAP-MD5", "SMD5", "MD5", "MD5-CRYPT", "SHA", "SHA1", "SSHA", "LANMAN", "NTLM", "DES-CRYPT"}
_YES = {"yes", "y", "true", "1", "on"}


@dataclass(frozen=True, slots=True)
class Placed:
    """A setting and the blocks around it, outermost first: ``("protocol imap",)``."""

    setting: Setting
    blocks: tuple[str, ...]

    @property
    def value(self) -> str:
        return self.setting.value.lower()


def matches(path: str, head: bytes) -> bool:
    """dovecot.conf, what lies below a folder dovecot, and templates of them."""
    return _BY_NAME.search(path) is not None and b"dict_proxy" not in head[:64]


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    file = parse(text)
    concerns = Concerns()
    if file.broken:
        concerns.open("dovecot.*", Why.MALFORMED, "a block that is not closed, or closes nothing", file.broken)
    yield from _live(file)
    for name, judge in _CONCERNS.items():
        for one in file.of(name):
            judge(concerns, file, one)
    _scheme_blocks(concerns, file)
    yield from concerns.found()


# ------------------------------------------------------------------------------------------------------------- syntax


@dataclass(slots=True)
class File:
    """The settings of one file in order, where it includes others, and the line where its blocks do not fit (0: they do)."""

    settings: list[Placed] = field(default_factory=list)
    includes: list[tuple[int, str]] = field(default_factory=list)
    broken: int = 0

    def of(self, *names: str) -> list[Placed]:
        """Settings in force: the last of each place. One that a later include may replace is not settled."""
        last: dict[tuple[tuple[str, ...], str], Placed] = {}
        for one in self.settings:
            if one.setting.name in names and not any(block.startswith("remote") for block in one.blocks):
                last[(one.blocks, one.setting.name)] = one
        return list(last.values())

    def first(self, *names: str) -> Placed | None:
        """The one in force outside blocks."""
        return next((one for one in reversed(self.of(*names)) if not one.blocks), None)

    def include_after(self, one: Placed) -> int:
        """The line of an include that comes later, 0 without."""
        return next((line for line, _name in self.includes if line > one.setting.line and not one.blocks), 0)


def parse(text: str) -> File:
    """Lines of settings and blocks; nothing is evaluated, no file is opened."""
    file = File()
    unsettled = conditional_lines(text)
    blocks: list[str] = []
    for number, line in _logical(text):
        if line.startswith(("!include ", "!include_try ")):
            if _HARMLESS.search(line) is None:
                file.includes.append((number, line.split(None, 1)[1]))
        elif line == "}":
            file.broken = file.broken or (0 if blocks else number)
            blocks = blocks[:-1]
        elif block := _BLOCK.match(line):
            if len(blocks) >= DEEPEST:
                file.broken = file.broken or number
                break
            blocks.append(f"{block[1]} {block[2] or ''}".strip())
        elif found := _SETTING.match(line):
            value = found[2].strip()
            quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
            settled = number not in unsettled and not is_filled_in(line)
            setting = Setting(found[1], value[1:-1] if quoted else value, number, settled)
            file.settings.append(Placed(setting, tuple(blocks)))
    file.broken = file.broken or (len(text.splitlines()) if blocks else 0)
    return file


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments; a final backslash takes the next one in."""
    start, pieces = 0, ""
    for number, raw in numbered(text):
        line = _COMMENT.sub("", raw).strip() if '"' not in raw or raw.lstrip().startswith("#") else raw.strip()
        start = start if pieces else number
        pieces += (" " if pieces else "") + line.removesuffix("\\").strip()
        if line.endswith("\\") and len(pieces) < 1 << 16:
            continue
        if pieces:
            yield start, pieces
        pieces = ""
    if pieces:
        yield start, pieces


# --------------------------------------------------------------------------------------------------------- live facts


def _live(file: File) -> Found:
    """Said of the file: Dovecot's settings name no host."""
    switch = file.first("ssl")
    if switch is not None and switch.value == "no":
        return
    one = file.first("ssl_min_protocol", "ssl_protocols")
    if one is not None:
        yield Read("tls.accepted", True, one.setting.line)
        yield from _versions(file, one)
    one = file.first("ssl_prefer_server_ciphers", "ssl_server_prefer_ciphers")
    if one is not None and one.setting.settled and not file.include_after(one):
        yield Read("tls.server_preference", one.value in _YES | {"server"}, one.setting.line)


def _versions(file: File, one: Placed) -> Found:
    name, line, word = "tls.versions", one.setting.line, one.value
    minimum = next((place for place, version in enumerate(_VERSIONS) if version.lower() == word), None)
    if not one.setting.settled:
        yield Unread(name, Why.TEMPLATED, f"{one.setting.name} comes from a template", line)
    elif after := file.include_after(one):
        yield Unread(name, Why.UNREADABLE, f"a file included at line {after} may set {one.setting.name} again", line)
    elif one.setting.name == "ssl_protocols":
        yield from _named_versions(one)
    elif word == "latest":
        yield Read(name, list(_VERSIONS[-1:]), line)
    elif minimum is not None:
        yield Read(name, list(_VERSIONS[minimum:]), line)
    else:
        yield Unread(name, Why.NOT_ASKED, f"{one.setting.value[:40]} leaves the version to OpenSSL", line)


def _named_versions(one: Placed) -> Found:
    """``!SSLv2 !SSLv3`` bars, ``TLSv1.2`` names (before 2.3)."""
    words = one.setting.value.split()
    known = {version.lower(): version for version in ("SSLv2", *_VERSIONS)}
    if unknown := [word for word in words if word.lstrip("!").lower() not in known]:
        yield Unread("tls.versions", Why.MALFORMED, f"{unknown[0][:40]} is no protocol", one.setting.line)
        return
    barred = {known[word[1:].lower()] for word in words if word.startswith("!")}
    named = {known[word.lower()] for word in words if not word.startswith("!")}
    left = [version for version in _VERSIONS if version not in barred and (not named or version in named)]
    yield Read("tls.versions", left, one.setting.line)


# ----------------------------------------------------------------------------------------------------------- concerns


def _say(concerns: Concerns, file: File, fact: str, offends: bool, one: Placed) -> None:
    """An included file that comes later may have the last word."""
    if after := file.include_after(one):
        detail = f"a file included at line {after} may set {one.setting.name} again"
        concerns.open(fact, Why.UNREADABLE, detail, one.setting.line)
        return
    name = " / ".join((*one.blocks, one.setting.name))
    concerns.say(fact, offends, replace(one.setting, name=name))


def _cleartext(concerns: Concerns, file: File, one: Placed) -> None:
    """2.3 disables, 2.4 allows. With ``ssl = required`` no password is taken before TLS whatever this says."""
    fact = "dovecot.cleartext_authentication"
    allowed = (one.value in _YES) == (one.setting.name == "auth_allow_cleartext")
    switch = file.first("ssl")
    if not allowed or (switch is not None and switch.value == "required" and not file.include_after(switch)):
        _say(concerns, file, fact, False, one)
    elif switch is None and not file.include_after(one) and one.setting.settled:
        detail = f"{one.setting.name} takes passwords in the clear, unless another file says ssl = required"
        concerns.open(fact, Why.UNREADABLE, detail, one.setting.line)
    else:
        _say(concerns, file, fact, True, one)


def _switch(concerns: Concerns, file: File, one: Placed) -> None:
    _say(concerns, file, "dovecot.tls_off", one.value == "no", one)


def _logged(concerns: Concerns, file: File, one: Placed) -> None:
    """auth_verbose_passwords may be cut (``sha1``, ``plain:6``); only the whole word in the clear is one that serves."""
    bad = one.value in (_YES if one.setting.name == "auth_debug_passwords" else {"plain", "yes"})
    _say(concerns, file, "dovecot.passwords_logged", bad, one)


def _scheme(concerns: Concerns, file: File, one: Placed) -> None:
    """``args`` of a passdb in 2.3, and the default scheme of 2.4."""
    if one.setting.name == "args":
        found = _SCHEME.search(one.setting.value)
        if found is None or not any(block.startswith("passdb") for block in one.blocks):
            return
        word = found[1].upper()
    else:
        word = one.setting.value.upper()
    scheme = word.partition(".")[0]  # SHA256.HEX names its encoding
    shown = replace(one, setting=replace(one.setting, value=scheme))
    _say(concerns, file, "dovecot.password_scheme", scheme in _KEPT_CLEAR | _WEAK_HASH, shown)


def _scheme_blocks(concerns: Concerns, file: File) -> None:
    """Several passdb blocks have the same name: each counts, none replaces another."""
    for one in file.settings:
        if one.setting.name in {"args", "passdb_default_password_scheme", "default_pass_scheme"}:
            _scheme(concerns, file, one)


def _trusted(concerns: Concerns, file: File, one: Placed) -> None:
    everyone = {"0.0.0.0/0", "::/0", "0/0", "[::]/0"}
    offends = any(word in everyone for word in re.split(r"[\s,]+", one.value))
    _say(concerns, file, "dovecot.trusted_networks", offends, one)


def _ciphers(concerns: Concerns, file: File, one: Placed) -> None:
    _say(concerns, file, "dovecot.weak_ciphers", bool(weak_suites(one.setting.value)), one)


_CONCERNS = {
    "disable_plaintext_auth": _cleartext,
    "auth_allow_cleartext": _cleartext,
    "ssl": _switch,
    "auth_debug_passwords": _logged,
    "auth_verbose_passwords": _logged,
    "login_trusted_networks": _trusted,
    "ssl_cipher_list": _ciphers,
}
