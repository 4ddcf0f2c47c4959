# SPDX-License-Identifier: EUPL-1.2
"""What a spreadsheet is to us: one table of text, its header first. Formats are told by the file name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nis2check.errors import InputError, Place
from nis2check.language import _

MOST_ROWS = 5_000
MOST_COLUMNS = 64
TITLES_BELOW = 6  # row of the titles of a sheet that begins with some lines of text, from 1

_ILLEGAL = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold (2.2)

Grid = tuple[tuple[str, ...], ...]  # rows of cells as text, dates as 2026-11-22; ragged, without trailing empty cells


@dataclass(frozen=True, slots=True)
class Column:
    """A column to write: its title, its width in characters, and the words its cells are chosen from, if they are."""

    title: str
    width: int
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table to write. Cells are text and stay text: nothing is ever a formula. ``above``: lines of text over the titles,
    which then stand in row ``TITLES_BELOW``."""

    name: str
    columns: tuple[Column, ...]
    rows: Grid
    above: tuple[str, ...] = ()

    @property
    def head(self) -> int:
        """The row of the titles, from 0."""
        return TITLES_BELOW - 1 if self.above else 0


def letters(column: int) -> str:
    """``A`` for 0, ``Z`` for 25, ``AA`` for 26."""
    out = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        out = chr(65 + rest) + out
    return out


def kind_of(path: Path) -> str:
    """``ods`` or ``xlsx`` by the end of the name. Raises InputError, with the reason for what is refused on purpose."""
    suffix = path.suffix.lower()
    if suffix in {".ods", ".xlsx"}:
        return suffix[1:]
    what = _("Classeur attendu : un fichier .ods ou .xlsx.")
    if suffix in {".xlsm", ".xltm", ".xlsb"}:
        what = _("Classeur à macros refusé ({suffix}) : l'enregistrer en .xlsx ou .ods.").format(suffix=suffix)
    elif suffix == ".xls":
        what = _("Ancien format Excel refusé (.xls) : l'enregistrer en .xlsx ou .ods.")
    raise InputError(what, place=Place(str(path)))


def read(path: Path) -> Mapping[str, Grid]:
    """The sheets of a workbook by name, in its order. Raises InputError: not a workbook, macros, a formula (its cell is
    named), protected, truncated, or larger than a questionnaire can be."""
    from nis2check.sheets import ods, xlsx

    return ods.read(path) if kind_of(path) == "ods" else xlsx.read(path)


def write(path: Path, sheet: Sheet) -> bytes:
    """The bytes of a workbook of one sheet, in the format of the name. The same sheet, the same bytes.

    Raises InputError: unknown format, or XlsxWriter is missing.
    """
    return book(kind_of(path), (sheet,))


def book(kind: str, sheets: Sequence[Sheet]) -> bytes:
    """The bytes of a workbook ``ods`` or ``xlsx`` of sheets whose names differ. Raises InputError: XlsxWriter is missing."""
    from nis2check.sheets import ods, xlsx

    legal = tuple(
        replace(sheet, rows=tuple(tuple(_ILLEGAL.sub("?", cell) for cell in row) for row in sheet.rows))
        for sheet in sheets
    )
    return ods.write(legal) if kind == "ods" else xlsx.write(legal)
