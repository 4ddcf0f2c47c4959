# SPDX-License-Identifier: EUPL-1.2
"""Which requests the dashboard refuses, and why."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from nis2check.serve.guard import Door

DOOR = Door(8123, "a-token")
PLAIN = {"host": "127.0.0.1:8123"}


def test_a_plain_request_passes() -> None:
    assert DOOR.refusal("GET", "/", PLAIN) is None
    assert DOOR.refusal("HEAD", "/", {"host": "localhost:8123", "sec-fetch-site": "none"}) is None


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/", PLAIN, HTTPStatus.METHOD_NOT_ALLOWED),
        ("DELETE", "/", PLAIN, HTTPStatus.METHOD_NOT_ALLOWED),
        ("GET", "/?q=" + "a" * 2_048, PLAIN, HTTPStatus.REQUEST_URI_TOO_LONG),
        ("GET", "/", PLAIN | {"x": "a" * 20_000}, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE),
        ("GET", "/", {}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", {"host": "127.0.0.1"}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", {"host": "127.0.0.1:8124"}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", {"host": "rebound.example:8123"}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", {"host": "127.0.0.1:8123.evil.example"}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", {"host": "127.0.0.1:8123@evil.example"}, HTTPStatus.MISDIRECTED_REQUEST),
        ("GET", "/", PLAIN | {"content-length": "5"}, HTTPStatus.BAD_REQUEST),
        ("GET", "/", PLAIN | {"transfer-encoding": "chunked"}, HTTPStatus.BAD_REQUEST),
        ("GET", "/", PLAIN | {"sec-fetch-site": "cross-site"}, HTTPStatus.FORBIDDEN),
        ("GET", "/", PLAIN | {"sec-fetch-site": "same-site"}, HTTPStatus.FORBIDDEN),
    ],
)
def test_refusals(method: str, path: str, headers: dict[str, str], status: HTTPStatus) -> None:
    assert DOOR.refusal(method, path, headers) is status


@pytest.mark.parametrize(
    "path", ["/open/", "/open/a-toke", "/open/a-token/", "/open/A-token", "/open/é", "/", "/open/a-token?x"]
)
def test_the_address_is_the_whole_token(path: str) -> None:
    assert not DOOR.enters(path)


def test_the_cookie_is_the_key() -> None:
    assert DOOR.enters("/open/a-token")
    assert DOOR.knows({"cookie": "other=1; nis2check-8123=a-token"})
    for cookie in ("", "nis2check-8123=", "nis2check-8123=a-toke", "nis2check-8124=a-token", "xnis2check-8123=a-token"):
        assert not DOOR.knows({"cookie": cookie}), cookie
    said = DOOR.set_cookie()
    assert "; HttpOnly" in said
    assert "; SameSite=Strict" in said
    assert "Expires" not in said
    assert "Max-Age" not in said
