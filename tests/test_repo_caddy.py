# SPDX-License-Identifier: EUPL-1.2
"""What a Caddyfile settles, and what it leaves open."""

from __future__ import annotations

import time

import pytest

from nis2check.evidence.observe import Unread
from nis2check.evidence.repo import caddy
from nis2check.evidence.repo.caddy.syntax import parse
from nis2check.model import Json, Why
from tests.readings import fact_of, settled, tell_apart

SUBJECT = "www.ville.example:443"


def site(words: str, address: str = "www.ville.example") -> str:
    return f"{address} {{\n{words}\n}}\n"


def read(text: str, subject: str = SUBJECT) -> tuple[dict[str, Json], dict[str, Why]]:
    return settled(caddy, "Caddyfile", text, subject)


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        (site(""), {SUBJECT}),
        ("www.ville.example\nreverse_proxy app:80\n", {SUBJECT}),  # one site without braces
        (site("", "www.ville.example, ville.example:8443"), {SUBJECT, "ville.example:8443"}),
        (site("", "www.ville.example,\nville.example"), {SUBJECT, "ville.example:443"}),
        (site("", "https://www.ville.example"), {SUBJECT}),
        (site("", "http://www.ville.example"), set()),
        (site("", "www.ville.example:80"), set()),
        (site("", ":443"), set()),
        (site("", "localhost"), set()),
        (site("", "*.ville.example"), set()),
        (site("", "{$HOST:www.ville.example}"), {SUBJECT}),
        ("{\n  https_port 8443\n}\n" + site(""), {"www.ville.example:8443"}),
    ],
)
def test_the_sites_that_automatic_https_serves(text: str, subjects: set[str]) -> None:
    found = caddy.read("Caddyfile", text)
    assert {one.subject for one in found if one.name == "tls.accepted"} == subjects


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (site("", "{$HOST}"), Why.TEMPLATED),
        (site("", "{{ host }}"), Why.TEMPLATED),
        ("import sites/*\n" + site(""), Why.UNREADABLE),
        ("{% if x %}\n" + site(""), Why.TEMPLATED),
        ("www.ville.example {\n", Why.MALFORMED),
        ("a {\n}\n}\n", Why.MALFORMED),
        ("a {\n" * 50 + "}\n" * 50, Why.LIMIT),
    ],
)
def test_what_is_not_known_is_a_gap(text: str, why: Why) -> None:
    found = [one for one in caddy.read("Caddyfile", text) if isinstance(one, Unread)]
    assert [one.why for one in found if one.name in {"caddy.*", "caddy.site"}] == [why]


@pytest.mark.parametrize("option", ["off", "disable_certs"])
def test_without_automatic_certificates_a_site_must_name_one(option: str) -> None:
    options = "{\n  auto_https " + option + "\n}\n"
    facts, gaps = read(options + site(""))
    assert facts == {}
    assert gaps["tls.*"] is Why.UNREADABLE
    assert read(options + site("tls a.pem b.pem"))[0]["tls.versions"] == ["TLSv1.2", "TLSv1.3"]


def test_no_redirect_is_told_when_it_is_turned_off() -> None:
    facts, _gaps = read("{\n  auto_https disable_redirects\n}\n" + site(""))
    assert "http.redirects_to_https" not in facts
    assert read(site(""))[0]["http.redirects_to_https"] is True


def test_what_an_application_may_send_is_open() -> None:
    assert read(site("reverse_proxy app:80"))[1]["http.hsts.present"] is Why.UNREADABLE
    assert read(site("file_server"))[0]["http.hsts.present"] is False
    for words in (
        "@a path /a\nheader @a Strict-Transport-Security max-age=1",
        "handle {\nheader Strict-Transport-Security max-age=1\n}",
    ):
        assert read(site(words))[1]["http.hsts.present"] is Why.UNREADABLE
    assert read(site("header Strict-Transport-Security {$HSTS}"))[1]["http.hsts.present"] is Why.TEMPLATED


def test_a_snippet_stands_where_it_is_imported_and_a_bomb_of_them_is_one_gap() -> None:
    assert (
        read("(h) {\nheader Strict-Transport-Security max-age=1\n}\n" + site("import h"))[0]["http.hsts.max_age"] == 1
    )
    start = time.monotonic()
    bomb = "(a0) {\nrespond x\n}\n" + "".join(
        f"(a{n}) {{\n{f'import a{n - 1}{chr(10)}' * 10}}}\n" for n in range(1, 30)
    )
    (gap,) = caddy.read("Caddyfile", bomb + site("import a29"))
    assert isinstance(gap, Unread)
    assert gap.why is Why.LIMIT
    assert time.monotonic() - start < 5
    (gap,) = caddy.read("Caddyfile", "(a) {\nimport a\n}\n" + site("import a"))
    assert isinstance(gap, Unread)


