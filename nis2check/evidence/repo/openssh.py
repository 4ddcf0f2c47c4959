# SPDX-License-Identifier: EUPL-1.2
"""Reads sshd_config and its drop-ins: who gets in, how, and with which algorithms; of ssh_config, whether hosts are checked.

As sshd_config(5) has it: the first value of a name wins, and one in a Match block wins for those whom it matches. What stands
behind an Include may have been said there before: a gap. Only what is written is judged, defaults change with the version.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    Setting,
    array_fact,
    conditional_lines,
    is_filled_in,
    long_line,
    numbered,
)
from nis2check.model import Why

NAME = "openssh"
FACTS = (
    array_fact("openssh.root_login", "PermitRootLogin lets root in with a password."),
    array_fact("openssh.password_authentication", "PasswordAuthentication takes passwords."),
    array_fact("openssh.empty_passwords", "PermitEmptyPasswords takes accounts without password."),
    array_fact("openssh.weak_ciphers", "Ciphers names broken or unauthenticated old ciphers."),
    array_fact("openssh.weak_macs", "MACs names integrity codes on MD5, SHA-1 or cut short."),
    array_fact("openssh.weak_key_exchange", "KexAlgorithms names exchanges on SHA-1 or 1024 bits."),
    array_fact("openssh.weak_host_keys", "HostKeyAlgorithms or PubkeyAcceptedAlgorithms name DSA or SHA-1 signatures."),
    array_fact("openssh.protocol_1", "Protocol lets version 1 in."),
    array_fact("openssh.x11_forwarding", "X11Forwarding is on."),
    array_fact("openssh.forwarding", "Forwarded ports are open to other machines, or tunnels are permitted."),
    array_fact("openssh.attempts", "Attempts at a password are many or endless."),
    array_fact("openssh.log_level", "LogLevel keeps logins out of the log."),
    array_fact("openssh.host_keys_unchecked", "The client connects to far hosts without checking their key."),
    array_fact("openssh.lax_checks", "Settings that trust the other host, or files that others may write."),
)

MOST_WORDS = 200  # of one list of algorithms

_BY_NAME = re.compile(
    r"(?:^|/)[^/]*sshd_config(?:\.(?:j2|jinja2?|erb|epp|template|tmpl|conf|in))?\Z|(?:^|/)sshd_config\.d/[^/]+\.conf(?:\.(?:j2|erb|template|tmpl))?\Z"
)
_CLIENT = re.compile(
    r"(?:^|[/_])ssh_config(?:\.(?:j2|jinja2?|erb|epp|template|tmpl))?\Z"
    r"|(?:^|/)ssh_config\.d/[^/]+\.conf(?:\.(?:j2|erb|template|tmpl))?\Z|(?:^|/)\.ssh/config\Z"
)
_INCLUDES = re.compile(r"\{%[-+]?\s*(?:include|import|extends)\b")  # of a template: what it brings comes first
_LINE = re.compile(r"([A-Za-z][A-Za-z0-9]*)(?:\s*=\s*|\s+)(.*)\Z")
_ENVIRONMENT = re.compile(r"\$\{?[A-Z_]{2,}\}?")


@dataclass(frozen=True, slots=True)
class Option:
    """One setting as in force; ``scope`` is the Match or Host line that it stands under, empty outside."""

    setting: Setting
    words: tuple[str, ...]
    scope: str = ""

    @property
    def word(self) -> str:
        return self.words[0].lower() if self.words else ""


@dataclass(slots=True)
class _File:
    """What is in force: the first of each name and scope; and the Include that came before it, if any."""

    options: dict[tuple[str, str], Option] = field(default_factory=dict)
    after_include: dict[tuple[str, str], int] = field(default_factory=dict)


def matches(path: str, head: bytes) -> bool:
    """sshd_config, ssh_config, their drop-ins, and templates of them."""
    return _BY_NAME.search(path) is not None or _CLIENT.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    file = _parse(text)
    concerns = Concerns()
    judges = _OF_CLIENT if _CLIENT.search(path) else _CONCERNS
    for place, option in file.options.items():
        if (judge := judges.get(place[0])) is None:
            continue
        fact, offends = judge
        name = f"{option.setting.name} ({option.scope})" if option.scope else option.setting.name
        shown = Setting(name, option.setting.value, option.setting.line, option.setting.settled)
        if (include := file.after_include.get(place)) and option.setting.settled:
            detail = f"{option.setting.name} counts only if no file of the Include at line {include} sets it"
            concerns.open(fact, Why.UNREADABLE, detail, option.setting.line)
        else:
            concerns.say(fact, offends(option), shown)
    yield from concerns.found()


# ------------------------------------------------------------------------------------------------------------- syntax


def options(text: str) -> Iterator[Option]:
    """The settings in force outside Match blocks, in the order of the file: what ``sshd -T`` prints of it."""
    yield from (option for (_name, scope), option in _parse(text).options.items() if not scope)


def _parse(text: str) -> _File:
    file = _File()
    unsettled = conditional_lines(text)
    scope, include = "", 0
    for number, raw in numbered(text):
        found = _LINE.match(raw.strip())
        include = include or (number if _INCLUDES.search(raw) else 0)
        if found is None:
            continue
        name, rest = found[1], found[2]
        key = name.lower()
        words = _words(rest)
        if key in {"match", "host"}:
            scope = f"{name} {rest[:100]}"
        elif key == "include":
            include = include or number
        else:
            settled = number not in unsettled and not is_filled_in(rest) and not _ENVIRONMENT.search(rest)
            place = (key, scope)
            if place not in file.options:
                file.options[place] = Option(Setting(name, " ".join(words), number, settled), words, scope)
                if include and not scope:
                    file.after_include[place] = include
    return file


def _words(rest: str) -> tuple[str, ...]:
    """Arguments, quotes and a comment at the end taken off."""
    if not set(rest) & set("\"'#\\"):
        return tuple(rest.split())
    try:
        return tuple(shlex.split(rest, comments=True, posix=True))
    except ValueError:  # a quote without its other
        return tuple(rest.split())


# ----------------------------------------------------------------------------------------------------------- concerns


def _is(*values: str) -> Callable[[Option], bool]:
    return lambda option: option.word in values


# ANSSI's OpenSSH guide wants AES and SHA-2; these are what sshd itself no longer offers unless told to, and the SHA-1 codes.
_CIPHERS = re.compile(r"(?:.*-cbc(?:@.*)?|arcfour.*|rijndael-cbc@.*|none)\Z")
_MACS = re.compile(r"(?:hmac-md5.*|hmac-sha1.*|hmac-ripemd160.*|umac-64.*|.*-96(?:-etm@.*)?|none)\Z")
_EXCHANGES = re.compile(r"(?:diffie-hellman-group1-sha1|diffie-hellman-group14-sha1|.*-exchange-sha1|gss-.*-sha1-.*)\Z")
_KEYS = re.compile(r"(?:ssh-dss|ssh-rsa|ssh-(?:dss|rsa)-cert-v0[01]@openssh\.com)\Z")


def _names(weak: re.Pattern[str]) -> Callable[[Option], bool]:
    """Lists are comma-separated; ``+`` and ``^`` add to the defaults, ``-`` takes away."""

    def offends(option: Option) -> bool:
        listed = option.words[0] if option.words else ""
        if listed.startswith("-"):
            return False
        return any(weak.match(word.strip().lower()) for word in listed.lstrip("+^").split(",")[:MOST_WORDS])

    return offends


def _too_many(option: Option) -> bool:
    """More than sshd's own default of 6."""
    return option.word.isdigit() and len(option.word) < 10 and int(option.word) > 6


