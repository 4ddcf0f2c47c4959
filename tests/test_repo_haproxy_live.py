# SPDX-License-Identifier: EUPL-1.2
"""What is read in a HAProxy file beside what HAProxy itself does with the same words, on loopback."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nis2check.evidence import web_headers as headers
from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import haproxy
from nis2check.model import Json
from tests.loopback import NAME, accepted, certify, chosen, client, free_ports, get, listening, page
from tests.readings import fact_of, told

WEAK = "ssl-default-bind-ciphers ALL:@SECLEVEL=0"  # so that OpenSSL itself does not refuse the old versions
ACL = f"  acl ours hdr(host) -i {NAME} ville.example\n"


@pytest.fixture(scope="module")
def certificate(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tool("openssl"), tmp_path_factory.mktemp("certificate")) / "both.pem"


@contextmanager
def running(program: str, certificate: Path, folder: Path, text: str) -> Iterator[dict[int, int]]:
    """HAProxy with this file, whose ports 80 and 443 become free ones of loopback: {80: …, 443: …}."""
    ports = dict(zip((80, 443), free_ports(), strict=True))
    moved = re.sub(r"bind \*?:(80|443)", lambda found: f"bind 127.0.0.1:{ports[int(found[1])]}", text)
    file = folder / "haproxy.cfg"
    file.write_text(moved.replace("CERT", str(certificate)))
    bound = [port for port in ports.values() if f":{port}" in moved]
    with listening([program, "-f", str(file), "-db"], bound, folder):
        yield ports


def read(text: str, subject: str = f"{NAME}:443") -> tuple[dict[str, list[Json]], list[Unread]]:
    return told(haproxy, "haproxy.cfg", text, subject)


def whole(bind: str = "", common: str = "", rules: str = "", defaults: str = "mode http", plain: str = "") -> str:
    clear = f"frontend clear\n  bind *:80\n{plain}" if plain else ""
    return (
        f"global\n  {WEAK}\n{common}defaults\n  {defaults}\n  timeout client 5s\n  timeout connect 5s\n  timeout server 5s\n"
        f"frontend web\n  bind *:443 ssl crt CERT {bind}\n{ACL}{rules}  http-request return status 200\n{clear}"
    )


OPTIONS = "  ssl-default-bind-options "


@pytest.mark.parametrize(
    "text",
    [
        whole("ssl-min-ver TLSv1.2"),
        whole("ssl-min-ver TLSv1.0"),
        whole("ssl-min-ver TLSv1.1 ssl-max-ver TLSv1.2"),
        whole("force-tlsv12"),
        whole("no-tlsv10 no-tlsv11"),
        whole("no-sslv3 no-tlsv10 no-tlsv11 no-tlsv12"),
        whole("ssl-min-ver TLSv1.0 no-tlsv11"),  # which is then ignored
        whole("", OPTIONS + "ssl-min-ver TLSv1.1\n"),
        whole("ssl-min-ver TLSv1.2", OPTIONS + "ssl-min-ver TLSv1.0 no-tls-tickets\n"),
        whole("", OPTIONS + "no-sslv3 no-tlsv10 no-tlsv11\n"),
        whole("no-tlsv11", OPTIONS + "no-tlsv10\n"),  # they add up
        whole("", OPTIONS + "force-tlsv11\n"),
        whole("ssl-max-ver TLSv1.2", OPTIONS + "ssl-min-ver TLSv1.1\n"),
        whole('"ssl-min-ver" TLSv1.2 # ssl-min-ver TLSv1.0'),
        whole("ssl-min-ver TLSv1.2") + "global\n  ssl-default-bind-options ssl-min-ver TLSv1.0\n",
    ],
)
def test_haproxy_takes_the_versions_that_are_read(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, text: str
) -> None:
    facts, gaps = read(text)
    assert not [one for one in gaps if one.name == "tls.versions"]
    assert facts["tls.accepted"] == facts["http.https"] == [True]
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        assert facts["tls.versions"] == [accepted(ports[443])]


@pytest.mark.parametrize("bind", ["", "ssl-max-ver TLSv1.2", "no-tlsv10", "ssl-min-ver TLSv1.2 crt-list x"])
def test_versions_that_the_file_does_not_settle(bind: str) -> None:
    gaps = [one for one in read(whole(bind))[1] if one.name == "tls.versions"]
    assert len(gaps) == 1


def test_the_defaults_of_bind_lines_count_for_those_that_follow(
    tool: Callable[..., str], certificate: Path, tmp_path: Path
) -> None:
    text = whole("ssl-max-ver TLSv1.3") + "global\n  ssl-default-bind-options ssl-min-ver TLSv1.0\n"
    assert [one.name for one in read(text)[1] if one.name == "tls.versions"] == ["tls.versions"]
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        assert "TLSv1" not in accepted(ports[443])


@pytest.mark.parametrize(
    ("bind", "common"), [("", ""), ("prefer-client-ciphers", ""), ("", OPTIONS + "prefer-client-ciphers\n")]
)
def test_whose_order_counts(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, bind: str, common: str
) -> None:
    suites = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    text = whole(f"ssl-min-ver TLSv1.2 ssl-max-ver TLSv1.2 ciphers {suites} {bind}", common)
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        suite = chosen(ports[443], client(":".join(reversed(suites.split(":")))))
    facts, _gaps = read(text)
    assert facts["tls.server_preference"] == [suite == "ECDHE-RSA-AES256-GCM-SHA384"]
    assert facts["tls.weak_suites"] == [[]]


@pytest.mark.parametrize(
    "plain",
    [
        "  http-request redirect scheme https unless { ssl_fc }\n",
        "  redirect scheme https code 301 if !{ ssl_fc }\n",
        "  http-request redirect scheme https code 301\n",
        "  acl secure ssl_fc\n  redirect scheme https if !secure\n",
        "  acl acme path_beg /.well-known/\n  http-request redirect scheme https unless acme\n",
        f"  acl ours hdr(host) -i {NAME}\n  redirect scheme https if ours !{{ ssl_fc }}\n",
        "  acl theirs hdr(host) -i other.example\n  redirect scheme https if theirs\n  redirect location https://elsewhere.example/\n",
        f"  http-request redirect location https://{NAME}/\n",
        "  http-request redirect location https://elsewhere.example/\n",
        "  http-request redirect location https://%[hdr(host)]%[path] code 302\n",
        "  http-request redirect prefix https://elsewhere.example if { hdr(host) -i other.example } or { path / }\n",
        f"  redirect prefix https://{NAME} if {{ method POST }}\n  redirect scheme https if TRUE\n",
    ],
)  # fmt: skip
def test_haproxy_redirects_as_read(tool: Callable[..., str], certificate: Path, tmp_path: Path, plain: str) -> None:
    text = whole("ssl-min-ver TLSv1.2", plain=plain)
    facts, gaps = read(text)
    assert not [one for one in gaps if "redirects" in one.name]
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        location = dict(get(ports[80], tls=False)).get("location", "")
    assert facts["http.redirects_to_https"] == [location.startswith(f"https://{NAME}/")]


@pytest.mark.parametrize(
    "plain",
    ["  redirect scheme https if { src 10.0.0.0/8 }\n", "  default_backend app\nbackend app\n  server a 127.0.0.1:1\n"],
)
def test_a_redirect_that_the_file_does_not_settle(plain: str) -> None:
    facts, gaps = read(whole("ssl-min-ver TLSv1.2", plain=plain))
    assert "http.redirects_to_https" not in facts
    assert [one.name for one in gaps if "redirects" in one.name] == ["http.redirects_to_https"]


HSTS = '  http-after-response set-header Strict-Transport-Security "max-age=63072000; includeSubDomains"\n'


@pytest.mark.parametrize(
    "rules",
    [
        HSTS,
        HSTS + "  http-after-response set-header Strict-Transport-Security max-age=5\n",
        HSTS.rstrip("\n") + " if { ssl_fc }\n",
        HSTS + "  http-after-response set-header X-Frame-Options DENY if !{ ssl_fc }\n",
        HSTS
        + "  http-after-response set-header X-Frame-Options DENY\n"
        + "  http-after-response add-header X-Content-Type-Options nosniff\n",
        HSTS + r"  http-after-response set-header Content-Security-Policy default-src\ 'self'" + "\n",
        HSTS + "  http-after-response set-header Referrer-Policy 'same-origin'\n",
    ],
)  # fmt: skip
def test_the_headers_of_a_page(tool: Callable[..., str], certificate: Path, tmp_path: Path, rules: str) -> None:
    text = whole("ssl-min-ver TLSv1.2", rules=rules.replace("default-src\\ 'self'", "default-src\\ none"))
    facts, gaps = read(text)
    assert not [one for one in gaps if one.name.startswith("http.")]
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        sent = get(ports[443], tls=True)
    live = headers.hsts_facts(sent) | headers.page_facts(sent)
    compared = {name: values for name, values in facts.items() if name in live}
    assert "http.hsts.max_age" in compared
    assert compared == {name: [live[name]] for name in compared}


def test_the_statistics_page_answers_as_read(tool: Callable[..., str], certificate: Path, tmp_path: Path) -> None:
    for words, is_open in (
        ("  stats enable\n", True),
        ("  stats uri /haproxy?stats\n", True),
        ("  stats enable\n  stats auth a:long-and-own\n", False),
        ("  stats enable\n  stats http-request deny\n", False),
        ("  stats enable\n  stats http-request auth unless FALSE\n", False),
    ):
        text = whole("ssl-min-ver TLSv1.2").replace("  http-request return status 200\n", words)
        fact = fact_of(haproxy, "h.cfg", text, "haproxy.stats_open")
        assert bool(fact.value) is is_open
        with running(tool("haproxy"), certificate, tmp_path, text) as ports:
            status, _headers, _body = page(ports[443], "/haproxy?stats", tls=True)
        assert (status == 200) is is_open


@pytest.mark.parametrize("kind", ["http-response", "http-after-response"])
@pytest.mark.parametrize("answer", ["return status 200", "redirect location https://ville.example/"])
def test_what_haproxy_answers_itself_takes_other_rules(
    tool: Callable[..., str], certificate: Path, tmp_path: Path, kind: str, answer: str
) -> None:
    rules = f"  {kind} set-header Strict-Transport-Security max-age=5\n"
    text = whole("ssl-min-ver TLSv1.2", rules=rules).replace("return status 200", answer)
    facts, _gaps = read(text)
    with running(tool("haproxy"), certificate, tmp_path, text) as ports:
        sent = dict(get(ports[443], tls=True))
    assert ("strict-transport-security" in sent) is (facts.get("http.hsts.present") == [True])
