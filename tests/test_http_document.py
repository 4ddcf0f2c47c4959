# SPDX-License-Identifier: EUPL-1.2
"""What a page loads and what it is, by its tags and by public signs: the pure half that reads bodies."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check.evidence.net.http import recognise
from nis2check.evidence.net.http.document import Document, Role, document, insecure_places, unbound_scripts
from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.net.http.page import not_the_site, to_a_challenge
from nis2check.evidence.net.http.recognise import Portal, Shown
from nis2check.evidence.observe import Unseen
from nis2check.model import Why

URL = "https://www.ville.example/fr/"
ACTIVE = (Role.SCRIPT, Role.ACTIVE, Role.FORM)
HASH = "sha384-" + "A" * 64


def read(text: str, kind: str = "text/html", cut: Unseen | None = None) -> Document:
    return document(Answer(200, (("content-type", kind),), text.encode(), cut), URL)


@pytest.mark.parametrize(
    ("text", "active", "passive"),
    [
        ('<script src="http://a.example/x.js"></script>', ["http://a.example"], []),
        ("<SCRIPT SRC=http://A.example/x.js async></SCRIPT>", ["http://a.example"], []),
        ("<img src='http://i.example:8080/a.png'>", [], ["http://i.example:8080"]),
        ("<link rel='preload stylesheet' href=http://c.example/a.css>", ["http://c.example"], []),
        ("<form action=http://f.example/login>", ["http://f.example"], []),
        (
            "<iframe src=http://e.example/></iframe><object data=http://o.example>",
            ["http://e.example", "http://o.example"],
            [],
        ),
        (
            "<base href=http://b.example/><script src=x.js></script><img src=/i>",
            ["http://b.example"],
            ["http://b.example"],
        ),
        ("<script src=//a.example/x.js></script><img src=/i.png><script src='x.js'></script>", [], []),
        ("<a href=http://a.example/>lien</a><link rel=canonical href=http://a.example>", [], []),
        ("<!-- <script src=http://a.example/x.js></script> -->", [], []),
        ("<script>var x = '<img src=http://a.example/>'</script>", [], []),
        ("<textarea><script src=http://a.example/x.js></script></textarea>", [], []),
        ("<noscript><img src=http://a.example/></noscript>", [], []),
        ("<script type=application/ld+json src=http://a.example/x></script>", [], []),
        ("<img src=http://localhost/><script src=http://127.0.0.1:9/x></script>", [], []),
        ("<img alt='>' src='http://a.example/'>", [], ["http://a.example"]),
        ("<img src=http://a.example:99999/><script src='http://[/x'></script><img src=javascript:x>", [], []),
        ("<img src='http://a.example/", [], []),  # a tag without an end is no tag
        (
            "<meta http-equiv=content-security-policy content=upgrade-insecure-requests><img src=http://a.example/>",
            [],
            [],
        ),
    ],
)
def test_what_an_https_page_uses_over_http(text: str, active: list[str], passive: list[str]) -> None:
    page = read(text)
    assert insecure_places(page, (), *ACTIVE) == active
    assert insecure_places(page, (), Role.PASSIVE) == passive


def test_a_header_that_upgrades_requests_leaves_nothing_mixed() -> None:
    page = read("<img src=http://a.example/>")
    assert insecure_places(page, ["default-src 'self'; upgrade-insecure-requests"], Role.PASSIVE) == []


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("<script src=https://cdn.example/x.js></script>", ["cdn.example"]),
        (f"<script src=https://cdn.example/x.js integrity='{HASH}'></script>", []),
        ("<script src=https://cdn.example/x.js integrity=md5-AAAA></script>", ["cdn.example"]),
        ("<script src=//cdn.example/x.js type=module></script>", ["cdn.example"]),
        ("<script src=/x.js></script><script src=https://static.ville.example/x></script>", []),
        ("<script src=https://ville.example/x.js></script>", []),
        ("<script src=https://autreville.example/x.js></script>", ["autreville.example"]),
        ("<script>load('https://cdn.example/x.js')</script>", []),
    ],
)
def test_scripts_of_others_without_a_hash(text: str, hosts: list[str]) -> None:
    assert unbound_scripts(read(text), "www.ville.example") == hosts


def test_only_html_is_read_and_a_cut_page_says_so() -> None:
    assert read('{"a": "<script src=http://a.example>"}', kind="application/json") == Document()
    assert read("<title>x</title>", cut=Unseen(Why.CLOSED, "x")).whole is False
    assert read("<title> Mairie\n de  Ville &amp; \u00e9t\u00e9</title>").title == "Mairie de Ville & été"


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "<", "</a ", "<a a='", "<a b=", "<script>", "<![", "a=", "<title>", "<img src=http://a>"]
)
@pytest.mark.parametrize("before", ["", "<a ", "<a b='", "<script src="])
def test_reading_time_does_not_explode(before: str, piece: str) -> None:
    text = (before + piece * (1 << 20))[: 1 << 20]
    started = time.process_time()
    read(text)
    assert time.process_time() - started < 3  # 0.4 s here; what is not linear takes minutes


@given(st.text(alphabet="<>!-/='\" aimgscript&;:http\n", max_size=300))
def test_any_text_is_read(text: str) -> None:
    page = read("<html>" + text)
    assert all(resource.address.scheme in {"http", "https"} for resource in page.resources)


# ------------------------------------------------------------------------------------------------------- recognised pages


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (Shown(cookies=["SVPNCOOKIE"]), Portal("Fortinet FortiGate", "remote_access")),
        (
            Shown(servers=["xxxxxxxx-xxxxx"], cookies=["APSCOOKIE_39485"]),
            Portal("Fortinet FortiGate", "administration"),
        ),
        (Shown(paths=["/", "/dana-na/auth/url_default/welcome.cgi"]), Portal("Ivanti Connect Secure", "remote_access")),
        (Shown(paths=["/+CSCOE+/logon.html?a=1"]), Portal("Cisco ASA", "remote_access")),
        (Shown(title="GlobalProtect Portal"), Portal("Palo Alto GlobalProtect", "remote_access")),
        (Shown(title="Login | OPNsense"), Portal("OPNsense", "administration")),
        (Shown(servers=["MiniServ/2.105"]), Portal("Webmin", "administration")),
        (Shown(paths=["/owa/auth/logon.aspx"]), Portal("Microsoft Exchange", "mail")),
        (Shown(body=b"<script>document.write(ID_VC_Welcome)</script>"), Portal("VMware vCenter", "administration")),
        (Shown(body=b"ID_VC_Welcome" + b" " * 70000), None),
        (Shown(paths=["/article?next=/dana-na/"]), None),
        (Shown(title="La mairie utilise GlobalProtect Portal", cookies=["PHPSESSID"], servers=["nginx"]), None),
        (Shown(), None),
    ],
)
def test_portals_by_their_signs(shown: Shown, expected: Portal | None) -> None:
    assert recognise.portal(shown) == expected


def test_the_table_of_portals_is_whole() -> None:
    uses = {"remote_access", "mail", "administration"}
    assert all(len(row) == 4 and row[1] in uses and len(row[3]) >= 5 for row in recognise._ROWS)
    assert {row[2] for row in recognise._ROWS} == {"cookie", "server", "path", "title", "body"}
    assert len({tuple(row[2:]) for row in recognise._ROWS}) == len(recognise._ROWS)


@pytest.mark.parametrize(
    ("shown", "product"),
    [
        (Shown(title="Welcome to nginx!"), "nginx"),
        (Shown(title="Apache2 Debian Default Page: It works"), "Apache"),
        (Shown(title="IIS Windows Server"), "IIS"),
        (Shown(body=b"<html><body><h1>It works!</h1></body></html>\n"), "Apache"),
        (Shown(paths=["/", "/wp-admin/install.php"]), "WordPress"),
        (Shown(title="Ville : It works!", body=b"<html><body><h1>Mairie</h1>It works!"), ""),
        (Shown(title="Mairie"), ""),
    ],
)
def test_pages_left_by_an_installation(shown: Shown, product: str) -> None:
    assert recognise.default_page(shown) == product


@pytest.mark.parametrize(
    ("title", "body", "listing"),
    [
        ("Index of /", b"<h1>Index of /</h1><a href=../>../</a>", True),
        ("Directory listing for /", b"<h1>Directory listing for /</h1>", True),
        ("www.ville.example - /", b"<a href=/>[To Parent Directory]</a>", True),
        ("Index of /", b"<p>an article", False),
        ("Mairie", b"Parent Directory", False),
    ],
)
def test_listings_of_files(title: str, body: bytes, listing: bool) -> None:
    assert recognise.directory_listing(Shown(title=title, body=body)) is listing


# -------------------------------------------------------------------------------------------------- what is not the site


@pytest.mark.parametrize("status", [400, 401, 403, 405, 406, 418, 451, 500, 502, 504, 520, 530])
def test_an_error_of_who_stands_in_front_is_not_the_site(status: int) -> None:
    refusal = not_the_site(Answer(status, ()))
    assert refusal is not None and refusal.why is Why.BLOCKED


@pytest.mark.parametrize("status", [200, 204, 301, 404, 410])
def test_the_site_s_own_word(status: int) -> None:
    assert not_the_site(Answer(status, (), b"<title>Mairie</title>")) is None


@pytest.mark.parametrize(
    "body",
    [
        b"<title>Just a moment...</title>",
        b"<title>Access Denied</title>Reference #18.2",
        b"<html><head><title>Web Page Blocked!</title>",
        b"<html><script src=/_Incapsula_Resource?SWJIYLWA=1></script></html>",
        b"<script src=/aes.js></script><script>document.cookie='__test=1';location.href='/?i=1'</script>",
        b"<p>Please enable JS</p><script src=https://ct.captcha-delivery.com/c.js></script>",
    ],
)
def test_challenges_with_an_innocent_status(body: bytes) -> None:
    refusal = not_the_site(Answer(200, (), body))
    assert refusal is not None and refusal.why is Why.BLOCKED


@pytest.mark.parametrize(
    "script",
    [
        b"<script src=/cdn-cgi/challenge-platform/scripts/jsd/main.js></script>",
        b"<script src=/_Incapsula_Resource?SWJIYLWA=1></script>",
        b"<script src=https://x.token.awswaf.com/challenge.js></script>",
        b"<script>document.cookie='lu=1'; window.location.hash</script>",
    ],
)
def test_a_real_page_that_carries_such_a_script_is_the_site(script: bytes) -> None:
    words = b"<p>Bienvenue sur le site de la mairie. Horaires, demarches, agenda et actualites de la commune.</p>" * 4
    assert not_the_site(Answer(200, (), b"<title>Mairie</title>" + script + words)) is None


def test_a_redirect_to_a_challenge() -> None:
    assert to_a_challenge("https://validate.perfdrive.com/?ssa=1") is not None
    assert to_a_challenge("https://www.ville.example/accueil") is None
