# SPDX-License-Identifier: EUPL-1.2
"""``--notify URL`` → where to send, and the secret that goes with it.

Rule for this file: a secret never stands in an address (arguments are seen by every user of the machine, and a body's file is
shared): it comes from the environment, or from a file that the environment names (systemd's credentials).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from nis2check.errors import InputError, Place
from nis2check.files import read_bytes
from nis2check.language import _

MOST_RECIPIENTS = 20
LARGEST_SECRET = 4096  # bytes

# An address of mail as people have them: no quoted parts, no comments, nothing that could end a header (RFC 5321, 4.1.2).
_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ROOM = re.compile(r"![A-Za-z0-9._~=+/-]{1,200}(:[A-Za-z0-9.\[\]:-]{1,230})?")  # Matrix appendices, 4.2.2
_TOKEN = re.compile(r"[\x21-\x7e]+")  # what a header can hold (RFC 6750, 2.1)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail server. ``implicit``: TLS from the first byte (RFC 8314); else STARTTLS, but on this very machine."""

    host: str
    port: int
    implicit: bool
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)

    @property
    def local(self) -> bool:
        return _is_local(self.host)

    @property
    def shown(self) -> str:
        return f"{'smtps' if self.implicit else 'smtp'}://{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An HTTPS address. What follows the host is a secret by itself with most services: never shown."""

    host: str
    port: int
    path: str = field(repr=False)
    token: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        return f"https://{self.host}:{self.port}/…"


@dataclass(frozen=True, slots=True)
class Room:
    """A room of a Matrix server (Tchap is one)."""

    host: str
    port: int
    room: str
    token: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        return f"matrix://{self.host}:{self.port}/{self.room}"


Address = Mail | Webhook | Room


def parse(url: str, environment: Mapping[str, str]) -> Address:
    """Raises InputError, one sentence that quotes no secret."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _wrong(_("Adresse de notification mal formée.")) from None
    if parts.scheme not in _KINDS:
        raise _wrong(_("Notification vers « {scheme}:// » : inconnu.").format(scheme=parts.scheme[:20]))
    if not re.fullmatch(r"[a-z0-9.:-]+", host) or port == 0:
        raise _wrong(_("Adresse de notification sans serveur, ou d'un nom impossible."))
    if parts.password is not None:
        advice = _("Le donner par NIS2CHECK_SMTP_PASSWORD ou NIS2CHECK_SMTP_PASSWORD_FILE.")
        raise InputError(_("Mot de passe dans une adresse de notification : refusé."), advice=advice)
    if any(ord(one) <= 32 or ord(one) > 126 for one in url):
        raise _wrong(_("Adresse de notification : espaces, contrôles et accents se codent en %XX."))
    return _KINDS[parts.scheme](parts, host, port, environment)


def _wrong(what: str) -> InputError:
    advice = _("Attendu : smtp(s)://HÔTE/?to=ADRESSE, https://…, ou matrix://HÔTE/!SALON.")
    return InputError(what, advice=advice)


def _mail(parts: SplitResult, host: str, port: int | None, environment: Mapping[str, str]) -> Mail:
    asked = parse_qs(parts.query)
    if set(asked) - {"to", "from"} or parts.path not in {"", "/"}:
        raise _wrong(_("Adresse de messagerie : seuls to= et from= suivent le serveur."))
    recipients = tuple(one.strip() for value in asked.get("to", []) for one in value.split(","))
    user = unquote(parts.username or "")
    sender = asked.get("from", [user if _MAIL.fullmatch(user) else next(iter(recipients), "")])[0]
    if not 1 <= len(recipients) <= MOST_RECIPIENTS:
        raise _wrong(_("Adresse de messagerie : donner de 1 à {n} destinataires (to=).").format(n=MOST_RECIPIENTS))
    for one in (sender, *recipients):
        if not _MAIL.fullmatch(one):
            raise _wrong(_("Ce n'est pas une adresse de messagerie : « {address} ».").format(address=one[:80]))
    password = _secret("NIS2CHECK_SMTP_PASSWORD", environment)
    if user and not password:
        advice = _("Le donner par NIS2CHECK_SMTP_PASSWORD ou NIS2CHECK_SMTP_PASSWORD_FILE.")
        raise InputError(_("Il manque le mot de passe du compte de messagerie."), advice=advice)
    implicit = parts.scheme == "smtps"
    usual = 465 if implicit else 25 if _is_local(host) else 587
    return Mail(host, port or usual, implicit, sender, recipients, user, password if user else "")


def _webhook(parts: SplitResult, host: str, port: int | None, environment: Mapping[str, str]) -> Webhook:
    if parts.username is not None:
        raise _wrong(_("Adresse de webhook : pas de compte dans l'adresse (NIS2CHECK_WEBHOOK_TOKEN)."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Webhook(host, port or 443, path, _secret("NIS2CHECK_WEBHOOK_TOKEN", environment))


def _room(parts: SplitResult, host: str, port: int | None, environment: Mapping[str, str]) -> Room:
    room = unquote(parts.path.removeprefix("/"))
    if not _ROOM.fullmatch(room) or parts.query or parts.username is not None:
        raise _wrong(_("Salon Matrix : donner son identifiant interne, qui commence par « ! »."))
    token = _secret("NIS2CHECK_MATRIX_TOKEN", environment)
    if not token:
        advice = _("Le donner par NIS2CHECK_MATRIX_TOKEN ou NIS2CHECK_MATRIX_TOKEN_FILE.")
        raise InputError(_("Il manque le jeton du compte Matrix."), advice=advice)
    return Room(host, port or 443, room, token)


_KINDS: Mapping[str, Callable[[SplitResult, str, int | None, Mapping[str, str]], Address]] = {
    "smtp": _mail,
    "smtps": _mail,
    "https": _webhook,
    "matrix": _room,
}


def _secret(name: str, environment: Mapping[str, str]) -> str:
    """The value of a variable, else the first line of the file that ``…_FILE`` names; empty when there is neither."""
    value, file = environment.get(name, ""), environment.get(f"{name}_FILE", "")
    if not value and file:
        lines = read_bytes(Path(file), LARGEST_SECRET).decode("utf-8", "replace").splitlines()
        value = next(iter(lines), "").strip()
    if value and (not _TOKEN.fullmatch(value) if name.endswith("_TOKEN") else not value.isprintable()):
        raise InputError(_("Ce secret contient un caractère impossible."), place=Place(name))
    return value


def _is_local(host: str) -> bool:
    """Whether a host is this machine, by its literal name: a name that merely resolves here is not trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
