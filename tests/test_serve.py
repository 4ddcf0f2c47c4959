# SPDX-License-Identifier: EUPL-1.2
"""The dashboard over a real history: its pages, what it refuses over a real socket, and itself in a real Chromium."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from nis2check.history.store import History
from nis2check.serve.server import MOST_AT_ONCE, Dashboard
from nis2check.serve.site import Site

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden" / "result.json"
BROWSER = TESTS / "browser"
HOSTILE = "Commune <script>alert(1)</script> =cmd() \u202e\x1b[31m"


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """Three runs of one body, one of another whose words are hostile."""
    kept = History(str(tmp_path_factory.mktemp("kept") / "history.sqlite"))
    document: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    for day, repaired in (("2026-10-01", 0), ("2026-11-01", 2), ("2026-11-22", 4)):
        one = json.loads(GOLDEN.read_bytes())
        one["run"] = {"started": f"{day}T14:05:00+01:00", "finished": f"{day}T14:06:00+01:00"}
        for finding in [finding for finding in one["findings"] if finding["verdict"] == "fail"][:repaired]:
            finding["verdict"] = "pass"
        kept.save(one)
    document["body"] |= {"name": HOSTILE, "siren": "200000016"}
    for finding in document["findings"]:
        finding["target"]["name"] = finding["reason"] = HOSTILE
    document["complete"] = False
    kept.save(document)
    return kept


@pytest.fixture(scope="module")
def dashboard(history: History) -> Iterator[Dashboard]:
    site = Site(history, "fr")
    with Dashboard(0, "a-token", site.answer, site.refused) as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        yield served
        served.shutdown()
        thread.join(5)


Get = Callable[..., tuple[HTTPResponse, str]]


@pytest.fixture
def get(dashboard: Dashboard) -> Get:
    """One request with the cookie; headers may be set or, as None, taken away."""

    def ask(path: str, method: str = "GET", **headers: str | None) -> tuple[HTTPResponse, str]:
        port = dashboard.door.port
        wanted = {"Host": f"127.0.0.1:{port}", "Cookie": f"nis2check-{port}=a-token"}
        wanted |= {name.replace("_", "-"): value for name, value in headers.items()}  # type: ignore[misc]
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in wanted.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer, text

    return ask


def plain(page: str) -> str:
    """The words of a page without tags and typography."""
    words = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.S)
    return " ".join(words.replace("\u00a0", " ").replace("\u202f", " ").replace("&#39;", "'").split())


# ------------------------------------------------------------------------------------------------------------- refused


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "evil.example:80", None])
def test_another_host_is_refused(get: Get, host: str | None) -> None:
    answer, page = get("/", Host=host)
    assert answer.status in {400, 421}
    assert "Étangs" not in page


@pytest.mark.parametrize("cookie", [None, "", "nis2check-1=a-token", "a-token"])
def test_without_the_token_nothing_is_shown(get: Get, cookie: str | None) -> None:
    for path in ("/", "/run?n=1", "/body?key=200000008", "/open/another", "/nowhere"):
        answer, page = get(path, Cookie=cookie)
        assert answer.status == 403, path
        assert "Étangs" not in page
        assert answer.headers["Set-Cookie"] is None


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO"])
def test_other_methods_are_refused(get: Get, method: str) -> None:
    answer, page = get("/", method)
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert "Étangs" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2fetc/passwd",
        "//etc/passwd",
        "/run/../../etc/passwd",
        "/run",
        "/run?n=",
        "/run?n=-1",
        "/run?n=99999",
        "/run?n=1e3",
        "/run?n=%00",
        "/run?n=1%27%20OR%201=1",
        "/body?key=nobody",
        "/body",
        "/?page=0",
        "/?page=99",
        "/findings?n=1&page=x",
        "/diff?before=1",
        "/report.css",
        "http://[",
    ],
)
def test_what_is_not_there_is_404_without_an_echo(get: Get, path: str) -> None:
    answer, page = get(path)
    assert answer.status == 404
    assert "passwd" not in page
    assert "OR 1=1" not in page


def test_long_and_heavy_requests_are_refused(get: Get) -> None:
    assert get("/?q=" + "a" * 3_000)[0].status == 414
    assert get("/", X="a" * 20_000)[0].status == 431
    assert get("/", Content_Length="10")[0].status == 400
    assert get("/", Sec_Fetch_Site="cross-site")[0].status == 403


@pytest.mark.parametrize(
    "raw",
    [
        b"GARBAGE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET <script>alert(1)</script>\r\n\r\n",
        b"\x16\x03\x01\x00\xff" * 20 + b"\n\n",
    ],
)
def test_what_is_not_http_gets_no_echo(dashboard: Dashboard, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", dashboard.door.port), 10) as talk:
        talk.sendall(raw)
        talk.shutdown(socket.SHUT_WR)
        said = b"".join(iter(lambda: talk.recv(65536), b""))
    assert b"<script>" not in said
    assert "Étangs".encode() not in said


def test_two_hosts_are_refused(dashboard: Dashboard) -> None:
    port = dashboard.door.port
    lines = ["GET / HTTP/1.1", "Host: evil.example", f"Host: 127.0.0.1:{port}", f"Cookie: nis2check-{port}=a-token"]
    with socket.create_connection(("127.0.0.1", port), 10) as talk:
        talk.sendall("\r\n".join([*lines, "", ""]).encode())
        assert talk.recv(100).startswith((b"HTTP/1.0 400", b"HTTP/1.0 421"))


def test_idle_clients_do_not_shut_others_out(dashboard: Dashboard, get: Get) -> None:
    """More silent connections than there are threads: each is dropped or times out, and room is given back."""
    silent = [socket.create_connection(("127.0.0.1", dashboard.door.port), 10) for _n in range(MOST_AT_ONCE + 4)]
    for talk in silent:
        talk.close()
    for _try in range(50):
        try:
            assert get("/")[0].status == 200
            return
        except (ConnectionError, OSError):
            threading.Event().wait(0.1)
    pytest.fail("no room was given back")


def test_every_answer_carries_its_armour(get: Get) -> None:
    for path, status in (("/", 200), ("/run?n=1", 200), ("/brief?n=1", 200), ("/nowhere", 404)):
        answer, page = get(path)
        assert answer.status == status
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Server"] is None
        assert "<script" not in page.lower()
        assert "a-token" not in page


def test_head_has_no_body(get: Get) -> None:
    answer, page = get("/", "HEAD")
    assert (answer.status, page) == (200, "")
    assert int(answer.headers["Content-Length"]) > 1_000


# --------------------------------------------------------------------------------------------------------------- pages


def test_the_printed_address_gives_the_cookie(get: Get, dashboard: Dashboard) -> None:
    answer, _page = get("/open/a-token", Cookie=None)
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert answer.headers["Set-Cookie"] == f"nis2check-{dashboard.door.port}=a-token; Path=/; HttpOnly; SameSite=Strict"


def test_bodies_are_searched_and_filtered(get: Get) -> None:
    text = plain(get("/")[1])
    assert "2 organismes trouvés" in text
    assert "Communauté de communes des Étangs" in text
    assert "1 organisme trouvé" in plain(get("/?q=%C3%89TANGS")[1])
    assert "1 organisme trouvé" in plain(get("/?q=200+000+016")[1])
    assert "0 organisme trouvé" in plain(get("/?q=nobody")[1])
    assert "1 organisme trouvé" in plain(get("/?state=interrupted")[1])
    assert "2 organismes trouvés" in plain(get("/?state=unheard-of")[1])


def test_a_body_has_its_curve_and_its_runs(get: Get) -> None:
    _answer, page = get("/body?key=200000008")
    text = plain(page)
    assert "3 analyses gardées" in text
    assert "Du 1er octobre 2026 au 22 novembre 2026 : 31 points conformes, puis 35 ; 17 écarts, puis 13." in text
    assert [f"/run?n={n}" in page for n in (1, 2, 3, 4)] == [True, True, True, False]


def test_a_run_shows_its_report_plan_and_brief(get: Get) -> None:
    for path, words in (
        ("/run?n=3", "Rapport d’écarts NIS 2"),
        ("/plan?n=3", "Plan d’actions NIS 2"),
        ("/brief?n=3", "Ce que nous vous demandons"),
    ):
        answer, page = get(path)
        assert answer.status == 200
        assert words in plain(page)
        assert 'href="/body?key=200000008"' in page


def test_findings_are_searched_and_filtered(get: Get) -> None:
    def count(query: str) -> int:
        found = re.search(r"(\d+) constats? trouvés?", plain(get(f"/findings?n=1{query}")[1]))
        assert found
        return int(found[1])

    assert count("") == 92  # one that is not applicable, too
    assert count("&verdict=fail") == 14
    assert count("&verdict=fail&severity=critical") == 1
    assert count("&proof=declared_files") == 2
    assert count("&q=203.0.113.14") == 1
    assert count("&q=zzz") == 0
    assert count("&verdict=anything") == 92


def test_changes_between_two_runs(get: Get) -> None:
    text = plain(get("/diff?before=1&after=3")[1])
    assert "Corrigés : jugés de nouveau, conformes 4 constats" in text
    answer, text = get("/diff?before=1&after=4")
    assert answer.status == 500, "two bodies are not compared"
    assert "ne parlent pas du même organisme" in text


def test_hostile_words_are_shown_as_words(get: Get) -> None:
    for path in (
        "/",
        "/body?key=200000016",
        "/run?n=4",
        "/findings?n=4",
        "/plan?n=4",
        "/brief?n=4",
        "/?q=%3Cscript%3Ealert(1)",
    ):
        _answer, page = get(path)
        assert "<script" not in page.lower(), path
        assert "\x1b" not in page
        assert "\u202e" not in page
    assert "&lt;script&gt;" in get("/")[1]


def test_a_damaged_history_is_told(tmp_path: Path) -> None:
    place = tmp_path / "h.sqlite"
    place.write_bytes(b"not a history at all" * 20)
    answer = Site(History(str(place)), "fr").answer("/")
    assert answer.status == 500
    assert "SQLite" in answer.body.decode()


# ------------------------------------------------------------------------------------------------------------- command


def test_the_command_prints_its_address_and_ends_on_ctrl_c(history: History, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nis2check", "serve", "--history", str(history.place)]
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONPATH": str(TESTS.parent), "HOME": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().decode().strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/open/[\w-]{43}", address)
        assert found, address
        connection = HTTPConnection("127.0.0.1", int(found[1]), timeout=10)
        connection.request("GET", address.partition(found[1])[2])
        assert connection.getresponse().status == 303
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0


def test_faults_are_told_before_anything_is_served(inside: Callable[..., Any], history: History) -> None:
    assert inside("serve").returncode == 2
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = inside("serve", "--history", str(history.place), "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1


# ------------------------------------------------------------------------------------------------------------- browser


def test_in_a_browser(tool: Callable[..., str], dashboard: Dashboard) -> None:
    """axe-core light and dark with details open, three widths, nothing run nor loaded, and the keyboard alone."""
    node, chromium = tool("node"), tool("chromium")
    if not (BROWSER / "node_modules").is_dir():
        if os.environ.get("NIS2CHECK_ALL_TOOLS") == "1":
            pytest.fail("tests/browser/node_modules is missing: npm ci --prefix tests/browser")
        pytest.skip("tests/browser/node_modules is missing: npm ci --prefix tests/browser")
    paths = [
        "/",
        "/body?key=200000008",
        "/findings?n=4",
        "/diff?before=1&after=3",
        "/run?n=3",
        "/404",
    ]
    done = subprocess.run(
        [node, str(BROWSER / "desk.mjs"), chromium, dashboard.url, *paths],
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    told = json.loads(done.stdout)
    assert told["violations"] == []
    assert told["requests"] == []
    assert [one for one in told["messages"] if "404" not in one] == []
    assert told["dialogs"] == 0
    assert told["wide"] == []
    assert told["unstyled"] == []
    assert told["entered"] == f"http://127.0.0.1:{dashboard.door.port}/"
    assert told["searched"] == "skip 1 organisme trouvé"
    assert told["compared"] == "Changements"
