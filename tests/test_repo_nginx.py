# SPDX-License-Identifier: EUPL-1.2
"""What an nginx file settles, and what it leaves open."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nis2check.evidence.observe import Read, Unread
from nis2check.evidence.repo import nginx
from nis2check.evidence.repo.nginx.syntax import parse
from nis2check.model import Json, Why
from tests.readings import settled, tell_apart

SUBJECT = "www.ville.example:443"
TLS = "listen 443 ssl; server_name www.ville.example;"


def read(text: str, subject: str = SUBJECT) -> tuple[dict[str, Json], dict[str, Why]]:
    """The facts and gaps of one subject."""
    facts, gaps = settled(nginx, "nginx.conf", text, subject)
    assert not facts.keys() & gaps.keys()
    return facts, gaps


def line(text: str, name: str) -> int:
    return next(one.line for one in nginx.read("nginx.conf", text) if one.name == name)


def whole(server: str, http: str = "") -> str:
    """A file that holds all of the configuration."""
    return f"events {{}}\nhttp {{\n{http}\nserver {{ {TLS} {server} }}\n}}\n"


def test_the_protocols_of_a_server() -> None:
    facts, gaps = read(whole("ssl_protocols TLSv1.3 TLSv1.2;"))
    assert facts["tls.versions"] == ["TLSv1.2", "TLSv1.3"]
    assert facts["tls.accepted"] is facts["http.https"] is True
    assert "tls.versions" not in gaps


def test_protocols_come_from_the_http_block() -> None:
    text = whole("", "ssl_protocols TLSv1 TLSv1.2; ssl_prefer_server_ciphers on;")
    facts, _gaps = read(text)
    assert (facts["tls.versions"], facts["tls.server_preference"]) == (["TLSv1", "TLSv1.2"], True)
    assert line(text, "tls.versions") == 3


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (whole(""), Why.NOT_ASKED),  # the default depends on the version of nginx
        (whole("include snippets/tls.conf;"), Why.UNREADABLE),
        (whole("", "include conf.d/tls.conf;"), Why.UNREADABLE),
        (f"server {{ {TLS} }}", Why.UNREADABLE),  # the http block is elsewhere
        (whole("ssl_protocols {{ tls_versions }};"), Why.TEMPLATED),
        (whole("ssl_protocols ${TLS};"), Why.TEMPLATED),
    ],
)
def test_protocols_that_the_file_does_not_settle(text: str, why: Why) -> None:
    facts, gaps = read(text)
    assert "tls.versions" not in facts
    assert gaps["tls.versions"] == why


def test_harmless_includes_change_nothing() -> None:
    facts, gaps = read(whole("include fastcgi_params;", "include /etc/nginx/mime.types;"))
    assert facts["http.discloses_version"] is True  # the default, and nothing else can set it
    assert facts["http.hsts.present"] is False
    assert gaps == {"tls.versions": Why.NOT_ASKED}


@pytest.mark.parametrize(("tokens", "discloses"), [("on", True), ("build", True), ("off", False)])
def test_server_tokens(tokens: str, discloses: bool) -> None:
    assert read(f"server {{ {TLS} server_tokens {tokens}; }}")[0]["http.discloses_version"] is discloses


HSTS = 'add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;'


def test_hsts() -> None:
    facts, _gaps = read(whole(HSTS))
    assert {name: value for name, value in facts.items() if name.startswith("http.hsts")} == {
        "http.hsts.present": True,
        "http.hsts.valid": True,
        "http.hsts.max_age": 63072000,
        "http.hsts.include_subdomains": True,
    }


@pytest.mark.parametrize(
    ("server", "http", "present"),
    [
        ("", HSTS, True),
        ("add_header X-A b;", HSTS, False),  # a header here drops those around it
        ("location / { add_header X-A b; }" + HSTS, "", False),
        ("location / { try_files $uri =404; }" + HSTS, "", True),
        ("location = / { add_header X-A b; } location / { } " + HSTS, "", False),
        ("location /static/ { add_header X-A b; }" + HSTS, "", True),
        ("location / { proxy_pass http://app; }" + HSTS, "", True),
        ("location / { root /srv; }", "", False),
    ],
)
def test_headers_follow_the_inheritance_of_nginx(server: str, http: str, present: bool) -> None:
    assert read(whole(server, http))[0]["http.hsts.present"] is present


@pytest.mark.parametrize(
    ("server", "why"),
    [
        ("location / { proxy_pass http://app; }", Why.UNREADABLE),  # the application may send it
        ("include security-headers.conf;", Why.UNREADABLE),
        ("add_header Strict-Transport-Security $hsts;", Why.TEMPLATED),
        ("add_header Strict-Transport-Security 'max-age={{ age }}';", Why.TEMPLATED),
        (HSTS + r"location ~ \.php$ { add_header X-A b; fastcgi_pass php; }", Why.UNREADABLE),  # pages may lose it
    ],
)
def test_headers_that_the_file_does_not_settle(server: str, why: Why) -> None:
    facts, gaps = read(whole(server))
    assert "http.hsts.present" not in facts
    assert gaps["http.hsts.present"] == why


def test_other_headers_of_an_application_are_its_own_business() -> None:
    facts, gaps = read(whole("location / { proxy_pass http://app; add_header X-Content-Type-Options nosniff; }"))
    assert facts["http.nosniff"] is True
    assert "http.csp_present" not in facts.keys() | gaps.keys()


PLAIN = "server { listen 80; server_name www.ville.example ville.example; %s }\n"


@pytest.mark.parametrize(
    ("body", "redirects"),
    [
        ("return 301 https://$host$request_uri;", True),
        ("return 301 https://www.ville.example$request_uri;", True),
        ("return 301 https://elsewhere.example/;", False),
        ("return 301 http://www.ville.example/;", False),
        ("rewrite ^ https://$host$request_uri permanent;", True),
        ("return 301 https://$server_name$request_uri;", True),
        ("location /.well-known/ { root /srv; } location / { return 301 https://$host$request_uri; }", True),
        ("location / { return 308 https://$host$request_uri; }", True),
        ("if ($host = www.ville.example) { return 301 https://$host$request_uri; } return 404;", True),
        ('if ($scheme != "https") { return 301 https://$host$request_uri; }', True),
        ("root /srv;", False),
    ],
)
def test_redirects(body: str, redirects: bool) -> None:
    facts, gaps = read(PLAIN % body + f"server {{ {TLS} }}")
    assert (facts["http.plain_answers"], facts["http.redirects_to_https"]) == (True, redirects)
    assert "http.redirects_to_https" not in gaps


@pytest.mark.parametrize(
    "body",
    [
        "include redirect.conf;",
        "return 301 $scheme://$host/;",
        "location / { proxy_pass http://app; }",
        "if ($http_x = y) { return 301 https://$host/; }",
    ],
)
def test_a_redirect_that_the_file_does_not_settle(body: str) -> None:
    facts, gaps = read(PLAIN % body + f"server {{ {TLS} }}")
    assert "http.redirects_to_https" not in facts
    assert gaps["http.redirects_to_https"] == Why.UNREADABLE


PAIR = (
    "server {{\n  listen {0}443 ssl;\n  server_name a.example;\n  ssl_protocols TLSv1.2;\n}}\n"
    "server {{\n  listen {1}443 ssl{2};\n  server_name b.example;\n  ssl_protocols TLSv1;\n}}\n"
)


@pytest.mark.parametrize(
    "text",
    [
        PAIR.format("", "", ""),  # a fragment: the default may be in another
        "http {\n" + PAIR.format("", "", "").replace("\n", " ", 1) + "include sites-enabled/*;\n}\n",
        PAIR.format("*:", "0.0.0.0:", ""),
        "server { listen {{ port }} ssl; server_name c.example; }" + PAIR.format("", "", ""),
    ],
    ids=["fragment", "include", "spellings", "template"],
)
def test_which_server_is_the_default_is_not_known(text: str) -> None:
    for name in ("a.example", "b.example"):
        gaps = [
            one for one in nginx.read("n.conf", text) if one.subject == f"{name}:443" and one.name == "tls.versions"
        ]
        (gap,) = gaps
        assert isinstance(gap, Unread)
        assert gap.why is Why.UNREADABLE
        protocols = [number for number, one in enumerate(text.splitlines(), 1) if "ssl_protocols" in one]
        assert all(re.search(rf"\b{number}\b", gap.detail) for number in protocols)
        assert gap.line in protocols


def test_the_flag_makes_the_default_known_in_a_fragment() -> None:
    found = [one for one in nginx.read("n.conf", PAIR.format("", "", " default_server")) if one.name == "tls.versions"]
    told = {one.subject: (one.value, one.line) for one in found if isinstance(one, Read)}
    assert told == {"a.example:443": (["TLSv1"], 9), "b.example:443": (["TLSv1"], 9)}
    assert {one.subject for one in found if isinstance(one, Unread)} == {"a.example:443"}


@pytest.mark.parametrize(("first", "second"), [("", "[::]:"), ("", "192.0.2.1:"), ("[::1]:", "[::]:"), ("", "8")])
def test_other_sockets_have_their_own_default(first: str, second: str) -> None:
    port = "8443" if second == "8" else "443"
    text = PAIR.format(first, second, "")
    assert read(text, "a.example:443")[0]["tls.versions"] == ["TLSv1.2"]
    assert read(text, f"b.example:{port}")[0]["tls.versions"] == ["TLSv1"]


def test_a_name_on_two_sockets_with_two_defaults_has_both_values() -> None:
    text = whole("listen [::]:443 ssl; ssl_protocols TLSv1.2;").replace(
        "server {", "server { listen [::]:443 ssl; ssl_protocols TLSv1; }\nserver {", 1
    )
    found = [one for one in nginx.read("n.conf", text) if one.name == "tls.versions" and one.subject == SUBJECT]
    assert [one.value for one in found if isinstance(one, Read)] == [["TLSv1.2"], ["TLSv1"]]  # a rule must like both


def test_one_gap_for_both_families() -> None:
    gaps = [one for one in nginx.read("n.conf", whole("listen [::]:443 ssl;")) if one.name == "tls.versions"]
    assert len(gaps) == 1


def test_a_thousand_servers_of_one_port_take_no_time() -> None:
    start = time.monotonic()
    text = "".join(
        f"server {{ listen 443 ssl; server_name h{n}.example; ssl_protocols TLSv1.2 {'TLSv1.3' * (n % 2)}; }}\n"
        for n in range(1000)
    )
    assert sum(one.name == "tls.versions" for one in nginx.read("n.conf", text)) == 1000
    assert time.monotonic() - start < 5


def test_no_rule_passes_where_nginx_takes_the_protocols_of_another_server(tmp_path: Path) -> None:
    from nis2check.evidence import tree
    from nis2check.rules.judge import judge
    from nis2check.rules.load import shipped_rules

    weak, good = "ssl_protocols TLSv1;", "ssl_protocols TLSv1.2 TLSv1.3;"
    rules = [rule for rule in shipped_rules() if rule.id == "tls/versions"]
    verdicts = []
    for default, named in ((good, good), (weak, good), (good, weak)):
        text = f"events {{}}\nhttp {{\nserver {{ listen 443 ssl; server_name _; {default} }}\nserver {{ {TLS} {named} }}\n}}\n"
        (tmp_path / "nginx.conf").write_text(text)
        evidence = tree.read(tmp_path, [nginx])
        findings = judge(rules, [], evidence.facts, evidence.gaps)
        verdicts.append([str(one.verdict) for one in findings if one.target.name == SUBJECT])
    assert verdicts == [["pass"], ["fail"], ["unknown"]]


@pytest.mark.parametrize(
    "text",
    ["server { listen ${PORT} ssl; server_name a.example; }", "server { listen 443 ssl; server_name ${HOST}; }"],
)
def test_what_the_environment_fills_in_is_a_gap(text: str) -> None:
    (gap,) = nginx.read("n.conf", text)
    assert isinstance(gap, Unread)
    assert gap.why is Why.TEMPLATED


def test_an_include_named_after_tls_may_add_protocols() -> None:
    found = nginx.read("n.conf", whole("ssl_protocols TLSv1.2; include snippets/ssl.conf;"))
    kinds = [type(one) for one in found if one.name == "tls.versions"]
    assert kinds == [Read, Unread]  # it can fail a rule, and pass none
    assert read(whole("ssl_protocols TLSv1.2; include headers.conf;"))[0]["tls.versions"] == ["TLSv1.2"]


@pytest.mark.parametrize(
    ("listen", "subjects"),
    [
        ("listen [::]:443 ssl;", {SUBJECT}),
        ("listen 443 quic reuseport; listen 443 ssl;", {SUBJECT}),
        ("listen 443 quic reuseport;", set()),
        ("listen 443; ssl on;", {SUBJECT}),
        ("listen 443; ssl ON;", {SUBJECT}),
        ("listen 443-444 ssl;", {SUBJECT, "www.ville.example:444"}),
        ("listen 443;", set()),
        ("include listen.conf;", set()),  # nothing is said of a port 80 that may not be
    ],
)
def test_listen(listen: str, subjects: set[str]) -> None:
    found = nginx.read("n.conf", f"server {{ {listen} server_name www.ville.example; ssl_protocols TLSv1.2; }}")
    assert {one.subject for one in found if one.name == "tls.accepted" and one.subject} == subjects


@pytest.mark.parametrize("name", ["_", '""', "~^.*$", "*.ville.example"])
def test_a_server_without_a_name_is_told_of_the_file(name: str) -> None:
    text = f"server {{\n listen 443 ssl default_server;\n server_name {name};\n ssl_protocols TLSv1;\n}}\n"
    assert read(text, "")[0] == {"tls.accepted": True, "tls.versions": ["TLSv1"]}
    assert line(text, "tls.versions") == 4
    assert list(nginx.read("n.conf", text.replace("}", "ssl_reject_handshake on; }"))) == []


def test_a_server_that_rejects_every_handshake_accepts_no_tls() -> None:
    assert read(whole("ssl_reject_handshake on; ssl_protocols TLSv1.2;")) == ({}, {})


def test_a_protocol_that_nginx_does_not_know() -> None:
    assert read(whole("ssl_protocols TLSv1.2 all;"))[1]["tls.versions"] is Why.MALFORMED


def test_a_plain_host_may_have_its_tls_elsewhere() -> None:
    assert read(PLAIN % "root /srv;") == ({}, {})


def test_each_name_sees_its_own_redirect() -> None:
    text = PLAIN % "return 301 https://www.ville.example$request_uri;"
    assert read(text)[0]["http.redirects_to_https"] is True
    assert read(text, "ville.example:443")[0]["http.redirects_to_https"] is False  # leaves the host in clear


def test_ports_names_and_lines() -> None:
    text = "server {\n  listen 80;\n  listen 8443 ssl http2;\n  listen [::]:8443 ssl;\n  server_name _ ~^x *.b.c a.example;\n}\n"
    found = [one for one in nginx.read("n.conf", text) if one.name == "tls.accepted"]
    assert [(one.subject, one.line) for one in found] == [("a.example:8443", 3)]


@pytest.mark.parametrize(
    "text",
    [
        "http {\n  ssl_protocols TLSv1 TLSv1.2;\n  include sites-enabled/*;\n}\n",
        "# a snippet\nssl_protocols TLSv1 TLSv1.2;\nssl_ciphers x;\n",
    ],
)
def test_settings_for_the_servers_of_other_files_are_said_of_the_file(text: str) -> None:
    assert line(text, "tls.versions") == 2
    facts, _gaps = read(text, "")
    assert facts["tls.versions"] == ["TLSv1", "TLSv1.2"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("server { listen 80;", Why.MALFORMED),
        ("server { } }", Why.MALFORMED),
        ("{% if tls %}\nserver { listen 443 ssl; }\n{% endif %}", Why.TEMPLATED),
        ("a { " * 60 + "}" * 60, Why.LIMIT),
    ],
)
def test_a_file_that_cannot_be_read_is_one_gap(text: str, why: Why) -> None:
    (gap,) = nginx.read("nginx.conf", text)
    assert isinstance(gap, Unread)
    assert (gap.name, gap.why) == ("nginx.*", why)


def test_a_templated_name_hides_no_concern_of_the_file() -> None:
    server = "server {\n  listen 80;\n  server_name {{ host }};\n  autoindex on;\n}\n"
    assert {one.name for one in nginx.read("n.conf", server)} >= {"nginx.server", "nginx.directory_listing"}


def test_a_status_page_behind_a_templated_listen_is_left_open() -> None:
    text = "server {\n  listen {{ inside }}:80;\n  location /s {\n    stub_status;\n  }\n}\n"
    (found,) = (one for one in nginx.read("n.conf", text) if one.name == "nginx.status_open")
    assert isinstance(found, Unread)


@pytest.mark.parametrize(
    "text", [b"{% for s in servers %}\nserver {{ s }}\n{% endfor %}\n", b"ssl_protocols = !SSLv3\n"]
)
def test_settings_of_ntp_and_dovecot_are_not_taken_for_nginx(text: bytes) -> None:
    assert not nginx.matches("templates/some.conf.j2", text)


def test_a_templated_name_is_a_gap_with_its_line() -> None:
    (gap,) = nginx.read("n.conf", "server {\n  listen 443 ssl;\n  server_name {{ host }};\n}\n")
    assert isinstance(gap, Unread)
    assert (gap.why, gap.line) == (Why.TEMPLATED, 3)


def test_odd_syntax() -> None:
    root = parse(
        'a "b;c\\"d" \'e}\' f\\;g; # h { \nmap $x $y { ~^/a\\{2\\} 1; default ""; }\n'
        "server { set $a x\"y; content_by_lua_block { local t = { '}' and {} } } return 200; }"
    )
    assert root.block is not None
    first, second, server = root.block
    assert first.words == ('b;c"d', "e}", "f\\;g")
    assert (second.name, second.line) == ("map", 2)
    assert server.block is not None
    assert server.block[0].words == ("$a", 'x"y')


@pytest.mark.parametrize(
    ("path", "head", "takes"),
    [
        ("nginx.conf", b"", True),
        ("roles/web/templates/nginx.conf.j2", b"", True),
        ("sites-available/ville", b"server {\n", True),
        ("sites-available/ville.conf", b"<VirtualHost *:443>\n", False),
        ("conf.d/a.conf", b"# x\nserver\n{\n", True),
        ("redis.conf", b"bind 0.0.0.0\n", False),
        ("README.md", b"server {\n", False),
    ],
)
def test_what_is_taken_for_nginx(path: str, head: bytes, takes: bool) -> None:
    assert nginx.matches(path, head) is takes


def test_real_nginx_accepts_what_these_tests_read(tool: Callable[..., str], tmp_path: Path) -> None:
    """The texts above are nginx's own language: nginx -t says so."""
    program = tool("nginx")
    texts = [
        whole(HSTS + "location / { add_header X-A b; } ssl_protocols TLSv1.2 TLSv1.3; server_tokens off;"),
        "events {} http { %s }" % (PLAIN % "if ($host = a.b) { return 301 https://$host$request_uri; } return 404;"),
    ]
    for number, text in enumerate(texts):
        file = tmp_path / f"{number}.conf"
        file.write_text(f"pid {tmp_path}/pid; error_log {tmp_path}/log;\n" + text.replace("443 ssl", "443"))
        done = subprocess.run([program, "-t", "-p", str(tmp_path), "-c", str(file)], capture_output=True, check=False)
        assert b"syntax is ok" in done.stderr, done.stderr


