# SPDX-License-Identifier: EUPL-1.2
"""OpenDocument spreadsheets (OASIS ODF 1.3), both ways, with the standard library alone."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from nis2check.language import _
from nis2check.sheets.package import Package
from nis2check.sheets.sheet import MOST_COLUMNS, MOST_ROWS, Grid, Sheet, letters

MIME = "application/vnd.oasis.opendocument.spreadsheet"
_NS = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _OFFICE, _TEXT = f"{_NS}table:1.0}}", f"{_NS}office:1.0}}", f"{_NS}text:1.0}}"


# ---------------------------------------------------------------------------------------------------------- reading


def read(path: Path) -> dict[str, Grid]:
    """The sheets by name. Raises InputError (see ``sheet.read``)."""
    with Package(path) as package:
        if package.has("META-INF/manifest.xml") and b"encryption-data" in package.part("META-INF/manifest.xml"):
            raise package.fault(_("Classeur protégé par un mot de passe : l'enregistrer sans."))
        body = package.tree("content.xml").find("body/spreadsheet")
        if body is None:
            raise package.fault(_("Ce n'est pas un classeur OpenDocument."))
        return {table.get(f"{_TABLE}name", ""): _grid(package, table) for table in body.iterfind("table")}


def _grid(package: Package, table: Element) -> Grid:
    name = table.get(f"{_TABLE}name", "")
    rows: list[tuple[str, ...]] = []
    for row in _rows(table):
        cells = _cells(package, row, f"{name}!", len(rows))
        times = _repeated(row, "number-rows-repeated")
        if not cells and len(rows) + times > MOST_ROWS:  # the empty rest of a sheet, a million rows in one element
            break
        if len(rows) + times > MOST_ROWS:
            raise package.fault(_("Feuille refusée : plus de {n} lignes.").format(n=MOST_ROWS), name)
        rows += [cells] * times
    while rows and not rows[-1]:
        rows.pop()
    return tuple(rows)


def _rows(table: Element) -> Iterator[Element]:
    """Rows in order, also those of groups and of the header; never those of a table inside a cell."""
    for child in table:
        if child.tag == "table-row":
            yield child
        elif child.tag in {"table-rows", "table-header-rows", "table-row-group"}:
            yield from _rows(child)


def _cells(package: Package, row: Element, sheet: str, number: int) -> tuple[str, ...]:
    out: list[str] = []
    for cell in row:
        if cell.tag not in {"table-cell", "covered-table-cell"}:
            continue
        if f"{_TABLE}formula" in cell.attrib:
            where = f"{sheet}{letters(len(out))}{number + 1}"
            raise package.fault(_("Formule refusée : coller sa valeur à la place."), where)
        value = _value(cell)
        times = _repeated(cell, "number-columns-repeated")
        if value and len(out) + times > MOST_COLUMNS:
            raise package.fault(_("Feuille refusée : plus de {n} colonnes.").format(n=MOST_COLUMNS), sheet.rstrip("!"))
        out += [value] * min(times, MOST_COLUMNS - len(out) + 1)
    while out and not out[-1]:
        out.pop()
    return tuple(out)


def _repeated(element: Element, name: str) -> int:
    text = element.get(f"{_TABLE}{name}", "1")
    return max(1, int(text)) if text.isdigit() and len(text) < 9 else 1


def _value(cell: Element) -> str:
    if date := cell.get(f"{_OFFICE}date-value"):
        return date[:10]
    paragraphs = [_text(child) for child in cell if child.tag == "p"]  # not those of a comment, which lie deeper
    text = "\n".join(paragraphs).strip()
    if cell.get(f"{_OFFICE}value-type") == "float" and f"{_OFFICE}value" in cell.attrib:
        return cell.attrib[f"{_OFFICE}value"]  # the number itself, not how a locale shows it
    return text or cell.get(f"{_OFFICE}string-value", "").strip()


def _text(element: Element) -> str:
    out = element.text or ""
    for child in element:
        match child.tag:
            case "s":
                count = child.get(f"{_TEXT}c", "1")
                out += " " * (min(int(count), 1000) if count.isdigit() and len(count) < 9 else 1)
            case "tab":
                out += "\t"
            case "line-break":
                out += "\n"
            case "annotation" | "note" | "ruby-text":
                pass
            case _:
                out += _text(child)
        out += child.tail or ""
    return out


# ---------------------------------------------------------------------------------------------------------- writing

_STYLES = """\
<?xml version="1.0" encoding="UTF-8"?>
<office:document-styles xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" \
xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" \
xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.3">\
<office:styles><style:default-style style:family="table-cell">\
<style:text-properties fo:language="fr" fo:country="FR"/></style:default-style></office:styles></office:document-styles>
"""
_MANIFEST = """\
<?xml version="1.0" encoding="UTF-8"?>
<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">\
<manifest:file-entry manifest:full-path="/" manifest:version="1.3" manifest:media-type="{mime}"/>\
<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>\
<manifest:file-entry manifest:full-path="styles.xml" manifest:media-type="text/xml"/>\
<manifest:file-entry manifest:full-path="settings.xml" manifest:media-type="text/xml"/></manifest:manifest>
"""
# Row 1 of each sheet stays in sight: mode 2 freezes, at the first row.
_SETTINGS = """\
<?xml version="1.0" encoding="UTF-8"?>
<office:document-settings xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" \
xmlns:config="urn:oasis:names:tc:opendocument:xmlns:config:1.0" office:version="1.3"><office:settings>\
<config:config-item-set config:name="ooo:view-settings"><config:config-item-map-indexed config:name="Views">\
<config:config-item-map-entry><config:config-item-map-named config:name="Tables">\
{sheets}</config:config-item-map-named></config:config-item-map-entry>\
</config:config-item-map-indexed></config:config-item-set></office:settings></office:document-settings>
"""
_FROZEN = """\
<config:config-item-map-entry config:name={name}>\
<config:config-item config:name="VerticalSplitMode" config:type="short">2</config:config-item>\
<config:config-item config:name="VerticalSplitPosition" config:type="int">1</config:config-item>\
<config:config-item config:name="ActiveSplitRange" config:type="short">2</config:config-item>\
<config:config-item config:name="PositionBottom" config:type="int">1</config:config-item>\
</config:config-item-map-entry>"""
_CONTENT_HEAD = """\
<?xml version="1.0" encoding="UTF-8"?>
<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" \
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" \
xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:of="urn:oasis:names:tc:opendocument:xmlns:of:1.2" \
xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.3"><office:automatic-styles>\
<style:style style:name="cell" style:family="table-cell"><style:table-cell-properties fo:wrap-option="wrap" \
style:vertical-align="top"/></style:style>\
<style:style style:name="head" style:family="table-cell"><style:table-cell-properties fo:wrap-option="wrap"/>\
<style:text-properties fo:font-weight="bold"/></style:style>"""


