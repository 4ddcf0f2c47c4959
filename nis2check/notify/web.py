# SPDX-License-Identifier: EUPL-1.2
"""A notification over HTTPS: a webhook, or a message in a Matrix room. No redirect is followed; of an answer only the status
is read."""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from nis2check.files import canonical
from nis2check.language import _
from nis2check.model import Json
from nis2check.notify import message, peer
from nis2check.notify.address import Room, Webhook
from nis2check.notify.peer import Undelivered

AGAIN = 2.0  # seconds before the one other try of a room
_PASSING = frozenset({429, 500, 502, 503, 504})


class _Connection(http.client.HTTPConnection):
    """http.client over a bounded connection."""

    def __init__(self, host: str, port: int, limits: peer.Limits) -> None:
        super().__init__(host, port)
        self._limits = limits

    def connect(self) -> None:
        self.sock = _Speaking(
            peer.secured(peer.connect(self.host, self.port, self._limits), self.host, self._limits), self._limits
        )


class _Speaking:
    """The part of a socket that http.client uses."""

    def __init__(self, connected: Any, limits: peer.Limits) -> None:
        self._connected, self._limits = connected, limits

    def sendall(self, data: bytes) -> None:
        self._connected.settimeout(self._limits.remaining())
        self._connected.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(peer.Bounded(self._connected, self._limits))

    def close(self) -> None:
        self._connected.close()


def send(address: Webhook, told: Mapping[str, Json], lang: str, limits: peer.Limits) -> None:
    """POST the notification with a ``text`` for chats that show it. Raises OSError or Undelivered."""
    body = canonical({**told, "text": message.text(told, lang)})
    headers = {"Idempotency-Key": _once(told)}
    _accepted(_ask(address, "POST", address.path, body, headers, limits))


def send_to_room(address: Room, told: Mapping[str, Json], lang: str, limits: peer.Limits) -> None:
    """PUT one event; tried again once, since the same transaction is one message (Matrix client-server API, 10.8). Raises
    OSError or Undelivered."""
    event = {"msgtype": "m.notice", "body": message.text(told, lang)}
    path = f"/_matrix/client/v3/rooms/{quote(address.room, safe='')}/send/m.room.message/{_once(told)}"
    body = json.dumps(event, ensure_ascii=False).encode()
    try:
        status = _ask(address, "PUT", path, body, {}, limits)
    except (ConnectionError, Undelivered):
        status = 503
    if status in _PASSING:
        time.sleep(min(AGAIN, limits.remaining()))
        status = _ask(address, "PUT", path, body, {}, limits)
    _accepted(status)


def _once(told: Mapping[str, Json]) -> str:
    """The same for the same notification."""
    return sha256(canonical(told)).hexdigest()[:32]


def _ask(
    address: Webhook | Room, method: str, path: str, body: bytes, headers: dict[str, str], limits: peer.Limits
) -> int:
    sent = {"Content-Type": "application/json", "User-Agent": "nis2check", "Connection": "close"} | headers
    if address.token:
        sent["Authorization"] = f"Bearer {address.token}"
    connection = _Connection(address.host, address.port, limits)
    try:
        connection.request(method, path, body, sent)
        return connection.getresponse().status
    except http.client.HTTPException:
        raise Undelivered(_("réponse inattendue, ou connexion fermée")) from None
    finally:
        connection.close()


def _accepted(status: int) -> None:
    if status in {401, 403}:
        raise Undelivered(_("accès refusé ({status})").format(status=status))
    if not 200 <= status < 300:
        raise Undelivered(_("le serveur a répondu {code}").format(code=status))
