# SPDX-License-Identifier: EUPL-1.2
"""Who may read what: every request is judged here before anything is opened. Pure: no socket, no history.

What it holds against: another site that the browser has open (DNS rebinding: the Host must be ours; forged requests: a cookie
that is HttpOnly and SameSite=Strict), another program of this machine (the token), and requests made to weigh.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

LONGEST_PATH = 2_048  # characters of path and query
LARGEST_HEADERS = 16 << 10  # characters of all headers together
METHODS = ("GET", "HEAD")
ENTRY = "/open/"
_OWN_SITE = ("", "none", "same-origin")  # Sec-Fetch-Site; older browsers send none


@dataclass(frozen=True, slots=True)
class Door:
    """What a request must know: the port that we listen on and the token of this run."""

    port: int
    token: str

    @property
    def cookie(self) -> str:
        """A cookie is not bound to a port (RFC 6265 8.5): its name is."""
        return f"nis2check-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return (f"127.0.0.1:{self.port}", f"localhost:{self.port}")

    def enters(self, path: str) -> bool:
        """Whether a path is the address that was printed, token included."""
        return path.startswith(ENTRY) and hmac.compare_digest(path.removeprefix(ENTRY).encode(), self.token.encode())

    def refusal(self, method: str, path: str, headers: Mapping[str, str]) -> HTTPStatus | None:
        """Why a request is refused, or None. ``headers`` by lower-case name. The cookie is asked by `knows`."""
        if method not in METHODS:
            return HTTPStatus.METHOD_NOT_ALLOWED
        if len(path) > LONGEST_PATH:
            return HTTPStatus.REQUEST_URI_TOO_LONG
        if sum(len(name) + len(value) for name, value in headers.items()) > LARGEST_HEADERS:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        if headers.get("host", "") not in self.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        if headers.get("content-length", "0") != "0" or "transfer-encoding" in headers:
            return HTTPStatus.BAD_REQUEST  # a body where none may be
        if headers.get("sec-fetch-site", "") not in _OWN_SITE:
            return HTTPStatus.FORBIDDEN
        return None

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Whether a request carries the token in its cookie."""
        for part in headers.get("cookie", "").split(";"):
            name, _equals, value = part.strip().partition("=")
            if name == self.cookie and hmac.compare_digest(value.encode(), self.token.encode()):
                return True
        return False

    def set_cookie(self) -> str:
        """The header that a browser keeps until it closes."""
        return f"{self.cookie}={self.token}; Path=/; HttpOnly; SameSite=Strict"
