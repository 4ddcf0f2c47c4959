# SPDX-License-Identifier: EUPL-1.2
"""The questionnaire out and back, by the real command: ODS and XLSX, conflicts, and every workbook that is refused."""

from __future__ import annotations

import datetime
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nis2check import files, frameworks
from nis2check.attest import attestations, questionnaire
from nis2check.attest.answers import Answer
from nis2check.errors import InputError
from nis2check.sheets.sheet import Sheet, letters, read, write

Command = Callable[..., "subprocess.CompletedProcess[bytes]"]
RECYF = frameworks.load()
FORMATS = ("ods", "xlsx")


@pytest.fixture
def body(tmp_path: Path) -> Path:
    file = tmp_path / "nis2check.yaml"
    file.write_text("body: {siren: 200072460}\nattestations: attestations.yaml\n", encoding="utf-8")
    return file


def said(done: subprocess.CompletedProcess[bytes], code: int = 0) -> str:
    text = done.stderr.decode().replace("\xa0", " ").replace("\u202f", " ")
    assert done.returncode == code, text
    assert "Traceback" not in text
    return text


def blank(*measures: str) -> Sheet:
    return questionnaire.sheet([RECYF.measures[one] for one in measures], (), {})


def filled(sheet: Sheet, **cells: str) -> Sheet:
    """The sheet with cells set by their reference: ``filled(sheet, F2="oui")``."""
    rows = [list(row) for row in sheet.rows]
    for place, text in cells.items():
        rows[int(place[1:]) - 2][ord(place[0]) - 65] = text
    return Sheet(sheet.name, sheet.columns, tuple(tuple(row) for row in rows))


def save(path: Path, sheet: Sheet) -> Path:
    path.write_bytes(write(path, sheet))
    return path


def facts(folder: Path) -> dict[str, Any]:
    found = attestations.read(folder / "attestations.yaml", RECYF, "x")
    return {fact.name.removeprefix("attestation."): fact.value for fact in found}


@pytest.mark.parametrize("kind", FORMATS)
def test_out_to_a_colleague_and_back(nis2check: Command, body: Path, tmp_path: Path, kind: str) -> None:
    book = tmp_path / f"questions.{kind}"
    said(nis2check("attest", "--export", book.name, "--on", "2026-11-22"))
    ((name, grid),) = read(book).items()
    rows = {row[0]: number for number, row in enumerate(grid[1:], 2)}
    sheet = Sheet(
        name, questionnaire.sheet((), (), {}).columns, tuple(row + ("",) * (12 - len(row)) for row in grid[1:])
    )
    (tmp_path / "pv.pdf").write_bytes(b"pv")
    one, two, three = rows["13.2"], rows["4.1"], rows["4.2"]
    answers = {
        f"F{one}": "Oui", f"G{one}": "Anne", f"H{one}": "RSSI", f"I{one}": "20/11/2026", f"J{one}": "2027-06-30",
        f"K{one}": "pv.pdf\nréf. : Délibération 2026-41",
        f"F{two}": "sans objet", f"L{two}": "Aucun agent\nni usager",
        f"F{three}": "ne sait pas",
    }  # fmt: skip
    save(book, filled(sheet, **answers))
    text = said(nis2check("attest", "--no-input", "--import", book.name, "--on", "2026-11-22"))

    assert len(grid) == 77 and "3 nouvelles" in text
    assert facts(tmp_path)["13.2"] | {"proof": None} == {
        "answer": "yes", "by": "Anne", "role": "RSSI", "on": "2026-11-20", "until": "2027-06-30", "reason": None,
        "proof": None,
    }  # fmt: skip
    assert [sorted(one) for one in facts(tmp_path)["13.2"]["proof"]] == [
        ["reference"],
        ["deposited", "file", "kept", "sha256"],
    ]
    assert facts(tmp_path)["4.1"]["reason"] == "Aucun agent\nni usager"
    assert facts(tmp_path)["4.2"]["answer"] == "unknown"


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_exported_whole_comes_back_unchanged(inside: Command, body: Path, tmp_path: Path, kind: str) -> None:
    (tmp_path / "pv.pdf").write_bytes(b"pv")
    outside = tmp_path.parent / f"{tmp_path.name}-dehors.pdf"
    outside.write_bytes(b"dehors")
    evil = '=cmd|"/C calc"!A0  \t<b>&amp; 10 000 €'
    said(
        inside(
            *("attest", "--measure", "13.2", "--answer", "partial", "--by", "DSI", "--reason", evil),
            *("--proof", "pv.pdf", "--proof", str(outside), "--reference", "PV n° 4"),
        )
    )
    before = (tmp_path / "attestations.yaml").read_bytes()
    said(inside("attest", "--export", f"tout.{kind}", "--all"))
    done = inside("attest", "--import", f"tout.{kind}", "--json")
    document = json.loads(done.stdout)
    jsonschema.validate(document, dict(files.schema("attest-import")))

    assert (document["unchanged"], document["added"], document["conflicts"]) == (["13.2"], [], [])
    assert "1 inchangée" in said(done)
    assert (tmp_path / "attestations.yaml").read_bytes() == before


