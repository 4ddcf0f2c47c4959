# SPDX-License-Identifier: EUPL-1.2
"""What is read in an Apache file beside what httpd itself does with the same words, on loopback."""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nis2check.evidence import web_headers as headers
from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import apache
from nis2check.model import Json
from tests.loopback import NAME, accepted, certify, chosen, client, free_ports, get, listening, page, shakes
from tests.readings import fact_of, told

WEAK = "SSLCipherSuite ALL:@SECLEVEL=0"  # so that OpenSSL itself does not refuse the old versions
MODULES = Path("/usr/lib/apache2/modules")
LOADED = ("mpm_event", "authz_core", "authz_host", "authn_core", "socache_shmcb", "ssl", "headers", "alias", "rewrite", "dir",
          "autoindex", "setenvif", "status", "auth_basic", "authn_file", "authz_user", "proxy", "proxy_http")  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tool: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tool("openssl"), tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def site() -> Iterator[Path]:
    """A folder that the unprivileged child of a httpd started by root may read, unlike those of pytest."""
    with tempfile.TemporaryDirectory(prefix="nis2check-site-") as folder:
        Path(folder).chmod(0o755)
        (Path(folder) / "www").mkdir(mode=0o755)
        (Path(folder) / "www/index.html").write_text("x")
        yield Path(folder)


def whole(body: str) -> str:
    """A file that holds all of the configuration, with the modules of Debian's package."""
    loads = "\n".join(f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED)
    return f"ServerRoot /etc/apache2\nListen 80\nListen 443\n{loads}\n{body}\n"


@contextmanager
def running(program: str, certificate: Path, folder: Path, body: str) -> Iterator[dict[int, int]]:
    """httpd with this file, whose ports 80 and 443 become free ones of loopback: {80: …, 443: …}."""
    ports = dict(zip((80, 443), free_ports(), strict=True))
    text = re.sub(
        r"^Listen (80|443)", lambda found: f"Listen 127.0.0.1:{ports[int(found[1])]}", whole(body), flags=re.M
    )
    text = re.sub(r"(<VirtualHost[^>]*:)(80|443)>", lambda found: f"{found[1]}{ports[int(found[2])]}>", text)
    file = folder / "httpd.conf"
    file.write_text(
        f"PidFile {folder}/pid\nErrorLog {folder}/log\nDefaultRuntimeDir {folder}\nServerName {NAME}\n"
        f"{text}\nDocumentRoot {folder}/www\n"
        f"SSLCertificateFile {certificate}/cert.pem\nSSLCertificateKeyFile {certificate}/key.pem\n"
    )
    with listening([program, "-f", str(file), "-X"], ports.values(), folder):
        yield ports


def read(body: str, subject: str = f"{NAME}:443") -> tuple[dict[str, list[Json]], list[Unread]]:
    """Of a file that holds all of the configuration."""
    return told(apache, "httpd.conf", whole(body), subject)


def host(words: str, *, names: str = f"ServerName {NAME}") -> str:
    return f"<VirtualHost *:443>\n{names}\nSSLEngine on\n{words}\n</VirtualHost>\n"


@pytest.mark.parametrize(
    "body",
    [
        host(f"SSLProtocol -all +TLSv1.2 +TLSv1.3\n{WEAK}"),
        host(f"SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1\n{WEAK}"),
        host(f"SSLProtocol TLSv1.2 TLSv1.3\n{WEAK}"),  # a word without sign throws away those before it
        host(f"SSLProtocol TLSv1\nSSLProtocol -ALL +tlsv1.1\n{WEAK}"),  # the last word wins
        host(f"SSLProtocol +TLSv1 +TLSv1.2\n{WEAK}"),  # a hole: OpenSSL gets a lowest and a highest version
        host(f"SSLProtocol +TLSv1 +TLSv1.1 +TLSv1.2\n{WEAK}"),
        f"SSLProtocol TLSv1.2\n{WEAK}\n" + host(""),  # of the main server
        host("") + f"SSLProtocol TLSv1.1\n{WEAK}\n",  # wherever it stands
        f"SSLProtocol TLSv1.1\n{WEAK}\n" + host("SSLProtocol TLSv1.2"),
        f"<IfModule mod_ssl.c>\n{host(f'SSLProtocol TLSv1.2 {chr(92)}{chr(10)} +TLSv1.1')}</IfModule>\n{WEAK}\n",
        f"Define OLD TLSv1.1\n{WEAK}\n" + host("SSLProtocol ${OLD}"),
        host(f"SSLProtocol TLSv1.2\n{WEAK}") + host(f"SSLProtocol TLSv1.1\n{WEAK}"),  # the first of two with one name
    ],
)
def test_httpd_takes_the_versions_that_are_read(
    tool: Callable[..., str], certificate: Path, site: Path, body: str
) -> None:
    facts, gaps = read(body)
    assert not [one for one in gaps if one.name == "tls.versions"]
    assert facts["tls.accepted"] == [True]
    with running(tool("apache2"), certificate, site, body) as ports:
        assert facts["tls.versions"] == [accepted(ports[443])]


