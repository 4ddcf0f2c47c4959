# SPDX-License-Identifier: EUPL-1.2
"""One line a finding, for a spreadsheet: by default with BOM and ``;``, which a French Excel opens by double click."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from nis2check.language import speaking
from nis2check.model import Json
from nis2check.report import table

NAME = "csv"
SUFFIX = ".csv"
MEDIA = "text/csv; charset=utf-8"


class Dialect(NamedTuple):
    """How cells are set apart; both quote as RFC 4180 2.5 to 2.7 says and end lines with CRLF."""

    delimiter: str
    encoding: str


DIALECTS: Mapping[str, Dialect] = {"excel-fr": Dialect(";", "utf-8-sig"), "rfc4180": Dialect(",", "utf-8")}
USUAL = "excel-fr"


def render(document: Mapping[str, Json], lang: str, dialect: str = USUAL) -> bytes:
    """The table of all findings, worst first, in one of `DIALECTS`."""
    import csv
    import io

    chosen = DIALECTS[dialect]
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=chosen.delimiter, lineterminator="\r\n")
    with speaking(lang):
        found = table.found(document, lang)
        writer.writerow(found.titles)
        writer.writerows(found.rows)
    return out.getvalue().encode(chosen.encoding, "backslashreplace")