def test_syntax() -> None:
    file = parse(
        '{\n admin off\n}\na.b { # c\n respond "x }\ny" 200\n respond `{` <<END\n z\n END\n route {\n  x \\\n y\n }\n}\n'
    )
    assert [one.words for one in file.options.block or ()] == [("admin", "off")]
    (only,) = file.sites
    assert [(one.words, one.line) for one in only.block or ()] == [
        (("respond", "x }\ny", "200"), 5),
        (("respond", "{", " z\n"), 7),
        (("route",), 10),
    ]


LOG = "log {\n output file /var/log/a {\n  %s\n }\n}"
# Of each file fact: a text that offends, then one that is right.
CASES = {
    "caddy.admin_open": ("{\n admin 0.0.0.0:2019\n}\n", "{\n admin localhost:2019\n}\n"),
    "caddy.sites_in_clear": (site("respond x", "http://www.ville.example"), site("respond x")),
    "caddy.backend_unverified": (
        site("reverse_proxy https://app.example {\n transport http {\n  tls_insecure_skip_verify\n }\n}"),
        site("reverse_proxy https://app.example"),
    ),
    "caddy.directory_listing": (site("file_server browse"), site("file_server")),
    "caddy.sites_without_log": (site("respond x"), site("respond x\nlog")),
    "caddy.log_retention_short": (site(LOG % "roll_keep_for 7d"), site(LOG % "roll_keep_for 2400h")),
    "caddy.basic_auth_clear": (
        site("basic_auth {\n a $2a$\n}", "http://www.ville.example"),
        site("basic_auth {\n a $2a$\n}"),
    ),
}


def test_every_file_fact_has_its_cases() -> None:
    assert CASES.keys() == {spec.name for spec in caddy.FACTS if spec.name.startswith("caddy.")}


@pytest.mark.parametrize("fact", CASES)
def test_file_facts(fact: str) -> None:
    tell_apart(caddy, "Caddyfile", fact, CASES[fact])


@pytest.mark.parametrize(
    ("fact", "text", "offends"),
    [
        ("caddy.admin_open", "{\n admin :2019\n}\n", True),
        ("caddy.admin_open", "{\n admin off\n}\n", False),
        ("caddy.admin_open", "{\n admin unix//run/caddy.sock\n}\n", False),
        ("caddy.sites_in_clear", site("redir https://{host}{uri}", "http://www.ville.example"), False),
        ("caddy.sites_in_clear", site("respond x", "http://www.ville.example") + site("respond y"), False),
        ("caddy.sites_without_log", site("log {\n output discard\n}"), True),
        ("caddy.directory_listing", site("file_server {\n browse\n}"), True),
        ("caddy.log_retention_short", site(LOG % "roll_keep_for 2160h"), False),  # what Caddy does by itself
    ],
)
def test_more_file_facts(fact: str, text: str, offends: bool) -> None:
    assert bool(fact_of(caddy, "Caddyfile", text, fact).value) is offends


@pytest.mark.parametrize(
    ("path", "takes"),
    [
        ("Caddyfile", True),
        ("web/Caddyfile.prod", True),
        ("a.caddyfile", True),
        ("caddy.json", False),
        ("Cargo.toml", False),
    ],
)
def test_what_is_taken_for_a_caddyfile(path: str, takes: bool) -> None:
    assert caddy.matches(path, b"") is takes


def test_a_file_of_caddy_1_is_one_gap() -> None:
    (gap,) = caddy.read("Caddyfile", "example.com\n\ngzip\nproxy / localhost:8080 {\n  transparent\n}\n")
    assert isinstance(gap, Unread)
    assert (gap.name, gap.why, gap.line) == ("caddy.*", Why.UNREADABLE, 3)


def test_one_site_without_braces_may_have_blocks() -> None:
    assert read("www.ville.example\nreverse_proxy app:80 {\n  lb_policy first\n}\n")[0]["tls.accepted"] is True


def test_a_site_of_the_machine_itself_needs_no_log() -> None:
    assert [one for one in caddy.read("Caddyfile", site("respond x", "localhost:3000")) if "log" in one.name] == []


def test_directives_without_a_site_are_one_gap() -> None:
    (gap,) = caddy.read("headers.caddy", "header {\n  X-Frame-Options DENY\n}\nencode gzip\n")
    assert isinstance(gap, Unread)
    assert "imports" in gap.detail
