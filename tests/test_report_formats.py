# SPDX-License-Identifier: EUPL-1.2
"""Every format of the tuple: complete, deterministic, in both languages; options and folders (hostile input: its own file)."""

from __future__ import annotations

import copy
import csv
import io
import json
import pkgutil
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import nis2check.report
from nis2check import files
from nis2check.cli import outputs
from nis2check.report import csv as csv_format
from nis2check.report import markdown
from nis2check.report.formats import BY_NAME, EXTRAS, FOLDERS, FORMATS, Format

GOLDEN = Path(__file__).parent / "golden" / "result.json"
NAMES = [one.NAME for one in FORMATS]


@pytest.fixture
def golden() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


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
def test_a_run_without_a_body_or_findings(golden: dict[str, Any], one: Format) -> None:
    zero = dict.fromkeys(("applicable", "pass", "partial", "fail", "to_attest", "unknown"), 0)
    golden |= {
        "body": None, "scope": None, "changes": None, "findings": [], "objectives": [], "gaps": [], "drift": [], "waivers": [],
        "rules": {}, "plan": {"measures": [], "roadmap": []}, "complete": False,
        "coverage": zero | {"by_proof": {"observed": zero, "declared_files": zero, "attested": zero}},
    }  # fmt: skip
    files.check(files.Document(golden, "r.json"), "result")
    assert one.render(golden, "fr")


def test_csv_opens_in_a_french_spreadsheet(golden: dict[str, Any]) -> None:
    data = BY_NAME["csv"].render(golden, "fr")
    assert data.startswith(b"\xef\xbb\xbfIdentifiant;")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), delimiter=";"))
    assert len(rows) == 1 + len(golden["findings"])
    first = dict(zip(rows[0], rows[1], strict=True))
    assert first["Cible"] == "203.0.113.14:3389"
    assert first["Verdict"] == "Non conforme"
    assert first["Comment corriger"].startswith("Fermer le port")


def test_csv_for_machines(golden: dict[str, Any]) -> None:
    data = csv_format.render(golden, "fr", "rfc4180")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))
    assert rows[0][0] == "Identifiant"  # no BOM
    assert len(rows) == 1 + len(golden["findings"])
    assert data.endswith(b"\r\n")
    french = list(csv.reader(io.StringIO(BY_NAME["csv"].render(golden, "fr").decode("utf-8-sig")), delimiter=";"))
    assert rows == french


def test_the_choices_of_the_command_line_are_the_dialects() -> None:
    assert tuple(csv_format.DIALECTS) == outputs.CSV_DIALECTS
    assert outputs.CSV_DIALECTS[0] == csv_format.USUAL


def test_extras_and_folders_are_of_formats_that_exist() -> None:
    declared = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
    assert set(EXTRAS) <= set(NAMES)
    assert {extra.name for extra in EXTRAS.values()} <= set(declared["optional-dependencies"])
    assert set(FOLDERS) <= set(NAMES)


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
