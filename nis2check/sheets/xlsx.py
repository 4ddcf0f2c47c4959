# SPDX-License-Identifier: EUPL-1.2
"""Excel workbooks (ECMA-376): read with the standard library alone, written by XlsxWriter when the extra ``xlsx`` is there."""

from __future__ import annotations

import datetime
import io
import posixpath
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

from nis2check.errors import InputError
from nis2check.language import _
from nis2check.sheets.package import Package
from nis2check.sheets.sheet import MOST_COLUMNS, MOST_ROWS, Grid, Sheet

_RELATION = "http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_CELL = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})\Z")
_DATE_FORMATS = frozenset(range(14, 18)) | {22} | frozenset(range(27, 37)) | frozenset(range(50, 59))
_LAST_SERIAL = 2_958_465  # 31 December 9999
_LINE = 15  # points
_MOST_LINES = 12  # of one row: the rest of a long cell is read in the cell


# ---------------------------------------------------------------------------------------------------------- reading


def read(path: Path) -> dict[str, Grid]:
    """The sheets by name. Raises InputError (see ``sheet.read``)."""
    with Package(path) as package:
        if b"macroEnabled" in package.part("[Content_Types].xml"):
            raise package.fault(_("Classeur à macros refusé : l'enregistrer sans macros."))
        workbook = package.tree("xl/workbook.xml")
        places = _relations(package)
        reader = _Reader(package, workbook)
        out: dict[str, Grid] = {}
        for sheet in workbook.iterfind("sheets/sheet"):
            relation = sheet.get(_RELATION) or sheet.get(_STRICT_RELATION) or ""
            name = sheet.get("name", "")
            if "worksheets/" in places.get(relation, ""):  # not a chart or dialog sheet
                out[name] = reader.grid(name, places[relation])
        return out


def _relations(package: Package) -> dict[str, str]:
    """Relation id → the part of the package it names."""
    tree = package.tree("xl/_rels/workbook.xml.rels")
    return {
        one.get("Id", ""): posixpath.normpath(posixpath.join("/xl", one.get("Target", ""))).lstrip("/")
        for one in tree.iterfind("Relationship")
    }


class _Reader:
    """What the cells of a workbook point to: its shared strings, which of its styles are dates, and its first day."""

    def __init__(self, package: Package, workbook: Element) -> None:
        self._package = package
        properties = workbook.find("workbookPr")
        old_mac = properties is not None and properties.get("date1904") in {"1", "true"}
        self._epoch = datetime.date(1904, 1, 1) if old_mac else datetime.date(1899, 12, 30)
        self._strings = self._shared() if package.has("xl/sharedStrings.xml") else []
        self._dates = self._date_styles() if package.has("xl/styles.xml") else set()

    def _shared(self) -> list[str]:
        return [_text(item) for item in self._package.tree("xl/sharedStrings.xml").iterfind("si")]

    def _date_styles(self) -> set[str]:
        styles = self._package.tree("xl/styles.xml")
        own = {
            one.get("numFmtId", "")
            for one in styles.iterfind("numFmts/numFmt")
            if re.search("[yYdD]", re.sub(r'"[^"]*"|\[[^\]]*\]|\\.', "", one.get("formatCode", "")))
        }
        known = own | {str(number) for number in _DATE_FORMATS}
        return {str(index) for index, one in enumerate(styles.iterfind("cellXfs/xf")) if one.get("numFmtId") in known}

    def grid(self, name: str, part: str) -> Grid:
        rows: dict[int, dict[int, str]] = {}
        for row, column, cell in self._cells(name, self._package.tree(part)):
            if value := self._value(cell, name):
                rows.setdefault(row, {})[column] = value
        if not rows:
            return ()
        if max(rows) >= MOST_ROWS:
            raise self._package.fault(_("Feuille refusée : plus de {n} lignes.").format(n=MOST_ROWS), name)
        if max(max(row) for row in rows.values()) >= MOST_COLUMNS:
            raise self._package.fault(_("Feuille refusée : plus de {n} colonnes.").format(n=MOST_COLUMNS), name)
        return tuple(_filled(rows.get(index, {})) for index in range(max(rows) + 1))

    def _cells(self, name: str, sheet: Element) -> Iterator[tuple[int, int, Element]]:
        """Row, column (from 0) and element of every cell. A cell without a reference follows the one before it."""
        number = -1
        for row in sheet.iterfind("sheetData/row"):
            said = row.get("r", "")
            number = int(said) - 1 if said.isdigit() and 0 < len(said) < 8 else number + 1
            column = -1
            for cell in row.iterfind("c"):
                match = _CELL.match(cell.get("r", ""))
                column = _column(match[1]) if match else column + 1
                yield number, column, cell

    def _value(self, cell: Element, name: str) -> str:
        if cell.find("f") is not None:
            where = f"{name}!{cell.get('r', '')}"
            raise self._package.fault(_("Formule refusée : coller sa valeur à la place."), where)
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            inline = cell.find("is")
            return _text(inline).strip() if inline is not None else ""
        raw = (cell.findtext("v") or "").strip()
        if kind == "s":
            known = raw.isdigit() and len(raw) < 9 and int(raw) < len(self._strings)
            return self._strings[int(raw)].strip() if known else ""
        if kind == "d":
            return raw[:10]
        return self._day(raw) if kind == "n" and cell.get("s", "0") in self._dates else raw

    def _day(self, serial: str) -> str:
        """A serial number as a day; whatever cannot be one comes back as it is, to be refused as a date."""
        try:
            days = int(float(serial))
        except (ValueError, OverflowError):
            return serial
        return (self._epoch + datetime.timedelta(days=days)).isoformat() if 0 < days <= _LAST_SERIAL - 1462 else serial


