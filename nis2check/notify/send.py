# SPDX-License-Identifier: EUPL-1.2
"""Send a notification everywhere it should go: one place that fails costs no other."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping

from nis2check.language import _, reason
from nis2check.model import Json
from nis2check.notify import mail, peer, web
from nis2check.notify.address import Address, Mail, Webhook
from nis2check.notify.peer import Undelivered


def send(addresses: Iterable[Address], told: Mapping[str, Json], lang: str, seconds: float = peer.WHOLE) -> list[str]:
    """Why each that failed did: one sentence each, with no secret in it; empty when all went. ``seconds``: for each."""
    faults = []
    for address in addresses:
        try:
            _one(address, told, lang, peer.Limits.start(seconds))
        except (Undelivered, OSError) as error:
            what = _("Notification non délivrée à {place} : {reason}.")
            faults.append(what.format(place=address.shown, reason=_reason(error)))
    return faults


def _one(address: Address, told: Mapping[str, Json], lang: str, limits: peer.Limits) -> None:
    if isinstance(address, Mail):
        mail.send(address, told, lang, limits)
    elif isinstance(address, Webhook):
        web.send(address, told, lang, limits)
    else:
        web.send_to_room(address, told, lang, limits)


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _("certificat refusé ({why})").format(why=error.verify_message)
    if isinstance(error, ssl.SSLError):
        return _("TLS impossible")
    if isinstance(error, socket.gaierror):
        return _("serveur inconnu")
    if isinstance(error, TimeoutError):
        return _("délai dépassé")
    if isinstance(error, peer.TooMuch):
        return _("réponse sans fin")
    return reason(error) if isinstance(error, OSError) else str(error)
