# SPDX-License-Identifier: EUPL-1.2
"""What is read in a Caddyfile beside what Caddy itself does with the same words, on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nis2check.evidence import web_headers as headers
from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import caddy
from nis2check.model import Json
from tests.loopback import NAME, P_256, accepted, certify, free_ports, get, listening, shakes


@pytest.fixture(scope="module")
def certificate(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = certify(tool("openssl"), tmp_path_factory.mktemp("certificate"), P_256)
    return f"tls {folder}/cert.pem {folder}/key.pem"


@contextmanager
def running(program: str, folder: Path, text: str, certificate: str) -> Iterator[tuple[int, int]]:
    """Caddy with this file, its http and https ports free ones of loopback."""
    plain, secure = free_ports()
    file = folder / "Caddyfile"
    options = (
        "{\n  admin off\n  local_certs\n  skip_install_trust\n  default_bind 127.0.0.1\n"
        f"  http_port {plain}\n  https_port {secure}\n}}\n"
    )
    file.write_text(options + text.replace("tls CERT", certificate))
    with listening([program, "run", "--config", str(file), "--adapter", "caddyfile"], (plain, secure), folder):
        yield plain, secure


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
        live = accepted(secure)
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
