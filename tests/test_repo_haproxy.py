# SPDX-License-Identifier: EUPL-1.2
"""What a HAProxy file settles, and what it leaves open."""

from __future__ import annotations

import pytest

from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import haproxy
from nis2check.evidence.repo.haproxy import findings
from nis2check.evidence.repo.haproxy.syntax import parse
from nis2check.model import Json, Why
from tests.readings import fact_of, settled, tell_apart

SUBJECT = "www.ville.example:443"
ACL = "  acl ours hdr(host) -i www.ville.example\n"


def web(bind: str = "bind :443 ssl crt x", rules: str = ACL) -> str:
    return f"defaults\n  mode http\nfrontend web\n  {bind}\n{rules}"


def read(text: str, subject: str = SUBJECT) -> tuple[dict[str, Json], dict[str, Why]]:
    return settled(haproxy, "haproxy.cfg", text, subject)


def test_a_port_without_names_is_told_of_the_file() -> None:
    text = "frontend tcp\n  mode tcp\n  bind *:636 ssl crt x ssl-min-ver TLSv1.2 curves X25519:P-256\n"
    facts, _gaps = read(text, "")
    assert facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert facts["tls.groups"] == ["x25519", "secp256r1"]
    assert "http.https" not in facts


@pytest.mark.parametrize(
    "rules",
    [
        "  use_backend a if { hdr(host) -i www.ville.example }\n",
        "  acl a req.hdr(host),lower www.ville.example\n",
        "  use_backend a if { ssl_fc_sni -i www.ville.example }\n",
        "  acl a hdr(host),field(1,:) -i www.ville.example\n",
    ],
)
def test_names_are_those_that_the_rules_know(rules: str) -> None:
    assert read(web(rules=rules))[0]["tls.accepted"] is True


@pytest.mark.parametrize("bind", ["bind 127.0.0.1:443 ssl crt x", "bind :443", "bind /run/a.sock ssl crt x"])
def test_what_nobody_outside_reaches_with_tls_is_not_told(bind: str) -> None:
    assert read(web(bind)) == ({}, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (web(), Why.UNREADABLE),
        (web("bind :443 ssl crt x ssl-min-ver TLSv1.4"), Why.MALFORMED),
        (web("bind :443 ssl crt x ssl-min-ver TLSv1.3 ssl-max-ver TLSv1.2"), Why.MALFORMED),
        ('global\n  ssl-default-bind-options "${OPTIONS}"\n' + web(), Why.TEMPLATED),
        ("global\n  .if defined(X)\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n  .endif\n" + web(), Why.TEMPLATED),
    ],
)
def test_versions_that_the_file_does_not_settle(text: str, why: Why) -> None:
    facts, gaps = read(text)
    assert "tls.versions" not in facts
    assert gaps["tls.versions"] is why


@pytest.mark.parametrize(
    "text",
    [
        "frontend a\n  bind ${ADDRESS}:443 ssl\n",
        "frontend a\n  bind {{ address }}:443 ssl\n",
        "frontend a\n{% if x %}\n  bind :443 ssl\n{% endif %}\n",
        "frontend a\n  bind :443\n" + "x" * 20_000,
    ],
)
def test_what_is_not_known_is_a_gap(text: str) -> None:
    assert any(isinstance(one, Unread) and one.name == "haproxy.*" for one in haproxy.read("h.cfg", text))


def test_a_header_under_a_condition_is_a_gap() -> None:
    rule = '  http-response set-header Strict-Transport-Security "max-age=1" if { src 10.0.0.0/8 }\n'
    assert read(web(rules=ACL + rule))[1]["http.hsts.present"] is Why.UNREADABLE
    rule = '  http-response set-header Strict-Transport-Security "%[var(txn.hsts)]"\n'
    assert read(web(rules=ACL + rule))[1]["http.hsts.present"] is Why.TEMPLATED
    assert read(web())[1]["http.hsts.present"] is Why.UNREADABLE  # the application may send it


def test_the_defaults_that_a_proxy_takes() -> None:
    sections = parse(
        "defaults a\n  mode http\ndefaults b\n  mode tcp\nfrontend x from a\n  bind :1\nfrontend y\n  bind :2\n"
    )
    modes = [one.inherited("mode")[0].words[1] for one in sections if one.kind == "frontend"]
    assert modes == ["http", "tcp"]


def test_quotes_and_comments() -> None:
    (_top, section) = parse("frontend a # b\n  acl x path \"/a b\" '#c' d\\ e # f\n")
    assert section.lines[0].words == ("acl", "x", "path", "/a b", "#c", "d e")


