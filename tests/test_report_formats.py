# SPDX-License-Identifier: EUPL-1.2
"""Every format of the tuple: complete, deterministic, in both languages, and no foreign byte left alive."""

from __future__ import annotations

import copy
import csv
import io
import json
import pkgutil
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nis2check.report
from nis2check import files
from nis2check.report import markdown
from nis2check.report.formats import BY_NAME, FORMATS, Format

GOLDEN = Path(__file__).parent / "golden" / "result.json"
NAMES = [one.NAME for one in FORMATS]
PAYLOAD = "=cmd|' /C calc'!A0<script>alert(1)</script>\x1b]0;PWNED\x07\u202egnp::error::`|](x)"


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


@pytest.fixture
def hostile(golden: dict[str, Any]) -> dict[str, Any]:
    """The same result with a payload in every place that a target, a repository or a user's file can fill."""
    golden["body"]["name"] = golden["scope"]["name"] = PAYLOAD
    for one in golden["findings"]:
        one["target"]["name"] = one["target"]["address"] = PAYLOAD
        one["reason"] = PAYLOAD
        one["facts"] = {f"x.{PAYLOAD}": PAYLOAD, "y.list": [PAYLOAD], "z.map": {PAYLOAD: [PAYLOAD]}}
        one["location"] = {"file": PAYLOAD, "line": 1}
        one["addresses"] = [{"address": PAYLOAD, "verdict": one["verdict"], "reason": PAYLOAD}]
    for gap in golden["gaps"]:
        gap |= {"name": PAYLOAD, "subject": PAYLOAD, "address": PAYLOAD, "detail": PAYLOAD}
    for waiver in golden["waivers"]:
        waiver |= {
            "rule": PAYLOAD,
            "target": PAYLOAD,
            "reason": PAYLOAD,
            "author": PAYLOAD,
            "approver": PAYLOAD,
            "id": PAYLOAD,
        }
    for one in golden["plan"]["measures"]:
        one |= {"owner": PAYLOAD, "title": {"fr": PAYLOAD}, "because": {"fr": PAYLOAD}}
    for one in golden["drift"]:
        one |= {"subject": PAYLOAD, "declared": PAYLOAD, "observed": [PAYLOAD]}
    for rule in golden["rules"].values():
        rule |= {"title": {"fr": PAYLOAD}, "impact": {"fr": PAYLOAD}, "remediation": {"fr": PAYLOAD, PAYLOAD: PAYLOAD}}
    return golden


def test_every_module_that_is_a_format_is_in_the_tuple() -> None:
    found = set()
    for info in pkgutil.iter_modules(nis2check.report.__path__):
        module = import_module(f"nis2check.report.{info.name}")
        if hasattr(module, "NAME") and hasattr(module, "render"):
            found.add(module.NAME)
    assert found == set(NAMES)
    assert len(NAMES) == len(set(NAMES)) == len({one.SUFFIX for one in FORMATS})


@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
@pytest.mark.parametrize("lang", ["fr", "en"])
def test_same_input_same_bytes_and_the_input_is_left_alone(golden: dict[str, Any], one: Format, lang: str) -> None:
    before = copy.deepcopy(golden)
    first = one.render(golden, lang)
    assert golden == before
    assert one.render(json.loads(json.dumps(golden)), lang) == first
    assert len(first) > 1000


@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
def test_nothing_hostile_is_left_alive(hostile: dict[str, Any], one: Format) -> None:
    text = one.render(hostile, "fr").decode("utf-8")
    if one.NAME == "json":  # JSON keeps the truth, and escapes what a terminal would obey
        assert json.loads(text) == hostile
        assert [mark for mark in ("\x1b", "\x07", "\u202e") if mark in text] == []
        return
    assert [mark for mark in ("\x1b", "\x07", "\u202e") if mark in text] == []
    if one.NAME == "html":
        assert "<script" not in text
    if one.NAME == "csv":
        rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
        assert {len(row) for row in rows} == {len(rows[0])}
        assert [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t"))] == []
    if one.NAME == "markdown":
        plain = "\n".join(line for line in text.splitlines() if "``" not in line)
        assert "<script" not in plain.replace("\\<script", "")


@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
def test_a_run_without_a_body_or_findings(golden: dict[str, Any], one: Format) -> None:
    zero = dict.fromkeys(("applicable", "pass", "partial", "fail", "to_attest", "unknown"), 0)
    golden |= {
        "body": None, "scope": None, "changes": None, "findings": [], "objectives": [], "gaps": [], "drift": [], "waivers": [],
        "rules": {}, "plan": {"measures": [], "roadmap": []}, "complete": False,
        "coverage": zero | {"by_proof": {"observed": zero, "declared_files": zero, "attested": zero}},
    }  # fmt: skip
    files.check(files.Document(golden, "r.json"), "result")
    assert one.render(golden, "fr")


@pytest.mark.parametrize("one", FORMATS, ids=NAMES)
def test_five_thousand_findings(golden: dict[str, Any], one: Format) -> None:
    template = golden["findings"][1]
    golden["findings"] = [
        template
        | {"id": f"{n:016x}", "rule": f"tls/rule-{n % 700}", "target": template["target"] | {"name": f"h{n}.test:443"}}
        for n in range(5000)
    ]
    started = time.process_time()
    data = one.render(golden, "fr")
    assert time.process_time() - started < 8  # the aim is 1 s; a loaded runner must not make a false alarm
    if one.NAME in {"csv", "json"}:
        assert data.count(b"h4999.test") == 1
    if one.NAME == "html":
        assert "400 autres, dans les fichiers CSV et JSON" in data.decode()
        assert len(data) < 5_000_000


def test_csv_opens_in_a_french_spreadsheet(golden: dict[str, Any]) -> None:
    data = BY_NAME["csv"].render(golden, "fr")
    assert data.startswith(b"\xef\xbb\xbfIdentifiant;")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 1 + len(golden["findings"])
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["Cible"] == "203.0.113.14:3389"
    assert first["Verdict"] == "Non conforme"
    assert first["Comment corriger"].startswith("Fermer le port")


def test_markdown_is_cut_with_a_word_about_it(golden: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = markdown.render(golden, "fr").decode()
    assert "le reste est dans" not in whole
    monkeypatch.setattr(markdown, "LARGEST", 4000)
    cut = markdown.render(golden, "fr")
    assert len(cut) < 4200
    assert "le reste est dans les fichiers CSV et JSON" in cut.decode()
    assert cut.decode().rstrip().endswith("avis juridique.")


def test_json_is_canonical(golden: dict[str, Any]) -> None:
    assert BY_NAME["json"].render(golden, "en") == GOLDEN.read_bytes()
