# SPDX-License-Identifier: EUPL-1.2
"""Reads Postfix's main.cf and master.cf: who may relay, whether passwords and mail travel encrypted.

As postconf(5) has it: a line that starts with a blank continues the one above, the last value of a name wins, and master.cf
may replace a value for one service. Each file is read alone, so that what the other settles is a gap.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from nis2check.evidence.observe import Read, Unread, Unseen
from nis2check.evidence.repo.concerns import (
    Concerns,
    Found,
    Setting,
    array_fact,
    conditional_lines,
    long_line,
    numbered,
    pairs,
    weak_suites,
)
from nis2check.model import FactSpec, Kind, Why

NAME = "postfix"
FACTS = (
    FactSpec("tls.accepted", "boolean", "", "smtpd_tls_security_level offers STARTTLS, and a certificate is named."),
    FactSpec("tls.opportunistic", "boolean", "", "That level is may: clients that cannot do TLS deliver in clear."),
    FactSpec("tls.versions", "array", "", "smtpd_tls_protocols, or the mandatory ones when TLS is required."),
    array_fact("postfix.open_relay", "Trusted networks that let anybody send mail to anywhere through this server."),
    array_fact("postfix.auth_without_tls", "Services that take passwords on a connection that may be in the clear."),
    array_fact("postfix.outbound_cleartext", "Settings that keep outgoing mail from being encrypted."),
    array_fact("postfix.outbound_old_tls", "Outgoing settings that require TLS and take a version before 1.2."),
    array_fact("postfix.weak_ciphers", "Cipher grades and lists with forbidden algorithms."),
    array_fact("postfix.address_probing", "VRFY answers whether a mailbox exists."),
    array_fact("postfix.version_disclosed", "The greeting tells the version."),
)

MOST_TEXT = 1 << 16  # of one value, its variables filled in
MOST_STEPS = 200  # variables of one value

_BY_NAME = re.compile(r"(?:^|[/_])(?:main|master)\.cf(?:\.(?:j2|jinja2?|erb|template|tmpl|in|dist))?\Z")
_MASTER = re.compile(r"(?:^|[/_])master\.cf")
_VARIABLE = re.compile(r"\$\$|\$(?:(\w+)|\{(\w+)\}|\((\w+)\)|(.?))")
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+\Z")
_OPTION = re.compile(r"-o\s+(?:\{\s*([^}]{1,4000})\}|([\w.-]{1,100}\s?=\S*))")

_VERSIONS = ("SSLv2", "SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_CERTIFICATES = ("smtpd_tls_chain_files", "smtpd_tls_cert_file", "smtpd_tls_eccert_file", "smtpd_tls_dcert_file")
# What ends a list of restrictions for mail to elsewhere (smtpd_relay_restrictions in postconf(5)): the first counts.
_REFUSES = {"reject", "defer", "reject_unauth_destination", "defer_unauth_destination"}
_PASSES = {"permit", "permit_mynetworks"}

Settings = Mapping[str, Setting]


def matches(path: str, head: bytes) -> bool:
    """main.cf and master.cf, and templates of them."""
    return _BY_NAME.search(path) is not None


def read(path: str, text: str) -> Found:
    """Facts and gaps of one file."""
    yield from long_line(NAME, text)
    concerns = Concerns()
    if _MASTER.search(path):
        for service, settings in services(text):
            _relay(concerns, settings)
            _suites(concerns, settings)
            _service_authentication(concerns, service, settings)
        yield from concerns.found()
        return
    settings = parameters(text)
    yield from _live(settings)
    for part in (_relay, _authentication, _outbound, _suites, _curiosity):
        part(concerns, settings)
    yield from concerns.found()


# ------------------------------------------------------------------------------------------------------------- syntax


def parameters(text: str) -> dict[str, Setting]:
    """main.cf by name; the last of a name wins."""
    return {one.name: one for one in pairs(_logical(text), conditional_lines(text))}


def services(text: str) -> Iterator[tuple[str, dict[str, Setting]]]:
    """The smtpd services of master.cf with the parameters that ``-o`` replaces for them."""
    unsettled = conditional_lines(text)
    for number, line in _logical(text):
        words = line.split(None, 8)
        if len(words) < 8 or words[7] != "smtpd":
            continue
        options = [(number, found[1] or found[2]) for found in _OPTION.finditer(words[8] if len(words) > 8 else "")]
        yield words[0], {one.name: one for one in pairs(options, unsettled)}


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first."""
    start, pieces = 0, [""]
    for number, line in numbered(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue  # also between a line and its continuation
        if line[0] not in " \t":
            yield start, " ".join(pieces)
            start, pieces = number, []
        pieces.append(line.strip())
    yield start, " ".join(pieces)


def _value(settings: Settings, name: str) -> str | None:
    """The value with its variables filled in, None when the file does not set it. Raises Unseen."""
    setting = settings.get(name)
    if setting is None:
        return None
    if not setting.settled:
        raise Unseen(Why.TEMPLATED, f"{name} comes from a template")
    text = setting.value
    for _step in range(MOST_STEPS):
        if len(text) > MOST_TEXT:
            break
        variable = next((found for found in _VARIABLE.finditer(text) if found[0] != "$$"), None)
        if variable is None:
            return text.replace("$$", "$")
        other = settings.get(variable[1] or variable[2] or variable[3] or "")
        if other is None or not other.settled:
            raise Unseen(Why.UNREADABLE, f"{name} needs {variable[0][:60]}, which this file does not settle")
        text = text[: variable.start()] + other.value + text[variable.end() :]
    raise Unseen(Why.LIMIT, f"{name} grows without end")


def _says(settings: Settings, name: str) -> str | None:
    """The value in lower case, or None when the file does not set it. Raises Unseen."""
    value = _value(settings, name)
    return None if value is None else value.strip().lower()


# --------------------------------------------------------------------------------------------------------- live facts


def _live(settings: Settings) -> Found:
    """What a client of port 25 meets, under the host's own name when the file gives it."""
    level = settings.get("smtpd_tls_security_level")
    if level is None:
        return
    try:
        subject, kind = _subject(settings)
    except Unseen:
        return  # no other machine gets in
    try:
        word = _says(settings, level.name)
        if word == "none":
            yield Read("tls.accepted", False, level.line, subject, kind)
            return
        if word not in {"may", "encrypt"} or not any(_value(settings, one) for one in _CERTIFICATES):
            raise Unseen(Why.UNREADABLE, "STARTTLS needs a certificate, and this file names none")
        yield Read("tls.accepted", True, level.line, subject, kind)
        yield Read("tls.opportunistic", word == "may", level.line, subject, kind)
        name = "smtpd_tls_protocols" if word == "may" else "smtpd_tls_mandatory_protocols"
        versions = _versions(settings, name)
    except Unseen as error:
        yield Unread("tls.versions", error.why, error.detail, level.line, subject, kind)
        return
    yield Read("tls.versions", versions, settings[name].line, subject, kind)


def _subject(settings: Settings) -> tuple[str, Kind]:
    """``myhostname:25``, or the file. Raises Unseen when only the machine itself is served."""
    interfaces = (settings["inet_interfaces"].value if "inet_interfaces" in settings else "").lower()
    if interfaces and all(word in {"loopback-only", "localhost", "127.0.0.1", "[::1]"} for word in _words(interfaces)):
        raise Unseen(Why.NOT_ASKED, "listens on loopback only")
    try:
        host = _says(settings, "myhostname") or ""
    except Unseen:
        host = ""
    return (f"{host}:25", Kind.TLS) if _HOST.match(host) else ("", Kind.FILE)


def _versions(settings: Settings, name: str) -> list[str]:
    """The protocols that a list leaves open: ``>=TLSv1.2``, ``!SSLv2, !SSLv3``, ``TLSv1.2``. Raises Unseen."""
    value = _value(settings, name)
    if value is None:
        raise Unseen(Why.NOT_ASKED, f"{name} is not set: the default depends on the version of Postfix")
    named: set[str] = set()
    barred: set[str] = set()
    for word in re.split(r"[\s,:]+", value.strip()):
        sign, protocol = re.match(r"(>=|<=|!)?(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr] # matches any
        place = next((index for index, one in enumerate(_VERSIONS) if one.lower() == protocol.lower()), None)
        if place is None:
            if word:
                raise Unseen(Why.MALFORMED, f"{name} holds {word[:40]}, a protocol that is not known")
        elif sign == ">=":
            barred |= set(_VERSIONS[:place])
        elif sign == "<=":
            barred |= set(_VERSIONS[place + 1 :])
        else:
            (barred if sign else named).add(_VERSIONS[place])
    return [
        one for one in _VERSIONS[1:] if one not in barred and (not named or one in named)
    ]  # SSLv2 left OpenSSL in 2016


# ----------------------------------------------------------------------------------------------------------- concerns


def _words(value: str) -> list[str]:
    return [word for word in re.split(r"[\s,]+", value) if word]


def _relay(concerns: Concerns, settings: Settings) -> None:
    """Open when all the world is trusted and both lists let the trusted through. A list that refuses nobody Postfix itself
    refuses: smtpd then does not start."""
    trusted = settings.get("mynetworks")
    if trusted is None:
        return
    try:
        offends = _trusts_all(_words(_says(settings, trusted.name) or "")) and all(
            _passes(_words(_says(settings, name) or ""))
            for name in ("smtpd_relay_restrictions", "smtpd_recipient_restrictions")
        )
        concerns.say("postfix.open_relay", offends, trusted)
    except Unseen as error:
        concerns.open("postfix.open_relay", error.why, error.detail, trusted.line)


def _trusts_all(words: list[str]) -> bool:
    """The first match decides, so that an exclusion after all the world excludes nobody."""
    for word in words:
        try:
            network = ipaddress.ip_network(word.lstrip("!").replace("[", "").replace("]", ""), strict=False)
        except ValueError:
            continue  # a table or a file: what it holds is not here
        if network.prefixlen == 0:
            return not word.startswith("!")
    return False


def _passes(words: list[str]) -> bool:
    """Whether a list of restrictions lets clients of mynetworks through; an empty one does, as does that of smtpd itself."""
    return next((word for word in words if word in _REFUSES or word in _PASSES), "permit") in _PASSES


def _authentication(concerns: Concerns, settings: Settings) -> None:
    """Of the whole server. Often main.cf takes passwords, and master.cf forbids them on port 25 and wants TLS on the others:
    what main.cf leaves to the default is no offence yet."""
    enabled = settings.get("smtpd_sasl_auth_enable")
    if enabled is None:
        return
    fact = "postfix.auth_without_tls"
    try:
        if _says(settings, enabled.name) != "yes":
            return
        only = settings.get("smtpd_tls_auth_only")
        if _keeps_passwords(settings):
            concerns.right(fact, enabled.line)
        elif only is not None:
            concerns.say(fact, True, only)
        else:
            detail = "passwords are taken, and whether each service wants TLS first is in master.cf"
            concerns.open(fact, Why.UNREADABLE, detail, enabled.line)
    except Unseen as error:
        concerns.open(fact, error.why, error.detail, enabled.line)


def _keeps_passwords(settings: Settings) -> bool:
    return (
        _says(settings, "smtpd_tls_auth_only") == "yes"
        or _says(settings, "smtpd_tls_security_level") == "encrypt"
        or _says(settings, "smtpd_enforce_tls") == "yes"
        or _says(settings, "smtpd_tls_wrappermode") == "yes"
        or "noplaintext" in _words(_says(settings, "smtpd_sasl_security_options") or "")
    )


def _service_authentication(concerns: Concerns, service: str, settings: Settings) -> None:
    """Of one service; what it does not say, main.cf does."""
    enabled = settings.get("smtpd_sasl_auth_enable")
    fact = "postfix.auth_without_tls"
    try:
        if enabled is None or _says(settings, enabled.name) != "yes":
            return
        if _keeps_passwords(settings):
            concerns.right(fact, enabled.line)
        elif _says(settings, "smtpd_tls_auth_only") == "no" and _says(settings, "smtpd_tls_security_level") in {
            "may",
            "none",
        }:
            concerns.wrong(fact, service, enabled.line, "smtpd_tls_auth_only=no")
        else:
            detail = f"{service} takes passwords, and whether it wants TLS first is in main.cf"
            concerns.open(fact, Why.UNREADABLE, detail, enabled.line)
    except Unseen as error:
        concerns.open(fact, error.why, error.detail, enabled.line if enabled else 1)


def _outbound(concerns: Concerns, settings: Settings) -> None:
    for name, bad in (("smtp_tls_security_level", {"none"}), ("smtp_use_tls", {"no"})):
        setting = settings.get(name)
        if setting is None or (name == "smtp_use_tls" and settings.get("smtp_tls_security_level")):
            continue  # the level takes the place of the older switch
        try:
            concerns.say("postfix.outbound_cleartext", _says(settings, name) in bad, setting)
        except Unseen as error:
            concerns.open("postfix.outbound_cleartext", error.why, error.detail, setting.line)
    if (setting := settings.get("smtp_tls_mandatory_protocols")) is not None:
        fact = "postfix.outbound_old_tls"
        try:
            old = [one for one in _versions(settings, setting.name) if one not in {"TLSv1.2", "TLSv1.3"}]
            concerns.say(fact, bool(old), setting)
        except Unseen as error:
            concerns.open(fact, error.why, error.detail, setting.line)


_GRADES = ("smtpd_tls_ciphers", "smtpd_tls_mandatory_ciphers", "smtp_tls_ciphers", "smtp_tls_mandatory_ciphers")
_LISTS = ("tls_high_cipherlist", "tls_medium_cipherlist")


def _suites(concerns: Concerns, settings: Settings) -> None:
    fact = "postfix.weak_ciphers"
    for name in (*_GRADES, *_LISTS):
        if (setting := settings.get(name)) is None:
            continue
        try:
            value = _says(settings, name) or ""
            offends = bool(weak_suites(value)) if name in _LISTS else value in {"export", "low", "null"}
            concerns.say(fact, offends, setting)
        except Unseen as error:
            concerns.open(fact, error.why, error.detail, setting.line)


def _curiosity(concerns: Concerns, settings: Settings) -> None:
    """What a stranger can ask: mailboxes (VRFY) and the version."""
    if (setting := settings.get("disable_vrfy_command")) is not None:
        try:
            concerns.say("postfix.address_probing", _says(settings, setting.name) != "yes", setting)
        except Unseen as error:
            concerns.open("postfix.address_probing", error.why, error.detail, setting.line)
    if (setting := settings.get("smtpd_banner")) is not None:
        concerns.say("postfix.version_disclosed", re.search(r"\$[{(]?mail_version", setting.value) is not None, setting)