STATS = "defaults\n  mode http\nlisten stats\n  bind :8404\n  stats enable\n"
METRICS = "frontend m\n  mode http\n  bind :9101\n  http-request use-service prometheus-exporter if { path /metrics }"
# Of each file fact: a text that offends, then one that is right.
CASES = {
    "haproxy.stats_open": (STATS, STATS + "  stats auth agent:own-long-secret\n"),
    "haproxy.metrics_open": (METRICS, METRICS + " { src 192.0.2.0/24 }"),
    "haproxy.admin_socket_open": (
        "global\n  stats socket 0.0.0.0:9999 level admin",
        "global\n  stats socket /run/haproxy/admin.sock mode 660 level admin",
    ),
    "haproxy.default_passwords": (STATS + "  stats auth admin:admin", STATS + "  stats auth admin:own-long-secret"),
    "haproxy.clear_passwords": ("userlist a\n  user b insecure-password c", "userlist a\n  user b password $6$x"),
    "haproxy.backend_unverified": (
        "backend a\n  server b app.example:443 ssl verify none",
        "backend a\n  server b app.example:443 ssl verify required ca-file @system-ca",
    ),
    "haproxy.logs_off": (
        "global\n  log /dev/log local0\ndefaults\n  mode http\nfrontend a\n  bind :80",
        "global\n  log /dev/log local0\ndefaults\n  log global\nfrontend a\n  bind :80",
    ),
    "haproxy.runs_as_root": ("global\n  user root", "global\n  user haproxy"),
    "haproxy.broken_ciphers": (
        "global\n  ssl-default-bind-ciphers HIGH:3DES",
        "global\n  ssl-default-bind-ciphers HIGH:!3DES:!aNULL",
    ),
}


def test_every_file_fact_has_its_cases() -> None:
    assert CASES.keys() == {spec.name for spec in findings.FACTS}


@pytest.mark.parametrize("fact", CASES)
def test_file_facts(fact: str) -> None:
    tell_apart(haproxy, "h.cfg", fact, CASES[fact])


@pytest.mark.parametrize(
    ("fact", "text", "offends"),
    [
        ("haproxy.stats_open", "listen s\n  bind 127.0.0.1:8404\n  stats enable", False),
        ("haproxy.stats_open", "defaults\n  stats auth a:own-long-secret\nlisten s\n  bind :1\n  stats enable", False),
        ("haproxy.backend_unverified", "backend a\n  default-server ssl verify none\n  server b app.example:443", True),
        (
            "haproxy.backend_unverified",
            "backend a\n  server b 127.0.0.1:443 ssl verify none\n  server c x:1 ssl",
            False,
        ),
        ("haproxy.backend_unverified", "global\n  ssl-server-verify none\nbackend a\n  server b x.example:1 ssl", True),
        ("haproxy.admin_socket_open", "global\n  stats socket /run/a.sock mode 666 level admin", True),
        ("haproxy.logs_off", "global\n  maxconn 5\ndefaults\n  log global\nfrontend a\n  bind :80", True),
        ("haproxy.clear_passwords", 'userlist a\n  user b insecure-password "${PASSWORD}"', False),
    ],
)
def test_more_file_facts(fact: str, text: str, offends: bool) -> None:
    assert bool(fact_of(haproxy, "h.cfg", text, fact).value) is offends


def test_no_secret_is_told() -> None:
    text = STATS + "  stats auth admin:hunter22\nuserlist u\n  user b insecure-password hunter22\n"
    assert "hunter22" not in repr(list(haproxy.read("h.cfg", text)))


@pytest.mark.parametrize(
    ("path", "head", "takes"),
    [
        ("haproxy.cfg", b"", True),
        ("roles/lb/templates/haproxy.cfg.j2", b"", True),
        ("lb/site.cfg", b"frontend web\n    bind *:443\n", True),
        ("setup.cfg", b"[metadata]\nname = x\n", False),
        ("nginx.conf", b"server {\n", False),
    ],
)
def test_what_is_taken_for_haproxy(path: str, head: bytes, takes: bool) -> None:
    assert haproxy.matches(path, head) is takes


def test_rules_of_defaults_come_first_and_sections_may_be_indented() -> None:
    text = (
        "  defaults web\n    mode http\n    http-request redirect scheme https unless { ssl_fc }\n"
        "    http-response set-header X-Content-Type-Options nosniff\n"
        "  frontend a from web\n    bind :80\n    bind :443 ssl crt x\n" + ACL
    )
    facts, _gaps = read(text)
    assert facts["http.redirects_to_https"] is True
    assert facts["http.nosniff"] is True
