# SPDX-License-Identifier: EUPL-1.2
"""The report and the plan as PDF: Typst's own check of PDF/UA-1 and PDF/A passes, the text can be read back, nothing runs."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nis2check.report import pdf, plan_page, typeset

GOLDEN = Path(__file__).parent / "golden" / "result.json"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def read(data: bytes) -> tuple[Any, str]:
    """The reader and the whole text on one line, without typography."""
    from pypdf import PdfReader

    reader = PdfReader(io.BytesIO(data))
    text = " ".join(page.extract_text() for page in reader.pages)
    return reader, " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def elements(node: Any, found: list[str]) -> list[str]:
    """The roles of the structure tree, in order."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for one in node:
            elements(one, found)
    elif hasattr(node, "get"):
        if "/S" in node:
            found.append(str(node["/S"]))
        elements(node.get("/K", []), found)
    return found


@pytest.mark.parametrize("render", [pdf.render, plan_page.pdf], ids=["report", "plan"])
def test_it_is_tagged_archivable_and_reproducible(render: Callable[..., bytes], golden: dict[str, Any]) -> None:
    """Typst refuses to compile what breaks either standard; the marks say that it was asked to."""
    data = render(golden, "fr")
    reader, _text = read(data)
    root = reader.trailer["/Root"]
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in xmp
    assert root["/Lang"] == "fr"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert "22" in str(reader.metadata.title)
    roles = elements(root["/StructTreeRoot"], [])
    assert roles.count("/H1") == 1
    assert {"/H2", "/Table", "/TH", "/Figure"} <= set(roles)
    assert render(golden, "fr") == data


def test_the_report_says_what_the_page_says(golden: dict[str, Any]) -> None:
    point = {"run": 1, "started": "2026-06-01T10:00:00+02:00", "complete": True, "regime": "", "rules": ""}
    golden["trend"] = [
        point | {"coverage": golden["coverage"] | {"pass": 12}},
        point | {"coverage": golden["coverage"]},
    ]
    _reader, text = read(pdf.render(golden, "fr"))
    for words in (
        "Communauté de communes des Étangs & Forêts",
        "Entité importante (EI)",
        "confiance A",
        "non promulgué au 7 octobre 2026",
        "91 points examinés",
        "Un point indéterminé n’est jamais compté comme conforme.",
        "Depuis le 15 novembre 2026 : 1 nouveau, 3 corrigés",
        "Tester une restauration complète",
        "20 objectifs du référentiel",
        "5/16",
        "17 écarts",
        "203.0.113.14:3389",
        "Dérive entre les fichiers et ce qui est en service",
        "Dérogation D-004 jusqu’au 15 janvier 2027",
        "1er juin 2026 12 17 43 91",
        "Ce rapport ne donne ni note ni score.",
    ):
        assert words in text, words


def test_english(golden: dict[str, Any]) -> None:
    reader, _text = read(pdf.render(golden, "en"))
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_hostile_text_is_printed_not_run(golden: dict[str, Any]) -> None:
    payload = '#panic("x") #import "style.typ" $x$ `r` *b* "] \\ @l \u202e\x1b[31m\x00 中文 😀 مرحبا'
    golden["body"]["name"] = payload
    for one in golden["findings"]:
        one["target"]["name"], one["reason"], one["facts"] = payload, payload, {payload: payload}
        one["location"] = {"file": payload, "line": 1}
    for one in golden["plan"]["measures"]:
        one |= {"owner": payload, "title": {"fr": payload}, "because": {"fr": payload}}
    for one in golden["drift"]:
        one |= {"subject": payload, "name": payload, "declared": payload, "observed": payload}
    for one in golden["waivers"]:
        one |= {"reason": payload, "approver": payload, "target": payload}
    for render in (pdf.render, plan_page.pdf):
        _reader, text = read(render(golden, "fr"))
        assert "#panic(" in text
        assert "\\u4e2d" in text
        assert "\\u202e" in text
        assert "\x1b" not in text


def test_empty_names_cost_nothing(golden: dict[str, Any]) -> None:
    golden["body"]["name"] = " "
    for rule in golden["rules"].values():
        rule["title"] = {"fr": ""}
    for render in (pdf.render, plan_page.pdf):
        assert render(golden, "fr").startswith(b"%PDF-")


def test_5_000_findings(golden: dict[str, Any]) -> None:
    one = golden["findings"][1]
    golden["findings"] += [one | {"id": str(n), "target": one["target"] | {"name": f"h{n}.test"}} for n in range(5_000)]
    _reader, text = read(pdf.render(golden, "fr"))
    assert "autres, dans les fichiers CSV et JSON." in text


def test_every_character_is_drawn_or_shown_as_its_escape() -> None:
    """Every plane, ours and foreign: Typst refuses a glyph that no font has, so one miss would cost the whole document."""
    points = [*range(0x20, 0x3000), *range(0x3000, 0x11000, 7), *range(0x1F300, 0x1F700)]
    text = typeset.drawn("".join(chr(one) for one in points if not 0xD800 <= one < 0xE000))
    parts = [text[at : at + 1_500] for at in range(0, len(text), 1_500)]
    plan: dict[str, Any] = {"title": "a", "none": "", "periods": [], "beyond": "", "first": "a", "sums": [], "bars": []}
    plan |= {"heads": ["a"] * 6, "verify": [["a", one] for one in parts]}
    plan |= {"rows": [["1", [one, one], "a", "a", "a", "a"] for one in parts]}
    data = {"sheet": "a", "eyebrow": "", "marking": "", "name": "a", "facts": [], "foot": ["", ""], "logo": None}
    made = typeset.pdf("plan.typ", data | {"plan": plan}, "fr", "2026-11-22T10:00:00+01:00")
    assert made.startswith(b"%PDF-")
    assert typeset.drawn("é\u0301 中 😀") == "é\\u0301 \\u4e2d \\U0001f600"


def test_plan_command(inside: Command, tmp_path: Path) -> None:
    names = ("html", "pdf", "csv", "ics")
    done = inside("plan", str(GOLDEN), *(word for name in names for word in ("-o", f"{name}=plan.{name}")))
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b""
    assert (tmp_path / "plan.pdf").read_bytes().startswith(b"%PDF-")
    assert "Plan d’actions NIS" in (tmp_path / "plan.html").read_text()
    lines = (tmp_path / "plan.csv").read_bytes().decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Rang;Mesure;Période;Début;Échéance;Pilote;Jours;ReCyF;")
    assert lines[1].startswith(
        "1;Fermer le bureau à distance exposé;Six premiers mois;2026-12;2026-12;Infogérant;0,5;8.1;1;"
    )
    assert len(lines) == 1 + 10
    assert (tmp_path / "plan.ics").read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")

    supposed = inside("plan", str(GOLDEN), "--what-if", "capacity=9", "-o", "csv=-")
    assert supposed.returncode == 0, supposed.stderr.decode()
    assert supposed.stdout.decode("utf-8-sig").startswith("Rang;")
    for wrong in (("-o", "sarif=x"), ("-o", "html=x", "--json"), ("-o", "html=x", "--explain", "1")):
        refused = inside("plan", str(GOLDEN), *wrong)
        assert refused.returncode == 2
        assert refused.stderr.count(b"\n") == 1


def test_a_formula_in_a_plan_is_no_formula(golden: dict[str, Any]) -> None:
    golden["plan"]["measures"][0]["title"] = {"fr": "=cmd|'/C calc'!A0"}
    assert "'=cmd" in plan_page.table(golden, "fr").decode("utf-8-sig")