def test_conflicts_are_shown_and_nothing_is_overwritten(inside: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "attestations.yaml").write_text(
        "attestations:\n"
        "  - {measure: 1.1, answer: no, by: DSI, on: 2026-10-01}\n"
        "  - {measure: 13.2, answer: yes, by: DSI, on: 2025-01-01}\n",  # ran out: a later answer renews it
        encoding="utf-8",
    )
    book = save(
        tmp_path / "q.ods", filled(blank("1.1", "1.2", "13.2"), F2="oui", G2="RH", F3="non", F4="oui", G4="DSI")
    )
    text = said(inside("attest", "--import", book.name), 1)

    assert "Conflit, mesure 1.1" in text and "« non » (DSI, 2026-10-01)" in text and "« oui » (RH," in text
    assert "1 nouvelle" in text and "1 renouvelée" in text and "1 en conflit" in text
    assert facts(tmp_path)["1.1"]["answer"] == "no"
    assert facts(tmp_path)["13.2"]["on"] == datetime.datetime.now(datetime.UTC).date().isoformat()

    assert "1 remplacée" in said(inside("attest", "--import", book.name, "--replace"))
    assert facts(tmp_path)["1.1"]["answer"] == "yes"


def test_an_export_never_takes_the_place_of_a_filled_one(inside: Command, body: Path, tmp_path: Path) -> None:
    (tmp_path / "q.ods").write_bytes(b"mes reponses")
    assert "--replace" in said(inside("attest", "--export", "q.ods"), 2)
    assert (tmp_path / "q.ods").read_bytes() == b"mes reponses"


BAD_ROWS = [
    ({"A2": "13.9", "F2": "oui"}, "A2", "13.9"),
    ({"F2": "peut-être"}, "F2", "peut-être"),
    ({"G2": "DSI"}, "F2", "«  »"),
    ({"F2": "oui"}, "F2", "preuve"),
    ({"F2": "sans objet", "G2": "DSI"}, "F2", "raison"),
    ({"F2": "non", "I2": "le 30 février"}, "F2", "30 février"),
    ({"F2": "oui", "G2": "DSI", "J2": "2020-01-01"}, "F2", "précède"),
    ({"F2": "oui", "K2": "absent.pdf"}, "K2", "absent.pdf"),
    ({"F2": "oui", "K2": "../secret.pdf"}, "K2", "../secret.pdf"),
    ({"F2": "oui", "K2": "/etc/hostname"}, "K2", "/etc/hostname"),
    ({"F2": "oui", "K2": "lien.pdf"}, "K2", "lien.pdf"),
    ({"F2": "non", "A3": "1.1", "F3": "oui", "G3": "x"}, "A3", "ligne 2"),
]