def test_the_same_words_for_the_file_and_the_live_site() -> None:
    from nis2check.evidence.net import http

    shared = {spec.name: spec.type for spec in http.FACTS}
    for spec in nginx.FACTS:
        if spec.name.startswith("http."):
            assert shared[spec.name] == spec.type


def test_a_server_that_only_redirects_has_no_page_to_judge() -> None:
    facts, gaps = read(whole("return 301 https://ville.example$request_uri;"))
    assert facts["http.hsts.present"] is False  # a redirect carries it too
    assert not {"http.csp_present", "http.nosniff", "http.moved_to"} & (facts.keys() | gaps.keys())
    facts, _gaps = read(whole("location / { return 302 /accueil; }"))
    assert "http.csp_present" not in facts


@pytest.mark.parametrize(
    ("words", "weak", "why"),
    [
        ("ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305;", [], None),
        ("ssl_ciphers ECDHE-RSA-AES128-SHA:AES256-GCM-SHA384;", ["RSA-KEX", "CBC"], None),
        ("ssl_ciphers DHE-RSA-AES128-GCM-SHA256;", [], None),  # no ssl_dhparam, no DHE
        ("ssl_ciphers DHE-RSA-AES128-GCM-SHA256; ssl_dhparam dh.pem;", ["DHE"], None),
        ("ssl_ciphers HIGH:!aNULL:!MD5;", ["RSA-KEX", "CBC"], Why.UNREADABLE),
        ("ssl_ciphers HIGH:!kRSA;", None, Why.UNREADABLE),
        ("ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256:DES-CBC3-SHA;", None, Why.UNREADABLE),
        ("ssl_ciphers {{ ciphers }};", None, None),
    ],
)
def test_suites(words: str, weak: Json, why: Why | None) -> None:
    found = [one for one in nginx.read("n.conf", whole(words)) if one.name == "tls.weak_suites"]
    assert next((one.value for one in found if isinstance(one, Read)), None) == weak
    assert next((one.why for one in found if isinstance(one, Unread)), None) is why


