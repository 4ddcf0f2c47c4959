# SPDX-License-Identifier: EUPL-1.2
"""The web probe against servers on loopback: a real nginx, and small ones that answer what no real server would."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import trustme

from nis2check.evidence.net import http
from nis2check.evidence.observe import Missed, Observation, Seen
from nis2check.evidence.wire import PACES, Settings, Wire
from nis2check.model import Json, Kind, Target, Why

HOST = "www.ville.example"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "site.pem"
    trustme.CA().issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(str(file))
    return file


def _settings(plain: int, secure: int) -> Settings:
    places = {(HOST, 80): ("127.0.0.1", plain), (HOST, 443): ("127.0.0.1", secure)}
    return Settings(pace=PACES["lab"], internal=True, connect_to=places, version="1.0", contact="ssi@ville.example")


async def _look(settings: Settings) -> list[Observation]:
    target = Target(Kind.HTTP, f"{HOST}:443")
    return [observation async for observation in http.look(target, Wire(settings))]


class Site:
    """Two servers that give each path its answer; what they were asked is kept."""

    def __init__(self, certificate: Path) -> None:
        self.plain: dict[str, bytes] = {}
        self.secure: dict[str, bytes] = {}
        self.requests: list[str] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)

    def _serve(self, scheme: str, answers: dict[str, bytes]) -> Serve:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                request = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = request.split(" ")[1]
                self.requests.append(f"{scheme} {request}")
                writer.write(answers.get(path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"))
                await writer.drain()
                writer.close()
            except (OSError, asyncio.IncompleteReadError):
                pass

        return serve

    async def observe(self, *, plain: bool = True) -> list[Observation]:
        async with AsyncExitStack() as stack:
            ports = []
            for scheme, answers, context in (("http", self.plain, None), ("https", self.secure, self._context)):
                server = await asyncio.start_server(self._serve(scheme, answers), "127.0.0.1", 0, ssl=context)
                await stack.enter_async_context(server)
                ports.append(server.sockets[0].getsockname()[1])
            return await _look(_settings(ports[0] if plain else 1, ports[1]))

    def run(self, *, plain: bool = True) -> tuple[dict[str, Json], dict[str, Why]]:
        return _split(asyncio.run(self.observe(plain=plain)))


def _split(observations: list[Observation]) -> tuple[dict[str, Json], dict[str, Why]]:
    facts = {seen.name: seen.value for seen in observations if isinstance(seen, Seen)}
    gaps = {missed.name: missed.why for missed in observations if isinstance(missed, Missed)}
    assert not facts.keys() & gaps.keys()
    assert facts.keys() <= {spec.name for spec in http.FACTS}
    return facts, gaps


@pytest.fixture
def site(certificate: Path) -> Site:
    return Site(certificate)


def answer(*headers: str, status: int = 200, body: bytes = b"<html><head></head></html>") -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Content-Type: text/html", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def test_a_good_site(site: Site) -> None:
    site.plain["/"] = answer(f"Location: https://{HOST}/", status=301)
    site.secure["/"] = answer(
        "Strict-Transport-Security: max-age=31536000",
        "Content-Security-Policy: default-src 'self'; frame-ancestors 'none'",
        "X-Content-Type-Options: nosniff",
        "Referrer-Policy: no-referrer",
        "Permissions-Policy: camera=()",
        "Server: nginx",
    )
    site.secure[http.SECURITY_TXT] = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        b"Contact: https://ville.example/ssi\nExpires: 2099-01-01T00:00:00Z\n"
    )
    facts, gaps = site.run()
    assert gaps == {}
    assert facts["http.security_txt.days_left"] > 20_000
    del facts["http.security_txt.days_left"]
    assert facts == {
        "http.plain_answers": True,
        "http.redirects_to_https": True,
        "http.plain_location": f"https://{HOST}/",
        "http.https": True,
        "http.status": 200,
        "http.moved_to": "",
        "http.hsts.present": True,
        "http.hsts.valid": True,
        "http.hsts.max_age": 31536000,
        "http.hsts.include_subdomains": False,
        "http.csp_present": True,
        "http.csp": "default-src 'self'; frame-ancestors 'none'",
        "http.csp_weaknesses": [],
        "http.framing_protected": True,
        "http.nosniff": True,
        "http.referrer_policy_present": True,
        "http.permissions_policy_present": True,
        "http.cookies_insecure": [],
        "http.cookies_without_samesite": [],
        "http.page_found": True,
        "http.moved_host": "",
        "http.name_extension": "example",
        "http.mixed_content": [],
        "http.mixed_content_passive": [],
        "http.scripts_without_integrity": [],
        "http.portal": "",
        "http.portal_use": "",
        "http.default_page": "",
        "http.directory_listing": False,
        "http.server": "nginx",
        "http.discloses_version": False,
        "http.security_txt.present": True,
        "http.security_txt.valid": True,
        "http.security_txt.signed": False,
        "http.security_txt.expires": "2099-01-01T00:00:00+00:00",
    }


def test_we_say_who_we_are_and_ask_little(site: Site) -> None:
    site.plain["/"] = site.secure["/"] = answer()
    site.run()
    assert [request.split("\r\n")[0] for request in site.requests] == [
        "http GET / HTTP/1.1",
        "https GET / HTTP/1.1",
        f"https GET {http.SECURITY_TXT} HTTP/1.1",
    ]
    for request in site.requests:
        assert "\r\nUser-Agent: nis2check/1.0 (+ssi@ville.example)\r\n" in request
        assert f"\r\nHost: {HOST}\r\n" in request


def test_a_bare_site(site: Site) -> None:
    site.plain["/"] = answer()
    site.secure["/"] = answer("Server: Apache/2.4.57 (Debian)", "Set-Cookie: session=1; Path=/")
    facts, gaps = site.run()
    assert gaps == {}
    wanted = {
        "http.redirects_to_https": False,
        "http.hsts.present": False,
        "http.csp_present": False,
        "http.framing_protected": False,
        "http.nosniff": False,
        "http.discloses_version": True,
        "http.cookies_insecure": ["session"],
        "http.security_txt.present": False,
    }
    assert {name: facts[name] for name in wanted} == wanted


def test_port_80_closed_is_a_fact_and_silence_is_not(site: Site) -> None:
    site.secure["/"] = answer()
    facts, gaps = site.run(plain=False)  # nothing listens on port 1
    assert facts["http.plain_answers"] is False
    assert "http.redirects_to_https" not in facts.keys() | gaps.keys()


def test_https_closed_is_a_fact(site: Site) -> None:
    async def run() -> list[Observation]:
        server = await asyncio.start_server(site._serve("http", {"/": answer()}), "127.0.0.1", 0)
        async with server:
            return await _look(_settings(server.sockets[0].getsockname()[1], 1))

    facts, gaps = _split(asyncio.run(run()))
    assert facts == {
        "http.plain_answers": True,
        "http.redirects_to_https": False,
        "http.plain_location": "",
        "http.https": False,
    }
    assert gaps == {}


def test_plain_http_behind_443_is_not_tls() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(answer(status=400))
        writer.close()

    async def run() -> list[Observation]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            return await _look(_settings(1, server.sockets[0].getsockname()[1]))

    facts, gaps = _split(asyncio.run(run()))
    assert facts == {"http.plain_answers": False}
    assert gaps["http.https"] == gaps["http.hsts.present"] == Why.NOT_TLS


@pytest.mark.parametrize(
    ("location", "redirects"),
    [
        (f"https://{HOST}/accueil", True),
        (f"https://{HOST.upper()}:443/", True),
        (f"http://{HOST}/", False),
        ("https://elsewhere.example/", False),
        ("/fr/", False),
        ("//elsewhere.example/", False),
        ("https://\x1b[2J]/", False),
        (f"https://user@{HOST}/", False),
        (f"https://{HOST}:99999/", False),
    ],
)
def test_the_first_hop_from_port_80(site: Site, location: str, redirects: bool) -> None:
    site.plain["/"] = answer(f"Location: {location}", status=302)
    site.secure["/"] = answer()
    facts, _gaps = site.run()
    assert facts["http.redirects_to_https"] is redirects
    assert facts["http.plain_location"] == location
    assert sum(request.startswith("http ") for request in site.requests) == 1  # no plain redirect is followed


@pytest.mark.parametrize("location", ["https://127.0.0.66/", "http://169.254.169.254/latest/", "file:///etc/passwd"])
def test_a_redirect_elsewhere_is_reported_and_never_followed(site: Site, location: str) -> None:
    site.secure["/"] = answer(f"Location: {location}", "Strict-Transport-Security: max-age=1", status=301)
    site.secure[http.SECURITY_TXT] = answer(f"Location: {location}", status=301)
    facts, gaps = site.run()
    assert facts["http.moved_to"] == location
    assert facts["http.hsts.present"] is True
    assert gaps["http.security_txt.present"] == Why.OUT_OF_SCOPE


def test_redirects_on_the_same_host_lead_to_the_page(site: Site) -> None:
    site.secure["/"] = answer(
        "Location: /fr/", "Strict-Transport-Security: max-age=5", "Set-Cookie: lang=fr", status=302
    )
    site.secure["/fr/"] = answer("X-Content-Type-Options: nosniff")
    facts, _gaps = site.run()
    assert (facts["http.status"], facts["http.nosniff"], facts["http.hsts.max_age"]) == (200, True, 5)
    assert facts["http.cookies_insecure"] == ["lang"]


@pytest.mark.parametrize(("next_path", "why"), [("/", Why.MALFORMED), ("/a", Why.LIMIT)])
def test_redirects_without_an_end(site: Site, next_path: str, why: Why) -> None:
    site.secure["/"] = answer(f"Location: {next_path}", "Server: x/1.2", status=302)
    for letter, following in zip("abcdefgh", "bcdefghi", strict=True):
        site.secure[f"/{letter}"] = answer(f"Location: /{following}", status=302)
    _facts, gaps = site.run()
    assert gaps["http.csp_present"] == gaps["http.hsts.present"] == why
    assert len(site.requests) <= http.MOST_GETS


@pytest.mark.parametrize(("status", "why"), [(403, Why.BLOCKED), (429, Why.RATE_LIMITED), (503, Why.RATE_LIMITED)])
def test_a_firewall_gives_no_negative(site: Site, status: int, why: Why) -> None:
    site.plain["/"] = answer(status=status)
    site.secure["/"] = answer("Strict-Transport-Security: max-age=9", "Set-Cookie: waf=1", status=status)
    site.secure[http.SECURITY_TXT] = answer(status=status)
    facts, gaps = site.run()
    assert facts["http.hsts.max_age"] == 9
    assert gaps["http.csp_present"] == gaps["http.cookies_insecure"] == gaps["http.discloses_version"] == why
    assert gaps["http.redirects_to_https"] == gaps["http.security_txt.present"] == why
    assert not any(value is False for value in facts.values() if value is not facts["http.hsts.include_subdomains"])


def test_a_policy_in_the_page_counts(site: Site) -> None:
    meta = (
        b"<meta http-equiv=Content-Security-Policy content=\"default-src 'self'\"><meta name=referrer content=origin>"
    )
    site.secure["/"] = answer(body=b"<html><head>" + meta + b"</head>")
    facts, _gaps = site.run()
    assert (facts["http.csp"], facts["http.referrer_policy_present"]) == ("default-src 'self'", True)
    assert facts["http.framing_protected"] is False


def test_a_page_cut_short_leaves_open_what_its_head_may_say(site: Site) -> None:
    site.secure["/"] = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 999\r\n\r\n<html><head>"
    facts, gaps = site.run()
    assert gaps["http.csp_present"] == gaps["http.referrer_policy_present"] == Why.CLOSED
    assert facts["http.nosniff"] is False


def test_a_page_for_every_path_is_no_security_txt(site: Site) -> None:
    site.secure["/"] = site.secure[http.SECURITY_TXT] = answer(body=b"<html>Contact us</html>")
    facts, _gaps = site.run()
    assert facts["http.security_txt.present"] is False


def test_port_80_that_may_not_be_asked_hides_nothing_of_https(site: Site) -> None:
    site.secure["/"] = answer()

    async def run() -> list[Observation]:
        server = await asyncio.start_server(site._serve("https", site.secure), "127.0.0.1", 0, ssl=site._context)
        async with server:
            places = {(HOST, 80): ("0.0.0.0", 80), (HOST, 443): ("127.0.0.1", server.sockets[0].getsockname()[1])}
            return await _look(Settings(pace=PACES["lab"], internal=True, connect_to=places))

    facts, gaps = _split(asyncio.run(run()))
    assert gaps == {"http.plain_answers": Why.OUT_OF_SCOPE, "http.redirects_to_https": Why.OUT_OF_SCOPE}
    assert (facts["http.https"], facts["http.status"]) == (True, 200)


def test_an_address_out_of_scope_is_one_gap() -> None:
    async def run() -> list[Observation]:
        return await _look(Settings(internal=False, connect_to={(HOST, 443): ("127.0.0.1", 443)}))

    (gap,) = asyncio.run(run())
    assert isinstance(gap, Missed)
    assert (gap.name, gap.why) == ("http.*", Why.OUT_OF_SCOPE)


def test_the_plan_names_every_request() -> None:
    plan = "\n".join(http.cost(Target(Kind.HTTP, "ville.example:8443")))
    assert "https://ville.example:8443/.well-known/security.txt" in plan


def test_what_the_page_loads(site: Site) -> None:
    site.secure["/"] = answer(
        "Set-Cookie: a=1; Secure; HttpOnly; SameSite=Lax",
        "Set-Cookie: b=1; Secure; HttpOnly; SameSite=None",
        "Set-Cookie: c=1; Secure; HttpOnly",
        body=b"<script src=http://a.example/x></script><script src=https://c.example/x></script><img src=http://i.example/>",
    )
    facts, gaps = site.run()
    assert gaps.keys() <= {"http.plain_answers", "http.redirects_to_https"}
    assert facts["http.mixed_content"] == ["http://a.example"]
    assert facts["http.mixed_content_passive"] == ["http://i.example"]
    assert facts["http.scripts_without_integrity"] == ["a.example", "c.example"]
    assert (facts["http.cookies_without_samesite"], facts["http.cookies_insecure"]) == (["b", "c"], [])


def test_nothing_found_in_a_page_cut_short_is_a_gap_and_what_was_found_stands(site: Site) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 999\r\n\r\n<html><head></head>"
    site.secure["/"] = start + b"<img src=http://i.example/>"
    facts, gaps = site.run()
    assert facts["http.mixed_content_passive"] == ["http://i.example"]
    assert gaps["http.mixed_content"] == gaps["http.portal"] == gaps["http.default_page"] == Why.CLOSED


def test_a_portal_on_the_way_and_one_that_refuses_us(site: Site) -> None:
    site.secure["/"] = answer("Location: /remote/login?lang=fr", status=302)
    site.secure["/remote/login"] = answer(status=404)
    site.secure["/remote/login?lang=fr"] = answer("Set-Cookie: SVPNCOOKIE=; secure; httponly", status=403)
    facts, gaps = site.run()
    assert (facts["http.portal"], facts["http.portal_use"]) == ("Fortinet FortiGate", "remote_access")
    assert gaps["http.page_found"] == gaps["http.default_page"] == Why.BLOCKED


def test_a_portal_elsewhere_is_not_this_site_s(site: Site) -> None:
    site.secure["/"] = answer("Location: https://webmail.example/owa/", status=302)
    facts, _gaps = site.run()
    assert (facts["http.portal"], facts["http.moved_host"]) == ("", "webmail.example")
    for host, portal in ((HOST, "Microsoft Exchange"), ("webmail.example", "")):
        meta = f'<meta http-equiv="refresh" content="0; url=https://{host}/owa/">'
        site.secure["/"] = answer(body=f"<html><head>{meta}</head></html>".encode())
        assert site.run()[0]["http.portal"] == portal


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (f"https://{HOST.removeprefix('www.')}/", ""),
        (f"https://{HOST}:8443/", ""),
        ("https://a.gouv.fr/x", "a.gouv.fr"),
    ],
)
def test_the_other_name_that_visitors_are_sent_to(site: Site, location: str, host: str) -> None:
    site.secure["/"] = answer(f"Location: {location}", status=301)
    facts, _gaps = site.run()
    assert facts["http.moved_host"] == host


def test_a_redirect_to_a_challenge_is_no_redirect_of_the_site(site: Site) -> None:
    site.plain["/"] = answer("Location: https://validate.perfdrive.com/?x", status=302)
    site.secure["/"] = answer("Location: https://validate.perfdrive.com/?x", status=302)
    facts, gaps = site.run()
    assert gaps["http.csp_present"] == gaps["http.moved_host"] == gaps["http.redirects_to_https"] == Why.BLOCKED
    assert "http.moved_to" not in facts


def test_a_page_that_is_not_there(site: Site) -> None:
    facts, gaps = site.run()
    assert (facts["http.page_found"], facts["http.status"]) == (False, 404)
    assert "http.page_found" not in gaps


MAIRIE = "location = / { return 200 '<html><head></head><body>Mairie</body></html>'; } location / { return 404; }"


@pytest.fixture
def nginx(tool: Callable[..., str], tmp_path: Path, certificate: Path) -> Iterator[Callable[[str], tuple[int, int]]]:
    """A real nginx with a given body of its https server; gives its two ports."""
    program = tool("nginx")
    running: list[subprocess.Popen[bytes]] = []

    def start(body: str) -> tuple[int, int]:
        plain, secure = _free_port(), _free_port()
        (tmp_path / "nginx.conf").write_text(
            f"""{"user root;" if os.geteuid() == 0 else ""} daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {tmp_path}; proxy_temp_path {tmp_path}; fastcgi_temp_path {tmp_path};
  uwsgi_temp_path {tmp_path}; scgi_temp_path {tmp_path};
  server {{ listen 127.0.0.1:{plain}; server_name {HOST}; return 301 https://$host$request_uri; }}
  server {{ listen 127.0.0.1:{secure} ssl; server_name {HOST}; ssl_certificate {certificate};
    ssl_certificate_key {certificate}; default_type text/html; {body}
    {"" if "root" in body else MAIRIE} }}
}}
"""
        )
        running.append(subprocess.Popen([program, "-p", str(tmp_path), "-c", "nginx.conf"], stderr=subprocess.DEVNULL))
        until = time.monotonic() + 10
        while not (tmp_path / "nginx.pid").exists() and time.monotonic() < until:
            time.sleep(0.02)
        return plain, secure

    yield start
    for process in running:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def test_a_real_nginx(nginx: Callable[[str], tuple[int, int]]) -> None:
    ports = nginx('add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;')
    facts, gaps = _split(asyncio.run(_look(_settings(*ports))))
    assert gaps == {}
    assert facts["http.redirects_to_https"] is True
    assert (facts["http.status"], facts["http.hsts.max_age"]) == (200, 63072000)
    assert facts["http.hsts.include_subdomains"] is facts["http.hsts.valid"] is True
    assert facts["http.server"].startswith("nginx/")
    assert facts["http.discloses_version"] is True
    assert facts["http.security_txt.present"] is False


def test_a_real_nginx_that_hides_its_version(nginx: Callable[[str], tuple[int, int]]) -> None:
    facts, _gaps = _split(asyncio.run(_look(_settings(*nginx("server_tokens off;")))))
    assert (facts["http.server"], facts["http.discloses_version"]) == ("nginx", False)
    assert facts["http.hsts.present"] is False


def test_a_real_nginx_that_lists_a_folder(nginx: Callable[[str], tuple[int, int]], tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "sauvegarde.sql").write_text("x")
    facts, _gaps = _split(asyncio.run(_look(_settings(*nginx(f"root {folder}; autoindex on;")))))
    assert facts["http.directory_listing"] is True
    assert facts["http.default_page"] == ""


def test_a_real_nginx_as_installed(nginx: Callable[[str], tuple[int, int]], tmp_path: Path) -> None:
    folder, page = Path("/var/www/html"), "index.nginx-debian.html"
    if not (folder / page).exists():  # not Debian's nginx: the title that all of them share
        folder, page = tmp_path, "index.html"
        (folder / page).write_text("<!DOCTYPE html><html><head><title>Welcome to nginx!</title></head></html>")
    facts, _gaps = _split(asyncio.run(_look(_settings(*nginx(f"root {folder}; index {page};")))))
    assert facts["http.default_page"] == "nginx"
    assert facts["http.directory_listing"] is False
