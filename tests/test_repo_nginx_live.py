# SPDX-License-Identifier: EUPL-1.2
"""What is read in an nginx file beside what nginx itself does with the same words, on loopback."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import nginx
from nis2check.model import Json
from tests.loopback import (
    NAME,
    P_256,
    accepted,
    certify,
    chosen,
    client,
    free_port,
    get,
    listening,
    page,
    shakes,
)
from tests.readings import fact_of, told

WEAK = "ssl_ciphers ALL:@SECLEVEL=0;"  # so that OpenSSL itself does not refuse the old versions


@pytest.fixture(scope="module")
def certificate(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tool("openssl"), tmp_path_factory.mktemp("certificate"), P_256)


@contextmanager
def running(program: str, certificate: Path, tmp_path: Path, http_block: str) -> Iterator[int]:
    """nginx with this http block, whose ports 80 and 443 become a free one of loopback."""
    port = free_port()
    body = re.sub(r"listen (?:80|443)\b", f"listen 127.0.0.1:{port}", http_block)
    places = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in ("proxy", "fastcgi", "uwsgi", "scgi"))
    file = tmp_path / "nginx.conf"
    file.write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log stderr;\nevents {{}}\n"
        f"http {{ access_log off; client_body_temp_path {tmp_path}/body; {places} root {tmp_path};\n"
        f"ssl_certificate {certificate}/cert.pem; ssl_certificate_key {certificate}/key.pem;\n{body}\n}}\n"
    )
    command = [program, "-p", str(tmp_path), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    with listening(command, [port], tmp_path):
        yield port


def of_name_since(program: str) -> bool:
    """Whether this nginx takes ssl_protocols from the server that the client names."""
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told)
    assert found, told
    return tuple(map(int, found.groups())) >= (1, 29, 2)


def read(http_block: str, subject: str) -> tuple[dict[str, list[Json]], list[Unread]]:
    """The values of each fact of a subject, and its gaps, of a file that holds all of the configuration."""
    return told(nginx, "nginx.conf", f"events {{}}\nhttp {{\n{http_block}\n}}\n", subject)


def server(words: str, *, options: str = "", names: str = NAME) -> str:
    return f"server {{ listen 443 ssl{options}; server_name {names}; {words} {WEAK} }}\n"


DEFAULT_FIRST = server("ssl_protocols TLSv1;", names="_") + server("ssl_protocols TLSv1.2 TLSv1.3;")
DEFAULT_FLAGGED = server("ssl_protocols TLSv1.2 TLSv1.3;") + server(
    "ssl_protocols TLSv1;", names="other.ville.example", options=" default_server"
)
DEFAULT_MODERN = server("ssl_protocols TLSv1.2 TLSv1.3;", names="_") + server("ssl_protocols TLSv1;")


@pytest.mark.parametrize("text", [DEFAULT_FIRST, DEFAULT_FLAGGED, DEFAULT_MODERN], ids=["first", "flagged", "modern"])
def test_the_default_server_chooses_the_versions_of_every_name(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, text: str
) -> None:
    facts, gaps = read(text, f"{NAME}:443")
    (value,) = facts["tls.versions"]
    (gap,) = [one for one in gaps if one.name == "tls.versions"]  # so that no rule passes on it
    assert "1.29.2" in gap.detail
    program = tool("nginx")
    with running(program, certificate, tmp_path, text) as port:
        live = accepted(port, NAME)
    assert (live == value) is not of_name_since(program)


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        (server("ssl_protocols TLSv1; ssl_protocols TLSv1.2 TLSv1.3;"), f"{NAME}:443"),  # they add up
        (server("ssl_protocols tlsv1 tlsv1.2;"), f"{NAME}:443"),
        ("ssl_protocols TLSv1;\n" + server("ssl_protocols TLSv1.2;"), f"{NAME}:443"),
        (server("ssl_protocols TLSv1.2;") + "ssl_protocols TLSv1;\n", f"{NAME}:443"),
        (server("") + "ssl_protocols TLSv1 TLSv1.2;\n", f"{NAME}:443"),  # after the server, and for it
        ("ssl_protocols TLSv1.1;\n" + server("", names="_") + server("ssl_protocols TLSv1.1;"), f"{NAME}:443"),
        (server("ssl_protocols TLSv1;", names="_"), ""),
        (server("ssl_protocols TLSv1.2;", names="*.ville.example ~^w"), ""),
        (server("ssl_protocols TLSv1.1;", names=".ville.example"), "ville.example:443"),
        ("server { listen 443 ssl; server_name a.b; ssl_protocols TLSv1.2; }\nserver { listen 443; server_name "
         f"{NAME}; ssl_protocols TLSv1.2; }}\n", f"{NAME}:443"),  # ssl on one listen is ssl on all of that port
        (server("ssl_protocols TLSv1.1;") + server("ssl_protocols TLSv1.1; ssl_prefer_server_ciphers on;"), f"{NAME}:443"),
    ],
)  # fmt: skip
def test_nginx_takes_the_versions_that_are_read(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, text: str, subject: str
) -> None:
    facts, gaps = read(text, subject)
    assert not [one for one in gaps if one.name == "tls.versions"]
    assert facts["tls.accepted"] == [True]
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        assert facts["tls.versions"] == [accepted(port, subject.rpartition(":")[0] or NAME)]


def test_the_preference_is_that_of_the_name(tool: Callable[..., str], certificate: Path, tmp_path: Path) -> None:
    """Unlike the versions: nginx sets it again when it knows the name."""
    suites = "ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256;\n"
    text = suites + "".join(
        f"server {{ listen 443 ssl; server_name {name}; ssl_prefer_server_ciphers {value}; }}\n"
        for name, value in (("a.example", "on"), ("b.example", "off"))
    )
    context = client("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        for name in ("a.example", "b.example"):
            kept = chosen(port, context, name) == "ECDHE-ECDSA-AES256-GCM-SHA384"
            assert read(text, f"{name}:443")[0]["tls.server_preference"] == [kept]


REDIRECT = "return 301 https://$host$request_uri;"


@pytest.mark.parametrize(
    ("names", "body"),
    [
        (NAME, REDIRECT),
        (NAME, "location / { " + REDIRECT + " } return 200 x;"),  # the server's own return comes first, wherever it is
        (NAME, "location / { " + REDIRECT + " } location = / { return 200 x; }"),
        (NAME, "location / { " + REDIRECT + " } location ~ ^/ { return 200 x; }"),
        (NAME, "location ^~ / { " + REDIRECT + " } location ~ ^/ { return 200 x; }"),
        (NAME, "location / { " + REDIRECT + " } location =/ { return 200 x; }"),
        (NAME, "return 404; " + REDIRECT),
        (NAME, "if ($host = www.ville.example) { return 404; } " + REDIRECT),
        (NAME, "if ($host != www.ville.example) { return 404; } " + REDIRECT),
        (NAME, "if ($request_method !~ ^(GET|HEAD|POST)$) { return 444; } " + REDIRECT),
        (f"{NAME} ville.example", "return 301 https://$server_name$request_uri;"),
        (
            f"ville.example {NAME}",
            "return 301 https://$server_name$request_uri;",
        ),  # the first name, not the one asked for
        (NAME, "return https://www.ville.example/;"),
        (NAME, "rewrite ^/old$ https://elsewhere.example/ permanent; " + REDIRECT),
        (NAME, "rewrite ^/(.*)$ https://www.ville.example/$1 permanent; return 404;"),
    ],
)
def test_nginx_redirects_as_read(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, names: str, body: str
) -> None:
    text = f"server {{ listen 80; server_name {names}; {body} }}\n"
    secure = f"server {{ listen 443 ssl; server_name {names}; }}\n"
    facts, gaps = read(text + secure, f"{NAME}:443")
    assert not [one for one in gaps if one.name == "http.redirects_to_https"]
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        location = dict(get(port, tls=False)).get("location", "")
    assert facts["http.redirects_to_https"] == [location.startswith(f"https://{NAME}/")]


HSTS = "add_header Strict-Transport-Security max-age=63072000 always;"


@pytest.mark.parametrize(
    "body",
    [
        HSTS + r"location ~* \.(html|css)$ { add_header Cache-Control public; }",  # where index.html is taken from
        HSTS + "location ~ ^/ { add_header X-A b; }",
        "location / { " + HSTS + " if ($http_accept_language = '') { add_header X-A b; } }",
    ],
)
def test_a_place_that_drops_the_header_is_no_pass(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, body: str
) -> None:
    text = f"server {{ listen 80; server_name {NAME}; {body} }}\n"
    (tmp_path / "index.html").write_text("x")
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        assert "strict-transport-security" not in dict(get(port, tls=False))
    facts, _gaps = read(text.replace("listen 80", "listen 443 ssl"), f"{NAME}:443")
    assert facts.get("http.hsts.present") != [True]


def test_words_in_capitals_and_the_first_of_two_blocks_with_one_name(
    tool: Callable[..., str], certificate: Path, tmp_path: Path
) -> None:
    text = "".join(
        f"server {{ listen 80; server_name {NAME}; server_tokens {value}; return 200; }}\n" for value in ("ON", "OFF")
    )
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        told = "/" in dict(get(port, tls=False))["server"]
    facts, _gaps = read(text.replace("listen 80", "listen 443 ssl"), f"{NAME}:443")
    assert facts["http.discloses_version"] == [told] == [True]


def test_the_versions_of_a_default_server_that_rejects_all_count_for_the_others(
    tool: Callable[..., str], certificate: Path, tmp_path: Path
) -> None:
    rejects = server("ssl_protocols TLSv1; ssl_reject_handshake on;", names="_")
    text = rejects + server("ssl_protocols TLSv1.2 TLSv1.3;")
    assert not [name for name in read(text, "")[0] if name.startswith(("tls.", "http."))]
    program = tool("nginx")
    with running(program, certificate, tmp_path, text) as port:
        assert accepted(port, "other.example") == []
        live = accepted(port, NAME)
    assert (read(text, f"{NAME}:443")[0]["tls.versions"] == [live]) is not of_name_since(program)


@pytest.mark.parametrize("slash", ["", "/"])
def test_an_alias_without_its_slash_lets_requests_out(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, slash: str
) -> None:
    (tmp_path / "static").mkdir()
    (tmp_path / "secret").write_text("x")
    text = f"server {{ listen 80; server_name {NAME}; location /static{slash} {{ alias {tmp_path}/static/; }} }}\n"
    fact = fact_of(nginx, "nginx.conf", text, "nginx.alias_traversal")
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        status, _headers, _body = page(port, "/static../secret", tls=False)
    assert bool(fact.value) is (status == 200)


@pytest.mark.parametrize(
    ("suites", "asked"),
    [
        ("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA"),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA"),
    ],
)
def test_a_weak_suite_is_offered_as_read(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, suites: str, asked: str
) -> None:
    text = f"server {{ listen 443 ssl; server_name {NAME}; ssl_protocols TLSv1.2; ssl_ciphers {suites}; }}\n"
    with running(tool("nginx"), certificate, tmp_path, text) as port:
        offered = shakes(port, ssl.TLSVersion.TLSv1_2, asked)
    assert read(text, f"{NAME}:443")[0]["tls.weak_suites"] == [["CBC"] if offered else []]