def _endless(option: Option) -> bool:
    return option.word.rstrip("smhdw") == "0"


def _loose(option: Option) -> bool:
    """Yes where the safe answer is no."""
    return option.word == "yes"


def _unchecked(option: Option) -> bool:
    """Not where only the machine itself is meant, whose key changes with it."""
    hosts = option.scope.split()[1:] if option.scope.lower().startswith("host ") else ["*"]
    own = ("localhost", "127.", "::1", "!")  # a short name may stand for a host anywhere
    far = any(not host.startswith(own) for host in hosts)
    return far and option.word in {"no", "off", "/dev/null"}


_OF_CLIENT: dict[str, tuple[str, Callable[[Option], bool]]] = {
    "stricthostkeychecking": ("openssh.host_keys_unchecked", _unchecked),
    "userknownhostsfile": ("openssh.host_keys_unchecked", _unchecked),
}
_CONCERNS: dict[str, tuple[str, Callable[[Option], bool]]] = {
    "permitrootlogin": ("openssh.root_login", _is("yes")),
    "passwordauthentication": ("openssh.password_authentication", _loose),
    "permitemptypasswords": ("openssh.empty_passwords", _loose),
    "ciphers": ("openssh.weak_ciphers", _names(_CIPHERS)),
    "macs": ("openssh.weak_macs", _names(_MACS)),
    "kexalgorithms": ("openssh.weak_key_exchange", _names(_EXCHANGES)),
    "hostkeyalgorithms": ("openssh.weak_host_keys", _names(_KEYS)),
    "pubkeyacceptedalgorithms": ("openssh.weak_host_keys", _names(_KEYS)),
    "pubkeyacceptedkeytypes": ("openssh.weak_host_keys", _names(_KEYS)),
    "protocol": ("openssh.protocol_1", lambda option: "1" in option.word.split(",")),
    "x11forwarding": ("openssh.x11_forwarding", _loose),
    "gatewayports": ("openssh.forwarding", _is("yes", "clientspecified")),
    "permittunnel": ("openssh.forwarding", _is("yes", "point-to-point", "ethernet")),
    "maxauthtries": ("openssh.attempts", _too_many),
    "logingracetime": ("openssh.attempts", _endless),
    "loglevel": ("openssh.log_level", _is("quiet", "silent", "fatal", "error")),
    "strictmodes": ("openssh.lax_checks", _is("no")),
    "ignorerhosts": ("openssh.lax_checks", _is("no")),
    "hostbasedauthentication": ("openssh.lax_checks", _loose),
    "permituserenvironment": ("openssh.lax_checks", _loose),
    "rhostsrsaauthentication": ("openssh.lax_checks", _loose),
}