def test_every_bad_row_is_one_line_and_nothing_is_taken(inside: Command, body: Path, tmp_path: Path) -> None:
    """All in one workbook too: every fault is told at once, by its cell."""
    secret = tmp_path.parent / "secret.pdf"
    secret.write_bytes(b"secret")
    (tmp_path / "lien.pdf").symlink_to(secret)
    book = tmp_path / "q.ods"
    for cells, place, told in BAD_ROWS:
        save(book, filled(blank("1.1", "1.2", "4.1"), F4="non", **cells))
        grid = read(book)
        with pytest.raises(InputError) as caught:
            questionnaire.filled(grid, book, RECYF, {}, tmp_path, "2026-11-22")
        assert f"Attestations!{place}" in str(caught.value.place), told
        assert told in caught.value.what and caught.value.more == (), told
    save(book, filled(blank("1.1", "1.2"), A2="99.9", F2="oui", F3="bof"))
    text = said(inside("attest", "--import", book.name), 2)

    assert text.count("\n") == 2 and "Attestations!A2" in text and "Attestations!F3" in text
    assert not (tmp_path / "attestations.yaml").exists()
    assert not (tmp_path / ".nis2check").exists()


@pytest.mark.parametrize("kind", FORMATS)
def test_moved_columns_are_refused_by_name(inside: Command, body: Path, tmp_path: Path, kind: str) -> None:
    sheet = blank("1.1")
    columns = (sheet.columns[1], sheet.columns[0], *sheet.columns[2:])
    save(tmp_path / f"q.{kind}", Sheet(sheet.name, columns, filled(sheet, F2="non").rows))
    text = said(inside("attest", "--import", f"q.{kind}"), 2)

    assert "Attestations!A1" in text and "« Mesure » attendu, « Intitulé » lu" in text and text.count("\n") == 1
    for changed in (sheet.columns[:-1], (*sheet.columns, sheet.columns[0]), ()):
        save(tmp_path / f"q.{kind}", Sheet(sheet.name, changed, ()))
        assert "Colonnes déplacées" in said(inside("attest", "--import", f"q.{kind}"), 2)


def test_152_answers_are_taken_and_judged_in_two_seconds(nis2check: Command, tmp_path: Path) -> None:
    """The bound is for the whole process, against that of a bare interpreter on the same machine, which may be loaded."""
    (tmp_path / "nis2check.yaml").write_text("body: {nature: REG, name: Région, population: 5000000}\n")
    sheet = questionnaire.sheet(RECYF.measures.values(), (), {})
    rows = tuple((*row[:5], "oui", "DSI", "", "2026-11-20", "", f"réf. : {row[0]}", "") for row in sheet.rows)
    save(tmp_path / "tout.xlsx", Sheet(sheet.name, sheet.columns, rows))

    def timed(work: Callable[[], Any]) -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    bare = min(timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)) for _ in range(3))
    done: list[subprocess.CompletedProcess[bytes]] = []
    took = timed(lambda: done.append(nis2check("attest", "--no-input", "--import", "tout.xlsx", "--on", "2026-11-22")))

    text = said(done[0])
    assert "152 nouvelles" in text and "152 mesures demandées : 152 attestées" in text
    assert took < 2 * max(1, bare / 0.02), f"{took:.2f} s, bare interpreter {bare:.3f} s"


def test_without_xlsxwriter_it_says_what_to_install(nis2check: Command, body: Path, tmp_path: Path) -> None:
    """A module of that name that cannot be imported stands for one that is not there."""
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / "xlsxwriter.py").write_text("raise ImportError('not here')\n")
    root = Path(__file__).parent.parent
    done = nis2check("attest", "--export", "q.xlsx", PYTHONPATH=f"{tmp_path / 'shadow'}:{root}")

    assert "pip install 'nis2check[xlsx]'" in said(done, 2)
    assert not (tmp_path / "q.xlsx").exists()


def test_excel_s_own_way_of_writing_is_read(inside: Command, body: Path, tmp_path: Path) -> None:
    """openpyxl writes shared strings, real dates and numbers as a spreadsheet does when a person types them."""
    openpyxl = pytest.importorskip("openpyxl")
    sheet = blank("1.1", "1.2")
    book = openpyxl.Workbook()
    page = book.active
    page.title = "Attestations"
    page.append([column.title.replace("'", "’") for column in sheet.columns])
    for row in filled(sheet, F2="oui", G2="DSI", F3="non").rows:
        page.append(row)
    page["I2"] = datetime.datetime(2026, 11, 20)
    page["J2"] = datetime.date(2027, 1, 31)
    page["G3"] = 42
    book.save(tmp_path / "q.xlsx")
    said(inside("attest", "--import", "q.xlsx", "--on", "2026-11-22"))

    assert (facts(tmp_path)["1.1"]["on"], facts(tmp_path)["1.1"]["until"]) == ("2026-11-20", "2027-01-31")
    assert facts(tmp_path)["1.2"]["by"] == "42"


