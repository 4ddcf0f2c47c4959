# SPDX-License-Identifier: EUPL-1.2
"""Workbooks and rows for other tools: read back by openpyxl and LibreOffice, shaped as their importers want them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from nis2check.report import ciso_assistant, mon_service_securise, ods, xlsx
from nis2check.report import csv as csv_format
from nis2check.sheets.sheet import read

GOLDEN = Path(__file__).parent / "golden" / "result.json"
Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
Rows = list[list[str]]


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def of_csv(document: dict[str, Any]) -> Rows:
    return list(csv.reader(io.StringIO(csv_format.render(document, "fr", "rfc4180").decode(), newline="")))


def of_xlsx(data: bytes) -> dict[str, Rows]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return {page.title: [[str(cell.value or "") for cell in row] for row in page.iter_rows()] for page in book}


def of_ods(data: bytes, folder: Path) -> dict[str, Rows]:
    (folder / "r.ods").write_bytes(data)
    grids = read(folder / "r.ods")
    return {name: [list(row) + [""] * (len(grid[0]) - len(row)) for row in grid] for name, grid in grids.items()}


def test_both_workbooks_hold_the_rows_of_the_csv_and_the_same_sheets(golden: dict[str, Any], tmp_path: Path) -> None:
    one, other = of_xlsx(xlsx.render(golden, "fr")), of_ods(ods.render(golden, "fr"), tmp_path)
    assert list(one) == ["Constats", "Plan", "Objectifs", "Mesures", "Non vu"]
    assert one == other
    assert one["Constats"] == of_csv(golden)
    assert len(one["Plan"]) == 1 + len(golden["plan"]["measures"]) + len(golden["plan"]["roadmap"])
    assert len(one["Objectifs"]) == 1 + len(golden["objectives"])
    asked = {str(found["rule"]) for found in golden["findings"] if str(found["rule"]).startswith("recyf/")}
    assert {f"recyf/{row[0]}" for row in one["Mesures"][1:]} == asked
    assert any(int(row[5]) for row in one["Mesures"][1:]), "a probe speaks against no measure"
    assert len(one["Non vu"]) == 1 + len(golden["gaps"])


def test_results_of_other_tools_stand_apart(golden: dict[str, Any], tmp_path: Path) -> None:
    golden["imported"] = [
        {
            "tool": "Trivy", "version": "0.60", "rule": "AVD-DS-0002", "title": "root user", "message": "", "severity": "high",
            "location": {"file": "Dockerfile", "line": 3}, "resource": "", "concern": "", "theme": "", "references": [],
            "duplicate_of": None,
        }
    ]  # fmt: skip
    sheets = of_ods(ods.render(golden, "fr"), tmp_path)
    assert list(sheets)[-1] == "Autres outils"
    assert sheets["Autres outils"][1][:6] == ["Trivy", "AVD-DS-0002", "root user", "Élevée", "Dockerfile", "3"]
    assert len(sheets["Constats"]) == 1 + len(golden["findings"])


def test_english_sheets(golden: dict[str, Any]) -> None:
    assert len(of_xlsx(xlsx.render(golden, "en"))) == 5


def test_first_rows_stay_in_sight_and_nothing_is_merged(golden: dict[str, Any]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx.render(golden, "fr")))
    for page in book:
        assert page.freeze_panes == "A2"
        assert not page.merged_cells.ranges
    content = zipfile.ZipFile(io.BytesIO(ods.render(golden, "fr"))).read("content.xml").decode()
    assert "spanned" not in content


def test_libreoffice_opens_both(golden: dict[str, Any], tool: Callable[..., str], tmp_path: Path) -> None:
    office = tool("soffice")
    wanted = of_csv(golden)
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    (tmp_path / "o.ods").write_bytes(ods.render(golden, "fr"))
    (tmp_path / "x.xlsx").write_bytes(xlsx.render(golden, "fr"))
    # 44,34,76: comma, quotes, UTF-8, and the first sheet (LibreOffice, "Filter Options for CSV").
    words = [
        office,
        profile,
        "--headless",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",
        "--outdir",
        str(tmp_path),
    ]
    subprocess.run(
        [*words, str(tmp_path / "o.ods"), str(tmp_path / "x.xlsx")], check=True, capture_output=True, timeout=120
    )
    for name in ("o.csv", "x.csv"):
        assert list(csv.reader(io.StringIO((tmp_path / name).read_text("utf-8"), newline=""))) == wanted, name


def test_a_missing_extra_is_said_before_anything_is_read(inside: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "xlsxwriter" else real(name, *rest)
    )
    for name in ("xlsx", "mon-service-securise"):
        done = inside("report", "absent.json", "-o", f"{name}=r.xlsx")
        assert done.returncode == 2
        assert b"pip install nis2check[xlsx]" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_dialect_of_the_command_line(inside: Command, tmp_path: Path) -> None:
    for dialect, start in (("rfc4180", b"Identifiant,"), ("excel-fr", b"\xef\xbb\xbfIdentifiant;")):
        assert inside("report", str(GOLDEN), "-o", "csv=r.csv", "--csv-dialect", dialect).returncode == 0
        assert (tmp_path / "r.csv").read_bytes().startswith(start)
    assert inside("report", str(GOLDEN), "-o", "csv=r.csv", "--csv-dialect", "other").returncode == 2


# -------------------------------------------------------------------------------------------------- MonServiceSécurisé


def template(data: bytes) -> Rows:
    """As its importer reads: the sheet by name, titles in row 6."""
    return of_xlsx(data)["Template mesures"][5:]


def test_the_template_is_as_its_importer_reads_it(golden: dict[str, Any]) -> None:
    data = mon_service_securise.render(golden, "en")
    assert list(of_xlsx(data)) == ["Template mesures"]  # a second sheet is refused
    titles, *rows = template(data)
    assert titles == ["Intitulé de la mesure *", "Description de la mesure", "Catégorie *"]
    assert len(rows) == len(golden["plan"]["measures"]) + len(golden["plan"]["roadmap"])
    for title, _told, category in rows:
        assert title
        assert category in {"Gouvernance", "Protection", "Défense", "Résilience"}
    by_title = {row[0]: row[2] for row in template(mon_service_securise.render(golden, "fr"))}
    assert by_title["Tester une restauration complète"] == "Résilience"  # of ReCyF 13.2
    assert by_title["Protéger le nom de la collectivité par DMARC"] == "Protection"  # of no measure


def test_no_more_than_its_drop_down_covers(golden: dict[str, Any]) -> None:
    golden["plan"]["roadmap"] = [
        golden["plan"]["roadmap"][0] | {"rank": n, "title": {"fr": f"Action {n}"}} for n in range(300)
    ]
    data = mon_service_securise.render(golden, "fr")
    assert len(template(data)) == 101
    assert any("206 actions de plus" in cell for row in of_xlsx(data)["Template mesures"][:5] for cell in row)
    page = openpyxl.load_workbook(io.BytesIO(data))["Template mesures"]
    (choice,) = page.data_validations.dataValidation
    assert str(choice.sqref) == "C7:C106"


# ------------------------------------------------------------------------------------------------------ CISO Assistant


def audit(document: dict[str, Any]) -> dict[str, dict[str, str]]:
    data = ciso_assistant.render(document, "fr")
    assert not data.startswith(b"\xef\xbb\xbf")
    return {row["ref_id"]: row for row in csv.DictReader(io.StringIO(data.decode(), newline=""))}


def test_one_row_a_measure_and_blank_when_nobody_answered(golden: dict[str, Any]) -> None:
    found = audit(golden)
    asked = [one for one in golden["findings"] if one["rule"].startswith("recyf/")]
    assert len(found) == len(asked)
    results = {"", "compliant", "partially_compliant", "non_compliant", "not_applicable"}
    assert {row["compliance_result"] for row in found.values()} <= results
    assert all(row["assessable"] == "true" for row in found.values())
    # An absent column would be read as a score: both must be there, and empty.
    assert {(row["score"], row["implementation_score"], row["documentation_score"]) for row in found.values()} == {
        ("", "", "")
    }


@pytest.mark.parametrize(
    ("answer", "sign", "result"),
    [
        ("pass", "pass", "compliant"),
        ("pass", "fail", "partially_compliant"),
        ("to_attest", "pass", ""),
        ("to_attest", "fail", "non_compliant"),
        ("unknown", "unknown", ""),
        ("partial", "pass", "partially_compliant"),
        ("fail", "pass", "non_compliant"),
        ("not_applicable", "pass", "not_applicable"),
    ],
)
def test_a_sign_can_fail_a_measure_and_none_completes_it(
    golden: dict[str, Any], answer: str, sign: str, result: str
) -> None:
    answered = next(one for one in golden["findings"] if one["rule"] == "recyf/8.1")
    probed = next(one for one in golden["findings"] if one["rule"] == "tls/versions")
    references = [{"source": "recyf", "clause": "8.1", "strength": "indicator"}]
    golden["findings"] = [answered | {"verdict": answer}, probed | {"verdict": sign, "references": references}]
    assert audit(golden)["8.1"]["compliance_result"] == result