def test_all_is_what_the_openssl_that_is_there_has(tool: Callable[..., str], certificate: Path, site: Path) -> None:
    """The same words take TLS 1.0 or not, by the security level of OpenSSL: the file does not tell."""
    told = set()
    for suites in (WEAK, "SSLCipherSuite DEFAULT@SECLEVEL=2"):
        body = host(f"SSLProtocol all -SSLv3\n{suites}")
        facts, gaps = read(body)
        assert "tls.versions" not in facts
        assert [one.name for one in gaps if one.name == "tls.versions"] == ["tls.versions"]
        with running(tool("apache2"), certificate, site, body) as ports:
            told.add("TLSv1" in accepted(ports[443]))
    assert told == {True, False}


def test_each_name_has_its_own_versions_and_the_file_says_since_when(
    tool: Callable[..., str], certificate: Path, site: Path
) -> None:
    body = host(f"SSLProtocol TLSv1.1\n{WEAK}", names="ServerName first.example") + host(f"SSLProtocol TLSv1.2\n{WEAK}")
    facts, gaps = read(body)
    (gap,) = [one for one in gaps if one.name == "tls.versions"]  # so that no rule passes on it
    assert "2.4.42" in gap.detail
    with running(tool("apache2"), certificate, site, body) as ports:
        assert facts["tls.versions"] == [accepted(ports[443])] == [["TLSv1.2"]]
        assert read(body, "first.example:443")[0]["tls.versions"] == [accepted(ports[443], "first.example")]


