# SPDX-License-Identifier: EUPL-1.2
"""The HTTP server of the dashboard: the standard library's, on 127.0.0.1 only, one answer a connection, few at once.

Nothing is logged: an address may hold the token, and the pages say where a body is weak.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

from nis2check.serve.guard import ENTRY, METHODS, Door

MOST_AT_ONCE = 16  # requests; another one is told to come back
PATIENCE = 10.0  # seconds for a client to say what it wants, from its first byte to its last
ADDRESS = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A page: its status, its HTML, and the policy that its browser must hold."""

    status: HTTPStatus
    body: bytes
    policy: str


Pages = Callable[[str], Answer]  # path and query → a page
Refusals = Callable[[HTTPStatus], Answer]


class Dashboard(ThreadingMixIn, TCPServer):
    """Listens from the moment it is made. ``pages`` answers those who know the token, ``refused`` the others."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = MOST_AT_ONCE

    def __init__(self, port: int, token: str, pages: Pages, refused: Refusals) -> None:
        super().__init__((ADDRESS, port), _Handler)
        self.door = Door(int(self.server_address[1]), token)
        self.pages = pages
        self.refused = refused
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    @property
    def url(self) -> str:
        return f"http://{ADDRESS}:{self.door.port}{ENTRY}{self.door.token}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)  # without a word: a word would need a thread
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class _Handler(BaseHTTPRequestHandler):
    server: Dashboard
    protocol_version = "HTTP/1.0"  # one request a connection: nothing to smuggle behind it
    timeout = PATIENCE

    def setup(self) -> None:
        super().setup()
        self._clock = threading.Timer(PATIENCE, self._too_slow)
        self._clock.daemon = True
        self._clock.start()

    def finish(self) -> None:
        self._clock.cancel()
        super().finish()

    def _too_slow(self) -> None:
        """A byte now and then would hold a thread for ever; each one resets the socket's own timeout."""
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # it went away by itself

    def parse_request(self) -> bool:
        parsed = super().parse_request()
        self._clock.cancel()  # all was said; what follows is our own time
        return parsed

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        hosts = self.headers.get_all("Host") or []
        door = self.server.door
        refusal = door.refusal(self.command, self.path, headers)
        if refusal is None and len(hosts) != 1:
            refusal = HTTPStatus.BAD_REQUEST
        if refusal is not None:
            self._send(self.server.refused(refusal))
        elif door.enters(self.path):
            self._enter()
        elif not door.knows(headers):
            self._send(self.server.refused(HTTPStatus.FORBIDDEN))
        else:
            self._send(self.server.pages(self.path))

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = do_CONNECT = do_GET

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses by itself: a malformed request, an unknown method. Never an echo of it."""
        self.command = getattr(self, "command", None) or "GET"
        known = {HTTPStatus.NOT_IMPLEMENTED: HTTPStatus.METHOD_NOT_ALLOWED}
        self._send(self.server.refused(known.get(HTTPStatus(code), HTTPStatus(code))))

    def _enter(self) -> None:
        self.send_response_only(HTTPStatus.SEE_OTHER)
        self.send_header("Location", "/")
        self.send_header("Set-Cookie", self.server.door.set_cookie())
        self._common(b"")

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", f"{answer.policy}; frame-ancestors 'none'")
        if answer.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", ", ".join(METHODS))
        self._common(answer.body)

    def _common(self, body: bytes) -> None:
        for name, value in (
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""
