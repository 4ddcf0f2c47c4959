# SPDX-License-Identifier: EUPL-1.2
"""A notification by mail. STARTTLS is asked for, never hoped for: a server without it gets nothing, but on this machine."""

from __future__ import annotations

import io
import smtplib
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from nis2check.language import _
from nis2check.model import Json
from nis2check.notify import message, peer
from nis2check.notify.address import Mail
from nis2check.notify.peer import Undelivered


class _Session(smtplib.SMTP):
    """smtplib over a bounded connection: its own time-out starts again at every byte, and its answers have no end."""

    def __init__(self, address: Mail, limits: peer.Limits) -> None:
        self._address, self._limits = address, limits
        # No name of this machine is told to the server (RFC 5321, 4.1.3: an address literal will do).
        super().__init__(address.host, address.port, local_hostname="[127.0.0.1]", timeout=limits.remaining())

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connected = peer.connect(host, port, self._limits)
        return peer.secured(connected, host, self._limits) if self._address.implicit else connected

    def getreply(self) -> tuple[int, bytes]:
        if self.file is None and self.sock is not None:  # at the start, and again after STARTTLS
            self.file: Any = io.BufferedReader(peer.Bounded(self.sock, self._limits))
        try:
            return super().getreply()
        except smtplib.SMTPServerDisconnected as error:
            if isinstance(error.__context__, OSError):  # the cause, which smtplib hides: a deadline, too many bytes
                raise error.__context__ from None
            raise


def send(address: Mail, told: Mapping[str, Json], lang: str, limits: peer.Limits) -> None:
    """Raises OSError or Undelivered."""
    try:
        _deliver(address, compose(address, told, lang), limits)
    except smtplib.SMTPAuthenticationError:
        raise Undelivered(_("compte ou mot de passe refusés")) from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(sorted({str(code) for code, _said in error.recipients.values()}))
        raise Undelivered(_("destinataires refusés ({codes})").format(codes=codes)) from None
    except smtplib.SMTPResponseException as error:
        raise Undelivered(_("le serveur a répondu {code}").format(code=error.smtp_code)) from None
    except smtplib.SMTPException:
        raise Undelivered(_("réponse inattendue, ou connexion fermée")) from None


def _deliver(address: Mail, composed: EmailMessage, limits: peer.Limits) -> None:
    with _Session(address, limits) as session:
        session.ehlo_or_helo_if_needed()
        if not address.implicit and not address.local:
            if not session.has_extn("starttls"):
                raise Undelivered(_("pas de STARTTLS : rien n'a été envoyé en clair"))
            session.starttls(context=peer.context())
            session.ehlo_or_helo_if_needed()
        if address.user:
            session.login(address.user, address.password)
        refused = session.send_message(composed, address.sender, address.recipients)
    if refused:
        raise Undelivered(_("refusé pour {n} des destinataires").format(n=len(refused)))


def compose(address: Mail, told: Mapping[str, Json], lang: str) -> EmailMessage:
    """The message; ``email`` refuses a line break in a header, and none is left by then."""
    made = EmailMessage(policy=policy.SMTP)
    made["Subject"] = message.subject(told)
    made["From"] = address.sender
    made["To"] = ", ".join(address.recipients)
    made["Date"] = format_datetime(datetime.now(UTC))
    made["Message-ID"] = make_msgid("nis2check", address.sender.rpartition("@")[2])
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    made.set_content(message.text(told, lang), cte="quoted-printable")  # short lines in ASCII: any server takes them
    return made