def _column(name: str) -> int:
    number = 0
    for one in name:
        number = number * 26 + ord(one) - 64
    return number - 1


def _filled(cells: dict[int, str]) -> tuple[str, ...]:
    return tuple(cells.get(index, "") for index in range(max(cells) + 1)) if cells else ()


def _text(item: Element) -> str:
    """The text of a string item: plain or in runs; reading aids (``rPh``) are not part of it."""
    out = [child.text or "" for child in item if child.tag == "t"]
    out += [child.findtext("t") or "" for child in item if child.tag == "r"]
    return "".join(out).replace("\r\n", "\n").replace("_x000D_", "")


# ---------------------------------------------------------------------------------------------------------- writing


def write(sheets: Sequence[Sheet]) -> bytes:
    """A workbook, as ``ods.write`` makes it. Raises InputError when XlsxWriter is not installed."""
    try:
        import xlsxwriter  # 25 ms, and an extra
    except ImportError:
        raise InputError(
            _("Écrire du .xlsx demande XlsxWriter : pip install 'nis2check[xlsx]' (ou exporter en .ods).")
        ) from None
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"created": datetime.datetime(1980, 1, 1), "author": "", "title": sheets[0].name})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "num_format": "@"})
    body = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    line = book.add_format({"num_format": "@"})  # not wrapped: it runs over the empty cells beside it
    for sheet in sheets:
        page = book.add_worksheet(sheet.name)
        for number, text in enumerate(sheet.above):
            page.write_string(number, 0, text, line)
        _write_sheet(page, sheet, head, body)
    book.close()
    return out.getvalue()


def _write_sheet(page: Any, sheet: Sheet, head: object, body: object) -> None:
    _write_rows(page, [column.title for column in sheet.columns], sheet.head, head)
    first = sheet.head + 1
    for number, row in enumerate(sheet.rows, first):
        _write_rows(page, row, number, body)
        page.set_row(number, _LINE * _lines(row, sheet))
    for index, column in enumerate(sheet.columns):
        page.set_column(index, index, column.width, body)
        if column.choices:
            words = {"validate": "list", "source": list(column.choices)}
            page.data_validation(first, index, max(first, sheet.head + len(sheet.rows)), index, words)
    page.freeze_panes(first, 0)
    page.repeat_rows(sheet.head)
    page.set_landscape()
    page.fit_to_pages(1, 0)


def _lines(row: Sequence[str], sheet: Sheet) -> int:
    """About how many lines a row takes, wrapped: Excel measures it on opening, LibreOffice does not."""
    taken = [
        sum(1 + max(0, len(line) - 1) // column.width for line in cell.split("\n"))
        for cell, column in zip(row, sheet.columns, strict=False)
    ]
    return min(max(taken, default=1), _MOST_LINES)


def _write_rows(page: Any, row: Sequence[str], number: int, style: object) -> None:
    for index, text in enumerate(row):
        if text:
            page.write_string(number, index, text, style)
        else:
            page.write_blank(number, index, None, style)
