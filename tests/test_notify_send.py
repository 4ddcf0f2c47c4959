# SPDX-License-Identifier: EUPL-1.2
"""Notifications through real servers: SMTP with STARTTLS and accounts, HTTPS, and hostile ones of both kinds."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from nis2check.files import Document, check
from nis2check.notify.address import Address, Mail, Room, Webhook
from nis2check.notify.send import send
from tests.runs import evidence

HOST = "sink.exemple.test"  # 127.0.0.1, but only these tests know: a name that is not this machine's
SECRET = "SuperSecretCanaryPassw0rd!"
GOLDEN = Path(__file__).parent / "golden" / "result.json"
TOLD: dict[str, Any] = {
    "schema": "nis2check.notification/1",
    "body": {"siren": "200000008", "name": "Ville\r\nBcc: tous@exemple.fr"},
    "run": {"number": 2, "started": "2026-11-22T14:05:12+01:00", "complete": True},
    "since": "2026-11-15T10:00:00+00:00",
    "changes": {"new": 2, "worse": 0, "fixed": 1, "better": 0, "not_retested": 0},
    "gaps": 17,
    "path": "/srv/rapport.html",
}

real_lookup = socket.getaddrinfo


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(host: str, *rest: Any, **more: Any) -> Any:
        return real_lookup("127.0.0.1" if host == HOST else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system trusts the authority of the sinks."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))


@pytest.fixture(scope="module")
def serving(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST).configure_cert(context)
    return context


# --------------------------------------------------------------------------------------------------------------- mail


class Box:
    """What a mail server took."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.logins: list[tuple[bytes, bytes]] = []

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _o: list[str]
    ) -> str:
        if address.startswith("absent"):
            return "550 5.1.1 unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(self, _s: SMTP, _session: Session, _e: Envelope, _mechanism: str, data: Any) -> AuthResult:
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == SECRET.encode(), handled=False)


class Sink(Controller):
    """aiosmtpd on a free port; its own check of readiness looks for the port asked for."""

    def _trigger_server(self) -> None:
        with socket.create_connection(self.server.sockets[0].getsockname()):  # type: ignore[union-attr]
            pass


@pytest.fixture
def mail_server(serving: ssl.SSLContext) -> Iterator[Callable[..., tuple[Box, int]]]:
    running: list[Controller] = []

    def start(*, starttls: bool = False, implicit: bool = False, accounts: bool = False) -> tuple[Box, int]:
        box = Box()
        options: dict[str, Any] = {"require_starttls": True, "tls_context": serving} if starttls else {}
        if accounts:
            options |= {"authenticator": box.authenticate, "auth_required": True, "auth_require_tls": not implicit}
        sink = Sink(box, hostname="127.0.0.1", port=0, ssl_context=serving if implicit else None, **options)
        sink.start()
        running.append(sink)
        return box, sink.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]

    yield start
    for sink in running:
        sink.stop()


def content(envelope: Envelope) -> bytes:
    assert isinstance(envelope.content, bytes)
    return envelope.content


def mail_to(port: int, **more: Any) -> Mail:
    given: dict[str, Any] = {
        "host": HOST,
        "implicit": False,
        "sender": "nis2@exemple.fr",
        "recipients": ("dsi@exemple.fr",),
    } | more
    return Mail(port=port, **given)


def deliver(address: Address, seconds: float = 10) -> list[str]:
    return send([address], TOLD, "fr", seconds)


