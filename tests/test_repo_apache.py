# SPDX-License-Identifier: EUPL-1.2
"""What an Apache httpd file settles, and what it leaves open."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import apache
from nis2check.evidence.repo.apache import findings
from nis2check.model import Json, Why
from tests.readings import fact_of, settled, tell_apart

SUBJECT = "www.ville.example:443"
WHOLE = "ServerRoot /etc/httpd\nListen 443\n"
LOADS = "LoadModule headers_module mod_headers.so\n"
HSTS = "Header always set Strict-Transport-Security max-age=63072000"


def host(words: str) -> str:
    return f"<VirtualHost *:443>\nServerName www.ville.example\nSSLEngine on\n{words}\n</VirtualHost>\n"


def read(text: str, subject: str = SUBJECT) -> tuple[dict[str, Json], dict[str, Why]]:
    return settled(apache, "httpd.conf", text, subject)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (WHOLE + host("SSLProtocol all -SSLv3"), Why.UNREADABLE),  # as OpenSSL has it
        (WHOLE + host(""), Why.UNREADABLE),
        (host(""), Why.UNREADABLE),  # the main server is in another file
        (host("SSLProtocol ${VERSIONS}"), Why.TEMPLATED),
        (host("SSLProtocol {{ versions }}"), Why.TEMPLATED),
        (host("SSLProtocol TLSv1.2\nInclude /etc/letsencrypt/options-ssl-apache.conf"), Why.UNREADABLE),
        (host("Include /etc/letsencrypt/options-ssl-apache.conf"), Why.UNREADABLE),
        (host("<IfDefine MODERN>\nSSLProtocol TLSv1.2\n</IfDefine>"), Why.UNREADABLE),
        (host("<IfVersion < 2.4>\nSSLProtocol TLSv1.2\n</IfVersion>"), Why.UNREADABLE),
        (host("SSLProtocol TLSv1.2 +TLSv4"), Why.MALFORMED),
        (host("SSLProtocol -all"), Why.MALFORMED),
        ("Define V TLSv1\nDefine V TLSv1.2\n" + host("SSLProtocol ${V}"), Why.TEMPLATED),  # defined in two ways
    ],
)
def test_versions_that_the_file_does_not_settle(text: str, why: Why) -> None:
    facts, gaps = read(text)
    assert facts["tls.accepted"] is True
    assert "tls.versions" not in facts
    assert gaps["tls.versions"] is why


def test_an_include_before_the_directive_changes_nothing() -> None:
    text = host("Include ssl.conf\nSSLProtocol -all +TLSv1.2")
    assert read(text)[0]["tls.versions"] == ["TLSv1.2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (host(""), Why.UNREADABLE),
        (WHOLE + host("Include headers.conf"), Why.UNREADABLE),
        (WHOLE + host("ProxyPass / http://app/"), Why.UNREADABLE),
        (WHOLE + host("RewriteRule ^/(.*) http://app/$1 [P,L]"), Why.UNREADABLE),
        (WHOLE + host("<Directory /srv>\nAllowOverride All\n</Directory>"), Why.UNREADABLE),
        (WHOLE + host(f"<IfModule mod_headers.c>\n{HSTS}\n</IfModule>"), Why.UNREADABLE),
        (WHOLE + host(f"<If \"%{{HTTP_HOST}} == 'a'\">\n{HSTS}\n</If>"), Why.UNREADABLE),
        (WHOLE + host(f"{HSTS} env=SECURE"), Why.UNREADABLE),
        (WHOLE + host("Header always edit Strict-Transport-Security a b"), Why.UNREADABLE),
        (WHOLE + host("Header always set Strict-Transport-Security %{HSTS}e"), Why.TEMPLATED),
    ],
)
def test_headers_that_the_file_does_not_settle(text: str, why: Why) -> None:
    facts, gaps = read(text)
    assert "http.hsts.present" not in facts
    assert gaps["http.hsts.present"] is why


def test_a_header_set_before_an_application_is_sent_all_the_same() -> None:
    facts, _gaps = read(WHOLE + LOADS + host(f"ProxyPass / http://app/\n<IfModule mod_headers.c>\n{HSTS}\n</IfModule>"))
    assert facts["http.hsts.max_age"] == 63072000


def test_suites_and_groups() -> None:
    facts, _gaps = read(
        host("SSLCipherSuite ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA\nSSLOpenSSLConfCmd Curves X25519:secp384r1")
    )
    assert facts["tls.weak_suites"] == ["RSA-KEX", "CBC"]
    assert facts["tls.groups"] == ["x25519", "secp384r1"]
    assert read(host("SSLCipherSuite HIGH:!aNULL:!kRSA"))[1]["tls.weak_suites"] is Why.UNREADABLE
    assert read(host("SSLCipherSuite RC4-SHA"))[1]["tls.weak_suites"] is Why.UNREADABLE
    assert "tls.weak_suites" not in read(host("SSLCipherSuite TLSv1.3 TLS_AES_128_GCM_SHA256"))[0]


@pytest.mark.parametrize(
    "text",
    [
        "<IfDefine PROD>\n" + host("") + "</IfDefine>",
        "<Macro site $name>\n" + host("") + "</Macro>",
        "{% if tls %}\n" + host("") + "{% endif %}",
        "<VirtualHost *:443>\nServerName a.example\n",
        "</VirtualHost>",
        "<VirtualHost *:443>\nServerName a.example\nInclude tls.conf\n</VirtualHost>",
        "<Location /a>\n" * 60 + "</Location>\n" * 60,
    ],
)
def test_what_is_not_known_is_one_gap(text: str) -> None:
    found = list(apache.read("a.conf", text))
    assert [one.name for one in found] == ["apache.*"]
    assert isinstance(found[0], Unread)


@pytest.mark.parametrize("name", ["{{ name }}", "${NAME}"])
def test_a_virtual_host_whose_name_is_filled_in_is_a_gap_of_its_own(name: str) -> None:
    """Not of every concern: what its file settles without a name is judged all the same."""
    text = f"<VirtualHost *:443>\nServerName {name}\nSSLEngine on\nTraceEnable on\n</VirtualHost>"
    found = {one.name: one for one in apache.read("a.conf", text)}
    assert found.keys() == {"apache.virtual_host", "apache.trace"}
    assert isinstance(found["apache.virtual_host"], Unread)
    assert isinstance(found["apache.trace"], Read)


def test_a_plain_host_may_have_its_tls_elsewhere() -> None:
    assert (
        list(apache.read("a.conf", "<VirtualHost *:80>\nServerName a.example\nDocumentRoot /srv\n</VirtualHost>")) == []
    )


def test_names_ports_and_lines() -> None:
    text = (
        "<VirtualHost 192.0.2.1:8443 [::]:8443>\n  ServerName https://A.example:8443\n  ServerAlias b.example *.c.example\n"
        "  SSLEngine on\n  SSLProtocol TLSv1.2\n</VirtualHost>\n"
    )
    found = [one for one in apache.read("a.conf", text) if one.name == "tls.versions"]
    assert [(one.subject, one.line) for one in found] == [("a.example:8443", 5), ("b.example:8443", 5)]


@pytest.mark.parametrize("name", ["", "ServerName localhost"])
def test_a_host_without_a_name_is_told_of_the_file(name: str) -> None:
    text = f"<VirtualHost _default_:443>\n{name}\nSSLEngine on\nSSLProtocol TLSv1.1\n</VirtualHost>\n"
    assert read(text, "")[0] == {"tls.accepted": True, "tls.versions": ["TLSv1.1"]}


def test_the_settings_of_the_main_server_are_said_of_the_file() -> None:
    text = "<IfModule mod_ssl.c>\nSSLProtocol TLSv1.2\nSSLHonorCipherOrder on\n</IfModule>\n"
    assert read(text, "")[0] == {"tls.accepted": True, "tls.versions": ["TLSv1.2"], "tls.server_preference": True}


PLAIN = "<VirtualHost *:80>\nServerName www.ville.example\n%s\n</VirtualHost>\n"


@pytest.mark.parametrize(
    "words",
    [
        "",  # an .htaccess file, or the main configuration, may
        "Include redirect.conf",
        "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} ^10\\.\nRewriteRule ^ https://%{HTTP_HOST}/ [R]",
        "RewriteEngine On\nRewriteCond %{HTTP:X-Forwarded-Proto} http\nRewriteRule ^ https://%{HTTP_HOST}/ [R]",
        "RewriteEngine On\nRewriteRule (a+)+$ https://%{HTTP_HOST}/ [R]",
        "<IfDefine TLS>\nRedirect / https://www.ville.example/\n</IfDefine>",
    ],
)
def test_a_redirect_that_the_file_does_not_settle(words: str) -> None:
    facts, gaps = read(PLAIN % words + host(""))
    assert "http.redirects_to_https" not in facts
    assert gaps["http.redirects_to_https"] is Why.UNREADABLE


STATUS = "<Location /server-status>\nSetHandler server-status\n%s\n</Location>"
# Of each file fact: a text that offends, then one that is right.
CASES = {
    "apache.internal_pages_open": (STATUS % "Require all granted", STATUS % "Require local"),
    "apache.directory_listing": (
        "<Directory /srv>\nOptions Indexes\n</Directory>",
        "<Directory /srv>\nOptions -Indexes\n</Directory>",
    ),
    "apache.open_proxy": (
        "ProxyRequests On\n<Proxy *>\nRequire all granted\n</Proxy>",
        "ProxyRequests On\n<Proxy *>\nRequire ip 192.0.2.0/24\n</Proxy>",
    ),
    "apache.backend_unverified": (
        host("ProxyPass / https://app.example/\nSSLProxyVerify none"),
        host("ProxyPass / https://app.example/\nSSLProxyVerify require"),
    ),
    "apache.basic_auth_clear": (
        PLAIN % "<Location />\nAuthType Basic\nRequire valid-user\n</Location>",
        PLAIN % "<Location />\nAuthType Basic\nSSLRequireSSL\n</Location>",
    ),
    "apache.server_tokens": ("ServerTokens OS", "ServerTokens Prod"),
    "apache.trace": ("TraceEnable On", "TraceEnable Off"),
    "apache.root_folder_open": (
        "<Directory />\nRequire all granted\n</Directory>",
        "<Directory />\nAllowOverride None\nRequire all denied\n</Directory>",
    ),
    "apache.logs_discarded": ("CustomLog /dev/null combined", "CustomLog /var/log/a.log combined"),
    "apache.runs_as_root": ("User root", "User www-data"),
    "apache.broken_ciphers": ("SSLCipherSuite HIGH:RC4:!aNULL", "SSLCipherSuite HIGH:!aNULL:!RC4"),
}  # fmt: skip


def test_every_file_fact_has_its_cases() -> None:
    assert CASES.keys() == {spec.name for spec in findings.FACTS}


@pytest.mark.parametrize("fact", CASES)
def test_file_facts(fact: str) -> None:
    tell_apart(apache, "a.conf", fact, CASES[fact])


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("apache.internal_pages_open", STATUS % ""),  # the folder around it may say
        ("apache.open_proxy", "ProxyRequests On"),
        ("apache.backend_unverified", host("ProxyPass / https://app.example/")),
        ("apache.trace", "TraceEnable ${TRACE}"),
    ],
)
def test_file_facts_that_the_file_does_not_settle(fact: str, text: str) -> None:
    (gap,) = [one for one in apache.read("a.conf", text) if one.name == fact]
    assert isinstance(gap, Unread)


def test_a_page_of_balancers_with_a_password_is_not_open() -> None:
    text = STATUS % "AuthType Basic\nRequire valid-user"
    fact = fact_of(apache, "a.conf", text, "apache.internal_pages_open")
    assert fact.value == []


@pytest.mark.parametrize(
    ("path", "head", "takes"),
    [
        ("sites-available/ville.conf", b"<VirtualHost *:443>\n", True),
        ("sites-available/ville", b"# x\n<VirtualHost *:443>\n", True),
        ("roles/web/templates/vhost.conf.j2", b"<VirtualHost *:443>\n", True),
        ("httpd.conf", b"", True),
        ("sites-available/ville.conf", b"server {\n", False),
        ("page.html", b"<Location>\n", False),
        ("README.md", b"<VirtualHost *:443>\n", False),
    ],
)
def test_what_is_taken_for_apache(path: str, head: bytes, takes: bool) -> None:
    assert apache.matches(path, head) is takes


def test_ssl_2_may_be_taken_away_and_not_asked_for() -> None:
    assert read(host("SSLProtocol TLSv1.2 -SSLv2"))[0]["tls.versions"] == ["TLSv1.2"]
    assert read(host("SSLProtocol +SSLv2"))[1]["tls.versions"] is Why.MALFORMED


def test_combinations_of_classes_that_are_sound_everywhere() -> None:
    assert read(host("SSLCipherSuite EECDH+AESGCM:EECDH+CHACHA20"))[0]["tls.weak_suites"] == []
    assert read(host("SSLCipherSuite EECDH+AESGCM:EECDH+AES"))[1]["tls.weak_suites"] is Why.UNREADABLE


def test_a_thousand_hosts_take_no_time() -> None:
    start = time.monotonic()
    text = "".join(host("SSLProtocol TLSv1.2").replace("www.", f"h{number}.") for number in range(1000))
    assert sum(one.name == "tls.versions" for one in apache.read("a.conf", text)) == 1000
    assert time.monotonic() - start < 5