def write(sheets: Sequence[Sheet]) -> bytes:
    """A workbook: the first row of each sheet frozen and bold, wrapped text, choices offered by the cell."""
    out = io.BytesIO()
    frozen = "".join(_FROZEN.format(name=quoteattr(sheet.name)) for sheet in sheets)
    with zipfile.ZipFile(out, "w") as archive:
        parts = {
            "mimetype": MIME,  # first and bare, so that the file can be told by its first bytes (ODF 1.3 part 2, 3.3)
            "content.xml": _content(sheets),
            "styles.xml": _STYLES,
            "settings.xml": _SETTINGS.format(sheets=frozen),
            "META-INF/manifest.xml": _MANIFEST.format(mime=MIME),
        }
        for name, text in parts.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(info, text)
    return out.getvalue()


def _content(sheets: Sequence[Sheet]) -> str:
    widths = "".join(
        f'<style:style style:name="w{number}.{index}" style:family="table-column">'
        f'<style:table-column-properties style:column-width="{column.width * 0.2:.1f}cm"/></style:style>'
        for number, sheet in enumerate(sheets)
        for index, column in enumerate(sheet.columns)
    )
    validations = "".join(
        _validation(sheet.name, number, index, column.choices)
        for number, sheet in enumerate(sheets)
        for index, column in enumerate(sheet.columns)
        if column.choices
    )
    tables = "".join(_table(sheet, number) for number, sheet in enumerate(sheets))
    return (
        f"{_CONTENT_HEAD}{widths}</office:automatic-styles><office:body><office:spreadsheet>"
        + (f"<table:content-validations>{validations}</table:content-validations>" if validations else "")
        + f"{tables}</office:spreadsheet></office:body></office:document-content>\n"
    )


def _table(sheet: Sheet, number: int) -> str:
    choices = {index: f"v{number}.{index}" for index, column in enumerate(sheet.columns) if column.choices}
    columns = "".join(
        f'<table:table-column table:style-name="w{number}.{index}" table:default-cell-style-name="cell"/>'
        for index in range(len(sheet.columns))
    )
    head = "".join(_cell(column.title, "head") for column in sheet.columns)
    rows = "".join(_row(row, choices) for row in sheet.rows)
    return (
        f"<table:table table:name={quoteattr(sheet.name)}>{columns}"
        f"<table:table-header-rows><table:table-row>{head}</table:table-row></table:table-header-rows>"
        f"{rows}</table:table>"
    )


def _validation(sheet: str, number: int, index: int, words: tuple[str, ...]) -> str:
    quoted = ";".join('"' + word.replace('"', '""') + '"' for word in words)
    condition = quoteattr(f"of:cell-content-is-in-list({quoted})")
    base = quoteattr(f"$'{sheet}'.${letters(index)}$2")
    return (
        f'<table:content-validation table:name="v{number}.{index}" table:condition={condition} table:allow-empty-cell="true" '
        f'table:display-list="unsorted" table:base-cell-address={base}/>'
    )


def _row(row: tuple[str, ...], choices: Mapping[int, str]) -> str:
    cells = "".join(_cell(text, "cell", choices.get(index, "")) for index, text in enumerate(row))
    return f"<table:table-row>{cells}</table:table-row>"


def _cell(text: str, style: str, validation: str = "") -> str:
    attributes = f' table:style-name="{style}"' + (
        f' table:content-validation-name="{validation}"' if validation else ""
    )
    if not text:
        return f"<table:table-cell{attributes}/>"
    paragraphs = "".join(f"<text:p>{_spaced(line)}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell{attributes} office:value-type="string">{paragraphs}</table:table-cell>'


def _spaced(line: str) -> str:
    """Text for an ODF paragraph, where a run of spaces counts for one (ODF 1.3 part 3, 6.1.2)."""
    return escape(line).replace("\t", "<text:tab/>").replace("  ", " <text:s/>")