@pytest.mark.usefixtures("trusted")
def test_starttls_then_the_account_then_the_message(mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server(starttls=True, accounts=True)

    assert deliver(mail_to(port, user="nis2", password=SECRET, recipients=("a@x.fr", "b@x.fr"))) == []
    (envelope,) = box.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("nis2@exemple.fr", ["a@x.fr", "b@x.fr"])
    head = content(envelope).partition(b"\r\n\r\n")[0]
    assert b"\r\nBcc" not in head and b"\r\nSubject: " in b"\r\n" + head
    assert box.logins == [(b"nis2", SECRET.encode())]


@pytest.mark.usefixtures("trusted")
def test_tls_from_the_first_byte(mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server(implicit=True)

    assert deliver(mail_to(port, implicit=True)) == []
    assert len(box.envelopes) == 1


def test_this_machine_needs_no_tls(mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server()

    assert deliver(mail_to(port, host="127.0.0.1")) == []
    assert len(box.envelopes) == 1


@pytest.mark.usefixtures("trusted")
def test_without_starttls_nothing_is_sent(mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server()
    (fault,) = deliver(mail_to(port, user="nis2", password=SECRET))

    assert "pas de STARTTLS" in fault and f"smtp://{HOST}:{port}" in fault
    assert box.envelopes == [] and box.logins == []


@pytest.mark.parametrize("implicit", [False, True])
def test_an_unknown_certificate_gets_nothing(mail_server: Callable[..., tuple[Box, int]], implicit: bool) -> None:
    box, port = mail_server(starttls=not implicit, implicit=implicit)
    (fault,) = deliver(mail_to(port, implicit=implicit))

    assert "certificat refusé" in fault
    assert box.envelopes == []


@pytest.mark.usefixtures("trusted")
def test_a_wrong_password_is_said_and_not_shown(mail_server: Callable[..., tuple[Box, int]]) -> None:
    _box, port = mail_server(starttls=True, accounts=True)
    (fault,) = deliver(mail_to(port, user="nis2", password=SECRET + "x"))

    assert "compte ou mot de passe" in fault and SECRET not in fault


def test_refused_recipients(mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server()
    (all_,) = deliver(mail_to(port, host="127.0.0.1", recipients=("absent@x.fr",)))
    (some,) = deliver(mail_to(port, host="127.0.0.1", recipients=("absent@x.fr", "a@x.fr")))

    assert "destinataires refusés (550)" in all_
    assert "refusé pour 1 des destinataires" in some and len(box.envelopes) == 1


# ---------------------------------------------------------------------------------------------------- hostile servers


@pytest.fixture
def hostile() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """A server that treats each connection so."""
    listening: list[socket.socket] = []

    def start(treat: Callable[[socket.socket], None]) -> int:
        listener = socket.create_server(("127.0.0.1", 0))
        listening.append(listener)

        def serve() -> None:
            while True:
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                with closing(peer):
                    try:
                        treat(peer)
                    except OSError:  # the client had enough, or left
                        pass

        threading.Thread(target=serve, daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    for one in listening:
        one.close()


def flood(peer: socket.socket) -> None:
    while True:
        peer.sendall(b"220-bonjour\r\n" * 100)


def drip(peer: socket.socket) -> None:
    for _byte in range(600):
        peer.sendall(b"2")
        time.sleep(0.05)


def silent(peer: socket.socket) -> None:
    peer.settimeout(30)
    peer.recv(1)


def garbage(peer: socket.socket) -> None:
    peer.sendall(b"\x1b]0;x\x07" + bytes(range(256)) + b"\r\n")


def close(peer: socket.socket) -> None:
    del peer


@pytest.mark.parametrize(
    ("treat", "said"),
    [
        (flood, "réponse sans fin"),
        (drip, "délai dépassé"),
        (silent, "délai dépassé"),
        (garbage, ""),
        (close, ""),
    ],
)
def test_a_hostile_mail_server_costs_one_line(
    hostile: Callable[[Callable[[socket.socket], None]], int], treat: Callable[[socket.socket], None], said: str
) -> None:
    port = hostile(treat)
    start = time.monotonic()
    (fault,) = deliver(mail_to(port, host="127.0.0.1"), 1)

    assert said in fault and "Notification non délivrée" in fault
    assert not set("\x1b\x07\n") & set(fault)
    assert time.monotonic() - start < 8


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("treat", [drip, silent, garbage, close])
def test_a_hostile_web_server_costs_one_line_each(
    hostile: Callable[[Callable[[socket.socket], None]], int], treat: Callable[[socket.socket], None]
) -> None:
    port = hostile(treat)
    for address in (Webhook(HOST, port, "/"), Room(HOST, port, "!r:x", "t")):
        start = time.monotonic()
        (fault,) = deliver(address, 1)
        assert "Notification non délivrée" in fault
        assert time.monotonic() - start < 8


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000, "non délivrée"),
        (b"HTTP/1.1 200 " + b"a" * 1_000_000, "non délivrée"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 100_000, "réponse sans fin"),
    ],
)
def test_endless_heads_over_tls(
    hostile: Callable[[Callable[[socket.socket], None]], int], serving: ssl.SSLContext, answer: bytes, said: str
) -> None:
    def treat(peer: socket.socket) -> None:
        with serving.wrap_socket(peer, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(answer)

    (fault,) = deliver(Webhook(HOST, hostile(treat), "/"), 5)

    assert said in fault


def test_nobody_listens() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as once:
        port = once.getsockname()[1]
    assert "non délivrée" in deliver(Webhook(HOST, port, "/secret/hook"))[0]
    assert "secret" not in deliver(Webhook(HOST, port, "/secret/hook"))[0]


# -------------------------------------------------------------------------------------------------------------- HTTPS


class Web:
    """An HTTPS server that gives the answers it was told, the last one for ever."""

    def __init__(self, serving: ssl.SSLContext) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = [(200, {})]
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers = web.answers.pop(0) if len(web.answers) > 1 else web.answers[0]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "999999999")  # never sent, and never waited for
                self.end_headers()

            do_POST = do_PUT = do_GET = _answer

            def log_message(self, *_arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = serving.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


@pytest.fixture
def web(serving: ssl.SSLContext) -> Iterator[Web]:
    one = Web(serving)
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.mark.usefixtures("trusted")
def test_a_webhook_gets_the_documented_shape(web: Web) -> None:
    assert deliver(Webhook(HOST, web.port, "/hooks/abc?d=1", "tok")) == []
    ((method, path, headers, body),) = web.asked

    assert (method, path, headers["Authorization"]) == ("POST", "/hooks/abc?d=1", "Bearer tok")
    assert headers["Content-Type"] == "application/json" and len(headers["Idempotency-Key"]) == 32
    told = json.loads(body)
    check(Document(told, "notification"), "notification")
    assert told["changes"]["new"] == 2 and "2 nouveaux" in told["text"]


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("status", "said"), [(302, "répondu 302"), (403, "accès refusé (403)"), (500, "répondu 500"), (404, "répondu 404")]
)
def test_an_answer_that_is_not_yes(web: Web, status: int, said: str) -> None:
    web.answers = [(status, {"Location": f"https://{HOST}:{web.port}/elsewhere"})]
    (fault,) = deliver(Webhook(HOST, web.port, "/secret", "tok"))

    assert said in fault and "secret" not in fault
    assert len(web.asked) == 1  # no redirect is followed, and a webhook is not asked twice


def test_an_unknown_certificate_gets_no_request(web: Web) -> None:
    for address in (Webhook(HOST, web.port, "/", "tok"), Room(HOST, web.port, "!r:x", "tok")):
        assert "certificat refusé" in deliver(address)[0]
    assert web.asked == []


@pytest.mark.usefixtures("trusted")
def test_a_room_gets_one_message_whatever_the_number_of_tries(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nis2check.notify.web.AGAIN", 0.01)
    web.answers = [(503, {}), (200, {})]
    room = Room(HOST, web.port, "!abc:agent.tchap.exemple", "tok")

    assert deliver(room) == []
    first, second = web.asked
    assert first == second  # the same transaction: the server shows it once
    method, path, headers, body = first
    assert (method, headers["Authorization"]) == ("PUT", "Bearer tok")
    assert path.startswith("/_matrix/client/v3/rooms/%21abc%3Aagent.tchap.exemple/send/m.room.message/")
    assert json.loads(body)["msgtype"] == "m.notice"


@pytest.mark.usefixtures("trusted")
def test_one_that_fails_costs_no_other(web: Web, mail_server: Callable[..., tuple[Box, int]]) -> None:
    box, port = mail_server()
    faults = send(
        [mail_to(1, host="127.0.0.1"), mail_to(port, host="127.0.0.1"), Webhook(HOST, web.port, "/")], TOLD, "fr"
    )

    assert len(faults) == 1 and len(box.envelopes) == 1 and len(web.asked) == 1


# -------------------------------------------------------------------------------------------------------- the command


Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


def test_only_a_change_is_told(mail_server: Callable[..., tuple[Box, int]], inside: Command, tmp_path: Path) -> None:
    box, port = mail_server()
    url = f"smtp://127.0.0.1:{port}/?to=dsi@exemple.fr"

    def scan(day: int, *versions: str, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[bytes]:
        (tmp_path / "e.json").write_text(json.dumps(evidence(day, *versions)))
        return inside("scan", "--evidence", "e.json", "--save", "--json", "--notify", url, *more)

    assert scan(1, "TLSv1.2").returncode == 3 and box.envelopes == []  # a first run has nothing to be compared with
    assert scan(2, "TLSv1", "TLSv1.2", more=("--notify-details", "--output", "html=r.html")).returncode == 1
    assert scan(3, "TLSv1", "TLSv1.2").returncode == 1
    (envelope,) = box.envelopes
    text = message_from_bytes(content(envelope), policy=policy.default).get_content()
    assert "1 nouvel" in text and "www.exemple.test:443" in text and str(tmp_path / "r.html") in text


def test_what_cannot_be_delivered_costs_nothing_else(inside: Command, tmp_path: Path) -> None:
    for day, version in ((1, "TLSv1.2"), (2, "TLSv1")):
        (tmp_path / "e.json").write_text(json.dumps(evidence(day, version)))
        url = "smtp://127.0.0.1:1/?to=dsi@exemple.fr"
        done = inside("scan", "--evidence", "e.json", "--save", "--json", "--exit-zero", "--notify", url)

    assert done.returncode == 74
    assert json.loads(done.stdout)["changes"]["new"]
    (kept, fault) = done.stderr.decode().splitlines()
    assert "n° 2 gardée" in kept and "Notification non délivrée" in fault
    assert len(json.loads(inside("history", "list", "--json").stdout)["runs"]) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--notify", "https://x.fr/"], "--save"),
        (["--notify-details"], "--save"),
        (["--save", "--notify", "ftp://x.fr/"], "inconnu"),
        (["--save", "--notify", f"smtp://u:{SECRET}@x.fr/?to=a@x.fr"], "refusé"),
    ],
)
def test_usage_is_2_before_anything_is_kept(inside: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "e.json").write_text(json.dumps(evidence(1, "TLSv1")))
    done = inside("scan", "--evidence", "e.json", *arguments)

    assert done.returncode == 2 and said in done.stderr.decode()
    assert SECRET not in done.stderr.decode() and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / ".nis2check").exists()
