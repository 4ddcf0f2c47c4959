# SPDX-License-Identifier: EUPL-1.2
"""An Excel workbook (extra ``xlsx``): the same sheets as the OpenDocument one."""

from __future__ import annotations

from collections.abc import Mapping

from nis2check.model import Json
from nis2check.report import workbook

NAME = "xlsx"
SUFFIX = ".xlsx"
MEDIA = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def render(document: Mapping[str, Json], lang: str) -> bytes:
    """Findings, plan, objectives, what could not be seen. Raises InputError when XlsxWriter is not installed."""
    return workbook.render(document, lang, "xlsx")