def test_groups() -> None:
    assert read(whole("ssl_ecdh_curve X25519:prime256v1;"))[0]["tls.groups"] == ["x25519", "secp256r1"]
    assert read(whole("ssl_ecdh_curve myCurve;"))[1]["tls.groups"] is Why.UNREADABLE
    assert "tls.groups" not in read(whole("ssl_ecdh_curve auto;"))[0]


HTTPS = "location / { proxy_pass https://app.example; %s }"
CLEAR = "server { listen 80; server_name www.ville.example; %s }"
# Of each file fact: a text that offends, then one that is right.
CASES = {
    "nginx.directory_listing": (whole("location /a/ { autoindex on; }"), whole("autoindex off;")),
    "nginx.status_open": (
        whole("location /s { stub_status; }"),
        whole("location /s { stub_status; allow 127.0.0.1; deny all; }"),
    ),
    "nginx.backend_unverified": (whole(HTTPS % ""), whole(HTTPS % "proxy_ssl_verify on;")),
    "nginx.basic_auth_clear": (CLEAR % "auth_basic x;", whole("auth_basic x;")),
    "nginx.logs_off": (whole("access_log off;"), whole("access_log /var/log/a;")),
    "nginx.runs_as_root": ("user root;\n" + whole(""), "user www-data;\n" + whole("")),
    "nginx.broken_ciphers": (whole("ssl_ciphers ALL:RC4;"), whole("ssl_ciphers HIGH:!RC4:!aNULL;")),
    "nginx.alias_traversal": (
        whole("location /static { alias /srv/static/; }"),
        whole("location /static/ { alias /srv/static/; }"),
    ),
    "nginx.open_proxy": (
        whole("location / { proxy_pass http://$arg_url; }"),
        whole("location / { proxy_pass http://app; }"),
    ),
}


