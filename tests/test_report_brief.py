# SPDX-License-Identifier: EUPL-1.2
"""The page for elected officials: nothing that helps an attacker, short sentences, no grade, the same in each form."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from nis2check.language import speaking
from nis2check.report import brief, brief_page, brief_words, discreet
from nis2check.report.pen import Pen

TESTS = Path(__file__).parent
GOLDEN = TESTS / "golden" / "result.json"
RULES = TESTS.parent / "policies" / "rules"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def pdf_text(data: bytes) -> str:
    from pypdf import PdfReader

    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def forms(document: dict[str, Any], **more: Any) -> dict[str, str]:
    """The text of every form of the page."""
    made = {name: form(document, "fr") for name, form in brief_page.formats(**more).items()}
    told = {name: data.decode() for name, data in made.items() if name != "pdf"}
    return told | {"pdf": pdf_text(made["pdf"]), "terminal": brief_page.text(document, Pen("fr", 100), **more)}


def secrets(document: dict[str, Any]) -> set[str]:
    """Every host, address, port, file, product and version that the result holds."""
    found: set[str] = set()
    for one in document["findings"]:
        if one["target"]["kind"] != "body":
            found |= {one["target"]["name"], one["target"]["name"].rpartition(":")[0], one["target"]["address"] or ""}
        found |= {(one["location"] or {}).get("file", "")} | {a["address"] for a in one.get("addresses", ())}
        text = json.dumps(one["facts"])
        found |= set(re.findall(r"\d{1,3}(?:\.\d{1,3}){3}|TLSv[\d.]+|(?:nginx|Apache|OpenSSH|PHP)[\w/.]*", text))
    found |= {gap["subject"] for gap in document["gaps"]}
    products = {product for rule in document["rules"].values() for product in rule["remediation"]} - {"fr", "en"}
    return {word for word in found | products if len(word) > 3}


def test_no_form_names_a_host_address_product_or_version(golden: dict[str, Any]) -> None:
    held = secrets(golden)
    assert {"www.exemple.test", "203.0.113.14"} <= held
    for name, text in forms(golden).items():
        said = text.partition("</style>")[2] or text  # the style sheet has fonts and numbers of its own
        assert [word for word in held if word.lower() in said.lower()] == [], name
        body = said.replace("nis2check 0.1.0", "").replace("ReCyF 2.5", "")
        assert re.findall(r"\b\d+\.\d+\b|\b\d+(?:\.\d+){3}\b|CVE-", body) == [], name


def test_a_body_s_own_words_that_would_give_something_away_are_held_back(golden: dict[str, Any]) -> None:
    for rule in golden["rules"].values():
        rule["impact"] = {"fr": "Le serveur www.exemple.test sous nginx 1.18 est ouvert."}
    for one in golden["plan"]["measures"]:
        one["title"], one["measures"] = {"fr": "Mettre à jour OpenSSH 7.2 de 203.0.113.14"}, []
    for name, text in forms(golden).items():
        said = text.partition("</style>")[2] or text
        assert not re.search(r"exemple\.test|nginx|OpenSSH|203\.0", said), name
    with speaking("fr"):
        page = brief.build(golden, "fr")
    assert all("Son détail n'est pas publié" in one.sentence for one in page.risks)
    assert {one.what for one in page.decisions} == {
        f"Faire mener l'action n° {n} du plan, que la direction présentera"
        for n in (
            page.decisions[0].what.split()[4],
            page.decisions[1].what.split()[4],
            page.decisions[2].what.split()[4],
        )
    }


def test_full_names_the_targets_and_says_that_it_is_internal(golden: dict[str, Any]) -> None:
    for name, text in forms(golden, full=True).items():
        assert "203.0.113.14" in text, name
        assert "Document interne, à ne pas publier" in text.replace("\u00a0", " "), name


def test_it_says_what_officials_need(golden: dict[str, Any]) -> None:
    with speaking("fr"):
        page = brief.build(golden, "fr", audience="le bureau du 8 décembre 2026")
    assert len(page.risks) == len({one.service for one in page.risks}) == 3
    assert len(page.decisions) == 3
    assert [(one.verdict, one.count) for one in page.figures] == [
        ("pass", 31),
        ("fail", 17),
        ("to_attest", 38),
        ("unknown", 5),
    ]
    assert any("Désigner un responsable" in one.what for one in page.decisions), "one decision is the body's own"
    assert all("Dépense : à chiffrer." in one.how for one in page.decisions), "no cost that nobody gave"
    law = " ".join(page.law)
    assert "entité importante (EI)" in law
    assert "art. 9, 5°" in law
    assert "confiance A" in law
    assert "non promulgué au 7\u00a0octobre 2026".replace("\u00a0", "\u00a0") in law.replace(
        "octobre\u00a0", "octobre "
    )
    assert "%" not in " ".join((*page.standing, page.ahead))
    assert page.standing[-1] == "Ce que nous ignorons n'est jamais compté comme conforme."


def test_the_first_kept_run_is_told(golden: dict[str, Any]) -> None:
    old = golden["coverage"] | {"pass": 12, "applicable": 80}
    point = {"run": 1, "started": "2026-06-01T10:00:00+02:00", "complete": True, "regime": "", "rules": ""}
    golden["trend"] = [point | {"coverage": old}, point | {"coverage": golden["coverage"]}]
    with speaking("fr"):
        standing = brief.build(golden, "fr").standing
    assert any(
        one.replace("\u00a0", " ") == "Le 1er juin 2026, 12 points étaient conformes sur 80." for one in standing
    )


def test_a_waived_gap_is_no_risk_and_none_is_said(golden: dict[str, Any]) -> None:
    for one in golden["findings"]:
        one["waiver"] = golden["waivers"][0]
    golden["plan"]["measures"] = []
    with speaking("fr"):
        page = brief.build(golden, "fr")
    assert not page.risks
    assert not page.decisions
    assert "Aucun écart n’a été constaté" in forms(golden)["html"]


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.!?])\s+", text)


def test_no_sentence_is_longer_than_25_words() -> None:
    """Ours, and those of every rule: an impact is printed as it stands."""
    own = [meaning.sentence for meaning in brief_words._objectives().values()]
    own += [yaml.safe_load(path.read_text())["impact"]["fr"] for path in sorted(RULES.rglob("*.yaml"))]
    assert len(own) > 100
    assert [one for text in own for one in sentences(text) if len(one.split()) > 25] == []


def test_shipped_words_are_public_as_they_stand() -> None:
    nothing = discreet.Discretion(frozenset())
    own = [meaning.sentence for meaning in brief_words._objectives().values()]
    own += [yaml.safe_load(path.read_text())["impact"]["fr"] for path in sorted(RULES.rglob("*.yaml"))]
    own += [
        brief_words.decision(one) for one in ("2.A.1", "2.A.3", "2.B.1", "2.B.3", "4.1", "13.1", "13.2", "13.3", "14.1")
    ]
    assert [one for one in own if not nothing.allows(one) or not one] == []


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("Les données peuvent être volées.", True),
        ("Le serveur 192.0.2.1 est ouvert.", False),
        ("Le serveur 2001:db8::1 est ouvert.", False),
        ("Passer à TLS 1.2.", False),
        ("Voir intranet.exemple.fr.", False),
        ("Voir VPN-Paie.", False),
        ("Le serveur PostgreSQL est ouvert.", False),
        ("La zone est ouverte à la paie.", True),
    ],
)
def test_discretion(text: str, allowed: bool) -> None:
    document = {
        "findings": [
            {
                "target": {"kind": "tls", "name": "vpn-paie:443", "address": None},
                "location": None,
                "facts": {"http.server": "PostgreSQL/14.1"},
            }
        ],
        "gaps": [],
        "rules": {"a": {"remediation": {"fr": "…", "zone": "…"}}},
    }
    assert discreet.of(document).allows(text) is allowed


def test_pdf_is_one_tagged_archivable_page(golden: dict[str, Any]) -> None:
    from pypdf import PdfReader

    make = brief_page.formats("le bureau")["pdf"]
    data = make(golden, "fr")
    reader = PdfReader(io.BytesIO(data))
    assert len(reader.pages) == 1
    assert reader.metadata is not None
    assert str(reader.metadata.title).startswith("Point cybersécurité – Communauté de communes")
    root: Any = reader.trailer["/Root"]
    assert root["/Lang"] == "fr"
    assert root["/MarkInfo"]["/Marked"]
    xmp = root["/Metadata"].get_data().decode()
    assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
    assert "<pdfaid:part>2</pdfaid:part>" in xmp
    assert "Ce que nous vous demandons" in " ".join(pdf_text(data).split())
    assert make(golden, "fr") == data, "the same result gives the same bytes"


def test_pdf_of_a_hostile_body_is_text_and_still_one_page(golden: dict[str, Any]) -> None:
    """Typst code, markup, scripts, controls, bidi marks and glyphs that no font has are shown, never run."""
    payload = '#panic("x") $x$ = H *b* @l <l> \\ "] #sys.inputs </script> \u202e\x1b[31m 中文 😀 ' + "é" * 3000
    golden["body"]["name"] = payload
    golden["scope"]["because"][0]["text"] = {"fr": payload}
    for rule in golden["rules"].values():
        rule["impact"] = {"fr": payload}
    for one in golden["plan"]["measures"]:
        one |= {"owner": payload, "title": {"fr": payload}}
    from pypdf import PdfReader

    data = brief_page.formats(payload, full=True)["pdf"](golden, "fr")
    text = " ".join(pdf_text(data).split())
    assert len(PdfReader(io.BytesIO(data)).pages) == 1
    assert '#panic("x")' in text.replace("“", '"').replace("”", '"')
    assert "\\u4e2d" in text
    assert "\\u202e" in text
    assert "\x1b" not in text


def test_command(inside: Command, tmp_path: Path) -> None:
    done = inside(
        "brief", str(GOLDEN), "--for", "le bureau", "-o", "html=b.html", "-o", "pdf=b.pdf", "-o", "markdown=-"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().startswith("# Point cybersécurité – Communauté de communes des Étangs")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF-1.7")
    assert "Pour le bureau" in (tmp_path / "b.html").read_text()

    shown = inside("brief", str(GOLDEN))
    assert shown.returncode == 0
    assert "CE QUE NOUS VOUS DEMANDONS" in shown.stdout.decode()

    for wrong in (("-o", "htm=b"), ("-o", "csv=b.csv"), ("nowhere.json",)):
        refused = inside("brief", *(() if wrong[0] == "nowhere.json" else (str(GOLDEN),)), *wrong)
        assert refused.returncode == 2
        assert refused.stderr.count(b"\n") == 1

    assert inside("brief").returncode == 2, "nothing was kept here"


def test_the_last_kept_run_of_a_body(inside: Command, tmp_path: Path, golden: dict[str, Any]) -> None:
    from nis2check.history.store import History

    place = str(tmp_path / "h.sqlite")
    History(place).save(golden)
    done = inside("brief", "--history", place, "--body", "200000008")
    assert done.returncode == 0, done.stderr.decode()
    assert "Communauté de communes des Étangs" in done.stdout.decode()
    assert inside("brief", "--history", place, "--body", "111111111").returncode == 2


def test_without_typst_one_line_says_what_to_install(
    inside: Command, monkeypatch: pytest.MonkeyPatch, golden: dict[str, Any]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "typst", None)
    done = inside("brief", str(GOLDEN), "-o", "pdf=b.pdf")
    assert done.returncode == 2
    assert done.stderr.decode().count("\n") == 1
    assert "nis2check[pdf]" in done.stderr.decode()
