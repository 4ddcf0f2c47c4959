# SPDX-License-Identifier: EUPL-1.2
"""A connection to a server that may be hostile: one deadline for all of it, and no more bytes than an answer needs."""

from __future__ import annotations

import io
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

WHOLE = 30.0  # seconds for one notification, from the first address tried to the last answer
CONNECTING = 10.0  # seconds for one address
MOST_ADDRESSES = 4
LARGEST_ANSWER = 64 << 10  # bytes that a server may send in all


class Undelivered(Exception):
    """Why a server did not take a message: a clause for one sentence."""


class TooMuch(OSError):
    """The server sent more than an answer needs."""


@dataclass(slots=True)
class Limits:
    """What is left of the time and of the bytes of one notification."""

    end: float  # of the monotonic clock
    left: int = LARGEST_ANSWER

    @classmethod
    def start(cls, seconds: float) -> Limits:
        return cls(time.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds. Raises TimeoutError when there are none."""
        seconds = self.end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("deadline")
        return seconds

    def took(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise TooMuch("answer too long")


class Bounded(io.RawIOBase):
    """What a server sends, within limits: each read waits no longer than all of them together may."""

    def __init__(self, connected: socket.socket, limits: Limits) -> None:
        self._connected, self._limits = connected, limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connected.settimeout(self._limits.remaining())
        count = self._connected.recv_into(buffer)
        self._limits.took(count)
        return count


def connect(host: str, port: int, limits: Limits) -> socket.socket:
    """The first of the host's addresses that answers. Raises OSError."""
    fault: OSError = OSError("no address")
    for family, kind, protocol, _name, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[
        :MOST_ADDRESSES
    ]:
        tried = socket.socket(family, kind, protocol)
        try:
            tried.settimeout(min(CONNECTING, limits.remaining()))
            tried.connect(address)
            tried.settimeout(limits.remaining())
            return tried
        except OSError as error:
            tried.close()
            fault = error
    raise fault


def secured(connected: socket.socket, host: str, limits: Limits) -> ssl.SSLSocket:
    """TLS 1.2 or later, the certificate verified for the host against what the system trusts. Raises OSError."""
    connected.settimeout(limits.remaining())  # for the whole handshake
    try:
        return context().wrap_socket(connected, server_hostname=host)
    except BaseException:
        connected.close()
        raise


def context() -> ssl.SSLContext:
    trusting = ssl.create_default_context()
    trusting.minimum_version = ssl.TLSVersion.TLSv1_2
    return trusting