def test_what_we_write_is_read_by_others(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    sheet = filled(blank("1.1"), L2="=1+1", F2="oui")
    page = openpyxl.load_workbook(save(tmp_path / "q.xlsx", sheet))["Attestations"]

    assert [cell.value for cell in page[1]] == [column.title for column in sheet.columns]
    assert (page["A2"].value, page["L2"].value, page["L2"].data_type) == ("1.1", "=1+1", "s")
    assert page.freeze_panes == "A2"
    assert [str(one.sqref) for one in page.data_validations.dataValidation] == ["F2"]


def test_libreoffice_reads_and_writes_it_back(tool: Callable[..., str], tmp_path: Path) -> None:
    office = tool("soffice")
    sheet = filled(blank("1.1", "1.2"), F2="oui", L2="=1+1  deux  espaces\nligne", I3="2026-11-22")
    wanted = read(save(tmp_path / "q.ods", sheet))
    (tmp_path / "out").mkdir()
    profile = f"-env:UserInstallation=file://{tmp_path / 'profile'}"
    for kind in ("xlsx", "ods"):
        command = [office, profile, "--headless", "--convert-to", kind, "--outdir", str(tmp_path / "out")]
        subprocess.run([*command, str(tmp_path / "q.ods")], check=True, capture_output=True, timeout=120)

        assert read(tmp_path / "out" / f"q.{kind}") == wanted, kind
    content = zipfile.ZipFile(tmp_path / "out" / "q.ods").read("content.xml").decode()
    assert "cell-content-is-in-list" in content


def test_the_same_questionnaire_gives_the_same_bytes() -> None:
    sheet = questionnaire.sheet(RECYF.measures.values(), (), {"1.1": Answer("1.1", "no", "2026-01-01")})
    for kind in FORMATS:
        path = Path(f"q.{kind}")
        first = write(path, sheet)
        time.sleep(1.1 if kind == "xlsx" else 0)  # a clock would show
        assert write(path, sheet) == first


def test_columns_have_letters() -> None:
    assert [letters(index) for index in (0, 11, 25, 26, 701, 702)] == ["A", "L", "Z", "AA", "ZZ", "AAA"]


# ------------------------------------------------------------------------------------------------- hostile workbooks


def repacked(path: Path, change: Callable[[str, bytes], bytes | None], *extra: tuple[str, bytes]) -> None:
    """The workbook with each part passed through ``change`` (None: left out) and parts added."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in parts.items():
            if (kept := change(name, data)) is not None:
                new.writestr(name, kept)
        for name, data in extra:
            new.writestr(name, data)


def same(_name: str, data: bytes) -> bytes:
    return data


def in_part(part: str, old: str, new: str) -> Callable[[str, bytes], bytes]:
    return lambda name, data: re.sub(old.encode(), new.encode(), data, count=1) if name == part else data


DTD = '?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'
XXE = '?><!DOCTYPE x SYSTEM "file:///etc/passwd">'
Spoil = Callable[[Path], object]
TEXT_CELL = '<table:table-cell table:style-name="cell" office'


def part(name: str, old: str, new: str) -> Spoil:
    return lambda path: repacked(path, in_part(name, old, new))


def only(name: str, data: bytes | None) -> Spoil:
    """One part replaced, or left out."""
    return lambda path: repacked(path, lambda one, old: data if one == name else old)


def added(name: str) -> Spoil:
    return lambda path: repacked(path, same, (name, b"x"))


CONTENT, SHEET, BOOK = "content.xml", "xl/worksheets/sheet1.xml", "xl/workbook.xml"
FORMULA = r'<c r="B2"\1><f>HYPERLINK("x")</f>'
HOSTILE: list[tuple[str, str, Spoil, str]] = [
    ("ods", "formula", part(CONTENT, TEXT_CELL, TEXT_CELL.replace(" office", ' table:formula="of:=1" office')), "!A2"),
    ("xlsx", "formula", part(SHEET, '<c r="B2"([^>]*)>', FORMULA), "Attestations!B2"),
    ("ods", "basic", added("Basic/Standard/Module1.xml"), "macros"),
    ("ods", "script", added("Scripts/python/x.py"), "macros"),
    ("xlsx", "vba", added("xl/vbaProject.bin"), "macros"),
    ("xlsx", "macro type", part("[Content_Types].xml", "spreadsheetml.sheet.main", "macroEnabled.main"), "macros"),
    ("ods", "dtd", part(CONTENT, r"\?>", DTD), "DTD"),
    ("xlsx", "dtd", part(SHEET, r"\?>", DTD), "DTD"),
    ("xlsx", "external", part(BOOK, r"\?>", XXE), "DTD"),
    ("ods", "zip bomb", only(CONTENT, b" " * (40 << 20)), "Mio"),
    ("ods", "element bomb", only(CONTENT, b"<a>" + b"<b/>" * 500_000 + b"</a>"), "trop d'éléments"),
    ("ods", "deep", only(CONTENT, b"<a>" * 5_000 + b"</a>" * 5_000), "trop d'éléments"),
    (
        "ods",
        "row bomb",
        part(
            CONTENT,
            f"<table:table-row>{TEXT_CELL}",
            f'<table:table-row table:number-rows-repeated="1000000">{TEXT_CELL}',
        ),
        "lignes",
    ),
    (
        "ods",
        "column bomb",
        part(CONTENT, TEXT_CELL, TEXT_CELL.replace(" office", ' table:number-columns-repeated="16384" office')),
        "colonnes",
    ),
    ("xlsx", "far row", part(SHEET, '<row r="2"', '<row r="1048576"'), "lignes"),
    ("xlsx", "far column", part(SHEET, 'r="B2"', 'r="XFD2"'), "colonnes"),
    ("ods", "many parts", lambda path: repacked(path, same, *((f"x{i}", b"") for i in range(1100))), "parties"),
    ("ods", "no content", only(CONTENT, None), "content.xml"),
    ("xlsx", "no workbook", only(BOOK, None), "xl/workbook.xml"),
    ("ods", "bad xml", part(CONTENT, "</office:body>", ""), "XML"),
    ("ods", "bad encoding", part(CONTENT, "UTF-8", "KLINGON"), "XML"),
    (
        "ods",
        "encrypted",
        part("META-INF/manifest.xml", "</manifest:man", "<manifest:encryption-data/></manifest:man"),
        "mot de passe",
    ),
    ("xlsx", "ole", lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 600), "mot de passe"),
    ("xlsx", "truncated", lambda path: path.write_bytes(path.read_bytes()[:-200]), "tronqué"),
    (
        "ods",
        "renamed",
        lambda path: path.write_bytes(path.read_bytes().replace(b"content.xml", b"content.xmz")),
        "content.xml",
    ),
    ("xlsx", "not a zip", lambda path: path.write_bytes(b"Mesure;Reponse\n"), "classeur"),
    ("ods", "empty", lambda path: path.write_bytes(b""), "classeur"),
]


@pytest.mark.parametrize(("kind", "what", "spoil", "told"), HOSTILE, ids=[f"{one[0]}-{one[1]}" for one in HOSTILE])
def test_a_hostile_workbook_is_one_clear_line(tmp_path: Path, kind: str, what: str, spoil: Spoil, told: str) -> None:
    book = save(tmp_path / f"q.{kind}", filled(blank("1.1", "1.2"), F2="non"))
    before = book.read_bytes()
    spoil(book)
    assert book.read_bytes() != before, "nothing was spoiled"
    start = time.perf_counter()
    with pytest.raises(InputError) as caught:
        questionnaire.filled(read(book), book, RECYF, {}, tmp_path, "2026-11-22")

    assert told in f"{caught.value.place} {caught.value.what}"
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize("name", ["q.xlsm", "q.xls", "q.csv", "q"])
def test_other_kinds_of_files_are_refused_by_name(inside: Command, body: Path, tmp_path: Path, name: str) -> None:
    save(tmp_path / "q.xlsx", filled(blank("1.1"), F2="non"))
    shutil.move(tmp_path / "q.xlsx", tmp_path / name)
    text = said(inside("attest", "--import", name), 2)

    assert name in text and text.count("\n") == 1