def test_every_file_fact_has_its_cases() -> None:
    assert CASES.keys() == {spec.name for spec in nginx.FACTS if spec.name.startswith("nginx.")}


@pytest.mark.parametrize("fact", CASES)
def test_file_facts(fact: str) -> None:
    tell_apart(nginx, "nginx.conf", fact, CASES[fact])


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("nginx.backend_unverified", f"server {{ {TLS} {HTTPS % ''} }}"),  # the http block may say it
        ("nginx.status_open", whole("location /s { stub_status; include allow.conf; }")),
        ("nginx.runs_as_root", "user {{ account }};\n" + whole("")),
        ("nginx.backend_unverified", whole("location / { proxy_pass https://$backend; }")),
    ],
)
def test_file_facts_that_the_file_does_not_settle(fact: str, text: str) -> None:
    (gap,) = [one for one in nginx.read("nginx.conf", text) if one.name == fact]
    assert isinstance(gap, Unread)


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        ("nginx.logs_off", whole("location ~ \\.png$ { access_log off; }")),  # images need no log
        ("nginx.backend_unverified", whole("location / { proxy_pass https://127.0.0.1:8443; }")),
        ("nginx.open_proxy", whole("location / { return 404; }")),
        (
            "nginx.backend_unverified",
            whole("location / { proxy_pass https://app; }", "upstream app { server 127.0.0.1:8443; server [::1]:1; }"),
        ),
    ],
)
def test_what_is_no_concern_is_not_told(fact: str, text: str) -> None:
    assert [one for one in nginx.read("nginx.conf", text) if one.name == fact] == []


