# SPDX-License-Identifier: EUPL-1.2
"""The HTML report in a real Chromium: axe-core light and dark with details open, widths, print, nothing run or loaded."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import brief_page, html, plan_page

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden" / "result.json"
BROWSER = TESTS / "browser"


@pytest.fixture(scope="module")
def look(tool: Callable[..., str]) -> Callable[[Path], dict[str, Any]]:
    """Open a file and say what is wrong with it. Needs ``npm ci`` in tests/browser."""
    node, chromium = tool("node"), tool("chromium")
    if not (BROWSER / "node_modules").is_dir():
        if os.environ.get("NIS2CHECK_ALL_TOOLS") == "1":
            pytest.fail("tests/browser/node_modules is missing: npm ci --prefix tests/browser")
        pytest.skip("tests/browser/node_modules is missing: npm ci --prefix tests/browser")

    def run(file: Path) -> dict[str, Any]:
        done = subprocess.run(
            [node, str(BROWSER / "look.mjs"), chromium, str(file)], capture_output=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stderr.decode()[-2000:]
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    return run


def test_report_in_a_browser(look: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "rapport.html"
    document = json.loads(GOLDEN.read_bytes())
    point = {"run": 1, "started": "2026-06-01T10:00:00+02:00", "complete": True, "regime": "", "rules": ""}
    document["trend"] = [point | {"coverage": document["coverage"]}] * 3
    file.write_bytes(html.render(document, "fr"))
    told = look(file)
    assert told["violations"] == []
    assert told["details"] > 20
    assert told["styled"], "the Content-Security-Policy refuses our own style sheet"
    assert told["requests"] == []
    assert told["messages"] == []
    assert told["dialogs"] == 0
    assert {width: extra for width, extra in told["wide"].items() if extra > 0} == {}
    assert told["printed"] == 0, "details that would not be on paper"


@pytest.mark.parametrize(
    "render",
    [
        brief_page.formats("le bureau", full=True)["html"],
        plan_page.page,
        lambda document, lang: html.documents(document, lang)["constats-1.html"],
    ],
    ids=["brief", "plan", "detail"],
)
def test_brief_and_plan_in_a_browser(
    look: Callable[[Path], dict[str, Any]], tmp_path: Path, render: Callable[..., bytes]
) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(render(json.loads(GOLDEN.read_bytes()), "fr"))
    told = look(file)
    assert told["violations"] == []
    assert told["styled"]
    assert told["requests"] == told["messages"] == []
    assert {width: extra for width, extra in told["wide"].items() if extra > 0} == {}


def test_hostile_report_in_a_browser(look: Callable[[Path], dict[str, Any]], tmp_path: Path) -> None:
    """Nothing of a target runs, and very long words do not make the page scroll sideways."""
    document = json.loads(GOLDEN.read_bytes())
    payload = "</style></title><script>alert(1)</script><img src=x onerror=alert(2)>" + "é" * 400
    document["body"]["name"] = payload
    for one in document["findings"]:
        one["target"]["name"], one["facts"], one["reason"] = payload, {payload: [payload]}, payload
        one["location"] = {"file": payload, "line": 1}
    for gap in document["gaps"]:
        gap |= {"subject": payload, "detail": payload, "address": payload}
    for one in document["plan"]["measures"]:
        one |= {"owner": payload, "title": {"fr": payload}, "because": {"fr": payload}}
    for one in document["waivers"]:
        one |= {"reason": payload, "author": payload, "approver": payload, "target": payload}
    file = tmp_path / "hostile.html"
    file.write_bytes(html.render(document, "fr"))
    told = look(file)
    assert told["violations"] == []
    assert told["requests"] == told["messages"] == []
    assert told["dialogs"] == 0
    assert {width: extra for width, extra in told["wide"].items() if extra > 0} == {}
