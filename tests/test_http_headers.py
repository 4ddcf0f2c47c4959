# SPDX-License-Identifier: EUPL-1.2
"""What headers, heads and security.txt files say: the pure half of the web probe."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nis2check.evidence import web_headers as headers
from nis2check.evidence.net.http import security_txt
from nis2check.evidence.net.http.message import Answer
from nis2check.evidence.net.http.page import head, not_the_site
from nis2check.evidence.observe import Unseen
from nis2check.evidence.web_headers import Hsts, hsts, page_facts, policy_weaknesses
from nis2check.model import Why

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("max-age=31536000", Hsts(True, 31536000)),
        ("Max-Age=31536000 ; INCLUDESUBDOMAINS; preload", Hsts(True, 31536000, True)),
        ('max-age="63072000"', Hsts(True, 63072000)),
        (";max-age=0;", Hsts(True, 0)),
        ('max-age=1; future="a;b"', Hsts(True, 1)),
        ("max-age=99999999999999999999999999999", Hsts(True, 10**12)),
        ("includeSubDomains", Hsts(False)),
        ("max-age=", Hsts(False)),
        ("max-age=-1", Hsts(False)),
        ("max-age=1; max-age=2", Hsts(False)),
        ("max-age=1 includeSubDomains", Hsts(False)),
        ("max-age=1, max-age=1", Hsts(False)),
        ("max-age=1; includeSubDomains=true", Hsts(False)),
        ('max-age=1; "unterminated', Hsts(False)),
        ("max-age=١", Hsts(False)),
        ("", Hsts(False)),
    ],
)
def test_hsts_follows_rfc_6797(value: str, expected: Hsts) -> None:
    assert hsts(value) == expected


def test_only_the_first_hsts_header_counts() -> None:
    sent = [("strict-transport-security", "max-age=0"), ("strict-transport-security", "max-age=31536000")]
    assert headers.hsts_facts(sent)["http.hsts.max_age"] == 0


def test_an_invalid_hsts_header_gives_no_age() -> None:
    facts = headers.hsts_facts([("strict-transport-security", "max-age=1; max-age=1")])
    assert facts == {"http.hsts.present": True, "http.hsts.valid": False}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["default-src 'self'"], []),
        (["script-src 'self' 'unsafe-inline' 'unsafe-eval'"], ["unsafe-eval", "unsafe-inline"]),
        (["script-src 'nonce-abc' 'unsafe-inline'"], []),
        (["script-src 'strict-dynamic' 'nonce-a' https: 'unsafe-inline'"], []),
        (["default-src https:"], ["any-source"]),
        (["frame-ancestors 'none'"], ["no-script-src"]),
        (["frame-ancestors 'none'", "script-src 'self'"], []),
        (["script-src 'none'; script-src *"], []),
    ],
)
def test_policy_weaknesses_are_those_of_every_policy(policies: list[str], expected: list[str]) -> None:
    assert policy_weaknesses(policies) == expected


@pytest.mark.parametrize(
    ("sent", "protected"),
    [
        ([("x-frame-options", "deny")], True),
        ([("x-frame-options", "SAMEORIGIN"), ("x-frame-options", "SAMEORIGIN")], True),
        ([("x-frame-options", "ALLOW-FROM https://a.example")], False),
        ([("x-frame-options", "DENY, ALLOWALL")], False),
        ([("content-security-policy", "frame-ancestors 'self' https://a.example")], True),
        ([("content-security-policy", "frame-ancestors *"), ("x-frame-options", "DENY")], False),
        ([("content-security-policy", "default-src 'self'")], False),
        ([], False),
    ],
)
def test_framing(sent: list[tuple[str, str]], protected: bool) -> None:
    assert page_facts(sent)["http.framing_protected"] is protected


@pytest.mark.parametrize(
    ("banner", "discloses"),
    [
        ("nginx", False),
        ("Apache", False),
        ("Apache/2.4.57 (Debian)", True),
        ("Microsoft-IIS/10.0", True),
        ("ECS (nyb/1D2E)", False),
        ("cloudflare", False),
    ],
)
def test_a_version_in_a_banner(banner: str, discloses: bool) -> None:
    assert page_facts([("server", banner)])["http.discloses_version"] is discloses


def test_cookies_without_secure_or_httponly_are_named() -> None:
    cookies = [
        "good=1; Path=/; Secure; HttpOnly",
        "plain=1; HttpOnly",
        "script=1; Secure",
        "XSRF-TOKEN=1; Secure; SameSite=Lax",
        "XSRF-TOKEN2=1",
    ]
    facts = page_facts([("set-cookie", cookie) for cookie in cookies])
    assert facts["http.cookies_insecure"] == ["XSRF-TOKEN2", "plain", "script"]


def test_the_head_of_a_page_may_hold_its_policies() -> None:
    body = b"""<html><head><!-- <meta http-equiv="Content-Security-Policy" content="commented"> -->
      <META HTTP-EQUIV='content-security-policy' content="default-src 'self'"><meta name=referrer content=no-referrer>
      </head><body><meta http-equiv="Content-Security-Policy" content="too late"></body>"""
    found = head(Answer(200, (("content-type", "text/html"),), body, Unseen(Why.LIMIT)))
    assert (found.policies, found.referrers, found.whole) == (("default-src 'self'",), ("no-referrer",), True)


def test_a_head_that_was_cut_is_not_whole() -> None:
    assert not head(Answer(200, (("content-type", "text/html"),), b"<html><head>", Unseen(Why.TIMEOUT))).whole


@pytest.mark.parametrize(
    ("status", "sent", "body", "why"),
    [
        (200, (), b"<html>", None),
        (404, (), b"", None),
        (403, (), b"", Why.BLOCKED),
        (429, (), b"", Why.RATE_LIMITED),
        (503, (), b"", Why.RATE_LIMITED),
        (200, (("cf-mitigated", "challenge"),), b"", Why.BLOCKED),
        (202, (("x-amzn-waf-action", "challenge"),), b"", Why.BLOCKED),
        (200, (), b"<script src=/.within.website/x/cmd/anubis/static/js/main.mjs>", Why.BLOCKED),
    ],
)
def test_what_answers_instead_of_the_site(
    status: int, sent: tuple[tuple[str, str], ...], body: bytes, why: Why | None
) -> None:
    refusal = not_the_site(Answer(status, sent, body))
    assert (refusal.why if refusal else None) == why


GOOD = "Contact: mailto:ssi@ville.example\nExpires: 2027-05-01T00:00:00Z\nPreferred-Languages: fr, en\n"


def test_a_good_security_txt() -> None:
    assert security_txt.facts(GOOD, "text/plain; charset=utf-8", NOW) == {
        "http.security_txt.present": True,
        "http.security_txt.signed": False,
        "http.security_txt.valid": True,
        "http.security_txt.expires": "2027-05-01T00:00:00+00:00",
        "http.security_txt.days_left": 159,
    }


@pytest.mark.parametrize(
    ("text", "media_type"),
    [
        (GOOD, "text/html"),
        (GOOD.replace("2027", "2026"), "text/plain"),
        (GOOD + "Expires: 2027-06-01T00:00:00Z\n", "text/plain"),
        (GOOD.replace("T00:00:00Z", ""), "text/plain"),
        (GOOD.replace("mailto:ssi@ville.example", "ssi@ville.example"), "text/plain"),
        (GOOD.replace("mailto:ssi@", "http://"), "text/plain"),
        ("Expires: 2027-05-01T00:00:00Z\n", "text/plain"),
        (GOOD.replace("2027-05-01", "9999-99-99"), "text/plain"),
    ],
)
def test_a_security_txt_that_is_not_valid(text: str, media_type: str) -> None:
    facts = security_txt.facts(text, media_type, NOW)
    assert facts["http.security_txt.present"] is True
    assert facts["http.security_txt.valid"] is False


def test_an_expired_security_txt_counts_backwards() -> None:
    facts = security_txt.facts(GOOD.replace("2027-05-01", "2026-11-21"), "text/plain", NOW)
    assert facts["http.security_txt.days_left"] == -2


def test_a_signed_security_txt() -> None:
    signed = (
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"
        + GOOD
        + "- -----\n-----BEGIN PGP SIGNATURE-----\n\nabc: def\n-----END PGP SIGNATURE-----\n"
    )
    facts = security_txt.facts(signed, "text/plain", NOW)
    assert facts["http.security_txt.signed"] is facts["http.security_txt.valid"] is True


@given(st.lists(st.tuples(st.sampled_from(["strict-transport-security", "set-cookie", "content-security-policy",
                                            "x-frame-options", "server", "referrer-policy"]), st.text())))  # fmt: skip
def test_no_header_breaks_the_facts(sent: list[tuple[str, str]]) -> None:
    assert isinstance(page_facts(sent) | headers.hsts_facts(sent), dict)


@given(st.text())
def test_no_text_breaks_security_txt(text: str) -> None:
    assert security_txt.facts(text, "text/plain", NOW)["http.security_txt.present"] is True
