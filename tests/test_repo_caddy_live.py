# SPDX-License-Identifier: EUPL-1.2
"""What is read in a Caddyfile beside what Caddy itself does with the same words, on loopback."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nis2check.evidence import web_headers as headers
from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import caddy
from nis2check.model import Json

NAME = "www.ville.example"
VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


@pytest.fixture(scope="module")
def certificate(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("certificate")
    subprocess.run(
        [tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-subj", f"/CN={NAME}",
         "-addext", f"subjectAltName=DNS:{NAME}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return f"tls {folder}/cert.pem {folder}/key.pem"


@contextmanager
def running(program: str, folder: Path, text: str, certificate: str) -> Iterator[tuple[int, int]]:
    """Caddy with this file, its http and https ports free ones of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        plain, secure = one.getsockname()[1], two.getsockname()[1]
    file = folder / "Caddyfile"
    options = (
        "{\n  admin off\n  local_certs\n  skip_install_trust\n  default_bind 127.0.0.1\n"
        f"  http_port {plain}\n  https_port {secure}\n}}\n"
    )
    file.write_text(options + text.replace("tls CERT", certificate))
    process = subprocess.Popen(
        [program, "run", "--config", str(file), "--adapter", "caddyfile"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        env={"HOME": str(folder), "PATH": os.environ["PATH"], "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
    )  # fmt: skip
    try:
        until = time.monotonic() + 30
        while not (_answers(plain) and _answers(secure)):
            stopped = process.poll() is not None
            assert not stopped and time.monotonic() < until, (process.stderr.read() if process.stderr else b"", file)
            time.sleep(0.02)
        yield plain, secure
    finally:
        process.terminate()
        process.wait(10)
        if process.stderr:
            process.stderr.close()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def shakes(port: int, version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0") -> bool:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(suites)
    with warnings.catch_warnings(action="ignore"):
        context.minimum_version = context.maximum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname=NAME),
        ):
            return True
    except (ssl.SSLError, ConnectionError):
        return False


def get(port: int, *, tls: bool) -> list[tuple[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port), 5), server_hostname=NAME)
    connection.request("GET", "/", headers={"Host": NAME})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return [(key.lower(), value) for key, value in answer.getheaders()]


def read(text: str, subject: str = f"{NAME}:443") -> tuple[dict[str, Json], list[Unread]]:
    found = [one for one in caddy.read("Caddyfile", text) if one.subject == subject]
    return {one.name: one.value for one in found if isinstance(one, Read)}, [
        one for one in found if isinstance(one, Unread)
    ]


def site(words: str, *, tls: str = "", address: str = NAME) -> str:
    return f"{address} {{\n  tls CERT {tls}\n  {words}\n  respond ok\n}}\n"


@pytest.mark.parametrize(
    "tls",
    ["", *("{\n protocols " + words + "\n}" for words in ("tls1.3", "tls1.2", "tls1.2 tls1.2", "tls1.2 tls1.3"))],
)
def test_caddy_takes_the_versions_that_are_read(
    tool: Callable[..., str], certificate: str, tmp_path: Path, tls: str
) -> None:
    text = site("", tls=tls)
    facts, gaps = read(text)
    assert not gaps
    with running(tool("caddy"), tmp_path, text, certificate) as (_plain, secure):
        live = [word for word, version in VERSIONS.items() if shakes(secure, version)]
        weak = shakes(secure, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
    assert facts["tls.versions"] == live
    assert facts["tls.weak_suites"] == []
    assert not weak


def test_a_suite_that_is_asked_for_is_offered(tool: Callable[..., str], certificate: str, tmp_path: Path) -> None:
    text = site("", tls="{\n ciphers TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA\n}")
    assert read(text)[0]["tls.weak_suites"] == ["CBC"]
    with running(tool("caddy"), tmp_path, text, certificate) as (_plain, secure):
        assert shakes(secure, ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")


@pytest.mark.parametrize(
    "text",
    [
        site(""),
        site("", address=f"https://{NAME}"),
        site("") + f"http://{NAME} {{\n  respond clear\n}}\n",
        site("") + f"http://{NAME} {{\n  redir https://{NAME}{{uri}} permanent\n}}\n",
        site("") + f"http://{NAME} {{\n  redir https://elsewhere.example{{uri}}\n}}\n",
        site("") + ":80 {\n  redir https://{host}{uri}\n}\n",
        f"(common) {{\n  tls CERT\n}}\n{NAME} {{\n  import common\n  respond ok\n}}\n",
    ],
    ids=["automatic", "scheme", "clear", "own", "elsewhere", "any", "snippet"],
)
def test_caddy_redirects_as_read(tool: Callable[..., str], certificate: str, tmp_path: Path, text: str) -> None:
    facts, gaps = read(text)
    assert not gaps
    assert facts["http.plain_answers"] is True
    moved = text.replace(":80 {", "http:// {")  # the port that stands for 80 in this test
    with running(tool("caddy"), tmp_path, moved, certificate) as (plain, _secure):
        location = dict(get(plain, tls=False)).get("location", "")
    assert facts["http.redirects_to_https"] is location.startswith(f"https://{NAME}/")


HSTS = 'header Strict-Transport-Security "max-age=63072000; includeSubDomains"'


@pytest.mark.parametrize(
    "words",
    [
        "",
        HSTS,
        "header {\n" + HSTS.removeprefix("header ") + "\n X-Frame-Options DENY\n -Server\n X-Content-Type-Options nosniff\n}",
        HSTS + "\n  header * Referrer-Policy same-origin",
        'header ?Content-Security-Policy "default-src \'self\'"',
    ],
)  # fmt: skip
def test_the_headers_of_a_page(tool: Callable[..., str], certificate: str, tmp_path: Path, words: str) -> None:
    text = site(words)
    facts, gaps = read(text)
    assert not gaps
    with running(tool("caddy"), tmp_path, text, certificate) as (_plain, secure):
        sent = get(secure, tls=True)
    live = headers.hsts_facts(sent) | headers.page_facts(sent)
    compared = {name: value for name, value in facts.items() if name in live}
    assert {"http.hsts.present", "http.nosniff"} <= compared.keys()
    assert compared == {name: live[name] for name in compared}