@pytest.mark.parametrize("common", ["ssl_protocols TLSv1;", "ssl_protocols TLSv1.2 TLSv1.3;", ""])
def test_what_a_site_takes_from_the_http_block_of_another_file_is_not_known(tmp_path: Path, common: str) -> None:
    """conf.d/ville.conf inherits from nginx.conf: neither its good nor its weak settings give the site a verdict."""
    from nis2check.evidence import tree
    from nis2check.rules.judge import judge
    from nis2check.rules.load import shipped_rules

    (tmp_path / "conf.d").mkdir()
    (tmp_path / "nginx.conf").write_text(f"events {{}}\nhttp {{\n{common}\n{HSTS}\ninclude conf.d/*.conf;\n}}\n")
    (tmp_path / "conf.d/ville.conf").write_text(f"server {{ {TLS} root /srv; }}\n")
    evidence = tree.read(tmp_path, [nginx])
    rules = [rule for rule in shipped_rules() if rule.id in {"tls/versions", "http/hsts", "http/version-hidden"}]
    findings = judge(rules, [], evidence.facts, evidence.gaps)
    verdicts = {one.rule: str(one.verdict) for one in findings if one.target.name == SUBJECT}
    assert verdicts == {"tls/versions": "unknown", "http/hsts": "unknown", "http/version-hidden": "unknown"}