@pytest.mark.parametrize(("order", "kept"), [("on", True), ("off", False)])
def test_whose_order_counts(tool: Callable[..., str], certificate: Path, site: Path, order: str, kept: bool) -> None:
    body = host(
        f"SSLProtocol TLSv1.2\nSSLHonorCipherOrder {order}\n"
        "SSLCipherSuite ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    )
    with running(tool("apache2"), certificate, site, body) as ports:
        suite = chosen(ports[443], client("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"))
    assert (suite == "ECDHE-RSA-AES256-GCM-SHA384") is kept
    assert read(body)[0]["tls.server_preference"] == [kept]


HSTS = 'Header always set Strict-Transport-Security "max-age=63072000; includeSubDomains"'


@pytest.mark.parametrize(
    "body",
    [
        host(HSTS),
        HSTS + "\n" + host(""),
        HSTS + "\n" + host("Header always unset Strict-Transport-Security"),
        HSTS + "\n" + host("Header unset Strict-Transport-Security"),  # of the other table
        host(f"<Location />\n{HSTS}\n</Location>"),
        host(f"<Location /api>\n{HSTS}\n</Location>"),
        host(f"<IfModule mod_headers.c>\n{HSTS}\n</IfModule>"),  # the file loads it
        host(f"{HSTS} env=HTTPS"),
        host("Header set X-Frame-Options DENY\nHeader set X-Content-Type-Options nosniff"),
        host(
            "Header set Content-Security-Policy \"default-src 'self'; frame-ancestors 'none'\"\n"
            "Header append X-Content-Type-Options nosniff"
        ),
        host("Header setifempty Referrer-Policy no-referrer\nHeader setifempty Referrer-Policy bad"),
        "ServerTokens Prod\n" + host(""),
        "ServerTokens Major\n" + host(""),
        host(""),
        host("") + host(HSTS),
    ],
)  # fmt: skip
def test_the_headers_of_a_page(tool: Callable[..., str], certificate: Path, site: Path, body: str) -> None:
    facts, gaps = read(body)
    assert not [one for one in gaps if one.name.startswith("http.")]
    with running(tool("apache2"), certificate, site, body) as ports:
        sent = get(ports[443], tls=True)
    live = headers.hsts_facts(sent) | headers.page_facts(sent)
    compared = {name: values for name, values in facts.items() if name in live}
    assert {"http.hsts.present", "http.nosniff", "http.discloses_version"} <= compared.keys()
    assert compared == {name: [live[name]] for name in compared}


REWRITE = "RewriteEngine On\n"


@pytest.mark.parametrize(
    "words",
    [
        f"Redirect permanent / https://{NAME}/",
        f"Redirect / https://{NAME}/",
        f'Redirect 301 "/" "https://{NAME}/"',
        "Redirect permanent / https://elsewhere.example/",
        f"Redirect permanent /old https://elsewhere.example/\nRedirect / https://{NAME}/",
        f"RedirectMatch ^/$ https://{NAME}/accueil",
        f"RedirectMatch 301 ^/old https://elsewhere.example/\nRedirectPermanent / https://{NAME}/",
        f"Redirect gone /\nRedirect / https://{NAME}/",
        REWRITE + "RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]",
        REWRITE + "RewriteCond %{HTTPS} off\nRewriteRule ^(.*)$ https://%{HTTP_HOST}$1 [R=301,L]",
        REWRITE + "RewriteCond %{HTTPS} !=on\nRewriteRule ^/?(.*) https://%{SERVER_NAME}/$1 [R,L]",
        REWRITE + "RewriteCond %{HTTPS} on\nRewriteRule ^/?(.*) https://%{SERVER_NAME}/$1 [R,L]",
        REWRITE + f"RewriteCond %{{SERVER_NAME}} =other.example [OR]\nRewriteCond %{{SERVER_NAME}} ={NAME}\n"
        "RewriteRule ^ https://%{SERVER_NAME}%{REQUEST_URI} [END,NE,R=permanent]",
        REWRITE + "RewriteCond %{REQUEST_URI} !^/\\.well-known/\nRewriteRule (.*) https://%{HTTP_HOST}%{REQUEST_URI} [R=302,L]",
        REWRITE + "RewriteRule ^ https://elsewhere.example/ [R,L]\n" + f"Redirect / https://{NAME}/",
        "RewriteEngine Off\nRewriteRule ^ https://elsewhere.example/ [R,L]\n" + f"Redirect / https://{NAME}/",
        f"<Location />\nRedirect permanent / https://{NAME}/\n</Location>",
        f"ProxyPass /app http://127.0.0.1:9/\nRedirect / https://{NAME}/",
        f"ProxyPass / http://127.0.0.1:9/\nRedirect / https://{NAME}/",  # mod_proxy comes before mod_alias
        f"ProxyPass / !\nRedirect / https://{NAME}/",
        "ProxyPass / http://127.0.0.1:9/\n" + REWRITE + "RewriteRule ^ https://%{HTTP_HOST}%{REQUEST_URI} [R]",
        "",
    ],
)  # fmt: skip
def test_httpd_redirects_as_read(tool: Callable[..., str], certificate: Path, site: Path, words: str) -> None:
    body = f"<VirtualHost *:80>\nServerName {NAME}\n{words}\n</VirtualHost>\n" + host("")
    facts, gaps = read(body)
    with running(tool("apache2"), certificate, site, body) as ports:
        location = dict(get(ports[80], tls=False)).get("location", "")
    redirected = location.startswith(f"https://{NAME}/")
    said = facts.get("http.redirects_to_https")
    if said is None:
        assert [one.name for one in gaps if "redirects" in one.name]
        assert "[OR]" in words or "ProxyPass" in words
    else:
        assert said == [redirected]


@pytest.mark.parametrize(
    ("section", "lists"),
    [
        ("Options Indexes", True),
        ("Options +Indexes", True),
        ("Options FollowSymLinks", False),
        ("Options Indexes\nOptions FollowSymLinks", False),
        ("Options Indexes\nOptions -Indexes", False),
        ("Options All", True),
        ("Options None\nOptions +Indexes", True),
    ],
)
def test_a_folder_is_listed_as_read(
    tool: Callable[..., str], certificate: Path, site: Path, section: str, lists: bool
) -> None:
    body = host("DirectoryIndex disabled") + f'<Directory "{site}/www">\n{section}\n</Directory>'
    fact = fact_of(apache, "h.conf", whole(body), "apache.directory_listing")
    assert bool(fact.value) is lists
    with running(tool("apache2"), certificate, site, body) as ports:
        _status, _headers, content = page(ports[443], tls=True)
    assert (b"Index of" in content) is lists


@pytest.mark.parametrize("suites", ["HIGH:!aNULL:!MD5", "HIGH:!aNULL:!eNULL:!RC4:!3DES:!PSK", "HIGH"])
def test_high_offers_the_exchange_of_rsa_and_cbc(
    tool: Callable[..., str], certificate: Path, site: Path, suites: str
) -> None:
    body = host(f"SSLProtocol TLSv1.2\nSSLCipherSuite {suites}")
    facts, gaps = read(body)
    assert facts["tls.weak_suites"] == [["RSA-KEX", "CBC"]]
    assert "tls.weak_suites" in [one.name for one in gaps]  # so that no rule passes on it
    with running(tool("apache2"), certificate, site, body) as ports:
        assert shakes(ports[443], ssl.TLSVersion.TLSv1_2, "AES256-SHA")


@pytest.mark.parametrize("table", ["", "always "])
def test_a_redirect_carries_the_headers_of_always_alone(
    tool: Callable[..., str], certificate: Path, site: Path, table: str
) -> None:
    header = f"Header {table}set Strict-Transport-Security max-age=5"
    body = host(f"{header}\n{header.replace('Strict-Transport-Security', 'X-A')}\nRedirect / https://ville.example/")
    facts, _gaps = read(body)
    with running(tool("apache2"), certificate, site, body) as ports:
        sent = get(ports[443], tls=True)
    assert facts["http.hsts.present"] == [headers.hsts_facts(sent)["http.hsts.present"]] == [bool(table)]
    assert not {"http.nosniff", "http.moved_to"} & facts.keys()  # there is no page
