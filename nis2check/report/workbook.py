# SPDX-License-Identifier: EUPL-1.2
"""The tables of a result as the sheets of a workbook: first row of titles, no merged cell, no formula, no meaning by colour."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.language import speaking
from nis2check.model import Json
from nis2check.report import table
from nis2check.report.table import Table
from nis2check.sheets.sheet import Column, Sheet, book


def render(document: Mapping[str, Json], lang: str, kind: str) -> bytes:
    """A workbook ``ods`` or ``xlsx``; the same result, the same bytes."""
    with speaking(lang):
        return book(kind, [_sheet(one) for one in table.all_tables(document, lang)])


def _sheet(one: Table) -> Sheet:
    columns = tuple(Column(title, width) for title, width in one.columns)
    return Sheet(one.name, columns, tuple(one.rows))
